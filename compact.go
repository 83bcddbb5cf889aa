package ciyuan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/store"
)

// Compact writes the index anew, without what is deleted, words that no
// document has any more and free pages, and puts the new file in the place of
// the old one, atomically. Words are numbered by descending document frequency and
// the graph is built afresh, so that what comes out depends only on the documents and their
// order. Documents that were cut with an older dictionary are cut again.
//
// Searches go on meanwhile; other changes wait. It needs room for a second file
// beside the first. After an error or a cancelled ctx the index is as before.
func (db *DB) Compact(ctx context.Context) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	if db.noEnc != nil {
		return db.noEnc
	}
	var old *store.Meta
	err := db.update(func(tx *store.Tx) (err error) {
		if old, err = tx.Meta(); err == nil {
			err = db.adopt(tx, old)
		}
		return err
	})
	if err != nil {
		return err
	}
	return db.rewrite(ctx, db, old)
}

// rewrite puts a new file in the place of that of db, with the live content of from,
// which may be db, and the settings that old says. The caller holds db.writing.
func (db *DB) rewrite(ctx context.Context, from *DB, old *store.Meta) error {
	// Without the tokenizer's fingerprint: who writes first enters it, and the
	// dictionary with it.
	m := &store.Meta{
		Encoder: old.Encoder, EncoderFingerprint: old.EncoderFingerprint, Dim: old.Dim,
		Tokenizer: old.Tokenizer, TokenizerVersion: old.TokenizerVersion, Options: slices.Clone(old.Options),
	}
	setOption(m, optionIncomplete, "")
	setOption(m, optionDeleted, "")
	fresh, err := db.store.CreateTemp(store.Options{Create: m})
	if err != nil {
		return err
	}
	c := compaction{db: from, to: &DB{
		path: db.path, opts: from.opts, enc: from.enc, own: from.own, ownMeta: from.ownMeta, tok: from.tok, dict: from.dict, store: fresh,
		contextual: from.contextual, unit: from.unit,
	}, ctx: ctx}
	if err := c.run(); err != nil {
		return errors.Join(err, fresh.Discard())
	}
	db.open.Lock()
	defer db.open.Unlock()
	if err := db.store.ReplaceWith(fresh); err != nil {
		return errors.Join(err, fresh.Discard())
	}
	before := db.store
	db.store = fresh
	db.forget()
	return before.Close()
}

// compaction copies the live content of an index into an empty one.
type compaction struct {
	ctx     context.Context
	db      *DB // from
	to      *DB
	codes   []store.Code // old code -> new code + 1, 0 for none
	version uint32       // of the tokenizer: documents of older ones are cut again
	vectors vectorCopy
	done    int64
	total   int64
}

func (c *compaction) run() error {
	err := c.db.view(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		c.version = m.TokenizerVersion
		if c.vectors.meta, err = tx.VectorMeta(); err != nil {
			return err
		}
		c.total = int64(m.LivePassages)
		order, err := c.number(tx, m)
		if err != nil {
			return err
		}
		if err := c.copyWords(tx, order); err != nil {
			return err
		}
		if err := c.copyLeaders(tx); err != nil {
			return err
		}
		return c.copyDocs(tx)
	})
	if err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	if err := c.to.fold(c.ctx); err != nil {
		return err
	}
	return c.to.shape(c.ctx)
}

// number returns the used codes by descending document frequency, equal ones
// by word, and fills codes.
func (c *compaction) number(tx *store.Tx, m *store.Meta) ([]store.Code, error) {
	df := make([]uint32, m.NextCode)
	last := make([]uint64, m.NextCode) // passage that counted last, plus one
	var codes []uint32
	count := func(id store.PassageID, record []byte) (err error) {
		if codes, _, err = store.AppendCodes(codes[:0], record); err != nil {
			return fmt.Errorf("passage %d: %w", id, err)
		}
		for _, code := range codes {
			if int(code) < len(df) && last[code] != uint64(id)+1 {
				df[code]++
				last[code] = uint64(id) + 1
			}
		}
		return nil
	}
	for d, err := range tx.Docs(0) {
		if err != nil {
			return nil, err
		}
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		if d.Incomplete || d.Tokenizer != c.version && !c.hasOwnVectors() {
			continue
		}
		for i := range d.Passages {
			id := store.PassageID(d.ID) + store.PassageID(i)
			record, err := tx.Passage(id)
			if err != nil {
				return nil, err
			}
			if err := count(id, record); err != nil {
				return nil, err
			}
		}
	}
	type entry struct {
		code store.Code
		df   uint32
		word string
	}
	var used []entry
	words := tx.WordReader()
	for code, n := range df {
		if n > 0 {
			word, err := words.Word(store.Code(code))
			if err != nil {
				return nil, err
			}
			used = append(used, entry{store.Code(code), n, string(word)})
		}
	}
	order.Stable(used, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.df, a.df), cmp.Compare(a.word, b.word))
	})
	c.codes = make([]store.Code, m.NextCode)
	order := make([]store.Code, len(used))
	for i, e := range used {
		order[i] = e.code
		c.codes[e.code] = store.Code(i) + 1
	}
	return order, nil
}

// copyWords stores the words in their new order.
func (c *compaction) copyWords(tx *store.Tx, order []store.Code) error {
	const step = 1 << 16
	words, refs := tx.WordReader(), tx.RefReader()
	for from := 0; from < len(order); from += step {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		part := order[from:min(from+step, len(order))]
		err := c.to.update(func(to *store.Tx) error {
			m, err := to.Meta()
			if err != nil {
				return err
			}
			first := m.NextCode
			list := make([]string, len(part))
			vectors := make([]store.Ref, len(part))
			for i, code := range part {
				text, err := words.Word(code)
				if err != nil {
					return err
				}
				list[i] = string(text)
				if vectors[i], err = refs.Ref(nil, code); err != nil {
					return err
				}
			}
			if err := to.AddWords(m, list); err != nil {
				return err
			}
			if err := to.AddRefs(first, vectors); err != nil {
				return err
			}
			return to.SetMeta(m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyDocs writes the documents in their order.
func (c *compaction) copyDocs(tx *store.Tx) error {
	w, err := c.to.newWriter(c.ctx)
	if err != nil {
		return err
	}
	var e store.PassageEncoder
	for d, err := range tx.Docs(0) {
		if err != nil {
			return err
		}
		if d.Incomplete {
			continue
		}
		source, ok, err := tx.Source(d.External)
		if err != nil {
			return err
		}
		if !ok || source.Doc != d.ID {
			return fmt.Errorf("%w: bucket ids, key %q: does not lead to document %d", ErrCorrupt, d.External, d.ID)
		}
		if d.Tokenizer != c.version && !c.hasOwnVectors() {
			doc, err := readDocument(tx, source)
			if err != nil {
				return err
			}
			if err := w.add(&doc); err != nil {
				return err
			}
			c.tick(int64(d.Passages))
			continue
		}
		// Documents cut anew wait in the writer's group: they come first.
		if err := w.cut(); err != nil {
			return err
		}
		rd := runDoc{id: store.DocID(w.next), doc: *d.Doc, source: source}
		rd.source.Doc = rd.id
		rd.doc.Passages, rd.doc.TextBytes, rd.doc.Words = 0, 0, 0
		for i := range d.Passages {
			id := store.PassageID(d.ID) + store.PassageID(i)
			if err := c.copyPassage(tx, w, &rd, &e, id); err != nil {
				return fmt.Errorf("document %q: %w", d.External, err)
			}
			if w.full() && i+1 < d.Passages {
				rd.partial = true
				w.run.docs = append(w.run.docs, rd)
				if err := w.commit(); err != nil {
					return err
				}
				rd.partial, rd.resumed = false, true
			}
		}
		w.run.docs = append(w.run.docs, rd)
		w.run.bytes += runCost
		if w.full() {
			if err := w.commit(); err != nil {
				return err
			}
		}
		c.tick(int64(d.Passages))
	}
	if err := w.cut(); err != nil {
		return err
	}
	return w.commit()
}

func (c *compaction) tick(n int64) {
	c.done += n
	c.db.progress("compact", c.done, c.total, "passages")
}

// copyPassage adds a passage to the run, its codes translated.
func (c *compaction) copyPassage(tx *store.Tx, w *writer, doc *runDoc, e *store.PassageEncoder, id store.PassageID) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	text, err := tx.Text(id)
	if err != nil {
		return err
	}
	record, err := tx.Passage(id)
	if err != nil {
		return err
	}
	translate := func(code store.Code) (store.Code, error) {
		if int(code) >= len(c.codes) || c.codes[code] == 0 {
			return 0, fmt.Errorf("%w: passage %d has code %d, which is not there", ErrCorrupt, id, code)
		}
		return c.codes[code] - 1, nil
	}
	e.Reset()
	d := store.DecodePassage(record)
	var t store.Token
	var parts []store.Part
	inTitle := false
	words := 0
	for d.Next(&t) {
		if t.Title && !inTitle {
			e.Title()
			inTitle = true
		}
		if !t.Title && inTitle {
			e.Gap(d.TitleTrailing())
			e.EndTitle()
			inTitle = false
		}
		e.Gap(int(t.Gap))
		code, err := translate(t.Code)
		if err != nil {
			return err
		}
		e.Token(code, int(t.Length))
		parts = parts[:0]
		for p := range t.Parts() {
			if p.Code, err = translate(p.Code); err != nil {
				return err
			}
			parts = append(parts, p)
		}
		e.Parts(parts)
		words++
	}
	if err := d.Err(); err != nil {
		return err
	}
	if inTitle {
		e.Gap(d.TitleTrailing())
		e.EndTitle()
	}
	e.Gap(d.Trailing())
	w.addPassage(doc, string(text.Text), e.Bytes(), words, 0)
	return c.copyVectors(w, id)
}
