package index

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// chunkBuilder cuts lists into chunks. Lists are added by ascending code; full
// chunks appear in done.
type chunkBuilder struct {
	universe uint32
	done     []Chunk

	key   Chunk // of the chunk being built
	last  uint32
	heads []byte // of its groups
	body  []byte

	lists []shortList // of the short group being collected
	held  []posting   // of these lists
	bits  bitWriter
	gaps  [PostingsBatch]uint32
	tfs   [PostingsBatch]uint32
}

type shortList struct{ code, n uint32 }

type posting struct{ ordinal, tf uint32 }

func (b *chunkBuilder) open() bool { return len(b.heads) > 0 || len(b.lists) > 0 }

// start makes sure that a chunk is being built that takes a list from ordinal on.
func (b *chunkBuilder) start(code, ordinal uint32) {
	if !b.open() {
		b.key = Chunk{Code: code, Ordinal: ordinal}
	}
	b.last = code
}

// add adds the list of a code above all earlier ones. Its postings ascend, are
// not empty and lie below the universe, and every tf is above 0.
func (b *chunkBuilder) add(code uint32, list []posting) {
	if len(list) >= longList {
		b.closeGroup()
		b.addLong(code, list)
		return
	}
	if len(b.lists) == shortLists || len(b.held) >= shortFull {
		b.closeGroup()
	}
	b.start(code, 0)
	b.lists = append(b.lists, shortList{code, uint32(len(list))})
	b.held = append(b.held, list...)
}

// closeGroup writes the short group collected so far.
func (b *chunkBuilder) closeGroup() {
	if len(b.lists) == 0 {
		return
	}
	b.head(b.lists[0].code, 0)
	w := &b.bits
	w.buf = b.body
	w.put(uint64(len(b.lists)-1), 4)
	held := b.held
	for i, l := range b.lists {
		if i > 0 {
			w.gamma(uint64(l.code - b.lists[i-1].code))
		}
		w.gamma(uint64(l.n))
		k := shortParam(b.universe, l.n)
		var next uint32
		for _, p := range held[:l.n] {
			v := uint64(p.ordinal-next) << 1
			if p.tf == 1 {
				w.rice(v, k)
			} else {
				w.rice(v|1, k)
				w.gamma(uint64(p.tf - 1))
			}
			next = p.ordinal + 1
		}
		held = held[l.n:]
	}
	b.body = w.flush()
	b.lists, b.held = b.lists[:0], b.held[:0]
	b.cutIfFull()
}

func (b *chunkBuilder) head(code uint32, kind uint16) {
	b.heads = binary.LittleEndian.AppendUint32(b.heads, code)
	b.heads = binary.LittleEndian.AppendUint16(b.heads, uint16(len(b.body))|kind)
}

func (b *chunkBuilder) bytes() int { return len(b.heads) + len(b.body) }

func (b *chunkBuilder) cutIfFull() {
	if b.bytes() >= chunkTarget {
		b.cut()
	}
}

// addLong writes a long list, over several chunks where it must.
func (b *chunkBuilder) addLong(code uint32, list []posting) {
	df := uint32(len(list))
	var next, keyOrdinal uint32
	var flags byte
	var blocks []byte
	for len(list) > 0 {
		b.start(code, keyOrdinal)
		// The number of postings in the chunk stands in front of the blocks.
		blocks = blocks[:0]
		first, n := next, 0
		for n < len(list) && (n == 0 || b.bytes()+len(blocks) < chunkTarget) {
			m := min(PostingsBatch, len(list)-n)
			blocks, next = b.block(blocks, list[n:n+m], next)
			n += m
		}
		list = list[n:]
		if len(list) > 0 {
			flags |= partMore
			keyOrdinal = list[0].ordinal
		} else {
			flags &^= partMore
		}
		b.head(code, longKind)
		b.body = append(b.body, flags)
		b.body = binary.AppendUvarint(b.body, uint64(df))
		b.body = binary.AppendUvarint(b.body, uint64(n))
		b.body = binary.AppendUvarint(b.body, uint64(first))
		b.body = append(b.body, blocks...)
		flags |= partHead
		if len(list) > 0 {
			b.cut()
		}
	}
	b.cutIfFull()
}

// block appends a block of a long list, of which next is the least possible
// ordinal, and returns the least possible ordinal after it.
func (b *chunkBuilder) block(dst []byte, list []posting, next uint32) ([]byte, uint32) {
	first := next
	var gapBits, tfBits uint32
	gaps, tfs := b.gaps[:len(list)], b.tfs[:len(list)]
	for i, p := range list {
		gaps[i], tfs[i] = p.ordinal-next, p.tf-1
		gapBits |= gaps[i]
		tfBits |= tfs[i]
		next = p.ordinal + 1
	}
	gapWidth, tfWidth := bits.Len32(gapBits), bits.Len32(tfBits)
	dst = append(dst, byte(gapWidth), byte(tfWidth))
	dst = binary.AppendUvarint(dst, uint64(next-1-first))
	w := &b.bits
	w.buf = dst
	w.pack(gaps, uint(gapWidth))
	w.pack(tfs, uint(tfWidth))
	return w.buf, next
}

// cut ends the chunk being built.
func (b *chunkBuilder) cut() {
	b.closeGroup()
	if len(b.heads) == 0 {
		return
	}
	size := 1 + 3*binary.MaxVarintLen32 + b.bytes() + readPad
	d := append(make([]byte, 0, size), chunkFormat)
	d = binary.AppendUvarint(d, uint64(b.universe))
	d = binary.AppendUvarint(d, uint64(b.last-b.key.Code))
	d = binary.AppendUvarint(d, uint64(len(b.heads)/groupBytes))
	d = append(d, b.heads...)
	d = append(d, b.body...)
	d = append(d, make([]byte, readPad)...)
	b.key.Data = slices.Clip(d)
	b.done = append(b.done, b.key)
	b.key = Chunk{}
	b.heads, b.body = b.heads[:0], b.body[:0]
}
