package store

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// A Doc is what is kept of a document beside its text. Its passages have the
// ids from its own id on, Passages of them.
type Doc struct {
	External string // the id that its user gave it, never empty
	Title    string
	Path     string // where its text came from, empty if not from a file
	Meta     []Pair // names ascending and distinct

	Passages   uint32 // 1 or more; an empty document has one empty passage
	TextBytes  uint64 // sum of the lengths of its passages
	Words      uint64 // sum of the word counts of its passages, as Lengths has them
	Tokenizer  uint32 // Meta.TokenizerVersion when it was cut
	Incomplete bool   // not all of its passages are written yet
}

// These are the bits of a Doc's flags.
const docIncomplete = 1

func (d *Doc) encode() []byte {
	var flags byte
	if d.Incomplete {
		flags |= docIncomplete
	}
	b := append([]byte(nil), flags)
	b = appendString(b, d.External)
	b = appendString(b, d.Title)
	b = appendString(b, d.Path)
	b = appendPairs(b, d.Meta)
	b = binary.AppendUvarint(b, uint64(d.Passages))
	b = binary.AppendUvarint(b, d.TextBytes)
	b = binary.AppendUvarint(b, d.Words)
	return binary.AppendUvarint(b, uint64(d.Tokenizer))
}

func decodeDoc(value []byte) (*Doc, error) {
	r := reader{b: value}
	flags := r.byte()
	if flags&^docIncomplete != 0 {
		r.fail("unknown flags %#x", flags)
	}
	d := &Doc{
		External: r.string(), Title: r.string(), Path: r.string(), Meta: r.pairs(),
		Passages: r.uint32(), TextBytes: r.uvarint(), Words: r.uvarint(), Tokenizer: r.uint32(),
		Incomplete: flags&docIncomplete != 0,
	}
	if d.External == "" || d.Passages == 0 {
		r.fail("document without %s", map[bool]string{true: "id", false: "passages"}[d.External == ""])
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return d, nil
}

// check returns why a document cannot be stored.
func (d *Doc) check() error {
	switch {
	case d.External == "" || len(d.External) > MaxKeyBytes:
		return fmt.Errorf("%w: external id of %d bytes, 1 to %d", ErrKeySize, len(d.External), MaxKeyBytes)
	case d.Passages == 0:
		return fmt.Errorf("store: document %q without passages", d.External)
	}
	return checkPairs(d.Meta)
}

// Doc returns document id, or ErrNotFound. The caller owns it.
func (tx *Tx) Doc(id DocID) (*Doc, error) {
	key := key64(uint64(id))
	value, err := tx.Get(Docs, key[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, notFound(Docs, key[:], "document %d", id)
	}
	return tx.decodeDoc(key[:], value)
}

func (tx *Tx) decodeDoc(key, value []byte) (*Doc, error) {
	if len(key) != 8 {
		return nil, damagedAt(Docs, key, damaged("key has %d bytes, wanted 8", len(key)))
	}
	d, err := decodeDoc(value)
	if err != nil {
		return nil, damagedAt(Docs, key, err)
	}
	return d, nil
}

// DocOf returns the document that passage p belongs to, or ErrNotFound if its
// document was deleted.
func (tx *Tx) DocOf(p PassageID) (DocID, *Doc, error) {
	want := key64(uint64(p))
	key, value, err := tx.Floor(Docs, want[:])
	if err != nil {
		return 0, nil, err
	}
	if key != nil {
		d, err := tx.decodeDoc(key, value)
		if err != nil {
			return 0, nil, err
		}
		id := DocID(binary.BigEndian.Uint64(key))
		if uint64(p)-uint64(id) < uint64(d.Passages) {
			return id, d, nil
		}
	}
	return 0, nil, notFound(Docs, want[:], "document of passage %d", p)
}

// PutDoc stores document id.
func (tx *Tx) PutDoc(id DocID, d *Doc) error {
	if err := d.check(); err != nil {
		return err
	}
	key := key64(uint64(id))
	return tx.Put(Docs, key[:], d.encode())
}

// DeleteDoc removes the record of document id, and nothing else of it.
func (tx *Tx) DeleteDoc(id DocID) error {
	key := key64(uint64(id))
	return tx.Delete(Docs, key[:])
}

// A DocEntry is a document with its id.
type DocEntry struct {
	ID DocID
	*Doc
}

// Docs returns the documents with ids from first on, ascending. An error ends
// the sequence. The transaction may change the bucket meanwhile.
func (tx *Tx) Docs(first DocID) iter.Seq2[DocEntry, error] {
	return func(yield func(DocEntry, error) bool) {
		from := key64(uint64(first))
		err := tx.each(Docs, from[:], func(key, value []byte) (bool, error) {
			d, err := tx.decodeDoc(key, value)
			if err != nil {
				return false, err
			}
			return yield(DocEntry{ID: DocID(binary.BigEndian.Uint64(key)), Doc: d}, nil), nil
		})
		if err != nil {
			yield(DocEntry{}, fmt.Errorf("listing documents: %w", err))
		}
	}
}

// EachDoc is Docs, but goes on behind a damaged record, for which it yields an
// error with the number. Where more is damaged than records the sequence ends
// with an error and the number 0.
func (tx *Tx) EachDoc(first DocID) iter.Seq2[DocEntry, error] {
	return func(yield func(DocEntry, error) bool) {
		from := key64(uint64(first))
		c := treeCursor{p: tx.pager, t: tx.trees[Docs]}
		ok, err := c.seek(from[:])
		if err == nil {
			err = tx.absent(Docs, from[:], true, false)
		}
		for last := uint64(first); err == nil && ok; ok, err = c.next() {
			var key, sealed, value []byte
			if key, sealed, err = c.entry(); err != nil {
				break
			}
			var d DocEntry
			value, bad := tx.open(Docs, key, sealed)
			if len(key) == 8 {
				d.ID = DocID(binary.BigEndian.Uint64(key))
			}
			if bad == nil {
				d.Doc, bad = tx.decodeDoc(key, value)
			}
			if bad == nil && uint64(d.ID) < last {
				err = damagedAt(Docs, key, damaged("key is out of order"))
				break
			}
			if bad == nil {
				last = uint64(d.ID)
			}
			if !yield(d, bad) {
				return
			}
		}
		if err != nil {
			yield(DocEntry{}, fmt.Errorf("listing documents: %w", damagedAt(Docs, nil, err)))
		}
	}
}
