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
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/ciyuan-search/ciyuan/encoder/static"
	"github.com/ciyuan-search/ciyuan/internal/pca"
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
	report.Report, err = static.Convert(ctx, w, s, static.ConvertOptions{Name: o.Name, License: o.License, Bits: o.Bits})
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
	basis   pca.Basis
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

// reduce finds the components and returns the share of the variance that they
// keep.
func (s *student) reduce(ctx context.Context, o *Options) (float64, error) {
	var err error
	s.basis, err = pca.Fit(ctx, s.vectors, s.dim, o.Drop, o.Dim)
	if errors.Is(err, pca.ErrDegenerate) {
		err = fmt.Errorf("%w: %w", ErrTeacher, err)
	}
	return s.basis.Kept, err
}

// Info says what the reduced vectors are.
func (s *student) Info() static.Info {
	return static.Info{Kind: static.Trained, Dim: s.basis.Dim(), Rows: len(s.words), Tokens: s.tokens}
}

// Rows yields the reduced vectors.
func (s *student) Rows() iter.Seq2[static.Row, error] {
	return func(yield func(static.Row, error) bool) {
		vector := make([]float32, s.basis.Dim())
		for i, word := range s.words {
			s.basis.Project(vector, s.vectors[i*s.dim:(i+1)*s.dim])
			if !yield(static.Row{Word: word.Text, Vector: vector, Count: word.Count}, nil) {
				return
			}
		}
	}
}
