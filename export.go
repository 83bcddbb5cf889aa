package ciyuan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ciyuan-search/ciyuan/store"
)

// exported is a line of an export.
type exported struct {
	ID      string            `json:"id"`
	Title   string            `json:"title,omitempty"`
	Text    string            `json:"text"`
	Meta    map[string]string `json:"meta,omitempty"`
	Path    string            `json:"path,omitempty"`
	ModTime *time.Time        `json:"mtime,omitempty"`
	Size    int64             `json:"size,omitempty"`
}

// exportStep is how much of an export is made at a time, in bytes.
const exportStep = 4 << 20

// An ExportError is returned by Export when documents could not be read, and were
// left out. errors.Is(err, ErrCorrupt) holds.
type ExportError struct {
	Lost []Lost
}

// Error returns one line that names the first of the documents.
func (e *ExportError) Error() string {
	text := fmt.Sprintf("%v: %d documents could not be exported: %q: %s", ErrCorrupt, len(e.Lost), e.Lost[0].ID, e.Lost[0].Reason)
	if len(e.Lost) == 1 {
		text = fmt.Sprintf("%v: document %q could not be exported: %s", ErrCorrupt, e.Lost[0].ID, e.Lost[0].Reason)
	}
	return text
}

// Is reports whether target is ErrCorrupt.
func (e *ExportError) Is(target error) bool { return target == ErrCorrupt }

// Export writes all documents as JSON Lines, in the order in which they were
// added: {"id","title","text","meta","path","mtime","size"}. Adding them to an
// empty index in this order gives an equal one.
//
// Some megabytes are read at a time, and w is written to in between, so that
// nobody waits for a w that is slow. What is not changed meanwhile is written once
// and as it is; of a document that is changed the earlier version may be written,
// or the later, or both in this order. For one state of an index that is being
// changed export a backup. If the index is compacted or replaced meanwhile the
// error is ErrReplaced.
//
// Damaged documents are left out, and named by the *ExportError that is returned
// at the end.
func (db *DB) Export(ctx context.Context, w io.Writer) error {
	x := exporter{db: db, ctx: ctx}
	x.enc = json.NewEncoder(&x.buf)
	x.enc.SetEscapeHTML(false)
	for more := true; more; {
		err := db.view(func(tx *store.Tx) (err error) {
			more, err = x.step(tx)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(x.buf.Bytes()); err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		x.buf.Reset()
	}
	if len(x.lost) > 0 {
		return &ExportError{Lost: x.lost}
	}
	return nil
}

// exporter is one run of Export.
type exporter struct {
	db   *DB
	ctx  context.Context
	buf  bytes.Buffer
	enc  *json.Encoder
	next store.DocID // not yet exported
	of   *store.Identity
	lost []Lost
}

// step makes the next lines and reports whether there may be more.
func (x *exporter) step(tx *store.Tx) (more bool, err error) {
	id := tx.Identity()
	if x.of == nil {
		x.of = &id
	}
	if *x.of != id {
		return false, fmt.Errorf("%w while it was exported", ErrReplaced)
	}
	for d, err := range tx.EachDoc(x.next) {
		if cerr := x.ctx.Err(); cerr != nil {
			return false, cerr
		}
		if err == nil {
			err = x.document(tx, d)
		}
		if err = store.Dangling(err); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				return false, err
			}
			name := fmt.Sprintf("number %d", d.ID)
			if d.Doc != nil {
				name = d.External
			}
			x.lost = append(x.lost, Lost{ID: name, Reason: err.Error()})
		}
		if d.Doc == nil {
			continue // not even its number is sure
		}
		x.next = d.ID + 1
		if x.buf.Len() >= exportStep {
			return true, nil
		}
	}
	return false, nil
}

// document makes the line of a document.
func (x *exporter) document(tx *store.Tx, d store.DocEntry) error {
	if d.Incomplete {
		return nil
	}
	s, _, err := tx.Source(d.External)
	if err != nil {
		return err
	}
	s.Doc = d.ID
	doc, err := readDocument(tx, s)
	if err != nil {
		return err
	}
	line := exported{ID: doc.ID, Title: doc.Title, Text: doc.Text, Meta: doc.Meta, Path: doc.Source.Path, Size: doc.Source.Size}
	if !doc.Source.ModTime.IsZero() {
		line.ModTime = &doc.Source.ModTime
	}
	return x.enc.Encode(&line)
}
