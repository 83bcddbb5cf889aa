package ciyuan

import (
	"context"
	"encoding/json"
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

// Export writes all documents as JSON Lines, in the order in which they were
// added: {"id","title","text","meta","path","mtime","size"}. Adding them to an
// empty index in this order gives an equal one.
func (db *DB) Export(ctx context.Context, w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return db.view(func(tx *store.Tx) error {
		for d, err := range tx.Docs(0) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if d.Incomplete {
				continue
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
			if err := enc.Encode(&line); err != nil {
				return fmt.Errorf("writing the export: %w", err)
			}
		}
		return nil
	})
}
