package index

import (
	"encoding/binary"
	"math/bits"
)

// Postings reads the list of one code in one segment, by ascending ordinal. The
// zero value is an empty list. It must not be used by several goroutines at once,
// and not after the data of its ChunkSource is gone; it may be copied, and a copy
// reads on from the same place.
type Postings struct {
	source   ChunkSource
	code     uint32
	df       uint32
	universe uint32
	next     uint64 // least possible ordinal of the next posting
	left     uint32 // postings left in this chunk
	long     bool
	more     bool // a long list: goes on in another chunk
	key      Chunk
	total    uint32 // a long list: postings left in all chunks, at most
	skipped  bool   // chunks were left out, so that total may be too high

	data []byte // of the group, readPad bytes following the last
	end  uint   // bits for a short list, bytes for a long one
	pos  uint   // the same
	k    uint
	err  error
}

// DF returns the number of postings of the whole list, 0 if the segment does not
// have the code.
func (p *Postings) DF() uint32 { return p.df }

// Err returns the error that ended the list early, if any.
func (p *Postings) Err() error { return p.err }

func (p *Postings) fail(what string) int {
	p.err = corruptChunk(p.key, what)
	p.left, p.total, p.more = 0, 0, false
	return 0
}

// Next reads the next postings into ordinals and tfs and returns their number, 0
// at the end of the list or after an error. Both arrays must have room for
// PostingsBatch, and are filled as far as whole batches go. It allocates nothing.
func (p *Postings) Next(ordinals, tfs []uint32) int {
	if p.left == 0 && (!p.more || !p.follow()) {
		return 0
	}
	if !p.long {
		return p.short(ordinals, tfs)
	}
	n := 0
	for p.left > 0 && len(ordinals)-n >= PostingsBatch && len(tfs)-n >= PostingsBatch {
		m := p.block(ordinals[n:], tfs[n:])
		if m == 0 {
			return 0
		}
		n += m
	}
	return n
}

// SkipTo moves on so that what Next returns afterwards holds every posting left
// whose ordinal is at least the given one. Smaller ones may come before them,
// less than a batch. It never moves back.
func (p *Postings) SkipTo(ordinal uint32) {
	if !p.long {
		return
	}
	for {
		for p.left > 0 {
			h, ok := p.blockHead()
			if !ok {
				p.fail("bad block of a long list")
				return
			}
			if h.last >= uint64(ordinal) {
				return
			}
			p.leave(h)
		}
		if !p.more {
			return
		}
		if !p.jump(ordinal) {
			return
		}
	}
}

// short decodes all of a short list.
func (p *Postings) short(ordinals, tfs []uint32) int {
	n := int(p.left)
	ordinals, tfs = ordinals[:n], tfs[:n]
	r := bitReader{p.data, p.pos}
	next, universe, k := p.next, uint64(p.universe), p.k
	mask := uint64(1)<<k - 1
	for i := range ordinals {
		if r.pos > p.end {
			return p.fail("a short list ends early")
		}
		// Most postings are in a single word: what r.rice and r.gamma do, at once.
		w := load57(r.buf, r.pos)
		q := uint(bits.TrailingZeros64(^w))
		used := q + 1 + k
		v, t := uint64(0), uint64(0)
		if q < riceEscape {
			v = uint64(q)<<(k&63) | w>>((q+1)&63)&mask
			if v&1 != 0 {
				g := w >> (used & 63)
				if z := uint(bits.TrailingZeros64(g)); used+2*z+1 <= wordBits {
					t = g>>((z+1)&63)&(1<<(z&63)-1) | 1<<(z&63)
					used += 2*z + 1
				}
			}
			r.pos += used
		} else {
			v = r.rice(k)
		}
		if v&1 != 0 && t == 0 {
			if r.pos > p.end {
				return p.fail("a short list ends early")
			}
			if t = r.gamma(); t == 0 || t >= 1<<32-1 {
				return p.fail("bad tf")
			}
		}
		o := next + v>>1
		if o >= universe {
			return p.fail("ordinal out of range")
		}
		next = o + 1
		ordinals[i], tfs[i] = uint32(o), uint32(t)+1
	}
	if r.pos > p.end {
		return p.fail("a short list ends early")
	}
	p.pos, p.next, p.left = r.pos, next, 0
	return n
}

type blockHead struct {
	n                uint32
	gapBits, tfBits  uint
	last             uint64
	gaps, tfs, after uint // offsets of the packed gaps, tfs and of what follows
}

// blockHead reads the head of the block of a long list at pos.
func (p *Postings) blockHead() (h blockHead, ok bool) {
	if p.pos+3 > p.end {
		return h, false
	}
	h.n = min(p.left, PostingsBatch)
	h.gapBits, h.tfBits = uint(p.data[p.pos]), uint(p.data[p.pos+1])
	if h.gapBits > 32 || h.tfBits > 32 {
		return h, false
	}
	span, size := binary.Uvarint(p.data[p.pos+2 : p.end])
	if size <= 0 || span >= uint64(p.universe) {
		return h, false
	}
	h.last = p.next + span
	h.gaps = p.pos + 2 + uint(size)
	h.tfs = h.gaps + (uint(h.n)*h.gapBits+7)/8
	h.after = h.tfs + (uint(h.n)*h.tfBits+7)/8
	return h, h.after <= p.end && h.last < uint64(p.universe)
}

// leave moves behind a block.
func (p *Postings) leave(h blockHead) {
	p.pos, p.next = h.after, h.last+1
	p.left -= h.n
	p.total -= h.n
}

// block decodes one block of a long list.
func (p *Postings) block(ordinals, tfs []uint32) int {
	h, ok := p.blockHead()
	if !ok {
		return p.fail("bad block of a long list")
	}
	n := int(h.n)
	ordinals, tfs = ordinals[:n], tfs[:n]
	unpack(ordinals, p.data[h.gaps:], h.gapBits)
	// Gaps are not negative, so that the last ordinal bounds all of them.
	if ascend(ordinals, p.next) != h.last+1 {
		return p.fail("a block does not end at its last ordinal")
	}
	unpack(tfs, p.data[h.tfs:], h.tfBits)
	increment(tfs)
	p.leave(h)
	return n
}

// ascend replaces gaps by ordinals, the first of which is at least next, and
// returns the least possible ordinal after them. It takes four at a time, because
// half of the time would go into counting.
func ascend(gaps []uint32, next uint64) uint64 {
	for len(gaps) >= 4 {
		g := gaps[:4:4]
		a := next + uint64(g[0])
		b := a + uint64(g[1]) + 1
		c := b + uint64(g[2]) + 1
		d := c + uint64(g[3]) + 1
		g[0], g[1], g[2], g[3] = uint32(a), uint32(b), uint32(c), uint32(d)
		next = d + 1
		gaps = gaps[4:]
	}
	for i, gap := range gaps {
		next += uint64(gap)
		gaps[i] = uint32(next)
		next++
	}
	return next
}

// increment adds 1 to each value.
func increment(values []uint32) {
	for len(values) >= 4 {
		v := values[:4:4]
		v[0]++
		v[1]++
		v[2]++
		v[3]++
		values = values[4:]
	}
	for i := range values {
		values[i]++
	}
}

// unpack reads len(out) numbers of the given width. Eight numbers fill as many bytes as
// one has bits, so groups of eight begin at full bytes.
func unpack(out []uint32, data []byte, width uint) {
	if width == 0 {
		clear(out)
		return
	}
	mask := uint64(1)<<width - 1
	switch {
	case width <= 8:
		for len(out) >= 8 {
			w := binary.LittleEndian.Uint64(data)
			o := out[:8:8]
			o[0] = uint32(w & mask)
			w >>= width & 63
			o[1] = uint32(w & mask)
			w >>= width & 63
			o[2] = uint32(w & mask)
			w >>= width & 63
			o[3] = uint32(w & mask)
			w >>= width & 63
			o[4] = uint32(w & mask)
			w >>= width & 63
			o[5] = uint32(w & mask)
			w >>= width & 63
			o[6] = uint32(w & mask)
			w >>= width & 63
			o[7] = uint32(w & mask)
			out, data = out[8:], data[width:]
		}
	case width <= 16:
		// The second four begin in the middle of a byte if the width is odd.
		for len(out) >= 8 {
			w := binary.LittleEndian.Uint64(data)
			o := out[:8:8]
			o[0] = uint32(w & mask)
			w >>= width & 63
			o[1] = uint32(w & mask)
			w >>= width & 63
			o[2] = uint32(w & mask)
			w >>= width & 63
			o[3] = uint32(w & mask)
			w = load57(data, 4*width)
			o[4] = uint32(w & mask)
			w >>= width & 63
			o[5] = uint32(w & mask)
			w >>= width & 63
			o[6] = uint32(w & mask)
			w >>= width & 63
			o[7] = uint32(w & mask)
			out, data = out[8:], data[width:]
		}
	}
	var pos uint
	for i := range out {
		out[i] = uint32(load57(data, pos) & mask)
		pos += width
	}
}

// open points p at the long group with the given bytes, of which the last readPad
// are padding. first is whether this is where the list begins.
func (p *Postings) open(data []byte, first bool) bool {
	p.data = data
	end := data[:len(data)-readPad]
	p.end = uint(len(end))
	if len(end) == 0 || end[0] > partHead|partMore || end[0]&partHead == 0 != first {
		return false
	}
	flags := end[0]
	df, d, ok := uvarint32(end[1:])
	if !ok || df < longList {
		return false
	}
	left, d, ok := uvarint32(d)
	if !ok || left == 0 || left > df {
		return false
	}
	next, d, ok := uvarint32(d)
	if !ok {
		return false
	}
	p.long, p.more = true, flags&partMore != 0
	if p.more && left%PostingsBatch != 0 {
		return false
	}
	if first {
		if next != 0 || p.more == (left == df) {
			return false
		}
		p.df, p.total = df, df
	} else if df != p.df || uint64(next) < p.next {
		return false
	}
	p.left, p.next = left, uint64(next)
	p.pos = p.end - uint(len(d))
	return true
}

// follow opens the next chunk of a long list.
func (p *Postings) follow() bool {
	c, ok, err := p.source.After(p.key.Code, p.key.Ordinal)
	if err != nil {
		p.fail("")
		p.err = err
		return false
	}
	return p.enter(c, ok)
}

// jump opens the chunk of a long list that may hold an ordinal, or the next one
// if the list has no such chunk further on.
func (p *Postings) jump(ordinal uint32) bool {
	c, ok, err := p.source.Floor(p.code, ordinal)
	if err != nil {
		p.fail("")
		p.err = err
		return false
	}
	if !ok || !p.behind(c) {
		return p.follow()
	}
	p.skipped = true
	return p.enter(c, ok)
}

// behind reports whether a chunk can go on with the list where this one ends.
func (p *Postings) behind(c Chunk) bool {
	return c.Code == p.code && (c.Ordinal > p.key.Ordinal || p.key.Code < p.code)
}

// enter opens a chunk that goes on with the list of p.
func (p *Postings) enter(c Chunk, ok bool) bool {
	if !ok || !p.behind(c) {
		p.fail("the chunk that goes on with its last list is missing")
		return false
	}
	v, err := viewChunk(c)
	if err != nil {
		p.fail("")
		p.err = err
		return false
	}
	from, to, err := v.span(0)
	if err != nil {
		p.fail("")
		p.err = err
		return false
	}
	p.key = c
	if _, _, long := v.group(0); !long || v.universe != p.universe || !p.open(v.bytes(from, to), false) {
		p.fail("does not go on with the list of the chunk before it")
		return false
	}
	if p.left > p.total || p.more && p.left == p.total || !p.more && !p.skipped && p.left != p.total {
		p.fail("number of postings does not add up")
		return false
	}
	return true
}
