package ciyuan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// ReEncodeSuffix is what the name of the index ends with that ReEncode builds beside
// the other, and goes on with if it was interrupted.
const ReEncodeSuffix = ".reencode"

// ReEncodeResult says what ReEncode has done.
type ReEncodeResult struct {
	Documents int `json:"documents"`
	Words     int `json:"words"`   // distinct words
	Resumed   int `json:"resumed"` // documents that an earlier run, which was interrupted, had encoded
}

const (
	// reencodeStep is how much text is read at a time, in bytes.
	reencodeStep = 256 << 10

	// reencodeTime is how often what is encoded is committed, at the end of a step:
	// what an interruption may cost.
	reencodeTime = 2 * time.Second
)

// ReEncode gives the index at path the vectors of another encoder, opts.Encoder: its
// documents are encoded again from their stored texts, into an index beside it, which
// takes its place, atomically, when it is complete. Mode, dictionary and sources of the
// documents stay as they are. What comes out depends only on the documents and their
// order.
//
// A run that was interrupted, in whatever way, leaves the index as it was, and the next
// one with the same encoder goes on where it ended. Meanwhile others can read the
// index, but not change it, except between runs: what was changed then is taken into
// account. With another encoder than the last time it begins anew.
//
// Of opts, which may be nil, Encoder, GraphWords, Workers, Timeout and Progress count.
// Errors: ErrNoIndex, ErrLocked, ErrNotIndex, ErrFormatTooNew, ErrNoDefault, ErrCorrupt,
// the encoder's, and those of the file system.
func ReEncode(ctx context.Context, path string, opts *Options) (*ReEncodeResult, error) {
	r := &reencode{ctx: ctx, path: path, result: &ReEncodeResult{}}
	if opts != nil {
		r.opts = *opts
	}
	for {
		done, err := r.round()
		if err != nil {
			return nil, fmt.Errorf("encoding %s again: %w", path, err)
		}
		if done {
			return r.result, nil
		}
	}
}

// reencode is one run of ReEncode.
type reencode struct {
	ctx    context.Context
	path   string
	opts   Options
	result *ReEncodeResult
	from   *DB
	to     *DB
	done   int64
	total  int64
}

// round brings the new index up to the state of the old one and puts it in its place,
// and reports whether it did: not if the old one was changed in between.
func (r *reencode) round() (done bool, err error) {
	r.from, err = Open(r.path, &Options{ReadOnly: true, AnyEncoder: true, Timeout: r.opts.Timeout})
	if err != nil {
		return false, err
	}
	var state uint64
	err = r.from.view(func(tx *store.Tx) error { state = tx.Generation(); return nil })
	if err == nil {
		err = r.openAside()
	}
	if err != nil {
		return false, errors.Join(err, r.from.Close())
	}
	err = r.follow()
	if err = errors.Join(err, r.from.Close()); err == nil {
		done, err = r.replace(state)
	}
	if err = errors.Join(err, r.to.Close()); err != nil || !done {
		return false, err
	}
	if err := os.Remove(r.path + ReEncodeSuffix); err != nil {
		return false, fmt.Errorf("the index is encoded again, but what was built beside it cannot be removed: %w", err)
	}
	return true, nil
}

// openAside opens the new index, one that an earlier run has begun if it is of use.
func (r *reencode) openAside() (err error) {
	o := r.opts
	o.ReadOnly, o.MustExist, o.AnyEncoder = false, false, false
	o.Dict, o.Progress = r.from.dict, nil
	err = r.from.view(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err == nil {
			o.Mode, err = tokenizer.ParseMode(option(m, optionMode))
			r.total = int64(m.LivePassages)
		}
		return err
	})
	if err != nil {
		return err
	}
	aside := r.path + ReEncodeSuffix
	for try := 0; ; try++ {
		r.to, err = Open(aside, &o)
		stale := errors.Is(err, ErrModelMismatch) || errors.Is(err, ErrNotIndex) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrFormatTooNew)
		if err == nil {
			if r.to.tok.Fingerprint() == r.from.tok.Fingerprint() {
				return nil
			}
			stale = true
			if err := r.to.Close(); err != nil {
				return err
			}
		}
		if !stale || try > 0 {
			return err
		}
		if err := os.Remove(aside); err != nil {
			return err
		}
	}
}

// follow makes the documents of the new index those of the old one.
func (r *reencode) follow() error {
	var gone []string
	for e, err := range r.to.List(r.ctx, "") {
		if err != nil {
			return err
		}
		err := r.from.view(func(tx *store.Tx) error {
			_, ok, err := tx.Source(e.ID)
			if !ok {
				gone = append(gone, e.ID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		if _, err := r.to.Delete(r.ctx, gone...); err != nil {
			return err
		}
	}
	var next store.DocID
	var docs []Document
	r.done = 0
	for more := true; more; {
		var began time.Time
		_, err := r.to.AddBatch(r.ctx, func(yield func(Document, error) bool) {
			for began = time.Now(); more && time.Since(began) < reencodeTime; {
				var passages int64
				var err error
				docs, next, passages, err = r.read(docs[:0], next)
				more = len(docs) > 0 && err == nil // read goes on until there is one
				for _, doc := range docs {
					if !yield(doc, nil) {
						return
					}
				}
				r.done += passages
				if r.opts.Progress != nil {
					r.opts.Progress(Progress{Phase: "encoding", Done: r.done, Total: r.total, Unit: "passages"})
				}
				// After an error AddBatch still commits what came before.
				if err = cmp.Or(err, r.ctx.Err()); err != nil {
					yield(Document{}, err)
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read appends the documents from an id on, some megabytes of them, and returns the
// id to go on with and the number of their passages.
func (r *reencode) read(docs []Document, from store.DocID) ([]Document, store.DocID, int64, error) {
	bytes, passages := 0, int64(0)
	err := r.from.view(func(tx *store.Tx) error {
		for d, err := range tx.Docs(from) {
			if err != nil {
				return err
			}
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if bytes >= reencodeStep {
				return nil
			}
			from = d.ID + 1
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
			passages += int64(d.Passages)
			if have, err := r.has(d.External, source); err != nil {
				return err
			} else if have {
				r.result.Resumed++
				continue
			}
			doc, err := readDocument(tx, source)
			if err != nil {
				return err
			}
			docs = append(docs, doc)
			bytes += len(doc.Text) + len(doc.Title)
		}
		return nil
	})
	return docs, from, passages, err
}

// has reports whether the new index has a document as it is in the old one.
func (r *reencode) has(id string, source store.Source) (have bool, err error) {
	err = r.to.view(func(tx *store.Tx) error {
		there, ok, err := tx.Source(id)
		there.Doc = source.Doc
		have = ok && there == source
		return err
	})
	return have, err
}

// replace puts the new index in the place of the old one, if that is still in the
// given state.
func (r *reencode) replace(state uint64) (done bool, err error) {
	db, err := Open(r.path, &Options{MustExist: true, AnyEncoder: true, Timeout: r.opts.Timeout})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.writing.Lock()
	defer db.writing.Unlock()
	same := false
	err = db.view(func(tx *store.Tx) error { same = tx.Generation() == state; return nil })
	if err != nil || !same {
		return false, err
	}
	m, err := r.to.meta()
	if err != nil {
		return false, err
	}
	r.to.opts.Progress = r.opts.Progress
	if err := db.rewrite(r.ctx, r.to, m); err != nil {
		return false, err
	}
	after, err := db.meta()
	if err != nil {
		return false, err
	}
	r.result.Documents, r.result.Words = int(after.LiveDocs), int(after.NextCode)
	return true, nil
}
