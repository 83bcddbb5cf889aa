package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/extract"
	"github.com/ciyuan-search/ciyuan/internal/order"
)

// A source is a file that documents of the index came from.
type source struct {
	ids []string
	// modTime is zero unless the file was read as a whole, and long enough
	// after its last change that a later one would show in the time. Of the
	// records of a JSON Lines file only the last one carries it.
	modTime time.Time
	size    int64
}

// records reports whether the documents are records of the file, and not the
// file itself.
func (s *source) records(key string) bool {
	return s != nil && (len(s.ids) > 1 || s.ids[0] != fileID(key))
}

// A job is a file to be read.
type job struct {
	entry extract.Entry
	key   string
	named bool    // on the command line, not found in a folder
	known *source // nil: new
	why   string
}

// A loss is a file that the index has documents of and that is no longer there.
type loss struct {
	key string
	ids []string
	why string
}

// A root is a file or folder named on the command line.
type root struct {
	given   string
	key     string
	missing bool
	known   int // documents of it in the index
}

// A plan says what has to be done so that the index mirrors the roots.
type plan struct {
	place     *place
	roots     []root
	jobs      []job // by path
	losses    []loss
	skips     []extract.Skip
	unchanged int               // documents
	records   map[string]string // id of a record -> key of its file
}

// walk lists the files of the roots, except those of the index itself.
func (p *plan) walk(ctx context.Context, opts extract.WalkOptions, index string) ([]extract.Entry, error) {
	var there []string
	for i := range p.roots {
		r := &p.roots[i]
		if _, err := os.Stat(r.given); errors.Is(err, fs.ErrNotExist) {
			r.missing = true
			continue
		}
		there = append(there, r.given)
	}
	opts.Exclude = []string{index, index + ".compact"}
	opts.Skipped = func(s extract.Skip) { p.skips = append(p.skips, s) }
	if len(there) == 0 {
		return nil, nil
	}
	return extract.Walk(ctx, there, opts)
}

// newPlan compares the files with what the index has of them; db is nil where
// there is no index yet.
func newPlan(ctx context.Context, p *plan, db *ciyuan.DB, entries []extract.Entry) error {
	known, err := p.sources(ctx, db)
	if err != nil {
		return err
	}
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		key := p.place.key(filepath.FromSlash(e.Path))
		if seen[key] {
			continue
		}
		seen[key] = true
		s := known[key]
		why := changed(s, e)
		if why == "" {
			p.unchanged += len(s.ids)
			continue
		}
		named := slices.ContainsFunc(p.roots, func(r root) bool { return r.key == key })
		p.jobs = append(p.jobs, job{entry: e, key: key, named: named, known: s, why: why})
	}
	p.findLosses(known, seen)
	return nil
}

// changed says why a file has to be read, "" if it has not.
func changed(s *source, e extract.Entry) string {
	switch {
	case s == nil:
		return "new"
	case s.modTime.IsZero():
		return "not read as a whole, or within 2 s of its last change"
	case s.size != e.Size:
		return fmt.Sprintf("%s, was %s", sizeText(e.Size), sizeText(s.size))
	case !s.modTime.Equal(e.ModTime):
		return "changed " + e.ModTime.Format("2006-01-02 15:04:05")
	}
	return ""
}

// sources returns what the index has of the roots, by the names of the files.
func (p *plan) sources(ctx context.Context, db *ciyuan.DB) (map[string]*source, error) {
	known := map[string]*source{}
	p.records = map[string]string{}
	if db == nil {
		return known, nil
	}
	// Files of a folder mostly follow each other: the last one's root is tried
	// first.
	last := 0
	for e, err := range db.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		key := e.Source.Path
		if key == "" {
			continue
		}
		at := p.rootOf(key, &last)
		if at < 0 {
			continue
		}
		p.roots[at].known++
		s := known[key]
		if s == nil {
			s = &source{}
			known[key] = s
		}
		s.add(&e)
		if !isFile(e.ID, key) {
			p.records[e.ID] = key
		}
	}
	return known, nil
}

func (s *source) add(e *ciyuan.Entry) {
	s.ids = append(s.ids, e.ID)
	if !e.Source.ModTime.IsZero() {
		s.modTime, s.size = e.Source.ModTime, e.Source.Size
	}
}

// rootOf returns which root a file lies below, -1 for none.
func (p *plan) rootOf(key string, last *int) int {
	if p.place.under(p.roots[*last].key, key) {
		return *last
	}
	for i := range p.roots {
		if p.place.under(p.roots[i].key, key) {
			*last = i
			return i
		}
	}
	return -1
}

// findLosses lists the files that are no longer there, except where it is not
// known whether they are.
func (p *plan) findLosses(known map[string]*source, seen map[string]bool) {
	var skipped map[string]*extract.Skip
	for key, s := range known {
		if seen[key] {
			continue
		}
		if skipped == nil {
			skipped = p.skipped()
		}
		why := "gone"
		if skip := cover(skipped, key); skip != nil {
			if skip.Reason == extract.Unreadable {
				p.unchanged += len(s.ids)
				continue
			}
			why = skipText(skip)
		}
		p.losses = append(p.losses, loss{key: key, ids: s.ids, why: why})
	}
	order.Stable(p.losses, func(a, b *loss) int { return cmp.Compare(a.key, b.key) })
}

// skipped returns what the walk left out by name in the index.
func (p *plan) skipped() map[string]*extract.Skip {
	m := make(map[string]*extract.Skip, len(p.skips))
	for i := range p.skips {
		m[p.place.key(skipPath(&p.skips[i]))] = &p.skips[i]
	}
	return m
}

// skipPath returns the path of what was left out, without the slash behind a
// folder.
func skipPath(s *extract.Skip) string {
	name := strings.TrimSuffix(s.Path, "/")
	if name == "" {
		name = "/"
	}
	return filepath.FromSlash(name)
}

// cover returns why a file was left out: itself or a folder above it.
func cover(skipped map[string]*extract.Skip, key string) *extract.Skip {
	for {
		if s := skipped[key]; s != nil {
			return s
		}
		up := path.Dir(key)
		if up == key {
			return nil
		}
		key = up
	}
}

func skipText(s *extract.Skip) string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Detail != "":
		return s.Reason.String() + ": " + s.Detail
	}
	return s.Reason.String()
}

// refusal returns why documents may not be deleted unasked, nil if they may.
// doomed maps their ids to the names of their files.
func (p *plan) refusal(doomed map[string]string) error {
	counts := make([]int, len(p.roots))
	last := 0
	for _, key := range doomed {
		if at := p.rootOf(key, &last); at >= 0 {
			counts[at]++
		}
	}
	for i, r := range p.roots {
		if r.known > 0 && 2*counts[i] > r.known {
			return withHint(fmt.Errorf("%d of %d documents of %s would be deleted", counts[i], r.known, r.given),
				"see which: "+programName+" index --dry-run "+quoted(r.given),
				"if that is meant: --force")
		}
	}
	return nil
}

// missing returns an error for roots that are not there.
func (p *plan) missing(force bool) error {
	for _, r := range p.roots {
		switch {
		case !r.missing:
		case r.known == 0:
			return fmt.Errorf("no such file or folder: %s", r.given)
		case !force:
			return withHint(fmt.Errorf("%s has vanished; %s of it in the index", r.given, count(r.known, "document is", "documents are")),
				"is a disk not mounted, or was it renamed?",
				"to delete what the index has of it: --force")
		}
	}
	return nil
}

// quoted returns an argument as a shell takes it.
func quoted(arg string) string {
	plain := func(r rune) bool {
		return r > 0x7f || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=,:@", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
