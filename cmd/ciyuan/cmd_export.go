package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func exportCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "export",
		Usage: "write all documents as JSON Lines",
		Description: `A line is {"id","title","text","meta","path","mtime","size"}; import reads it.
A document that is damaged is left out and named; the exit code is then 2.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write instead of standard output", TakesFile: true},
		},
		Action: c.export,
	})
}

func (c *console) export(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	var damaged *ciyuan.ExportError
	write := func(w io.Writer) error {
		err := db.Export(ctx.Context, w)
		if errors.As(err, &damaged) {
			return nil // the others are there
		}
		return err
	}
	switch name := ctx.String("output"); name {
	case "", "-":
		c.releaseWhenSlow(db)
		err = write(c.out)
	case c.index:
		return usagef("--output names the index itself")
	default:
		err = writeFile(ctx.Context, name, write)
	}
	if err != nil || damaged == nil {
		return err
	}
	for _, l := range damaged.Lost {
		c.warn("%s: left out: %s", printable(l.ID), plainText(l.Reason))
	}
	return withHint(fmt.Errorf("%s could not be exported", count(len(damaged.Lost), "document", "documents")),
		"list what is damaged: "+programName+" check", repairHint)
}

// writeFile writes a file that appears under its name only when it is complete.
// What is there and is no regular file, such as a device, is written as it is.
func writeFile(ctx context.Context, name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return fmt.Errorf("writing %s: is a folder", name)
		}
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(flushed(file, write), file.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	// CreateTemp lets nobody else read; a file made the usual way may be read.
	err = errors.Join(flushed(file, write), file.Chmod(0o644), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

func flushed(file io.Writer, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(file, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}
