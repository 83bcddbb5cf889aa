package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strings"
)

// A Source says which document an external id stands for at present, and what
// its source looked like when it was read, so that an unchanged one need not be
// read again.
type Source struct {
	Doc     DocID
	ModTime int64  // nanoseconds since 1970
	Size    int64  // bytes of the source, not of the text
	Hash    uint64 // of the source's content
	Flags   uint8  // their meaning is the caller's
}

func (s Source) encode() []byte {
	b := append(make([]byte, 0, 32), s.Flags)
	b = binary.AppendUvarint(b, uint64(s.Doc))
	b = appendVarint(b, s.ModTime)
	b = appendVarint(b, s.Size)
	return binary.LittleEndian.AppendUint64(b, s.Hash)
}

func decodeSource(value []byte) (Source, error) {
	r := reader{b: value}
	s := Source{Flags: r.byte(), Doc: DocID(r.uvarint()), ModTime: r.varint(), Size: r.varint(), Hash: r.uint64()}
	return s, r.end()
}

// Source returns what external id stands for, and whether it is there.
func (tx *Tx) Source(external string) (Source, bool, error) {
	if external == "" {
		return Source{}, false, nil
	}
	key := []byte(external)
	value, err := tx.Get(IDs, key)
	if err != nil || value == nil {
		return Source{}, false, err
	}
	s, err := decodeSource(value)
	if err != nil {
		return Source{}, false, damagedAt(IDs, key, err)
	}
	return s, true, nil
}

// PutSource stores what external id stands for.
func (tx *Tx) PutSource(external string, s Source) error {
	return tx.Put(IDs, []byte(external), s.encode())
}

// DeleteSource removes external id.
func (tx *Tx) DeleteSource(external string) error {
	return tx.Delete(IDs, []byte(external))
}

// A SourceEntry is an external id with its Source.
type SourceEntry struct {
	External string
	Source
}

// Sources returns the external ids that start with prefix, in ascending order
// of their bytes. An error ends the sequence. The transaction may change the
// bucket meanwhile.
func (tx *Tx) Sources(prefix string) iter.Seq2[SourceEntry, error] {
	return tx.SourcesAfter(prefix, "")
}

// SourcesAfter is Sources for the ids that come after one of them.
func (tx *Tx) SourcesAfter(prefix, after string) iter.Seq2[SourceEntry, error] {
	return func(yield func(SourceEntry, error) bool) {
		err := tx.each(IDs, []byte(max(prefix, after)), func(key, value []byte) (bool, error) {
			id := string(key)
			if id == after {
				return true, nil
			}
			if !strings.HasPrefix(id, prefix) {
				return false, nil
			}
			s, err := decodeSource(value)
			if err != nil {
				return false, damagedAt(IDs, key, err)
			}
			return yield(SourceEntry{External: id, Source: s}, nil), nil
		})
		if err != nil {
			yield(SourceEntry{}, fmt.Errorf("listing documents: %w", err))
		}
	}
}
