package ciyuan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan"
)

// change is a step of a history: documents that are added, then ids that are
// deleted.
type change struct {
	docs []ciyuan.Document
	ids  []string
}

// manner is how a history is carried out. None of it may show in the answers.
type manner struct {
	opts    ciyuan.Options
	batch   int // documents a call
	fold    int // after every so many steps; 0: never
	compact int // likewise
	reopen  int // likewise
	search  ciyuan.SearchOptions
}

// follow makes an index with the history.
func (m *manner) follow(t *rapid.T, path string, history []change) *ciyuan.DB {
	ctx := context.Background()
	db, err := ciyuan.Open(path, &m.opts)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	every := func(n, step int) bool { return n > 0 && step%n == n-1 }
	for step, c := range history {
		for docs := range slices.Chunk(c.docs, m.batch) {
			_, err := db.AddBatch(ctx, allVectored(docs))
			must(err)
		}
		_, err := db.Delete(ctx, c.ids...)
		must(err)
		if every(m.fold, step) {
			must(db.Fold(ctx))
		}
		if every(m.compact, step) {
			must(db.Compact(ctx))
		}
		if every(m.reopen, step) {
			must(db.Close())
			db, err = ciyuan.Open(path, &m.opts)
			must(err)
		}
	}
	return db
}

// TestDB_SameHistory carries one history out in several manners: with other
// numbers of workers, graphs, sizes of batches, folds, compactions and restarts
// at other times, in each grade of token vectors. The answers are the same: ids, scores,
// order, export, tokens.
func TestDB_SameHistory(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		dir := memoryDir(t)
		var history []change
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			c := change{docs: rapid.SliceOfNDistinct(rapid.Custom(drawDoc), 0, 9, func(d ciyuan.Document) string { return d.ID }).Draw(t, "docs")}
			for range rapid.IntRange(0, 2).Draw(t, "deletions") {
				c.ids = append(c.ids, fmt.Sprintf("d%d", rapid.IntRange(0, 12).Draw(t, "id")))
			}
			history = append(history, c)
		}
		queries := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 3, 3).Draw(t, "queries")
		queries = append(queries, queries[0]+" "+queries[1]+" "+queries[2], "编程 time 苹果")
		type answer struct {
			hits   [][]ciyuan.Hit
			export string
			tokens *ciyuan.TokensResult
		}
		every := rapid.IntRange(0, 4)
		grade, compact := rapid.SampledFrom(grades).Draw(t, "grade"), every
		if grade != ciyuan.GradeExact {
			// Compaction takes away what no vector is stored relative to any more, and later
			// ones find something else: all manners do that at the same times.
			compact = rapid.Just(every.Draw(t, "compact"))
		}
		var want *answer
		for n := range 3 {
			m := manner{batch: 100, opts: ciyuan.Options{Grade: grade}}
			if grade != ciyuan.GradeExact {
				m.compact = compact.Draw(t, "compact")
			}
			if n > 0 { // the first is the plain one
				m = manner{
					opts: ciyuan.Options{
						Workers:    rapid.IntRange(1, 3).Draw(t, "workers"),
						GraphWords: rapid.SampledFrom([]int{0, -1, 5}).Draw(t, "graph words"),
						Grade:      grade,
					},
					batch: rapid.IntRange(1, 9).Draw(t, "batch"), fold: every.Draw(t, "fold"),
					compact: compact.Draw(t, "compact"), reopen: every.Draw(t, "reopen"),
					search: ciyuan.SearchOptions{
						Exact: rapid.Bool().Draw(t, "exact"),
						Graph: rapid.SampledFrom([]ciyuan.GraphKind{ciyuan.GraphHNSW, ciyuan.GraphFlat, ciyuan.GraphCoder}).Draw(t, "graph"),
					},
				}
			}
			db := m.follow(t, filepath.Join(dir, fmt.Sprint(n, ".db")), history)
			got := &answer{}
			for i, q := range queries {
				for _, score := range allScores {
					o := m.search
					o.K, o.Score = 5+i, score
					r, err := db.Search(ctx, q, &o)
					if err != nil && q != "。" && q != "\n" {
						t.Fatal(err)
					}
					if err == nil {
						got.hits = append(got.hits, r.Hits)
					}
				}
			}
			var export bytes.Buffer
			if err := db.Export(ctx, &export); err != nil {
				t.Fatal(err)
			}
			got.export = export.String()
			tokens, err := db.Tokens(ctx, "编程 time", nil)
			if err != nil {
				t.Fatal(err)
			}
			got.tokens = tokens
			for i, score := range []ciyuan.Score{ciyuan.ScoreMaxSim, ciyuan.ScoreSoftmax, ciyuan.ScoreSum} {
				r, err := db.SearchVectors(ctx, damageVectors(uint64(i), 3), &ciyuan.SearchOptions{K: 20, Score: score, Exact: true})
				if err != nil && !errors.Is(err, ciyuan.ErrDimension) {
					t.Fatal(err)
				}
				if err == nil {
					got.hits = append(got.hits, r.Hits)
				} else {
					got.hits = append(got.hits, nil) // there are none
				}
			}
			if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
				t.Fatalf("check: %v, %v", problems, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
				continue
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{}), cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%+v (-plain +this):\n%s", m, diff)
			}
		}
	})
}
