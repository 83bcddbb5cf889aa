package index

import "sync/atomic"

// Chunks remembers the chunks of a segment that were read, by code, so that searches
// one after another find them without asking their source. What a source returned has
// to stay as it is for as long as it is used.
//
// It is safe for concurrent use.
type Chunks struct {
	codes uint32 // that share a slot
	slots []atomic.Pointer[readChunk]
}

// readChunk is a chunk that was found whole.
type readChunk struct {
	chunkView
	until atomic.Uint32 // no other chunk begins up to this code
}

// NewChunks returns one for codes below n of a segment of so many passages. It takes
// four bytes for each of these, and what it remembers.
func NewChunks(n, passages uint32) *Chunks {
	// A chunk has the postings of dozens of passages, and a slot should rarely have
	// two of them.
	slots := passages/2 + 64
	codes := n/slots + 1
	return &Chunks{codes: codes, slots: make([]atomic.Pointer[readChunk], n/codes+1)}
}

// find returns the chunk in which a code would be, nil if it was not read.
func (c *Chunks) find(code uint32) *readChunk {
	if at := int(code / c.codes); at < len(c.slots) {
		if r := c.slots[at].Load(); r != nil && r.begins(code) && code <= max(r.last, r.until.Load()) {
			return r
		}
	}
	return nil
}

// add notes that a code would be in a chunk.
func (c *Chunks) add(v chunkView, code uint32) *readChunk {
	at := int(code / c.codes)
	if at >= len(c.slots) {
		return &readChunk{chunkView: v}
	}
	from := v.key.Code
	if v.key.Ordinal > 0 {
		from++ // its list begins before
	}
	first, last := int(from/c.codes), min(int(v.last/c.codes), len(c.slots)-1)
	var r *readChunk
	for _, i := range [...]int{at, first, last} {
		if other := c.slots[min(i, len(c.slots)-1)].Load(); other != nil && other.is(v.key) {
			r = other
		}
	}
	if r == nil {
		r = &readChunk{chunkView: v}
		for i := first; i <= last; i++ {
			c.slots[i].Store(r)
		}
	}
	for old := r.until.Load(); old < code && !r.until.CompareAndSwap(old, code); old = r.until.Load() {
	}
	c.slots[at].Store(r)
	return r
}
