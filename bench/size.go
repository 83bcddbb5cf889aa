package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ciyuan-search/ciyuan"
)

// maxBytesToken is the goal for what is kept of a word token beside the text.
const maxBytesToken = 8

// notSearched are the parts of a file that hold the texts and the documents'
// own fields; the others exist for searching.
var notSearched = []string{"ids", "docs", "text"}

// measureSize says what each part of a compacted file takes.
func measureSize(ctx context.Context, b *bench) error {
	var all []*ciyuan.Stats
	var names []string
	for _, name := range []string{testSets[0], sentences10k, allSets} {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		for _, graphWords := range waysOf(name) {
			s, err := b.compactedStats(ctx, c, graphWords)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			names = append(names, label(c, graphWords))
			all = append(all, s)
			if graphWords != everyWord {
				b.report.atMost("size", "bytes a token in the file", maxBytesToken, "", exactly(round(s.BytesPerToken)),
					fmt.Sprintf("%s, %d tokens, %d distinct words, %d of them in the graph", name, s.Tokens, s.Words, s.GraphWords))
			}
		}
	}
	t := table{
		Part: "size", Title: "Bytes a token in the file", Head: append([]string{"part"}, names...),
		Note: "After compact: whole pages of the part, divided by the word tokens. forward: codes and spans; words: the words with their parts of speech; " +
			"lookup: from a word to its code; refs: where its vector is; postings: code to passages; lengths: words of each passage. " +
			"In brackets: how full the pages are.",
	}
	row := func(name string, cell func(s *ciyuan.Stats) string) {
		cells := []string{name}
		for _, s := range all {
			cells = append(cells, cell(s))
		}
		t.Rows = append(t.Rows, cells)
	}
	row("tokens", func(s *ciyuan.Stats) string { return fmt.Sprint(s.Tokens) })
	row("words in the graph", func(s *ciyuan.Stats) string { return fmt.Sprint(s.GraphWords) })
	row("distinct words", func(s *ciyuan.Stats) string { return fmt.Sprint(s.Words) })
	part := func(i int) {
		row(all[0].Parts[i].Name, func(s *ciyuan.Stats) string {
			p := s.Parts[i]
			if p.Bytes == 0 {
				return "0"
			}
			return fmt.Sprintf("%.2f (%.0f %%)", p.PerToken, 100*float64(p.Used)/float64(p.Bytes))
		})
	}
	searched := func(i int) bool { return !slices.Contains(notSearched, all[0].Parts[i].Name) }
	for i := range all[0].Parts {
		if searched(i) {
			part(i)
		}
	}
	row("**for searching, in all**", func(s *ciyuan.Stats) string { return fmt.Sprintf("**%.2f**", s.BytesPerToken) })
	for i := range all[0].Parts {
		if !searched(i) {
			part(i)
		}
	}
	row("free pages", func(s *ciyuan.Stats) string { return fmt.Sprintf("%.2f", float64(s.FreeBytes)/float64(s.Tokens)) })
	row("file, MB", func(s *ciyuan.Stats) string { return fmt.Sprintf("%.2f", float64(s.FileBytes)/1e6) })
	b.report.table(t)
	return nil
}

// compactedStats compacts a copy of the index of c and counts what it holds.
func (b *bench) compactedStats(ctx context.Context, c corpus, graphWords int) (*ciyuan.Stats, error) {
	db, err := b.openCopy(ctx, c, graphWords)
	if err != nil {
		return nil, err
	}
	err = db.Compact(ctx)
	var s *ciyuan.Stats
	if err == nil {
		s, err = db.Stats(ctx)
	}
	return s, errors.Join(err, db.Close(), os.Remove(db.Path()))
}

// openCopy opens a copy of the index of c, to be changed. The caller closes it
// and removes the file.
func (b *bench) openCopy(ctx context.Context, c corpus, graphWords int) (*ciyuan.DB, error) {
	path, err := b.index(ctx, c, graphWords)
	if err != nil {
		return nil, err
	}
	copied := filepath.Join(b.dir, "copy.db")
	if err := copyFile(copied, path); err != nil {
		return nil, err
	}
	return ciyuan.Open(copied, &ciyuan.Options{GraphWords: graphWords})
}

// copyFile copies a file and waits until it is on the disk, so that the writing
// does not disturb what is timed next.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
