package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func TestRun_List(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-list"}, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(out.String(), "\n"), len(parts); got != want {
		t.Errorf("%d lines for %d parts", got, want)
	}
}

func TestRun_Errors(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-run", "("}, "-run: "},
		{[]string{"-runs", "0"}, "at least 1"},
		{[]string{"cold"}, `unexpected argument "cold"`},
	} {
		err := run(t.Context(), test.args, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got error %v, want one with %q", test.args, err, test.want)
		}
	}
}

func TestRun_NoData(t *testing.T) {
	t.Setenv("CIYUAN_SHARED", t.TempDir())
	err := run(t.Context(), nil, &strings.Builder{})
	var h hinted
	if !errors.As(err, &h) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(h.hint, "CIYUAN_SHARED") {
		t.Errorf("got error %v with hint %q", err, h.hint)
	}
}

func TestRun_NoPart(t *testing.T) {
	testutil.Shared(t, "data/cmrc2018-dev")
	t.Setenv("CIYUAN_SHARED", testutil.Shared(t, ""))
	err := run(t.Context(), []string{"-run", "nothing like it"}, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "matches no part") {
		t.Errorf("got error %v", err)
	}
}

func TestCompareHits(t *testing.T) {
	result := func(ids ...string) *ciyuan.Result {
		r := &ciyuan.Result{}
		for _, id := range ids {
			r.Hits = append(r.Hits, ciyuan.Hit{ID: id})
		}
		return r
	}
	got := compareHits(
		[]*ciyuan.Result{result("a", "b"), result("a", "b"), result("a", "b"), result()},
		[]*ciyuan.Result{result("a", "b"), result("b", "a"), result("b"), result("c")},
	)
	if want := (recall{queries: 3, same: 1, sum: 2.5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSample(t *testing.T) {
	c := corpus{queries: []string{"a", "b", "c", "d", "e"}}
	for n, want := range map[int]string{2: "ac", 5: "abcde", 9: "abcde"} {
		if got := strings.Join(c.sample(n), ""); got != want {
			t.Errorf("sample(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestWatchOpenings(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells which files are opened")
	}
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	for _, path := range paths {
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	watch, err := watchOpenings([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.close()
	if _, err := os.Stat(paths[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
	if n, err := watch.count(); n != 0 || err != nil {
		t.Errorf("a look at the folder counted as %d openings, error %v", n, err)
	}
	for _, path := range paths {
		if _, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := watch.count(); n != 2 || err != nil {
		t.Errorf("got %d openings and error %v, want 2", n, err)
	}
}

func TestSampleSet(t *testing.T) {
	set := &eval.Set{Qrels: eval.Qrels{"a": {"x": 1}, "c": {"x": 1}, "d": {"y": 2}}}
	for _, id := range []string{"a", "b", "c", "d"} {
		set.Queries = append(set.Queries, eval.Query{ID: id})
	}
	for n, want := range map[int]int{1: 1, 2: 2, 3: 3, 9: 3} {
		few := sampleSet(set, n)
		if len(few.Queries) != want || len(few.Qrels) != want {
			t.Errorf("sampleSet(%d): %d questions with %d judgements, want %d", n, len(few.Queries), len(few.Qrels), want)
		}
		for _, q := range few.Queries {
			if len(few.Qrels[q.ID]) == 0 {
				t.Errorf("sampleSet(%d): question %s is not judged", n, q.ID)
			}
		}
	}
}
