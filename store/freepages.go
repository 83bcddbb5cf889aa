package store

// pageSet is a set of page ids.
type pageSet []uint64

func newPageSet(n uint64) pageSet { return make(pageSet, (n+63)/64) }

// add adds page id and reports whether it was not in the set.
func (s pageSet) add(id uint64) bool {
	bit := uint64(1) << (id & 63)
	was := s[id>>6]&bit != 0
	s[id>>6] |= bit
	return !was
}

func (s pageSet) has(id uint64) bool { return s[id>>6]&(1<<(id&63)) != 0 }

// addRange adds the pages of a branch or leaf page, or the free list, with its
// overflow, and returns an error if one of them is in use already. They must
// lie in the file, as raw checks.
func (s pageSet) addRange(id, overflow uint64) error {
	for i := id; i <= id+overflow; i++ {
		if !s.add(i) {
			return damaged("page %d is used twice", i)
		}
	}
	return nil
}

// use adds all pages of tree t to the set.
func (p pager) use(s pageSet, t tree) error {
	if t.root == 0 {
		return nil
	}
	return p.usePage(s, t.root, 0)
}

func (p pager) usePage(s pageSet, id uint64, depth int) error {
	pg, err := p.page(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damaged("page %d is deeper than %d", id, maxDepth)
	}
	if err := s.addRange(id, pg.overflow); err != nil {
		return err
	}
	if pg.leaf {
		return nil
	}
	for i := range pg.count {
		if err := p.usePage(s, pg.child(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// writable checks what bbolt relies on when it writes: that the list of free
// pages is well formed and names no page that is in use, which the next commit
// would overwrite. It looks at the header of every page in use.
func (tx *Tx) writable(freelist uint64) error {
	p := tx.pager
	free, overflow, err := p.freelist(freelist)
	if err != nil {
		return err
	}
	used := newPageSet(p.pages())
	if err := used.addRange(freelist, overflow); err != nil {
		return err
	}
	for _, t := range append(tx.trees[:], tx.root) {
		if err := p.use(used, t); err != nil {
			return err
		}
	}
	for i := 0; i < len(free); i += 8 {
		if id := native.Uint64(free[i:]); used.has(id) {
			return damaged("page %d is in use and in the list of free pages", id)
		}
	}
	return nil
}
