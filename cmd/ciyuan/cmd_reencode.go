package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func reencodeCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "re-encode",
		Usage: "give the index the vectors of another encoder",
		Description: `Encodes the stored documents again, into a file beside the index that takes its place
when it is complete. A run that was interrupted leaves the index as it was; the next one
with the same encoder goes on where it ended.`,
		Flags:  []cli.Flag{encoderFlag(), unitFlag(), gradeFlag(), jsonFlag()},
		Action: c.reencode,
	})
}

func (c *console) reencode(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	if !ctx.IsSet("encoder") || ctx.String("encoder") == "" {
		return usagef("re-encode needs the encoder whose vectors the index is to have: --encoder").
			hint("see: " + programName + " re-encode --help")
	}
	pr := c.progress("encoding", "passages")
	defer pr.finish()
	o := &ciyuan.Options{Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) }}
	if err := c.vectors(ctx, o); err != nil {
		return err
	}
	res, err := ciyuan.ReEncode(ctx.Context, c.index, o)
	if errors.Is(err, ciyuan.ErrNoIndex) {
		return &restated{text: "there is no index " + c.index, err: err}
	}
	if err != nil {
		return withHint(err, "the index is as it was; the same command goes on where this one ended")
	}
	pr.clear()
	if ctx.Bool("json") {
		return c.printJSON(res)
	}
	c.note("%s with %s", count(res.Documents, "document", "documents"), count(res.Words, "word", "words"))
	return nil
}
