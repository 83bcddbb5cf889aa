package store

import "sync"

// maxVerified bounds what is remembered of blocks that were verified: about 40 bytes
// each.
const maxVerified = 1 << 16

// verified remembers which blocks of token vectors were read and found whole in one
// state of the file, so that searches one after another do not compute the same
// checksums again. It is safe for concurrent use.
type verified struct {
	generation uint64
	mu         sync.RWMutex
	blocks     map[PassageID]struct{}
}

// verifiedBlocks returns what is remembered of the state that tx sees, nil where nothing
// is.
func (tx *Tx) verifiedBlocks() *verified {
	if tx.bolt.Writable() {
		return nil
	}
	v := tx.store.verified.Load()
	if v == nil || v.generation < tx.Generation() {
		next := &verified{generation: tx.Generation(), blocks: map[PassageID]struct{}{}}
		if !tx.store.verified.CompareAndSwap(v, next) {
			return nil
		}
		return next
	}
	if v.generation != tx.Generation() {
		return nil
	}
	return v
}

// has reports whether a block was verified.
func (v *verified) has(first PassageID) bool {
	if v == nil {
		return false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	_, ok := v.blocks[first]
	return ok
}

// add notes that a block was verified.
func (v *verified) add(first PassageID) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.blocks) < maxVerified {
		v.blocks[first] = struct{}{}
	}
}
