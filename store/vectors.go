package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// VectorBlockBytes is the size up to which a block of folded vector records is
// filled. A pair of blocks takes whole pages, so larger ones leave less room
// unused; but the first visit to a passage costs the checksum of its block, which is
// not computed again in the same state of the file. With passages of about 80
// and 200 tokens and rows of 130, 66 and 34 bytes,
// the share of the pages that is filled and the time for a first visit somewhere in
// the file, which is 1 us with no block around it:
//
//	 8 KiB  0.85 to 0.96  1.2 to 2.1 us
//	16 KiB  0.92 to 0.96  1.5 to 2.5 us
//	32 KiB  0.96 to 0.97  2.0 to 3.6 us
//	64 KiB  0.98          3.4 to 6.9 us
//
// From 32 to 96 KiB, an index of 640,000 vectors of 128 columns goes from 163.7 to 160.4
// bytes a vector, and the first query after opening it from 17.2 to 18.6 ms.
const VectorBlockBytes = 96<<10 - 40

// These are the bits of the flags of a vector record.
const (
	vectorSpans = 1 << iota // each token has its place in the text
	vectorWide              // codes have four bytes instead of three
)

// narrowCodes is the number of codes that three bytes can tell apart.
const narrowCodes = 1 << 24

// A TokenSpan is the place of a token in the text of its passage, in bytes.
// Length is 0 for one that has none there: of the title, or an encoder's mark.
type TokenSpan struct{ Start, Length uint32 }

// AppendVectors appends the record of a passage's token vectors to dst: of each
// token the number of its leader and its row as the caller stores it, all of one
// size, one behind the other in rows. spans is nil or has one for each, whose end
// must be below 2^32. It panics if the three do not fit together.
//
// The record is
//
//	flags, count, codes (three or four bytes each, little-endian),
//	spans if the flags say so: start minus the end of the one before, length;
//	rows
func AppendVectors(dst []byte, codes []uint32, spans []TokenSpan, rows []byte) []byte {
	n := len(codes)
	if spans != nil && len(spans) != n || n == 0 && len(rows) > 0 || n > 0 && len(rows)%n != 0 {
		panic(fmt.Sprintf("store: %d codes, %d spans, %d bytes of rows", n, len(spans), len(rows)))
	}
	var flags byte
	if spans != nil {
		flags |= vectorSpans
	}
	if n > 0 && slices.Max(codes) >= narrowCodes {
		flags |= vectorWide
	}
	dst = slices.Grow(dst, 8+4*n+4*len(spans)+len(rows))
	dst = binary.AppendUvarint(append(dst, flags), uint64(n))
	for _, c := range codes {
		if dst = append(dst, byte(c), byte(c>>8), byte(c>>16)); flags&vectorWide != 0 {
			dst = append(dst, byte(c>>24))
		}
	}
	end := int64(0)
	for _, s := range spans {
		dst = appendVarint(dst, int64(s.Start)-end)
		dst = binary.AppendUvarint(dst, uint64(s.Length))
		if end = int64(s.Start) + int64(s.Length); end > 1<<32-1 {
			panic(fmt.Sprintf("store: token of %d bytes at %d", s.Length, s.Start))
		}
	}
	return append(dst, rows...)
}

// A VectorRecord is a view of the token vectors of a passage.
type VectorRecord struct {
	Rows []byte // Len() of them, one behind the other

	n     int
	codes []byte
	spans []byte
	flags byte
}

// DecodeVectors reads a record of AppendVectors with rows of rowBytes bytes. What
// it returns is part of record. All of the record is checked, but not whether
// there are such leaders; the error is an ErrCorrupt that does not name its place.
func DecodeVectors(record []byte, rowBytes int) (VectorRecord, error) {
	r := reader{b: record}
	v := VectorRecord{flags: r.byte()}
	if v.flags&^(vectorSpans|vectorWide) != 0 {
		r.fail("unknown flags %#x", v.flags)
	}
	v.n = r.count(v.codeBytes() + rowBytes)
	v.codes = r.take(uint64(v.n * v.codeBytes()))
	if v.flags&vectorWide != 0 && !v.wide() {
		r.fail("codes of four bytes where three are enough")
	}
	if v.flags&vectorSpans != 0 {
		start, end := r.at, int64(0)
		for range v.n {
			at, length := end+r.varint(), r.uvarint()
			if at < 0 || at > 1<<32-1 || length > uint64(1<<32-1-at) {
				r.fail("token of %d bytes at %d", length, at)
			}
			end = at + int64(length)
		}
		v.spans = r.b[start:r.at]
	}
	v.Rows = r.take(uint64(v.n) * uint64(rowBytes))
	if err := r.end(); err != nil {
		return VectorRecord{}, err
	}
	return v, nil
}

// codeBytes returns the length of a code.
func (v *VectorRecord) codeBytes() int {
	if v.flags&vectorWide != 0 {
		return 4
	}
	return 3
}

// wide reports whether a code needs its fourth byte.
func (v *VectorRecord) wide() bool {
	for i := 3; i < len(v.codes); i += 4 {
		if v.codes[i] != 0 {
			return true
		}
	}
	return false
}

// Len returns the number of tokens.
func (v *VectorRecord) Len() int { return v.n }

// AppendCodes appends the numbers of the tokens' leaders to dst.
func (v *VectorRecord) AppendCodes(dst []uint32) []uint32 {
	dst = slices.Grow(dst, v.n)
	if v.flags&vectorWide != 0 {
		for i := 0; i < len(v.codes); i += 4 {
			dst = append(dst, binary.LittleEndian.Uint32(v.codes[i:]))
		}
		return dst
	}
	for c := v.codes; len(c) >= 3; c = c[3:] {
		dst = append(dst, uint32(c[0])|uint32(c[1])<<8|uint32(c[2])<<16)
	}
	return dst
}

// AppendSpans appends the places of the tokens to dst and reports whether the
// record has them.
func (v *VectorRecord) AppendSpans(dst []TokenSpan) ([]TokenSpan, bool) {
	if v.flags&vectorSpans == 0 {
		return dst, false
	}
	dst = slices.Grow(dst, v.n)
	r, end := reader{b: v.spans}, int64(0)
	for range v.n {
		s := TokenSpan{Start: uint32(end + r.varint()), Length: uint32(r.uvarint())}
		end = int64(s.Start) + int64(s.Length)
		dst = append(dst, s)
	}
	return dst, true
}

// PutPendingVectors stores the vector record of a passage that is not folded yet.
func (tx *Tx) PutPendingVectors(p PassageID, record []byte) error {
	key := key64(uint64(p))
	return tx.Put(VPending, key[:], record)
}

// DeletePendingVectors removes the pending vector record of passage p. It is no
// error if there is none.
func (tx *Tx) DeletePendingVectors(p PassageID) error {
	key := key64(uint64(p))
	return tx.Delete(VPending, key[:])
}

// PendingVectors is Pending for vector records.
func (tx *Tx) PendingVectors(first PassageID) iter.Seq2[Passage, error] {
	return tx.pending(VPending, first)
}

// VectorWriter returns a writer of folded vector records.
func (tx *Tx) VectorWriter() *ForwardWriter { return tx.forwardWriter(Vectors) }

// VectorBlocks is ForwardBlocks for vector records.
func (tx *Tx) VectorBlocks(first PassageID) iter.Seq2[ForwardBlock, error] {
	return tx.forwardBlocks(Vectors, first)
}

// DeleteFoldedVectors is DeleteFolded for vector records.
func (tx *Tx) DeleteFoldedVectors(first PassageID, n uint32) error {
	return tx.deleteFolded(Vectors, first, n)
}

// A VectorReader gives the vector records of passages. It remembers the last
// block, so that ascending ids cost one look-up and one checksum a block; a block that
// any reader has verified is neither looked for nor verified again as long as nothing is
// committed. It is for one goroutine.
type VectorReader struct {
	tx    *Tx
	block ForwardBlock // the last that was read, of no passages before the first
	known *recordCache
}

// VectorReader returns a reader of vector records. What the transaction changes
// in them later is not seen.
func (tx *Tx) VectorReader() *VectorReader {
	return &VectorReader{tx: tx, known: tx.recordCache()}
}

// Record returns the vector record of passage p, pending or folded, nil if it has
// none.
func (r *VectorReader) Record(p PassageID) ([]byte, error) {
	if record, ok := r.block.Find(p); ok {
		return record, nil
	}
	if record := r.known.find(p); record != nil {
		return record, nil
	}
	key := key64(uint64(p))
	if err := r.seek(p, key[:]); err != nil {
		return nil, err
	}
	if record, ok := r.block.Find(p); ok {
		return record, nil
	}
	record, err := r.tx.Get(VPending, key[:])
	if err != nil || record != nil || r.tx.overlays[Vectors] != nil {
		return record, err
	}
	if err := r.tx.absent(Vectors, key[:], false, true); err != nil {
		return nil, damagedAt(Vectors, key[:], err)
	}
	return nil, nil
}

// seek reads the block that should hold p. Nothing but the block itself is
// verified: if it has p it is the right one, whatever lies beside it.
func (r *VectorReader) seek(p PassageID, key []byte) (err error) {
	if r.tx.overlays[Vectors] != nil {
		r.block, err = r.tx.blockOf(Vectors, p)
		return err
	}
	k, sealed, err := r.tx.floor(Vectors, key)
	if err != nil {
		return damagedAt(Vectors, key, err)
	}
	if k == nil || r.block.n > 0 && len(k) == 8 && binary.BigEndian.Uint64(k) == uint64(r.block.first) {
		return nil
	}
	value, err := r.tx.open(Vectors, k, sealed)
	if err != nil {
		return err
	}
	if r.block, err = parseForwardAt(Vectors, k, value); err == nil {
		r.known.add(&r.block)
	}
	return err
}
