package static

import (
	"cmp"
	"io"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Vectors is what [Convert] makes a table of: a [Source], or a trained model.
type Vectors interface {
	Info() Info
	Rows() iter.Seq2[Row, error]
}

// withGrams is implemented by Vectors that can compose unknown words.
type withGrams interface {
	Grams() encoder.Grams
	GramVector(dst []float32, bucket uint32) ([]float32, error)
}

// ConvertOptions change what Convert makes. The zero value keeps everything.
type ConvertOptions struct {
	// Name is what the table calls itself, at most 63 bytes.
	Name string
	// License is the licence that the table names instead of that of the source, at
	// most 43 bytes.
	License string
	// Bits a column. Default 8, which loses nothing measurable.
	Bits scoring.Bits
	// MaxWords ends the table after that many rows of the source, the most
	// frequent ones by convention. Default: all.
	MaxWords int
	// NoGrams leaves out n-gram vectors: unknown words are then composed of
	// known words, as with every other table.
	NoGrams bool
}

// Report says what Convert has made.
type Report struct {
	Words, Grams int     // rows of the table
	Duplicates   int     // words left out because they fold to one before
	Zeros        int     // words left out because their vector is zero
	TooLong      int     // words left out because they have more than 255 bytes
	Background   float32 // similarity of unrelated words, see scoring.Params
}

const (
	maxTableWord = 255 // of the table's format
	sampledRows  = 2000
	samplePairs  = 10 // with which each of them is compared
	// zipfShift and zipfSum give a word without a count the frequency that its
	// rank has by the law of Zipf and Mandelbrot, 1/(rank + 2.7), over a
	// million words. Ten times fewer words would change a prior by 0.2 nats.
	zipfShift = 2.7
	zipfSum   = 13.0
)

// Convert writes v as a table for [encoder.OpenTable]. Words are folded as package
// tokenizer folds text; of several that fold to the same the first one stays.
// Priors come from the counts of the words, else from their rank.
//
// The constants of the score are the default ones, except the similarity of
// unrelated words, which is measured, and with it the least similarity of a
// neighbour: foreign tables are seldom centred, and their unrelated words have
// cosines of 0.2 to 0.6.
//
// Memory: the packed rows (dim + dim/16 bytes each at 8 bits) and the words.
// Nothing is written before all of v has been read. The error is v's, w's, or
// wraps encoder.ErrEntry or encoder.ErrTable.
func Convert(w io.Writer, v Vectors, o ConvertOptions) (Report, error) {
	info := v.Info()
	if o.Bits == 0 {
		o.Bits = scoring.Bits8
	}
	b, err := encoder.NewBuilder(o.Name, info.Dim, o.Bits, scoring.DefaultParams())
	if err != nil {
		return Report{}, err
	}
	b.SetLicense(cmp.Or(o.License, info.License))
	c := &converter{b: b, tokens: info.Tokens, seen: map[string]struct{}{}, rng: rand.New(rand.NewPCG(1, 2))}
	if err := c.words(v, o.MaxWords); err != nil {
		return Report{}, err
	}
	if g, ok := v.(withGrams); ok && !o.NoGrams && g.Grams().Buckets > 0 {
		if err := c.grams(g); err != nil {
			return Report{}, err
		}
	}
	if err := c.params(); err != nil {
		return Report{}, err
	}
	_, err = b.WriteTo(w)
	return c.report, err
}

type converter struct {
	b      *encoder.Builder
	tokens int64
	seen   map[string]struct{}
	sample [][]float32 // unit vectors of words drawn evenly
	rng    *rand.Rand
	report Report
}

func (c *converter) words(v Vectors, most int) error {
	rank := 0
	for row, err := range v.Rows() {
		if err != nil {
			return err
		}
		if rank++; most > 0 && rank > most {
			break
		}
		word := tokenizer.Fold(row.Word)
		if _, ok := c.seen[word]; ok || word == "" {
			c.report.Duplicates++
			continue
		}
		length := lengthOf(row.Vector)
		switch {
		case length == 0:
			c.report.Zeros++
			continue
		case len(word) > maxTableWord:
			c.report.TooLong++
			continue
		}
		c.seen[word] = struct{}{}
		prior := math.Log(zipfSum * (float64(rank) + zipfShift))
		if row.Count > 0 && c.tokens >= row.Count {
			prior = math.Log(float64(c.tokens) / float64(row.Count))
		}
		if err := c.b.Add(word, float32(prior), row.Vector); err != nil {
			return err
		}
		c.report.Words++
		c.draw(row.Vector, length)
	}
	return nil
}

// draw keeps a vector with the chance that makes the sample even (algorithm R).
func (c *converter) draw(vector []float32, length float64) {
	at := len(c.sample)
	if at == sampledRows {
		if at = c.rng.IntN(c.report.Words); at >= sampledRows {
			return
		}
	} else {
		c.sample = append(c.sample, make([]float32, len(vector)))
	}
	for i, x := range vector {
		c.sample[at][i] = float32(float64(x) / length)
	}
}

// grams adds the vectors of n-grams, divided by the length of the longest.
func (c *converter) grams(g withGrams) error {
	if err := c.b.SetGrams(g.Grams()); err != nil {
		return err
	}
	var vector []float32
	longest := 0.0
	for _, add := range []bool{false, true} {
		for bucket := range uint32(g.Grams().Buckets) {
			var err error
			if vector, err = g.GramVector(vector[:0], bucket); err != nil {
				return err
			}
			length := lengthOf(vector)
			if length == 0 {
				continue
			}
			if !add {
				longest = max(longest, length)
				continue
			}
			for i, x := range vector {
				vector[i] = float32(float64(x) / longest)
			}
			if err := c.b.AddGram(bucket, vector); err != nil {
				return err
			}
			c.report.Grams++
		}
	}
	return nil
}

// params measures the similarity of unrelated words.
func (c *converter) params() error {
	p := encoder.MeasureParams(c.sample, samplePairs)
	if len(c.sample) > 1 {
		c.report.Background = p.Background
	}
	return c.b.SetParams(p)
}

// lengthOf returns the length of vec.
func lengthOf(vec []float32) float64 {
	var squares float64
	for _, v := range vec {
		squares += float64(float64(v) * float64(v))
	}
	return math.Sqrt(squares)
}
