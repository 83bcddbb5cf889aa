package store

import (
	"encoding/binary"
	"fmt"
)

// vectorMetaKey is the key of VectorMeta in bucket meta.
const vectorMetaKey = "vectors"

// MaxRowBytes is the greatest length of a stored row, and of a leader.
const MaxRowBytes = 1 << 20

// VectorMeta holds the settings and counters of an index's token vectors: one
// vector for each token, or several, beside the vectors of words. Where there is
// none the buckets vpending, vectors, leaders, vgraph and vpostings are empty.
type VectorMeta struct {
	// Encoder names what gives tokens their vectors, its fingerprint is a hash of
	// everything that shapes them. Both are empty where they are the user's own.
	Encoder            string
	EncoderFingerprint string

	Dim         uint32 // dimensions, 1 or more
	Grade       uint8  // how rows are stored, the caller's number
	RowBytes    uint32 // bytes of a stored row, 1 to MaxRowBytes
	LeaderBytes uint32 // bytes of a leader, likewise

	Options []Pair // settings, names ascending and distinct

	NextLeader uint32 // number of leaders
	Rows       uint64 // rows of all live passages

	GraphNodes  uint32 // leaders below it are in the graph
	GraphHeader []byte // entry point and the like, the graph's own
}

func (m *VectorMeta) encode() []byte {
	var b []byte
	b = appendString(b, m.Encoder)
	b = appendString(b, m.EncoderFingerprint)
	b = binary.AppendUvarint(b, uint64(m.Dim))
	b = append(b, m.Grade)
	b = binary.AppendUvarint(b, uint64(m.RowBytes))
	b = binary.AppendUvarint(b, uint64(m.LeaderBytes))
	b = appendPairs(b, m.Options)
	b = binary.AppendUvarint(b, uint64(m.NextLeader))
	b = binary.AppendUvarint(b, m.Rows)
	b = binary.AppendUvarint(b, uint64(m.GraphNodes))
	b = binary.AppendUvarint(b, uint64(len(m.GraphHeader)))
	return append(b, m.GraphHeader...)
}

func decodeVectorMeta(value []byte) (*VectorMeta, error) {
	r := reader{b: value}
	m := &VectorMeta{
		Encoder: r.string(), EncoderFingerprint: r.string(),
		Dim: r.uint32(), Grade: r.byte(), RowBytes: r.uint32(), LeaderBytes: r.uint32(),
		Options:    r.pairs(),
		NextLeader: r.uint32(), Rows: r.uvarint(), GraphNodes: r.uint32(),
	}
	if header := r.take(r.uvarint()); len(header) > 0 {
		m.GraphHeader = append([]byte(nil), header...)
	}
	if m.Dim == 0 || m.RowBytes-1 >= MaxRowBytes || m.LeaderBytes-1 >= MaxRowBytes {
		r.fail("vectors of %d dimensions, rows of %d bytes, leaders of %d", m.Dim, m.RowBytes, m.LeaderBytes)
	}
	if m.GraphNodes > m.NextLeader {
		r.fail("graph of %d leaders, there are %d", m.GraphNodes, m.NextLeader)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// VectorMeta returns the settings and counters of the token vectors, nil if the
// index has none. The caller owns it.
func (tx *Tx) VectorMeta() (*VectorMeta, error) {
	key := []byte(vectorMetaKey)
	value, err := tx.Get(Metas, key)
	if err != nil || value == nil {
		return nil, err
	}
	m, err := decodeVectorMeta(value)
	if err != nil {
		return nil, damagedAt(Metas, key, err)
	}
	return m, nil
}

// SetVectorMeta replaces the settings and counters of the token vectors; nil
// takes them away. One that could not be read again is refused. The error is
// ErrFormatOld where the file's format has no room for token vectors.
func (tx *Tx) SetVectorMeta(m *VectorMeta) error {
	if m == nil {
		return tx.Delete(Metas, []byte(vectorMetaKey))
	}
	value := m.encode()
	if _, err := decodeVectorMeta(value); err != nil {
		return fmt.Errorf("store: impossible VectorMeta: %w", err)
	}
	return tx.Put(Metas, []byte(vectorMetaKey), value)
}
