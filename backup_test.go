package ciyuan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/store"
)

func digest(t testing.TB, db *ciyuan.DB) string {
	t.Helper()
	d, err := db.Digest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDB_Backup copies an index that is read and changed all the time. Every
// copy is whole and is a state between two changes.
func TestDB_Backup(t *testing.T) {
	ctx := context.Background()
	db := open(t, &ciyuan.Options{GraphWords: -1})
	docs, questions := sample(t, "en")
	docs = docs[:8]
	// The writer keeps the documents in step: all of them have the same title,
	// the number of the round.
	put := func(round int) {
		for i := range docs {
			docs[i].Title = fmt.Sprint("round ", round)
		}
		if _, err := db.AddBatch(ctx, all(docs)); err != nil {
			t.Error(err)
		}
	}
	put(0)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for round := 1; !stop.Load(); round++ {
			put(round)
			if err := db.Fold(ctx); err != nil {
				t.Error(err)
			}
			if round%8 == 0 {
				if err := db.Compact(ctx); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if _, err := db.Search(ctx, questions[i%len(questions)].Text, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	dir := t.TempDir()
	for i := range 10 {
		path := filepath.Join(dir, fmt.Sprintf("b%d.db", i))
		if err := db.Backup(ctx, path); err != nil {
			t.Fatal(err)
		}
		b := openAt(t, path, nil) // checked when the test ends
		first, err := b.Get(ctx, docs[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for e, err := range b.List(ctx, "") {
			if err != nil || e.Title != first.Title {
				t.Fatalf("%q beside %q: %v", e.Title, first.Title, err)
			}
			n++
		}
		if n != len(docs) {
			t.Errorf("%d documents, wanted %d", n, len(docs))
		}
	}
	stop.Store(true)
	wg.Wait()
	path := filepath.Join(dir, "last.db")
	if err := db.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if got, want := digest(t, openAt(t, path, nil)), digest(t, db); got != want {
		t.Errorf("digest %s, wanted %s", got, want)
	}
	if err := db.Backup(ctx, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing file: %v", err)
	}
	if err := db.ReplaceBackup(ctx, filepath.Join(dir, "b0.db")); err != nil {
		t.Error(err)
	}
	if err := db.ReplaceBackup(ctx, db.Path()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the index itself: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Backup(ended, filepath.Join(dir, "no.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestMigrate_OldFiles migrates a real file of every format there has been.
func TestMigrate_OldFiles(t *testing.T) {
	ctx := context.Background()
	files, err := filepath.Glob(filepath.Join(testutil.Root(), "testdata", "format", "*.db"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "old.db")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			before := exportOf(t, path)
			m, err := ciyuan.Migrate(ctx, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.From > m.To || m.From < 1 {
				t.Errorf("from %d to %d", m.From, m.To)
			}
			if now, err := os.ReadFile(path); err != nil || m.From == m.To && string(now) != string(data) {
				t.Errorf("a file of the present format was changed: %v", err)
			}
			if after := exportOf(t, path); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			again, err := ciyuan.Migrate(ctx, path, nil)
			if err != nil || again.From != m.To || again.To != m.To {
				t.Errorf("the second time: %+v, %v", again, err)
			}
		})
	}
}

// TestOpen_OldIndexes searches an index that a program of each format has made, with
// folded passages and a pending one: as it is, changed, and migrated, it finds what a new
// index does.
func TestOpen_OldIndexes(t *testing.T) {
	ctx := context.Background()
	for version := 1; version <= store.FormatVersion; version++ {
		name := fmt.Sprintf("index-v%d.db", version)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(testutil.Root(), "testdata", "format", name))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			old, err := ciyuan.Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = old.Close() }()
			fresh, err := ciyuan.Open(filepath.Join(t.TempDir(), "fresh.db"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.Close()
			order, docs := exportDocs(t, old)
			if len(order) != 4 {
				t.Fatalf("documents %q", order)
			}
			for _, id := range order {
				if err := fresh.Add(ctx, docs[id]); err != nil {
					t.Fatal(err)
				}
			}
			alike := func(when string) {
				t.Helper()
				check(t, old)
				for _, query := range []string{"编程", "programming time", "天气", "毅力", "deleted words"} {
					if diff := cmp.Diff(search(t, fresh, query, nil).Hits, search(t, old, query, nil).Hits, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
						t.Errorf("%s: %s (-fresh +old):\n%s", when, query, diff)
					}
				}
			}
			alike("as it is")
			for _, db := range []*ciyuan.DB{old, fresh} {
				if err := errors.Join(db.Add(ctx, ciyuan.Document{ID: "new", Text: "学习需要时间"}), db.Fold(ctx)); err != nil {
					t.Fatal(err)
				}
			}
			alike("changed")
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			if m, err := ciyuan.Migrate(ctx, path, nil); err != nil || m.From != version || m.To != store.FormatVersion {
				t.Fatalf("%+v, %v", m, err)
			}
			if old, err = ciyuan.Open(path, nil); err != nil {
				t.Fatal(err)
			}
			alike("migrated")
		})
	}
}

// exportOf returns the documents of an index, which is checked, whatever
// encoder it was made with.
func exportOf(t *testing.T, path string) string {
	t.Helper()
	db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: true, AnyEncoder: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out bytes.Buffer
	if err := db.Export(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Fatal("no documents")
	}
	return out.String()
}

// TestDB_Compact_Space replaces a corpus ten times. Compaction gives the space
// back.
func TestDB_Compact_Space(t *testing.T) {
	ctx := context.Background()
	docs, _ := sample(t, "zh")
	english, _ := sample(t, "en")
	for i := range english {
		english[i].ID = "en/" + english[i].ID
	}
	docs = append(docs, english...)
	size := func(db *ciyuan.DB) int64 {
		info, err := os.Stat(db.Path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fresh := open(t, nil)
	addAll(t, fresh, docs)
	asMade := size(fresh)
	if err := fresh.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	db := open(t, nil)
	for round := range 11 {
		for i := range docs {
			docs[i].Meta = map[string]string{"round": fmt.Sprint(round)}
		}
		addAll(t, db, docs)
	}
	before := size(db)
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	after := size(db)
	t.Logf("fresh %d bytes, compacted %d; replaced 10 times %d, compacted %d", asMade, size(fresh), before, after)
	if least := min(asMade, size(fresh)); float64(after) > 1.2*float64(least) {
		t.Errorf("%d bytes, more than 1.2 times %d", after, least)
	}
	if before <= after {
		t.Errorf("%d bytes before, %d after: nothing was given back", before, after)
	}
}

// TestDB_Compact_Unconfirmed lets the disk fail when compaction makes the new
// file's name durable. The index can be read on, and opened again.
func TestDB_Compact_Unconfirmed(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	docs, _ := sample(t, "en")
	addAll(t, db, docs[:3])
	no := errors.New("no")
	failpoint.Hook = func(point string, _ ...any) error {
		if point == "named" {
			return no
		}
		return nil
	}
	defer func() { failpoint.Hook = nil }()
	if err := db.Compact(ctx); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	failpoint.Hook = nil
	if err := db.Add(ctx, docs[3]); !errors.Is(err, ciyuan.ErrReplaced) {
		t.Errorf("a change that might be lost: %v", err)
	}
	if _, err := db.Get(ctx, docs[0].ID); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, path, nil)
	addAll(t, db, docs[3:4])
	for _, d := range docs[:4] {
		if _, err := db.Get(ctx, d.ID); err != nil {
			t.Error(err)
		}
	}
}
