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
	degree [blockCodes]uint8 // links on layer 0, or noNode
	parent [blockCodes]uint32
	stride int      // room for links on layer 0 that each node has
	links  []uint32 // blockCodes * stride
	upper  []upperNode
	dirty  bool
}

// upperNode is a node on a layer above 0; they order by slot, then level.
type upperNode struct {
	slot, level uint8
	links       []uint32
}

func newBlock(stride int) *nodeBlock {
	b := &nodeBlock{stride: stride, links: make([]uint32, blockCodes*stride)}
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
	at := int(slot) * b.stride
	return b.links[at : at+int(b.degree[slot])]
}

// setList replaces the links of a node on layer 0.
func (b *nodeBlock) setList(slot uint32, list []uint32) {
	copy(b.links[int(slot)*b.stride:][:b.stride], list)
	b.degree[slot] = uint8(len(list))
}

// widen makes room for stride links a node.
func (b *nodeBlock) widen(stride int) {
	if b.stride >= stride {
		return
	}
	links := make([]uint32, blockCodes*stride)
	for slot := range uint32(blockCodes) {
		if b.degree[slot] != noNode {
			copy(links[int(slot)*stride:], b.list(slot))
		}
	}
	b.stride, b.links = stride, links
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
//	        links, ascending: rice(k) of the distance from the least possible one
//	        for each layer above 0 that levelOf says: gamma of 1 + number of links,
//	        links as above
//	zero bits up to a full byte
//
// where k = linkParam(number of codes, number of links).

func linkParam(codes, n uint32) uint { return riceParam(uint64(codes) / uint64(n)) }

// appendLinks writes an ascending list.
func appendLinks(w *bitWriter, list []uint32, codes uint32) {
	if len(list) == 0 {
		return
	}
	k := linkParam(codes, uint32(len(list)))
	var next uint32
	for _, c := range list {
		w.rice(uint64(c-next), k)
		next = c + 1
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

// blockDecoder reads one block. Its bytes are copied first, for the padding.
type blockDecoder struct {
	r     bitReader
	end   uint // bits
	codes uint32
	buf   []byte
	links []uint32
	ends  [blockCodes]int
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
	d.buf = append(append(d.buf[:0], rest[1:]...), make([]byte, readPad)...)
	d.r = bitReader{buf: d.buf}
	d.end = uint(len(rest)-1) * 8
	d.codes = codes
	d.links = d.links[:0]
	b := &nodeBlock{}
	for slot := range uint32(blockCodes) {
		b.parent[slot] = noParent
		degree := int(d.r.bits(width)) - 1
		code := n*blockCodes + slot
		if d.r.pos > d.end {
			return nil, "ends early"
		}
		if degree < 0 {
			b.degree[slot] = noNode
			d.ends[slot] = len(d.links)
			continue
		}
		if degree > maxLinks || code >= codes {
			return nil, "bad number of links"
		}
		parent := int(d.r.bits(uint(bits.Len(uint(degree))))) - 1
		if parent >= degree {
			return nil, "bad parent"
		}
		start := len(d.links)
		if !d.list(uint32(degree), code) {
			return nil, "bad links"
		}
		b.degree[slot] = uint8(degree)
		b.stride = max(b.stride, degree)
		d.ends[slot] = len(d.links)
		if parent >= 0 {
			b.parent[slot] = d.links[start+parent]
		}
		for level := 1; level <= levelOf(code); level++ {
			k := d.r.gamma()
			if k == 0 || k-1 > uint64(maxLinks) || d.r.pos > d.end {
				return nil, "bad number of upper links"
			}
			start := len(d.links)
			if !d.list(uint32(k-1), code) {
				return nil, "bad upper links"
			}
			for _, c := range d.links[start:] {
				if levelOf(c) < level {
					return nil, "an upper link leaves its layer"
				}
			}
			b.upper = append(b.upper, upperNode{
				slot:  uint8(slot),
				level: uint8(level),
				links: slices.Clone(d.links[start:]),
			})
			d.links = d.links[:start]
		}
	}
	if left := d.end - d.r.pos; left >= 8 || d.r.bits(left) != 0 {
		return nil, "goes on after its end"
	}
	b.links = make([]uint32, blockCodes*b.stride)
	start := 0
	for slot, end := range d.ends {
		copy(b.links[slot*b.stride:], d.links[start:end])
		start = end
	}
	return b, ""
}

// list appends n ascending links of a code to d.links.
func (d *blockDecoder) list(n, code uint32) bool {
	if n == 0 {
		return true
	}
	k := linkParam(d.codes, n)
	var next uint64
	for range n {
		c := next + d.r.rice(k)
		if c >= uint64(d.codes) || c == uint64(code) || d.r.pos > d.end {
			return false
		}
		d.links = append(d.links, uint32(c))
		next = c + 1
	}
	return true
}
