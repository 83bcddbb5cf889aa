package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

const (
	maxTypingMS = 10 // a search at a key stroke
	maxCancelMS = 2  // until a search that nobody waits for has ended
)

// measureTyping times what a window that searches at every key stroke does, on one
// core: the search, and its end when the next key is struck.
func measureTyping(ctx context.Context, b *bench) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	c, err := b.corpus(sentences10k)
	if err != nil {
		return err
	}
	db, err := b.openIndex(ctx, c, 0)
	if err != nil {
		return err
	}
	queries := c.sample(b.queries)
	var strokes []string
	for _, q := range queries {
		typed := []rune(q)
		for n := 1; n <= len(typed); n++ {
			strokes = append(strokes, string(typed[:n]))
		}
	}
	t := table{
		Part: "typing", Title: "As people type: 10,000 documents, one process, one core",
		Head: []string{"", "searches", "p50, ms", "p95, ms", "largest, ms"},
		Note: "Key strokes: each question of a sample, cut behind each of its characters. Ending: from cancelling a search, at a tenth, two tenths and so on of its time, until it has returned.",
	}
	row := func(name string, queries []string, o ciyuan.SearchOptions) (latencies, error) {
		var l latencies
		for round := range 2 {
			l = nil
			for i, q := range queries {
				if round == 0 && i == len(queries)/4 {
					break // enough to warm up
				}
				began := time.Now()
				if _, err := db.Search(ctx, q, &o); err != nil && !errors.Is(err, ciyuan.ErrEmptyQuery) {
					return nil, fmt.Errorf("%q: %w", q, err)
				}
				l.add(time.Since(began))
			}
		}
		t.Rows = append(t.Rows, typingRow(name, l))
		return l, nil
	}
	typing, err := row("every key stroke, `Prefix`", strokes, ciyuan.SearchOptions{Prefix: true})
	for _, other := range []struct {
		name string
		opts ciyuan.SearchOptions
	}{
		{"whole questions", ciyuan.SearchOptions{}},
		{"whole questions, `FuzzyNever`", ciyuan.SearchOptions{Fuzzy: ciyuan.FuzzyNever}},
		{"whole questions, `FuzzyAlways`", ciyuan.SearchOptions{Fuzzy: ciyuan.FuzzyAlways}},
		{"whole questions, `Explain`", ciyuan.SearchOptions{Explain: true}},
		{"whole questions, `Recency`", ciyuan.SearchOptions{Recency: time.Hour}},
	} {
		if err == nil {
			_, err = row(other.name, queries, other.opts)
		}
	}
	if err == nil {
		phrases := make([]string, len(queries))
		for i, q := range queries {
			typed := []rune(q)
			phrases[i] = q + ` +"` + string(typed[:min(4, len(typed))]) + `"`
		}
		_, err = row("whole questions with a phrase", phrases, ciyuan.SearchOptions{Operators: true})
	}
	var ending latencies
	if err == nil {
		ending, err = endings(ctx, db, queries)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	t.Rows = append(t.Rows, typingRow("ending of a cancelled search", ending))
	on := fmt.Sprintf("10,000 documents, %d key strokes", len(strokes))
	b.report.atMost("typing", "search at a key stroke, warm, 95th percentile", maxTypingMS, "ms", exactly(typing.at(0.95)), on)
	b.report.atMost("typing", "end of a cancelled search, 95th percentile", maxCancelMS, "ms", exactly(ending.at(0.95)), fmt.Sprintf("%d searches", len(ending)))
	b.report.table(t)
	return db.Close()
}

func typingRow(name string, l latencies) []string {
	return []string{name, fmt.Sprint(len(l)), number(l.at(0.5)), number(l.at(0.95)), number(l.at(1))}
}

// endings returns how long searches that are cancelled go on.
func endings(ctx context.Context, db *ciyuan.DB, queries []string) (latencies, error) {
	// With one core the next key stroke would wait for the search, not end it.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var l latencies
	for i, q := range queries {
		var whole time.Duration
		for range 2 { // the second knows its words, as the one that is cancelled will
			began := time.Now()
			if _, err := db.Search(ctx, q, nil); err != nil {
				return nil, fmt.Errorf("%q: %w", q, err)
			}
			whole = time.Since(began)
		}
		searching, cancel := context.WithCancel(ctx)
		var cancelled time.Time
		timer := time.AfterFunc(whole*time.Duration(1+i%9)/10, func() {
			cancelled = time.Now()
			cancel()
		})
		_, err := db.Search(searching, q, nil)
		ended := time.Now()
		timer.Stop()
		cancel()
		if errors.Is(err, context.Canceled) {
			l.add(ended.Sub(cancelled))
		} else if err != nil {
			return nil, fmt.Errorf("%q: %w", q, err)
		}
	}
	if len(l) == 0 {
		return nil, errors.New("no search was cancelled")
	}
	return l, nil
}
