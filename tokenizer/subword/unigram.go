package subword

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// unknownPenalty is how much less likely than the least likely piece an unknown
// character is.
const unknownPenalty = 10

// unigram takes the pieces whose probabilities have the largest product.
//
// Source: Kudo (2018), subword regularization; the Viterbi search of
// SentencePiece's unigram_model.cc.
type unigram struct {
	vocab   *vocab
	score   []float64 // log probability by id
	unknown int32     // -1 for none
	least   float64   // score of an unknown character
	bytes   []int32   // ids of <0x00> to <0xFF> with byte fallback, else nil
}

// latticeNode is the best way to reach a byte of the text.
type latticeNode struct {
	score float64
	from  int32 // -1: not reached
	id    int32
}

// parseUnigram makes the model of a file's vocabulary, scores by id, and settings.
func parseUnigram(v *vocab, scores []float64, spec modelSpec) (*unigram, error) {
	m := &unigram{vocab: v, score: scores, unknown: -1, least: math.Inf(1)}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("%w: piece %d has the score %v", ErrFormat, i, s)
		}
		m.least = min(m.least, s)
	}
	m.least -= unknownPenalty
	if spec.UnknownID != nil {
		id := *spec.UnknownID
		if id < 0 || id >= len(scores) {
			return nil, fmt.Errorf("%w: the unknown token is %d of %d", ErrFormat, id, len(scores))
		}
		m.unknown = int32(id)
	}
	if spec.ByteFallback {
		m.bytes = make([]int32, 256)
		for c := range m.bytes {
			m.bytes[c] = v.trie.find(fmt.Sprintf("<0x%02X>", c))
		}
	}
	return m, nil
}

func (m *unigram) vocabulary() *vocab { return m.vocab }

func (m *unigram) id(piece string) (uint32, bool) {
	id := m.vocab.trie.find(piece)
	return uint32(max(id, 0)), id >= 0
}

func (m *unigram) tokens(dst []Token, w *work, lo, hi int) []Token {
	b := w.cur.b[lo:hi]
	m.search(w, b)
	// Walk back, then turn round. Neighbouring unknowns become one token.
	before := len(dst)
	for at := len(b); at > 0; {
		from, id := int(w.lattice[at].from), w.lattice[at].id
		end := at
		at = from
		if id != m.unknown {
			start, stop := w.cur.span(lo+from, lo+end)
			dst = append(dst, Token{uint32(id), start, stop})
			continue
		}
		for at > 0 && w.lattice[at].id == m.unknown {
			at = int(w.lattice[at].from)
		}
		dst = m.unknownTokens(dst, w, lo+at, lo+end)
	}
	for i, j := before, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// search fills the lattice of b.
func (m *unigram) search(w *work, b []byte) {
	if cap(w.lattice) <= len(b) {
		w.lattice = make([]latticeNode, len(b)+1)
	}
	nodes := w.lattice[:len(b)+1]
	for i := range nodes {
		nodes[i].from = -1
	}
	nodes[0].score = 0
	for at := 0; at < len(b); {
		so := nodes[at].score
		_, char := utf8.DecodeRune(b[at:])
		single := false // a piece is this one character
		for i, n := at, uint32(0); i < len(b); {
			if n = m.vocab.trie.child(n, b[i]); n == 0 {
				break
			}
			i++
			if id := m.vocab.trie.value[n]; id >= 0 {
				nodes[i].offer(so+m.score[id], at, id)
				single = single || i-at == char
			}
		}
		if !single {
			nodes[at+char].offer(so+m.least, at, m.unknown)
		}
		at += char
	}
}

// offer keeps the better way; of two equal ones the first.
func (n *latticeNode) offer(score float64, from int, id int32) {
	if n.from < 0 || score > n.score {
		*n = latticeNode{score, int32(from), id}
	}
}

// unknownTokens appends, in reverse, the tokens of a stretch that is in no
// piece: one, or one for each byte. The stretch as a whole is looked up again
// first, as the library does: a single character may be a piece whose id is that
// of the unknown token.
func (m *unigram) unknownTokens(dst []Token, w *work, lo, hi int) []Token {
	id := m.vocab.trie.find(string(w.cur.b[lo:hi]))
	if id < 0 {
		id = m.unknown
		if tokens, ok := m.byteTokens(dst, w, lo, hi); ok {
			return tokens
		}
	}
	if id < 0 {
		return dst // no unknown token at all: the text is lost
	}
	start, end := w.cur.span(lo, hi)
	return append(dst, Token{uint32(id), start, end})
}

// byteTokens appends the tokens of single bytes, in reverse, false if there are
// none for some byte.
func (m *unigram) byteTokens(dst []Token, w *work, lo, hi int) ([]Token, bool) {
	if m.bytes == nil {
		return dst, false
	}
	for _, c := range w.cur.b[lo:hi] {
		if m.bytes[c] < 0 {
			return dst, false
		}
	}
	for i := hi - 1; i >= lo; i-- {
		start, end := w.cur.span(lo, hi)
		dst = append(dst, Token{uint32(m.bytes[w.cur.b[i]]), start, end})
	}
	return dst, true
}
