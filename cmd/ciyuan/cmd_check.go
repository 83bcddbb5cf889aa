package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func checkCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:        "check",
		Usage:       "read the whole index and list what is damaged",
		Description: "Prints ok, or a line for each problem and ends with exit code 2.",
		Flags:       []cli.Flag{jsonFlag()},
		Action:      c.check,
	})
}

func (c *console) check(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	pr := c.progress("checking", "bytes")
	defer pr.finish()
	db, err := c.openIndex(&ciyuan.Options{
		ReadOnly: true, AnyEncoder: true,
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	})
	if err != nil {
		return err
	}
	defer discard(db)
	problems, err := db.Check(ctx.Context)
	if err != nil {
		return err
	}
	pr.clear()
	if ctx.Bool("json") {
		err = c.printJSON(struct {
			OK       bool             `json:"ok"`
			Problems []ciyuan.Problem `json:"problems"`
		}{len(problems) == 0, problems})
	} else if len(problems) == 0 {
		_, err = fmt.Fprintln(c.out, "ok")
	} else {
		for _, p := range problems {
			if _, err = fmt.Fprintln(c.out, printable(p.String())); err != nil {
				break
			}
		}
	}
	if err == nil && len(problems) > 0 {
		err = withHint(fmt.Errorf("%s: %s", c.index, count(len(problems), "problem", "problems")), damagedHint)
	}
	return err
}
