package align

import (
	"context"
	"math"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Vectors gives the tokens of a text their vectors: a table of words or a
// transformer. Implementations are safe for concurrent use.
type Vectors interface {
	// Vectors returns one vector for each token of the text. All that have
	// values have the same number of columns.
	Vectors(ctx context.Context, text *Text) ([]Vector, error)
}

// A Vector is what stands for a token.
type Vector struct {
	Values []float32 // of length 1; nil for a token that has none
	// Background is the cosine that the vector has with words of the other
	// language that have nothing to do with it: T ln mean exp(z/T) with T = 0.1
	// over many words, weighted by their frequency. It is higher for words
	// that are near to everything. NaN takes the words of the other text
	// instead.
	Background float64
}

const (
	// temperature is what differences of cosines are measured in.
	temperature = 0.1
	// background is the Background of tokens without a vector.
	background = 0.15
	// sampled and sampleStep say which words stand for a language: each 20th of
	// the 20,000 most frequent ones.
	sampled, sampleStep = 20_000, 20
)

// StaticVectors returns the vectors of a table of words. The first text reads
// the frequencies of the whole table, some 30 ms for the default.
func StaticVectors(table encoder.Static) Vectors { return newStaticVectors(table) }

type staticVectors struct {
	table  encoder.Static
	once   sync.Once
	sample [2]sample // words that are not Chinese, words that are
	mu     sync.Mutex
	known  map[string]Vector
}

// maxKnown bounds the words whose vectors are kept.
const maxKnown = 20_000

type sample struct {
	rows    []uint32
	weights []float64 // sum 1
}

func newStaticVectors(table encoder.Static) *staticVectors {
	return &staticVectors{table: table, known: map[string]Vector{}}
}

func isHan(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.Is(unicode.Han, r)
}

// gather chooses the words that stand for each language: every twentieth of the
// most frequent ones, by frequency and then by row.
func (s *staticVectors) gather() {
	// Priors are few: words are put into bins of 1/16 nat.
	var bins [2][16 * 16][]uint32
	for row := range uint32(s.table.Len()) {
		k := 0
		if isHan(s.table.Word(row)) {
			k = 1
		}
		bin := max(0, min(int(s.table.Prior(row)*16), len(bins[k])-1))
		bins[k][bin] = append(bins[k][bin], row)
	}
	for k := range bins {
		at, sum := 0, 0.0
		for _, bin := range bins[k] {
			for _, row := range bin {
				if at%sampleStep == 0 && at < sampled {
					w := math.Exp(-float64(s.table.Prior(row)))
					s.sample[k].rows = append(s.sample[k].rows, row)
					s.sample[k].weights = append(s.sample[k].weights, w)
					sum += w
				}
				at++
			}
		}
		for i := range s.sample[k].weights {
			s.sample[k].weights[i] /= sum
		}
	}
	for k := range s.sample {
		if len(s.sample[k].rows) == 0 { // a table of one language
			s.sample[k] = s.sample[1-k]
		}
	}
}

func (s *staticVectors) Vectors(_ context.Context, text *Text) ([]Vector, error) {
	out := make([]Vector, len(text.Tokens))
	for i := range text.Tokens {
		out[i] = s.vector(&text.Tokens[i])
	}
	return out, nil
}

func (s *staticVectors) vector(t *tokenizer.Token) Vector {
	if t.Kind == tokenizer.Punct {
		return Vector{Background: background}
	}
	s.mu.Lock()
	v, ok := s.known[t.Word]
	s.mu.Unlock()
	if ok {
		return v
	}
	s.once.Do(s.gather)
	v = Vector{Values: wordVector(s.table, t.Word), Background: background}
	if v.Values != nil {
		v.Background = s.background(v.Values, isHan(t.Word))
	}
	s.mu.Lock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[t.Word] = v
	s.mu.Unlock()
	return v
}

// background returns the Background of a word's vector, over the words of the
// other script.
func (s *staticVectors) background(vec []float32, han bool) float64 {
	other := &s.sample[1]
	if han {
		other = &s.sample[0]
	}
	q := s.table.Query(vec)
	z := make([]float32, len(other.rows))
	s.table.DotMany(&q, other.rows, z)
	sum := 0.0
	for i, x := range z {
		sum += other.weights[i] * math.Exp(float64(x)/temperature)
	}
	return temperature * math.Log(sum)
}

// neighbors returns the k rows of the other script, Han or not, that are nearest
// to a vector, best first.
func neighbors(table encoder.Static, vec []float32, han bool, k int) []scoring.Hit {
	q := table.Query(vec)
	top := scoring.NewTopK(k)
	rows := make([]uint32, 0, 1024)
	z := make([]float32, 1024)
	flush := func() {
		table.DotMany(&q, rows, z)
		for i, row := range rows {
			top.Push(uint64(row), float64(z[i]))
		}
		rows = rows[:0]
	}
	for row := range uint32(table.Len()) {
		if isHan(table.Word(row)) == han {
			if rows = append(rows, row); len(rows) == cap(rows) {
				flush()
			}
		}
	}
	flush()
	return top.Hits()
}

// wordVector returns the unit vector of a folded word, nil if it has none. A
// word with signs in it, such as co-written, has the mean of its parts.
func wordVector(table encoder.Static, word string) []float32 {
	switch rows := table.Compose(nil, word); len(rows) {
	case 0:
	case 1:
		return table.Vector(nil, rows[0])
	default:
		if table.Norm(rows) > 0 {
			return table.ComposedVector(nil, rows)
		}
		return nil
	}
	var sum []float32
	for _, part := range letters(word) {
		v := wordVector(table, part)
		if sum == nil {
			sum = v
			continue
		}
		for i, x := range v {
			sum[i] += x
		}
	}
	return unit(sum)
}

func unit(v []float32) []float32 {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return nil
	}
	length := float32(math.Sqrt(square))
	for i := range v {
		v[i] /= length
	}
	return v
}

func dot(a, b []float32) float64 {
	b = b[:min(len(a), len(b))]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(b); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(b); i++ {
		s0 += a[i] * b[i]
	}
	return float64((s0 + s1) + (s2 + s3))
}
