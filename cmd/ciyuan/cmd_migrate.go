package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func migrateCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "migrate",
		Usage: "bring an index of an older version to the present format",
		Description: `The new file is built beside the old one and takes its place when it is complete. An index of the
present format is left alone.`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: c.migrate,
	})
}

func (c *console) migrate(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	pr := c.progress("migrating", "entries")
	defer pr.finish()
	m, err := ciyuan.Migrate(ctx.Context, c.index, &ciyuan.Options{
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	})
	if errors.Is(err, ciyuan.ErrNoIndex) {
		err = &restated{text: "there is no index " + c.index, err: err}
	}
	if err != nil {
		return err
	}
	pr.clear()
	if ctx.Bool("json") {
		return c.printJSON(m)
	}
	if m.From == m.To {
		c.note("%s has the present format, %d", printable(c.index), m.To)
	} else {
		c.note("%s has format %d, had %d", printable(c.index), m.To, m.From)
	}
	return nil
}
