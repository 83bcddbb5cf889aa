package align

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

var (
	// ErrOption is wrapped where an option is out of its range.
	ErrOption = errors.New("align: option out of range")
	// ErrTooLong is wrapped where a text has more than MaxTokens tokens.
	ErrTooLong = errors.New("align: the text is too long to be aligned")
)

// MaxTokens is the most tokens that a text to be aligned may have. Cut longer
// ones into sentences first.
const MaxTokens = 1000

// A Link is a pair of tokens that stand for each other, by their numbers from 0.
type Link struct {
	Source, Target int
}

// Method is how links are taken from what the tokens are worth to each other.
type Method uint8

// The methods.
const (
	Iterative  Method = iota // mutual, then again what is left: SimAlign's itermax; the default
	Mutual                   // tokens that are each other's best
	Assignment               // each token at most once, the largest sum
	Grow                     // grow-diag-final-and of the two directions
	Posterior                // every pair that is worth the threshold
)

var methodNames = [...]string{"itermax", "mutual", "assign", "grow", "posterior"}

// String returns the name that ParseMethod reads.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return fmt.Sprintf("Method(%d)", uint8(m))
}

// ParseMethod returns the method of that name, or an error wrapping ErrOption.
func ParseMethod(name string) (Method, error) {
	for i, n := range methodNames {
		if n == name {
			return Method(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown method %q", ErrOption, name)
}

// Distortion is what is expected of the order of words.
type Distortion uint8

// The distortions.
const (
	Jumps    Distortion = iota // neighbours stay neighbours: a hidden Markov model; the default
	Diagonal                   // the same relative place in both texts
	Anywhere                   // nothing
)

var distortionNames = [...]string{"jumps", "diagonal", "none"}

// String returns the name that ParseDistortion reads.
func (d Distortion) String() string {
	if int(d) < len(distortionNames) {
		return distortionNames[d]
	}
	return fmt.Sprintf("Distortion(%d)", uint8(d))
}

// ParseDistortion returns the distortion of that name, or an error wrapping
// ErrOption.
func ParseDistortion(name string) (Distortion, error) {
	for i, n := range distortionNames {
		if n == name {
			return Distortion(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown distortion %q", ErrOption, name)
}

// DefaultNull is the probability of a token to have no counterpart, unless
// Options say otherwise.
const DefaultNull = 0.3

// defaultThresholds are what a link must be worth, measured on the development
// pairs of testdata/align: mutual links need little more than to be each
// other's best.
var defaultThresholds = [...]float64{Mutual: 0.1, Iterative: 0.2, Assignment: 0.2, Grow: 0.3, Posterior: 0.3}

// Options say how texts are aligned. The zero value is a good default.
type Options struct {
	Method     Method
	Distortion Distortion

	// Null is the probability that a token has no counterpart, in (0, 1); 0
	// means DefaultNull, below 0 that each has one.
	Null float64

	// Threshold is what a link must be worth: the geometric mean of the
	// probabilities of the two directions, in (0, 1]; with Grow, either of them.
	// 0 means the one that suits the method, below 0 none.
	Threshold float64

	// Model is what was learned from parallel text; nil for vectors alone.
	Model *Model
}

func (o *Options) check() (Options, error) {
	var t Options
	if o != nil {
		t = *o
	}
	switch {
	case int(t.Method) >= len(methodNames):
		return t, fmt.Errorf("%w: no such method: %v", ErrOption, t.Method)
	case int(t.Distortion) >= len(distortionNames):
		return t, fmt.Errorf("%w: no such distortion: %v", ErrOption, t.Distortion)
	case !(t.Null < 1):
		return t, fmt.Errorf("%w: null must be below 1", ErrOption)
	case !(t.Threshold <= 1):
		return t, fmt.Errorf("%w: threshold must not be above 1", ErrOption)
	}
	if t.Null == 0 {
		t.Null = DefaultNull
	}
	if t.Threshold == 0 {
		t.Threshold = defaultThresholds[t.Method]
	}
	t.Null, t.Threshold = max(t.Null, 0), max(t.Threshold, 0)
	return t, nil
}

// An Alignment is what stands for what in a pair of texts.
type Alignment struct {
	Source, Target Text
	Links          []Link // by source, then by target
	// Similarity is how near the tokens are to each other, in [-1, 1]: 1 for the
	// same word, number or mark, the cosine of their vectors for other words.
	Similarity Matrix
	// Confidence is what each pair is worth in its place, in [0, 1]: the
	// geometric mean of the probabilities of the two directions.
	Confidence Matrix
}

// An Aligner aligns pairs of texts. It is safe for concurrent use.
type Aligner struct {
	vectors Vectors
	o       Options
}

// New returns an Aligner. nil options mean the defaults; the error wraps
// ErrOption.
func New(vectors Vectors, opts *Options) (*Aligner, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	return &Aligner{vectors: vectors, o: o}, nil
}

// Align aligns two texts. It takes time and memory in proportion to the product
// of their lengths; a text without tokens has no links. Errors are ErrTooLong and
// those of the vectors.
func (a *Aligner) Align(ctx context.Context, src, tgt Text) (*Alignment, error) {
	for _, t := range []*Text{&src, &tgt} {
		if len(t.Tokens) > MaxTokens {
			return nil, fmt.Errorf("%w: %d tokens, more than %d", ErrTooLong, len(t.Tokens), MaxTokens)
		}
	}
	x, err := a.vectors.Vectors(ctx, &src)
	if err != nil {
		return nil, err
	}
	y, err := a.vectors.Vectors(ctx, &tgt)
	if err != nil {
		return nil, err
	}
	out := &Alignment{Source: src, Target: tgt}
	out.Similarity = similarity(shapes(&src), shapes(&tgt), x, y)
	forward, backward := ratios(&out.Similarity, x, y)
	jumps := [2]jumpTable{defaultJumps(), defaultJumps()}
	if m := a.o.Model; m != nil {
		m.combine(&forward, &backward, m.src.codes(&src), m.tgt.codes(&tgt))
		jumps = m.jumps
	}
	backward = backward.transposed()
	f := a.direction(&forward, &jumps[0])
	b := a.direction(&backward, &jumps[1])
	b = b.transposed()
	out.Confidence = joint(&f, &b)
	switch a.o.Method {
	case Mutual:
		out.Links = mutual(&out.Confidence, a.o.Threshold)
	case Assignment:
		out.Links = assignment(&out.Confidence, a.o.Threshold)
	case Grow:
		out.Links = grow(&f, &b, a.o.Threshold)
	case Posterior:
		out.Links = above(&out.Confidence, a.o.Threshold)
	default:
		out.Links = iterative(&out.Confidence, a.o.Threshold)
	}
	sortLinks(out.Links)
	return out, nil
}

// direction returns for each column the probability of each row.
func (a *Aligner) direction(ratio *Matrix, jumps *jumpTable) Matrix {
	switch a.o.Distortion {
	case Diagonal:
		return independent(ratio, a.o.Null, diagonalTension)
	case Anywhere:
		return independent(ratio, a.o.Null, 0)
	}
	j := *jumps
	j.null = a.o.Null
	return posterior(ratio, &j, nil)
}

// diagonalTension is how steeply probability falls off the diagonal, the start
// value of Dyer, Chahuneau and Smith's fast_align (2013).
const diagonalTension = 4

// independent is the posterior where each token chooses for itself.
func independent(ratio *Matrix, null, tension float64) Matrix {
	out := NewMatrix(ratio.Rows, ratio.Cols)
	place := make([]float64, ratio.Rows)
	for j := range ratio.Cols {
		sum := 0.0
		for i := range place {
			far := math.Abs((float64(i)+0.5)/float64(ratio.Rows) - (float64(j)+0.5)/float64(ratio.Cols))
			place[i] = math.Exp(-tension * far)
			sum += place[i]
		}
		all := null
		for i := range place {
			place[i] *= (1 - null) / sum * ratio.At(i, j)
			all += place[i]
		}
		if all == 0 {
			continue
		}
		for i, x := range place {
			out.Values[i*ratio.Cols+j] = x / all
		}
	}
	return out
}

// joint returns the geometric mean of two matrices.
func joint(a, b *Matrix) Matrix {
	out := NewMatrix(a.Rows, a.Cols)
	for k := range out.Values {
		out.Values[k] = math.Sqrt(a.Values[k] * b.Values[k])
	}
	return out
}

var standard = sync.OnceValues(func() (*Aligner, error) {
	table, err := encoder.Default()
	if err != nil {
		return nil, err
	}
	return New(StaticVectors(table), nil)
})

// Sentence aligns two sentences with the embedded vectors and the default
// options. Errors are those of Align and encoder.ErrNoDefault.
func Sentence(ctx context.Context, src, tgt string) (*Alignment, error) {
	a, err := standard()
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return nil, err
	}
	return a.Align(ctx, Cut(tok, src), Cut(tok, tgt))
}
