package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/ciyuan-search/ciyuan"
)

// The goals for a search as a whole process over 10,000 documents.
const (
	maxColdMS        = 15
	maxColdAnonymous = 25 // 10^6 bytes
	maxColdResident  = 60 // 10^6 bytes
)

// coldQueries is how many different queries are asked, each by a process of its
// own.
const coldQueries = 60

// measureCold times `ciyuan search` as a whole process, from its start to its
// end, the files in the page cache.
func measureCold(ctx context.Context, b *bench) error {
	_, index, err := b.folder(ctx)
	if err != nil {
		return err
	}
	c, err := b.corpus(sentences10k)
	if err != nil {
		return err
	}
	queries := c.sample(coldQueries)
	words, err := wordsOf(ctx, index)
	if err != nil {
		return err
	}
	search := func(query string, watch bool) (process, error) {
		return b.start(ctx, command{args: []string{"--index", index, "search", "--", query}, watch: watch})
	}
	for _, q := range queries[:5] {
		if _, err := search(q, false); err != nil {
			return err
		}
	}
	perRun := make([]spread, 0, b.runs)
	var wall, cpu, all latencies
	var resident, anonymous []float64
	for range b.runs {
		wall = nil
		for _, q := range queries {
			p, err := search(q, false)
			if err != nil {
				return err
			}
			wall.add(p.wall)
			cpu.add(p.cpu)
			resident = append(resident, float64(p.resident)/1e6)
		}
		perRun = append(perRun, spreadOf(wall))
		all = append(all, wall...)
	}
	for _, q := range queries {
		p, err := search(q, true)
		if err != nil {
			return err
		}
		anonymous = append(anonymous, float64(p.anonymous)/1e6)
	}
	version, err := b.versionCost(ctx)
	if err != nil {
		return err
	}
	if b.profiles != "" {
		if err := b.profileCold(ctx, index, queries); err != nil {
			return err
		}
	}
	medians := make([]float64, len(perRun))
	for i, s := range perRun {
		medians[i] = s.Median
	}
	on := fmt.Sprintf("10,000 documents, %d distinct words, %d queries", words, len(queries))
	b.report.atMost("cold", "cold `ciyuan search`, whole process, median", maxColdMS, "ms", spreadOf(medians), on)
	b.report.atMost("cold", "its anonymous memory, peak", maxColdAnonymous, "MB", exactly(round(spreadOf(anonymous).Max)), on)
	b.report.atMost("cold", "its resident memory, peak", maxColdResident, "MB", exactly(round(spreadOf(resident).Max)), on+"; mapped index and program included")
	b.report.table(table{
		Part: "cold", Title: "A search as a whole process, 10,000 documents",
		Head: []string{"", "median", "p95", "least", "largest"},
		Rows: [][]string{
			quantileRow("wall, ms", all),
			quantileRow("user + system, ms", cpu),
			quantileRow("RssAnon, MB", anonymous),
			quantileRow("resident, MB", resident),
			quantileRow("`ciyuan version`, wall, ms", version),
		},
		Note: fmt.Sprintf("%s, each %d times, in a process of its own after five to warm the page cache; k = 10, output thrown away. "+
			"Wall: from before the process is started until it is reaped. Resident: ru_maxrss of wait4. "+
			"RssAnon: /proc/PID/status read without a pause while the process runs, the largest value of each process, in runs that are not timed. "+
			"`ciyuan version` does nothing: what starting any process of this size costs. The index was made by `ciyuan index` with GOMAXPROCS=1.", on, b.runs),
	})
	return nil
}

func quantileRow(name string, values []float64) []string {
	l := latencies(values)
	return []string{name, number(l.at(0.5)), number(l.at(0.95)), number(l.at(0)), number(l.at(1))}
}

// versionCost times the program doing nothing.
func (b *bench) versionCost(ctx context.Context) (latencies, error) {
	var l latencies
	for range coldQueries {
		p, err := b.start(ctx, command{args: []string{"version"}})
		if err != nil {
			return nil, err
		}
		l.add(p.wall)
	}
	return l, nil
}

// profileCold writes a CPU profile of what such a process does behind its start:
// the index is opened for each query anew.
func (b *bench) profileCold(ctx context.Context, index string, queries []string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	_, err := b.profile("cold", func() error {
		for range b.runs {
			for _, q := range queries {
				db, err := ciyuan.Open(index, &ciyuan.Options{ReadOnly: true})
				if err != nil {
					return err
				}
				if _, err := db.Search(ctx, q, nil); err != nil {
					return errors.Join(err, db.Close())
				}
				if err := db.Close(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return err
}
