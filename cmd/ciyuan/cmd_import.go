package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/extract"
)

// maxExportLine bounds the memory for one document of an export, of which a
// line is about as long as its text.
const maxExportLine = 512 << 20

func importCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "import",
		Usage:     "add the documents of an export",
		ArgsUsage: "FILE | -",
		Description: `Documents keep their ids, fields, paths and times, so that a later index run knows
which files are unchanged. Documents with the same id are replaced.`,
		Flags:  []cli.Flag{modeFlag("how a new index cuts Chinese text into words"), encoderFlag(), unitFlag(), gradeFlag(), dictFlag(), jsonFlag()},
		Action: c.importFile,
	})
}

// exportLine is a line of an export.
type exportLine struct {
	ID      string            `json:"id"`
	Title   string            `json:"title"`
	Text    *string           `json:"text"`
	Meta    map[string]string `json:"meta"`
	Path    string            `json:"path"`
	ModTime time.Time         `json:"mtime"`
	Size    int64             `json:"size"`
}

func (c *console) importFile(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("import needs one FILE, or - for standard input").hint("see: " + programName + " import --help")
	}
	in, name := c.stdin(ctx.Context), "standard input"
	var size int64
	if !c.isStdin(ctx) {
		name = ctx.Args().First()
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer discard(file)
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in = file
	}
	return c.withWriter(ctx, "importing", "documents", func(db *ciyuan.DB, pr *progress) error {
		pr.expect(0, size)
		r := &reading{con: c, db: db, progress: pr, current: name}
		begun := false
		docs := func(yield func(ciyuan.Document, error) bool) {
			begun = true
			err := eachExported(ctx.Context, &meter{r: in, progress: pr}, name, func(d ciyuan.Document) bool {
				pr.add(1, 0)
				return yield(d, nil)
			})
			if err != nil {
				yield(ciyuan.Document{}, err)
			}
		}
		if err := r.add(ctx.Context, docs, func() bool { return !begun }); err != nil {
			return r.stopped(ctx.Context, err)
		}
		return r.report(ctx, time.Since(pr.begun))
	})
}

// eachExported calls f with each document of an export until f returns false.
func eachExported(ctx context.Context, r io.Reader, name string, f func(ciyuan.Document) bool) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := longLine(br)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading %s, line %d: %w", name, n, err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var x exportLine
			if err := json.Unmarshal(line, &x); err != nil {
				return fmt.Errorf("%s: %w: line %d: %w", name, extract.ErrJSONL, n, err)
			}
			if x.ID == "" || x.Text == nil {
				return fmt.Errorf("%s: %w: line %d: no \"id\" or no \"text\"", name, extract.ErrJSONL, n)
			}
			d := ciyuan.Document{
				ID: x.ID, Title: x.Title, Text: *x.Text, Meta: x.Meta,
				Source: ciyuan.Source{Path: x.Path, ModTime: x.ModTime, Size: x.Size},
			}
			if !f(d) {
				return nil
			}
		}
		if err != nil {
			return nil
		}
	}
}

// longLine reads a line of at most maxExportLine bytes.
func longLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		if len(line)+len(part) > maxExportLine {
			return nil, fmt.Errorf("longer than %d MiB", maxExportLine>>20)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
