package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func importVectorsCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "import-vectors",
		Usage:     "add documents by token vectors that were made elsewhere",
		ArgsUsage: "DIR",
		Description: `DIR has NAME.vec.npy, tokens x dimensions of float16 or float32, NAME.len.npy, the
tokens of each document as int64, and, if documents are to have other names than their
numbers, NAME.ids.txt, an id a line. NAME.safetensors with the tensors "vectors" and
"lengths" will do instead of the first two. Vectors need not have length 1. Documents
with the same id are replaced. search --vectors FILE.npy finds them.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "the `NAME` of the files, where DIR has those of several"},
			gradeFlag(),
			jsonFlag(),
		},
		Action: c.importVectors,
	})
}

func gradeFlag() cli.Flag {
	return choice("grade", "exact", "how token vectors are stored in a new index: 8, 4 or 2 bits a dimension", "exact", "balanced", "compact")
}

// unitFlag is for new indexes.
func unitFlag() cli.Flag {
	return choice("unit", unitWord, "what has a vector in a new index with --encoder hf:DIR", unitWord, unitPiece)
}

func (c *console) importVectors(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("import-vectors needs one DIR").hint("see: " + programName + " import-vectors --help")
	}
	set, err := openVectorSet(ctx.Args().First(), ctx.String("name"))
	if err != nil {
		return err
	}
	defer func() { _ = set.close() }() // only read
	return c.withWriter(ctx, "importing", "documents", func(db *ciyuan.DB, pr *progress) error {
		pr.expect(int64(set.len()), 0)
		r := &reading{con: c, db: db, progress: pr, current: ctx.Args().First()}
		begun := false
		if err := r.add(ctx.Context, set.documents(&begun, func() { pr.add(1, 0) }), func() bool { return !begun }); err != nil {
			return r.stopped(ctx.Context, err)
		}
		return r.report(ctx, time.Since(pr.begun))
	})
}
