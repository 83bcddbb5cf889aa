package static

import (
	"cmp"
	"context"
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
	// Progress, when not nil, is called now and then with the number of rows that
	// are done, and that of all, 0 where it is not known: first of those read, then
	// of those that [Fingerprint] reads again.
	Progress func(done, total int)
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

	rowsAtOnce = 1 << 12 // between two looks at the context
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
// Nothing is written before all of v has been read. The error is ctx's, v's, w's, or
// wraps encoder.ErrEntry or encoder.ErrTable.
func Convert(ctx context.Context, w io.Writer, v Vectors, o ConvertOptions) (Report, error) {
	c, err := newConverter(ctx, v, o)
	if err != nil {
		return Report{}, err
	}
	if err := c.read(v); err != nil {
		return Report{}, err
	}
	_, err = c.b.WriteTo(w)
	return c.report, err
}

// Fingerprint returns the fingerprint of the table that [Convert] makes of v with the
// same options. It reads a [Source] of this package twice and holds its words, no
// vectors. The error is like that of Convert.
func Fingerprint(ctx context.Context, v Vectors, o ConvertOptions) (string, Report, error) {
	c, err := newConverter(ctx, v, o)
	if err != nil {
		return "", Report{}, err
	}
	if source, ok := v.(rereader); ok {
		c.again = &again{c: c, source: source, vector: make([]float32, v.Info().Dim)}
		c.b.ReadAgain(c.again)
	}
	if err := c.read(v); err != nil {
		return "", Report{}, err
	}
	sum, err := c.b.Fingerprint()
	return sum, c.report, err
}

type converter struct {
	ctx     context.Context
	options ConvertOptions
	b       *encoder.Builder
	tokens  int64
	seen    map[string]struct{}
	sample  [][]float32 // unit vectors of words drawn evenly
	rng     *rand.Rand
	again   *again // nil: the builder keeps the rows
	report  Report
}

func newConverter(ctx context.Context, v Vectors, o ConvertOptions) (*converter, error) {
	info := v.Info()
	if o.Bits == 0 {
		o.Bits = scoring.Bits8
	}
	b, err := encoder.NewBuilder(o.Name, info.Dim, o.Bits, scoring.DefaultParams())
	if err != nil {
		return nil, err
	}
	b.SetLicense(cmp.Or(o.License, info.License))
	return &converter{
		ctx: ctx, options: o, b: b, tokens: info.Tokens, seen: map[string]struct{}{}, rng: rand.New(rand.NewPCG(1, 2)),
	}, nil
}

// read gives the builder all that the table is made of.
func (c *converter) read(v Vectors) error {
	if err := c.words(v); err != nil {
		return err
	}
	if g, ok := v.(withGrams); ok && !c.options.NoGrams && g.Grams().Buckets > 0 {
		if err := c.grams(g); err != nil {
			return err
		}
	}
	return c.params()
}

// step is called before each row.
func (c *converter) step(done, total int) error {
	if done%rowsAtOnce != 0 {
		return nil
	}
	if c.options.Progress != nil {
		c.options.Progress(done, max(0, total))
	}
	return c.ctx.Err()
}

// again reads the rows of a source for the builder, in the order of the words.
type again struct {
	c       *converter
	source  rereader
	rows    []int // where the words have theirs
	grams   withGrams
	longest float64
	vector  []float32
	done    int
}

func (a *again) step() error {
	a.done++
	return a.c.step(a.done-1, a.c.report.Words+a.c.report.Grams)
}

func (a *again) WordVector(dst []float32, i int) ([]float32, error) {
	if err := a.step(); err != nil {
		return nil, err
	}
	err := a.source.vectorAt(a.vector, a.rows[i])
	return append(dst, a.vector...), err
}

func (a *again) GramVector(dst []float32, bucket uint32) ([]float32, error) {
	if err := a.step(); err != nil {
		return nil, err
	}
	start := len(dst)
	dst, err := a.grams.GramVector(dst, bucket)
	if err == nil {
		shorten(dst[start:], a.longest)
	}
	return dst, err
}

func (c *converter) words(v Vectors) error {
	rank, all, most := 0, v.Info().Rows, c.options.MaxWords
	if most > 0 {
		all = min(all, most)
	}
	for row, err := range v.Rows() {
		if err != nil {
			return err
		}
		if err := c.step(rank, all); err != nil {
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
		if c.again != nil {
			c.again.rows = append(c.again.rows, row.at)
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
	copy(c.sample[at], vector)
	shorten(c.sample[at], length)
}

// grams adds the vectors of n-grams, divided by the length of the longest.
func (c *converter) grams(g withGrams) error {
	if err := c.b.SetGrams(g.Grams()); err != nil {
		return err
	}
	buckets := g.Grams().Buckets
	var vector []float32
	longest := 0.0
	for _, add := range []bool{false, true} {
		for bucket := range buckets {
			err := c.step(bucket, buckets)
			if err == nil {
				vector, err = g.GramVector(vector[:0], uint32(bucket))
			}
			if err != nil {
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
			shorten(vector, longest)
			if err := c.b.AddGram(uint32(bucket), vector); err != nil {
				return err
			}
			c.report.Grams++
		}
	}
	if c.again != nil {
		c.again.grams, c.again.longest = g, longest
	}
	return nil
}

// shorten divides vector by a length.
func shorten(vector []float32, length float64) {
	for i, x := range vector {
		vector[i] = float32(float64(x) / length)
	}
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
