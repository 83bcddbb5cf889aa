package ciyuan

import (
	"context"
	"iter"

	"github.com/ciyuan-search/ciyuan/store"
)

// listStep is how many documents List reads at a time.
const listStep = 512

// List yields the documents whose ids begin with prefix, by ascending id. No
// text is read. An error ends the sequence.
//
// They are read some hundred at a time: the index may be changed inside the loop,
// and nobody waits for one that takes its time. A document that is there all the
// while is yielded once; of one that is added, changed or deleted meanwhile the
// earlier state may be seen or the later.
func (db *DB) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		after, more := "", true
		for more {
			step, err := db.listAfter(ctx, prefix, after)
			for _, e := range step {
				if !yield(e, nil) {
					return
				}
				after = e.ID
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			more = len(step) == listStep
		}
	}
}

// listAfter returns up to listStep documents whose ids come after one.
func (db *DB) listAfter(ctx context.Context, prefix, after string) (step []Entry, err error) {
	err = db.view(func(tx *store.Tx) error {
		for s, err := range tx.SourcesAfter(prefix, after) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := tx.Doc(s.Doc)
			if err != nil {
				return err
			}
			step = append(step, Entry{
				ID: d.External, Title: d.Title, Meta: fields(d.Meta), Source: sourceFrom(d, s.Source),
				Passages: int(d.Passages), Words: int(d.Words), Bytes: int64(d.TextBytes),
			})
			if len(step) == listStep {
				return nil
			}
		}
		return nil
	})
	return step, err
}
