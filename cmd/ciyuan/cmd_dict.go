package main

import (
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/align"
)

func dictCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "dict",
		Usage:     "make a bilingual lexicon of parallel text, or look words up in one",
		ArgsUsage: "SRC TGT | --tsv FILE | --model FILE [WORD...]",
		Description: `Links the words of the texts and prints those that were linked: how often, the share
of the target word among the links of the source word, and the reverse. --save keeps
what was learned; --model reads it and prints the pairs of the words, or all.`,
		Flags: append(parallelFlags(),
			&cli.IntFlag{Name: "min-count", Value: 2, Usage: "the least `NUMBER` of links that a printed pair has; 1 with WORD"},
			modeFlag("how Chinese text is cut"),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		),
		Action: c.dict,
	})
}

func (c *console) dict(ctx *cli.Context) error {
	least := ctx.Int("min-count")
	if least < 1 {
		return usagef("flag --min-count needs a number from 1, not %d", least)
	}
	var pairs []align.WordPair
	if name := ctx.String("model"); name != "" {
		for _, flag := range []string{"save", "tsv", "tokenized", "iterations"} {
			if ctx.IsSet(flag) {
				return usagef("--%s goes with texts to learn from; with --model arguments are words", flag)
			}
		}
		model, err := align.OpenModel(name)
		if err != nil {
			return err
		}
		if ctx.Args().Present() {
			if !ctx.IsSet("min-count") {
				least = 1
			}
			for _, word := range ctx.Args().Slice() {
				for _, p := range model.Lookup(word) {
					if p.Count >= least {
						pairs = append(pairs, p)
					}
				}
			}
		} else {
			pairs = lexiconOf(model, least)
		}
	} else {
		p, err := c.parallelText(ctx)
		if err != nil {
			return err
		}
		table, err := c.tableOr(ctx.Context, ctx.String("encoder"))
		if err != nil {
			return err
		}
		model, err := c.learnModel(ctx, p, table)
		if err != nil {
			return err
		}
		pairs = lexiconOf(model, least)
	}
	if ctx.Bool("json") {
		if pairs == nil {
			pairs = []align.WordPair{}
		}
		if err := c.printJSON(map[string]any{"pairs": pairs}); err != nil {
			return err
		}
	} else {
		t := newTable(false, false, true, true, true)
		if len(pairs) > 0 {
			t.row("source", "target", "count", "forward", "backward")
		}
		for _, p := range pairs {
			t.row(printable(p.Source), printable(p.Target), strconv.Itoa(p.Count), decimal(p.Forward), decimal(p.Backward))
		}
		if err := t.write(c.out); err != nil {
			return err
		}
	}
	if len(pairs) == 0 {
		c.note("no result: no words were linked so often")
		return errNoResult
	}
	return nil
}

func lexiconOf(model *align.Model, least int) []align.WordPair {
	var pairs []align.WordPair
	for p := range model.Lexicon(least) {
		pairs = append(pairs, p)
	}
	return pairs
}
