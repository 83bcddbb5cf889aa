package ciyuan

import (
	"math"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// wordVector says how the encoder's table gives the vector of a word: no rows
// mean none, one row is the vector itself, several are pieces to be composed.
type wordVector struct {
	word string
	rows []uint32
	norm uint16 // of composed pieces
	own  []byte // the packed row itself, to be stored in the index
}

// newWordVector looks a folded word up in the encoder's table. Only words have
// vectors: numbers, identifiers and addresses match exactly or not at all.
func newWordVector(enc encoder.Static, word string, kind tokenizer.Kind) wordVector {
	w := wordVector{word: word}
	if kind != tokenizer.Word {
		return w
	}
	w.rows = enc.Compose(nil, word)
	if len(w.rows) > 1 {
		w.norm = enc.Norm(w.rows)
	}
	return w
}

// vector appends the unit vector to dst, nothing if the word has none.
func (w *wordVector) vector(enc encoder.Static, dst []float32) []float32 {
	switch len(w.rows) {
	case 0:
		return dst
	case 1:
		return enc.Vector(dst, w.rows[0])
	}
	return enc.ComposedVector(dst, w.rows)
}

// wordProbe is a query word prepared for comparing it with other words.
type wordProbe struct {
	word  string
	query scoring.Query
	has   bool
}

func newWordProbe(enc encoder.Static, word string, kind tokenizer.Kind) wordProbe {
	w := newWordVector(enc, word, kind)
	p := wordProbe{word: word}
	if v := w.vector(enc, nil); len(v) > 0 {
		p.query, p.has = enc.Query(v), true
	}
	return p
}

// meanProbe returns one probe for all words: the mean of their vectors. It has
// no word of its own and, where no word has a vector, no vector.
func meanProbe(enc encoder.Static, words []tokenizer.Token) wordProbe {
	sum := make([]float32, enc.Dim())
	for i := range words {
		w := newWordVector(enc, words[i].Word, words[i].Kind)
		for j, x := range w.vector(enc, nil) {
			sum[j] += x
		}
	}
	var square float64
	for _, x := range sum {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return wordProbe{}
	}
	length := float32(math.Sqrt(square))
	for j := range sum {
		sum[j] /= length
	}
	return wordProbe{query: enc.Query(sum), has: true}
}

// sim returns the cosine of the probe with a word, in [-1, 1]: exactly 1 for
// the word itself, with or without a vector, and 0 where either has none.
func (p *wordProbe) sim(enc encoder.Static, w *wordVector) float32 {
	switch {
	case p.word != "" && p.word == w.word:
		return 1
	case !p.has || len(w.rows) == 0:
		return 0
	}
	var z float32
	if len(w.rows) == 1 {
		z = enc.Dot(&p.query, w.rows[0])
	} else {
		z = enc.DotComposed(&p.query, w.rows, w.norm)
	}
	return max(-1, min(1, z))
}
