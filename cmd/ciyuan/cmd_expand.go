package main

import (
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func expandCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:        "expand",
		Usage:       "list the words of the index that are nearest to a word",
		ArgsUsage:   "WORD...",
		Description: "Each with its cosine and the number of passages that have it. Of several words the mean of their vectors is taken.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "k", Value: ciyuan.DefaultK, Usage: "the `NUMBER` of words"},
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.expand,
	})
}

// expanded is the JSON form of expand.
type expanded struct {
	Word  string             `json:"word"`
	Words []ciyuan.Expansion `json:"words"`
}

func (c *console) expand(ctx *cli.Context) error {
	word, err := textArgs(ctx, "a WORD")
	if err != nil {
		return err
	}
	k := ctx.Int("k")
	if k < 1 || k > ciyuan.MaxK {
		return usagef("flag -k needs a number from 1 to %d, not %d", ciyuan.MaxK, k)
	}
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	words, err := db.Expand(ctx.Context, word, k)
	if err != nil {
		return err
	}
	switch {
	case ctx.Bool("json"):
		err = c.printJSON(expanded{word, words})
	case len(words) > 0:
		t := newTable(false, true, true)
		t.row("word", "cosine", "passages")
		for _, w := range words {
			t.row(printable(w.Word), decimal(float64(w.Similarity)), strconv.Itoa(w.Passages))
		}
		err = t.write(c.out)
	}
	if err == nil && len(words) == 0 {
		c.note("no result: no word of the index is near")
		err = errNoResult
	}
	return err
}
