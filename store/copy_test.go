package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// entries returns all that a store holds, but the records of format and sums,
// which are the file's own.
func entries(tb testing.TB, s *Store) map[string]string {
	tb.Helper()
	all := map[string]string{}
	view(tb, s, func(tx *Tx) error {
		for _, b := range Buckets() {
			err := tx.each(b, nil, func(k, v []byte) (bool, error) {
				if b != Metas || string(k) != formatKey && string(k) != sumsKey {
					all[fmt.Sprintf("%s %x", b, k)] = string(v)
				}
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all
}

// noneBeside fails the test if there are files whose names begin with path.
func noneBeside(tb testing.TB, path string) {
	tb.Helper()
	if left, err := filepath.Glob(path + "?*"); err != nil || len(left) > 0 {
		tb.Errorf("left behind: %v %v", left, err)
	}
}

// at calls fn at a failpoint, or several, until the test ends.
func at(tb testing.TB, points string, fn func(args ...any) error) {
	tb.Helper()
	failpoint.Hook = func(name string, args ...any) error {
		if slices.Contains(strings.Fields(points), name) {
			return fn(args...)
		}
		return nil
	}
	tb.Cleanup(func() { failpoint.Hook = nil })
}

func TestBackup(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	fixture(t, s)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	want := entries(t, s)
	// A change in the middle of the copy is not in it, and works.
	changed := false
	at(t, "backup", func(...any) error {
		if !changed {
			changed = true
			update(t, s, func(tx *Tx) error {
				m, err := tx.Meta()
				if err != nil {
					return err
				}
				m.Options = append(m.Options, Pair{Name: "~meanwhile", Value: "yes"})
				return tx.SetMeta(m)
			})
		}
		return nil
	})
	copied := filepath.Join(t.TempDir(), "b.db")
	if err := s.Backup(ctx, copied, false, nil); err != nil {
		t.Fatal(err)
	}
	if !changed {
		t.Fatal("the backup is one transaction: nothing was tested")
	}
	noneBeside(t, copied)
	b := openStore(t, copied, Options{})
	checkClean(t, b)
	if diff := cmp.Diff(want, entries(t, b)); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
	if *b.seeds == *s.seeds {
		t.Error("the copy has the identity of the original")
	}
	if err := s.Backup(ctx, copied, false, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing file: %v", err)
	}
	// The copy is open, as by another process: it goes on with the old file,
	// and finds out when it writes.
	if err := s.Backup(ctx, copied, true, nil); err != nil {
		t.Error(err)
	}
	if err := b.Update(func(tx *Tx) error { return tx.PutText(1, Text{}) }); !errors.Is(err, ErrReplaced) {
		t.Errorf("writing to the file that was replaced: %v", err)
	}
	if err := s.Backup(ctx, path, true, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("itself: %v", err)
	}
	link := path + "-link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(ctx, link, true, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link to itself: %v", err)
	}
	if err := s.Backup(ctx, t.TempDir(), true, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder: %v", err)
	}
	checkClean(t, s)
}

// TestBackup_Fails lets a backup end early: nothing is left, and what was there
// stays.
func TestBackup_Fails(t *testing.T) {
	s := newStore(t)
	fixture(t, s)
	path := filepath.Join(t.TempDir(), "b.db")
	before := []byte("something else")
	for _, point := range []string{"opened", "backup", "link rename"} {
		for _, replace := range []bool{false, true} {
			if replace {
				if err := os.WriteFile(path, before, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			reached := false
			at(t, point, func(...any) error {
				reached = true
				if point == "opened" {
					cancel()
				}
				return errors.New("no")
			})
			err := s.Backup(ctx, path, replace, nil)
			if !reached || err == nil {
				t.Fatalf("%s: reached %v, got %v", point, reached, err)
			}
			noneBeside(t, path)
			if replace {
				if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
					t.Errorf("%s: what was there is gone: %v", point, err)
				}
			} else if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: there is a file: %v", point, err)
			}
			if err := removeIfThere(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A file system without links: the file is renamed, over nothing.
	no := errors.New("no links here")
	at(t, "link", func(...any) error { return no })
	if err := s.Backup(context.Background(), path, false, nil); err != nil {
		t.Error(err)
	}
	if err := s.Backup(context.Background(), path, false, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	checkClean(t, openStore(t, path, Options{ReadOnly: true}))
	noneBeside(t, path)
}

// TestMigrate brings a file of each format to the next one.
func TestMigrate(t *testing.T) {
	for from := uint64(1); from <= FormatVersion; from++ {
		t.Run(fmt.Sprint("from ", from), func(t *testing.T) {
			presentFormat = from + 1
			t.Cleanup(func() { presentFormat = FormatVersion })
			testMigrate(t, from)
		})
	}
}

func testMigrate(t *testing.T, from uint64) {
	ctx := context.Background()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	copyFile(t, filepath.Join(testutil.Root(), "testdata", "format", fmt.Sprintf("v%d.db", from)), path)
	s := openStore(t, path, Options{ReadOnly: true})
	want := entries(t, s)
	if s.Format() != from || len(want) == 0 {
		t.Fatalf("format %d, %d entries", s.Format(), len(want))
	}
	if _, err := Migrate(ctx, path, Options{Timeout: -1}, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("open elsewhere: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Wherever it fails, the old file is there, whole, and nothing else.
	for _, point := range []string{"opened", "migrate", "rename"} {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		at(t, point, func(...any) error {
			if point == "opened" {
				cancel()
			}
			return errors.New("no")
		})
		if got, err := Migrate(ctx, path, Options{}, nil); err == nil || got != from {
			t.Errorf("%s: from %d, %v", point, got, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
			t.Errorf("%s: the file has changed: %v", point, err)
		}
		noneBeside(t, path)
	}
	failpoint.Hook = nil
	// The second time there is nothing to do.
	for _, have := range []uint64{from, presentFormat} {
		if got, err := Migrate(ctx, path, Options{}, nil); err != nil || got != have {
			t.Fatalf("from %d, %v", got, err)
		}
		m := openStore(t, path, Options{})
		if m.Format() != presentFormat {
			t.Errorf("format %d", m.Format())
		}
		checkClean(t, m)
		if diff := cmp.Diff(want, entries(t, m)); diff != "" {
			t.Error(diff)
		}
		noneBeside(t, path)
		if err := m.Update(func(tx *Tx) error { return errors.Join(tx.SetVectorMeta(&testVectorMeta), errAbandon) }); !errors.Is(err, errAbandon) || errors.Is(err, ErrFormatOld) {
			t.Errorf("there is no room for token vectors: %v", err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	presentFormat = from
	if _, err := Migrate(ctx, path, Options{}, nil); !errors.Is(err, ErrFormatTooNew) {
		t.Errorf("newer file: %v", err)
	}
	if _, err := Migrate(ctx, path+"-none", Options{Create: &testMeta}, nil); !errors.Is(err, ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestReplaceWith_Unconfirmed lets the disk fail when the name of a new file is
// to be made durable. What is written from then on might be lost with the name.
func TestReplaceWith_Unconfirmed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	fixture(t, s)
	want := entries(t, s)
	n, err := s.CreateTemp(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := copyInto(s, n); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	at(t, "named", func(...any) error { return no })
	if err := s.ReplaceWith(n); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	for _, store := range []*Store{s, n} {
		if err := store.Update(func(tx *Tx) error { return tx.PutText(1, Text{}) }); err == nil {
			t.Error("the change might be lost")
		}
	}
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Error("a reader of the old file:", diff)
	}
	if err := errors.Join(n.Discard(), s.Close()); err != nil {
		t.Fatal(err)
	}
	failpoint.Hook = nil
	s = openStore(t, path, Options{})
	if diff := cmp.Diff(want, entries(t, s)); diff != "" {
		t.Error(diff)
	}
	noneBeside(t, path)
}

// TestOpen_Sweep finds what processes that were killed have left, and nothing
// that is still in use.
func TestOpen_Sweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	s := openStore(t, path, Options{})
	fixture(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * staleAfter)
	for _, f := range []struct {
		name  string
		old   bool
		later bool
		link  bool
		gone  bool
	}{
		{name: ".new-0123456789abcdef", link: true, gone: true}, // killed between giving the name and taking the other
		{name: ".new-123456789abcdef0", old: true, gone: true},
		{name: ".new-23456789abcdef01"},              // somebody is making a backup in its place
		{name: ".new-3456789abcdef012", later: true}, // the clock was set back since
		{name: ".compact", gone: true},               // nobody can be compacting
		{name: ".new-backup", old: true},             // the user's own
		{name: ".compact.bak", old: true},            //
		{name: "x.new-123456789abcdef0", old: true},  // of another index
		{name: ".new-0123456789abcdef0", old: true},  // not our length
	} {
		name := path + f.name
		var err error
		if f.link {
			err = os.Link(path, name)
		} else {
			err = os.WriteFile(name, []byte("x"), 0o644)
		}
		if f.old {
			err = errors.Join(err, os.Chtimes(name, old, old))
		}
		if f.later {
			later := time.Now().Add(1000 * time.Hour)
			err = errors.Join(err, os.Chtimes(name, later, later))
		}
		if err != nil {
			t.Fatal(err)
		}
		r := openStore(t, path, Options{ReadOnly: true})
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s: reading removed it: %v", f.name, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		w := openStore(t, path, Options{})
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) != f.gone {
			t.Errorf("%s: %v, wanted gone: %v", f.name, err, f.gone)
		}
		checkClean(t, w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
