package ciyuan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// optionMode is the name in Meta.Options of the tokenizer's mode.
const optionMode = "mode"

// A DB is an open index. All methods are safe for concurrent use: any number of
// searches go on beside one change, each seeing the state that the last
// finished change left. Close waits for them.
type DB struct {
	opts Options
	path string
	enc  encoder.Static // nil if the index was made with another; then noEnc says so; without words if own is set
	tok  *tokenizer.Tokenizer
	dict *tokenizer.Dict // that tok has, nil for none

	noEnc error // what methods return that need vectors

	contextual     encoder.Contextual // nil if the index was not made with one
	unit           Unit               // that it encodes
	noContextual   error              // what adding and searching return instead of using token vectors
	codebook       atomic.Pointer[codebook]
	pendingLeaders atomic.Pointer[pendingLeaders]
	vectorWriter   *vectorWriter // of the last change; held by writing

	own     *ownVectors // set if the index holds the vectors of its words
	ownMeta *store.Meta // its settings when it was opened, of which those of the encoder never change

	writing sync.Mutex // held by whatever changes the index

	open     sync.RWMutex // held for reading by every use of store, else by Close, Compact and Release
	closed   bool
	released bool   // store is closed until it is used again
	settings string // of the file, as they were adopted
	store    *store.Store
	lexicon  atomic.Pointer[lexicon]
}

// Open opens the index at path, making it if it is not there. nil options mean
// the defaults.
//
// Errors: ErrNoIndex (only with MustExist or ReadOnly), ErrLocked, ErrNotIndex,
// ErrFormatTooNew, ErrCorrupt, ErrModelMismatch, ErrNoDefault, and those of the
// file system.
func Open(path string, opts *Options) (*DB, error) {
	db := &DB{path: path}
	if opts != nil {
		db.opts = *opts
	}
	so := store.Options{ReadOnly: db.opts.ReadOnly, Timeout: db.opts.Timeout, Salvage: db.opts.Salvage && db.opts.ReadOnly}
	var err error
	if so.Create, err = db.newSettings(); err != nil {
		return nil, err
	}
	db.store, err = store.Open(path, so)
	if err != nil {
		return nil, err
	}
	if err := db.adoptSettings(); err != nil {
		return nil, errors.Join(err, db.store.Close())
	}
	return db, nil
}

// adoptSettings makes the tokenizer that the index was made with and checks the
// encoder.
func (db *DB) adoptSettings() error {
	var m *store.Meta
	var stored []byte
	err := db.view(func(tx *store.Tx) (err error) {
		if m, err = tx.Meta(); err == nil {
			stored, err = tx.Dictionary()
			stored = bytes.Clone(stored)
		}
		return err
	})
	if err != nil {
		return err
	}
	db.settings = settingsOf(m)
	if err := db.adoptEncoder(m); err != nil {
		return err
	}
	if err := db.adoptContextual(); err != nil {
		return err
	}
	mode, err := tokenizer.ParseMode(option(m, optionMode))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if db.dict = db.opts.Dict; db.dict == nil && stored != nil {
		if db.dict, err = tokenizer.ParseDict(bytes.NewReader(stored)); err != nil {
			return fmt.Errorf("%w: the user dictionary of the index: %w", ErrCorrupt, err)
		}
	}
	db.tok, err = tokenizer.New(tokenizer.Options{Mode: mode, Dict: db.dict})
	return err
}

// dictText returns the user dictionary as it is stored, empty for none.
func (db *DB) dictText() []byte {
	if db.dict == nil {
		return nil
	}
	return []byte(db.dict.Text())
}

// adopt prepares the index for being changed by this process.
func (db *DB) adopt(tx *store.Tx, m *store.Meta) error {
	if fp := db.tok.Fingerprint(); m.TokenizerFingerprint != fp {
		if m.TokenizerFingerprint != "" {
			m.TokenizerVersion++
		}
		m.TokenizerFingerprint = fp
		if err := tx.SetMeta(m); err != nil {
			return err
		}
		// The fingerprint covers it: it need not be compared otherwise.
		if err := tx.SetDictionary(db.dictText()); err != nil {
			return err
		}
	}
	return dropIncomplete(tx, m)
}

// Close releases the file. A second Close returns ErrClosed.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	db.open.Lock()
	defer db.open.Unlock()
	if db.closed {
		return ErrClosed
	}
	db.closed = true
	db.forget()
	if db.released {
		return nil
	}
	return db.store.Close()
}

// forget drops what is kept in memory of the file.
func (db *DB) forget() {
	db.lexicon.Store(nil)
	db.codebook.Store(nil)
	db.pendingLeaders.Store(nil)
	db.vectorWriter = nil
}

// Path returns the path that the index was opened with.
func (db *DB) Path() string { return db.path }

// view calls fn with a transaction that reads. What fn finds missing was named by
// another record of the same state, so the index is damaged.
func (db *DB) view(fn func(tx *store.Tx) error) error {
	if err := db.hold(); err != nil {
		return err
	}
	defer db.open.RUnlock()
	return store.Dangling(db.store.View(fn))
}

func (db *DB) update(fn func(tx *store.Tx) error) error {
	if err := db.hold(); err != nil {
		return err
	}
	defer db.open.RUnlock()
	return store.Dangling(db.store.Update(fn))
}

func (db *DB) meta() (m *store.Meta, err error) {
	err = db.view(func(tx *store.Tx) error {
		m, err = tx.Meta()
		return err
	})
	return m, err
}

func (db *DB) workers() int {
	if db.opts.Workers > 0 {
		return db.opts.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (db *DB) progress(phase string, done, total int64, unit string) {
	if db.opts.Progress != nil {
		db.opts.Progress(Progress{Phase: phase, Done: done, Total: total, Unit: unit})
	}
}

// An Entry describes a document without its text.
type Entry struct {
	ID       string            `json:"id"`
	Title    string            `json:"title,omitempty"`
	Meta     map[string]string `json:"meta,omitempty"`
	Source   Source            `json:"-"`
	Passages int               `json:"passages"`
	Words    int               `json:"words"`
	Bytes    int64             `json:"bytes"` // of text
}

// Get returns a document with its text and its fields, or ErrNotFound.
func (db *DB) Get(ctx context.Context, id string) (Document, error) {
	var doc Document
	if err := ctx.Err(); err != nil {
		return doc, err
	}
	err := db.view(func(tx *store.Tx) error {
		s, ok, err := tx.Source(id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: %q", ErrNotFound, id)
		}
		doc, err = readDocument(tx, s)
		return err
	})
	return doc, err
}

// readDocument reads a whole document.
func readDocument(tx *store.Tx, s store.Source) (Document, error) {
	d, err := tx.Doc(s.Doc)
	if err != nil {
		return Document{}, err
	}
	text := make([]byte, 0, d.TextBytes)
	for i := range d.Passages {
		t, err := tx.Text(store.PassageID(s.Doc) + store.PassageID(i))
		if err != nil {
			return Document{}, err
		}
		text = append(text, t.Text...)
	}
	return Document{
		ID: d.External, Title: d.Title, Text: string(text), Meta: fields(d.Meta), Source: sourceFrom(d, s),
	}, nil
}

func sourceFrom(d *store.Doc, s store.Source) Source {
	out := Source{Path: d.Path, Size: s.Size}
	if s.ModTime != 0 {
		out.ModTime = time.Unix(0, s.ModTime)
	}
	return out
}

func fields(pairs []store.Pair) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		m[p.Name] = p.Value
	}
	return m
}
