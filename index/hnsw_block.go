package index

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

const (
	noNode   = 0xff       // degree of a code without a node
	noParent = ^uint32(0) // parent of the root
)

// nodeBlock holds the nodes of 64 codes.
type nodeBlock struct {
	degree [blockCodes]uint8  // links on layer 0, or noNode
	at     [blockCodes]uint16 // where in links they begin
	parent [blockCodes]uint32
	room   int // for links on layer 0 that each node has; 0 for just its own
	links  []uint32
	upper  []upperNode
	dirty  bool
}

// upperNode is a node on a layer above 0; they order by slot, then level.
type upperNode struct {
	slot, level uint8
	links       []uint32
}

// newBlock returns a block without nodes.
func newBlock() *nodeBlock {
	b := new(nodeBlock)
	for i := range b.degree {
		b.degree[i] = noNode
		b.parent[i] = noParent
	}
	return b
}

func (b *nodeBlock) nodes() (n int) {
	for _, d := range b.degree {
		if d != noNode {
			n++
		}
	}
	return n
}

// list returns the links of a node on layer 0.
func (b *nodeBlock) list(slot uint32) []uint32 {
	at := int(b.at[slot])
	return b.links[at : at+int(b.degree[slot])]
}

// setList replaces the links of a node on layer 0, for which there must be room.
func (b *nodeBlock) setList(slot uint32, list []uint32) {
	copy(b.links[b.at[slot]:][:b.room], list)
	b.degree[slot] = uint8(len(list))
}

// widen makes room for the given number of links for each node.
func (b *nodeBlock) widen(room int) {
	if b.room >= room {
		return
	}
	links := make([]uint32, blockCodes*room)
	for slot := range uint32(blockCodes) {
		if b.degree[slot] != noNode {
			copy(links[int(slot)*room:], b.list(slot))
		}
	}
	for slot := range b.at {
		b.at[slot] = uint16(slot * room)
	}
	b.room, b.links = room, links
}

func (b *nodeBlock) findUpper(slot uint32, level int) (int, bool) {
	for i, u := range b.upper {
		if uint32(u.slot) == slot && int(u.level) == level {
			return i, true
		}
		if uint32(u.slot) > slot || uint32(u.slot) == slot && int(u.level) > level {
			return i, false
		}
	}
	return len(b.upper), false
}

// upperLinks returns the links of a node on a layer above 0.
func (b *nodeBlock) upperLinks(slot uint32, level int) []uint32 {
	if i, ok := b.findUpper(slot, level); ok {
		return b.upper[i].links
	}
	return nil
}

// setUpper replaces the links of a node on a layer above 0 by list, which it
// keeps.
func (b *nodeBlock) setUpper(slot uint32, level int, list []uint32) {
	i, ok := b.findUpper(slot, level)
	if !ok {
		b.upper = slices.Insert(b.upper, i, upperNode{slot: uint8(slot), level: uint8(level)})
	}
	b.upper[i].links = list
}

// A block of nodes, as bytes:
//
//	u8      graphFormat
//	uvarint number of codes of the graph when the block was written; links are
//	        below it
//	u8      width of a degree in bits, at most 7
//	stream of bits (see bitWriter), for each of the 64 codes:
//	        width bits  0 if the code has no node, else 1 + number of links
//	        bits for 0 to the number of links: 0 for the root, else 1 + index of the parent
//	        list of links
//	        for each layer above 0 that levelOf says: gamma of 1 + number of links,
//	        list of links
//	zero bits up to a full byte
//
// A list of n links, ascending, is written in two parts, so that reading a link does
// not wait for the one before it (Elias 1974, Fano 1971):
//
//	n x     the low k bits of each, k = lowBits(number of codes, n)
//	n x     how much larger its other bits are than those of the link before, as
//	        a run of zeros, and a one

// lowBits returns log2(codes / n), rounded down.
func lowBits(codes, n uint32) uint { return uint(bits.Len32(codes/n|1)) - 1 }

// appendLinks writes an ascending list.
func appendLinks(w *bitWriter, list []uint32, codes uint32) {
	if len(list) == 0 {
		return
	}
	k := lowBits(codes, uint32(len(list)))
	for _, c := range list {
		w.put(uint64(c)&(1<<k-1), k)
	}
	high := uint32(0)
	for _, c := range list {
		for gap := c>>k - high; gap > 0; {
			n := min(gap, 32)
			w.put(0, uint(n))
			gap -= n
		}
		w.put(1, 1)
		high = c >> k
	}
}

// encode returns the bytes of block n of a graph over the given number of codes.
func (b *nodeBlock) encode(n, codes uint32) []byte {
	var most uint8
	for _, d := range b.degree {
		if d != noNode {
			most = max(most, d+1)
		}
	}
	width := uint(bits.Len8(most))
	w := bitWriter{buf: make([]byte, 0, blockCodes*24)}
	w.buf = append(w.buf, graphFormat)
	w.buf = binary.AppendUvarint(w.buf, uint64(codes))
	w.buf = append(w.buf, byte(width))
	var sorted []uint32
	for slot := range uint32(blockCodes) {
		if b.degree[slot] == noNode {
			w.put(0, width)
			continue
		}
		sorted = append(sorted[:0], b.list(slot)...)
		slices.Sort(sorted)
		w.put(uint64(len(sorted))+1, width)
		parent := 0
		if b.parent[slot] != noParent {
			i, _ := slices.BinarySearch(sorted, b.parent[slot])
			parent = i + 1
		}
		w.put(uint64(parent), uint(bits.Len(uint(len(sorted)))))
		appendLinks(&w, sorted, codes)
		for level := 1; level <= levelOf(n*blockCodes+slot); level++ {
			sorted = append(sorted[:0], b.upperLinks(slot, level)...)
			slices.Sort(sorted)
			w.gamma(uint64(len(sorted)) + 1)
			appendLinks(&w, sorted, codes)
		}
	}
	return slices.Clip(w.flush())
}

// blockDecoder is the memory of decoding one block.
type blockDecoder struct {
	r     bitReader // over a copy of the bytes, for the padding
	end   uint      // bits
	codes uint32
	links [blockCodes * 2 * maxM]uint32 // of layer 0
	n     int                           // of links
	above []uint32                      // links of the upper layers
	upper []upperNode                   // with links still to be set
	count []int                         // of the links of each
}

var blockDecoders = sync.Pool{New: func() any { return new(blockDecoder) }}

// decodeBlock reads block n of a graph over count codes, whose nodes have at most
// maxLinks links on layer 0. It fails with ErrCorruptGraph.
func decodeBlock(data []byte, n, count uint32, maxLinks int) (*nodeBlock, error) {
	d := blockDecoders.Get().(*blockDecoder)
	defer blockDecoders.Put(d)
	b, what := d.decode(data, n, count, maxLinks)
	if what != "" {
		return nil, fmt.Errorf("%w: block %d: %s", ErrCorruptGraph, n, what)
	}
	return b, nil
}

// decode returns a block, or what is wrong with it.
func (d *blockDecoder) decode(data []byte, n, count uint32, maxLinks int) (*nodeBlock, string) {
	if len(data) == 0 || data[0] != graphFormat {
		return nil, "unknown format"
	}
	codes, rest, ok := uvarint32(data[1:])
	if !ok || codes > count || codes <= n*blockCodes || len(rest) == 0 || rest[0] > 7 {
		return nil, "bad head"
	}
	width := uint(rest[0])
	d.r.buf = append(append(d.r.buf[:0], rest[1:]...), make([]byte, readPad)...)
	d.r.pos = 0
	d.end = uint(len(rest)-1) * 8
	d.codes = codes
	d.n, d.above, d.upper, d.count = 0, d.above[:0], d.upper[:0], d.count[:0]
	b := newBlock()
	for slot := range uint32(blockCodes) {
		if d.r.pos > d.end {
			return nil, "ends early"
		}
		degree := int(d.r.bits(width)) - 1
		if degree < 0 {
			continue
		}
		code := n*blockCodes + slot
		if degree > maxLinks || code >= codes || d.r.pos > d.end {
			return nil, "bad number of links"
		}
		parent := int(d.r.bits(uint(bits.Len(uint(degree))))) - 1
		if parent >= degree {
			return nil, "bad parent"
		}
		list := d.links[d.n : d.n+degree]
		if !d.list(list, code) {
			return nil, "bad links"
		}
		b.degree[slot] = uint8(degree)
		b.at[slot] = uint16(d.n)
		d.n += degree
		if parent >= 0 {
			b.parent[slot] = list[parent]
		}
		for level := 1; level <= levelOf(code); level++ {
			if d.r.pos > d.end {
				return nil, "ends early"
			}
			n := int(d.r.gamma()) - 1
			if n < 0 || n > maxLinks {
				return nil, "bad number of upper links"
			}
			start := len(d.above)
			d.above = slices.Grow(d.above, n)[:start+n]
			if !d.list(d.above[start:], code) {
				return nil, "bad upper links"
			}
			for _, c := range d.above[start:] {
				if levelOf(c) < level {
					return nil, "an upper link leaves its layer"
				}
			}
			d.upper = append(d.upper, upperNode{slot: uint8(slot), level: uint8(level)})
			d.count = append(d.count, n)
		}
	}
	if d.r.pos > d.end || d.end-d.r.pos >= 8 || d.r.bits(d.end-d.r.pos) != 0 {
		return nil, "does not stop at its end"
	}
	b.links = make([]uint32, d.n+len(d.above))
	copy(b.links, d.links[:d.n])
	above := b.links[d.n:]
	copy(above, d.above)
	b.upper = slices.Clone(d.upper)
	for i, n := range d.count {
		// Without capacity to spare, appending to one cannot reach the next.
		b.upper[i].links, above = above[:n:n], above[n:]
	}
	return b, ""
}

// list reads the links of a code, ascending.
func (d *blockDecoder) list(out []uint32, code uint32) bool {
	if len(out) == 0 {
		return d.r.pos <= d.end
	}
	k := lowBits(d.codes, uint32(len(out)))
	low := d.r.pos
	high := low + k*uint(len(out))
	if high > d.end {
		return false
	}
	mask := uint64(1)<<k - 1
	// Each one ends a link; the zeros before it, in all, are its high bits.
	i := 0
	var base uint // of w, from high
	for i < len(out) {
		if high+base > d.end {
			return false
		}
		w := load57(d.r.buf, high+base) & (1<<57 - 1)
		for w != 0 && i < len(out) {
			at := base + uint(bits.TrailingZeros64(w))
			w &= w - 1
			out[i] = uint32(uint64(at-uint(i))<<k | load57(d.r.buf, low)&mask)
			low += k
			i++
			d.r.pos = high + at + 1
		}
		base += 57
	}
	// The high bits never fall and are few, so that these hold for all if they
	// hold for neighbours and the last.
	if uint64(d.r.pos-high-uint(len(out)))<<k > uint64(d.codes) || d.r.pos > d.end {
		return false
	}
	last := ^uint32(0)
	for _, c := range out {
		if c <= last && last != ^uint32(0) || c == code {
			return false
		}
		last = c
	}
	return last < d.codes
}
