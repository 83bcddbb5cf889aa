package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func listCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "list",
		Usage:     "list the documents",
		ArgsUsage: "[PREFIX]",
		Description: `Prints the ids that begin with PREFIX, in order, a line each; on a terminal with the
size of the text and the title.`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: c.list,
	})
}

func (c *console) list(ctx *cli.Context) error {
	if ctx.NArg() > 1 {
		return usagef("list takes one PREFIX")
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	c.releaseWhenSlow(db)
	prefix := ctx.Args().First()
	n := 0
	asJSON := ctx.Bool("json")
	if asJSON {
		fmt.Fprint(c.out, `{"documents":[`)
	}
	for e, err := range db.List(ctx.Context, prefix) {
		if err != nil {
			return err
		}
		n++
		switch {
		case asJSON:
			if n > 1 {
				fmt.Fprint(c.out, ",")
			}
			var text []byte
			text, err = toJSON(documentInfo{
				ID: e.ID, Title: e.Title, Path: place.show(e.Source.Path), Meta: e.Meta,
				ModTime: orNil(e.Source.ModTime), Passages: e.Passages, Words: e.Words, Bytes: e.Bytes,
			})
			_, _ = c.out.Write(text) // an error stays in c.out
		case c.outTerminal:
			_, err = fmt.Fprintf(c.out, "%8s  %s  %s\n", sizeText(e.Bytes), c.paint(stylePath, printable(e.ID)), printable(e.Title))
		default:
			_, err = fmt.Fprintln(c.out, printable(e.ID))
		}
		if err != nil {
			return err
		}
	}
	if asJSON {
		fmt.Fprintln(c.out, "]}")
	}
	if n > 0 {
		return nil
	}
	if prefix == "" {
		c.note("the index is empty")
	} else {
		c.note("no id begins with %q", prefix)
	}
	return errNoResult
}
