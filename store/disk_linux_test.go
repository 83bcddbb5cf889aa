package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestUpdate_FullDisk fills a small file system. The commit that does not fit
// fails and changes nothing, and the store can be used on when there is room.
func TestUpdate_FullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("needs the right to mount a small file system:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := openStore(t, filepath.Join(dir, "a.db"), Options{})
	fixture(t, s)
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	fill := func(tx *Tx) error {
		for p := range PassageID(300) {
			if err := tx.PutText(5000+p, Text{Text: make([]byte, 4000)}); err != nil {
				return err
			}
		}
		return nil
	}
	for range 2 {
		if err := s.Update(fill); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("got %v", err)
		}
		checkClean(t, s)
	}
	more, err := os.OpenFile(other, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = more.Write(make([]byte, 4096))
	}
	if err := more.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateTemp(Options{Create: &testMeta}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("temporary file: %v", err)
	}
	if left, err := filepath.Glob(s.Path() + "?*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	update(t, s, fill)
	view(t, s, func(tx *Tx) error {
		text, err := tx.Text(5299)
		if len(text.Text) != 4000 {
			t.Errorf("%d bytes", len(text.Text))
		}
		return err
	})
}
