package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// parallelFlags say how parallel text is read and what is learned from it.
func parallelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "tsv", Usage: "one file: source and target on a line, with a tab between"},
		&cli.BoolFlag{Name: "tokenized", Usage: "the texts are cut already, with spaces between tokens"},
		&cli.StringFlag{Name: "model", Usage: "a `FILE` that --save has written: what was learned from parallel text", TakesFile: true},
		&cli.StringFlag{Name: "save", Usage: "write what was learned from these texts into a `FILE` for --model", TakesFile: true},
		&cli.IntFlag{Name: "iterations", Value: 3, Usage: "the `NUMBER` of times the texts are gone through to learn from them"},
	}
}

// parallel is text with its translation, line by line.
type parallel struct {
	names []string
	cut   func(text string) align.Text
	open  func() ([]io.Reader, func(), error)
}

// parallelText returns what the arguments name: two files, or one with --tsv. A
// single - is standard input, which can be read once.
func (c *console) parallelText(ctx *cli.Context) (*parallel, error) {
	p := &parallel{names: ctx.Args().Slice()}
	switch {
	case ctx.Bool("tsv") && len(p.names) != 1:
		return nil, usagef("%s --tsv needs one FILE", ctx.Command.Name).hint("see: " + programName + " " + ctx.Command.Name + " --help")
	case !ctx.Bool("tsv") && len(p.names) != 2:
		return nil, usagef("%s needs SRC and TGT, or --tsv FILE", ctx.Command.Name).hint("see: " + programName + " " + ctx.Command.Name + " --help")
	case len(p.names) == 2 && p.names[0] == "-" && p.names[1] == "-":
		return nil, usagef("only one of SRC and TGT can be standard input")
	}
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.New(o)
	if err != nil {
		return nil, err
	}
	p.cut = func(text string) align.Text { return align.Cut(tok, text) }
	if ctx.Bool("tokenized") {
		p.cut = func(text string) align.Text { return align.Split(tok, text) }
	}
	p.open = func() ([]io.Reader, func(), error) {
		var in []io.Reader
		var files []*os.File
		done := func() {
			for _, file := range files {
				discard(file)
			}
		}
		for _, name := range p.names {
			if name == "-" {
				in = append(in, c.stdin(ctx.Context))
				continue
			}
			file, err := os.Open(name)
			if err != nil {
				done()
				return nil, nil, err
			}
			files, in = append(files, file), append(in, file)
		}
		return in, done, nil
	}
	return p, nil
}

// again reports whether the text can be read a second time.
func (p *parallel) again() bool {
	for _, name := range p.names {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// lines calls f with every pair of lines.
func (p *parallel) lines(ctx context.Context, f func(n int, src, tgt string) error) error {
	in, done, err := p.open()
	if err != nil {
		return err
	}
	defer done()
	if len(in) == 1 {
		return eachLine(ctx, in[0], shownName(p.names[0]), func(n int, line string) error {
			src, tgt, ok := strings.Cut(line, "\t")
			if !ok {
				return fmt.Errorf("%s: line %d has no tab between source and target", shownName(p.names[0]), n)
			}
			if strings.Contains(tgt, "\t") {
				tgt, _, _ = strings.Cut(tgt, "\t")
			}
			return f(n, src, tgt)
		})
	}
	next, stop := iter.Pull2(linesOf(ctx, in[1], shownName(p.names[1])))
	defer stop()
	count := 0
	err = eachLine(ctx, in[0], shownName(p.names[0]), func(n int, line string) error {
		count = n
		other, err, ok := next()
		if err != nil {
			return err
		}
		if !ok {
			return withHint(fmt.Errorf("%s has %d lines, %s has more", shownName(p.names[1]), n-1, shownName(p.names[0])), "line N of one file has to be the translation of line N of the other")
		}
		return f(n, line, other)
	})
	if err != nil {
		return err
	}
	if _, err, ok := next(); err != nil || ok {
		if err == nil {
			err = withHint(fmt.Errorf("%s has %d lines, %s has more", shownName(p.names[0]), count, shownName(p.names[1])), "line N of one file has to be the translation of line N of the other")
		}
		return err
	}
	return nil
}

func shownName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// linesOf is eachLine as a sequence.
func linesOf(ctx context.Context, r io.Reader, name string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stopped := false
		err := eachLine(ctx, r, name, func(_ int, line string) error {
			if !yield(line, nil) {
				stopped = true
				return io.EOF
			}
			return nil
		})
		if err != nil && !stopped {
			yield("", err)
		}
	}
}

// tableOr returns the table that --encoder names, the embedded one by default.
func (c *console) tableOr(ctx context.Context, spec string) (encoder.Static, error) {
	table, err := c.staticEncoder(ctx, spec)
	if err == nil && table == nil {
		return encoder.Default()
	}
	return table, err
}

// learnModel learns from the text and writes --save.
func (c *console) learnModel(ctx *cli.Context, p *parallel, table encoder.Static) (*align.Model, error) {
	if n := ctx.Int("iterations"); n < 1 || n > 100 {
		return nil, usagef("flag --iterations needs a number from 1 to 100, not %d", n)
	}
	pr := c.progress("learning", "pairs")
	defer pr.finish()
	var pairs iter.Seq2[align.Pair, error] = func(yield func(align.Pair, error) bool) {
		stopped := false
		err := p.lines(ctx.Context, func(_ int, src, tgt string) error {
			if !yield(align.Pair{Source: p.cut(src), Target: p.cut(tgt)}, nil) {
				stopped = true
				return io.EOF
			}
			return nil
		})
		if err != nil && !stopped {
			yield(align.Pair{}, err)
		}
	}
	model, err := align.Train(ctx.Context, table, pairs, &align.TrainOptions{
		Iterations: ctx.Int("iterations"),
		Progress:   func(done, total int) { pr.enter("learning", int64(done), int64(total), "pairs") },
	})
	if err != nil {
		return nil, err
	}
	if name := ctx.String("save"); name != "" {
		err = writeFile(ctx.Context, name, func(w io.Writer) error {
			_, err := model.WriteTo(w)
			return err
		})
	}
	return model, err
}
