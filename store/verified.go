package store

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"
)

// maxVerified bounds what is remembered of values that were verified: about 60 bytes
// each.
const maxVerified = 1 << 16

// verified remembers which blocks of token vectors, and chunks of the postings of
// leaders, were read and found whole in one state of the file, so that searches one
// after another do not compute the same checksums again. It is safe for concurrent use.
type verified struct {
	generation uint64
	mu         sync.RWMutex
	values     map[verifiedKey]verifiedKey // by key: up to where no other one follows
}

// verifiedKey is a key of the buckets of which something is remembered: of the chunk
// of a segment, or else of a block, with a segment that none has.
type verifiedKey [chunkKeyBytes]byte

// blockKey returns the key of a block of token vectors.
func blockKey(first PassageID) verifiedKey {
	var k verifiedKey
	binary.BigEndian.PutUint32(k[:], math.MaxUint32)
	binary.BigEndian.PutUint64(k[4:], uint64(first))
	return k
}

// verifiedBlocks returns what is remembered of the state that tx sees, nil where nothing
// is.
func (tx *Tx) verifiedBlocks() *verified {
	if tx.bolt.Writable() {
		return nil
	}
	v := tx.store.verified.Load()
	if v == nil || v.generation < tx.Generation() {
		next := &verified{generation: tx.Generation(), values: map[verifiedKey]verifiedKey{}}
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
	k := blockKey(first)
	return v.reaches(k, k)
}

// add notes that a block was verified.
func (v *verified) add(first PassageID) {
	k := blockKey(first)
	v.note(k, k)
}

// reaches reports whether the value of key at was verified, and that no key follows it
// up to another one.
func (v *verified) reaches(at, to verifiedKey) bool {
	if v == nil {
		return false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	end, ok := v.values[at]
	return ok && bytes.Compare(to[:], end[:]) <= 0
}

// note remembers what reaches asks for.
func (v *verified) note(at, to verifiedKey) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	end, ok := v.values[at]
	if ok && bytes.Compare(to[:], end[:]) > 0 || !ok && len(v.values) < maxVerified {
		v.values[at] = to
	}
}
