package ciyuan

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
	"github.com/ciyuan-search/ciyuan/store"
)

const (
	// mergeWidth segments of one size become one. Four keeps the segments that
	// a search has to look into at a handful and writes a posting log4(n) times.
	mergeWidth = 4

	// mergeBytes is how much of a merged segment one transaction writes.
	mergeBytes = 8 << 20

	// graphStep is how many words are linked into the graph in a transaction.
	graphStep = 1 << 16
)

// foldedEnd returns the first passage that is in no segment.
func foldedEnd(m *store.Meta) store.PassageID {
	var end store.PassageID
	for _, s := range m.Segments {
		end = max(end, s.Base+store.PassageID(s.Span))
	}
	return end
}

// pendingSpan returns how many passages are pending at most.
func pendingSpan(m *store.Meta) uint32 { return uint32(m.NextPassage - foldedEnd(m)) }

// sizeClass returns the power of four, in units of foldPassages, that a span
// belongs to.
func sizeClass(span uint32) uint8 {
	return uint8(max(0, bits.Len32(span/foldPassages)-1) / 2)
}

// Fold moves pending passages into a segment and links new words into the
// graph. Searches find the same before and after; after it they are faster.
// AddBatch and Delete fold by themselves when enough is pending.
func (db *DB) Fold(ctx context.Context) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	if err := db.fold(ctx); err != nil {
		return err
	}
	return db.shape(ctx)
}

// tidy folds when it is time. The first batch is folded whatever its size, so
// that an index that is made once is in its final shape.
func (db *DB) tidy(ctx context.Context) error {
	var m *store.Meta
	most := uint32(foldPassages)
	err := db.view(func(tx *store.Tx) (err error) {
		if m, err = tx.Meta(); err != nil {
			return err
		}
		vectors, err := tx.VectorMeta()
		if vectors != nil {
			most = foldVectors
		}
		return err
	})
	if err != nil {
		return err
	}
	if n := pendingSpan(m); n >= most || n > 0 && len(m.Segments) == 0 {
		if err := db.fold(ctx); err != nil {
			return err
		}
	}
	return db.shape(ctx)
}

// shape merges segments and extends the graph as far as folding calls for.
func (db *DB) shape(ctx context.Context) error {
	if err := failpoint.At("fold"); err != nil {
		return err
	}
	for {
		more, err := db.merge(ctx)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if err := db.extendGraph(ctx); err != nil {
		return err
	}
	return db.extendLeaders(ctx)
}

// fold turns all pending passages into one segment.
func (db *DB) fold(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.update(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		base, span := foldedEnd(m), pendingSpan(m)
		if span == 0 {
			return nil
		}
		b := newSegmentBuilder(db, tx, base)
		defer b.close()
		var done []store.PassageID
		for p, err := range tx.Pending(base) {
			if err != nil {
				return err
			}
			if err := b.add(p.ID, p.Record); err != nil {
				return err
			}
			done = append(done, p.ID)
		}
		for _, id := range done {
			if err := tx.DeletePending(id); err != nil {
				return err
			}
		}
		if err := foldTokens(tx, b); err != nil {
			return err
		}
		if err := b.finish(m, span); err != nil {
			return err
		}
		return tx.SetMeta(m)
	})
}

// mergeable returns the range of segments to merge next: the first run of
// mergeWidth or more neighbours none of which is larger than the class that
// mergeWidth of them have.
func mergeable(segs []store.Segment) (from, to int, ok bool) {
	for class := uint8(0); class < 16; class++ {
		count := 0
		from := 0
		for i := 0; i <= len(segs); i++ {
			if i == len(segs) || segs[i].Class > class {
				if count >= mergeWidth {
					return from, i, true
				}
				count, from = 0, i+1
				continue
			}
			if segs[i].Class == class {
				count++
			}
		}
	}
	return 0, 0, false
}

// merge merges some segments if it is time to and reports whether it did.
func (db *DB) merge(ctx context.Context) (bool, error) {
	m, err := db.meta()
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(m.Segments, func(s store.Segment) bool { return s.State != store.Live }) {
		// A merge was cut short: what it left must be gone before the next.
		return true, db.purge(ctx)
	}
	from, to, ok := mergeable(m.Segments)
	if !ok {
		return false, nil
	}
	return true, db.mergeSegments(ctx, m.Segments[from:to])
}

// mergeSegments joins neighbouring segments into one, leaving tombstoned
// passages out. It goes over several transactions of bounded size: until the
// last of them the new segment is not searched, and a process that is killed
// leaves it for the next writer to remove.
func (db *DB) mergeSegments(ctx context.Context, old []store.Segment) error {
	last := old[len(old)-1]
	seg := store.Segment{State: store.Building, Base: old[0].Base, Span: uint32(last.Base-old[0].Base) + last.Span}
	seg.Class = sizeClass(seg.Span)
	merger, leaders := index.NewMerger(seg.Span), index.NewMerger(seg.Span)
	for first := true; !merger.Done() || !leaders.Done(); first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := db.update(func(tx *store.Tx) error {
			if first {
				m, err := tx.Meta()
				if err != nil {
					return err
				}
				seg.ID = m.NextSegment
				m.NextSegment++
				insertSegment(m, seg)
				if err := tx.SetMeta(m); err != nil {
					return err
				}
				if err := copyLengths(tx, seg, old); err != nil {
					return err
				}
			}
			if !merger.Done() {
				if err := mergeSome(tx, merger, seg, old, newChunkSource, tx.PutChunk); err != nil {
					return err
				}
			} else if err := mergeSome(tx, leaders, seg, old, vectorChunks, tx.PutVChunk); err != nil {
				return err
			}
			if !merger.Done() || !leaders.Done() {
				return nil
			}
			m, err := tx.Meta()
			if err != nil {
				return err
			}
			var live uint32
			for i := range m.Segments {
				s := &m.Segments[i]
				if s.ID == seg.ID {
					s.State = store.Live
				} else if s.Base >= seg.Base && s.Base < seg.Base+store.PassageID(seg.Span) {
					s.State = store.Dead
					live += s.Live
				}
			}
			for i := range m.Segments {
				if m.Segments[i].ID == seg.ID {
					m.Segments[i].Live = live
				}
			}
			if err := tx.Unbury(seg.Base, seg.Span); err != nil {
				return err
			}
			return tx.SetMeta(m)
		})
		if err == nil {
			err = failpoint.At("merge")
		}
		if err != nil {
			return fmt.Errorf("merging segments: %w", err)
		}
	}
	return db.purge(ctx)
}

// mergeSome writes some more of the postings of seg, which is made of old.
func mergeSome(tx *store.Tx, merger *index.Merger, seg store.Segment, old []store.Segment,
	source func(tx *store.Tx, segment uint32) chunkSource, put func(at store.ChunkKey, chunk []byte) error) error {
	inputs := make([]index.MergeInput, len(old))
	for i, s := range old {
		dead := newTombs(tx)
		inputs[i] = index.MergeInput{
			Source: source(tx, s.ID),
			Offset: uint32(s.Base - seg.Base),
			Dead:   func(ordinal uint32) bool { return dead.dead(s.Base + store.PassageID(ordinal)) },
		}
	}
	chunks, err := merger.Next(inputs, mergeBytes)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if err := put(store.ChunkKey{Segment: seg.ID, Code: store.Code(c.Code), Ordinal: c.Ordinal}, c.Data); err != nil {
			return err
		}
	}
	return nil
}

// insertSegment enters a segment behind those with the same or a smaller base.
func insertSegment(m *store.Meta, seg store.Segment) {
	at := 0
	for at < len(m.Segments) && m.Segments[at].Base <= seg.Base {
		at++
	}
	m.Segments = slices.Insert(m.Segments, at, seg)
}

// copyLengths gives seg the word counts of the segments that it is made of.
func copyLengths(tx *store.Tx, seg store.Segment, old []store.Segment) error {
	var all store.Lengths
	for _, s := range old {
		for uint32(all.Len()) < uint32(s.Base-seg.Base) {
			all = store.AppendLength(all, 0)
		}
		for block := uint32(0); ; block++ {
			l, err := tx.Lengths(s.ID, block)
			if err != nil {
				return err
			}
			if l.Len() == 0 {
				break
			}
			all = append(all, l...)
		}
	}
	return putLengths(tx, seg.ID, all)
}

// purge deletes segments that are not, or no longer, searched.
func (db *DB) purge(ctx context.Context) error {
	const step = 4096
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		again := false
		err := db.update(func(tx *store.Tx) error {
			m, err := tx.Meta()
			if err != nil {
				return err
			}
			kept := m.Segments[:0]
			left := step
			for _, s := range m.Segments {
				if s.State != store.Live && left > 0 {
					done, err := tx.DropSegment(s.ID, left)
					if err != nil {
						return err
					}
					if done {
						left /= 2
						continue
					}
					left, again = 0, true
				} else if s.State != store.Live {
					again = true
				}
				kept = append(kept, s)
			}
			m.Segments = kept
			return tx.SetMeta(m)
		})
		if err == nil {
			err = failpoint.At("purge")
		}
		if err != nil || !again {
			return err
		}
	}
}

// extendGraph links the words into the graph that are not in it yet, when there
// are too many to be compared one by one. Without their vectors it leaves them to the
// next change that has the encoder.
func (db *DB) extendGraph(ctx context.Context) error {
	if db.noEnc != nil {
		return nil
	}
	most := uint32(graphWords)
	if db.opts.GraphWords != 0 {
		most = uint32(max(0, db.opts.GraphWords))
	}
	for more := false; ; {
		err := db.update(func(tx *store.Tx) error {
			m, err := tx.Meta()
			if err != nil {
				return err
			}
			if left := uint32(m.NextCode) - m.GraphNodes; left == 0 || left <= most && !more {
				more = false
				return nil
			}
			to := min(uint32(m.NextCode), m.GraphNodes+graphStep)
			more = to < uint32(m.NextCode)
			db.progress("graph", int64(m.GraphNodes), int64(m.NextCode), "words")
			lex, err := newLexicon(db.enc, m, nil)
			if err != nil {
				return err
			}
			lex.readers.add(tx)
			g := lex.hnsw
			var space index.Space = lex
			if to-m.GraphNodes >= to/denseShare {
				if space, err = newBuildSpace(lex, to); err != nil {
					return err
				}
			}
			if err := g.Insert(ctx, space, to, db.workers()); err != nil {
				return err
			}
			if err := lex.failed(); err != nil {
				return err
			}
			for n, block := range g.Dirty() {
				if err := tx.PutGraphBlock(n, block); err != nil {
					return err
				}
			}
			m.GraphNodes, m.GraphHeader = to, g.Header()
			return tx.SetMeta(m)
		})
		if err == nil {
			err = failpoint.At("graph")
		}
		if err != nil {
			return fmt.Errorf("extending the graph: %w", err)
		}
		if !more {
			return nil
		}
	}
}
