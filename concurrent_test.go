package ciyuan_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

// history is what one writer has done to one document: version n is what
// operation n left, 0 standing for no document.
type history struct {
	begun, done atomic.Int64 // operations
	versions    [256]atomic.Int64
}

// TestDB_Linearizable lets readers search beside a writer while the index is
// folded and compacted. Invariants:
//
//  1. a search sees a document as an operation left it that had not begun to be
//     overwritten before the search began: every acknowledged addition is found,
//     and no document whose deletion has returned
//  2. a search sees all documents of one batch, or none
//  3. what Get, List and Export give are whole documents of some version
func TestDB_Linearizable(t *testing.T) {
	db := open(t, &ciyuan.Options{GraphWords: -1, Workers: 2})
	ctx := context.Background()
	const ids, readers = 12, 8
	operations := 80
	if raceEnabled || testing.Short() {
		operations = 40
	}
	var docs [ids]history
	var finished atomic.Bool
	var wg sync.WaitGroup
	text := func(i int, version int64) string {
		return fmt.Sprintf("uniq%d 编程是一种技能 version%d ends", i, version)
	}
	// observe returns the version of document i that a search sees, 0 for none.
	observe := func(i int) (int64, error) {
		r, err := db.Search(ctx, fmt.Sprintf("uniq%d", i), nil)
		if err != nil {
			return 0, err
		}
		for _, h := range r.Hits {
			if h.ID == fmt.Sprintf("d%d", i) {
				_, rest, _ := strings.Cut(h.Snippet, "version")
				v, err := strconv.ParseInt(strings.TrimSuffix(rest, " ends"), 10, 64)
				if err != nil || h.Snippet != text(i, v) {
					return 0, fmt.Errorf("torn document: %q", h.Snippet)
				}
				return v, nil
			}
		}
		return 0, nil
	}
	for r := range readers {
		wg.Go(func() {
			for n := r; !finished.Load(); n++ {
				i := n % ids
				from := docs[i].done.Load()
				got, err := observe(i)
				to := docs[i].begun.Load()
				if err != nil {
					t.Error(err)
					return
				}
				ok := false
				for op := from; op <= to; op++ {
					ok = ok || docs[i].versions[op].Load() == got
				}
				if !ok {
					t.Errorf("document %d: version %d, after operation %d was acknowledged and before %d was begun", i, got, from, to+1)
					return
				}
				switch n % 7 {
				case 0:
					res, err := db.Search(ctx, "pairword", nil)
					if err != nil || len(res.Hits)%2 != 0 || len(res.Hits) == 2 && res.Hits[0].Snippet != res.Hits[1].Snippet {
						t.Errorf("half a batch: %v, %v", res, err)
						return
					}
				case 3:
					doc, err := db.Get(ctx, fmt.Sprintf("d%d", i))
					if err != nil && !errors.Is(err, ciyuan.ErrNotFound) || err == nil && !strings.HasSuffix(doc.Text, " ends") {
						t.Errorf("get: %q, %v", doc.Text, err)
						return
					}
				case 5:
					if err := db.Export(ctx, io.Discard); err != nil && !errors.Is(err, ciyuan.ErrReplaced) {
						t.Errorf("export: %v", err)
						return
					}
					for _, err := range db.List(ctx, "") {
						if err != nil {
							t.Errorf("list: %v", err)
							return
						}
					}
				}
			}
		})
	}
	wg.Go(func() {
		for n := 0; !finished.Load(); n++ {
			var err error
			switch n % 3 {
			case 0:
				err = db.Fold(ctx)
			case 1:
				err = db.Compact(ctx)
			case 2:
				err = db.Release() // does nothing, or opens the file again
			}
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	for n := range operations {
		i := n * 7 % ids
		h := &docs[i]
		op := h.begun.Load() + 1
		version := int64(n + 1)
		if n%4 == 3 {
			version = 0
		}
		h.versions[op].Store(version)
		h.begun.Store(op)
		var err error
		if version == 0 {
			_, err = db.Delete(ctx, fmt.Sprintf("d%d", i))
		} else {
			err = db.Add(ctx, ciyuan.Document{ID: fmt.Sprintf("d%d", i), Text: text(i, version)})
		}
		if err != nil {
			t.Error(err)
			break
		}
		h.done.Store(op)
		if n%5 == 0 {
			pair := fmt.Sprintf("pairword v%d", n)
			addAll(t, db, []ciyuan.Document{{ID: "p", Text: pair}, {ID: "q", Text: pair}})
		}
	}
	finished.Store(true)
	wg.Wait()
	for i := range docs {
		if got, err := observe(i); err != nil || got != docs[i].versions[docs[i].done.Load()].Load() {
			t.Errorf("document %d: version %d, %v", i, got, err)
		}
	}
}

// other is what the test binary does as another process: TestMain calls it.
func other(job, path string) error {
	ctx := context.Background()
	opts := &ciyuan.Options{ReadOnly: job == "read", Timeout: time.Minute}
	db, err := ciyuan.Open(path, opts)
	if err != nil {
		return err
	}
	fmt.Println("open")
	in := bufio.NewReader(os.Stdin)
	switch job {
	case "read", "write":
		_, err = in.ReadString('\n')
		if err == nil {
			_, err = db.Search(ctx, "编程", nil)
		}
	case "add":
		// Adds documents one by one, letting others in between.
		for i := 0; err == nil && i < 20; i++ {
			err = db.Add(ctx, ciyuan.Document{ID: fmt.Sprintf("%d-%d", os.Getpid(), i), Text: "编程 added"})
			if err == nil {
				fmt.Printf("%d-%d\n", os.Getpid(), i)
				err = db.Release()
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, db.Close())
}

// process starts the test binary as another process on the index at path and
// waits until it has opened it, unless it has to wait for that itself.
func process(t *testing.T, job, path string, wait bool) (out *bufio.Reader, cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CIYUAN_TEST_JOB="+job, "CIYUAN_TEST_INDEX="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out = bufio.NewReader(pipe)
	end = sync.OnceFunc(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", job, err)
		}
	})
	t.Cleanup(end)
	if wait {
		if line, err := out.ReadString('\n'); err != nil || line != "open\n" {
			t.Fatalf("%s: %q %v", job, line, err)
		}
	}
	return out, cmd, end
}

// TestProcesses_Locks opens an index in two processes.
func TestProcesses_Locks(t *testing.T) {
	path := damageIndex(t)
	for _, tt := range []struct {
		job      string
		readOnly bool
		free     bool
	}{{"read", true, true}, {"read", false, false}, {"write", true, false}, {"write", false, false}} {
		_, cmd, end := process(t, tt.job, path, true)
		began := time.Now()
		db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: tt.readOnly})
		took := time.Since(began)
		switch {
		case tt.free && err == nil:
			search(t, db, "编程", nil)
			err = db.Close()
			fallthrough
		case tt.free:
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
		case !errors.Is(err, ciyuan.ErrLocked) || took > 20*time.Second:
			t.Errorf("%+v: %v after %v", tt, err, took)
		default:
			table, _ := os.ReadFile("/proc/locks")
			if len(table) > 0 && !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) {
				t.Errorf("process %d is not named: %v", cmd.Process.Pid, err)
			}
		}
		end()
	}
}

// TestProcesses_Compacted lets a process wait for an index that is compacted
// meanwhile: it gets the new file, and what it adds is there.
func TestProcesses_Compacted(t *testing.T) {
	path := damageIndex(t)
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, _, end := process(t, "add", path, false)
	time.Sleep(200 * time.Millisecond) // let it wait for the old file
	for range 3 {
		if err := db.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	acknowledged(t, path, out, end)
}

// acknowledged checks that all documents that a process says it has added are
// there when it ends.
func acknowledged(t *testing.T, path string, out *bufio.Reader, end func()) {
	t.Helper()
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	end()
	db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	check(t, db)
	n := 0
	for line := range strings.Lines(string(text)) {
		id := strings.TrimSpace(line)
		if id == "open" {
			continue
		}
		n++
		if _, err := db.Get(context.Background(), id); err != nil {
			t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
	if n != 20 {
		t.Errorf("%d documents, %q", n, text)
	}
}

// TestProcesses_Writers lets several processes add to one index in turn, which
// this one compacts between them.
func TestProcesses_Writers(t *testing.T) {
	path := damageIndex(t)
	type writer struct {
		out *bufio.Reader
		end func()
	}
	var writers []writer
	for range 3 {
		out, _, end := process(t, "add", path, false)
		writers = append(writers, writer{out, end})
	}
	for range 3 {
		db, err := ciyuan.Open(path, &ciyuan.Options{Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Compact(context.Background()), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var texts []string
	for _, w := range writers {
		text, err := io.ReadAll(w.out)
		if err != nil {
			t.Fatal(err)
		}
		w.end()
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		acknowledged(t, path, bufio.NewReader(strings.NewReader(text)), func() {})
	}
}

// TestRelease gives an open index free, and uses it after another process has
// changed and compacted it.
func TestRelease(t *testing.T) {
	ctx := context.Background()
	path := damageIndex(t)
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := search(t, db, "编程", nil)
	for range 2 { // a second time is no error
		if err := db.Release(); err != nil {
			t.Fatal(err)
		}
	}
	again, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	addAll(t, again, []ciyuan.Document{{ID: "new", Text: "编程 编程 编程"}})
	if err := errors.Join(again.Compact(ctx), again.Close()); err != nil {
		t.Fatal(err)
	}
	after := search(t, db, "编程", nil)
	if before.Hits[0].ID == "new" || after.Hits[0].ID != "new" {
		t.Errorf("before %q, after %q", ids(before), ids(after))
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "mine", Text: "text"}); err != nil {
		t.Error(err)
	}
	// While another has the file, and when it is gone.
	if err := db.Release(); err != nil {
		t.Fatal(err)
	}
	if again, err = ciyuan.Open(path, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Search(ctx, "编程", nil); !errors.Is(err, ciyuan.ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	if err := errors.Join(again.Close(), os.Rename(path, path+".away")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Search(ctx, "编程", nil); !errors.Is(err, ciyuan.ErrNoIndex) {
		t.Errorf("gone: %v", err)
	}
	// An index of other settings in its place.
	other, err := ciyuan.Open(path, &ciyuan.Options{Mode: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Search(ctx, "编程", nil); !errors.Is(err, ciyuan.ErrReplaced) {
		t.Errorf("other settings: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	search(t, db, "编程", nil)
	// During a batch that waits for its documents nothing is given free.
	_, err = db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		if err := db.Release(); err != nil {
			t.Error(err)
		}
		if _, err := ciyuan.Open(path, &ciyuan.Options{Timeout: -1}); !errors.Is(err, ciyuan.ErrLocked) {
			t.Errorf("during a batch: %v", err)
		}
		yield(ciyuan.Document{ID: "last", Text: "text"}, nil)
	})
	if err != nil {
		t.Error(err)
	}
	if err := errors.Join(db.Release(), db.Close()); err != nil {
		t.Error(err)
	}
	if _, err := db.Search(ctx, "编程", nil); !errors.Is(err, ciyuan.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	openAt(t, filepath.Clean(path), nil)
}
