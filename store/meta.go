package store

import (
	"encoding/binary"
	"fmt"
)

// metaKey is the key of Meta in bucket meta.
const metaKey = "index"

// A Pair is a name with a value.
type Pair struct{ Name, Value string }

// Meta holds the settings, counters and segments of an index. Tx.Meta reads it,
// Tx.SetMeta replaces it whole.
type Meta struct {
	// Encoder names what gives the words their vectors; empty for none. Its
	// fingerprint is a hash of everything that shapes the vectors, Dim their
	// number of dimensions.
	Encoder            string
	EncoderFingerprint string
	Dim                uint32

	// Tokenizer and its fingerprint (mode, dictionary, rules). The version is
	// raised when the fingerprint changes; Doc.Tokenizer has the one that cut
	// the document.
	Tokenizer            string
	TokenizerFingerprint string
	TokenizerVersion     uint32

	Options []Pair // settings of the index, names ascending and distinct

	NextPassage PassageID // ids below it have been given out
	NextCode    Code      // number of words
	NextSegment uint32    // segment ids below it have been given out

	LiveDocs     uint64 // records in bucket docs
	LivePassages uint64 // sum of Doc.Passages
	LiveWords    uint64 // sum of Doc.Words: for the average length

	Segments []Segment // ascending Base

	GraphNodes  uint32 // codes below it are in the graph or have no vector
	GraphHeader []byte // entry point and the like, the graph's own
}

// SegmentState says how far a segment has come.
type SegmentState uint8

// The states of a segment.
const (
	Building SegmentState = iota // being written, not searched
	Live                         // searched
	Dead                         // replaced, being deleted
)

// String returns the name of the state.
func (s SegmentState) String() string {
	switch s {
	case Building:
		return "building"
	case Live:
		return "live"
	case Dead:
		return "dead"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// A Segment is an immutable set of postings over a range of passages. The
// ordinal of a passage in it is its id minus Base.
type Segment struct {
	ID    uint32
	State SegmentState
	Class uint8     // size class, a power of four
	Base  PassageID // first passage
	Span  uint32    // number of ordinals
	Live  uint32    // passages in it that were not deleted
}

func (m *Meta) encode() []byte {
	var b []byte
	b = appendString(b, m.Encoder)
	b = appendString(b, m.EncoderFingerprint)
	b = binary.AppendUvarint(b, uint64(m.Dim))
	b = appendString(b, m.Tokenizer)
	b = appendString(b, m.TokenizerFingerprint)
	b = binary.AppendUvarint(b, uint64(m.TokenizerVersion))
	b = appendPairs(b, m.Options)
	for _, v := range []uint64{
		uint64(m.NextPassage), uint64(m.NextCode), uint64(m.NextSegment),
		m.LiveDocs, m.LivePassages, m.LiveWords, uint64(len(m.Segments)),
	} {
		b = binary.AppendUvarint(b, v)
	}
	for _, s := range m.Segments {
		b = binary.AppendUvarint(b, uint64(s.ID))
		b = append(b, byte(s.State), s.Class)
		b = binary.AppendUvarint(b, uint64(s.Base))
		b = binary.AppendUvarint(b, uint64(s.Span))
		b = binary.AppendUvarint(b, uint64(s.Live))
	}
	b = binary.AppendUvarint(b, uint64(m.GraphNodes))
	b = binary.AppendUvarint(b, uint64(len(m.GraphHeader)))
	return append(b, m.GraphHeader...)
}

func decodeMeta(value []byte) (*Meta, error) {
	r := reader{b: value}
	m := &Meta{
		Encoder:            r.string(),
		EncoderFingerprint: r.string(),
		Dim:                r.uint32(),

		Tokenizer:            r.string(),
		TokenizerFingerprint: r.string(),
		TokenizerVersion:     r.uint32(),

		Options: r.pairs(),

		NextPassage: PassageID(r.uvarint()),
		NextCode:    Code(r.uint32()),
		NextSegment: r.uint32(),

		LiveDocs:     r.uvarint(),
		LivePassages: r.uvarint(),
		LiveWords:    r.uvarint(),
	}
	if n := r.count(6); n > 0 {
		m.Segments = make([]Segment, n)
	}
	var next PassageID
	for i := range m.Segments {
		s := &m.Segments[i]
		*s = Segment{
			ID: r.uint32(), State: SegmentState(r.byte()), Class: r.byte(),
			Base: PassageID(r.uvarint()), Span: r.uint32(), Live: r.uint32(),
		}
		end := s.Base + PassageID(s.Span)
		switch {
		case s.State > Dead, s.Live > s.Span, s.ID >= m.NextSegment, end < s.Base, end > m.NextPassage:
			r.fail("segment %d is impossible: %+v", i, *s)
		case s.Base < next:
			r.fail("segment %d starts at passage %d, before the one before it", i, s.Base)
		}
		next = s.Base
	}
	m.GraphNodes = r.uint32()
	if header := r.take(r.uvarint()); len(header) > 0 {
		m.GraphHeader = append([]byte(nil), header...)
	}
	if m.GraphNodes > uint32(m.NextCode) {
		r.fail("graph of %d codes, there are %d", m.GraphNodes, m.NextCode)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// appendPairs appends a number of pairs and the pairs.
func appendPairs(b []byte, pairs []Pair) []byte {
	b = binary.AppendUvarint(b, uint64(len(pairs)))
	for _, p := range pairs {
		b = appendString(appendString(b, p.Name), p.Value)
	}
	return b
}

// pairs reads what appendPairs wrote. Names must ascend.
func (r *reader) pairs() []Pair {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	pairs := make([]Pair, n)
	for i := range pairs {
		pairs[i] = Pair{Name: r.string(), Value: r.string()}
		if i > 0 && pairs[i].Name <= pairs[i-1].Name {
			r.fail("names %q and %q are out of order", pairs[i-1].Name, pairs[i].Name)
		}
	}
	return pairs
}

// checkPairs returns an error unless names ascend and are distinct.
func checkPairs(pairs []Pair) error {
	for i := 1; i < len(pairs); i++ {
		if pairs[i].Name <= pairs[i-1].Name {
			return fmt.Errorf("store: names %q and %q are out of order", pairs[i-1].Name, pairs[i].Name)
		}
	}
	return nil
}

// Meta returns the settings, counters and segments. The caller owns it.
func (tx *Tx) Meta() (*Meta, error) {
	key := []byte(metaKey)
	value, err := tx.Get(Metas, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, damagedAt(Metas, key, damaged("record is missing"))
	}
	m, err := decodeMeta(value)
	if err != nil {
		return nil, damagedAt(Metas, key, err)
	}
	return m, nil
}

// SetMeta replaces the settings, counters and segments. A Meta that could not
// be read again is refused.
func (tx *Tx) SetMeta(m *Meta) error {
	value := m.encode()
	if _, err := decodeMeta(value); err != nil {
		return fmt.Errorf("store: impossible Meta: %w", err)
	}
	return tx.Put(Metas, []byte(metaKey), value)
}
