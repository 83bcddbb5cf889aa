package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// TestDB_Removed removes the file of an open index. What is open can be read on
// and backed up; no change is acknowledged that would be lost with the file.
func TestDB_Removed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("here a file that is open cannot be removed")
	}
	ctx := context.Background()
	path := damageIndex(t)
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := search(t, db, "编程", nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"add":     func() error { return db.Add(ctx, ciyuan.Document{ID: "new", Text: "编程"}) },
		"delete":  func() error { _, err := db.Delete(ctx, "titled"); return err },
		"fold":    func() error { return db.Fold(ctx) },
		"compact": func() error { return db.Compact(ctx) },
	} {
		if err := change(); !errors.Is(err, ciyuan.ErrReplaced) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before.Hits, search(t, db, "编程", nil).Hits); diff != "" {
		t.Error(diff)
	}
	copied := filepath.Join(t.TempDir(), "saved.db")
	if err := db.Backup(ctx, copied); err != nil {
		t.Error(err)
	}
	check(t, db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	saved := openAt(t, copied, nil)
	if diff := cmp.Diff(before.Hits, search(t, saved, "编程", nil).Hits); diff != "" {
		t.Error(diff)
	}
}

// TestSearch_ThousandWords asks for 1,000 words at once, and for 20,000: the
// answer is that of the exact search.
func TestSearch_ThousandWords(t *testing.T) {
	docs, questions := sample(t, "zh")
	english, more := sample(t, "en")
	for i := range english {
		english[i].ID = "en/" + english[i].ID
	}
	db := open(t, nil)
	addAll(t, db, append(docs, english...))
	var text strings.Builder
	for _, q := range append(questions, more...) {
		text.WriteString(q.Text + " ")
	}
	for n, d := range append(docs, english...) {
		fmt.Fprintf(&text, "%s qw%dx ", d.Text[:min(len(d.Text), 200)], n)
	}
	query := strings.ToValidUTF8(text.String(), "")
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tokens := tok.Tokenize(nil, query)
	if len(tokens) < 1000 {
		t.Fatalf("only %d tokens", len(tokens))
	}
	thousand := query[:tokens[999].End]
	asked := map[string][]ciyuan.Score{thousand: allScores}
	if raceEnabled {
		asked[thousand] = allScores[:1]
	} else {
		asked[strings.Repeat(query, 20_000/len(tokens)+1)] = allScores[:1]
	}
	for query, scores := range asked {
		for _, score := range scores {
			var exact, other *ciyuan.Result
			if exact, err = db.Search(context.Background(), query, &ciyuan.SearchOptions{K: 20, Score: score, Exact: true}); err == nil {
				other, err = db.Search(context.Background(), query, &ciyuan.SearchOptions{K: 20, Score: score})
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(exact.Hits, other.Hits); diff != "" || len(exact.Hits) == 0 {
				t.Errorf("%v: %d hits (-exact +not):\n%s", score, len(exact.Hits), diff)
			}
		}
		for _, o := range []ciyuan.SearchOptions{{Prefix: true, Fuzzy: ciyuan.FuzzyAlways}, {Explain: true, Operators: true}, {Budget: time.Millisecond}} {
			if _, err := db.Search(context.Background(), query, &o); err != nil {
				t.Errorf("%+v: %v", o, err)
			}
		}
	}
}

// TestAdd_EmptyDocuments adds documents without any text. Each takes little room,
// is listed and deleted like another, and none is ever found.
func TestAdd_EmptyDocuments(t *testing.T) {
	n := 20_000
	if raceEnabled || testing.Short() {
		n = 2_000
	}
	ctx := context.Background()
	db := open(t, nil)
	docs := make([]ciyuan.Document, n)
	for i := range docs {
		docs[i].ID = fmt.Sprintf("empty/%08d", i)
	}
	addAll(t, db, docs)
	// Each counts in memory, so they are not all of one commit.
	stats, err := db.Stats(ctx)
	if err != nil || n > 20_000-1 && stats.Generation < 2 {
		t.Errorf("%d commits for %d documents, %v", stats.Generation, n, err)
	}
	addAll(t, db, []ciyuan.Document{{ID: "full", Text: "编程是一种技能"}})
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes a document", info.Size()/int64(n))
	if size := info.Size(); size > 1<<20+int64(n)*300 {
		t.Errorf("%d bytes for %d empty documents", size, n)
	}
	for _, exact := range []bool{false, true} {
		if got := ids(search(t, db, "编程 empty", &ciyuan.SearchOptions{Exact: exact})); !cmp.Equal(got, []string{"full"}) {
			t.Errorf("exact %v: found %q", exact, got)
		}
	}
	listed := 0
	for _, err := range db.List(ctx, "empty/") {
		if err != nil {
			t.Fatal(err)
		}
		listed++
	}
	if listed != n {
		t.Errorf("%d of %d are listed", listed, n)
	}
	all := make([]string, n)
	for i := range all {
		all[i] = docs[i].ID
	}
	if deleted, err := db.Delete(ctx, all...); err != nil || deleted != n {
		t.Errorf("%d of %d deleted, %v", deleted, n, err)
	}
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if info, err = os.Stat(db.Path()); err != nil || info.Size() > 1<<20 {
		t.Errorf("%d bytes are left, %v", info.Size(), err)
	}
}

// TestDB_ClockBack has documents from a time to come, as they are after a clock
// was set back: they count as new, and are replaced by what has an earlier time.
func TestDB_ClockBack(t *testing.T) {
	ctx := context.Background()
	db := open(t, nil)
	add := func(id, text string, when time.Time) {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text, Source: ciyuan.Source{Path: id, ModTime: when, Size: int64(len(text))}}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	add("future", "编程 first", now.Add(24*time.Hour))
	add("past", "编程 first", now.Add(-24000*time.Hour))
	add("no time", "编程 first", time.Unix(-1<<33, 0))
	for range 2 {
		r := search(t, db, "编程", &ciyuan.SearchOptions{Recency: 24 * time.Hour})
		if len(r.Hits) != 3 || r.Hits[0].ID != "future" {
			t.Errorf("found %q", ids(r))
		}
		for _, h := range r.Hits {
			if !(h.Score >= 0 && h.Score <= 2*r.Hits[1].Score+100) {
				t.Errorf("%s: score %v", h.ID, h.Score)
			}
		}
		add("future", "编程 second", now.Add(-time.Hour))
		if doc, err := db.Get(ctx, "future"); err != nil || doc.Text != "编程 second" {
			t.Errorf("%q, %v", doc.Text, err)
		}
	}
}
