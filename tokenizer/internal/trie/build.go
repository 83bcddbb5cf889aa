package trie

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"unicode/utf8"
)

// Word is one entry of a trie to be built.
type Word struct {
	Text string // not empty, valid UTF-8, no white space and no control characters
	Freq uint32 // 1 or more
	Tag  string // without a line feed
}

// sizes is the number of classes of nodes by children that remember where to
// look for a place: behind the last one found, because in front of it the like
// of it did not fit.
const sizes = 64

// maxSlots keeps as many of the numbers of slots free as there are characters,
// so that a base below zero, which wraps around, is never taken for a slot.
const maxSlots = 1<<linkBits - 1<<16

// Build returns the bytes of a trie of words. total is what Trie.Total will
// return. The same words in any order give the same bytes. It is an error if a
// word is given twice, is empty or holds a character that cannot be a label, or
// if there are more than 65,534 distinct frequencies, 64 tags or about a
// million nodes.
func Build(words []Word, total uint64) ([]byte, error) {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b Word) int { return cmp.Compare(a.Text, b.Text) })
	b := builder{}
	if err := b.tables(words); err != nil {
		return nil, err
	}
	b.slots = []slot{{label: noLabel, used: true}}
	b.bases = make([]uint64, (linkMask+1)/64)
	b.addFree()
	todo := &queue{{lo: 0, hi: len(words), children: b.children(words, 0, len(words), 0)}}
	for todo.Len() > 0 {
		n := heap.Pop(todo).(task)
		if err := b.place(words, n, todo); err != nil {
			return nil, err
		}
	}
	last := len(b.slots)
	for !b.slots[last-1].used {
		last--
	}
	return b.bytes(len(words), last, total, digest(words, total)), nil
}

type slot struct {
	base       uint32 // or the word, without children
	label      uint16
	leaf, word bool
	used       bool
	prev, next int // ring of free slots through slot 0
}

// task is a node whose children have no place yet: words[lo:hi] share its depth
// first bytes.
type task struct {
	node     uint32
	lo, hi   int
	depth    int
	children []child
}

// child is one label below a node and the words that go on with it.
type child struct {
	code   uint32
	lo, hi int
	depth  int
}

// queue hands out nodes with many children first: they are hard to place.
type queue []task

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if len(q[i].children) != len(q[j].children) {
		return len(q[i].children) > len(q[j].children)
	}
	return q[i].lo < q[j].lo || q[i].lo == q[j].lo && q[i].depth < q[j].depth
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(task)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

type builder struct {
	slots []slot
	codes map[rune]uint32
	freqs []uint32
	tags  []string
	bases []uint64   // a bit for each base that a node has
	from  [sizes]int // slot where to look for a place, by number of children less 1
}

func (b *builder) tables(words []Word) error {
	b.freqs = []uint32{0}
	for i, w := range words {
		if w.Text == "" || w.Freq == 0 || i > 0 && words[i-1].Text == w.Text {
			return fmt.Errorf("trie: word %q with frequency %d is empty, rare or twice there", w.Text, w.Freq)
		}
		b.freqs = append(b.freqs, w.Freq)
		b.tags = append(b.tags, w.Tag)
		for _, r := range w.Text {
			if r <= ' ' || r == 0x7F {
				return fmt.Errorf("trie: word %q holds the character %U", w.Text, r)
			}
		}
	}
	slices.Sort(b.freqs)
	b.freqs = slices.Compact(b.freqs)
	slices.Sort(b.tags)
	b.tags = slices.Compact(b.tags)
	if len(b.freqs) > 1<<16-1 || len(b.tags) > 64 {
		return fmt.Errorf("trie: %d frequencies or %d tags are too many", len(b.freqs), len(b.tags))
	}
	return b.label(words)
}

// label gives each character its code, the most frequent one 1, so that most
// labels are small numbers and the children of a node lie close together.
func (b *builder) label(words []Word) error {
	count := map[rune]int{}
	for _, w := range words {
		for _, r := range w.Text {
			count[r]++
		}
	}
	chars := slices.SortedFunc(maps.Keys(count), func(x, y rune) int {
		return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(x, y))
	})
	if len(chars) >= noLabel {
		return fmt.Errorf("trie: %d different characters are too many", len(chars))
	}
	b.codes = map[rune]uint32{}
	for i, r := range chars {
		b.codes[r] = uint32(i + 1)
	}
	return nil
}

// children groups words[lo:hi] by the character at byte depth. A word that ends
// there has the label 0 if there are others.
func (b *builder) children(words []Word, lo, hi, depth int) []child {
	var out []child
	for i := lo; i < hi; i++ {
		if len(words[i].Text) == depth {
			if depth > 0 && hi-lo > 1 {
				out = append(out, child{lo: i, hi: i + 1, depth: depth})
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(words[i].Text[depth:])
		code := b.codes[r]
		if n := len(out); n > 0 && out[n-1].code == code {
			out[n-1].hi = i + 1
			continue
		}
		out = append(out, child{code: code, lo: i, hi: i + 1, depth: depth + size})
	}
	slices.SortFunc(out, func(x, y child) int { return cmp.Compare(x.code, y.code) })
	return out
}

// place gives the children of n their slots.
func (b *builder) place(words []Word, n task, todo *queue) error {
	if len(n.children) == 0 {
		return nil
	}
	base := b.find(n.children)
	b.slots[n.node].base = base
	b.bases[base/64] |= 1 << (base % 64)
	for _, c := range n.children {
		at := (base + c.code) & linkMask
		for int(at) >= len(b.slots) {
			if len(b.slots) >= maxSlots {
				return fmt.Errorf("trie: more than %d slots", maxSlots)
			}
			b.addFree()
		}
		s := &b.slots[at]
		b.slots[s.prev].next, b.slots[s.next].prev = s.next, s.prev
		s.used, s.label = true, uint16(c.code)
		w := words[c.lo]
		s.word = len(w.Text) == c.depth
		below := b.children(words, c.lo, c.hi, c.depth)
		if c.code == 0 || len(below) == 0 {
			i, _ := slices.BinarySearch(b.freqs, w.Freq)
			j, _ := slices.BinarySearch(b.tags, w.Tag)
			s.leaf, s.base = true, uint32(i)<<tagBits|uint32(j)
			continue
		}
		heap.Push(todo, task{node: at, lo: c.lo, hi: c.hi, depth: c.depth, children: below})
	}
	return nil
}

// addFree appends one free slot to the ring.
func (b *builder) addFree() {
	i := len(b.slots)
	last := b.slots[0].prev
	b.slots = append(b.slots, slot{label: noLabel, prev: last})
	b.slots[last].next, b.slots[0].prev = i, i
}

// find returns the base of a place where all children are free.
func (b *builder) find(children []child) uint32 {
	size := min(len(children), sizes) - 1
	at := b.from[size]
	if len(children) > 8 {
		at = b.slots[0].next
	}
	for at < len(b.slots) && b.slots[at].used {
		at++
	}
	for at != 0 && at < len(b.slots) {
		base := uint32(at) - children[0].code
		if b.fits(base, children) {
			b.from[size] = at
			return base & linkMask
		}
		at = b.slots[at].next
	}
	for end := uint32(len(b.slots)); ; end++ {
		if base := (end - children[0].code) & linkMask; b.bases[base/64]>>(base%64)&1 == 0 {
			return base
		}
	}
}

func (b *builder) fits(base uint32, children []child) bool {
	base &= linkMask
	if b.bases[base/64]>>(base%64)&1 != 0 {
		return false
	}
	for _, c := range children {
		at := (base + c.code) & linkMask
		if at == 0 || at >= maxSlots {
			return false
		}
		if int(at) < len(b.slots) && b.slots[at].used {
			return false
		}
	}
	return true
}

// digest hashes sorted words.
func digest(words []Word, total uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\n", total)
	for _, w := range words {
		fmt.Fprintf(h, "%s %d %s\n", w.Text, w.Freq, w.Tag)
	}
	return h.Sum64()
}

func (b *builder) bytes(words, slots int, total, digest uint64) []byte {
	le := binary.LittleEndian
	var tags []byte
	for _, t := range b.tags {
		tags = append(append(tags, t...), '\n')
	}
	near := make([]byte, nearSize)
	var far []byte
	for _, r := range slices.Sorted(maps.Keys(b.codes)) {
		if i, ok := place(r); ok {
			le.PutUint16(near[2*i:], uint16(b.codes[r]))
			continue
		}
		far = le.AppendUint32(far, uint32(r))
		far = le.AppendUint32(far, b.codes[r])
	}
	out := []byte(magic)
	for _, v := range []int{slots, words, len(far) / farSize, len(b.freqs), len(tags)} {
		out = le.AppendUint32(out, uint32(v))
	}
	out = le.AppendUint64(le.AppendUint64(out, total), digest)
	out = append(append(out, near...), far...)
	for _, f := range b.freqs {
		out = le.AppendUint32(out, f)
	}
	out = append(out, tags...)
	for _, s := range b.slots[:slots] {
		v := uint64(s.base) | uint64(s.label)<<labelShift
		if s.leaf {
			v |= isLeaf
		}
		if s.word {
			v |= isWord
		}
		out = append(out, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32))
	}
	return out
}
