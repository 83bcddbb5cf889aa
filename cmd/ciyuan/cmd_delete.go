package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func deleteCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "delete",
		Usage:     "delete documents from the index",
		ArgsUsage: "ID...",
		Description: `ID is a document's id, or a path that leads to its file, which itself stays as it is.
A file that is still in an indexed folder comes back with the next index run.`,
		Action: c.delete,
	})
}

func (c *console) delete(ctx *cli.Context) error {
	if !ctx.Args().Present() {
		return usagef("delete needs an ID").hint("list the ids: " + programName + " list")
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	return c.withIndex(ctx, true, "deleting", "documents", func(db *ciyuan.DB, _ *progress) error {
		var ids []string
		missing := 0
		for _, arg := range ctx.Args().Slice() {
			id, err := findDocument(ctx.Context, db, place, arg)
			if errors.Is(err, ciyuan.ErrNotFound) {
				missing++
				c.note("not in the index: %s", printable(arg))
				continue
			}
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if len(ids) > 0 {
			n, err := db.Delete(ctx.Context, ids...)
			if err != nil {
				return err
			}
			c.note("%s", count(n, "document deleted", "documents deleted"))
		}
		if missing > 0 {
			return errNoResult
		}
		return nil
	})
}
