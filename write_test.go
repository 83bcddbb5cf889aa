package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ciyuan-search/ciyuan"
)

func TestAdd_IsFoundAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for i := range 5 {
		if err := db.Add(ctx, ciyuan.Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("独角兽第%d号", i)}); err != nil {
			t.Fatal(err)
		}
		if n := len(search(t, db, "独角兽", nil).Hits); n != i+1 {
			t.Fatalf("after %d documents %d are found", i+1, n)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); !errors.Is(err, ciyuan.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, err := db.Search(ctx, "独角兽", nil); !errors.Is(err, ciyuan.ErrClosed) {
		t.Errorf("Search after Close: %v", err)
	}
	again := openAt(t, path, nil)
	if n := len(search(t, again, "独角兽", nil).Hits); n != 5 {
		t.Errorf("after opening again %d are found", n)
	}
}

func TestAdd_Replaces(t *testing.T) {
	db := open(t, nil)
	ctx := context.Background()
	docs := []ciyuan.Document{{ID: "a", Text: "苹果"}, {ID: "b", Text: "香蕉"}}
	if diff := cmp.Diff(ciyuan.BatchResult{Added: 2, Passages: 2, Words: 2, Bytes: 12}, addAll(t, db, docs)); diff != "" {
		t.Errorf("first time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ciyuan.BatchResult{Unchanged: 2}, addAll(t, db, docs)); diff != "" {
		t.Errorf("second time (-want +got):\n%s", diff)
	}
	docs[0].Text = "橘子"
	if diff := cmp.Diff(ciyuan.BatchResult{Updated: 1, Unchanged: 1, Passages: 1, Words: 1, Bytes: 6}, addAll(t, db, docs)); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if got := ids(search(t, db, "橘子", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25})); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("new text finds %v", got)
	}
	if got := ids(search(t, db, "苹果", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25})); len(got) != 0 {
		t.Errorf("old text finds %v", got)
	}
	// Of several versions in one batch the last counts.
	addAll(t, db, []ciyuan.Document{{ID: "c", Text: "一"}, {ID: "c", Text: "二"}, {ID: "c", Text: "葡萄"}})
	doc, err := db.Get(ctx, "c")
	if err != nil || doc.Text != "葡萄" {
		t.Errorf("last version: %q, %v", doc.Text, err)
	}
	n, err := db.Delete(ctx, "a", "nobody", "c")
	if n != 2 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if _, err := db.Get(ctx, "a"); !errors.Is(err, ciyuan.ErrNotFound) {
		t.Errorf("deleted document: %v", err)
	}
}

func TestAdd_KeepsEverything(t *testing.T) {
	db := open(t, nil)
	want := ciyuan.Document{
		ID: "dir/a b.md", Title: "標題 Title", Text: "Full-width ＡＢＣ，換行\r\n\tand \u0000 NUL, 𝒳 and \xff broken bytes\n",
		Meta:   map[string]string{"lang": "zh", "year": "2026"},
		Source: ciyuan.Source{Path: "/tmp/a b.md", ModTime: time.Unix(1700000000, 12345), Size: 99},
	}
	addAll(t, db, []ciyuan.Document{want})
	got, err := db.Get(context.Background(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAdd_BadDocuments(t *testing.T) {
	db := open(t, nil)
	ctx := context.Background()
	if err := db.Add(ctx, ciyuan.Document{Text: "x"}); !errors.Is(err, ciyuan.ErrNoID) {
		t.Errorf("no id: %v", err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: strings.Repeat("x", 5000), Text: "x"}); !errors.Is(err, ciyuan.ErrOption) {
		t.Errorf("long id: %v", err)
	}
	for i, text := range []string{"", " \n ", "\xff\xfe\xfd", strings.Repeat("\x00", 1000), strings.Repeat("a", 100_000), strings.Repeat("丨", 50_000)} {
		id := fmt.Sprint("odd", i)
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if doc, err := db.Get(ctx, id); err != nil || doc.Text != text {
			t.Errorf("%s came back with %d bytes, %v", id, len(doc.Text), err)
		}
	}
	// What came before an error of the sequence is kept.
	bad := errors.New("the source broke")
	_, err := db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		_ = yield(ciyuan.Document{ID: "before", Text: "好"}, nil) && yield(ciyuan.Document{}, bad)
	})
	if !errors.Is(err, bad) {
		t.Errorf("error of the sequence: %v", err)
	}
	if _, err := db.Get(ctx, "before"); err != nil {
		t.Errorf("the document before it: %v", err)
	}
}

// manyWords is a reader of n bytes of text in lines.
func manyWords(n int) io.Reader {
	line := strings.Repeat("天地玄黄宇宙洪荒日月盈昃辰宿列张", 4) + "。\n"
	return io.LimitReader(iotest.HalfReader(strings.NewReader(strings.Repeat(line, n/len(line)+1))), int64(n/3*3))
}

func TestAdd_Body(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 20 MB")
	}
	db := open(t, nil)
	ctx := context.Background()
	const size = 20 << 20
	if err := db.Add(ctx, ciyuan.Document{ID: "big", Title: "千字文", Body: manyWords(size)}); err != nil {
		t.Fatal(err)
	}
	doc, err := db.Get(ctx, "big")
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(manyWords(size))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Text != string(want) {
		t.Errorf("%d bytes came back, %d went in", len(doc.Text), len(want))
	}
	// The same again is recognised without being stored.
	r := addAll(t, db, []ciyuan.Document{{ID: "big", Title: "千字文", Text: string(want)}})
	if r.Unchanged != 1 && r.Updated != 1 {
		t.Errorf("again: %+v", r)
	}
	// A body that breaks leaves the old version, and nothing of the new one.
	broken := io.MultiReader(manyWords(size), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := db.Add(ctx, ciyuan.Document{ID: "big", Body: broken}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken body: %v", err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "new", Body: io.MultiReader(strings.NewReader("short"), iotest.ErrReader(io.ErrUnexpectedEOF))}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken short body: %v", err)
	}
	if doc, err := db.Get(ctx, "big"); err != nil || len(doc.Text) != len(want) {
		t.Errorf("after the broken body: %d bytes, %v", len(doc.Text), err)
	}
	if s, err := db.Stats(ctx); err != nil || s.Documents != 1 {
		t.Errorf("documents: %+v, %v", s, err)
	}
}

func TestOpen_Errors(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.db")
	for _, o := range []*ciyuan.Options{{MustExist: true}, {ReadOnly: true}} {
		if _, err := ciyuan.Open(missing, o); !errors.Is(err, ciyuan.ErrNoIndex) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not an index ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ciyuan.Open(text, nil); !errors.Is(err, ciyuan.ErrNotIndex) {
		t.Errorf("a text file: %v", err)
	}
	db := openAt(t, filepath.Join(dir, "real.db"), nil)
	addAll(t, db, []ciyuan.Document{{ID: "a", Text: "好"}})
}

func TestOpen_ReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	addAll(t, db, []ciyuan.Document{{ID: "a", Text: "苹果"}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ro := openAt(t, path, &ciyuan.Options{ReadOnly: true})
	also := openAt(t, path, &ciyuan.Options{ReadOnly: true})
	ctx := context.Background()
	if len(search(t, ro, "苹果", nil).Hits) != 1 || len(search(t, also, "苹果", nil).Hits) != 1 {
		t.Error("not found")
	}
	_, errDelete := ro.Delete(ctx, "a")
	for name, err := range map[string]error{
		"Add": ro.Add(ctx, ciyuan.Document{ID: "b", Text: "b"}), "Delete": errDelete, "Fold": ro.Fold(ctx), "Compact": ro.Compact(ctx),
	} {
		if !errors.Is(err, ciyuan.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Folding, merging and compacting change no result.
func TestFold_ChangesNothing(t *testing.T) {
	docs, questions := sample(t, "zh")
	en, _ := sample(t, "en")
	for i := range en {
		en[i].ID = "en" + en[i].ID
	}
	docs = append(docs, en...)
	ctx := context.Background()
	db := open(t, nil)
	for _, d := range docs {
		if err := db.Add(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Delete(ctx, docs[0].ID, docs[50].ID); err != nil {
		t.Fatal(err)
	}
	results := func() [][]ciyuan.Hit {
		var out [][]ciyuan.Hit
		for _, q := range questions[:40] {
			out = append(out, search(t, db, q.Text, &ciyuan.SearchOptions{Exact: true}).Hits)
		}
		return out
	}
	before := results()
	if err := db.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, results()); diff != "" {
		t.Fatalf("fold (-before +after):\n%s", diff)
	}
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, results(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Fatalf("compact (-before +after):\n%s", diff)
	}
	check(t, db)
}

// An index that was compacted is the same as one to which the documents that
// are left were added, but for the numbers of the words.
func TestCompact_EqualsFresh(t *testing.T) {
	docs, questions := sample(t, "zh")
	ctx := context.Background()
	db := open(t, nil)
	for round := range 3 {
		changed := make([]ciyuan.Document, len(docs))
		for i, d := range docs {
			d.Text = fmt.Sprintf("第%d版 %s", round, d.Text)
			changed[i] = d
		}
		addAll(t, db, changed)
	}
	if _, err := db.Delete(ctx, docs[5].ID); err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	fresh := open(t, nil)
	for i, d := range docs {
		d.Text = "第2版 " + d.Text
		if i != 5 {
			if err := fresh.Add(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := fresh.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	a, err := db.Digest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fresh.Digest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("a compacted index differs from a fresh one")
	}
	for _, q := range questions[:20] {
		if diff := cmp.Diff(search(t, fresh, q.Text, nil).Hits, search(t, db, q.Text, nil).Hits); diff != "" {
			t.Fatalf("%q (-fresh +compacted):\n%s", q.Text, diff)
		}
	}
	sa, _ := db.Stats(ctx)
	sb, _ := fresh.Stats(ctx)
	if sa.FileBytes > sb.FileBytes*12/10 {
		t.Errorf("%d bytes after three versions and compacting, %d fresh", sa.FileBytes, sb.FileBytes)
	}
}

func TestAddBatch_Deterministic(t *testing.T) {
	docs, _ := sample(t, "zh")
	en, _ := sample(t, "en")
	for i := range en {
		en[i].ID = "en" + en[i].ID
	}
	docs = append(docs, en...)
	var digests []string
	for _, workers := range []int{1, 2, 7} {
		db := open(t, &ciyuan.Options{Workers: workers, GraphWords: 100})
		addAll(t, db, docs)
		if err := db.Fold(context.Background()); err != nil {
			t.Fatal(err)
		}
		d, err := db.Digest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d)
	}
	if digests[0] != digests[1] || digests[0] != digests[2] {
		t.Errorf("the content depends on the number of workers: %v", digests)
	}
}

func TestDB_Concurrent(t *testing.T) {
	docs, questions := sample(t, "zh")
	db := open(t, nil)
	ctx := context.Background()
	addAll(t, db, docs[:20])
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for r := range 4 {
		wg.Go(func() {
			for i := r; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				q := questions[i%len(questions)]
				if _, err := db.Search(ctx, q.Text, nil); err != nil {
					t.Errorf("%q: %v", q.Text, err)
					return
				}
			}
		})
	}
	for i, d := range docs[20:] {
		if err := db.Add(ctx, d); err != nil {
			t.Error(err)
		}
		if _, err := db.Delete(ctx, docs[i].ID); err != nil {
			t.Error(err)
		}
		switch i % 7 {
		case 3:
			if err := db.Fold(ctx); err != nil {
				t.Error(err)
			}
		case 6:
			if err := db.Compact(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	wg.Wait()
}

func TestExport_RoundTrip(t *testing.T) {
	docs, _ := sample(t, "en")
	docs[0].Meta = map[string]string{"a": "<b>"}
	docs[1].Source = ciyuan.Source{Path: "x/y.txt", ModTime: time.Unix(1, 5).UTC(), Size: 7}
	db := open(t, nil)
	addAll(t, db, docs)
	var b strings.Builder
	if err := db.Export(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != len(docs) {
		t.Errorf("%d lines for %d documents", n, len(docs))
	}
	if !strings.Contains(b.String(), `"meta":{"a":"<b>"}`) || !strings.Contains(b.String(), `"path":"x/y.txt"`) {
		t.Error("fields are missing")
	}
}
