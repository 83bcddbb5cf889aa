package main

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func translateWordsCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "translate-words",
		Usage:     "cut a text into words and give each its candidates in the other language",
		ArgsUsage: "TEXT...",
		Description: `Chinese for English words, English for Chinese ones: the nearest by their vectors and,
with --model, those that they were linked to in parallel text, with sentences that
show them (see: ciyuan dict --save).`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "a `FILE` that dict --save or align --save has written", TakesFile: true},
			&cli.IntFlag{Name: "k", Value: 5, Usage: "the `NUMBER` of candidates a word"},
			&cli.IntFlag{Name: "examples", Value: 1, Usage: "the `NUMBER` of sentence pairs a candidate, at most 3"},
			modeFlag("how Chinese text is cut"),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.translateWords,
	})
}

// translatedWord is the JSON form of a word with its candidates.
type translatedWord struct {
	Token      string            `json:"token"`
	Start      int               `json:"start"` // bytes
	End        int               `json:"end"`
	POS        string            `json:"pos"`
	Candidates []align.Candidate `json:"candidates"`
}

func (c *console) translateWords(ctx *cli.Context) error {
	text, err := textArgs(ctx, "a TEXT")
	if err != nil {
		return err
	}
	k, most := ctx.Int("k"), ctx.Int("examples")
	if k < 1 || k > 50 {
		return usagef("flag -k needs a number from 1 to 50, not %d", k)
	}
	if most < 0 || most > 3 {
		return usagef("flag --examples needs a number from 0 to 3, not %d", most)
	}
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(o)
	if err != nil {
		return err
	}
	table, err := c.tableOr(ctx.Context, ctx.String("encoder"))
	if err != nil {
		return err
	}
	var model *align.Model
	if name := ctx.String("model"); name != "" {
		if model, err = align.OpenModel(name); err != nil {
			return err
		}
	}
	tr := align.NewTranslator(table, model)
	words := []translatedWord{}
	found := false
	for _, t := range align.Cut(tok, text).Tokens {
		if t.Kind == tokenizer.Punct {
			continue
		}
		w := translatedWord{Token: text[t.Start:t.End], Start: t.Start, End: t.End, POS: t.POS.String(), Candidates: []align.Candidate{}}
		for _, cand := range tr.Candidates(&t, k) {
			cand.Examples = cand.Examples[:min(most, len(cand.Examples))]
			w.Candidates = append(w.Candidates, cand)
			found = true
		}
		words = append(words, w)
	}
	if ctx.Bool("json") {
		err = c.printJSON(map[string]any{"words": words})
	} else {
		err = c.printTranslated(words)
	}
	if err == nil && !found {
		c.note("no result: none of the words is known")
		err = errNoResult
	}
	return err
}

func (c *console) printTranslated(words []translatedWord) error {
	for _, w := range words {
		fmt.Fprintf(c.out, "%s/%s\n", c.paint(styleBold, printable(w.Token)), w.POS)
		t := newTable(false, false, true, true, true)
		for _, cand := range w.Candidates {
			t.row("", printable(cand.Word), decimal(cand.Score), decimal(cand.Similarity), strconv.Itoa(cand.Count))
		}
		if err := t.write(c.out); err != nil {
			return err
		}
		for _, cand := range w.Candidates {
			for _, e := range cand.Examples {
				fmt.Fprintf(c.out, "  %s: %s ⇔ %s\n", printable(cand.Word), printable(e.Source), printable(e.Target))
			}
		}
	}
	return nil
}
