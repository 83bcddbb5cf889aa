package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// The escapes of a passage record. A byte of codeBase or more begins a code.
const (
	escLength = 0 // a length follows: that of the next token, which its word does not have
	escGap1   = 1 // one byte of no token
	escGap    = 2 // a number follows: so many bytes of no token, four or more
	escParts  = 3 // a number follows, then so many parts of the token before
	escText   = 4 // the title ends here and the text begins
	escTitle  = 5 // only at the start: the title comes first
	escGap2   = 6 // two bytes of no token: a comma and a space
	escGap3   = 7 // three bytes of no token: a Chinese punctuation mark
)

// shortGap is the gap that an escape alone stands for.
var shortGap = [codeBase]uint8{escGap1: 1, escGap2: 2, escGap3: 3}

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
		e.buf = append(e.buf, escGap1)
	case e.gap == 2:
		e.buf = append(e.buf, escGap2)
	case e.gap == 3:
		e.buf = append(e.buf, escGap3)
	case e.gap > 3:
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
	e.buf = appendCode(e.buf, code)
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
		e.buf = appendCode(e.buf, p.Code)
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
	gap      uint32 // not yet given out
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
	// Nearly every token is a code of one or two bytes, perhaps behind a short
	// gap.
	b, at := d.r.b, d.r.at
	if at+3 >= len(b) {
		return d.slow(t)
	}
	v, gap := b[at], uint32(0)
	if v < codeBase {
		if gap = uint32(shortGap[v]); gap == 0 {
			return d.slow(t)
		}
		at++
		v = b[at]
	}
	if !isShort(v) {
		return d.slow(t)
	}
	code, size := shortCode(v, b[at+1])
	if at += size; b[at] == escParts {
		return d.slow(t)
	}
	d.r.at = at
	t.Code, t.Length, t.Gap, t.Title, t.nparts = Code(code), 0, gap, d.title, 0
	return true
}

// slow does the same for every kind of token.
func (d *PassageDecoder) slow(t *Token) bool {
	length, explicit := uint32(0), false
	r := &d.r
	for r.at < len(r.b) {
		if r.b[r.at] >= codeBase {
			*t = Token{Code: r.code(), Length: length, Gap: d.gap, Title: d.title}
			d.gap = 0
			if r.at < len(r.b) && r.b[r.at] == escParts {
				r.at++
				d.parts(t)
			}
			return r.err == nil
		}
		esc := r.byte()
		switch {
		case explicit:
			r.fail("length without a token")
		case esc == escLength:
			if length, explicit = r.uint32(), true; length == 0 {
				r.fail("token of no length")
			}
		case shortGap[esc] > 0 && d.gap == 0:
			d.gap = uint32(shortGap[esc])
		case esc == escGap && d.gap == 0:
			if d.gap = r.uint32(); d.gap < 4 {
				r.fail("gap of %d bytes in the long form", d.gap)
			}
		case esc == escText && d.title:
			d.title, d.titleGap, d.gap = false, d.gap, 0
		default:
			r.fail("escape %d at byte %d", esc, r.at-1)
		}
	}
	switch {
	case r.err != nil:
	case explicit:
		r.fail("length without a token")
	case d.title:
		r.fail("title without an end")
	}
	return false
}

// AppendCodes appends the codes of a record's tokens to dst, in their order, the
// parts of a token behind it, and returns the number of tokens. It is the fast
// way to a record where places do not matter.
func AppendCodes(dst []uint32, record []byte) (codes []uint32, tokens int, err error) {
	d, t := DecodePassage(record), Token{}
	dst = slices.Grow(dst, len(record)) // each has a byte or more
	for {
		// As in Next, without the places.
		b, at, n := record, d.r.at, len(dst)
		out := dst[:cap(dst)]
		for at+3 < len(b) && n < len(out) {
			next := at
			v := b[next]
			if v < codeBase {
				if shortGap[v] == 0 {
					break
				}
				next++
				v = b[next]
			}
			if !isShort(v) {
				break
			}
			code, size := shortCode(v, b[next+1])
			if next += size; b[next] == escParts {
				break
			}
			out[n] = code
			n++
			at = next
		}
		tokens += n - len(dst)
		dst, d.r.at = out[:n], at
		if !d.slow(&t) {
			return dst, tokens, d.Err()
		}
		tokens++
		dst = append(dst, uint32(t.Code))
		for p := range t.Parts() {
			dst = append(dst, uint32(p.Code))
		}
	}
}

// parts reads the parts that follow token t.
func (d *PassageDecoder) parts(t *Token) {
	n := d.r.count(3)
	if n == 0 {
		d.r.fail("no parts")
	}
	start := d.r.at
	for range n {
		d.r.code()
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
			if !yield(Part{Code: r.code(), Start: r.uint32(), Length: r.uint32()}) {
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
func (tx *Tx) Pending(first PassageID) iter.Seq2[Passage, error] { return tx.pending(Pending, first) }

// pending is Pending for bucket in.
func (tx *Tx) pending(in Bucket, first PassageID) iter.Seq2[Passage, error] {
	return func(yield func(Passage, error) bool) {
		from, n, ended := key64(uint64(first)), uint64(0), true
		if !tx.bolt.Writable() {
			// All of them, which are few: so it shows whether some are missing, as
			// where a disk has lost the last write of a page.
			from = key64(0)
		}
		err := tx.each(in, from[:], func(key, value []byte) (bool, error) {
			if len(key) != 8 {
				return false, damagedAt(in, key, damaged("key has %d bytes, wanted 8", len(key)))
			}
			n++
			if id := PassageID(binary.BigEndian.Uint64(key)); id >= first {
				ended = yield(Passage{ID: id, Record: value}, nil)
			}
			return ended, nil
		})
		if want := tx.sums.buckets[in].count; err == nil && ended && !tx.bolt.Writable() && n != want {
			err = damagedAt(in, nil, damaged("%d entries of %d are there", n, want))
		}
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
