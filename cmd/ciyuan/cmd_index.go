package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/extract"
	"github.com/ciyuan-search/ciyuan/internal/order"
)

func indexCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "index",
		Usage:     "add or update files, folders and JSON Lines",
		ArgsUsage: "PATH... | -",
		Description: `Folders are mirrored: changed files are read again, vanished ones are deleted from
the index. .gitignore and .ignore files are honoured; hidden files, links and files
without text are left out. A line of a .jsonl or .ndjson file is a document:
{"id": "...", "title": "...", "text": "...", "meta": {"field": "value"}}.`,
		Flags: []cli.Flag{
			choice("format", formatAuto, "how to read the input", formatAuto, formatText, formatJSONL),
			&cli.StringFlag{Name: "id", Usage: "the `ID` of a text from standard input"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done and why, and do nothing"},
			&cli.BoolFlag{Name: "force", Usage: "delete also where a PATH has vanished or over half of its documents have"},
			&cli.BoolFlag{Name: "hidden", Usage: "also hidden files and folders"},
			&cli.BoolFlag{Name: "no-ignore", Usage: "also what .gitignore and .ignore files leave out"},
			modeFlag("how a new index cuts Chinese text into words"),
			encoderFlag(),
			unitFlag(),
			gradeFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: func(ctx *cli.Context) error {
			args := ctx.Args().Slice()
			stdin := c.isStdin(ctx)
			switch {
			case len(args) == 0:
				return usagef("index needs a PATH, or - for standard input").hint("see: " + programName + " index --help")
			case stdin && len(args) > 1:
				return usagef("index takes either - or paths, not both")
			case stdin && ctx.Bool("dry-run"):
				return usagef("--dry-run is for files and folders")
			case !stdin && ctx.IsSet("id"):
				return usagef("--id is for a text from standard input: index --id ID -")
			}
			if stdin {
				return c.indexStdin(ctx)
			}
			return c.indexPaths(ctx, args)
		},
	})
}

// indexPaths mirrors files and folders.
func (c *console) indexPaths(ctx *cli.Context, args []string) error {
	begun := time.Now()
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	p := &plan{place: place}
	for _, arg := range args {
		if arg == "" {
			return usagef("an empty PATH")
		}
		p.roots = append(p.roots, root{given: arg, key: place.key(arg)})
	}
	opts := extract.WalkOptions{Hidden: ctx.Bool("hidden"), NoIgnore: ctx.Bool("no-ignore")}
	entries, err := p.walk(ctx.Context, opts, c.index)
	if err != nil {
		return err
	}
	if ctx.Bool("dry-run") {
		return c.dryRun(ctx, p, entries)
	}
	if _, err := os.Stat(c.index); errors.Is(err, fs.ErrNotExist) {
		// A mistyped path must not leave an empty index behind.
		if err := p.missing(false); err != nil {
			return err
		}
	}
	return c.withWriter(ctx, "indexing", "files", func(db *ciyuan.DB, pr *progress) error {
		r := &reading{con: c, db: db, plan: p, format: ctx.String("format"), force: ctx.Bool("force"), progress: pr}
		r.result.Skipped = len(p.skips)
		if err := newPlan(ctx.Context, p, db, entries); err != nil {
			return err
		}
		if err := p.missing(r.force); err != nil {
			return err
		}
		r.result.Unchanged = p.unchanged
		var size int64
		for i := range p.jobs {
			size += p.jobs[i].entry.Size
		}
		pr.expect(int64(len(p.jobs)), size)
		if len(p.jobs)+len(p.losses) > 0 {
			if err := r.mirror(ctx.Context); err != nil {
				return r.stopped(ctx.Context, err)
			}
		}
		for i := range p.skips {
			if s := &p.skips[i]; s.Reason == extract.Unreadable {
				r.fail(s.Path, s.Err)
			}
		}
		return r.report(ctx, time.Since(begun))
	})
}

// indexStdin reads one document, or JSON Lines, from standard input.
func (c *console) indexStdin(ctx *cli.Context) error {
	in, err := newStream(c.stdin(ctx.Context), ctx.String("format"))
	if err != nil {
		return err
	}
	id := ctx.String("id")
	switch {
	case in.records && id != "":
		return usagef("--id is for a text; the records of JSON Lines have ids of their own").
			hint("to read the input as one text: --format text")
	case !in.records && id == "":
		return usagef("a text from standard input needs a name: --id ID").
			hint(`or give JSON Lines: {"id": "...", "text": "..."}`)
	}
	return c.withWriter(ctx, "indexing", "documents", func(db *ciyuan.DB, pr *progress) error {
		r := &reading{con: c, db: db, progress: pr, current: "standard input"}
		if err := in.index(ctx.Context, r, id); err != nil {
			return r.stopped(ctx.Context, err)
		}
		return r.report(ctx, time.Since(pr.begun))
	})
}

// A stream is a document, or many of them, without a name.
type stream struct {
	head    []byte
	rest    io.Reader // nil: all of it is in head
	records bool
}

func newStream(r io.Reader, format string) (*stream, error) {
	head, err := io.ReadAll(io.LimitReader(r, textBytes))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	s := &stream{head: head}
	if len(head) == textBytes {
		s.rest = r
	}
	s.records = format == formatJSONL || format == formatAuto && extract.FormatOfData(head) == extract.JSONL
	return s, nil
}

func (s *stream) documents(r *reading, id string, yield func(ciyuan.Document, error) bool) {
	whole := io.Reader(bytes.NewReader(s.head))
	if s.rest != nil {
		whole = io.MultiReader(whole, s.rest)
	}
	body := &meter{r: whole, progress: r.progress}
	if s.records {
		s.readRecords(r, body, yield)
		return
	}
	doc, err := extract.NewDocument(body, extract.ReadOptions{})
	if err != nil {
		r.fail(r.current, err)
		return
	}
	out := ciyuan.Document{ID: id, Title: doc.Title}
	if s.rest == nil {
		if out.Text, err = doc.Text(); err != nil {
			r.fail(r.current, err)
			return
		}
	} else {
		out.Body = doc
	}
	if yield(out, nil) {
		r.progress.add(1, 0)
	}
}

func (s *stream) readRecords(r *reading, body *meter, yield func(ciyuan.Document, error) bool) {
	bad := 0
	for rec, err := range extract.Records(body, 0) {
		if errors.Is(err, extract.ErrJSONL) {
			r.result.Failed++
			if bad++; bad <= badLines {
				r.warn("%s: %s", r.current, plainError(err))
			}
			continue
		}
		if err != nil {
			yield(ciyuan.Document{}, err)
			return
		}
		if !yield(ciyuan.Document{ID: rec.ID, Title: rec.Title, Text: rec.Text, Meta: rec.Meta}, nil) {
			return
		}
		r.progress.add(1, 0)
	}
	if bad > badLines {
		r.warn("%s: %d more bad lines", r.current, bad-badLines)
	}
}

// stopped adds to an error that ended the work what is in the index by now.
func (r *reading) stopped(ctx context.Context, err error) error {
	n := r.result.Added + r.result.Updated
	if ctx.Err() != nil {
		return withHint(err, count(n, "document is", "documents are")+" in the index; the same command goes on from there")
	}
	if n > 0 {
		return withHint(err, count(n, "document was", "documents were")+" added before that")
	}
	return err
}

// report prints what was done.
func (r *reading) report(ctx *cli.Context, took time.Duration) error {
	s := &r.result
	s.TookMS = float64(took.Microseconds()) / 1000
	if ctx.Bool("json") {
		if err := r.con.printJSON(s); err != nil {
			return err
		}
	} else {
		r.progress.clear()
		r.con.note("%s", s.text(took))
	}
	if s.Failed > 0 {
		return fmt.Errorf("%s could not be read", count(s.Failed, "file or line", "files or lines"))
	}
	return nil
}

func (s *indexResult) text(took time.Duration) string {
	parts := []string{fmt.Sprintf("%d added, %d updated, %d deleted, %d unchanged", s.Added, s.Updated, s.Deleted, s.Unchanged)}
	if s.Skipped > 0 {
		parts = append(parts, count(s.Skipped, "file or folder left out", "files or folders left out"))
	}
	text := strings.Join(parts, ", ")
	seconds := took.Seconds()
	if s.Words > 0 {
		text += fmt.Sprintf("; %s, %s", count(s.Words, "word", "words"), sizeText(s.Bytes))
	}
	text += " in " + timeText(took)
	if s.Words > 0 && seconds > 0 {
		text += fmt.Sprintf(" (%s/s)", sizeText(int64(float64(s.Bytes)/seconds)))
	}
	return text
}

// timeText writes a duration as short as it may be.
func timeText(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// step is a line of a dry run.
type step struct {
	Action string `json:"action"` // add, update, delete, skip
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// dryRun prints what an index run would do.
func (c *console) dryRun(ctx *cli.Context, p *plan, entries []extract.Entry) error {
	db, err := c.openReader(ctx)
	if err != nil && !errors.Is(err, ciyuan.ErrNoIndex) {
		return err
	}
	if db != nil {
		defer discard(db)
	}
	if err := newPlan(ctx.Context, p, db, entries); err != nil {
		return err
	}
	if err := p.missing(true); err != nil {
		return err
	}
	steps := p.steps()
	if ctx.Bool("json") {
		err = c.printJSON(map[string][]step{"steps": steps})
	} else {
		for _, s := range steps {
			fmt.Fprintf(c.out, "%-6s %s (%s)\n", s.Action, printable(s.Path), printable(s.Reason))
		}
	}
	if err != nil {
		return err
	}
	doomed := map[string]string{}
	for _, l := range p.losses {
		for _, id := range l.ids {
			doomed[id] = l.key
		}
	}
	if err := p.refusal(doomed); err != nil {
		c.note("without --force this would be refused: %v", err)
	}
	c.note("nothing was changed; %s", count(p.unchanged, "document is unchanged", "documents are unchanged"))
	return nil
}

// steps lists what there is to do, by path.
func (p *plan) steps() []step {
	steps := []step{}
	for _, j := range p.jobs {
		action := "update"
		if j.known == nil {
			action = "add"
		}
		steps = append(steps, step{action, p.place.show(j.key), j.why})
	}
	for _, l := range p.losses {
		why := l.why
		if len(l.ids) > 1 {
			why = fmt.Sprintf("%s, %d documents", why, len(l.ids))
		}
		steps = append(steps, step{"delete", p.place.show(l.key), why})
	}
	for i := range p.skips {
		s := &p.skips[i]
		name := p.place.show(p.place.key(skipPath(s)))
		if strings.HasSuffix(s.Path, "/") {
			name += string(filepath.Separator)
		}
		steps = append(steps, step{"skip", name, skipText(s)})
	}
	order.Stable(steps, func(a, b *step) int { return strings.Compare(a.Path, b.Path) })
	return steps
}
