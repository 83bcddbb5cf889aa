package store

import "bytes"

// Pages have no checksum, so a damaged key or page number can make a search miss
// what is there. But a key that misleads a binary search is where that search
// ends. So what is not found is believed to be absent only after a look at what
// lies beside the place where it would be.

// childPage returns the child of branch element i. It starts with the key under
// which its parent has it: bbolt writes both together.
func (p pager) childPage(pg *page, i int) (page, error) {
	c, err := p.page(pg.child(i))
	if err != nil || c.count == 0 {
		return c, err
	}
	want, err := pg.key(i)
	if err != nil {
		return page{}, err
	}
	got, err := c.key(0)
	if err != nil {
		return page{}, err
	}
	if !bytes.Equal(got, want) {
		return page{}, damaged("page %d starts with another key than page %d has for it", c.id, pg.id)
	}
	return c, nil
}

// absent checks that key, which was looked for in what is committed of bucket b
// and not found, is not there: that the last entry before its place and the
// first one behind are sound, and are neighbours. before and behind say which of
// the two the caller has not verified itself.
func (tx *Tx) absent(b Bucket, key []byte, before, behind bool) error {
	p := tx.pager
	pg, err := p.rootPage(tx.trees[b])
	if err != nil {
		return err
	}
	// The sums are read from this bucket themselves, and do not count theirs.
	if pg.leaf && b != Metas && uint64(pg.count) != tx.sums.buckets[b].count {
		return damaged("%d entries are there, %d were stored", pg.count, tx.sums.buckets[b].count)
	}
	var parent page // of the first entry behind the leaf
	next := 0
	for depth := 0; !pg.leaf; depth++ {
		i, equal, err := pg.search(key)
		if err != nil {
			return err
		}
		if !equal && i > 0 {
			i--
		}
		if i+1 < pg.count {
			parent, next = pg, i+1
		}
		if depth == maxDepth {
			return damaged("page %d is deeper than %d", pg.id, maxDepth)
		}
		if pg, err = p.childPage(&pg, i); err != nil {
			return err
		}
	}
	i, _, err := pg.search(key)
	if err != nil {
		return err
	}
	if i > 0 && before {
		if err := tx.verify(b, &pg, i-1); err != nil {
			return err
		}
	}
	if i < pg.count {
		if !behind {
			return nil
		}
		return tx.verify(b, &pg, i)
	}
	if next > 0 {
		_, err = p.childPage(&parent, next)
	}
	return err
}

// verify checks element i of a leaf of b.
func (tx *Tx) verify(b Bucket, pg *page, i int) error {
	key, sealed, flags, err := pg.entry(i)
	if err == nil && flags != 0 {
		err = damaged("element %d of page %d has flags %#x", i, pg.id, flags)
	}
	if err != nil {
		return err
	}
	_, err = tx.open(b, key, sealed)
	return err
}
