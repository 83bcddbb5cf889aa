package ciyuan_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ciyuan-search/ciyuan"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("CIYUAN_TEST_JOB"); job != "" {
		if err := other(job, os.Getenv("CIYUAN_TEST_INDEX")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	// A step of the state machine compares with a new index: 100 runs, rapid's
	// own default, would take minutes. -rapid.checks says otherwise.
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set("20") // a number is a valid value
	}
	goleak.VerifyTestMain(m)
}

// open makes an index that is checked when the test ends.
func open(t testing.TB, opts *ciyuan.Options) *ciyuan.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.db"), opts)
}

func openAt(t testing.TB, path string, opts *ciyuan.Options) *ciyuan.DB {
	t.Helper()
	db, err := ciyuan.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		check(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// check fails the test unless the index is whole.
func check(t testing.TB, db *ciyuan.DB) {
	t.Helper()
	problems, err := db.Check(context.Background())
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, p := range problems {
		t.Errorf("check: %v", p)
	}
}

func all(docs []ciyuan.Document) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func addAll(t testing.TB, db *ciyuan.DB, docs []ciyuan.Document) ciyuan.BatchResult {
	t.Helper()
	r, err := db.AddBatch(context.Background(), all(docs))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func search(t testing.TB, db *ciyuan.DB, query string, opts *ciyuan.SearchOptions) *ciyuan.Result {
	t.Helper()
	r, err := db.Search(context.Background(), query, opts)
	if err != nil {
		t.Fatalf("searching for %q: %v", query, err)
	}
	return r
}

// ids returns the documents of a result in their order.
func ids(r *ciyuan.Result) []string {
	out := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		out[i] = h.ID
	}
	return out
}

type question struct{ ID, Doc, Text string }

// lines decodes a file of JSON Lines.
func lines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var v T
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// sample returns the paragraphs of testdata in a language, in the order of their
// names, which are their ids, and the questions asked of them.
func sample(t testing.TB, lang string) ([]ciyuan.Document, []question) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "paragraphs", lang, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no paragraphs in %q: %v", lang, err)
	}
	var docs []ciyuan.Document
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, ciyuan.Document{ID: strings.TrimSuffix(filepath.Base(f), ".txt"), Text: string(text)})
	}
	return docs, lines[question](t, filepath.Join("testdata", "questions", lang+".jsonl"))
}
