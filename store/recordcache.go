package store

import "sync"

// maxCachedRecords bounds the passages of which it is remembered where their token
// vectors are: about 70 bytes each.
const maxCachedRecords = 1 << 19

// recordCache remembers where the token vectors of passages were found whole in one state
// of the file, so that searches one after another do not look for the same blocks and
// compute their checksums again. It is safe for concurrent use.
type recordCache struct {
	snapshot Snapshot
	mu       sync.RWMutex
	records  map[PassageID][]byte
}

// recordCache returns what is remembered of the state that tx sees, nil where nothing is.
func (tx *Tx) recordCache() *recordCache {
	if tx.bolt.Writable() {
		return nil
	}
	now, c := tx.Snapshot(), tx.store.records.Load()
	switch {
	case c != nil && c.snapshot == now:
		return c
	case c != nil && c.snapshot.generation > now.generation:
		return nil
	}
	next := &recordCache{snapshot: now, records: map[PassageID][]byte{}}
	if !tx.store.records.CompareAndSwap(c, next) {
		return nil
	}
	return next
}

// find returns the record of passage p, nil if it was not read.
func (c *recordCache) find(p PassageID) []byte {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.records[p]
}

// add remembers the passages of a block.
func (c *recordCache) add(b *ForwardBlock) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.records)+b.n > maxCachedRecords {
		return
	}
	for p := range b.All() {
		c.records[p.ID] = p.Record
	}
}
