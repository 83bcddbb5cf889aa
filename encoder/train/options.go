package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// Errors of Train.
var (
	// ErrOptions is wrapped where an option is out of range.
	ErrOptions = errors.New("train: option out of range")
	// ErrVocabulary is returned when no two words are frequent enough.
	ErrVocabulary = errors.New("train: fewer than two words occur often enough")
)

// Type is a kind of model.
type Type uint8

// The kinds of models.
const (
	Word2Vec Type = iota // a vector a word
	FastText             // a vector a word and one a bucket of character n-grams
)

// String returns the name that the command line uses.
func (t Type) String() string {
	switch t {
	case Word2Vec:
		return "word2vec"
	case FastText:
		return "fasttext"
	default:
		return fmt.Sprintf("Type(%d)", uint8(t))
	}
}

// Options are the parameters of training. A field that is zero means the default
// that is named with it; those are gensim's for Word2Vec and fastText's own for
// FastText.
type Options struct {
	Type Type
	// Dim is the number of columns, at most 65536. Default 100.
	Dim int
	// Window is the largest distance between two words that are trained
	// together; the distance used at each word is drawn from 1..Window.
	// Default 5.
	Window int
	// MinCount is how often a word must occur to get a vector. Default 5.
	MinCount int
	// MaxWords keeps the most frequent words only. Default: all.
	MaxWords int
	// Negatives is the number of noise words a pair. Default 5.
	Negatives int
	// Epochs is the number of passes over the text. Default 5.
	Epochs int
	// Rate is the learning rate at the start; it falls in a straight line to
	// almost zero at the end. Default 0.025, FastText 0.05.
	Rate float64
	// Sample is the relative frequency above which occurrences of a word are
	// left out at random; 1 keeps all. Default 0.001, FastText 0.0001.
	Sample float64
	// Grams says which n-grams FastText uses. Default: 3 to 6 characters in
	// 2,000,000 buckets, of which only those that occur take memory.
	Grams encoder.Grams
	// Workers is the number of goroutines. Default 1, which is the only number
	// that gives the same vectors twice.
	Workers int
	// Seed starts the random numbers. Zero is a seed like any other.
	Seed uint64
	// TempDir is where the text is kept as numbers, about two bytes a word,
	// until the end of Train. Default: os.TempDir.
	TempDir string
	// Progress, if not nil, is called a few times a second's worth of work,
	// never by two goroutines at once.
	Progress func(Progress)
}

// Progress is the state of a training run.
type Progress struct {
	Words         int   // of the vocabulary; 0 while the text is read
	Epoch, Epochs int   // Epoch counts from 1; 0 while the text is read
	Done, Total   int64 // words of all epochs; Total is 0 while the text is read
	Rate          float64
}

const maxDim = 1 << 16

// withDefaults returns o with its zero fields set, or an error.
func (o Options) withDefaults() (Options, error) {
	fast := o.Type == FastText
	if o.Type > FastText {
		return o, fmt.Errorf("%w: %v", ErrOptions, o.Type)
	}
	if fast && o.Grams == (encoder.Grams{}) {
		o.Grams = encoder.Grams{Min: 3, Max: 6, Buckets: 2_000_000}
	}
	for _, f := range []struct {
		name            string
		value           *int
		otherwise, most int
	}{
		{"dimension", &o.Dim, 100, maxDim},
		{"window", &o.Window, 5, 1000},
		{"least count", &o.MinCount, 5, math.MaxInt32},
		{"most words", &o.MaxWords, math.MaxInt32, math.MaxInt32},
		{"negatives", &o.Negatives, 5, 1000},
		{"epochs", &o.Epochs, 5, 1 << 20},
		{"workers", &o.Workers, 1, 1024},
	} {
		if *f.value == 0 {
			*f.value = f.otherwise
		}
		if *f.value < 1 || *f.value > f.most {
			return o, fmt.Errorf("%w: %s %d, must be 1 to %d", ErrOptions, f.name, *f.value, f.most)
		}
	}
	if o.Rate == 0 {
		if o.Rate = 0.025; fast {
			o.Rate = 0.05
		}
	}
	if o.Sample == 0 {
		if o.Sample = 1e-3; fast {
			o.Sample = 1e-4
		}
	}
	if !(o.Rate > 0 && o.Rate <= 10) || !(o.Sample > 0 && o.Sample <= 1) {
		return o, fmt.Errorf("%w: rate %g, must be in (0, 10]; sample %g, must be in (0, 1]", ErrOptions, o.Rate, o.Sample)
	}
	switch g := o.Grams; {
	case !fast && g != (encoder.Grams{}):
		return o, fmt.Errorf("%w: n-grams are for %v", ErrOptions, FastText)
	case fast && (g.Min < 1 || g.Max < g.Min || g.Max > 1024 || g.Buckets < 1 || g.Buckets > math.MaxInt32):
		return o, fmt.Errorf("%w: n-grams of %d to %d characters in %d buckets", ErrOptions, g.Min, g.Max, g.Buckets)
	}
	return o, nil
}
