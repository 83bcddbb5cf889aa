package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan"
)

// minRecall is the goal for the share of the exact search's first ten hits that
// the default search has among its own.
const minRecall = 0.99

// measureRecall compares the hits of each graph with those of the exact search.
func measureRecall(ctx context.Context, b *bench) error {
	graphs := []ciyuan.GraphKind{ciyuan.GraphHNSW, ciyuan.GraphCoder, ciyuan.GraphFlat}
	t := table{
		Part: "recall", Title: "Hits of the default search against the exact search",
		Head: []string{"corpus", "documents", "distinct words", "queries"},
		Note: "recall@10: the share of the exact search's first ten documents that are among the first ten of the search with that graph, mean over the queries; " +
			"the exact search compares every word and visits every document. Same order: queries whose ten hits are the same in the same order with the default graph. " +
			"All: over all queries of the table.",
	}
	for _, g := range graphs {
		t.Head = append(t.Head, g.String()+", %")
	}
	t.Head = append(t.Head, "same order, %")
	total := make([]recall, len(graphs))
	count := func(c corpus) error {
		db, err := b.openIndex(ctx, c, ciyuan.Options{Workers: 1})
		if err != nil {
			return err
		}
		queries := c.sample(b.queries)
		exact, err := searchAll(ctx, db, queries, &ciyuan.SearchOptions{Exact: true})
		if err != nil {
			return err
		}
		row := []string{c.name, fmt.Sprint(len(c.documents)), fmt.Sprint(exact[0].Stats.Words), fmt.Sprint(len(queries))}
		var same string
		for i, g := range graphs {
			got, err := searchAll(ctx, db, queries, &ciyuan.SearchOptions{Graph: g})
			if errors.Is(err, ciyuan.ErrGraphTooLarge) {
				row = append(row, "refused")
				continue
			}
			if err != nil {
				return err
			}
			r := compareHits(exact, got)
			total[i].add(r)
			row = append(row, percent(r.value()))
			if g == ciyuan.GraphHNSW {
				same = percent(float64(r.same) / float64(r.queries))
			}
		}
		t.Rows = append(t.Rows, append(row, same))
		return db.Close()
	}
	names := append([]string{sentences10k, allSets}, testSets...)
	for _, name := range sentenceSets {
		names = append(names, name+sentenceMark)
	}
	for _, name := range names {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		if err := count(c); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	crossed, err := b.crossCorpora()
	if err != nil {
		return err
	}
	for _, c := range crossed {
		if err := count(c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	row := []string{"all", "", "", fmt.Sprint(total[0].queries)}
	for _, r := range total {
		row = append(row, percent(r.value()))
	}
	t.Rows = append(t.Rows, append(row, percent(float64(total[0].same)/float64(total[0].queries))))
	b.report.atLeast("recall", "recall@10 of the graph against --exact", minRecall, "", exactly(round(total[0].value())),
		fmt.Sprintf("%d queries of all sets, passages and sentences, one and two languages", total[0].queries))
	b.report.table(t)
	return nil
}

// recall counts what compareHits found.
type recall struct {
	queries, same int
	sum           float64
}

func (r *recall) add(other recall) {
	r.queries += other.queries
	r.same += other.same
	r.sum += other.sum
}

func (r recall) value() float64 { return r.sum / float64(max(r.queries, 1)) }

// compareHits leaves queries without exact hits out.
func compareHits(exact, got []*ciyuan.Result) recall {
	var r recall
	for i, want := range exact {
		if len(want.Hits) == 0 {
			continue
		}
		have := map[string]bool{}
		for _, h := range got[i].Hits {
			have[h.ID] = true
		}
		found, same := 0, len(got[i].Hits) == len(want.Hits)
		for j, h := range want.Hits {
			if have[h.ID] {
				found++
			}
			same = same && got[i].Hits[j].ID == h.ID
		}
		r.queries++
		r.sum += float64(found) / float64(len(want.Hits))
		if same {
			r.same++
		}
	}
	return r
}

// searchAll searches for all queries with as many goroutines as there are
// cores. A query without words has an empty result.
func searchAll(ctx context.Context, db *ciyuan.DB, queries []string, opts *ciyuan.SearchOptions) ([]*ciyuan.Result, error) {
	out := make([]*ciyuan.Result, len(queries))
	workers := runtime.GOMAXPROCS(0)
	failures := make([]error, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for failures[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(queries) {
					return
				}
				res, err := db.Search(ctx, queries[i], opts)
				if errors.Is(err, ciyuan.ErrEmptyQuery) {
					res, err = &ciyuan.Result{}, nil
				}
				if err != nil {
					err = fmt.Errorf("%q: %w", queries[i], err)
				}
				out[i], failures[w] = res, err
			}
		})
	}
	wg.Wait()
	return out, errors.Join(failures...)
}
