package ciyuan_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func dictionary(t *testing.T, text string) *tokenizer.Dict {
	t.Helper()
	d, err := tokenizer.ParseDict(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// withIndex opens the index at path, calls fn and closes it again.
func withIndex(t *testing.T, path string, opts *ciyuan.Options, fn func(db *ciyuan.DB)) {
	t.Helper()
	db, err := ciyuan.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	fn(db)
	check(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// matched returns what the hits of a literal search match, by id.
func matched(t *testing.T, db *ciyuan.DB, query string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, h := range search(t, db, query, &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25}).Hits {
		var tokens []string
		for _, m := range h.Matches {
			tokens = append(tokens, m.Token)
		}
		got[h.ID] = strings.Join(tokens, "|")
	}
	return got
}

// TestOptions_DictIsKept indexes with a user dictionary and searches without.
func TestOptions_DictIsKept(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a.db")
	texts := []ciyuan.Document{{ID: "1", Text: "我们用云原生数据库存放资料"}, {ID: "2", Text: "天气很好"}}
	withIndex(t, path, &ciyuan.Options{Dict: dictionary(t, "云原生数据库 nz\n")}, func(db *ciyuan.DB) { addAll(t, db, texts) })
	want := func(db *ciyuan.DB, when, id, tokens string) {
		t.Helper()
		if got := matched(t, db, "云原生数据库"); got[id] != tokens {
			t.Errorf("%s: %q, wanted %q in %s", when, got, tokens, id)
		}
	}
	withIndex(t, path, &ciyuan.Options{ReadOnly: true}, func(db *ciyuan.DB) { want(db, "read again", "1", "云原生数据库") })
	withIndex(t, path, nil, func(db *ciyuan.DB) {
		if err := db.Add(ctx, ciyuan.Document{ID: "3", Text: "云原生数据库是什么"}); err != nil {
			t.Fatal(err)
		}
		want(db, "added without it", "3", "云原生数据库")
		if err := db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		want(db, "compacted", "1", "云原生数据库")
		want(db, "compacted", "3", "云原生数据库")
	})
	withIndex(t, path, nil, func(db *ciyuan.DB) { want(db, "read after compacting", "1", "云原生数据库") })
	// A dictionary without words takes it away, and Compact cuts anew.
	withIndex(t, path, &ciyuan.Options{Dict: dictionary(t, "")}, func(db *ciyuan.DB) {
		if err := db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
	})
	withIndex(t, path, nil, func(db *ciyuan.DB) {
		for id, tokens := range matched(t, db, "云原生数据库") {
			if strings.Contains(tokens, "云原生数据库") || !strings.Contains(tokens, "数据库") {
				t.Errorf("without dictionary: document %s matches %q", id, tokens)
			}
		}
	})
}

// TestOptions_DictChanges gives an index another dictionary: old documents are
// found as they were cut, and after Compact as all others.
func TestOptions_DictChanges(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a.db")
	withIndex(t, path, nil, func(db *ciyuan.DB) {
		addAll(t, db, []ciyuan.Document{{ID: "old", Text: "我们用云原生数据库存放资料"}, {ID: "other", Text: "天气很好"}})
	})
	opts := &ciyuan.Options{Dict: dictionary(t, "云原生数据库 nz\n")}
	withIndex(t, path, opts, func(db *ciyuan.DB) {
		if err := db.Add(ctx, ciyuan.Document{ID: "new", Text: "云原生数据库是什么"}); err != nil {
			t.Fatal(err)
		}
	})
	withIndex(t, path, nil, func(db *ciyuan.DB) {
		if got := matched(t, db, "云原生数据库"); len(got) != 1 || got["new"] != "云原生数据库" {
			t.Errorf("before compacting: %q", got)
		}
		if got := matched(t, db, "数据库"); got["old"] != "数据库" {
			t.Errorf("before compacting, by another word: %q", got)
		}
		if res := search(t, db, "云原生数据库", nil); len(res.Hits) != 2 || res.Hits[1].ID != "old" {
			t.Errorf("before compacting, by meaning: %q", ids(res))
		}
		if err := db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		if got := matched(t, db, "云原生数据库"); len(got) != 2 || got["old"] != "云原生数据库" {
			t.Errorf("after compacting: %q", got)
		}
	})
}
