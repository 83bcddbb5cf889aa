package ciyuan

import (
	"fmt"
	"slices"

	"github.com/ciyuan-search/ciyuan/store"
)

// vectorCopy is what compaction knows of token vectors.
type vectorCopy struct {
	meta   *store.VectorMeta // of the old index; nil: there are none
	reader *store.VectorReader
	codes  []uint32 // old leader -> new leader + 1, 0 for none
	buf    []uint32
	spans  []store.TokenSpan
}

// hasOwnVectors reports whether token vectors belong to the words as they were cut when
// they were added, and cannot be made again.
func (c *compaction) hasOwnVectors() bool {
	return c.vectors.meta != nil && c.db.contextual == nil
}

// copyLeaders stores the leaders that are in use, in their order. The graph over them is
// built when all is copied.
func (c *compaction) copyLeaders(tx *store.Tx) error {
	old := c.vectors.meta
	if old == nil {
		return nil
	}
	c.vectors.reader = tx.VectorReader()
	c.vectors.codes = make([]uint32, old.NextLeader)
	used := make([]bool, old.NextLeader)
	note := func(id store.PassageID, record []byte) error {
		codes, err := c.leadersOf(id, record)
		if err != nil {
			return err
		}
		for _, code := range codes {
			used[code] = true
		}
		return nil
	}
	for b, err := range tx.VectorBlocks(0) {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil {
			return err
		}
		for p := range b.All() {
			if err := note(p.ID, p.Record); err != nil {
				return err
			}
		}
	}
	for p, err := range tx.PendingVectors(0) {
		if err != nil {
			return err
		}
		if err := note(p.ID, p.Record); err != nil {
			return err
		}
	}
	m := *old
	m.NextLeader, m.Rows, m.GraphNodes, m.GraphHeader = 0, 0, 0, nil
	per := uint32(store.LeadersPerBlock(int(m.LeaderBytes)))
	size := int(m.LeaderBytes)
	for block, done := uint32(0), false; !done; {
		err := c.to.update(func(to *store.Tx) error {
			var rows, states []byte
			for ; block*per < old.NextLeader && len(rows) < runBytes; block++ {
				b, err := tx.LeaderBlock(old, block)
				if err != nil {
					return err
				}
				for i, state := range b.States {
					if code := block*per + uint32(i); used[code] {
						c.vectors.codes[code] = m.NextLeader + uint32(len(states)) + 1
						rows, states = append(rows, b.Rows[i*size:(i+1)*size]...), append(states, state)
					}
				}
			}
			if err := to.AddLeaders(&m, rows, states); err != nil {
				return err
			}
			return to.SetVectorMeta(&m)
		})
		if err != nil {
			return err
		}
		done = block*per >= old.NextLeader
	}
	return nil
}

// leadersOf returns the leaders that a vector record names.
func (c *compaction) leadersOf(id store.PassageID, record []byte) ([]uint32, error) {
	v, err := store.DecodeVectors(record, int(c.vectors.meta.RowBytes))
	if err != nil {
		return nil, fmt.Errorf("token vectors of passage %d: %w", id, err)
	}
	c.vectors.buf = v.AppendCodes(c.vectors.buf[:0])
	if n := c.vectors.meta.NextLeader; len(c.vectors.buf) > 0 && slices.Max(c.vectors.buf) >= n {
		return nil, fmt.Errorf("%w: passage %d has leader %d, there are %d", ErrCorrupt, id, slices.Max(c.vectors.buf), n)
	}
	return c.vectors.buf, nil
}

// copyVectors adds the token vectors of a passage to the one that was added to the run
// last, their leaders translated.
func (c *compaction) copyVectors(w *writer, id store.PassageID) error {
	if c.vectors.meta == nil {
		return nil
	}
	record, err := c.vectors.reader.Record(id)
	if err != nil || record == nil {
		return err
	}
	codes, err := c.leadersOf(id, record)
	if err != nil {
		return err
	}
	v, err := store.DecodeVectors(record, int(c.vectors.meta.RowBytes))
	if err != nil {
		return err
	}
	for i, code := range codes {
		codes[i] = c.vectors.codes[code] - 1
	}
	spans, has := v.AppendSpans(c.vectors.spans[:0])
	c.vectors.spans = spans
	if !has {
		spans = nil
	}
	from := len(w.run.vectorRecords)
	w.run.vectorRecords = store.AppendVectors(w.run.vectorRecords, codes, spans, v.Rows)
	w.run.passages[len(w.run.passages)-1].vectors = Span{from, len(w.run.vectorRecords)}
	w.run.rows += v.Len()
	return nil
}
