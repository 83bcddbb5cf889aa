package ciyuan_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

// TestSearch_Position finds one line of a long document, which was written in
// several chunks, and looks at where it says that it is.
func TestSearch_Position(t *testing.T) {
	const wanted = 9000
	var b strings.Builder
	for i := range 12_000 {
		if i == wanted {
			b.WriteString("这里有一只 kingfisher 停在水边。\n")
			continue
		}
		fmt.Fprintf(&b, "第 %d 行说的是天气，没有别的内容。\n", i)
	}
	text := b.String()
	db, err := ciyuan.Open(filepath.Join(t.TempDir(), "a.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx := context.Background()
	if err := db.Add(ctx, ciyuan.Document{ID: "long", Title: "天气", Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
	start := strings.Index(text, "kingfisher")
	for _, compacted := range []bool{false, true} {
		if compacted {
			if err := db.Compact(ctx); err != nil {
				t.Fatal(err)
			}
		}
		res, err := db.Search(ctx, "kingfisher", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25})
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Hits) != 1 || len(res.Hits[0].Matches) != 1 {
			t.Fatalf("compacted %v: %+v", compacted, res.Hits)
		}
		if h := res.Hits[0]; h.Line != wanted+1 || h.Matches[0].Start != start {
			t.Errorf("compacted %v: line %d, byte %d, wanted %d, %d", compacted, h.Line, h.Matches[0].Start, wanted+1, start)
		}
		tokens, err := db.Tokens(ctx, "kingfisher", &ciyuan.TokensOptions{K: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(tokens.Tokens) != 1 || tokens.Tokens[0].Start != start {
			t.Errorf("compacted %v: tokens %+v, wanted byte %d", compacted, tokens.Tokens, start)
		}
		problems, err := db.Check(ctx)
		if err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
	}
}
