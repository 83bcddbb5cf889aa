package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOpen_ReadOnlyDisk has an index on a file system that nothing can be written
// to: it can be read, and writing says why not and leaves no trace.
func TestOpen_ReadOnlyDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("needs the right to mount a small file system:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "a.db")
	s := openStore(t, path, Options{})
	fixture(t, s)
	want := entries(t, s)
	remount := func(flags uintptr) {
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=2m"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount(syscall.MS_RDONLY)
	r := openStore(t, path, Options{ReadOnly: true})
	checkClean(t, r)
	if diff := cmp.Diff(want, entries(t, r)); diff != "" {
		t.Error(diff)
	}
	if err := r.Backup(context.Background(), filepath.Join(t.TempDir(), "b.db"), false, nil); err != nil {
		t.Error(err)
	}
	for name, write := range map[string]func() error{
		"open":   func() error { _, err := Open(path, Options{}); return err },
		"create": func() error { _, err := Open(path+"2", Options{Create: &testMeta}); return err },
		"backup": func() error { return r.Backup(context.Background(), path+"3", false, nil) },
	} {
		err := write()
		if !errors.Is(err, syscall.EROFS) || strings.Count(err.Error(), "read-only file system") != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	noneBeside(t, path)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	remount(0)
	if diff := cmp.Diff(want, entries(t, openStore(t, path, Options{}))); diff != "" {
		t.Error(diff)
	}
}

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
