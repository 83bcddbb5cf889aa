package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody calls fn on a thread that has no rights to files beyond those of an
// ordinary user: no permission stops root.
func asNobody(t *testing.T, fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			const nobody = 65534
			_ = unix.Setfsuid(nobody) // says nothing when it may not
			if now, err := unix.SetfsuidRetUid(-1); err != nil || now != nobody {
				t.Errorf("cannot become another user: %d, %v", now, err)
				return
			}
		}
		fn()
	}()
	<-done
}

// TestOpen_LostPermission takes the permissions of an index and its folder away,
// while it is open and before it is opened.
func TestOpen_LostPermission(t *testing.T) {
	dir, err := os.MkdirTemp("", "permission")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "a.db")
	s, err := Open(path, Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	fixture(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	chmod(dir, 0o777)
	chmod(path, 0o666)
	asNobody(t, func() { s, err = Open(path, Options{}) })
	if err != nil {
		t.Fatal(err)
	}
	// While it is open: what is open stays usable, what needs a new file is not.
	chmod(path, 0)
	chmod(dir, 0o555)
	asNobody(t, func() {
		if err := s.Update(func(tx *Tx) error { return tx.PutText(4000, Text{}) }); err != nil {
			t.Errorf("a change of the open file: %v", err)
		}
		if _, err := s.CreateTemp(Options{Create: &testMeta}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("compacting: %v", err)
		}
		if err := s.Backup(context.Background(), path+"2", false, nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("backup: %v", err)
		}
	})
	noneBeside(t, path)
	if err := s.Update(func(tx *Tx) error { return tx.DeleteText(4000) }); err != nil {
		t.Error(err)
	}
	checkClean(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode        fs.FileMode
		read, write bool
	}{{0, false, false}, {0o444, true, false}, {0o666, true, true}} {
		chmod(path, tt.mode)
		for _, readOnly := range []bool{true, false} {
			asNobody(t, func() {
				s, err := Open(path, Options{ReadOnly: readOnly})
				switch free := tt.read && readOnly || tt.write; {
				case free && err == nil:
					checkClean(t, s)
					err = s.Close()
					fallthrough
				case free:
					if err != nil {
						t.Errorf("%v, read only %v: %v", tt.mode, readOnly, err)
					}
				case !errors.Is(err, fs.ErrPermission):
					t.Errorf("%v, read only %v: %v", tt.mode, readOnly, err)
				}
			})
		}
	}
}
