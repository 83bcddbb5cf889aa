package store

import "bytes"

// treeCursor walks the entries of one tree as it lies in the file. Keys come in
// ascending order or not at all: a page out of order is an error.
type treeCursor struct {
	p     pager
	t     tree
	stack []frame // root to leaf; empty: not positioned
	buf   [6]frame
}

// frame is a page on the way to the current entry.
type frame struct {
	page  page
	index int
}

// top returns the leaf's frame.
func (c *treeCursor) top() *frame { return &c.stack[len(c.stack)-1] }

// push adds page id to the stack.
func (c *treeCursor) push(pg page) error {
	if len(c.stack) > maxDepth {
		return damaged("page %d is deeper than %d", pg.id, maxDepth)
	}
	c.stack = append(c.stack, frame{page: pg})
	return nil
}

// reset puts only the root on the stack.
func (c *treeCursor) reset() error {
	c.stack = c.buf[:0]
	pg, err := c.p.rootPage(c.t)
	if err != nil {
		return err
	}
	return c.push(pg)
}

// down goes from the current element of a branch to its child, until a leaf is
// reached, on the side that choose says.
func (c *treeCursor) down(choose func(*page) (int, error)) error {
	for {
		f := c.top()
		i, err := choose(&f.page)
		if err != nil {
			return err
		}
		f.index = i
		if f.page.leaf {
			return nil
		}
		pg, err := c.p.childPage(&f.page, i)
		if err != nil {
			return err
		}
		if err := c.push(pg); err != nil {
			return err
		}
	}
}

func firstElement(*page) (int, error)   { return 0, nil }
func lastElement(pg *page) (int, error) { return pg.count - 1, nil }

// last moves to the last entry.
func (c *treeCursor) last() (bool, error) {
	if err := c.reset(); err != nil {
		return false, err
	}
	if err := c.down(lastElement); err != nil {
		return false, err
	}
	if c.top().index < 0 {
		return c.prev()
	}
	return true, nil
}

// seek moves to the first entry whose key is >= key.
func (c *treeCursor) seek(key []byte) (bool, error) {
	if err := c.reset(); err != nil {
		return false, err
	}
	err := c.down(func(pg *page) (int, error) {
		i, equal, err := pg.search(key)
		if !pg.leaf && !equal && i > 0 {
			i--
		}
		return i, err
	})
	if err != nil {
		return false, err
	}
	if f := c.top(); f.index >= f.page.count {
		return c.next()
	}
	return true, nil
}

// next moves to the following entry.
func (c *treeCursor) next() (bool, error) { return c.step(1, firstElement) }

// prev moves to the entry before.
func (c *treeCursor) prev() (bool, error) { return c.step(-1, lastElement) }

// step moves by one entry. At the end of the tree the cursor has no position.
func (c *treeCursor) step(by int, side func(*page) (int, error)) (bool, error) {
	for {
		for len(c.stack) > 0 {
			f := c.top()
			if i := f.index + by; i >= 0 && i < f.page.count {
				f.index = i
				break
			}
			c.stack = c.stack[:len(c.stack)-1]
		}
		if len(c.stack) == 0 {
			return false, nil
		}
		if f := c.top(); !f.page.leaf {
			pg, err := c.p.childPage(&f.page, f.index)
			if err == nil {
				err = c.push(pg)
			}
			if err == nil {
				err = c.down(side)
			}
			if err != nil {
				return false, err
			}
			if c.top().page.count == 0 {
				continue
			}
		}
		return true, nil
	}
}

// entry returns the current key and sealed value.
func (c *treeCursor) entry() (key, sealed []byte, err error) {
	f := c.top()
	key, sealed, flags, err := f.page.entry(f.index)
	if err == nil && flags != 0 {
		err = damaged("element %d of page %d has flags %#x", f.index, f.page.id, flags)
	}
	return key, sealed, err
}

// A Cursor walks a bucket in ascending or descending order of its keys, seeing
// the changes that its own transaction has made so far, also those made while
// it walks. Each method returns the entry it moved to, with the value verified;
// the key is nil where there is none, and the cursor then has no position: Next
// and Prev go on returning nil. Keys and values are valid until the end of the
// transaction. After an error the position is undefined. A Cursor is for one
// goroutine.
type Cursor struct {
	tx     *Tx
	bucket Bucket
	base   treeCursor
	key    []byte // current key, nil without a position
}

// Cursor returns a cursor over bucket b without a position.
func (tx *Tx) Cursor(b Bucket) *Cursor {
	c := &Cursor{tx: tx, bucket: b}
	c.base.p, c.base.t = tx.pager, tx.trees[b]
	return c
}

// First moves to the first entry.
func (c *Cursor) First() (key, value []byte, err error) { return c.Seek(nil) }

// Seek moves to the first entry whose key is >= key.
func (c *Cursor) Seek(key []byte) (k, value []byte, err error) {
	k, value, err = c.up(key)
	if err == nil && (k == nil || !bytes.Equal(k, key)) {
		err = c.absent(key, true, false)
	}
	return k, value, err
}

// absent is that of the transaction, for a cursor that has no position after an
// error.
func (c *Cursor) absent(key []byte, before, behind bool) error {
	err := c.tx.absent(c.bucket, key, before, behind)
	if err != nil {
		c.key = nil
		err = damagedAt(c.bucket, key, err)
	}
	return err
}

// Last moves to the last entry.
func (c *Cursor) Last() (key, value []byte, err error) {
	return c.downFrom(nil)
}

// Floor moves to the last entry whose key is <= key.
func (c *Cursor) Floor(key []byte) (k, value []byte, err error) {
	k, value, err = c.up(key)
	if err != nil || (k != nil && bytes.Equal(k, key)) {
		return k, value, err
	}
	// What lies before and behind is verified, here or above; where nothing does,
	// it remains to be seen whether that is so.
	before := k != nil
	if before {
		k, value, err = c.Prev()
	} else {
		k, value, err = c.downFrom(nil)
	}
	if err == nil && (k == nil || !before) {
		err = c.absent(key, false, false)
	}
	return k, value, err
}

// Next moves to the following entry.
func (c *Cursor) Next() (key, value []byte, err error) {
	if c.key == nil {
		return nil, nil, nil
	}
	ov, after := c.tx.overlay(c.bucket), c.key
	if ov == nil {
		return c.step(1)
	}
	ok, err := c.base.seek(after)
	if err == nil && ok {
		var k []byte
		if k, _, err = c.base.entry(); err == nil && bytes.Equal(k, after) {
			ok, err = c.base.next()
		}
	}
	return c.merge(ov, ok, err, ov.after(after), 1)
}

// Prev moves to the entry before.
func (c *Cursor) Prev() (key, value []byte, err error) {
	if c.key == nil {
		return nil, nil, nil
	}
	if c.tx.overlay(c.bucket) == nil {
		return c.step(-1)
	}
	return c.downFrom(c.key)
}

// up moves to the first entry >= key, nil meaning the first of all.
func (c *Cursor) up(key []byte) ([]byte, []byte, error) {
	ov := c.tx.overlay(c.bucket)
	ok, err := c.base.seek(key)
	if ov == nil {
		return c.settle(ok, err)
	}
	return c.merge(ov, ok, err, ov.from(key), 1)
}

// downFrom moves to the last entry < key, nil meaning the last of all.
func (c *Cursor) downFrom(key []byte) ([]byte, []byte, error) {
	ov := c.tx.overlay(c.bucket)
	var ok bool
	var err error
	if key != nil {
		ok, err = c.base.seek(key)
	}
	switch {
	case err != nil:
	case ok:
		ok, err = c.base.prev()
	default:
		ok, err = c.base.last()
	}
	if ov == nil {
		return c.settle(ok, err)
	}
	at := len(ov.sorted()) - 1
	if key != nil {
		at = ov.from(key) - 1
	}
	return c.merge(ov, ok, err, at, -1)
}

// step moves a cursor that sees no changes by one entry. Keys that do not ascend
// are damage, which would otherwise show as entries met twice or never.
func (c *Cursor) step(by int) ([]byte, []byte, error) {
	before := c.key
	move := c.base.next
	if by < 0 {
		move = c.base.prev
	}
	key, value, err := c.settle(move())
	if err == nil && key != nil && bytes.Compare(key, before)*by <= 0 {
		c.key = nil
		return nil, nil, damagedAt(c.bucket, key, damaged("key is out of order, beside %s", c.bucket.keyString(before)))
	}
	return key, value, err
}

// settle returns the entry on which base stands.
func (c *Cursor) settle(ok bool, err error) ([]byte, []byte, error) {
	var key, sealed []byte
	if err == nil && ok {
		key, sealed, err = c.base.entry()
	}
	if err != nil {
		c.key = nil
		return nil, nil, damagedAt(c.bucket, nil, err)
	}
	c.key = key
	if !ok {
		return nil, nil, nil
	}
	value, err := c.tx.open(c.bucket, key, sealed)
	return key, value, err
}

// merge returns the nearer of base's entry and the overlay's entry at, which
// wins where they are equal, stepping over deleted keys.
func (c *Cursor) merge(ov *overlay, ok bool, err error, at, by int) ([]byte, []byte, error) {
	keys := ov.sorted()
	for {
		var base []byte
		if err == nil && ok {
			base, _, err = c.base.entry()
		}
		if err != nil {
			c.key = nil
			return nil, nil, damagedAt(c.bucket, nil, err)
		}
		if at < 0 || at >= len(keys) {
			return c.settle(ok, nil)
		}
		order := 1
		if ok {
			order = bytes.Compare(base, []byte(keys[at])) * by
		}
		if order < 0 {
			return c.settle(ok, nil)
		}
		if sealed := ov.changes[keys[at]]; sealed != nil {
			c.key = []byte(keys[at])
			return c.key, sealed[: len(sealed)-sumBytes : len(sealed)-sumBytes], nil
		}
		if order == 0 {
			if by > 0 {
				ok, err = c.base.next()
			} else {
				ok, err = c.base.prev()
			}
		}
		at += by
	}
}
