package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

// The goals for adding one document to 10,000, in milliseconds until it is on
// the disk.
const (
	maxAddP50 = 10
	maxAddP95 = 25
)

// addedDocuments is how many documents are added one at a time: more than are
// left pending before the index folds them, so that the price of folding is in.
const addedDocuments = 1200

// measureAdd adds documents one at a time to an index of 10,000, each searched
// for by a word that only it has.
func measureAdd(ctx context.Context, b *bench) error {
	c, err := b.corpus(sentences10k)
	if err != nil {
		return err
	}
	db, err := b.openCopy(ctx, c, 0)
	if err != nil {
		return err
	}
	l, searches, disk, err := addOneByOne(ctx, b, db, c)
	if err = errors.Join(err, db.Close(), os.Remove(db.Path())); err != nil {
		return err
	}
	note := fmt.Sprintf("%d documents, one after another, into %d; fsync of the disk meanwhile %s", len(l), len(c.documents), quantilesOf(disk))
	b.report.atMost("add", "add one document, durable, p50", maxAddP50, "ms", quantileSpread(l, 0.5), note)
	b.report.atMost("add", "add one document, durable, p95", maxAddP95, "ms", quantileSpread(l, 0.95), note)
	b.report.table(table{
		Part: "add", Title: "Adding one document to 10,000, ms",
		Head: []string{"", "p50", "p95", "p99", "longest"},
		Rows: [][]string{
			latencyRow("Add returns: on the disk", l),
			latencyRow("the search right behind it", searches),
			latencyRow("write and fsync of 4 KiB, one after every tenth Add", disk),
		},
		Note: fmt.Sprintf("One call of Add for each of %d new sentences of one word that no other document has; the next search for that word must find it. "+
			"The longest calls fold what is pending.", len(l)),
	})
	return nil
}

func latencyRow(name string, l latencies) []string {
	return []string{name, number(l.at(0.5)), number(l.at(0.95)), number(l.at(0.99)), number(l.at(1))}
}

// quantileSpread gives a quantile of l, with those of its five stretches as
// the range.
func quantileSpread(l latencies, q float64) spread {
	const stretches = 5
	s := spread{Median: l.at(q), N: len(l)}
	for i := range stretches {
		v := l[i*len(l)/stretches : (i+1)*len(l)/stretches].at(q)
		if i == 0 || v < s.Min {
			s.Min = v
		}
		s.Max = max(s.Max, v)
	}
	return s
}

func addOneByOne(ctx context.Context, b *bench, db *ciyuan.DB, c corpus) (added, searches, disk latencies, err error) {
	runtime.GC()
	for i := range addedDocuments {
		word := fmt.Sprintf("zq%dx", i)
		doc := ciyuan.Document{
			ID:   "added/" + word,
			Text: c.documents[i*7%len(c.documents)].Text + " " + word,
		}
		began := time.Now()
		if err := db.Add(ctx, doc); err != nil {
			return nil, nil, nil, err
		}
		added.add(time.Since(began))
		began = time.Now()
		res, err := db.Search(ctx, word, &ciyuan.SearchOptions{K: 1})
		if err != nil {
			return nil, nil, nil, err
		}
		searches.add(time.Since(began))
		if len(res.Hits) != 1 || res.Hits[0].ID != doc.ID {
			return nil, nil, nil, fmt.Errorf("the search right after adding %s did not find it", doc.ID)
		}
		if i%10 == 0 {
			once, err := fsyncs(b.dir, 1)
			if err != nil {
				return nil, nil, nil, err
			}
			disk = append(disk, once...)
		}
	}
	return added, searches, disk, nil
}
