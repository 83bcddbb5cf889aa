package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func checkCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "check",
		Usage: "read the whole index and list what is damaged",
		Description: `Prints ok, or a line for each problem and ends with exit code 2.

With --repair a damaged index is made anew from its intact documents and takes the
place of the damaged file, which is kept beside it. Prints a line for each document
that could not be saved, and ends with exit code 2 if there are any.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "repair", Usage: "make a damaged index anew from its intact documents"},
			encoderFlag(), dictFlag(), jsonFlag(),
		},
		Action: c.check,
	})
}

// checked is what check --json prints.
type checked struct {
	OK       bool                 `json:"ok"`
	Problems []ciyuan.Problem     `json:"problems"`
	Repair   *ciyuan.RepairResult `json:"repair,omitempty"`
}

func (c *console) check(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	problems, err := c.problems(ctx)
	if err != nil {
		return err
	}
	result := checked{OK: len(problems) == 0, Problems: problems}
	switch asJSON := ctx.Bool("json"); {
	case asJSON:
	case result.OK:
		fmt.Fprintln(c.out, "ok")
	default:
		for _, p := range problems {
			fmt.Fprintln(c.out, printable(p.String()))
		}
	}
	var failure error
	if !result.OK {
		if ctx.Bool("repair") {
			result.Repair, err = c.repair(ctx)
			if err != nil {
				return err
			}
			failure = c.repaired(ctx, result.Repair)
		} else {
			failure = withHint(fmt.Errorf("%s: %s", c.index, count(len(problems), "problem", "problems")), repairHint)
		}
	}
	if ctx.Bool("json") {
		if err := c.printJSON(result); err != nil {
			return err
		}
	}
	return failure
}

// problems checks the index. A file that cannot be opened for its damage has one
// problem.
func (c *console) problems(ctx *cli.Context) ([]ciyuan.Problem, error) {
	pr := c.progress("checking", "bytes")
	defer pr.finish()
	db, err := c.openIndex(&ciyuan.Options{
		ReadOnly: true, AnyEncoder: true, Salvage: true,
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	})
	if errors.Is(err, ciyuan.ErrCorrupt) || ctx.Bool("repair") && errors.Is(err, ciyuan.ErrNotIndex) {
		return []ciyuan.Problem{{Text: plainError(err)}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer discard(db)
	return db.Check(ctx.Context)
}

// repair makes the index anew.
func (c *console) repair(ctx *cli.Context) (*ciyuan.RepairResult, error) {
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, err
	}
	pr := c.progress("repairing", "documents")
	defer pr.finish()
	opts := &ciyuan.Options{
		Dict:     o.Dict,
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	}
	if err := c.vectors(ctx, opts); err != nil {
		return nil, err
	}
	return ciyuan.Repair(ctx.Context, c.index, opts)
}

// repaired tells what a repair has saved; documents that are lost are an error.
func (c *console) repaired(ctx *cli.Context, r *ciyuan.RepairResult) error {
	for _, l := range r.Lost {
		if !ctx.Bool("json") {
			fmt.Fprintf(c.out, "lost %s: %s\n", printable(l.ID), printable(plainText(l.Reason)))
		}
	}
	for _, note := range r.Notes {
		c.warn("%s", note)
	}
	c.note("%s saved; the damaged file is %s", count(r.Saved, "document was", "documents were"), printable(r.Damaged))
	lost := len(r.Lost) + r.Unknown
	if lost == 0 {
		return nil
	}
	text := count(lost, "document", "documents") + " could not be saved"
	if r.Unknown > 0 {
		text += fmt.Sprintf(", of %d of them not even the id", r.Unknown)
	}
	return withHint(errors.New(text), "index what they came from again, or import an export; the other documents can be searched")
}
