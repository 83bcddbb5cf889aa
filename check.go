package ciyuan

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
			for bucket, source := range map[store.Bucket]chunkSource{store.Postings: newChunkSource(tx, s.ID), store.VPostings: vectorChunks(tx, s.ID)} {
				if _, err := index.CheckSegment(source); err != nil {
					problems = append(problems, Problem{Bucket: bucket.String(), Key: fmt.Sprintf("segment %d", s.ID), Text: err.Error()})
				}
			}
		}
		if err := db.checkLeaders(ctx, tx, m); err != nil {
			problems = append(problems, Problem{Bucket: store.VGraph.String(), Text: err.Error()})
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

// checkLeaders returns what is wrong with the graph over leaders, and with the postings
// of the token vectors.
func (db *DB) checkLeaders(ctx context.Context, tx *store.Tx, m *store.Meta) error {
	vm, err := tx.VectorMeta()
	if err != nil || vm == nil {
		return err
	}
	book, err := newCodebook(tx, vm, nil, nil)
	if err != nil {
		return err
	}
	defer book.enter(tx)()
	if err := book.graph.Verify(); err != nil {
		return err
	}
	reader := tx.VectorReader()
	steps := leaderSteps{near: index.NewNear(book.leaders), rowBytes: int(vm.RowBytes)}
	type posting struct{ ordinal, tf uint32 }
	for _, seg := range m.Segments {
		if seg.State != store.Live {
			continue
		}
		// What the records of the segment say, by leader.
		passages := map[uint32][]posting{}
		for ordinal := range seg.Span {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := seg.Base + store.PassageID(ordinal)
			record, err := reader.Record(p)
			if err != nil {
				return err
			}
			if record == nil {
				continue
			}
			err = steps.each(store.Passage{ID: p, Record: record}, func(code, tf uint32) {
				passages[code] = append(passages[code], posting{ordinal, tf})
			})
			if err != nil {
				return err
			}
		}
		postings := index.NewSegmentReader(vectorChunks(tx, seg.ID))
		dead := newTombs(tx)
		for _, code := range slices.Sorted(maps.Keys(passages)) {
			list, err := postings.Postings(code)
			if err != nil {
				return err
			}
			want := passages[code]
			same := true
			var ordinals, tfs [index.PostingsBatch]uint32
			for n := list.Next(ordinals[:], tfs[:]); n > 0; n = list.Next(ordinals[:], tfs[:]) {
				for i, o := range ordinals[:n] {
					if dead.dead(seg.Base + store.PassageID(o)) {
						continue
					}
					// A tf of 1 is also that of an index from before there were steps.
					if len(want) == 0 || want[0].ordinal != o || want[0].tf != tfs[i] && tfs[i] != 1 {
						same = false
						break
					}
					want = want[1:]
				}
			}
			if err := list.Err(); err != nil {
				return err
			}
			if !same || len(want) > 0 {
				return fmt.Errorf("%w: bucket %s, segment %d: the postings of leader %d are not those of the passages", ErrCorrupt, store.VPostings, seg.ID, code)
			}
		}
	}
	return nil
}
