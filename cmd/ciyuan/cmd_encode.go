package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/remote"
	"github.com/ciyuan-search/ciyuan/encoder/transformer"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// shownColumns is how many numbers of a vector are printed for people.
const shownColumns = 4

const modelFolderHint = "a model is a folder with config.json, tokenizer.json and model.safetensors"

// The units that have a vector.
const (
	unitWord  = "word"
	unitPiece = "piece"
)

func encodeCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "encode",
		Usage:     "print the vectors of the tokens of a text",
		ArgsUsage: "TEXT... | -",
		Description: `Prints the tokens of the text with the first numbers of their vectors, with --json
all of them; with - those of each line of standard input. hf:DIR is a folder with a
transformer as Hugging Face has it: config.json, tokenizer.json, model.safetensors.
Its tokens are words, with the mean vector of their pieces, or the pieces; tokens that
the model adds around a text are left out. Words without a vector have an empty one.
A URL that ends in /embedding is llama.cpp's own route (--pooling none), with a vector
for each token of a text; any other speaks OpenAI's API and has one for each word.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name: "encoder", Value: encoderDefault, Usage: "where the vectors come from: default, static:FILE, hf:`DIR` or http:URL#MODEL",
				EnvVars: []string{"CIYUAN_ENCODER"},
			},
			choice("unit", unitWord, "what has a vector", unitWord, unitPiece),
			&cli.BoolFlag{Name: "raw", Usage: "the hidden states as they are: not of length 1, not projected"},
			&cli.BoolFlag{Name: "int8", Usage: "compute with weights of 8 bits, in two thirds of the time"},
			threadsFlag(),
			modeFlag("how Chinese text is cut into words"),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.encode,
	})
}

// encoding is the JSON form of one text.
type encoding struct {
	Tokens []tokenVector `json:"tokens"`
}

type tokenVector struct {
	Token  string    `json:"token"`
	Start  int       `json:"start"` // bytes
	End    int       `json:"end"`
	Vector []float32 `json:"vector"`
}

// A textEncoder gives the tokens of a text their vectors. That of a transformer may be
// used by several goroutines.
type textEncoder func(ctx context.Context, text string) (encoding, error)

func (c *console) encode(ctx *cli.Context) error {
	cut, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(cut)
	if err != nil {
		return err
	}
	kind, path, err := encoderKind(ctx.String("encoder"), encoderDefault, encoderStatic, encoderHF, encoderHTTP)
	if err != nil {
		return err
	}
	if err := checkThreads(ctx); err != nil {
		return err
	}
	stdin := ctx.NArg() == 1 && c.isStdin(ctx)
	text := ""
	if !stdin {
		if text, err = textArgs(ctx, "a TEXT, or - for standard input"); err != nil {
			return err
		}
	}
	var encode textEncoder
	switch kind {
	case encoderHF:
		encode, err = c.hiddenStates(ctx, path, tok)
	case encoderHTTP:
		encode, err = c.fromServer(ctx, path, tok)
	default:
		encode, err = c.wordVectors(ctx, kind, path, tok)
	}
	if err != nil {
		return err
	}
	show := c.printVectors
	if ctx.Bool("json") {
		show = func(e encoding) error { return c.printJSON(e) }
	}
	if !stdin {
		e, err := encode(ctx.Context, text)
		if err != nil {
			return err
		}
		return show(e)
	}
	ahead := 1
	if kind == encoderHF {
		ahead = cmp.Or(ctx.Int("threads"), runtime.GOMAXPROCS(0))
	}
	return encodeLines(ctx.Context, c.stdin(ctx.Context), ahead, encode, show)
}

// encodeLines shows the vectors of the lines of standard input, in their order, and
// computes those of several lines at a time.
func encodeLines(ctx context.Context, r io.Reader, ahead int, encode textEncoder, show func(encoding) error) error {
	type result struct {
		encoding
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pending := make(chan chan result, ahead-1)
	var readErr error
	go func() {
		defer close(pending)
		readErr = eachLine(ctx, r, "standard input", func(_ int, line string) error {
			done := make(chan result, 1)
			select {
			case pending <- done:
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() {
				e, err := encode(ctx, line)
				done <- result{e, err}
			}()
			return nil
		})
	}()
	for done := range pending {
		r := <-done
		if r.err != nil {
			return r.err
		}
		if err := show(r.encoding); err != nil {
			return err
		}
	}
	return readErr
}

// hiddenStates returns the vectors that a transformer computes.
func (c *console) hiddenStates(ctx *cli.Context, dir string, tok *tokenizer.Tokenizer) (textEncoder, error) {
	model, err := openTransformer(dir, &transformer.Options{Threads: ctx.Int("threads"), Int8: ctx.Bool("int8")})
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, model)
	words, raw := ctx.String("unit") == unitWord, ctx.Bool("raw")
	return func(ctx context.Context, text string) (encoding, error) {
		o := &transformer.EncodeOptions{Raw: raw}
		if words {
			toks := tok.Tokenize(nil, text)
			spans := []transformer.Span{}
			for i := range toks {
				if t := &toks[i]; t.Primary() && t.Kind != tokenizer.Space {
					spans = append(spans, transformer.Span{Start: t.Start, End: t.End})
				}
			}
			o.Words = [][]transformer.Span{spans}
		}
		results, err := model.Encode(ctx, []string{text}, o)
		if err != nil {
			return encoding{}, err
		}
		r := &results[0]
		e := encoding{Tokens: make([]tokenVector, 0, len(r.Tokens))}
		for i, t := range r.Tokens {
			e.Tokens = append(e.Tokens, tokenVector{Token: text[t.Start:t.End], Start: t.Start, End: t.End, Vector: r.Vector(i)})
		}
		return e, nil
	}, nil
}

// openTransformer opens a model folder; an error names it.
func openTransformer(dir string, o *transformer.Options) (*transformer.Model, error) {
	model, err := transformer.Open(dir, o)
	err = naming(dir, err)
	if errors.Is(err, fs.ErrNotExist) {
		err = withHint(err, modelFolderHint)
	}
	return model, err
}

// fromServer returns the vectors that a server has.
func (c *console) fromServer(ctx *cli.Context, address string, tok *tokenizer.Tokenizer) (textEncoder, error) {
	for _, name := range []string{"int8", "threads"} {
		if ctx.IsSet(name) {
			return nil, usagef("flag --%s goes with --encoder hf:DIR; a server computes as it will", name)
		}
	}
	words := ctx.String("unit") == unitWord
	if remote.IsTokens(address) {
		return c.serverTokens(address, words, ctx.Bool("raw"), tok)
	}
	if !words {
		return nil, usagef("--unit piece goes with --encoder hf:DIR or a URL that ends in /embedding; others have one vector a word")
	}
	return c.serverWords(ctx.Context, address, ctx.Bool("raw"), tok)
}

// wordVectors returns the vectors of a table.
func (c *console) wordVectors(ctx *cli.Context, kind, path string, tok *tokenizer.Tokenizer) (textEncoder, error) {
	for _, name := range []string{"raw", "int8", "threads"} {
		if ctx.IsSet(name) {
			return nil, usagef("flag --%s goes with --encoder hf:DIR; a table has one vector a word", name)
		}
	}
	if ctx.String("unit") == unitPiece {
		return nil, usagef("--unit piece goes with --encoder hf:DIR; a table has one vector a word")
	}
	var table *encoder.Table
	var err error
	if kind == encoderStatic {
		table, err = c.openTable(ctx.Context, path)
	} else {
		table, err = encoder.Default()
	}
	if err != nil {
		return nil, err
	}
	var toks []tokenizer.Token
	return func(_ context.Context, text string) (encoding, error) {
		toks = tok.Tokenize(toks[:0], text)
		e := encoding{Tokens: []tokenVector{}}
		for i := range toks {
			t := &toks[i]
			if !t.Primary() || t.Kind == tokenizer.Space {
				continue
			}
			v := tokenVector{Token: text[t.Start:t.End], Start: t.Start, End: t.End, Vector: []float32{}}
			if t.Kind == tokenizer.Word {
				v.Vector = vectorOf(table, v.Vector, t.Word)
			}
			e.Tokens = append(e.Tokens, v)
		}
		return e, nil
	}, nil
}

// vectorOf appends the vector of a folded word to dst, nothing if it has none.
func vectorOf(table *encoder.Table, dst []float32, word string) []float32 {
	switch rows := table.Compose(nil, word); len(rows) {
	case 0:
		return dst
	case 1:
		return table.Vector(dst, rows[0])
	default:
		return table.ComposedVector(dst, rows)
	}
}

func (c *console) printVectors(e encoding) error {
	t := newTable()
	for _, token := range e.Tokens {
		var numbers strings.Builder
		for i, x := range token.Vector {
			if i == shownColumns {
				numbers.WriteString(" ...")
				break
			}
			fmt.Fprintf(&numbers, " %7.4f", x)
		}
		row := strings.TrimPrefix(numbers.String(), " ")
		if len(token.Vector) == 0 {
			row = "-"
		}
		t.row(printable(token.Token), row)
	}
	return t.write(c.out)
}
