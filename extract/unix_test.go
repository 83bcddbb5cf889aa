//go:build unix

package extract

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPipe: neither a walk nor a read may wait for somebody to write.
func TestPipe(t *testing.T) {
	dir := tree(t, map[string]string{"a": "x", "sub/b": ""})
	for _, name := range []string{"pipe", "sub/.gitignore", ".ignore"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skipf("no named pipes here: %v", err)
		}
	}
	t.Chdir(dir) // a socket's path may not be long
	socket, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	paths, skipped := walk(t, dir, WalkOptions{})
	if diff := cmp.Diff([]string{"a", "sub/b"}, paths); diff != "" {
		t.Error(diff)
	}
	want := []string{".ignore: hidden", "pipe: not a regular file", "socket: not a regular file", "sub/.gitignore: hidden"}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Error(diff)
	}
	// A file may have become a pipe since the walk.
	if _, err := Open("pipe", ReadOptions{}); !errors.Is(err, ErrNotRegular) {
		t.Errorf("Open: %v", err)
	}
	if _, err := Walk(context.Background(), []string{"pipe"}, WalkOptions{}); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a pipe as root: %v", err)
	}
	if _, err := Open("/dev/zero", ReadOptions{}); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a device: %v", err)
	}
}

func TestWalk_StrangeNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"new\nline", "q\"uote", "s p a c e ", `back\slash`, "\xff\xfe", "日本語"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Skipf("the file system refuses %q: %v", name, err)
		}
	}
	entries, err := Walk(context.Background(), []string{dir}, WalkOptions{})
	if err != nil || len(entries) != len(names) {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		doc, err := Open(e.Path, ReadOptions{})
		if err != nil {
			t.Errorf("%q: %v", e.Path, err)
			continue
		}
		_ = doc.Close()
	}
}
