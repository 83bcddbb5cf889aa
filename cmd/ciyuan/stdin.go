package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/ciyuan-search/ciyuan"
)

// stdinBytes is how much of standard input is read before it is added: who writes
// it may take any time, so the index is free while it is read.
const stdinBytes = 4 << 20

// stdinCost is what a document counts beside its text, however short it is.
const stdinCost = 512

// index adds what comes in, a batch at a time.
func (s *stream) index(ctx context.Context, r *reading, id string) (err error) {
	if !s.records && s.rest != nil {
		if err := r.db.Release(); err != nil {
			return err
		}
		file, err := spool(s.rest)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
		s.rest = file
	}
	next, stop := iter.Pull2(func(yield func(ciyuan.Document, error) bool) { s.documents(r, id, yield) })
	defer stop()
	for more := true; more; {
		if err := r.db.Release(); err != nil {
			return err
		}
		var batch []ciyuan.Document
		var failed error
		for n := 0; more && failed == nil && n < stdinBytes; {
			var doc ciyuan.Document
			if doc, failed, more = next(); more && failed == nil {
				batch = append(batch, doc)
				n += len(doc.ID) + len(doc.Title) + len(doc.Text) + stdinCost
				for name, value := range doc.Meta {
					n += len(name) + len(value)
				}
			}
		}
		adding := ctx
		if ctx.Err() != nil {
			// What was read before the user gave up is kept.
			adding = context.WithoutCancel(ctx)
		}
		docs := func(yield func(ciyuan.Document, error) bool) {
			for len(batch) > 0 {
				doc := batch[0]
				batch[0] = ciyuan.Document{} // so that it can be collected
				batch = batch[1:]
				if !yield(doc, nil) {
					return
				}
			}
		}
		if err := errors.Join(r.add(adding, docs, func() bool { return len(batch) > 0 }), failed); err != nil {
			return err
		}
	}
	return nil
}

// spool copies r to a temporary file, from which it is read again. The caller
// closes and removes it.
func spool(r io.Reader) (*os.File, error) {
	file, err := os.CreateTemp("", "ciyuan-stdin-")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, r)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}
