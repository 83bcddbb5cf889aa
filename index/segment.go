package index

import (
	"iter"
	"slices"
)

// SegmentWriter collects the postings of a range of passages in memory, about 12
// bytes a posting and 8 bytes a code. It is not safe for concurrent use.
type SegmentWriter struct {
	passages []passageStart
	codes    []uint32
	tfs      []uint32
	at       []uint32 // by code: 1 + index of its last posting
}

type passageStart struct {
	ordinal uint32
	first   int // index of its first posting
}

// NewSegmentWriter returns an empty writer.
func NewSegmentWriter() *SegmentWriter { return new(SegmentWriter) }

// Add counts tf occurrences of a code in the passage with the given ordinal.
// Passages come by ascending ordinal; within one, codes come in any order and as
// often as they occur. tf = 0 adds nothing.
//
// It panics if an ordinal is less than the one before it or the code is 2^31 or
// more: callers inside ciyuan number both.
func (w *SegmentWriter) Add(ordinal, code, tf uint32) {
	if tf == 0 {
		return
	}
	if code >= maxCodes {
		panic("index: code out of range")
	}
	n := len(w.passages)
	if n == 0 || w.passages[n-1].ordinal != ordinal {
		if n > 0 && w.passages[n-1].ordinal > ordinal {
			panic("index: passages out of order")
		}
		w.passages = append(w.passages, passageStart{ordinal, len(w.codes)})
		n++
	}
	if int(code) >= len(w.at) {
		w.at = append(w.at, make([]uint32, int(code)+1-len(w.at))...)
	}
	if i := int(w.at[code]) - 1; i >= w.passages[n-1].first {
		w.tfs[i] += tf
		return
	}
	w.codes = append(w.codes, code)
	w.tfs = append(w.tfs, tf)
	w.at[code] = uint32(len(w.codes))
}

// Len returns the number of postings collected, by which a caller bounds the
// memory of a segment.
func (w *SegmentWriter) Len() int { return len(w.codes) }

// Reset empties the writer and keeps its memory.
func (w *SegmentWriter) Reset() {
	w.passages, w.codes, w.tfs = w.passages[:0], w.codes[:0], w.tfs[:0]
	clear(w.at)
}

// Chunks yields the chunks of the segment by ascending key, the same for the same
// postings whatever the order of the codes within a passage was. universe is the
// number of passages in the range; it panics if an ordinal does not lie below it.
// The data of a chunk belongs to the receiver. The writer keeps its postings, and
// may not be added to while the sequence is in use.
func (w *SegmentWriter) Chunks(universe uint32) iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		if n := len(w.passages); n > 0 && w.passages[n-1].ordinal >= universe {
			panic("index: ordinal outside of the segment")
		}
		// A counting sort by code; passages ascend already.
		start := make([]int, len(w.at)+1)
		for _, c := range w.codes {
			start[c+1]++
		}
		for c := range w.at {
			start[c+1] += start[c]
		}
		sorted := make([]posting, len(w.codes))
		fill := slices.Clone(start)
		for i, p := range w.passages {
			to := len(w.codes)
			if i+1 < len(w.passages) {
				to = w.passages[i+1].first
			}
			for j := p.first; j < to; j++ {
				c := w.codes[j]
				sorted[fill[c]] = posting{p.ordinal, w.tfs[j]}
				fill[c]++
			}
		}
		b := chunkBuilder{universe: universe}
		for c := range w.at {
			if list := sorted[start[c]:start[c+1]]; len(list) > 0 {
				b.add(uint32(c), list)
				for _, chunk := range b.done {
					if !yield(chunk) {
						return
					}
				}
				b.done = b.done[:0]
			}
		}
		b.cut()
		for _, chunk := range b.done {
			if !yield(chunk) {
				return
			}
		}
	}
}

// SegmentReader finds lists in one segment. It keeps the chunk that it looked at
// last, so that codes asked for in ascending order read each chunk once. It is
// not safe for concurrent use, and must not be used after the data of its source is
// gone; making one costs nothing.
type SegmentReader struct {
	source ChunkSource
	known  *Chunks // of the segment, or nil
	view   *chunkView
	own    chunkView // where view is not among those known
}

// NewSegmentReader returns a reader of the segment whose chunks source holds.
func NewSegmentReader(source ChunkSource) *SegmentReader {
	return &SegmentReader{source: source}
}

// Reader returns a reader of the segment whose chunks c remembers and source holds.
func (c *Chunks) Reader(source ChunkSource) *SegmentReader {
	return &SegmentReader{source: source, known: c}
}

// seek makes the chunk in which a code would be the one looked at, and reports whether
// there is one.
func (r *SegmentReader) seek(code uint32) (bool, error) {
	if r.known != nil {
		if c := r.known.find(code); c != nil {
			r.view = &c.chunkView
			return true, nil
		}
	}
	c, ok, err := r.source.Floor(code, 0)
	if err != nil || !ok {
		return false, err
	}
	if r.view == nil || !r.view.is(c) {
		r.view = nil
		if r.own, err = viewChunk(c); err != nil {
			return false, err
		}
		r.view = &r.own
	}
	if r.known != nil {
		r.view = &r.known.add(*r.view, code).chunkView
	}
	return true, nil
}

// Postings returns the list of a code, of which DF is 0 if the segment has none.
// It fails with what the source fails with, or ErrCorruptPostings. It allocates
// nothing but what [Chunks] remember.
func (r *SegmentReader) Postings(code uint32) (Postings, error) {
	if r.view == nil || code > r.view.last || !r.view.begins(code) {
		if ok, err := r.seek(code); err != nil || !ok {
			return Postings{}, err
		}
	}
	v := r.view
	if code > v.last {
		return Postings{}, nil
	}
	i := v.find(code)
	first, _, long := v.group(i)
	from, to, err := v.span(i)
	if err != nil {
		return Postings{}, err
	}
	p := Postings{source: r.source, code: code, universe: v.universe, key: v.key}
	if long {
		if first != code {
			return Postings{}, nil
		}
		if !p.open(v.bytes(from, to), true) {
			return Postings{}, corruptChunk(v.key, "bad head of a long list")
		}
		return p, nil
	}
	var g shortGroup
	g.open(v.bytes(from, to), first, v.universe)
	for g.next() {
		if g.code == code {
			g.list(&p)
			return p, nil
		}
		if g.code > code {
			break
		}
		g.skip()
	}
	if g.bad {
		return Postings{}, corruptChunk(v.key, "bad short group")
	}
	return Postings{}, nil
}

// shortGroup reads the lists of a short group one after the other.
type shortGroup struct {
	r        bitReader
	end      uint // bits
	universe uint32
	left     int // lists not yet met
	started  bool
	bad      bool

	code, n uint32 // of the list that next found; r stands at its postings
}

func (g *shortGroup) open(data []byte, code, universe uint32) {
	*g = shortGroup{
		r:        bitReader{buf: data},
		end:      uint(len(data)-readPad) * 8,
		universe: universe,
		code:     code,
	}
	g.left = int(g.r.bits(4)) + 1
}

// next reads the head of the next list. Before it, the postings of the list
// before must have been read or skipped.
func (g *shortGroup) next() bool {
	if g.left == 0 || g.bad {
		return false
	}
	g.left--
	if g.started {
		gap := g.r.gamma()
		if gap == 0 || gap >= maxCodes-uint64(g.code) || g.r.pos > g.end {
			g.bad = true
			return false
		}
		g.code += uint32(gap)
	}
	g.started = true
	n := g.r.gamma()
	if n == 0 || n >= longList || g.r.pos > g.end {
		g.bad = true
		return false
	}
	g.n = uint32(n)
	return true
}

func (g *shortGroup) skip() {
	k := shortParam(g.universe, g.n)
	r := g.r
	for range g.n {
		if r.rice(k)&1 != 0 && r.pos <= g.end {
			r.gamma()
		}
		if r.pos > g.end {
			g.bad = true
			return
		}
	}
	g.r.pos = r.pos
}

// list points p at the postings of the list that next found.
func (g *shortGroup) list(p *Postings) {
	p.data, p.pos, p.end = g.r.buf, g.r.pos, g.end
	p.code, p.df, p.left = g.code, g.n, g.n
	p.k = shortParam(g.universe, g.n)
}
