// Package distil makes a static table from any encoder: every word is encoded
// alone, once, and the vectors are reduced to their principal components. What is
// lost is context; what is gained is a look-up instead of a forward pass.
//
// The default table of ciyuan was made this way. The recipe is that of Model2Vec
// (Tulkens and van Dongen 2024) with the first principal component taken out as
// well (Mu and Viswanath, All-but-the-Top, 2018), which in sentence encoders
// tells how frequent a word is rather than what it means.
package distil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/encoder/static"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Errors of Distil.
var (
	// ErrOptions is wrapped where an option is out of range.
	ErrOptions = errors.New("distil: option out of range")
	// ErrTeacher is wrapped where a teacher's vectors cannot be used: of another
	// number than the words, of different dimensions, NaN or infinite.
	ErrTeacher = errors.New("distil: vectors of the teacher cannot be used")
	// ErrWords is wrapped where there are too few words for the dimensions.
	ErrWords = errors.New("distil: too few words")
)

// Word is a word of the table.
type Word struct {
	// Text is folded before the teacher sees it; of several words that fold to
	// the same, the first stays.
	Text string
	// Count is how often the word occurs in some large text; priors are made of
	// it. 0: unknown, the prior follows from the place among the words.
	Count int64
}

// Teacher returns a vector a word, all of one dimension, for a batch of words. A
// zero vector leaves the word out. The same words must always give the same
// vectors if the table is to be the same in every byte.
type Teacher func(ctx context.Context, words []string) ([][]float32, error)

// Options are the parameters of Distil; zero fields mean the defaults.
type Options struct {
	// Name is what the table calls itself.
	Name string
	// License is the licence that the table names.
	License string
	// Dim is the number of columns of the table, at most the teacher's less
	// Drop. Default 128, or what is possible if that is less.
	Dim int
	// Drop is the number of first principal components that are taken out.
	// Default 1; negative: none.
	Drop int
	// Bits a column. Default 8.
	Bits scoring.Bits
	// Batch is the largest number of words that the teacher gets at once.
	// Default 256.
	Batch int
	// Progress, if not nil, is called after each batch.
	Progress func(done, total int)
}

// Report says what Distil has made.
type Report struct {
	static.Report
	TeacherDim int     // columns of the teacher
	Kept       float64 // share of the variance about the mean that is left, 0 to 1
}

// Distil encodes words with teacher and writes their reduced vectors as a table
// for encoder.OpenTable: the mean of all words is subtracted, the vectors are
// projected on principal components Drop+1 to Drop+Dim, made unit and quantised.
// The same words and vectors give the same bytes.
//
// Memory: the teacher's vectors as float32, and a matrix of its dimension
// squared. The error is the teacher's, ctx's or w's, or wraps [ErrOptions],
// [ErrTeacher], [ErrWords] or an error of package encoder.
func Distil(ctx context.Context, w io.Writer, words []Word, teacher Teacher, o Options) (Report, error) {
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Drop == 0 {
		o.Drop = 1
	}
	o.Drop = max(0, o.Drop)
	if o.Dim < 0 || o.Batch < 0 {
		return Report{}, fmt.Errorf("%w: %d dimensions, batches of %d", ErrOptions, o.Dim, o.Batch)
	}
	s := &student{}
	if err := s.ask(ctx, unique(words), teacher, &o); err != nil {
		return Report{}, err
	}
	if len(s.words) <= s.dim {
		return Report{}, fmt.Errorf("%w: %d words have a vector of %d columns", ErrWords, len(s.words), s.dim)
	}
	possible := s.dim - o.Drop
	if o.Dim == 0 {
		o.Dim = max(1, min(128, possible))
	}
	if o.Dim > possible {
		return Report{}, fmt.Errorf("%w: %d dimensions of the teacher's %d less %d", ErrOptions, o.Dim, s.dim, o.Drop)
	}
	report := Report{TeacherDim: s.dim}
	var err error
	if report.Kept, err = s.reduce(ctx, &o); err != nil {
		return Report{}, err
	}
	report.Report, err = static.Convert(w, s, static.ConvertOptions{Name: o.Name, License: o.License, Bits: o.Bits})
	return report, err
}

// unique returns the words folded, without those that came before or are empty.
func unique(words []Word) []Word {
	seen := make(map[string]bool, len(words))
	kept := make([]Word, 0, len(words))
	for _, word := range words {
		word.Text = tokenizer.Fold(word.Text)
		if word.Text != "" && !seen[word.Text] {
			seen[word.Text] = true
			kept = append(kept, word)
		}
	}
	return kept
}

// student holds the vectors while they are reduced, and is the static.Vectors
// of the result.
type student struct {
	words   []Word
	tokens  int64
	dim     int       // of the teacher
	vectors []float32 // len(words) x dim
	mean    []float64
	basis   [][]float64 // Options.Dim components of dim columns
}

// ask collects the teacher's vectors.
func (s *student) ask(ctx context.Context, words []Word, teacher Teacher, o *Options) error {
	texts := make([]string, 0, o.Batch)
	for start := 0; start < len(words); start += o.Batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := words[start:min(len(words), start+o.Batch)]
		texts = texts[:0]
		for _, word := range batch {
			texts = append(texts, word.Text)
		}
		vectors, err := teacher(ctx, texts)
		if err != nil {
			return fmt.Errorf("encoding words %d to %d: %w", start, start+len(batch)-1, err)
		}
		if len(vectors) != len(batch) {
			return fmt.Errorf("%w: %d vectors for %d words", ErrTeacher, len(vectors), len(batch))
		}
		for i, vector := range vectors {
			if err := s.add(batch[i], vector); err != nil {
				return err
			}
		}
		if o.Progress != nil {
			o.Progress(start+len(batch), len(words))
		}
	}
	return nil
}

func (s *student) add(word Word, vector []float32) error {
	if s.dim == 0 {
		s.dim = len(vector)
	}
	if len(vector) == 0 || len(vector) != s.dim {
		return fmt.Errorf("%w: %q has %d columns, words before it %d", ErrTeacher, word.Text, len(vector), s.dim)
	}
	zero := true
	for i, v := range vector {
		if v-v != 0 { // NaN and infinities only
			return fmt.Errorf("%w: column %d of %q is %v", ErrTeacher, i, word.Text, v)
		}
		zero = zero && v == 0
	}
	if zero {
		return nil
	}
	s.words = append(s.words, word)
	s.tokens += max(0, word.Count)
	s.vectors = append(s.vectors, vector...)
	return nil
}

// blockRows is how many words enter the covariance matrix at a time.
const blockRows = 1024

// reduce finds mean and basis and returns the share of the variance that the
// basis keeps.
func (s *student) reduce(ctx context.Context, o *Options) (float64, error) {
	n := len(s.words)
	s.mean = make([]float64, s.dim)
	for i := range n {
		for c, v := range s.vectors[i*s.dim : (i+1)*s.dim] {
			s.mean[c] += float64(v)
		}
	}
	for c := range s.mean {
		s.mean[c] /= float64(n)
	}
	covariance := square(s.dim)
	centred := make([]float64, blockRows*s.dim)
	for start := 0; start < n; start += blockRows {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		rows := min(blockRows, n-start)
		for i := range rows {
			s.centre(centred[i*s.dim:(i+1)*s.dim], start+i)
		}
		addProducts(covariance, centred[:rows*s.dim], 1/float64(n))
	}
	values, vectors, ok := eigen(covariance)
	if !ok {
		return 0, fmt.Errorf("%w: their principal components cannot be computed", ErrTeacher)
	}
	order := make([]int, s.dim)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	var kept, total float64
	for _, v := range values {
		total += max(0, v)
	}
	for _, i := range order[o.Drop : o.Drop+o.Dim] {
		kept += max(0, values[i])
		component := vectors[i]
		sign := signOf(component)
		for c := range component {
			component[c] *= sign
		}
		s.basis = append(s.basis, component)
	}
	if total == 0 {
		return 0, fmt.Errorf("%w: all are the same", ErrTeacher)
	}
	return kept / total, nil
}

// square returns a matrix of zeros.
func square(n int) [][]float64 {
	all := make([]float64, n*n)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = all[i*n : (i+1)*n : (i+1)*n]
	}
	return rows
}

// addProducts adds, on and right of the diagonal, the products of the columns of x, a
// row-major matrix with as many columns as sum has, times a factor. Every row of
// sum is one goroutine's, so that the result does not depend on their number.
func addProducts(sum [][]float64, x []float64, factor float64) {
	dim := len(sum)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < dim; i = int(next.Add(1)) - 1 {
				to := sum[i][i:]
				for from := x; len(from) > 0; from = from[dim:] {
					f := from[i] * factor
					for j, y := range from[i:dim] {
						to[j] += f * y
					}
				}
			}
		})
	}
	wg.Wait()
}

// signOf returns 1 or -1 so that the component of largest magnitude is positive:
// an eigenvector's sign is an accident of the algorithm.
func signOf(v []float64) float64 {
	largest := 0.0
	for _, x := range v {
		if math.Abs(x) > math.Abs(largest) {
			largest = x
		}
	}
	return math.Copysign(1, largest)
}

// centre sets dst to a word's vector without the mean.
func (s *student) centre(dst []float64, i int) {
	for c, v := range s.vectors[i*s.dim : (i+1)*s.dim] {
		dst[c] = float64(v) - s.mean[c]
	}
}

// Info says what the reduced vectors are.
func (s *student) Info() static.Info {
	return static.Info{Kind: static.Trained, Dim: len(s.basis), Rows: len(s.words), Tokens: s.tokens}
}

// Rows yields the reduced vectors.
func (s *student) Rows() iter.Seq2[static.Row, error] {
	return func(yield func(static.Row, error) bool) {
		centred := make([]float64, s.dim)
		vector := make([]float32, len(s.basis))
		for i, word := range s.words {
			s.centre(centred, i)
			for k, component := range s.basis {
				var dot float64
				for c, x := range component {
					dot += x * centred[c]
				}
				vector[k] = float32(dot)
			}
			if !yield(static.Row{Word: word.Text, Vector: vector, Count: word.Count}, nil) {
				return
			}
		}
	}
}
