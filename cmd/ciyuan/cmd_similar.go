package main

import (
	"github.com/urfave/cli/v2"
)

func similarCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "similar",
		Usage:     "find documents that are like one of the index",
		ArgsUsage: "ID",
		Description: `ID is the document's id, or a path that leads to its file. The others are found by its
32 weightiest words and printed as search prints them.`,
		Flags:  rankingFlags(),
		Action: c.similar,
	})
}

func (c *console) similar(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("similar needs one ID").hint("list the ids: " + programName + " list")
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	opts, err := searchOptions(ctx, place)
	if err != nil {
		return err
	}
	spareCollections()
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	id, err := findDocument(ctx.Context, db, place, ctx.Args().First())
	if err != nil {
		return err
	}
	res, err := db.Similar(ctx.Context, id, opts)
	if err != nil {
		return err
	}
	return c.printFound(ctx, res, place, opts)
}
