package ciyuan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/store"
)

// staticOr returns enc or, for nil, the embedded table.
func staticOr(enc encoder.Encoder) (encoder.Static, error) {
	switch e := enc.(type) {
	case nil:
		table, err := encoder.Default()
		if err != nil {
			return nil, err // and not a nil table inside of an interface
		}
		return table, nil
	case encoder.Static:
		return e, nil
	}
	return nil, fmt.Errorf("%w: %s is an encoder of another kind than encoder.Static and encoder.Words", ErrOption, enc.Name())
}

// wordsOf returns what gives words their vectors: an encoder that gives them to tokens
// leaves that to the embedded table.
func wordsOf(e encoder.Encoder) encoder.Encoder {
	if _, ok := e.(encoder.Contextual); ok {
		return nil
	}
	return e
}

// newSettings returns the settings of the index, if it may be made, nil if it is there
// already or may not.
func (db *DB) newSettings() (*store.Meta, error) {
	create := !db.opts.MustExist && !db.opts.ReadOnly
	if create {
		// A server is asked only where there is something to be made with its answer.
		_, err := os.Stat(db.path)
		create = errors.Is(err, fs.ErrNotExist)
	}
	m := &store.Meta{}
	db.contextual, _ = db.opts.Encoder.(encoder.Contextual)
	if source, ok := db.opts.Encoder.(encoder.Words); !ok {
		if db.enc, db.noEnc = staticOr(wordsOf(db.opts.Encoder)); db.noEnc == nil {
			m.Encoder, m.EncoderFingerprint, m.Dim = db.enc.Name(), db.enc.Fingerprint(), uint32(db.enc.Dim())
		} else if create || !errors.Is(db.noEnc, ErrNoDefault) {
			if !db.opts.AnyEncoder {
				return nil, db.noEnc
			}
			create = false
		}
	} else if create {
		var err error
		if m, err = newOwn(context.Background(), source); err != nil {
			return nil, err
		}
	}
	if !create {
		return nil, nil
	}
	m.Tokenizer, m.TokenizerVersion = "gse", 1
	setOption(m, optionMode, db.opts.Mode.String())
	return m, nil
}

// adoptEncoder compares the encoder with that of the index.
func (db *DB) adoptEncoder(m *store.Meta) error {
	source, _ := db.opts.Encoder.(encoder.Words)
	var given encoder.Encoder = source
	if source == nil && db.enc != nil {
		given = db.enc
	}
	same := given != nil && given.Name() == m.Encoder && given.Fingerprint() == m.EncoderFingerprint
	switch {
	case option(m, optionVectors) != vectorsOwn:
		if same && source == nil && db.enc.Dim() == int(m.Dim) {
			return nil
		}
	case same && source != nil || wordsOf(db.opts.Encoder) == nil:
		empty, err := ownTable(m, nil, nil)
		if err != nil {
			return err
		}
		db.enc, db.own, db.ownMeta, db.noEnc = empty, &ownVectors{source: source}, m, nil
		return nil
	}
	if db.noEnc == nil {
		now := fmt.Sprintf("%s (%.12s)", given.Name(), given.Fingerprint())
		if c, ok := db.opts.Encoder.(encoder.Contextual); ok {
			now = fmt.Sprintf("%s (%.12s) and %s", c.Name(), c.Fingerprint(), now) // for tokens, and for words
		}
		db.noEnc = fmt.Errorf("%w: it has the vectors of %s (%.12s), now opened with %s; open it with the encoder that it was made with",
			ErrModelMismatch, m.Encoder, m.EncoderFingerprint, now)
	}
	db.enc = nil
	if db.opts.AnyEncoder {
		return nil
	}
	return db.noEnc
}
