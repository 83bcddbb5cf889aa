package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// copyInto copies every entry of s to t, as a compaction would.
func copyInto(s, t *Store) error {
	return s.View(func(from *Tx) error {
		return t.Update(func(to *Tx) error {
			for _, b := range Buckets() {
				err := from.each(b, nil, func(k, v []byte) (bool, error) {
					if b == Metas && (string(k) == formatKey || string(k) == sumsKey) {
						return true, nil
					}
					return true, to.Put(b, k, v)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func TestReplaceWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(path, Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	fixture(t, s)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	// What a killed run has left is in nobody's way.
	if err := os.WriteFile(path+compactSuffix, []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	n, err := s.CreateTemp(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := copyInto(s, n); err != nil {
		t.Fatal(err)
	}
	reading, replaced := make(chan bool), make(chan bool)
	viewed := make(chan error)
	go func() {
		viewed <- s.View(func(tx *Tx) error {
			reading <- true
			<-replaced
			_, err := tx.Text(1)
			return err
		})
	}()
	<-reading
	if err := s.ReplaceWith(n); err != nil {
		t.Fatal(err)
	}
	replaced <- true
	if err := <-viewed; err != nil {
		t.Errorf("reader of the old file: %v", err)
	}
	if err := s.Update(func(tx *Tx) error { return tx.PutText(1, Text{}) }); !errors.Is(err, ErrReplaced) {
		t.Errorf("writer of the old file: %v", err)
	}
	if n.Path() != path {
		t.Errorf("path %s", n.Path())
	}
	// The new file was locked all the time, and still is.
	if _, err := Open(path, Options{Timeout: -1}); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
	checkClean(t, n)
	update(t, n, func(tx *Tx) error { return tx.PutSource("x", Source{}) })
	if err := n.Discard(); err == nil {
		t.Error("a store in use was discarded")
	}
	if err := errors.Join(s.Close(), n.Close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + compactSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary file: %v", err)
	}
}

func TestDiscard(t *testing.T) {
	s := newStore(t)
	n, err := s.CreateTemp(Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Discard(); err != nil {
		t.Fatal(err)
	}
	if err := s.ReplaceWith(n); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	update(t, s, func(tx *Tx) error { return tx.PutText(1, Text{}) })
}

// TestUpdate_Replaced renames or removes the file under an open store.
func TestUpdate_Replaced(t *testing.T) {
	for _, other := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "a.db")
		s := openStore(t, path, Options{})
		if other {
			openStore(t, path+"2", Options{})
			if err := os.Rename(path+"2", path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(func(tx *Tx) error { return tx.PutText(1, Text{}) }); !errors.Is(err, ErrReplaced) {
			t.Errorf("got %v", err)
		}
		view(t, s, func(tx *Tx) error {
			if tx.Generation() != 0 {
				t.Error("the change is there")
			}
			return nil
		})
	}
}

// TestOpen_WhileReplaced waits for a file that is replaced meanwhile and must
// get the new one.
func TestOpen_WhileReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	opened := make(chan *Store)
	go func() {
		o, err := Open(path, Options{Timeout: time.Minute})
		if err != nil {
			t.Error(err)
		}
		opened <- o
	}()
	time.Sleep(100 * time.Millisecond) // let it wait for the old file
	n, err := s.CreateTemp(Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	update(t, n, func(tx *Tx) error { return tx.PutText(7, Text{Text: []byte("new")}) })
	if err := errors.Join(s.ReplaceWith(n), s.Close()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	o := <-opened
	if o == nil {
		return
	}
	update(t, o, func(tx *Tx) error {
		text, err := tx.Text(7)
		if string(text.Text) != "new" {
			t.Errorf("got %q", text.Text)
		}
		return err
	})
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}
