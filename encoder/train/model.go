package train

import (
	"bufio"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/static"
)

// Model is the result of training. It is immutable and safe for concurrent use.
type Model struct {
	words  []string
	counts []int64
	tokens int64 // of the text, rare words included
	dim    int
	input  *matrix
	spec   encoder.Grams
	grams  *gramIndex // nil for Word2Vec
}

func (t *trainer) model() *Model {
	return &Model{
		words: t.corpus.words, counts: t.corpus.counts, tokens: t.corpus.total,
		dim: t.o.Dim, input: t.input, spec: t.o.Grams, grams: t.grams,
	}
}

// Len returns the number of words.
func (m *Model) Len() int { return len(m.words) }

// Word returns a word by rank: 0 is the most frequent.
func (m *Model) Word(rank int) string { return m.words[rank] }

// Count returns how often the word of a rank occurred in the text.
func (m *Model) Count(rank int) int64 { return m.counts[rank] }

// Vector appends the vector of the word of a rank to dst: for FastText the mean
// of the vectors of the word and its n-grams.
func (m *Model) Vector(dst []float32, rank int) []float32 {
	if m.grams == nil {
		return append(dst, m.input.row(int32(rank))[:m.dim]...)
	}
	rows := m.grams.rows(int32(rank))
	start := len(dst)
	dst = append(dst, make([]float32, m.dim)...)
	for _, r := range rows {
		for c, v := range m.input.row(r)[:m.dim] {
			dst[start+c] += v
		}
	}
	for c := range dst[start:] {
		dst[start+c] /= float32(len(rows))
	}
	return dst
}

// Info says what the vectors are.
func (m *Model) Info() static.Info {
	return static.Info{Kind: static.Trained, Dim: m.dim, Rows: len(m.words), Charset: "utf-8", Tokens: m.tokens}
}

// Rows yields the words, most frequent first. It never yields an error.
func (m *Model) Rows() iter.Seq2[static.Row, error] {
	return func(yield func(static.Row, error) bool) {
		var vector []float32
		for rank, word := range m.words {
			vector = m.Vector(vector[:0], rank)
			if !yield(static.Row{Word: word, Vector: vector, Count: m.counts[rank]}, nil) {
				return
			}
		}
	}
}

// Grams says how words are cut into n-grams; Buckets is 0 for Word2Vec.
func (m *Model) Grams() encoder.Grams { return m.spec }

// GramVector appends the vector of an n-gram bucket to dst: zeros if no word of
// the vocabulary falls into it. The error is always nil.
func (m *Model) GramVector(dst []float32, bucket uint32) ([]float32, error) {
	if m.grams != nil {
		if i, ok := slices.BinarySearch(m.grams.buckets, bucket); ok {
			return append(dst, m.input.row(int32(len(m.words) + i))[:m.dim]...), nil
		}
	}
	return append(dst, make([]float32, m.dim)...), nil
}

// WriteText writes the words and their vectors in the text format of word2vec and
// fastText (.vec). Reading it back gives the same float32s.
func (m *Model) WriteText(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	line := strconv.AppendInt(nil, int64(len(m.words)), 10)
	line = strconv.AppendInt(append(line, ' '), int64(m.dim), 10)
	for row, err := range m.Rows() {
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		line = append(line[:0], row.Word...)
		for _, v := range row.Vector {
			line = strconv.AppendFloat(append(line, ' '), float64(v), 'g', -1, 32)
		}
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	return out.Flush()
}
