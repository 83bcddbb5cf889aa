package index

import (
	"fmt"
	"math/bits"
)

// segmentWalker reads all lists of a segment in order and checks everything that
// can be checked while doing so.
type segmentWalker struct {
	source ChunkSource
	view   chunkView
	open   bool // view holds a chunk
	group  int  // the next group of it
	short  shortGroup
	chunks int
	bytes  int64

	code    uint32 // of the last list
	any     bool   // there was one
	ordinal [PostingsBatch]uint32
	tf      [PostingsBatch]uint32
}

// seek moves to the chunk that holds the first list whose code is at least the
// given one, or to one shortly before it.
func (w *segmentWalker) seek(code uint32) error {
	c, ok, err := w.source.Floor(code, 0)
	if err == nil && !ok {
		c, ok, err = w.source.After(0, 0)
	}
	if err != nil || !ok {
		return err
	}
	if err := w.enter(c); err != nil {
		return err
	}
	if _, _, long := w.view.group(0); long && c.Ordinal > 0 {
		// A list that began in an earlier chunk, which only a code below it needs.
		w.group = 1
	}
	return nil
}

func (w *segmentWalker) enter(c Chunk) (err error) {
	if w.view, err = viewChunk(c); err != nil {
		return err
	}
	for _, b := range c.Data[len(c.Data)-readPad:] {
		if b != 0 {
			return corruptChunk(c, "padding is not zero")
		}
	}
	w.open = true
	w.group = 0
	w.chunks++
	w.bytes += int64(len(c.Data))
	return nil
}

// next returns the next list, its postings appended to dst, or false at the end.
func (w *segmentWalker) next(dst []posting) (uint32, []posting, bool, error) {
	for {
		if w.short.next() {
			return w.nextShort(dst)
		}
		if w.short.bad {
			return 0, dst, false, corruptChunk(w.view.key, "bad short group")
		}
		if !w.open {
			return 0, dst, false, nil
		}
		if w.group == w.view.numGroups() {
			if w.any && w.code != w.view.last {
				return 0, dst, false, corruptChunk(w.view.key, "its last list is not where its head says")
			}
			before := w.view.key
			c, ok, err := w.source.After(before.Code, before.Ordinal)
			if err != nil {
				return 0, dst, false, err
			}
			if !ok {
				w.open = false
				return 0, dst, false, nil
			}
			if c.Code < before.Code || c.Code == before.Code && c.Ordinal <= before.Ordinal {
				return 0, dst, false, corruptChunk(c, "out of order")
			}
			if c.Ordinal > 0 {
				return 0, dst, false, corruptChunk(c, "goes on with a list that has ended")
			}
			universe := w.view.universe
			if err := w.enter(c); err != nil {
				return 0, dst, false, err
			}
			if w.view.universe != universe {
				return 0, dst, false, corruptChunk(c, "of another segment")
			}
			continue
		}
		code, _, long := w.view.group(w.group)
		from, to, err := w.view.span(w.group)
		if err != nil {
			return 0, dst, false, err
		}
		w.group++
		data := w.view.bytes(from, to)
		if long {
			return w.nextLong(dst, code, data)
		}
		w.short.open(data, code, w.view.universe)
	}
}

func (w *segmentWalker) checkCode(code uint32) error {
	if w.any && code <= w.code {
		return corruptChunk(w.view.key, "codes out of order")
	}
	w.code, w.any = code, true
	return nil
}

func (w *segmentWalker) nextShort(dst []posting) (uint32, []posting, bool, error) {
	p := Postings{source: w.source, universe: w.view.universe, key: w.view.key}
	w.short.list(&p)
	n := p.Next(w.ordinal[:], w.tf[:])
	if p.err != nil {
		return 0, dst, false, p.err
	}
	for i := range n {
		dst = append(dst, posting{w.ordinal[i], w.tf[i]})
	}
	w.short.r.pos = p.pos
	if w.short.left == 0 {
		// Less than a byte may be left, of zeros.
		if rest := p.end - p.pos; rest >= 8 || w.short.r.bits(rest) != 0 {
			return 0, dst, false, corruptChunk(w.view.key, "bytes between groups")
		}
	}
	return p.code, dst, true, w.checkCode(p.code)
}

func (w *segmentWalker) nextLong(dst []posting, code uint32, data []byte) (uint32, []posting, bool, error) {
	p := Postings{source: w.source, code: code, universe: w.view.universe, key: w.view.key}
	if !p.open(data, true) {
		return 0, dst, false, corruptChunk(w.view.key, "bad head of a long list")
	}
	if err := w.checkCode(code); err != nil {
		return 0, dst, false, err
	}
	for {
		for p.left > 0 {
			n := p.block(w.ordinal[:], w.tf[:])
			for i := range n {
				dst = append(dst, posting{w.ordinal[i], w.tf[i]})
			}
		}
		if p.err != nil {
			return 0, dst, false, p.err
		}
		if p.pos != p.end {
			return 0, dst, false, corruptChunk(p.key, "bytes between groups")
		}
		if !p.more {
			return code, dst, true, nil
		}
		if w.group != w.view.numGroups() || w.view.last != code {
			return 0, dst, false, corruptChunk(w.view.key, "a list goes on but is not its last")
		}
		if !p.follow() {
			return 0, dst, false, p.err
		}
		if err := w.enter(p.key); err != nil {
			return 0, dst, false, err
		}
		w.group = 1
		if uint64(p.key.Ordinal) < p.next {
			return 0, dst, false, corruptChunk(p.key, "its key lies before its list")
		}
	}
}

// SegmentStats counts what a segment holds.
type SegmentStats struct {
	Chunks, Lists int
	Postings      int64
	Bytes         int64 // of the data of its chunks
}

// CheckSegment reads all of a segment and returns what it holds, or the first
// error: of the source, or ErrCorruptPostings for whatever SegmentWriter and
// Merger cannot have written.
func CheckSegment(source ChunkSource) (SegmentStats, error) {
	w := segmentWalker{source: source}
	var s SegmentStats
	if err := w.seek(0); err != nil {
		return s, err
	}
	if w.open && w.view.key.Ordinal > 0 {
		return s, corruptChunk(w.view.key, "the first chunk goes on with a list")
	}
	var list []posting
	for {
		var ok bool
		var err error
		_, list, ok, err = w.next(list[:0])
		if err != nil {
			return s, err
		}
		if !ok {
			s.Chunks, s.Bytes = w.chunks, w.bytes
			return s, nil
		}
		s.Lists++
		s.Postings += int64(len(list))
	}
}

// A MergeInput is one of the segments that a Merger joins.
type MergeInput struct {
	Source ChunkSource
	// Offset is added to each ordinal: the distance of the first passage of this
	// segment from the first of the merged one.
	Offset uint32
	// Dead reports whether the passage with this ordinal, in the input's own
	// count, is to be left out. nil keeps all.
	Dead func(ordinal uint32) bool
}

// Merger joins segments over neighbouring ranges of passages into one, in as many
// steps as its caller wants. It keeps one list and one chunk in memory, and between
// two steps nothing of its inputs, so that each step can run in a transaction of
// its own. It is not safe for concurrent use.
type Merger struct {
	b    chunkBuilder
	from uint32 // code that the next step begins with
	done bool
	list []posting
}

// NewMerger returns a merger into a segment of the given universe, its number of
// passages, left out ones included.
func NewMerger(universe uint32) *Merger {
	return &Merger{b: chunkBuilder{universe: universe}}
}

// Done reports whether the last chunk has been returned.
func (m *Merger) Done() bool { return m.done }

// Next returns further chunks of the merged segment, by ascending key, and stops
// at the end (see Done) or when they hold maxBytes or more: the merged segment is
// the same for every choice of maxBytes. Lists without a passage left are dropped.
//
// inputs are the same segments in each step, by ascending ranges of passages. It
// fails with what a source fails with, or with ErrCorruptPostings, also for ordinals that
// overlap those of another input or do not fit the universe; the merger is of no
// use after an error.
func (m *Merger) Next(inputs []MergeInput, maxBytes int) ([]Chunk, error) {
	if m.done {
		return nil, nil
	}
	// For each input, its next list that has anything left.
	type head struct {
		walker segmentWalker
		code   uint32
		list   []posting
		ok     bool
	}
	heads := make([]head, len(inputs))
	advance := func(i int) error {
		h, in := &heads[i], inputs[i]
		for {
			code, list, ok, err := h.walker.next(h.list[:0])
			if err != nil {
				return fmt.Errorf("merging segment %d: %w", i, err)
			}
			h.code, h.list, h.ok = code, list, ok
			if !ok {
				return nil
			}
			if code < m.from {
				continue
			}
			live := list[:0]
			for _, p := range list {
				if in.Dead == nil || !in.Dead(p.ordinal) {
					o, carry := bits.Add32(p.ordinal, in.Offset, 0)
					if carry != 0 || o >= m.b.universe {
						return fmt.Errorf("merging segment %d: %w: ordinal outside of the merged segment", i, ErrCorruptPostings)
					}
					live = append(live, posting{o, p.tf})
				}
			}
			if h.list = live; len(live) > 0 {
				return nil
			}
		}
	}
	for i, in := range inputs {
		heads[i].walker.source = in.Source
		if err := heads[i].walker.seek(m.from); err != nil {
			return nil, fmt.Errorf("merging segment %d: %w", i, err)
		}
		if err := advance(i); err != nil {
			return nil, err
		}
	}
	size := 0
	counted := 0
	for size < maxBytes || size == 0 {
		least, found := uint32(0), false
		for i := range heads {
			if h := &heads[i]; h.ok && (!found || h.code < least) {
				least, found = h.code, true
			}
		}
		if !found {
			m.done = true
			m.b.cut()
			break
		}
		m.list = m.list[:0]
		for i := range heads {
			h := &heads[i]
			if !h.ok || h.code != least {
				continue
			}
			if n := len(m.list); n > 0 && m.list[n-1].ordinal >= h.list[0].ordinal {
				return nil, fmt.Errorf("merging segment %d: %w: overlaps the segment before it", i, ErrCorruptPostings)
			}
			m.list = append(m.list, h.list...)
			if err := advance(i); err != nil {
				return nil, err
			}
		}
		m.b.add(least, m.list)
		m.from = least + 1
		for ; counted < len(m.b.done); counted++ {
			size += len(m.b.done[counted].Data)
		}
	}
	out := m.b.done
	m.b.done = nil
	return out, nil
}
