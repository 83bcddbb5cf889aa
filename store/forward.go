package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// ForwardBlockBytes is the size up to which a block of folded passages is filled:
// large enough that pages are full, small enough to read for one passage. bbolt
// puts two of them on a page, which with their keys, checksums, counts and the
// page's header then take 32 KiB.
const ForwardBlockBytes = 16<<10 - 40

// forwardBlockPassages is how many passages a block has at most. Passages of some
// words fill a block before; of empty ones 5,000 would, and be read and written
// anew for each that is deleted.
const forwardBlockPassages = 512

// A ForwardBlock holds the records of folded passages, ascending. Its value is
//
//	count, then for each passage: id minus the one before (for the first: minus
//	the key, so 0), length of the record; then the records
type ForwardBlock struct {
	first   PassageID
	n       int
	heads   []byte // ids and lengths
	records []byte
}

// parseForward reads the value of the block whose key is first.
func parseForward(first PassageID, value []byte) (ForwardBlock, error) {
	r := reader{b: value}
	b := ForwardBlock{first: first, n: r.count(2)}
	if b.n == 0 {
		r.fail("block of no passages")
	}
	start, id, total := r.at, first, uint64(0)
	for i := range b.n {
		delta, length := r.uvarint(), uint64(r.uint32())
		if (delta == 0) != (i == 0) || id+PassageID(delta) < id {
			r.fail("passage %d of the block has id %d and %d more", i, id, delta)
		}
		id += PassageID(delta)
		total += length
	}
	b.heads = r.b[start:r.at]
	b.records = r.take(total)
	return b, r.end()
}

// Len returns the number of passages.
func (b *ForwardBlock) Len() int { return b.n }

// Find returns the record of passage p, and whether the block has it: nil if not.
func (b *ForwardBlock) Find(p PassageID) ([]byte, bool) {
	r, id, at := reader{b: b.heads}, b.first, uint64(0)
	for range b.n {
		id += PassageID(r.uvarint())
		length := r.uvarint()
		if id == p {
			return b.records[at : at+length : at+length], true
		}
		if id > p {
			break
		}
		at += length
	}
	return nil, false
}

// All returns the passages, ascending.
func (b *ForwardBlock) All() iter.Seq[Passage] {
	return func(yield func(Passage) bool) {
		r, id, at := reader{b: b.heads}, b.first, uint64(0)
		for range b.n {
			id += PassageID(r.uvarint())
			length := r.uvarint()
			if !yield(Passage{ID: id, Record: b.records[at : at+length : at+length]}) {
				return
			}
			at += length
		}
	}
}

// parseForwardAt reads the block under key of bucket in.
func parseForwardAt(in Bucket, key, value []byte) (ForwardBlock, error) {
	if len(key) != 8 {
		return ForwardBlock{}, damagedAt(in, key, damaged("key has %d bytes, wanted 8", len(key)))
	}
	b, err := parseForward(PassageID(binary.BigEndian.Uint64(key)), value)
	if err != nil {
		return ForwardBlock{}, damagedAt(in, key, err)
	}
	return b, nil
}

// Folded returns the record of passage p, or ErrNotFound if it is pending or
// not there at all.
func (tx *Tx) Folded(p PassageID) ([]byte, error) {
	b, err := tx.blockOf(Forward, p)
	if err != nil {
		return nil, err
	}
	record, ok := b.Find(p)
	if !ok {
		key := key64(uint64(p))
		return nil, notFound(Forward, key[:], "passage %d", p)
	}
	return record, nil
}

// blockOf returns the block of bucket in that would hold passage p, one of no
// passages if there is none.
func (tx *Tx) blockOf(in Bucket, p PassageID) (ForwardBlock, error) {
	want := key64(uint64(p))
	key, value, err := tx.Floor(in, want[:])
	if err != nil || key == nil {
		return ForwardBlock{}, err
	}
	return parseForwardAt(in, key, value)
}

// ForwardBlocks returns the blocks of folded passages, from the one on that
// would hold passage first. An error ends the sequence. The transaction may
// change the bucket meanwhile.
func (tx *Tx) ForwardBlocks(first PassageID) iter.Seq2[ForwardBlock, error] {
	return tx.forwardBlocks(Forward, first)
}

// forwardBlocks is ForwardBlocks for bucket in.
func (tx *Tx) forwardBlocks(in Bucket, first PassageID) iter.Seq2[ForwardBlock, error] {
	return func(yield func(ForwardBlock, error) bool) {
		from := key64(uint64(first))
		key, _, err := tx.Floor(in, from[:])
		if key == nil {
			key = from[:]
		}
		if err == nil {
			err = tx.each(in, slices.Clone(key), func(key, value []byte) (bool, error) {
				b, err := parseForwardAt(in, key, value)
				if err != nil {
					return false, err
				}
				return yield(b, nil), nil
			})
		}
		if err != nil {
			yield(ForwardBlock{}, fmt.Errorf("listing folded passages: %w", err))
		}
	}
}

// A ForwardWriter packs folded passages into blocks.
type ForwardWriter struct {
	tx      *Tx
	bucket  Bucket
	limit   int // bytes up to which a block is filled
	first   PassageID
	last    PassageID
	n       int
	heads   []byte
	records []byte
}

// ForwardWriter returns a writer that puts its blocks into the transaction.
func (tx *Tx) ForwardWriter() *ForwardWriter { return tx.forwardWriter(Forward) }

// forwardWriter is ForwardWriter for bucket in.
func (tx *Tx) forwardWriter(in Bucket) *ForwardWriter {
	w := &ForwardWriter{tx: tx, bucket: in, limit: ForwardBlockBytes}
	if in == Vectors {
		w.limit = VectorBlockBytes
	}
	return w
}

// Add adds passage p, whose id must be greater than the one before. The record
// is copied.
func (w *ForwardWriter) Add(p PassageID, record []byte) error {
	if w.n > 0 && p <= w.last {
		return fmt.Errorf("store: folded passage %d after %d", p, w.last)
	}
	if w.n == forwardBlockPassages || w.n > 0 && len(w.heads)+len(w.records)+len(record) > w.limit {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if w.n == 0 {
		w.first, w.last = p, p
	}
	w.heads = binary.AppendUvarint(w.heads, uint64(p-w.last))
	w.heads = binary.AppendUvarint(w.heads, uint64(len(record)))
	w.records = append(w.records, record...)
	w.last = p
	w.n++
	return nil
}

// Flush writes the block that is not full yet.
func (w *ForwardWriter) Flush() error {
	if w.n == 0 {
		return nil
	}
	value := binary.AppendUvarint(make([]byte, 0, len(w.heads)+len(w.records)+3), uint64(w.n))
	value = append(append(value, w.heads...), w.records...)
	key := key64(uint64(w.first))
	w.n, w.heads, w.records = 0, w.heads[:0], w.records[:0]
	return w.tx.Put(w.bucket, key[:], value)
}

// DeleteFolded removes the n passages from first on. A block that has others too
// is written anew without them; those that are not there are no error. Each block
// is read once, however many passages go.
func (tx *Tx) DeleteFolded(first PassageID, n uint32) error {
	return tx.deleteFolded(Forward, first, n)
}

// deleteFolded is DeleteFolded for bucket in.
func (tx *Tx) deleteFolded(in Bucket, first PassageID, n uint32) error {
	end := first + PassageID(n)
	for b, err := range tx.forwardBlocks(in, first) {
		if err != nil {
			return fmt.Errorf("deleting passages %d to %d: %w", first, end-1, err)
		}
		if b.first >= end {
			break
		}
		if err := tx.deleteFrom(in, &b, first, end); err != nil {
			return err
		}
	}
	return nil
}

// deleteFrom removes the passages from first up to end from block b of bucket in.
func (tx *Tx) deleteFrom(in Bucket, b *ForwardBlock, first, end PassageID) error {
	kept := make([]Passage, 0, b.n)
	for p := range b.All() {
		if p.ID < first || p.ID >= end {
			kept = append(kept, p)
		}
	}
	if len(kept) == b.n {
		return nil
	}
	key := key64(uint64(b.first))
	if err := tx.Delete(in, key[:]); err != nil {
		return err
	}
	w := tx.forwardWriter(in)
	for _, p := range kept {
		if err := w.Add(p.ID, p.Record); err != nil {
			return err
		}
	}
	return w.Flush()
}
