package ciyuan

import (
	"context"
	"fmt"
	"strings"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// Problem is something that Check found wrong.
type Problem struct {
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"problem"`
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Bucket != "" {
		b.WriteString("bucket " + p.Bucket)
		if p.Key != "" {
			b.WriteString(", key " + p.Key)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Check reads the whole index and returns what is wrong with it: checksums,
// counts and references of every record, postings, and the graph. No problems
// and no error mean that it is whole. A file too damaged to be opened gives its
// error from Open.
func (db *DB) Check(ctx context.Context) ([]Problem, error) {
	if err := db.hold(); err != nil {
		return nil, err
	}
	defer db.open.RUnlock()
	found, err := db.store.Check(ctx, func(done, total int64) { db.progress("check", done, total, "bytes") })
	if err != nil {
		return nil, err
	}
	problems := make([]Problem, 0, len(found))
	for _, p := range found {
		problems = append(problems, Problem{Bucket: p.Bucket, Key: p.Key, Text: p.Text})
	}
	err = db.store.View(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		for _, s := range m.Segments {
			if s.State != store.Live {
				continue
			}
			if _, err := index.CheckSegment(newChunkSource(tx, s.ID)); err != nil {
				problems = append(problems, Problem{Bucket: "postings", Key: fmt.Sprintf("segment %d", s.ID), Text: err.Error()})
			}
		}
		lex, err := newLexicon(db.enc, m, nil)
		if err == nil {
			lex.readers.add(tx)
			err = lex.hnsw.Verify()
		}
		if err != nil {
			problems = append(problems, Problem{Bucket: "graph", Text: err.Error()})
		}
		return nil
	})
	if err != nil && len(problems) == 0 {
		return nil, err
	}
	return problems, nil
}
