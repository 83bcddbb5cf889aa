package main

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func infoCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "info",
		Usage: "print what the index holds and what its parts take",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "digest", Usage: "also a hash of all that it holds: equal for the same documents in the same order"},
			jsonFlag(),
		},
		Action: c.info,
	})
}

// indexInfo is the JSON form of info.
type indexInfo struct {
	Path string `json:"path"`
	*ciyuan.Stats
	Digest string `json:"digest,omitempty"`
}

func (c *console) info(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	out := indexInfo{Path: c.index}
	if out.Stats, err = db.Stats(ctx.Context); err != nil {
		return err
	}
	if ctx.Bool("digest") {
		if out.Digest, err = db.Digest(ctx.Context); err != nil {
			return err
		}
	}
	if ctx.Bool("json") {
		return c.printJSON(out)
	}
	return c.printInfo(&out)
}

func (c *console) printInfo(s *indexInfo) error {
	t := newTable()
	t.row("index", fmt.Sprintf("%s (format %d, commit %d)", printable(s.Path), s.Format, s.Generation))
	t.row("documents", fmt.Sprintf("%d in %d passages", s.Documents, s.Passages))
	t.row("postings", fmt.Sprintf("%s, %s pending", count(s.Segments, "segment", "segments"), count(s.Pending, "passage", "passages")))
	t.row("words", fmt.Sprintf("%d tokens of %d distinct words", s.Tokens, s.Words))
	t.row("graph", fmt.Sprintf("%d words", s.GraphWords))
	t.row("encoder", fmt.Sprintf("%s, %d dimensions (%.12s)", s.Encoder, s.Dim, s.EncoderFingerprint))
	if v := s.Vectors; v != nil {
		t.row("token vectors", fmt.Sprintf("%d of %d dimensions, grade %s, %s", v.Rows, v.Dim, v.Grade, count(v.Leaders, "leader", "leaders")))
		if v.Encoder != "" {
			t.row("  encoder", fmt.Sprintf("%s, unit %s (%.12s)", v.Encoder, v.Unit, v.EncoderFingerprint))
		}
	}
	t.row("tokenizer", fmt.Sprintf("%s, mode %s (%.12s)", s.Tokenizer, s.Mode, s.TokenizerFingerprint))
	t.row("file", fmt.Sprintf("%s, of which free %s", sizeText(s.FileBytes), sizeText(s.FreeBytes)))
	t.row("for searching", fmt.Sprintf("%s, %.2f bytes a token", sizeText(s.IndexBytes), s.BytesPerToken))
	if s.Digest != "" {
		t.row("digest", s.Digest)
	}
	if err := t.write(c.out); err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	parts := newTable(false, true, true, true, true)
	parts.row("part", "keys", "bytes", "used", "bytes a token")
	for _, p := range s.Parts {
		parts.row(p.Name, strconv.Itoa(p.Keys), strconv.FormatInt(p.Bytes, 10), strconv.FormatInt(p.Used, 10), fmt.Sprintf("%.3f", p.PerToken))
	}
	return parts.write(c.out)
}
