package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

// measureWarm times searches one after another in one process, on one core.
func measureWarm(ctx context.Context, b *bench) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t := table{
		Part: "warm", Title: "Searches in one process, one core",
		Head: []string{"corpus", "documents", "passages", "distinct words", "queries", "score", "p50, ms", "p95, ms", "processor, mean ms", "neighbours", "postings", "candidates"},
		Note: "Each query once after a round of warming up, all different; k = 10 with snippets and matches. Neighbours, postings and candidates are means.",
	}
	for _, name := range []string{sentences10k, allSets} {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		for _, graphWords := range waysOf(name) {
			scores := []ciyuan.Score{ciyuan.ScoreHybrid, ciyuan.ScoreSoftmax, ciyuan.ScoreMaxSim, ciyuan.ScoreSum, ciyuan.ScoreBM25}
			if graphWords == everyWord {
				scores = scores[:2]
			}
			rows, err := b.timeIndex(ctx, c, graphWords, scores)
			if err != nil {
				return err
			}
			t.Rows = append(t.Rows, rows...)
		}
	}
	b.report.table(t)
	return nil
}

// timeIndex returns rows of measureWarm's table: one for each score.
func (b *bench) timeIndex(ctx context.Context, c corpus, graphWords int, scores []ciyuan.Score) ([][]string, error) {
	db, err := b.openIndex(ctx, c, graphWords)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, score := range scores {
		row, err := b.timeSearches(ctx, db, c, label(c, graphWords), score)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		rows = append(rows, row)
	}
	return rows, db.Close()
}

// timeSearches returns a row of measureWarm's table.
func (b *bench) timeSearches(ctx context.Context, db *ciyuan.DB, c corpus, name string, score ciyuan.Score) ([]string, error) {
	queries := c.sample(b.queries)
	opts := &ciyuan.SearchOptions{Score: score}
	var l latencies
	var cpu time.Duration
	var stats ciyuan.SearchStats
	var neighbors, postings, candidates int
	round := func() error {
		l, neighbors, postings, candidates = nil, 0, 0, 0
		before := processTime()
		for _, q := range queries {
			began := time.Now()
			res, err := db.Search(ctx, q, opts)
			if err != nil {
				return fmt.Errorf("%q: %w", q, err)
			}
			l.add(time.Since(began))
			stats = res.Stats
			neighbors += stats.Neighbors
			postings += stats.Postings
			candidates += stats.Candidates
		}
		cpu = processTime() - before
		return nil
	}
	if err := round(); err != nil {
		return nil, err
	}
	if err := round(); err != nil {
		return nil, err
	}
	if b.profiles != "" {
		if _, err := b.profile("search-"+fileName(name)+"-"+score.String(), func() error {
			for range b.runs {
				if err := round(); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	n := len(queries)
	return []string{
		name, fmt.Sprint(stats.Documents), fmt.Sprint(stats.Passages), fmt.Sprint(stats.Words), fmt.Sprint(n), score.String(),
		number(l.at(0.5)), number(l.at(0.95)), number(milliseconds(cpu) / float64(n)),
		fmt.Sprint(neighbors / n), fmt.Sprint(postings / n), fmt.Sprint(candidates / n),
	}, nil
}
