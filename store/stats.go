package store

import "fmt"

// BucketStats says what a bucket takes in the file.
type BucketStats struct {
	Bucket     Bucket
	Keys       uint64
	KeyBytes   uint64
	ValueBytes uint64 // with the checksums
	InUse      uint64 // bytes of its pages that hold something: keys, values, tables
	Allocated  uint64 // bytes of its pages; a small bucket lies inside a page of the root
}

// Stats says what the file consists of. Everything below FileBytes adds up to
// the pages in use; the rest of the file is room to grow.
type Stats struct {
	FileBytes uint64
	FreeBytes uint64 // pages to be used again, and the list of them
	Overhead  uint64 // bbolt's meta pages and the root
	Buckets   []BucketStats
}

// Bucket returns the stats of b.
func (s *Stats) Bucket(b Bucket) BucketStats { return s.Buckets[b] }

// Stats walks all pages and says what they hold. Values are not verified.
func (tx *Tx) Stats() (*Stats, error) {
	info, err := tx.store.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("looking at the index file: %w", err)
	}
	s := &Stats{FileBytes: uint64(info.Size())}
	size := uint64(tx.pager.pageSize)
	count := func(t tree, b *BucketStats) error {
		return tx.pager.walk(t, func(pg *page) error {
			used := pageHeaderBytes + pg.count*elementBytes
			for i := range pg.count {
				k, err := pg.key(i)
				if err != nil {
					return err
				}
				used += len(k)
				if !pg.leaf {
					continue
				}
				_, v, _, err := pg.entry(i)
				if err != nil {
					return err
				}
				used += len(v)
				b.Keys++
				b.KeyBytes += uint64(len(k))
				b.ValueBytes += uint64(len(v))
			}
			b.InUse += uint64(used)
			if pg.id == 0 {
				b.Allocated += uint64(used) + inBucketBytes
			} else {
				b.Allocated += (pg.overflow + 1) * size
			}
			return nil
		})
	}
	var root BucketStats
	if err := count(tx.root, &root); err != nil {
		return nil, damagedAt(Metas, nil, err)
	}
	used := uint64(0)
	for i, t := range tx.trees {
		b := BucketStats{Bucket: Bucket(i)}
		if !tx.there[i] {
			s.Buckets = append(s.Buckets, b)
			continue
		}
		if err := count(t, &b); err != nil {
			return nil, damagedAt(b.Bucket, nil, err)
		}
		if t.root == 0 {
			root.Allocated -= min(b.Allocated, root.Allocated)
		}
		used += b.Allocated
		s.Buckets = append(s.Buckets, b)
	}
	s.Overhead = root.Allocated + 2*size
	s.FreeBytes = uint64(len(tx.pager.data)) - used - s.Overhead
	return s, nil
}

// walk calls visit for the pages of tree t, a branch before its children, which
// come in the order of their keys.
func (p pager) walk(t tree, visit func(*page) error) error {
	var down func(pg page, depth int) error
	down = func(pg page, depth int) error {
		if err := visit(&pg); err != nil || pg.leaf {
			return err
		}
		if depth == maxDepth {
			return damaged("page %d is deeper than %d", pg.id, maxDepth)
		}
		for i := range pg.count {
			child, err := p.page(pg.child(i))
			if err != nil {
				return err
			}
			if err := down(child, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	pg, err := p.rootPage(t)
	if err != nil {
		return err
	}
	return down(pg, 0)
}
