package store

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestMain lets the test binary also be the other process: with these variables
// set it holds an index until its standard input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv("CIYUAN_TEST_HOLD"); path != "" {
		s, err := Open(path, Options{ReadOnly: os.Getenv("CIYUAN_TEST_READONLY") != ""})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("open")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		if err := s.Close(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold opens path in another process until release is called.
func hold(t *testing.T, path string, readOnly bool) (pid int, release func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CIYUAN_TEST_HOLD="+path)
	if readOnly {
		cmd.Env = append(cmd.Env, "CIYUAN_TEST_READONLY=1")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "open\n" {
		t.Fatalf("other process: %q %v", line, err)
	}
	release = sync.OnceFunc(func() {
		_ = in.Close() // ends the process
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return cmd.Process.Pid, release
}

func TestOpen_Locked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(path, Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ holder, opener, free bool }{
		{false, false, false}, {false, true, false}, {true, false, false}, {true, true, true},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			pid, release := hold(t, path, tt.holder)
			start := time.Now()
			s, err := Open(path, Options{ReadOnly: tt.opener})
			took := time.Since(start)
			if tt.free {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrLocked) {
				t.Fatalf("got %v", err)
			}
			if table, _ := os.ReadFile("/proc/locks"); len(table) > 0 && !strings.Contains(err.Error(), "process "+strconv.Itoa(pid)) {
				t.Errorf("process %d is not named: %v", pid, err)
			}
			if took < DefaultTimeout-200*time.Millisecond || took > 20*DefaultTimeout {
				t.Errorf("took %v", took)
			}
			// The least of some times: the machine may be busy.
			least := time.Hour
			for range 5 {
				start = time.Now()
				if _, err := Open(path, Options{ReadOnly: tt.opener, Timeout: -1}); !errors.Is(err, ErrLocked) {
					t.Errorf("without waiting: %v", err)
				}
				least = min(least, time.Since(start))
			}
			if least > DefaultTimeout/2 {
				t.Errorf("without waiting: after %v", least)
			}
			// Open waits for a holder that lets go.
			time.AfterFunc(200*time.Millisecond, release)
			s, err = Open(path, Options{ReadOnly: tt.opener, Timeout: 20 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpen_Foreign(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "bolt.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("meta")); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"empty": "", "tiny": "x", "text.txt": strings.Repeat("编程是一种技能\n", 4000),
		"zeros": strings.Repeat("\x00", 1<<20),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"empty", "tiny", "text.txt", "zeros", "folder", "bolt.db"} {
		path := filepath.Join(dir, name)
		before, _ := os.ReadFile(path)
		for _, o := range []Options{{}, {ReadOnly: true}, {Create: &testMeta}} {
			if _, err := Open(path, o); !errors.Is(err, ErrNotIndex) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s was changed", name)
		}
	}
	for _, o := range []Options{{}, {ReadOnly: true}, {ReadOnly: true, Create: &testMeta}} {
		if _, err := Open(filepath.Join(dir, "none"), o); !errors.Is(err, ErrNotExist) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing file: %v", err)
		}
	}
	if _, err := Open(filepath.Join(dir, "no", "folder"), Options{Create: &testMeta}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestOpen_TooNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(path, Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	key := []byte(formatKey)
	err = s.bolt.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put(key, newSeeds(0).seal(Metas, key, encodeFormat(FormatVersion+1, 5)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrFormatTooNew) {
		t.Errorf("got %v", err)
	}
}

// TestOpen_CreateRace lets several goroutines make the same file.
func TestOpen_CreateRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := Open(path, Options{Create: &testMeta, Timeout: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Update(func(tx *Tx) error { return tx.PutText(PassageID(i), Text{}) }); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	view(t, s, func(tx *Tx) error {
		if tx.Generation() != 8 {
			t.Errorf("generation %d", tx.Generation())
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(path + "?*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestOpen_Stale finds what a process that was killed has left.
func TestOpen_Stale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	old, young := path+newSuffix+"0123456789abcdef", path+newSuffix+"fedcba9876543210"
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*staleAfter)); err != nil {
		t.Fatal(err)
	}
	openStore(t, path, Options{})
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("old file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("young file: %v", err)
	}
}
