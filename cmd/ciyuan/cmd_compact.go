package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func compactCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "compact",
		Usage: "write the index anew, without what was deleted",
		Description: `It needs room for a second file beside the first, which takes its place when it is
complete. Documents that were cut with another dictionary are cut again.`,
		Flags:  []cli.Flag{encoderFlag(), dictFlag(), jsonFlag()},
		Action: c.compact,
	})
}

func (c *console) compact(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	return c.withIndex(ctx, true, "compacting", "passages", func(db *ciyuan.DB, pr *progress) error {
		before, err := fileBytes(c.index)
		if err != nil {
			return err
		}
		if err := db.Compact(ctx.Context); err != nil {
			return err
		}
		after, err := fileBytes(c.index)
		if err != nil {
			return err
		}
		pr.clear()
		if ctx.Bool("json") {
			return c.printJSON(struct {
				Before int64 `json:"bytes_before"`
				After  int64 `json:"bytes_after"`
			}{before, after})
		}
		c.note("%s, was %s", sizeText(after), sizeText(before))
		return nil
	})
}

func fileBytes(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
