package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder/transformer"
)

func askCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "ask",
		Usage:     "answer a question from the documents",
		ArgsUsage: "QUESTION...",
		Description: `Finds the passages that a QUESTION is about, the sentence that answers and the answer in
it. On a terminal an answer is printed with its path and line, how likely it is that
the question is answered there (0 to 1), and its sentence with the answer marked. In a
pipe it is one line: ANSWER, PATH:LINE, the likelihood and the sentence, with tabs in
between. Where nothing answers nothing is printed, and the exit code is 1.

With --llm a language model writes the answer from the passages, and is not asked where
nothing answers. Every sentence has to name the passages that say it, as [1]; those that
do not, or name others, or have too few words in common with them, are left out.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.IntFlag{Name: "k", Value: 1, Usage: "the `NUMBER` of answers, each from another sentence"},
			&cli.Float64Flag{Name: "min-score", Value: ciyuan.DefaultConfidence, Usage: "leave out answers that are less likely, `0..1`"},
			&cli.IntFlag{Name: "passages", Value: ciyuan.DefaultAskPassages, Usage: "the `NUMBER` of passages to look into"},
			&cli.StringFlag{Name: "reader", Usage: "find answers with the question-answering transformer in this `DIR`", EnvVars: []string{"CIYUAN_READER"}, TakesFile: true},
		}, writerFlags(), []cli.Flag{
			filterFlag(),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		}),
		Action: c.ask,
	})
}

func (c *console) ask(ctx *cli.Context) error {
	question, err := textArgs(ctx, "a QUESTION")
	if err != nil {
		return err
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	opts, err := c.askOptions(ctx, place)
	if err != nil {
		return err
	}
	writer, err := c.newWriter(ctx)
	if err != nil {
		return err
	}
	// One question takes some megabytes: collecting them would only cost time.
	debug.SetGCPercent(400)
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	res, err := db.Ask(ctx.Context, question, opts)
	if err != nil {
		return err
	}
	for i := range res.Answers {
		res.Answers[i].Path = place.show(res.Answers[i].Path)
	}
	out := struct {
		*ciyuan.Answers
		Written *written `json:"written,omitempty"`
	}{Answers: res}
	switch {
	case len(res.Answers) == 0:
		c.note("%s", noAnswer(res, opts))
		err = errNoResult
	case writer != nil:
		err = writer.write(ctx.Context, res, place)
		if errors.Is(err, errNoResult) {
			c.note("no answer: the passages say nothing that the model could cite")
		} else if err != nil {
			return err
		}
		out.Written = &writer.answer
	case !ctx.Bool("json"):
		c.printAnswers(res.Answers, place)
	}
	if ctx.Bool("json") {
		err = errors.Join(err, c.printJSON(out))
	}
	return err
}

func (c *console) askOptions(ctx *cli.Context, place *place) (*ciyuan.AskOptions, error) {
	o := &ciyuan.AskOptions{K: ctx.Int("k"), Passages: ctx.Int("passages"), MinScore: ctx.Float64("min-score")}
	switch {
	case o.K < 1 || o.K > ciyuan.MaxK:
		return nil, usagef("flag -k needs a number from 1 to %d, not %d", ciyuan.MaxK, o.K)
	case o.Passages < 1 || o.Passages > ciyuan.MaxK:
		return nil, usagef("flag --passages needs a number from 1 to %d, not %d", ciyuan.MaxK, o.Passages)
	case !(o.MinScore >= 0 && o.MinScore <= 1):
		return nil, usagef("flag --min-score needs a number from 0 to 1, not %g", o.MinScore)
	case o.MinScore == 0:
		o.MinScore = -1 // the library takes 0 for its default
	}
	var err error
	if o.Filter, err = filterOption(ctx, place); err != nil {
		return nil, err
	}
	if dir := ctx.String("reader"); dir != "" {
		model, err := openTransformer(dir, nil)
		if err != nil {
			return nil, err
		}
		c.closers = append(c.closers, model)
		o.Reader = reader{model}
	}
	return o, nil
}

// reader is a transformer that answers questions.
type reader struct{ model *transformer.Model }

func (r reader) Read(ctx context.Context, question, passage string) (ciyuan.Reading, bool, error) {
	a, ok, err := r.model.Answer(ctx, question, passage, nil)
	return ciyuan.Reading{Start: a.Start, End: a.End, Margin: float64(a.Score) - float64(a.Null)}, ok, err
}

// noAnswer says why there may be no answer.
func noAnswer(res *ciyuan.Answers, o *ciyuan.AskOptions) string {
	switch {
	case res.Stats.Documents == 0:
		return "no answer: the index is empty"
	case len(res.Passages) == 0 && len(o.Filter) > 0:
		return "no answer: no document that passes the filter has words of the question"
	case len(res.Passages) == 0:
		return "no answer: no document has words of the question"
	}
	return "no answer: what the documents say is too far from the question; --min-score 0 shows the nearest"
}

func (c *console) printAnswers(answers []ciyuan.Answer, place *place) {
	for i := range answers {
		a := &answers[i]
		name := c.paint(stylePath, printable(place.name(a.Doc, a.Path)))
		line := c.paint(styleLine, strconv.Itoa(a.Line))
		start := a.Start - a.SentenceStart
		end := start + a.End - a.Start
		if !c.outTerminal {
			fmt.Fprintf(c.out, "%s\t%s:%s\t%.2f\t%s\n", c.paint(styleBold, printable(a.Text)), name, line, a.Score, c.marked(a.Sentence, start, end))
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s\n%s:%s", c.paint(styleBold, printable(a.Text)), name, line)
		if a.Title != "" {
			fmt.Fprintf(c.out, "  %s", printable(a.Title))
		}
		fmt.Fprintf(c.out, "  %s\n    %s\n", c.paint(styleFaint, fmt.Sprintf("%.2f", a.Score)), c.marked(a.Sentence, start, end))
	}
}

// marked returns a sentence on one line with the bytes of the answer painted.
func (c *console) marked(sentence string, start, end int) string {
	if !c.color {
		return printable(sentence)
	}
	return printable(sentence[:start]) + c.paint(styleMatch, printable(sentence[start:end])) + printable(sentence[end:])
}
