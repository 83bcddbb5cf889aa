package ciyuan

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const (
	// vectorRunBytes is how much of token vectors a transaction adds.
	vectorRunBytes = 16 << 20

	// encodeBytes is how much text a contextual encoder is given at a time: some
	// seconds of work for a transformer, and what an interruption may cost.
	encodeBytes = 32 << 10

	// graphSave is how many leaders the graph may have taken in before it is stored
	// while a batch goes on.
	graphSave = 1 << 14

	// assignRows is how many vectors look for their leaders in one view of the file.
	assignRows = 16 * index.RoundVectors
)

// A vectorWriter gives token vectors their leaders and rows. It is kept from one change
// to the next, and used by whoever holds DB.writing.
type vectorWriter struct {
	db       *DB
	meta     *store.VectorMeta // as the next commit will leave it, but for the rows
	identity store.Identity
	book     index.CodeBook
	z        *index.Quantiser
	coder    *index.RowCoder
	readers  *readers
	states   map[uint32][]byte // of leaders, by block
	known    uint32            // leaders in the file
	stored   uint32            // leaders in the graph in the file
	changed  bool              // more is assigned than committed

	rotated, floats []float32
	codes           []uint32
	rows            []byte
}

// vectors returns the writer of token vectors for the state of tx, making the settings
// if there are none yet and dim is not 0.
func (db *DB) vectorsFor(tx *store.Tx, dim int) (*vectorWriter, error) {
	m, err := tx.VectorMeta()
	if err != nil {
		return nil, err
	}
	if m == nil {
		if dim == 0 {
			return nil, nil
		}
		if m, err = db.newVectorMeta(dim); err != nil {
			return nil, err
		}
	}
	identity := tx.Identity()
	w := db.vectorWriter
	if w != nil && !w.changed && w.identity == identity && w.known == m.NextLeader && w.stored == m.GraphNodes {
		w.meta = m
		clear(w.states)
		return w, nil
	}
	w = &vectorWriter{db: db, meta: m, identity: identity, readers: new(readers), states: map[uint32][]byte{}, known: m.NextLeader, stored: m.GraphNodes}
	if w.z, err = quantiserOf(m); err != nil {
		return nil, err
	}
	w.coder = w.z.NewRowCoder()
	w.book.Leaders = newLeaders(w.z, m, w.readers)
	if w.book.Graph, err = openLeaderGraph(m, w.readers); err != nil {
		return nil, err
	}
	w.book.State = w.state
	db.vectorWriter = w
	return w, nil
}

// drop forgets what was assigned and not committed.
func (w *vectorWriter) drop() {
	if w.changed {
		w.book.Leaders.Truncate(w.known)
		w.db.vectorWriter = nil
	}
}

// state returns the state of a leader.
func (w *vectorWriter) state(code uint32) (byte, error) {
	if code >= w.known {
		return 0, nil
	}
	per := uint32(store.LeadersPerBlock(int(w.meta.LeaderBytes)))
	block, ok := w.states[code/per]
	if !ok {
		err := w.readers.read(func(tx *store.Tx) error {
			b, err := tx.LeaderBlock(w.meta, code/per)
			block = slices.Clone(b.States)
			return err
		})
		if err != nil {
			return 0, err
		}
		w.states[code/per] = block
	}
	if at := code % per; int(at) < len(block) {
		return block[at], nil
	}
	return 0, nil
}

// assign gives n unit rows their leaders, which are then in w.codes, rotated in
// w.rotated.
func (w *vectorWriter) assign(ctx context.Context, rows []float32) error {
	n := len(rows) / w.z.Dim()
	w.changed = true
	w.rotated = w.z.Rotate(w.rotated, rows)
	w.codes = slices.Grow(w.codes[:0], n)[:n]
	for from := 0; from < n; from += assignRows {
		to := min(n, from+assignRows)
		err := w.db.view(func(tx *store.Tx) error {
			w.readers.add(tx)
			defer w.readers.remove(tx)
			return w.book.Assign(ctx, w.rotated[from*w.z.Padded():to*w.z.Padded()], w.codes[from:to], w.db.workers())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// appendRecord appends the vector record of rows [from, to) of what was assigned.
func (w *vectorWriter) appendRecord(dst []byte, from, to int, spans []store.TokenSpan) ([]byte, error) {
	w.rows = w.rows[:0]
	for i := from; i < to; i++ {
		var leader []byte
		if w.z.HasLeader() {
			if leader = w.book.Leaders.Row(w.codes[i]); leader == nil {
				return dst, w.book.Leaders.Err()
			}
		}
		w.rows = w.coder.EncodeRotated(w.rows, w.rotated[i*w.z.Padded():][:w.z.Padded()], leader)
	}
	return store.AppendVectors(dst, w.codes[from:to], spans, w.rows), nil
}

// putLeaders stores the new leaders, before the passages that have them.
func (w *vectorWriter) putLeaders(tx *store.Tx) error {
	m, err := tx.VectorMeta()
	if err != nil {
		return err
	}
	if m == nil {
		if m = w.meta; m.NextLeader != 0 {
			return fmt.Errorf("ciyuan: the token vectors went away while they were being added")
		}
	}
	if m.NextLeader != w.known {
		return fmt.Errorf("ciyuan: the index changed while it was being written: leader %d, wanted %d", m.NextLeader, w.known)
	}
	if end := uint32(w.book.Leaders.Len()); end > w.known {
		rows := make([]byte, 0, int(end-w.known)*w.z.LeaderBytes())
		for code := w.known; code < end; code++ {
			rows = append(rows, w.book.Leaders.Row(code)...)
		}
		if err := tx.AddLeaders(m, rows, make([]byte, end-w.known)); err != nil {
			return err
		}
	}
	return tx.SetVectorMeta(m)
}

// finish counts the rows that the transaction has added, and stores the graph if enough
// is new in it.
func (w *vectorWriter) finish(tx *store.Tx, added int) error {
	m, err := tx.VectorMeta()
	if err != nil {
		return err
	}
	m.Rows += uint64(added)
	if uint32(w.book.Graph.Len())-w.stored >= graphSave {
		if err := w.putGraph(tx, m); err != nil {
			return err
		}
	}
	w.meta = m
	return tx.SetVectorMeta(m)
}

// putGraph stores what is new in the graph.
func (w *vectorWriter) putGraph(tx *store.Tx, m *store.VectorMeta) error {
	for n, block := range w.book.Graph.Dirty() {
		if err := tx.PutVGraphBlock(n, block); err != nil {
			return err
		}
	}
	m.GraphNodes, m.GraphHeader = uint32(w.book.Graph.Len()), w.book.Graph.Header()
	return nil
}

// committed notes that what a transaction has written is in the file.
func (w *vectorWriter) committed() {
	w.known = w.meta.NextLeader
	clear(w.states) // they are part of what is written with a segment
	if w.stored != w.meta.GraphNodes {
		w.stored = w.meta.GraphNodes
		w.book.Graph.Clean()
	}
	w.changed = uint32(w.book.Leaders.Len()) > w.known
}

// saveGraph stores the graph as far as leaders were taken in.
func (w *vectorWriter) saveGraph() error {
	if uint32(w.book.Graph.Len()) == w.stored {
		return nil
	}
	err := w.db.update(func(tx *store.Tx) error {
		m, err := tx.VectorMeta()
		if err != nil {
			return err
		}
		if err := w.putGraph(tx, m); err != nil {
			return err
		}
		w.meta = m
		return tx.SetVectorMeta(m)
	})
	if err == nil {
		w.committed()
	}
	return err
}

// checkVectors is called for each document with token vectors of its own before it is
// taken in.
func (w *writer) checkVectors(doc *Document) error {
	if w.db.contextual != nil {
		return fmt.Errorf("%w: document %q: this index has the token vectors of %s", ErrOption, doc.ID, w.db.contextual.Name())
	}
	if doc.Body != nil {
		return fmt.Errorf("%w: document %q: with token vectors, the text must be in Text", ErrOption, doc.ID)
	}
	if err := doc.Vectors.check(doc); err != nil {
		return err
	}
	if err := w.useVectors(doc.Vectors.Dim); err != nil {
		return err
	}
	if dim := int(w.vec.meta.Dim); doc.Vectors.Dim != dim {
		return fmt.Errorf("%w: document %q: vectors of %d columns, the index has %d", ErrDimension, doc.ID, doc.Vectors.Dim, dim)
	}
	return nil
}

// useVectors makes w.vec the writer of token vectors, if there are any, or dim says
// that there will be.
func (w *writer) useVectors(dim int) error {
	if w.vec != nil {
		return nil
	}
	return w.db.view(func(tx *store.Tx) (err error) {
		w.vec, err = w.db.vectorsFor(tx, dim)
		return err
	})
}

// normalized returns the rows of a document's own vectors, of length 1.
func normalized(doc *Document) ([]float32, error) {
	rows := slices.Clone(doc.Vectors.Vectors)
	if row, err := index.Normalize(rows, doc.Vectors.Dim); err != nil {
		return nil, fmt.Errorf("%w: document %q, row %d: %w", ErrVector, doc.ID, row, err)
	}
	return rows, nil
}

// passageRows are the token vectors of a passage of the run that are not stored yet.
type passageRows struct {
	passage int // index in run.passages
	rows    []float32
	spans   []store.TokenSpan
}

// keep gives passages their leaders and enters their records in the run.
func (w *writer) keep(list []passageRows) error {
	var all []float32
	if len(list) == 1 {
		all = list[0].rows
	} else {
		total := 0
		for _, p := range list {
			total += len(p.rows)
		}
		all = slices.Grow(w.vec.floats[:0], total)
		for _, p := range list {
			all = append(all, p.rows...)
		}
		w.vec.floats = all
	}
	if err := w.vec.assign(w.ctx, all); err != nil {
		return err
	}
	at := 0
	for _, p := range list {
		n := len(p.rows) / w.vec.z.Dim()
		if n == 0 {
			continue
		}
		from := len(w.run.vectorRecords)
		var err error
		if w.run.vectorRecords, err = w.vec.appendRecord(w.run.vectorRecords, at, at+n, p.spans); err != nil {
			return err
		}
		w.run.passages[p.passage].vectors = Span{from, len(w.run.vectorRecords)}
		w.run.rows += n
		at += n
	}
	return nil
}

// broughtRows returns the vectors that a document came with, for a passage of the run.
func broughtRows(doc *Document, passage int) (passageRows, error) {
	rows, err := normalized(doc)
	p := passageRows{passage: passage, rows: rows}
	if doc.Vectors.Spans != nil {
		p.spans = make([]store.TokenSpan, len(doc.Vectors.Spans))
		for i, s := range doc.Vectors.Spans {
			if s.End > s.Start {
				p.spans[i] = store.TokenSpan{Start: uint32(s.Start), Length: uint32(s.End - s.Start)}
			}
		}
	}
	return p, err
}

// An encodeInput is a passage for the contextual encoder: the title, if there is one,
// a line end, and the text.
type encodeInput struct {
	passage int
	text    string
	title   int // bytes in front of the passage's text
	words   []encoder.Span
}

// queue adds a passage that is to be encoded. toks are its tokens, in a text in which it
// begins at byte start.
func (w *writer) queue(passage int, title string, titleToks []tokenizer.Token, text string, toks []tokenizer.Token, start int) {
	in := encodeInput{passage: passage, text: text}
	if title != "" {
		in.text, in.title = title+"\n"+text, len(title)+1
	}
	if w.db.unit == UnitWord {
		in.words = appendWordSpans(in.words, titleToks, 0)
		in.words = appendWordSpans(in.words, toks, in.title-start)
	}
	w.inputs = append(w.inputs, in)
}

// appendWordSpans appends the spans of words, moved by so many bytes.
func appendWordSpans(dst []encoder.Span, toks []tokenizer.Token, by int) []encoder.Span {
	for i := range toks {
		if t := &toks[i]; t.Primary() && t.Kind.Counts() {
			dst = append(dst, encoder.Span{Start: t.Start + by, End: t.End + by})
		}
	}
	return dst
}

// encode gives the passages that wait for it their vectors.
func (w *writer) encode() error {
	for len(w.inputs) > 0 {
		n, bytes := 0, 0
		for n < len(w.inputs) && (n == 0 || bytes+len(w.inputs[n].text) <= encodeBytes) {
			bytes += len(w.inputs[n].text)
			n++
		}
		part := w.inputs[:n]
		texts := make([]string, n)
		var words [][]encoder.Span
		for i, in := range part {
			texts[i] = in.text
			if w.db.unit == UnitWord {
				words = append(words, in.words)
			}
		}
		encoded, err := w.db.contextual.EncodeTokens(w.ctx, texts, words, false)
		if err != nil {
			return fmt.Errorf("encoding with %s: %w", w.db.contextual.Name(), err)
		}
		list := make([]passageRows, n)
		for i, in := range part {
			if list[i], err = w.placed(in, &encoded[i]); err != nil {
				return err
			}
		}
		if err := w.keep(list); err != nil {
			return err
		}
		w.inputs = w.inputs[n:]
	}
	w.inputs = nil
	return nil
}

// placed returns the rows of a passage with their places in its text.
func (w *writer) placed(in encodeInput, v *encoder.TokenVectors) (passageRows, error) {
	dim := w.db.contextual.Dim()
	p := passageRows{passage: in.passage, rows: v.Vectors, spans: make([]store.TokenSpan, len(v.Spans))}
	if len(v.Vectors) != len(v.Spans)*dim {
		return p, fmt.Errorf("%w: %s gave %d numbers for %d tokens of %d columns", ErrDimension, w.db.contextual.Name(), len(v.Vectors), len(v.Spans), dim)
	}
	if row, err := index.Normalize(v.Vectors, dim); err != nil {
		return p, fmt.Errorf("%w: %s, token %d of a passage: %w", ErrVector, w.db.contextual.Name(), row, err)
	}
	for i, s := range v.Spans {
		if from := s.Start - in.title; from >= 0 && s.End > s.Start {
			p.spans[i] = store.TokenSpan{Start: uint32(from), Length: uint32(s.End - s.Start)}
		}
	}
	return p, nil
}

// addVectors takes in the token vectors of the passage that was added last.
func (b *segmentBuilder) addVectors(id store.PassageID, record []byte) error {
	if b.vectors == nil {
		m, err := b.tx.VectorMeta()
		if err != nil {
			return err
		}
		if m == nil {
			return fmt.Errorf("%w: passage %d has token vectors, the index none", ErrCorrupt, id)
		}
		leaders, leave, err := b.db.leadersOf(b.tx, m)
		if err != nil {
			return err
		}
		b.steps, b.leave = leaderSteps{near: index.NewNear(leaders), rowBytes: int(m.RowBytes)}, leave
		b.vectors, b.leaders = b.tx.VectorWriter(), index.NewSegmentWriter()
	}
	err := b.steps.each(store.Passage{ID: id, Record: record}, func(code, tf uint32) {
		b.leaders.Add(uint32(id-b.base), code, tf)
		if int(code) >= len(b.counts) {
			b.counts = append(b.counts, make([]uint32, int(code)+1-len(b.counts))...)
		}
		b.counts[code]++
	})
	if err != nil {
		return err
	}
	return b.vectors.Add(id, record)
}

// leaderSteps finds what the postings of leaders say of passages. It is for one goroutine.
type leaderSteps struct {
	near     *index.Near
	rowBytes int
	codes    []uint32
	rows     []uint64
}

// each calls fn with each leader that a passage has, ascending, and the tf of its
// posting.
func (s *leaderSteps) each(p store.Passage, fn func(code, tf uint32)) error {
	v, err := store.DecodeVectors(p.Record, s.rowBytes)
	if err != nil {
		return fmt.Errorf("token vectors of passage %d: %w", p.ID, err)
	}
	s.codes = v.AppendCodes(s.codes[:0])
	// By leader, the nearest row first.
	s.rows = s.rows[:0]
	for i, code := range s.codes {
		step, err := s.near.Step(v.Rows[i*s.rowBytes:][:s.rowBytes], code)
		if err != nil {
			return fmt.Errorf("token vectors of passage %d: %w", p.ID, err)
		}
		s.rows = append(s.rows, uint64(code)<<32|uint64(index.NearSteps-1-step))
	}
	slices.Sort(s.rows)
	for i, row := range s.rows {
		if code := uint32(row >> 32); i == 0 || code != uint32(s.rows[i-1]>>32) {
			fn(code, index.NearTF(index.NearSteps-1-int(uint32(row))))
		}
	}
	return nil
}

// leadersOf returns the leaders that tx has, to be read until leave is called. They are
// those of the writer where it has them, so that they are in memory once.
func (db *DB) leadersOf(tx *store.Tx, m *store.VectorMeta) (leaders *index.Leaders, leave func(), err error) {
	if w := db.vectorWriter; w != nil && w.identity == tx.Identity() && w.book.Leaders.Len() >= int(m.NextLeader) {
		w.readers.add(tx)
		return w.book.Leaders, func() { w.readers.remove(tx) }, nil
	}
	z, err := quantiserOf(m)
	if err != nil {
		return nil, nil, err
	}
	r := new(readers)
	r.add(tx)
	return newLeaders(z, m, r), func() { r.remove(tx) }, nil
}

// newLeaders returns the leaders of m in memory, read through r as they are needed.
func newLeaders(z *index.Quantiser, m *store.VectorMeta, r *readers) *index.Leaders {
	return index.NewLeaders(z, m.NextLeader, uint32(store.LeadersPerBlock(int(m.LeaderBytes))), leaderBlocks{r, m, false})
}

// finishVectors writes what the segment has of token vectors. m is as it was before the
// segment.
func (b *segmentBuilder) finishVectors(m *store.Meta, span uint32) error {
	if b.vectors == nil {
		return nil
	}
	if err := b.vectors.Flush(); err != nil {
		return err
	}
	for c := range b.leaders.Chunks(span) {
		if err := b.tx.PutVChunk(store.ChunkKey{Segment: m.NextSegment, Code: store.Code(c.Code), Ordinal: c.Ordinal}, c.Data); err != nil {
			return err
		}
	}
	return b.narrow(m)
}

const (
	// longPostings is the number of passages from which on a leader takes only vectors
	// that are nearer to it; the number doubles for each further step.
	longPostings = 4096

	// longShare is the part of it that a segment must have for the others to be asked.
	longShare = 16
)

// narrow gives the leaders of this segment with long postings the state that makes them
// take less.
func (b *segmentBuilder) narrow(m *store.Meta) error {
	var codes []uint32
	var states []byte
	var readers []*index.SegmentReader
	for code, n := range b.counts {
		if n < longPostings/longShare {
			continue
		}
		if readers == nil {
			for _, s := range m.Segments {
				if s.State == store.Live {
					readers = append(readers, index.NewSegmentReader(vectorChunks(b.tx, s.ID)))
				}
			}
		}
		for _, r := range readers {
			list, err := r.Postings(uint32(code))
			if err != nil {
				return err
			}
			n += list.DF()
		}
		if state := min(bits.Len32(n/longPostings), index.MaxLeaderState); state > 0 {
			codes, states = append(codes, uint32(code)), append(states, byte(state))
		}
	}
	if len(codes) == 0 {
		return nil
	}
	vm, err := b.tx.VectorMeta()
	if err != nil {
		return err
	}
	return b.tx.SetLeaderStates(vm, codes, states)
}

// foldTokens moves the token vectors of pending passages into the segment that b makes.
func foldTokens(tx *store.Tx, b *segmentBuilder) error {
	var done []store.PassageID
	for p, err := range tx.PendingVectors(b.base) {
		if err != nil {
			return err
		}
		if err := b.addVectors(p.ID, p.Record); err != nil {
			return err
		}
		done = append(done, p.ID)
	}
	for _, id := range done {
		if err := tx.DeletePendingVectors(id); err != nil {
			return err
		}
	}
	return nil
}

// deleteVectors takes the token vectors of n passages out, those below folded from their
// blocks.
func deleteVectors(tx *store.Tx, first store.PassageID, n uint32, folded store.PassageID) error {
	m, err := tx.VectorMeta()
	if err != nil || m == nil {
		return err
	}
	rows := uint64(0)
	reader := tx.VectorReader()
	for i := range n {
		record, err := reader.Record(first + store.PassageID(i))
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		v, err := store.DecodeVectors(record, int(m.RowBytes))
		if err != nil {
			return err
		}
		rows += uint64(v.Len())
		if p := first + store.PassageID(i); p >= folded {
			if err := tx.DeletePendingVectors(p); err != nil {
				return err
			}
		}
	}
	if rows == 0 {
		return nil
	}
	if first < folded {
		if err := tx.DeleteFoldedVectors(first, uint32(min(uint64(n), uint64(folded-first)))); err != nil {
			return err
		}
	}
	if rows > m.Rows {
		return fmt.Errorf("%w: %d token vectors, %d are to be deleted", ErrCorrupt, m.Rows, rows)
	}
	m.Rows -= rows
	return tx.SetVectorMeta(m)
}

// extendLeaders stores the graph over leaders as far as it has got.
func (db *DB) extendLeaders(ctx context.Context) error {
	var w *vectorWriter
	err := db.view(func(tx *store.Tx) (err error) {
		w, err = db.vectorsFor(tx, 0)
		return err
	})
	if err != nil || w == nil {
		return err
	}
	if w.book.Outside() >= index.BookStep {
		w.changed = true
		err := db.view(func(tx *store.Tx) error {
			w.readers.add(tx)
			defer w.readers.remove(tx)
			return w.book.Extend(ctx, db.workers())
		})
		if err != nil {
			return err
		}
	}
	return w.saveGraph()
}
