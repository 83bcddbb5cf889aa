package subword

import (
	"fmt"
	"strings"
)

// bpe merges neighbouring symbols, the pair that was learnt first first.
//
// The symbols are bytes here: in the file each byte is written as a printable
// character, see byteOf.
//
// Source: Sennrich, Haddow and Birch (2016); Radford et al. (2019) for bytes.
type bpe struct {
	vocab      *vocab // its trie holds the bytes that the pieces stand for
	bytes      [256]int32
	merges     map[uint64]merge // left id << 32 | right id
	unknown    int32            // -1 for none: bytes without a piece are left out
	fuse       bool             // neighbouring unknowns are one
	wholeWords bool             // a word of the vocabulary is not split
}

type merge struct{ rank, id uint32 }

// symbol is a part of the word at hand; the list is linked by index.
type symbol struct {
	id         uint32
	lo, hi     int32 // bytes of the word; lo == hi: merged into another
	prev, next int32 // -1 at the ends
}

// candidate is a pair of symbols that could be merged.
type candidate struct {
	rank uint32
	at   int32 // index of the left symbol
	id   uint32
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// bpeWork is the memory of one call.
type bpeWork struct {
	symbols []symbol
	queue   []candidate
}

// byteOf returns the byte that a character of a piece stands for. The printable
// characters of Latin-1 stand for themselves, the other bytes for U+0100 and
// what follows, in ascending order.
//
// Source: bytes_to_unicode of GPT-2's encoder.py.
func byteOf(r rune) (byte, bool) {
	switch {
	case '!' <= r && r <= '~', 0xa1 <= r && r <= 0xac, 0xae <= r && r <= 0xff:
		return byte(r), true
	case r < 0x100 || r > 0x143:
		return 0, false
	case r <= 0x120: // the 33 bytes from 0 to the space
		return byte(r - 0x100), true
	case r <= 0x142: // the 34 from DEL to the no-break space
		return byte(r - 0x121 + 0x7f), true
	}
	return 0xad, true
}

// bytesOf returns the bytes that a piece stands for, false for a piece with
// characters that stand for none, which no text can contain.
func bytesOf(piece string) (string, bool) {
	b := make([]byte, 0, len(piece))
	for _, r := range piece {
		c, ok := byteOf(r)
		if !ok {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), true
}

// parseBPE makes the model of a file's vocabulary and settings.
func parseBPE(v *vocab, spec modelSpec) (*bpe, error) {
	if spec.Prefix != nil && *spec.Prefix != "" || spec.Suffix != nil && *spec.Suffix != "" || spec.ByteFallback {
		return nil, fmt.Errorf("%w: BPE with a prefix, a suffix or byte fallback", ErrUnsupported)
	}
	m := &bpe{vocab: v, merges: make(map[uint64]merge, len(spec.Merges)), unknown: -1, fuse: spec.FuseUnknown, wholeWords: spec.IgnoreMerges}
	if spec.Unknown != nil && *spec.Unknown != "" {
		id, ok := m.id(*spec.Unknown)
		if !ok {
			return nil, fmt.Errorf("%w: the unknown token %q is not in the vocabulary", ErrFormat, *spec.Unknown)
		}
		m.unknown = int32(id)
	}
	for c := range m.bytes {
		m.bytes[c] = v.trie.find(string([]byte{byte(c)}))
	}
	for rank, pair := range spec.Merges {
		left, right := pair[0], pair[1]
		a, okA := m.id(left)
		b, okB := m.id(right)
		ab, okAB := m.id(left + right)
		if !okA || !okB || !okAB {
			return nil, fmt.Errorf("%w: merge %d, %q and %q: not all in the vocabulary", ErrFormat, rank, left, right)
		}
		m.merges[uint64(a)<<32|uint64(b)] = merge{uint32(rank), ab}
	}
	return m, nil
}

func (m *bpe) vocabulary() *vocab { return m.vocab }

func (m *bpe) id(piece string) (uint32, bool) {
	if b, ok := bytesOf(piece); ok {
		id := m.vocab.trie.find(b)
		return uint32(max(id, 0)), id >= 0
	}
	return 0, false
}

func (m *bpe) tokens(dst []Token, w *work, lo, hi int) []Token {
	b := w.cur.b[lo:hi]
	if m.wholeWords {
		if id := m.vocab.trie.find(string(b)); id >= 0 {
			start, end := w.cur.span(lo, hi)
			return append(dst, Token{uint32(id), start, end})
		}
	}
	m.merge(&w.bpe, b)
	for _, s := range w.bpe.symbols {
		if s.lo < s.hi {
			start, end := w.cur.span(lo+int(s.lo), lo+int(s.hi))
			dst = append(dst, Token{s.id, start, end})
		}
	}
	return dst
}

// merge leaves the symbols of the word b in w. A heap keeps words of any length
// at O(n log n).
func (m *bpe) merge(w *bpeWork, b []byte) {
	w.symbols, w.queue = w.symbols[:0], w.queue[:0]
	for i, c := range b {
		id := m.bytes[c]
		n := len(w.symbols)
		if id < 0 {
			if m.unknown < 0 {
				continue
			}
			id = m.unknown
			if m.fuse && n > 0 && w.symbols[n-1].id == uint32(id) && int(w.symbols[n-1].hi) == i {
				w.symbols[n-1].hi++
				continue
			}
		}
		w.symbols = append(w.symbols, symbol{uint32(id), int32(i), int32(i + 1), int32(n - 1), int32(n + 1)})
	}
	if len(w.symbols) == 0 {
		return
	}
	w.symbols[len(w.symbols)-1].next = -1
	for i := range w.symbols {
		m.offer(w, int32(i))
	}
	for len(w.queue) > 0 {
		c := w.pop()
		left := &w.symbols[c.at]
		if left.lo == left.hi || left.next < 0 {
			continue
		}
		right := &w.symbols[left.next]
		// The pair may have changed since it was queued.
		if p, ok := m.merges[uint64(left.id)<<32|uint64(right.id)]; !ok || p.id != c.id {
			continue
		}
		left.id, left.hi = c.id, right.hi
		left.next = right.next
		right.lo = right.hi
		if left.next >= 0 {
			w.symbols[left.next].prev = c.at
		}
		if left.prev >= 0 {
			m.offer(w, left.prev)
		}
		m.offer(w, c.at)
	}
}

// offer queues the pair that symbol i begins, if it can be merged.
func (m *bpe) offer(w *bpeWork, i int32) {
	s := w.symbols[i]
	if s.next < 0 {
		return
	}
	p, ok := m.merges[uint64(s.id)<<32|uint64(w.symbols[s.next].id)]
	if !ok {
		return
	}
	w.queue = append(w.queue, candidate{p.rank, i, p.id})
	q := w.queue
	for k := len(q) - 1; k > 0; {
		up := (k - 1) / 2
		if !q[k].before(q[up]) {
			break
		}
		q[k], q[up] = q[up], q[k]
		k = up
	}
}

// pop removes and returns the first candidate.
func (w *bpeWork) pop() candidate {
	q := w.queue
	top := q[0]
	n := len(q) - 1
	q[0] = q[n]
	q = q[:n]
	for k := 0; ; {
		c := 2*k + 1
		if c >= n {
			break
		}
		if c+1 < n && q[c+1].before(q[c]) {
			c++
		}
		if !q[c].before(q[k]) {
			break
		}
		q[k], q[c] = q[c], q[k]
		k = c
	}
	w.queue = q
	return top
}

// splitMerge takes a merge apart that is written as one string, "a b".
func splitMerge(s string) (merge [2]string, ok bool) {
	left, right, ok := strings.Cut(s, " ")
	return [2]string{left, right}, ok && left != "" && right != "" && !strings.Contains(right, " ")
}
