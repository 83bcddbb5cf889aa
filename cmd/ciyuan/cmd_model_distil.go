package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/encoder/distil"
	"github.com/ciyuan-search/ciyuan/encoder/transformer"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func modelDistilCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "distil",
		Usage: "make word vectors from a transformer or a server",
		Description: `Each word goes through the transformer alone, once; the mean of its hidden states, or
what a server has for the word, is reduced to the principal components of all words. The
words are those of a file, a word with its count a line, or of the index. The same input
gives the same file. --eval compares searches with the new table, with the unreduced
vectors of the teacher and with BM25 on a test set.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the teacher: hf:`DIR` or http:URL#MODEL"},
			&cli.StringFlag{Name: "eval", Usage: "also measure searches on the test set in this `DIR`", TakesFile: true},
			&cli.StringFlag{Name: "words", Usage: "the `FILE` of words, each with its count behind white space, instead of those of the index", TakesFile: true},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write, for --encoder static:FILE", TakesFile: true},
			&cli.StringFlag{Name: "text-prefix", Usage: "a `TEXT` in front of each word, such as 'query: ' for the models called e5"},
			&cli.IntFlag{Name: "dim", Usage: "the `NUMBER` of dimensions; 0 is 128, or what the transformer can give"},
			&cli.IntFlag{Name: "drop", Value: 1, Usage: "the `NUMBER` of first components to leave out, which tell how frequent a word is"},
			&cli.IntFlag{Name: "min-count", Value: 1, Usage: "leave out words that occur less often than this `NUMBER`"},
			&cli.BoolFlag{Name: "int8", Usage: "compute with weights of 8 bits, in two thirds of the time"},
			threadsFlag(),
			bitsFlag(),
			nameFlag(),
			licenseFlag(),
			modeFlag("how the documents of the index are cut into words"),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.distilModel,
	})
}

// distillation is the JSON form of what distil has made.
type distillation struct {
	*conversion
	TeacherDim int     `json:"teacher_dim"`
	Kept       float64 `json:"kept"` // share of the variance

	Eval []teacherScore `json:"eval,omitempty"`
}

func (c *console) distilModel(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	out := ctx.String("output")
	switch {
	case out == "":
		return usagef("model distil needs a file to write: -o FILE").hint("see: " + programName + " model distil --help")
	case ctx.Int("dim") < 0:
		return usagef("flag --dim needs a number from 0, not %d", ctx.Int("dim"))
	case ctx.Int("drop") < 0:
		return usagef("flag --drop needs a number from 0, not %d", ctx.Int("drop"))
	}
	table, err := tableOptions(ctx, out)
	if err != nil {
		return err
	}
	ask, license, err := c.openTeacher(ctx)
	if err != nil {
		return err
	}
	var set *eval.Set
	if dir := ctx.String("eval"); dir != "" {
		if set, err = eval.Load(dir); err != nil {
			return err
		}
	}
	pr := c.progress("encoding", "words")
	defer pr.finish()
	words, err := c.distilWords(ctx, pr)
	if err != nil {
		return err
	}
	o := distil.Options{Name: table.Name, Dim: ctx.Int("dim"), Drop: ctx.Int("drop"), Bits: table.Bits, License: cmp.Or(table.License, license)}
	if o.Drop == 0 {
		o.Drop = -1 // the library takes 0 for its default
	}
	o.Progress = func(done, total int) { pr.enter("encoding", int64(done), int64(total), "words") }
	var report distil.Report
	err = writeFile(ctx.Context, out, func(w io.Writer) (err error) {
		report, err = distil.Distil(ctx.Context, w, words, ask, o)
		return err
	})
	if err != nil {
		return err
	}
	done, err := c.describeTableFile(ctx, out, report.Report)
	if err != nil {
		return err
	}
	var scores []teacherScore
	if set != nil {
		if scores, err = c.compareTeacher(ctx, set, out, ask, pr); err != nil {
			return err
		}
	}
	pr.clear()
	if ctx.Bool("json") {
		return c.printJSON(distillation{done, report.TeacherDim, report.Kept, scores})
	}
	c.note("%.0f %% of the variance of %d dimensions is kept", 100*report.Kept, report.TeacherDim)
	if err := c.reportTable(ctx, done); err != nil || set == nil {
		return err
	}
	return c.printTeacherScores(scores)
}

// openTeacher opens what --from names, and returns its licence where it states one.
func (c *console) openTeacher(ctx *cli.Context) (ask distil.Teacher, license string, err error) {
	kind, path, err := encoderKind(ctx.String("from"), encoderHF, encoderHTTP)
	if err != nil {
		return nil, "", usagef("flag --from needs hf:DIR or http:URL, not %q", ctx.String("from"))
	}
	if err := checkThreads(ctx); err != nil {
		return nil, "", err
	}
	prefix := ctx.String("text-prefix")
	if kind == encoderHTTP {
		for _, name := range []string{"int8", "threads"} {
			if ctx.IsSet(name) {
				return nil, "", usagef("flag --%s goes with --from hf:DIR; a server computes as it will", name)
			}
		}
		source, err := c.server(ctx.Context, path)
		if err != nil {
			return nil, "", err
		}
		return func(ctx context.Context, words []string) ([][]float32, error) {
			vectors, err := source.Vectors(ctx, prefixed(prefix, words))
			for i, v := range vectors {
				if v == nil {
					vectors[i] = make([]float32, source.Dim()) // a zero vector leaves the word out
				}
			}
			return vectors, err
		}, "", nil
	}
	model, err := openTransformer(path, &transformer.Options{Threads: ctx.Int("threads"), Int8: ctx.Bool("int8")})
	if err != nil {
		return nil, "", err
	}
	c.closers = append(c.closers, model)
	return func(ctx context.Context, words []string) ([][]float32, error) {
		return model.MeanStates(ctx, prefixed(prefix, words))
	}, model.Info().License, nil
}

func prefixed(prefix string, words []string) []string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = prefix + word
	}
	return texts
}

// distilWords returns the words to encode with their counts, most frequent first.
func (c *console) distilWords(ctx *cli.Context, pr *progress) ([]distil.Word, error) {
	least := int64(ctx.Int("min-count"))
	if name := ctx.String("words"); name != "" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer discard(file)
		return readWords(ctx.Context, file, name, least)
	}
	cut, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.New(cut)
	if err != nil {
		return nil, err
	}
	texts, err := c.indexTexts(ctx, pr)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for sentence, err := range wordSentences(tok, texts) {
		if err != nil {
			return nil, err
		}
		for _, word := range sentence {
			if n, ok := counts[word]; ok {
				counts[word] = n + 1
			} else {
				counts[strings.Clone(word)] = 1 // it shares memory with the text
			}
		}
	}
	var words []distil.Word
	for word, n := range counts {
		if n >= least {
			words = append(words, distil.Word{Text: word, Count: n})
		}
	}
	order.Stable(words, func(a, b *distil.Word) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Text, b.Text))
	})
	return words, nil
}

// readWords reads a word, and its count if there is one, from each line.
func readWords(ctx context.Context, r io.Reader, name string, least int64) ([]distil.Word, error) {
	var words []distil.Word
	err := eachLine(ctx, r, name, func(n int, line string) error {
		parts := strings.Fields(line)
		if len(parts) == 0 {
			return nil
		}
		if !utf8.ValidString(parts[0]) {
			return withHint(fmt.Errorf("%s: line %d: %q is not UTF-8", name, n, parts[0]), "save the file as UTF-8")
		}
		word := distil.Word{Text: parts[0]}
		if len(parts) > 1 {
			count, err := strconv.ParseInt(parts[1], 10, 64)
			if err != nil || count < 0 || len(parts) > 2 {
				return withHint(fmt.Errorf("%s: line %d: %q is no word with its count", name, n, printable(line)),
					"a line is: word [count]")
			}
			word.Count = count
			if count < least {
				return nil
			}
		}
		words = append(words, word)
		return nil
	})
	return words, err
}
