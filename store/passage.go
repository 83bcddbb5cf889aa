package store

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// The escapes of a passage record; a number of codeBase or more is a code.
const (
	escLength = 0 // a length follows: that of the next token, which its word does not have
	escSpace  = 1 // one byte of no token
	escGap    = 2 // a number follows: so many bytes of no token, two or more
	escParts  = 3 // a number follows, then so many parts of the token before
	escText   = 4 // the title ends here and the text begins
	escTitle  = 5 // only at the start: the title comes first
	codeBase  = 8
)

// A Part is an additional index term inside a token: a word of a compound.
type Part struct {
	Code   Code
	Start  uint32 // bytes from the start of its token
	Length uint32 // bytes
}

// A Token is a primary token of a passage, as its record has it. Primary tokens
// and gaps tile the title and then the text, so positions follow from lengths.
type Token struct {
	Code   Code
	Length uint32 // bytes in the text; 0: as long as its word
	Gap    uint32 // bytes of no token before it: white space
	Title  bool   // it belongs to the title
	parts  []byte
	nparts int
}

// A PassageEncoder builds passage records. The zero value is ready.
type PassageEncoder struct {
	buf   []byte
	gap   uint64
	title bool // the title has ended
	last  bool // a token came last
}

// Reset starts a new record.
func (e *PassageEncoder) Reset() { *e = PassageEncoder{buf: e.buf[:0]} }

// Gap adds n bytes that belong to no token.
func (e *PassageEncoder) Gap(n int) {
	e.gap += uint64(n)
	e.last = e.last && n == 0
}

func (e *PassageEncoder) flush() {
	switch {
	case e.gap == 1:
		e.buf = append(e.buf, escSpace)
	case e.gap > 1:
		e.buf = binary.AppendUvarint(append(e.buf, escGap), e.gap)
	}
	e.gap = 0
}

// Token adds a token. length is that of its surface in bytes, or 0 if it is as
// long as the word of its code.
func (e *PassageEncoder) Token(code Code, length int) {
	e.flush()
	if length != 0 {
		e.buf = binary.AppendUvarint(append(e.buf, escLength), uint64(length))
	}
	e.buf = binary.AppendUvarint(e.buf, uint64(code)+codeBase)
	e.last = true
}

// Parts adds the parts of the token that was added last, if there are any. It
// panics if anything came after the token.
func (e *PassageEncoder) Parts(parts []Part) {
	if len(parts) == 0 {
		return
	}
	if !e.last {
		panic("store: parts without a token")
	}
	e.buf = binary.AppendUvarint(append(e.buf, escParts), uint64(len(parts)))
	for _, p := range parts {
		e.buf = binary.AppendUvarint(e.buf, uint64(p.Code))
		e.buf = binary.AppendUvarint(e.buf, uint64(p.Start))
		e.buf = binary.AppendUvarint(e.buf, uint64(p.Length))
	}
	e.last = false
}

// Title says that what follows up to EndTitle is the title. It panics unless it
// comes first.
func (e *PassageEncoder) Title() {
	if len(e.buf) > 0 || e.gap > 0 {
		panic("store: title behind the start")
	}
	e.buf, e.title = append(e.buf, escTitle), true
}

// EndTitle says that the text begins. It panics without a Title.
func (e *PassageEncoder) EndTitle() {
	if !e.title {
		panic("store: end of no title")
	}
	e.flush()
	e.buf = append(e.buf, escText)
	e.title, e.last = false, false
}

// Bytes returns the record. It is valid until the next Reset, before which
// nothing may be added.
func (e *PassageEncoder) Bytes() []byte {
	e.flush()
	return e.buf
}

// A PassageDecoder reads a passage record token by token, allocating nothing.
type PassageDecoder struct {
	r        reader
	gap      uint64 // not yet given out
	title    bool
	titleGap uint32
}

// DecodePassage returns a decoder of record, which is not copied.
func DecodePassage(record []byte) PassageDecoder {
	d := PassageDecoder{r: reader{b: record}}
	if len(record) > 0 && record[0] == escTitle {
		d.title, d.r.at = true, 1
	}
	return d
}

// Next reads the next token into t and reports whether there was one. At the
// end, Err tells whether it was the right one.
func (d *PassageDecoder) Next(t *Token) bool {
	length, explicit := uint32(0), false
	for d.r.at < len(d.r.b) {
		v := d.r.uvarint()
		if v >= codeBase {
			if v-codeBase > 1<<32-1 {
				d.r.fail("code %d is too large", v-codeBase)
				return false
			}
			*t = Token{Code: Code(v - codeBase), Length: length, Gap: uint32(d.gap), Title: d.title}
			d.gap = 0
			if d.r.at < len(d.r.b) && d.r.b[d.r.at] == escParts {
				d.parts(t)
			}
			return d.r.err == nil
		}
		if d.r.err != nil {
			return false
		}
		switch {
		case explicit:
			d.r.fail("length without a token")
		case v == escLength:
			if length, explicit = d.r.uint32(), true; length == 0 {
				d.r.fail("token of no length")
			}
		case v == escSpace && d.gap == 0:
			d.gap = 1
		case v == escGap && d.gap == 0:
			if d.gap = uint64(d.r.uint32()); d.gap < 2 {
				d.r.fail("gap of %d bytes in the long form", d.gap)
			}
		case v == escText && d.title:
			d.title, d.titleGap, d.gap = false, uint32(d.gap), 0
		default:
			d.r.fail("escape %d at byte %d", v, d.r.at-1)
		}
	}
	switch {
	case explicit:
		d.r.fail("length without a token")
	case d.title:
		d.r.fail("title without an end")
	}
	return false
}

// parts reads the parts that follow token t.
func (d *PassageDecoder) parts(t *Token) {
	d.r.at++
	n := d.r.count(3)
	if n == 0 {
		d.r.fail("no parts")
	}
	start := d.r.at
	for range n {
		d.r.uint32()
		from := uint64(d.r.uint32())
		length := uint64(d.r.uint32())
		if length == 0 || from+length > 1<<32-1 || t.Length != 0 && from+length > uint64(t.Length) {
			d.r.fail("part of %d bytes at %d in a token of %d", length, from, t.Length)
		}
	}
	if d.r.err == nil {
		t.parts, t.nparts = d.r.b[start:d.r.at], n
	}
}

// Trailing returns the number of bytes of no token after the last token, when
// Next has returned false.
func (d *PassageDecoder) Trailing() int { return int(d.gap) }

// TitleTrailing returns the number of bytes of no token at the end of the title,
// once a token of the text was read or Next has returned false.
func (d *PassageDecoder) TitleTrailing() int { return int(d.titleGap) }

// Err returns what is wrong with the record, nil if nothing so far. It is an
// ErrCorrupt that does not name its place.
func (d *PassageDecoder) Err() error { return d.r.err }

// NumParts returns the number of parts of the token.
func (t *Token) NumParts() int { return t.nparts }

// Parts returns the parts of the token in stored order.
func (t *Token) Parts() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		r := reader{b: t.parts}
		for range t.nparts {
			if !yield(Part{Code: Code(r.uint32()), Start: r.uint32(), Length: r.uint32()}) {
				return
			}
		}
	}
}

// PutPending stores the record of a passage that is not folded yet.
func (tx *Tx) PutPending(p PassageID, record []byte) error {
	key := key64(uint64(p))
	return tx.Put(Pending, key[:], record)
}

// DeletePending removes the pending record of passage p.
func (tx *Tx) DeletePending(p PassageID) error {
	key := key64(uint64(p))
	return tx.Delete(Pending, key[:])
}

// A Passage is a passage's id with its record.
type Passage struct {
	ID     PassageID
	Record []byte
}

// Pending returns the passages that are not folded yet, from first on,
// ascending. An error ends the sequence. The transaction may change the bucket
// meanwhile.
func (tx *Tx) Pending(first PassageID) iter.Seq2[Passage, error] {
	return func(yield func(Passage, error) bool) {
		from := key64(uint64(first))
		err := tx.each(Pending, from[:], func(key, value []byte) (bool, error) {
			if len(key) != 8 {
				return false, damagedAt(Pending, key, damaged("key has %d bytes, wanted 8", len(key)))
			}
			return yield(Passage{ID: PassageID(binary.BigEndian.Uint64(key)), Record: value}, nil), nil
		})
		if err != nil {
			yield(Passage{}, fmt.Errorf("listing pending passages: %w", err))
		}
	}
}

// Passage returns the record of passage p, pending or folded, or ErrNotFound.
func (tx *Tx) Passage(p PassageID) ([]byte, error) {
	key := key64(uint64(p))
	record, err := tx.Get(Pending, key[:])
	if err != nil || record != nil {
		return record, err
	}
	return tx.Folded(p)
}
