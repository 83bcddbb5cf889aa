package main

import (
	"errors"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func backupCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "backup",
		Usage:     "copy the index to another file",
		ArgsUsage: "FILE",
		Description: `Every stored value is verified on the way. FILE appears when the copy is complete and on the disk, and
is an index like any other: --index FILE. Others may search the index meanwhile.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it is there"},
			jsonFlag(),
		},
		Action: c.backup,
	})
}

func (c *console) backup(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("backup needs one FILE to write")
	}
	name := ctx.Args().First()
	pr := c.progress("copying", "entries")
	defer pr.finish()
	db, err := c.openIndex(&ciyuan.Options{
		ReadOnly: true, AnyEncoder: true,
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	})
	if err != nil {
		return err
	}
	defer discard(db)
	if ctx.Bool("force") {
		err = db.ReplaceBackup(ctx.Context, name)
	} else if err = db.Backup(ctx.Context, name); errors.Is(err, fs.ErrExist) {
		err = withHint(&restated{text: "there is a file " + name, err: err}, "name another file, or replace it: --force")
	}
	if err != nil {
		return err
	}
	bytes, err := fileBytes(name)
	if err != nil {
		return err
	}
	pr.clear()
	if ctx.Bool("json") {
		return c.printJSON(struct {
			Path  string `json:"path"`
			Bytes int64  `json:"bytes"`
		}{name, bytes})
	}
	c.note("%s in %s", sizeText(bytes), printable(name))
	return nil
}
