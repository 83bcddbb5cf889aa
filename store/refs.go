package store

import (
	"encoding/binary"
	"fmt"
)

// refsPerBlock is the number of codes in a block of bucket refs. Its values have
// about half a kilobyte, so that their pages are full.
const refsPerBlock = 128

// The numbers of three bytes that stand for a code's vector: a row of the
// table, or the place in the block of a list of rows, or none.
const (
	refBytes    = 3
	refComposed = 0xF00000
	refNone     = 0xFFFFFF
)

// MaxRow is the greatest row of a table that a Ref can name.
const MaxRow = refComposed - 1

// maxPieces is the greatest number of rows that a vector can be composed of.
const maxPieces = 255

// A Ref says what the encoder's table has for a word: a row, or the rows of its
// pieces, or nothing; or it holds the vector itself, where there is no table.
type Ref struct {
	Row    uint32   // the row if Has and there are neither pieces nor a vector
	Has    bool     // the word has a vector
	Pieces []uint32 // rows whose vectors add up to that of the word
	Norm   uint16   // of the sum of the pieces' vectors; its unit is the caller's
	Vector []byte   // the vector, in the caller's form; its bytes are the file's
}

// refBlock is a view of the refs of up to refsPerBlock codes. Its value is
//
//	count, three bytes (little-endian) for each code, lists
//
// where 0xF00000 + n is the list at byte n of the lists: number of rows, rows,
// norm (two bytes, little-endian); or 0, length of a vector, vector.
type refBlock struct {
	rows  []byte
	lists []byte
}

// parseRefs checks the frame; lists are checked when they are read.
func parseRefs(value []byte) (refBlock, error) {
	r := reader{b: value}
	n := r.count(refBytes)
	if n == 0 || n > refsPerBlock {
		r.fail("block of %d refs", n)
	}
	b := refBlock{rows: r.take(uint64(n) * refBytes)}
	b.lists = r.take(uint64(len(r.b) - r.at))
	return b, r.end()
}

// ref reads ref i, with its pieces appended to dst.
func (b *refBlock) ref(dst []uint32, i int) (Ref, error) {
	at := b.rows[i*refBytes:]
	v := uint32(at[0]) | uint32(at[1])<<8 | uint32(at[2])<<16
	switch {
	case v == refNone:
		return Ref{}, nil
	case v < refComposed:
		return Ref{Row: v, Has: true}, nil
	}
	start := int(v - refComposed)
	if start >= len(b.lists) {
		return Ref{}, damaged("ref %d has its list at byte %d of %d", i, start, len(b.lists))
	}
	r := reader{b: b.lists, at: start}
	n := r.count(1)
	if n == 0 {
		vector := r.take(r.uvarint())
		if len(vector) == 0 {
			r.fail("ref %d has an empty vector", i)
		}
		return Ref{Has: true, Vector: vector}, r.err
	}
	if n > maxPieces {
		r.fail("ref %d is composed of %d rows", i, n)
	}
	from := len(dst)
	for range n {
		row := r.uvarint()
		if row > MaxRow {
			r.fail("ref %d names row %d", i, row)
		}
		dst = append(dst, uint32(row))
	}
	norm := r.take(2)
	if r.err != nil {
		return Ref{}, r.err
	}
	return Ref{Has: true, Pieces: dst[from:], Norm: binary.LittleEndian.Uint16(norm)}, nil
}

// encodeRefs returns the value of a block.
func encodeRefs(refs []Ref) ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(refs)))
	var lists []byte
	for i := range refs {
		ref := &refs[i]
		v := uint32(refNone)
		switch {
		case !ref.Has:
		case ref.Vector != nil:
			if v = refComposed + uint32(len(lists)); v >= refNone || len(ref.Vector) == 0 {
				return nil, fmt.Errorf("store: a vector of %d bytes behind %d bytes of others", len(ref.Vector), len(lists))
			}
			lists = binary.AppendUvarint(append(lists, 0), uint64(len(ref.Vector)))
			lists = append(lists, ref.Vector...)
		case len(ref.Pieces) == 0:
			if v = ref.Row; v > MaxRow {
				return nil, fmt.Errorf("store: row %d of a table, at most %d", v, MaxRow)
			}
		default:
			if v = refComposed + uint32(len(lists)); v >= refNone || len(ref.Pieces) > maxPieces {
				return nil, fmt.Errorf("store: vector composed of %d rows, at most %d", len(ref.Pieces), maxPieces)
			}
			lists = binary.AppendUvarint(lists, uint64(len(ref.Pieces)))
			for _, row := range ref.Pieces {
				if row > MaxRow {
					return nil, fmt.Errorf("store: row %d of a table, at most %d", row, MaxRow)
				}
				lists = binary.AppendUvarint(lists, uint64(row))
			}
			lists = binary.LittleEndian.AppendUint16(lists, ref.Norm)
		}
		b = append(b, byte(v), byte(v>>8), byte(v>>16))
	}
	return append(b, lists...), nil
}

// A RefReader gives the refs of codes. It remembers the blocks that it has read.
// It is for one goroutine; refs that the transaction adds later are not seen.
type RefReader struct {
	tx     *Tx
	blocks map[uint32]*refBlock
}

// RefReader returns a reader of refs.
func (tx *Tx) RefReader() *RefReader {
	return &RefReader{tx: tx, blocks: make(map[uint32]*refBlock)}
}

// refBlock reads block no, which is empty if it is not there.
func (tx *Tx) refBlock(no uint32) (refBlock, error) {
	key := key32(no)
	value, err := tx.Get(Refs, key[:])
	if err != nil || value == nil {
		return refBlock{}, err
	}
	b, err := parseRefs(value)
	if err != nil {
		return refBlock{}, damagedAt(Refs, key[:], err)
	}
	return b, nil
}

// Ref returns the ref of code c, or ErrNotFound. Pieces are appended to dst,
// and Ref.Pieces is the part that was appended.
func (r *RefReader) Ref(dst []uint32, c Code) (Ref, error) {
	no, i := uint32(c/refsPerBlock), int(c%refsPerBlock)
	b := r.blocks[no]
	if b == nil {
		parsed, err := r.tx.refBlock(no)
		if err != nil {
			return Ref{}, err
		}
		b = &parsed
		r.blocks[no] = b
	}
	if i >= len(b.rows)/refBytes {
		key := key32(no)
		return Ref{}, notFound(Refs, key[:], "ref of code %d", c)
	}
	ref, err := b.ref(dst, i)
	if err != nil {
		key := key32(no)
		return Ref{}, damagedAt(Refs, key[:], err)
	}
	return ref, nil
}

// AddRefs stores the refs of the codes from first on. Those below first must
// have been stored, those from first on not.
func (tx *Tx) AddRefs(first Code, refs []Ref) error {
	for len(refs) > 0 {
		no, have := uint32(first/refsPerBlock), int(first%refsPerBlock)
		old, err := tx.refBlock(no)
		if err != nil {
			return err
		}
		key := key32(no)
		if n := len(old.rows) / refBytes; n != have {
			return damagedAt(Refs, key[:], damaged("block has %d refs, wanted %d", n, have))
		}
		n := min(len(refs), refsPerBlock-have)
		block := make([]Ref, have, have+n)
		for i := range block {
			if block[i], err = old.ref(nil, i); err != nil {
				return damagedAt(Refs, key[:], err)
			}
		}
		value, err := encodeRefs(append(block, refs[:n]...))
		if err != nil {
			return err
		}
		if err := tx.Put(Refs, key[:], value); err != nil {
			return err
		}
		first += Code(n)
		refs = refs[n:]
	}
	return nil
}
