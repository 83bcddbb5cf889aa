package ciyuan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// optionIncomplete names, in Meta.Options, the document of which some passages
// are written and others are not.
const optionIncomplete = "incomplete"

// optionDeleted is set in Meta.Options once a document has been deleted or
// replaced since the index was made or compacted.
const optionDeleted = "deleted"

// commit writes the run in one transaction.
func (w *writer) commit() error {
	r := &w.run
	if len(r.docs) == 0 && len(r.sources) == 0 {
		w.result.Unchanged += r.result.Unchanged
		r.result.Unchanged = 0
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	asSegment := len(r.passages) >= foldPassages || len(r.vectorRecords) >= vectorRunBytes/4
	if asSegment && w.pend > 0 {
		if err := w.db.fold(w.ctx); err != nil {
			return err
		}
	}
	var done BatchResult
	err := w.db.update(func(tx *store.Tx) error {
		done = r.result
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		if m.NextPassage != r.first || m.NextCode != r.code {
			return fmt.Errorf("ciyuan: the index changed while it was being written: passage %d, code %d", m.NextPassage, m.NextCode)
		}
		m.NextPassage += store.PassageID(len(r.passages))
		if err := putWords(tx, m, r.words, r.vectors); err != nil {
			return err
		}
		for i := range r.docs {
			if err := putDoc(tx, m, &r.docs[i], &done); err != nil {
				return fmt.Errorf("adding document %q: %w", r.docs[i].doc.External, err)
			}
		}
		for _, s := range r.sources {
			if err := tx.PutSource(s.External, s.Source); err != nil {
				return err
			}
		}
		for i := range r.passages {
			p := &r.passages[i]
			if err := tx.PutText(r.first+store.PassageID(i), p.text); err != nil {
				return err
			}
		}
		if w.vec != nil {
			if err := w.vec.putLeaders(tx); err != nil {
				return err
			}
		}
		if asSegment {
			err = w.putSegment(tx, m)
		} else {
			err = w.putPending(tx)
		}
		if err != nil {
			return err
		}
		if err := tx.SetMeta(m); err != nil {
			return err
		}
		w.pend = pendingSpan(m)
		if w.vec != nil {
			return w.vec.finish(tx, r.rows)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.vec != nil {
		w.vec.committed()
	}
	w.result.add(&done)
	w.startRun()
	return nil
}

func (b *BatchResult) add(o *BatchResult) {
	b.Added += o.Added
	b.Updated += o.Updated
	b.Unchanged += o.Unchanged
	b.Passages += o.Passages
	b.Words += o.Words
	b.Bytes += o.Bytes
}

// putDoc stores a document and takes the one that it replaces away.
func putDoc(tx *store.Tx, m *store.Meta, d *runDoc, done *BatchResult) error {
	var before store.Doc
	if d.resumed {
		old, err := tx.Doc(d.id)
		if err != nil {
			return err
		}
		before = *old
	} else {
		m.LiveDocs++
	}
	m.LivePassages += uint64(d.doc.Passages - before.Passages)
	m.LiveWords += d.doc.Words - before.Words
	d.doc.Incomplete = d.partial
	d.doc.Tokenizer = m.TokenizerVersion
	if err := tx.PutDoc(d.id, &d.doc); err != nil {
		return err
	}
	if d.partial {
		setOption(m, optionIncomplete, strconv.FormatUint(uint64(d.id), 10))
		return nil
	}
	if d.resumed {
		setOption(m, optionIncomplete, "")
	}
	old, ok, err := tx.Source(d.doc.External)
	if err != nil {
		return err
	}
	if ok {
		if err := deleteDoc(tx, m, old.Doc); err != nil {
			return err
		}
		done.Updated++
	} else {
		done.Added++
	}
	done.Passages += int(d.doc.Passages)
	done.Words += int(d.doc.Words)
	done.Bytes += int64(d.doc.TextBytes)
	return tx.PutSource(d.doc.External, d.source)
}

// putWords gives new words their codes and stores what the encoder has for
// them.
func putWords(tx *store.Tx, m *store.Meta, words []string, vectors []wordVector) error {
	if len(words) == 0 {
		return nil
	}
	first := m.NextCode
	if err := tx.AddWords(m, words); err != nil {
		return err
	}
	refs := make([]store.Ref, len(vectors))
	for i := range vectors {
		refs[i] = vectors[i].ref()
	}
	return tx.AddRefs(first, refs)
}

func (w *writer) putPending(tx *store.Tx) error {
	for i, p := range w.run.passages {
		id := w.run.first + store.PassageID(i)
		if err := tx.PutPending(id, w.run.records[p.record.Start:p.record.End]); err != nil {
			return err
		}
		if p.vectors.End > p.vectors.Start {
			if err := tx.PutPendingVectors(id, w.run.vectorRecords[p.vectors.Start:p.vectors.End]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) putSegment(tx *store.Tx, m *store.Meta) error {
	b := newSegmentBuilder(w.db, tx, w.run.first)
	defer b.close()
	for i, p := range w.run.passages {
		id := w.run.first + store.PassageID(i)
		if err := b.add(id, w.run.records[p.record.Start:p.record.End]); err != nil {
			return err
		}
		if p.vectors.End > p.vectors.Start {
			if err := b.addVectors(id, w.run.vectorRecords[p.vectors.Start:p.vectors.End]); err != nil {
				return err
			}
		}
	}
	return b.finish(m, uint32(len(w.run.passages)))
}

// A segmentBuilder writes the folded form of a range of passages.
type segmentBuilder struct {
	db      *DB
	tx      *store.Tx
	base    store.PassageID
	forward *store.ForwardWriter
	lists   *index.SegmentWriter
	lengths store.Lengths
	live    uint32
	codes   []uint32

	vectors *store.ForwardWriter // nil as long as no passage has token vectors
	leaders *index.SegmentWriter
	steps   leaderSteps
	leave   func()   // the leaders
	counts  []uint32 // passages, by leader
}

func newSegmentBuilder(db *DB, tx *store.Tx, base store.PassageID) *segmentBuilder {
	return &segmentBuilder{db: db, tx: tx, base: base, forward: tx.ForwardWriter(), lists: index.NewSegmentWriter()}
}

// close lets go of the leaders.
func (b *segmentBuilder) close() {
	if b.leave != nil {
		b.leave()
	}
}

// add takes in a passage; ids ascend, and ids left out are dead.
func (b *segmentBuilder) add(id store.PassageID, record []byte) error {
	ordinal := uint32(id - b.base)
	codes, words, err := store.AppendCodes(b.codes[:0], record)
	if err != nil {
		return fmt.Errorf("passage %d: %w", id, err)
	}
	b.codes = codes
	for _, code := range codes {
		b.lists.Add(ordinal, code, 1)
	}
	b.pad(ordinal)
	b.lengths = store.AppendLength(b.lengths, words)
	b.live++
	return b.forward.Add(id, record)
}

// pad gives the passages before ordinal that are dead a length.
func (b *segmentBuilder) pad(ordinal uint32) {
	for uint32(b.lengths.Len()) < ordinal {
		b.lengths = store.AppendLength(b.lengths, 0)
	}
}

// finish writes the segment and enters it in m.
func (b *segmentBuilder) finish(m *store.Meta, span uint32) error {
	if err := b.forward.Flush(); err != nil {
		return err
	}
	if err := b.finishVectors(m, span); err != nil {
		return err
	}
	seg := store.Segment{ID: m.NextSegment, State: store.Live, Class: sizeClass(span), Base: b.base, Span: span, Live: b.live}
	m.NextSegment++
	b.pad(span)
	if err := putLengths(b.tx, seg.ID, b.lengths); err != nil {
		return err
	}
	for c := range b.lists.Chunks(span) {
		if err := b.tx.PutChunk(store.ChunkKey{Segment: seg.ID, Code: store.Code(c.Code), Ordinal: c.Ordinal}, c.Data); err != nil {
			return err
		}
	}
	m.Segments = append(m.Segments, seg)
	return nil
}

// putLengths stores the word counts of a segment.
func putLengths(tx *store.Tx, segment uint32, lengths store.Lengths) error {
	const blockBytes = 2 * store.LengthsPerBlock
	for block := uint32(0); len(lengths) > 0; block++ {
		n := min(len(lengths), blockBytes)
		if err := tx.PutLengths(segment, block, lengths[:n:n]); err != nil {
			return err
		}
		lengths = lengths[n:]
	}
	return nil
}

// deleteDoc takes a document out of the index: its record, its texts and
// records at once, its postings when its segment is merged. The caller deals
// with its external id and stores m.
func deleteDoc(tx *store.Tx, m *store.Meta, id store.DocID) error {
	d, err := tx.Doc(id)
	if err != nil {
		return err
	}
	first := store.PassageID(id)
	folded := foldedEnd(m)
	if err := deleteVectors(tx, first, d.Passages, folded); err != nil {
		return err
	}
	for i := range d.Passages {
		p := first + store.PassageID(i)
		if err := tx.DeleteText(p); err != nil {
			return err
		}
		if p >= folded {
			if err := tx.DeletePending(p); err != nil {
				return err
			}
		}
	}
	if first < folded {
		n := uint32(min(uint64(d.Passages), uint64(folded-first)))
		if err := tx.DeleteFolded(first, n); err != nil {
			return err
		}
		if err := tx.Bury(first, n); err != nil {
			return err
		}
		for i := range m.Segments {
			s := &m.Segments[i]
			from, to := max(first, s.Base), min(first+store.PassageID(n), s.Base+store.PassageID(s.Span))
			if from < to && s.State == store.Live {
				s.Live -= uint32(to - from)
			}
		}
	}
	setOption(m, optionDeleted, "yes")
	m.LiveDocs--
	m.LivePassages -= uint64(d.Passages)
	m.LiveWords -= d.Words
	return tx.DeleteDoc(id)
}

// Delete removes documents and returns how many there were; ids that are not
// there are passed over. All of it happens in one transaction, which is on the
// disk when Delete returns.
func (db *DB) Delete(ctx context.Context, ids ...string) (int, error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if db.opts.ReadOnly {
		return 0, ErrReadOnly
	}
	n := 0
	err := db.update(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		for _, id := range ids {
			s, ok, err := tx.Source(id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := deleteDoc(tx, m, s.Doc); err != nil {
				return fmt.Errorf("deleting document %q: %w", id, err)
			}
			if err := tx.DeleteSource(id); err != nil {
				return err
			}
			n++
		}
		return tx.SetMeta(m)
	})
	if err != nil {
		return 0, err
	}
	return n, db.tidy(ctx)
}

// dropIncomplete removes the document that a killed process, or a failed
// addition, has left incomplete.
func (db *DB) dropIncomplete() error {
	return db.update(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		return dropIncomplete(tx, m)
	})
}

func dropIncomplete(tx *store.Tx, m *store.Meta) error {
	s := option(m, optionIncomplete)
	if s == "" {
		return nil
	}
	id, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: option %s is %q", ErrCorrupt, optionIncomplete, s)
	}
	if err := deleteDoc(tx, m, store.DocID(id)); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	setOption(m, optionIncomplete, "")
	return tx.SetMeta(m)
}

// option returns a setting of the index, "" if it is not set.
func option(m *store.Meta, name string) string {
	for _, p := range m.Options {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// setOption sets an option; the empty value takes it away.
func setOption(m *store.Meta, name, value string) {
	i, found := slices.BinarySearchFunc(m.Options, name, func(p store.Pair, n string) int {
		switch {
		case p.Name < n:
			return -1
		case p.Name > n:
			return 1
		}
		return 0
	})
	switch {
	case found && value == "":
		m.Options = slices.Delete(m.Options, i, i+1)
	case found:
		m.Options[i].Value = value
	case value != "":
		m.Options = slices.Insert(m.Options, i, store.Pair{Name: name, Value: value})
	}
}
