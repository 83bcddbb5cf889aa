package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/encoder/train"
	"github.com/ciyuan-search/ciyuan/extract"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// trainBlock is how many bytes of a text are cut into words at once.
const trainBlock = 256 << 10

func modelTrainCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "train",
		Usage:     "make word vectors from texts",
		ArgsUsage: "[PATH... | -]",
		Description: `Reads files and folders as index does, or standard input; without a PATH the documents
of the index. The same texts and flags give the same file with one worker.`,
		Flags: []cli.Flag{
			choice("type", train.Word2Vec.String(), "word2vec has a vector a word; fasttext also has them for words it has never seen, by their letters", train.Word2Vec.String(), train.FastText.String()),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write, for --encoder static:FILE", TakesFile: true},
			&cli.StringFlag{Name: "vec", Usage: "also write the vectors as text (.vec) to this `FILE`", TakesFile: true},
			&cli.IntFlag{Name: "dim", Value: 100, Usage: "the `NUMBER` of dimensions"},
			&cli.IntFlag{Name: "epochs", Value: 5, Usage: "how often the texts are gone through, a `NUMBER`"},
			&cli.IntFlag{Name: "window", Value: 5, Usage: "the largest distance of words that belong together, a `NUMBER`"},
			&cli.IntFlag{Name: "min-count", Value: 5, Usage: "leave out words that occur less often than this `NUMBER`"},
			&cli.IntFlag{Name: "max-words", Usage: "keep this `NUMBER` of words, the most frequent; 0 is all"},
			&cli.IntFlag{Name: "workers", Value: 1, Usage: "the `NUMBER` of words trained at a time; with more than one the result differs from run to run"},
			&cli.IntFlag{Name: "seed", Value: 1, Usage: "the `NUMBER` that the random choices start from"},
			bitsFlag(),
			nameFlag(),
			licenseFlag(),
			modeFlag("how Chinese text is cut into words"),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.trainModel,
	})
}

func (c *console) trainModel(ctx *cli.Context) error {
	out := ctx.String("output")
	if out == "" {
		return usagef("model train needs a file to write: -o FILE").hint("see: " + programName + " model train --help")
	}
	table, err := tableOptions(ctx, out)
	if err != nil {
		return err
	}
	o, err := trainOptions(ctx)
	if err != nil {
		return err
	}
	cut, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(cut)
	if err != nil {
		return err
	}
	pr := c.progress("reading", "texts")
	defer pr.finish()
	o.Progress = func(p train.Progress) {
		if p.Total > 0 {
			pr.enter(fmt.Sprintf("training, epoch %d of %d,", p.Epoch, p.Epochs), p.Done, p.Total, "words")
		}
	}
	texts, err := c.trainTexts(ctx, pr)
	if err != nil {
		return err
	}
	model, err := train.Train(ctx.Context, wordSentences(tok, texts), o)
	if err != nil {
		return err
	}
	pr.enter("writing "+out, 0, 0, "")
	if name := ctx.String("vec"); name != "" {
		if err := writeFile(ctx.Context, name, model.WriteText); err != nil {
			return err
		}
	}
	done, err := c.writeTable(ctx, out, model, table)
	if err != nil {
		return err
	}
	pr.clear()
	return c.reportTable(ctx, done)
}

func trainOptions(ctx *cli.Context) (train.Options, error) {
	o := train.Options{
		Dim: ctx.Int("dim"), Epochs: ctx.Int("epochs"), Window: ctx.Int("window"), MinCount: ctx.Int("min-count"),
		MaxWords: ctx.Int("max-words"), Workers: ctx.Int("workers"), Seed: uint64(ctx.Int("seed")),
	}
	if ctx.String("type") == train.FastText.String() {
		o.Type = train.FastText
	}
	// The library takes 0 for its default.
	for _, name := range []string{"dim", "epochs", "window", "min-count", "workers"} {
		if n := ctx.Int(name); n < 1 {
			return o, usagef("flag --%s needs a number from 1, not %d", name, n)
		}
	}
	if o.MaxWords < 0 {
		return o, usagef("flag --max-words needs a number from 0, not %d", o.MaxWords)
	}
	return o, nil
}

// trainTexts returns the texts that the line names, in pieces.
func (c *console) trainTexts(ctx *cli.Context, pr *progress) (iter.Seq2[string, error], error) {
	switch {
	case c.isStdin(ctx) && ctx.NArg() > 1:
		return nil, usagef("model train takes either - or paths, not both")
	case c.isStdin(ctx):
		return func(yield func(string, error) bool) { blocks(c.stdin(ctx.Context), "standard input", yield) }, nil
	case ctx.NArg() == 0:
		return c.indexTexts(ctx, pr)
	}
	entries, err := extract.Walk(ctx.Context, ctx.Args().Slice(), extract.WalkOptions{Exclude: []string{c.index}})
	if err != nil {
		return nil, err
	}
	pr.expect(int64(len(entries)), 0)
	return func(yield func(string, error) bool) {
		for _, e := range entries {
			if err := ctx.Context.Err(); err != nil {
				yield("", err)
				return
			}
			if !c.fileTexts(e.Path, pr, yield) {
				return
			}
			pr.add(1, 0)
		}
	}, nil
}

// indexTexts yields the documents of the index.
func (c *console) indexTexts(ctx *cli.Context, pr *progress) (iter.Seq2[string, error], error) {
	db, err := c.openReader(ctx)
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, db)
	var ids []string
	for e, err := range db.List(ctx.Context, "") {
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.ID)
	}
	pr.expect(int64(len(ids)), 0)
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			doc, err := db.Get(ctx.Context, id)
			if err != nil {
				yield("", err)
				return
			}
			if !yield(doc.Title, nil) || !blocks(strings.NewReader(doc.Text), id, yield) {
				return
			}
			pr.add(1, 0)
		}
	}, nil
}

// fileTexts yields the text of a file. One that holds no text is passed over.
func (c *console) fileTexts(path string, pr *progress, yield func(string, error) bool) bool {
	file, err := extract.Open(path, extract.ReadOptions{})
	if err != nil {
		pr.clear()
		c.warn("%s: left out: %s", path, plainError(err))
		return true
	}
	defer discard(file)
	if file.Format != extract.JSONL {
		return yield(file.Title, nil) && blocks(file, path, yield)
	}
	for rec, err := range extract.Records(file, 0) {
		if errors.Is(err, extract.ErrJSONL) {
			pr.clear()
			c.warn("%s: left out: %s", path, plainError(err))
			continue
		}
		if err != nil {
			return yield("", fmt.Errorf("reading %s: %w", path, err))
		}
		if !yield(rec.Title, nil) || !blocks(strings.NewReader(rec.Text), path, yield) {
			return false
		}
	}
	return true
}

// blocks yields a text in pieces that end with a sentence, as far as there is one in
// trainBlock bytes.
func blocks(r io.Reader, name string, yield func(string, error) bool) bool {
	buf := make([]byte, 0, trainBlock)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return yield("", fmt.Errorf("reading %s: %w", name, err))
		}
		text := string(buf)
		if !end {
			if spans := tokenizer.Sentences(text); len(spans) > 1 {
				text = text[:spans[len(spans)-1].Start]
			} else if at := strings.LastIndexByte(text, ' '); at > 0 {
				text = text[:at]
			}
		}
		if text != "" && !yield(text, nil) {
			return false
		}
		if end {
			return true
		}
		buf = buf[:copy(buf, buf[len(text):])]
	}
}

// wordSentences yields the words of each sentence, in the form that words have in an
// index. Numbers, identifiers and marks have no vectors there, so that they are
// left out here.
func wordSentences(tok *tokenizer.Tokenizer, texts iter.Seq2[string, error]) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var toks []tokenizer.Token
		var words []string
		for text, err := range texts {
			if err != nil {
				yield(nil, err)
				return
			}
			toks = tok.Tokenize(toks[:0], text)
			at := 0
			for _, span := range tokenizer.Sentences(text) {
				words = words[:0]
				for ; at < len(toks) && toks[at].Start < span.End; at++ {
					if t := &toks[at]; t.Primary() && t.Kind == tokenizer.Word {
						words = append(words, t.Word)
					}
				}
				if len(words) > 0 && !yield(words, nil) {
					return
				}
			}
		}
	}
}
