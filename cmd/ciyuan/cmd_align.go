package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder/transformer"
)

func alignCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "align",
		Usage:     "find which words of a text and its translation stand for each other",
		ArgsUsage: "SRC TGT | --tsv FILE",
		Description: `Prints a line for each line: pairs i-j of a token of the source and one of the
target, by their numbers from 0. --learn learns from the texts themselves first;
--gold compares with the links of a person: i-j sure, i?j possible.`,
		Flags: append(parallelFlags(),
			&cli.BoolFlag{Name: "learn", Usage: "learn from these texts which words occur together, and use it"},
			choice("method", align.Iterative.String(), "how links are chosen", "itermax", "mutual", "assign", "grow", "posterior"),
			choice("distortion", align.Jumps.String(), "what is expected of the order of words", "jumps", "diagonal", "none"),
			&cli.Float64Flag{Name: "null", Value: align.DefaultNull, Usage: "the probability that a token has no counterpart: `P` from 0, below 1"},
			&cli.Float64Flag{Name: "threshold", Usage: "what a link must be worth, `P` from 0 to 1; left out, what suits the method"},
			&cli.StringFlag{Name: "gold", Usage: "compare with the links of this `FILE`, a line each: precision, recall, F1, AER", TakesFile: true},
			&cli.BoolFlag{Name: "html", Usage: "print a page that shows what each pair of tokens is worth"},
			modeFlag("how Chinese text is cut"),
			&cli.StringFlag{
				Name: "encoder", Value: encoderDefault, Usage: "where tokens have their vectors from: default, static:`FILE` or hf:DIR",
				EnvVars: []string{"CIYUAN_ENCODER"},
			},
			dictFlag(),
			jsonFlag(),
		),
		Action: c.align,
	})
}

// modelVectors are the vectors of a transformer.
type modelVectors struct{ model *transformer.Model }

func (m modelVectors) Vectors(ctx context.Context, text *align.Text) ([]align.Vector, error) {
	spans := make([]transformer.Span, len(text.Tokens))
	at := make(map[transformer.Span]int, len(spans))
	out := make([]align.Vector, len(spans))
	for i, t := range text.Tokens {
		spans[i] = transformer.Span{Start: t.Start, End: t.End}
		at[spans[i]] = i
		out[i].Background = math.NaN()
	}
	results, err := m.model.Encode(ctx, []string{text.Text}, &transformer.EncodeOptions{Words: [][]transformer.Span{spans}})
	if err != nil {
		return nil, err
	}
	for k, t := range results[0].Tokens {
		out[at[transformer.Span{Start: t.Start, End: t.End}]].Values = results[0].Vector(k)
	}
	return out, nil
}

// alignVectors returns the vectors that --encoder names.
func (c *console) alignVectors(ctx *cli.Context) (align.Vectors, error) {
	kind, path, err := encoderKind(ctx.String("encoder"), encoderDefault, encoderStatic, encoderHF)
	if err != nil {
		return nil, err
	}
	if kind == encoderHF {
		model, err := openTransformer(path, nil)
		if err != nil {
			return nil, err
		}
		c.closers = append(c.closers, model)
		return modelVectors{model}, nil
	}
	table, err := c.tableOr(ctx.Context, ctx.String("encoder"))
	if err != nil {
		return nil, err
	}
	return align.StaticVectors(table), nil
}

func alignOptions(ctx *cli.Context) (*align.Options, error) {
	o := &align.Options{Null: ctx.Float64("null"), Threshold: ctx.Float64("threshold")}
	var err error
	if o.Method, err = align.ParseMethod(ctx.String("method")); err != nil {
		return nil, err
	}
	if o.Distortion, err = align.ParseDistortion(ctx.String("distortion")); err != nil {
		return nil, err
	}
	switch {
	case !(o.Null >= 0 && o.Null < 1):
		return nil, usagef("flag --null needs a number from 0, below 1, not %g", o.Null)
	case !(o.Threshold >= 0 && o.Threshold <= 1):
		return nil, usagef("flag --threshold needs a number from 0 to 1, not %g", o.Threshold)
	}
	// In the library 0 stands for the default.
	if o.Null == 0 {
		o.Null = -1
	}
	if o.Threshold == 0 && ctx.IsSet("threshold") {
		o.Threshold = -1
	}
	return o, nil
}

func (c *console) align(ctx *cli.Context) error {
	p, err := c.parallelText(ctx)
	if err != nil {
		return err
	}
	o, err := alignOptions(ctx)
	if err != nil {
		return err
	}
	learn := ctx.Bool("learn") || ctx.String("save") != ""
	switch {
	case ctx.Bool("json") && ctx.Bool("html"):
		return usagef("--json and --html exclude each other")
	case learn && ctx.String("model") != "":
		return usagef("--model is what was learned before; leave --learn and --save out")
	case learn && !p.again():
		return usagef("to learn, the texts are read twice: they must be files")
	}
	vectors, err := c.alignVectors(ctx)
	if err != nil {
		return err
	}
	if name := ctx.String("model"); name != "" {
		if o.Model, err = align.OpenModel(name); err != nil {
			return err
		}
	}
	if learn {
		kind, _, err := encoderKind(ctx.String("encoder"), encoderDefault, encoderStatic, encoderHF)
		if err != nil {
			return err
		}
		spec := ctx.String("encoder")
		if kind == encoderHF {
			spec = encoderDefault // what is learned is about words, not their occurrences
		}
		table, err := c.tableOr(ctx.Context, spec)
		if err != nil {
			return err
		}
		if o.Model, err = c.learnModel(ctx, p, table); err != nil {
			return err
		}
	}
	a, err := align.New(vectors, o)
	if err != nil {
		return err
	}
	return c.alignLines(ctx, p, a)
}

// alignLines aligns all lines and prints what was asked for.
func (c *console) alignLines(ctx *cli.Context, p *parallel, a *align.Aligner) error {
	var page *align.Page
	if ctx.Bool("html") {
		page = align.NewPage(c.out)
	}
	var gold func() (align.Gold, error)
	if name := ctx.String("gold"); name != "" {
		next, done, err := goldLinks(ctx.Context, name)
		if err != nil {
			return err
		}
		defer done()
		gold = next
	}
	var quality align.Quality
	lines := 0
	err := p.lines(ctx.Context, func(n int, src, tgt string) error {
		lines = n
		al, err := a.Align(ctx.Context, p.cut(src), p.cut(tgt))
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if gold != nil {
			links, err := gold()
			if err != nil {
				return err
			}
			for l := range links {
				if l.Source >= len(al.Source.Tokens) || l.Target >= len(al.Target.Tokens) {
					return withHint(fmt.Errorf("%s: line %d: link %d-%d names a token that is not there", ctx.String("gold"), n, l.Source, l.Target),
						"links count the tokens of texts that are cut already: --tokenized")
				}
			}
			quality.Add(links, al.Links)
			return nil
		}
		switch {
		case page != nil:
			return page.Add(al)
		case ctx.Bool("json"):
			return c.printJSON(alignmentJSON(al))
		}
		_, err = c.out.WriteString(align.FormatLinks(al.Links) + "\n")
		return err
	})
	switch {
	case err != nil:
		return err
	case gold != nil:
		return c.printQuality(ctx, &quality)
	case page != nil:
		err = page.Close()
	}
	if err == nil && lines == 0 {
		c.note("no result: there are no lines")
		err = errNoResult
	}
	return err
}

// goldLinks returns a function that reads the links of one line after another.
func goldLinks(ctx context.Context, name string) (next func() (align.Gold, error), done func(), err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	pull, stop := iter.Pull2(linesOf(ctx, file, name))
	n := 0
	return func() (align.Gold, error) {
			n++
			line, err, ok := pull()
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, fmt.Errorf("%s has only %d lines", name, n-1)
			}
			g, err := align.ParseLinks(line)
			if err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", name, n, err)
			}
			return g, nil
		}, func() {
			stop()
			discard(file)
		}, nil
}

// alignedPair is the JSON form of an alignment.
type alignedPair struct {
	Source []alignedToken `json:"source"`
	Target []alignedToken `json:"target"`
	Links  []alignedLink  `json:"links"`
}

type alignedToken struct {
	Token string `json:"token"`
	Start int    `json:"start"` // bytes
	End   int    `json:"end"`
}

type alignedLink struct {
	Source     int     `json:"source"`
	Target     int     `json:"target"`
	Similarity float64 `json:"similarity"`
	Confidence float64 `json:"confidence"`
}

func alignmentJSON(a *align.Alignment) alignedPair {
	tokens := func(t *align.Text) []alignedToken {
		out := make([]alignedToken, len(t.Tokens))
		for i, x := range t.Tokens {
			out[i] = alignedToken{Token: t.Text[x.Start:x.End], Start: x.Start, End: x.End}
		}
		return out
	}
	p := alignedPair{Source: tokens(&a.Source), Target: tokens(&a.Target), Links: []alignedLink{}}
	for _, l := range a.Links {
		p.Links = append(p.Links, alignedLink{
			Source: l.Source, Target: l.Target,
			Similarity: a.Similarity.At(l.Source, l.Target), Confidence: a.Confidence.At(l.Source, l.Target),
		})
	}
	return p
}

// linkQuality is the JSON form of a comparison.
type linkQuality struct {
	Pairs     int     `json:"pairs"`
	Links     int     `json:"links"`
	Sure      int     `json:"sure"`
	Possible  int     `json:"possible"` // the sure ones among them
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	AER       float64 `json:"aer"`
}

func (c *console) printQuality(ctx *cli.Context, q *align.Quality) error {
	r := linkQuality{
		Pairs: q.Pairs, Links: q.Links, Sure: q.Sure, Possible: q.Possible,
		Precision: q.Precision(), Recall: q.Recall(), F1: q.F1(), AER: q.AER(),
	}
	if q.Pairs == 0 {
		c.note("no result: there are no lines")
		return errNoResult
	}
	if ctx.Bool("json") {
		return c.printJSON(r)
	}
	t := newTable(false, true)
	t.row("pairs", strconv.Itoa(r.Pairs))
	t.row("links", strconv.Itoa(r.Links))
	t.row("sure", strconv.Itoa(r.Sure))
	t.row("possible", strconv.Itoa(r.Possible))
	t.row("precision", decimal(r.Precision))
	t.row("recall", decimal(r.Recall))
	t.row("F1", decimal(r.F1))
	t.row("AER", decimal(r.AER))
	return t.write(c.out)
}
