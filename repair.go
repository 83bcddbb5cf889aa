package ciyuan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// RepairResult says what Repair has saved.
type RepairResult struct {
	Saved   int    `json:"saved"`   // documents in the repaired index
	Lost    []Lost `json:"lost"`    // documents that could not be saved
	Damaged string `json:"damaged"` // where the damaged file is now

	// Unknown is how many documents more were there, of which not even the id is
	// left.
	Unknown int `json:"unknown,omitempty"`

	// Notes are what else is not as it was: settings that were lost, and replaced
	// by those of the options.
	Notes []string `json:"notes,omitempty"`
}

// Lost is a document that could not be saved.
type Lost struct {
	ID     string `json:"id"`
	Reason string `json:"problem"`
}

// Repair makes the index at path anew from those of its documents that are
// intact: their texts, titles and fields, in the order in which they were added.
// Postings, look-ups and the graph, damaged or not, are built from them again, so
// that the index searches like one that was just made of these documents. It is
// built beside the damaged file and takes its name when it is complete; the
// damaged file is kept under another name. Of a document nothing or all of it is
// saved.
//
// Nobody may have the index open for writing. It takes the time of indexing the
// documents, room for the new file, and memory that grows by some 50 bytes a
// document and passage. After an error or a cancelled ctx the file is as before.
//
// Of opts, which may be nil, Encoder has to be that which the index was made with,
// also where the index holds the vectors of its words: they are asked for again. Mode
// and Dict count where the settings of the index are lost. Errors: ErrNoIndex, ErrLocked, ErrNotIndex, ErrFormatTooNew,
// ErrModelMismatch, ErrNoDefault, ErrCorrupt where nothing at all can be read, and
// those of the file system.
func Repair(ctx context.Context, path string, opts *Options) (*RepairResult, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Encoder == nil {
		table, err := encoder.Default()
		if err != nil {
			return nil, err
		}
		o.Encoder = table
	}
	s, err := store.OpenSalvage(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &repair{ctx: ctx, path: path, salvage: s, opts: o, result: &RepairResult{Lost: []Lost{}}}
	err = r.run()
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, fmt.Errorf("repairing %s: %w", path, err)
	}
	return r.result, nil
}

// repair is one run of Repair.
type repair struct {
	ctx     context.Context
	path    string
	salvage *store.Salvage
	opts    Options
	result  *RepairResult
	seen    int64
	rows    uint64 // token vectors that were brought and are saved
	coder   *index.RowCoder
}

func (r *repair) note(format string, args ...any) {
	r.result.Notes = append(r.result.Notes, fmt.Sprintf(format, args...))
}

func (r *repair) run() (err error) {
	if err := r.settings(); err != nil {
		return err
	}
	aside := store.Aside(r.path)
	defer func() {
		if err != nil {
			if rerr := os.Remove(aside); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	r.opts.ReadOnly, r.opts.MustExist, r.opts.AnyEncoder = false, false, false
	db, err := Open(aside, &r.opts)
	if err != nil {
		return err
	}
	if err = errors.Join(r.fill(db), db.Close()); err != nil {
		return err
	}
	r.result.Damaged, err = r.salvage.Replace(r.path, aside)
	return err
}

// settings makes the options those of the damaged index, as far as they are left.
func (r *repair) settings() error {
	m := r.salvage.Meta
	if m == nil {
		r.note("the settings of the index are lost: it has now mode %s and the encoder %s", r.opts.Mode, r.opts.Encoder.Name())
	} else {
		enc := r.opts.Encoder
		if wordsOf(enc) == nil {
			table, err := encoder.Default()
			if err != nil {
				return err
			}
			enc = table
		}
		if m.EncoderFingerprint != enc.Fingerprint() || m.Encoder != enc.Name() {
			return fmt.Errorf("%w: it has the vectors of %s (%.12s), now opened with %s (%.12s)",
				ErrModelMismatch, m.Encoder, m.EncoderFingerprint, enc.Name(), enc.Fingerprint())
		}
		mode, err := tokenizer.ParseMode(option(m, optionMode))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		r.opts.Mode = mode
	}
	if err := r.vectorSettings(); err != nil {
		return err
	}
	if r.opts.Dict == nil {
		if stored := r.salvage.Dictionary; stored != nil {
			dict, err := tokenizer.ParseDict(bytes.NewReader(stored))
			if err != nil {
				return fmt.Errorf("%w: the user dictionary of the index: %w", ErrCorrupt, err)
			}
			r.opts.Dict = dict
		} else if m != nil && m.TokenizerFingerprint != "" {
			tok, err := tokenizer.New(tokenizer.Options{Mode: r.opts.Mode})
			if err != nil {
				return err
			}
			if tok.Fingerprint() != m.TokenizerFingerprint {
				r.note("the user dictionary is lost, or the index was made by another version: words are cut as without one")
			}
		}
	}
	if r.salvage.Behind {
		r.note("a meta page is damaged: the last change before the damage may be missing")
	}
	if r.salvage.Unsure {
		r.note("documents that were deleted before may be among those saved")
	}
	return nil
}

// fill adds the intact documents to db.
func (r *repair) fill(db *DB) error {
	var walk error
	var total int64
	if r.salvage.Meta != nil {
		total = int64(r.salvage.Meta.LiveDocs)
	}
	added, err := db.AddBatch(r.ctx, func(yield func(Document, error) bool) {
		stopped := errors.New("stopped")
		walk = r.salvage.Documents(r.ctx, func(d store.Salvaged) error {
			if r.seen++; r.seen%256 == 0 {
				db.progress("repair", r.seen, total, "documents")
			}
			if d.Err != nil {
				r.lose(&d)
				return nil
			}
			doc := Document{
				ID: d.External, Title: d.Doc.Title, Meta: fields(d.Doc.Meta), Source: sourceFrom(d.Doc, d.Source),
			}
			if d.Doc.TextBytes <= chunkBytes {
				text, err := io.ReadAll(&salvagedText{salvage: r.salvage, doc: &d})
				if err != nil {
					return err
				}
				doc.Text = string(text)
			} else {
				doc.Body = &salvagedText{salvage: r.salvage, doc: &d}
			}
			if err := r.brought(&d, &doc); err != nil {
				return err
			}
			if !yield(doc, nil) {
				return stopped
			}
			return nil
		})
		if errors.Is(walk, stopped) {
			walk = nil
		}
	})
	if err = errors.Join(walk, err); err != nil {
		return err
	}
	r.result.Saved = added.Added
	if m := r.salvage.Meta; m != nil {
		known := r.result.Saved + len(r.result.Lost)
		if option(m, optionIncomplete) != "" {
			known++ // what was being written was never there
		}
		r.result.Unknown = max(0, int(m.LiveDocs)-known)
	}
	if vm := r.salvage.VectorMeta; vm != nil && vm.Encoder == "" && r.rows < vm.Rows {
		r.note("%d of %d token vectors that were made elsewhere are lost; their documents have been saved without", vm.Rows-r.rows, vm.Rows)
	}
	return nil
}

func (r *repair) lose(d *store.Salvaged) {
	r.result.Lost = append(r.result.Lost, Lost{ID: d.External, Reason: d.Err.Error()})
}

// salvagedText reads the text of a document passage by passage.
type salvagedText struct {
	salvage *store.Salvage
	doc     *store.Salvaged
	next    uint32
	rest    []byte
}

func (t *salvagedText) Read(p []byte) (int, error) {
	for len(t.rest) == 0 {
		if t.next == t.doc.Doc.Passages {
			return 0, io.EOF
		}
		text, err := t.salvage.Text(store.PassageID(t.doc.ID) + store.PassageID(t.next))
		if err != nil {
			return 0, err
		}
		t.rest = text.Text
		t.next++
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}
