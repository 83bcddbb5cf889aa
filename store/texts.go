package store

import (
	"encoding/binary"
)

// A Text is the text of a passage and where it stands in its document: the
// bytes and the line ends (U+000A) of the document in front of it. Its value is
//
//	offset, line (a uvarint each), the text
//
// so that a place in a document of any length is known from one passage.
type Text struct {
	Offset uint64
	Line   uint64
	Text   []byte
}

func (t *Text) encode() []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen64+len(t.Text))
	b = binary.AppendUvarint(b, t.Offset)
	b = binary.AppendUvarint(b, t.Line)
	return append(b, t.Text...)
}

func decodeText(value []byte) (Text, error) {
	r := reader{b: value}
	t := Text{Offset: r.uvarint(), Line: r.uvarint()}
	if t.Line > t.Offset {
		r.fail("%d line ends in %d bytes", t.Line, t.Offset)
	}
	if r.err != nil {
		return Text{}, r.err
	}
	t.Text = r.take(uint64(len(value) - r.at))
	return t, nil
}

// Text returns the text of passage p, or ErrNotFound.
func (tx *Tx) Text(p PassageID) (Text, error) {
	key := key64(uint64(p))
	value, err := tx.Get(Texts, key[:])
	if err != nil {
		return Text{}, err
	}
	if value == nil {
		return Text{}, notFound(Texts, key[:], "text of passage %d", p)
	}
	t, err := decodeText(value)
	if err != nil {
		return Text{}, damagedAt(Texts, key[:], err)
	}
	return t, nil
}

// PutText stores the text of passage p. Offset and Line are those of the
// passages of the same document that come before it, added up.
func (tx *Tx) PutText(p PassageID, text Text) error {
	key := key64(uint64(p))
	return tx.Put(Texts, key[:], text.encode())
}

// DeleteText removes the text of passage p.
func (tx *Tx) DeleteText(p PassageID) error {
	key := key64(uint64(p))
	return tx.Delete(Texts, key[:])
}
