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
	graphs := []ciyuan.GraphKind{ciyuan.GraphHNSW, ciyuan.GraphCoder}
	t := table{
		Part: "recall", Title: "Hits of the default search against the exact search",
		Head: []string{"corpus", "documents", "distinct words", "queries", "by default, %", "words in its graph"},
		Note: "recall@10: the share of the exact search's first ten documents that are among the first ten, mean over the queries; " +
			"the exact search compares every word and visits every document. By default the words of a small index are compared one by one, without a graph; " +
			"hnsw and coder are measured on an index that has every word in the graph. Same order: queries whose ten hits are the same in the same order with hnsw.",
	}
	for _, g := range graphs {
		t.Head = append(t.Head, g.String()+", %")
	}
	t.Head = append(t.Head, "same order, %")
	var standard recall
	total := make([]recall, len(graphs))
	count := func(c corpus) error {
		queries := c.sample(b.queries)
		exact, byDefault, err := b.exactAnd(ctx, c, queries)
		if err != nil {
			return err
		}
		standard.add(byDefault.recall)
		row := []string{
			c.name, fmt.Sprint(len(c.documents)), fmt.Sprint(exact[0].Stats.Words), fmt.Sprint(len(queries)),
			percent(byDefault.value()), fmt.Sprint(byDefault.graphWords),
		}
		db, err := b.openIndex(ctx, c, everyWord)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }() // read only
		var same string
		for i, g := range graphs {
			got, err := searchAll(ctx, db, queries, &ciyuan.SearchOptions{Graph: g})
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
		return nil
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
	row := []string{"all", "", "", fmt.Sprint(total[0].queries), percent(standard.value()), ""}
	for _, r := range total {
		row = append(row, percent(r.value()))
	}
	t.Rows = append(t.Rows, append(row, percent(float64(total[0].same)/float64(total[0].queries))))
	on := fmt.Sprintf("%d queries of all sets, passages and sentences, one and two languages", standard.queries)
	b.report.atLeast("recall", "recall@10 of the default search against --exact", minRecall, "", exactly(round(standard.value())), on)
	b.report.atLeast("recall", "recall@10 of the graph against --exact", minRecall, "", exactly(round(total[0].value())), on+withGraph)
	b.report.table(t)
	return nil
}

// defaultRecall is how the default search compares with the exact one.
type defaultRecall struct {
	recall
	graphWords int // in the index
}

// exactAnd returns the exact search's results on the default index of c, and how
// the default search compares with them.
func (b *bench) exactAnd(ctx context.Context, c corpus, queries []string) ([]*ciyuan.Result, defaultRecall, error) {
	var r defaultRecall
	db, err := b.openIndex(ctx, c, 0)
	if err != nil {
		return nil, r, err
	}
	defer func() { _ = db.Close() }() // read only
	stats, err := db.Stats(ctx)
	if err != nil {
		return nil, r, err
	}
	exact, err := searchAll(ctx, db, queries, &ciyuan.SearchOptions{Exact: true})
	if err != nil {
		return nil, r, err
	}
	got, err := searchAll(ctx, db, queries, nil)
	return exact, defaultRecall{compareHits(exact, got), stats.GraphWords}, err
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
