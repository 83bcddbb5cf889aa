package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// copyBytes is how much of a copy one transaction writes, and so its memory.
const copyBytes = 8 << 20

// Backup writes the last committed state to a new file at path, with the
// permissions of s. The copy is complete and on the disk when it gets its name;
// after an error or a crash there is what was there before. Other transactions
// go on meanwhile. Every value is verified on the way, pages are packed, and the
// copy has an identity of its own: its bytes are not those of s, its entries and
// its format are.
//
// With replace, a regular file at path is replaced, atomically; without, the
// error is fs.ErrExist. The file of s itself is never replaced.
//
// progress, if not nil, is called with the entries copied and in all.
func (s *Store) Backup(ctx context.Context, path string, replace bool, progress func(done, total int64)) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := s.mayReplace(path, replace); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	removeStale(path, nil)
	aside := asideOf(path)
	t, err := build(aside, Options{}, s.format, true)
	if err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	err = s.View(func(tx *Tx) error { return tx.copyTo(ctx, t, "backup", progress) })
	if err == nil {
		err = t.finish(s)
	}
	if err = errors.Join(err, t.Close()); err == nil {
		if replace {
			err = move(aside, path)
		} else {
			err = place(aside, path)
		}
	}
	if err = errors.Join(err, removeIfThere(aside)); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return nil
}

// mayReplace returns why there cannot be a backup at path.
func (s *Store) mayReplace(path string, replace bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w and is no regular file", fs.ErrExist)
	case !replace:
		return fs.ErrExist
	}
	same, err := sameFile(path, s.file)
	if err == nil && same {
		err = fmt.Errorf("%w: it is the index itself", fs.ErrExist)
	}
	return err
}

// copyTo copies all entries to t, an empty store of the same or a later format
// that is being built aside.
func (tx *Tx) copyTo(ctx context.Context, t *Store, point string, progress func(done, total int64)) error {
	var done, total int64
	for _, sum := range tx.sums.buckets {
		total += int64(sum.count)
	}
	told := time.Now()
	for _, b := range Buckets() {
		c := tx.Cursor(b)
		key, value, err := c.First()
		for err == nil && key != nil {
			err = t.Update(func(to *Tx) error {
				for ; err == nil && key != nil && to.Written() < copyBytes; key, value, err = c.Next() {
					if err := ctx.Err(); err != nil {
						return err
					}
					done++
					if b == Metas && (string(key) == formatKey || string(key) == sumsKey) {
						continue
					}
					if err := to.Put(b, key, value); err != nil {
						return err
					}
				}
				return err
			})
			if err == nil {
				err = failpoint.At(point)
			}
			if progress != nil && time.Since(told) > 100*time.Millisecond {
				told = time.Now()
				progress(done, total)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Migrate brings the file at path to the present format and returns the version
// that it had. The new file is built beside the old one and takes its place
// when it is complete, so that a crash leaves one of the two; a file of the
// present format is not touched. Errors are those of Open, and ErrFormatTooNew
// for a file of a later format.
func Migrate(ctx context.Context, path string, o Options, progress func(done, total int64)) (from uint64, err error) {
	o.ReadOnly, o.Create = false, nil
	s, err := Open(path, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.format == presentFormat && failpoint.At("present") == nil {
		return s.format, nil
	}
	t, err := s.createTemp(Options{}, presentFormat)
	if err != nil {
		return s.format, err
	}
	err = s.View(func(tx *Tx) error { return tx.copyTo(ctx, t, "migrate", progress) })
	if err == nil {
		err = s.ReplaceWith(t)
	}
	if err != nil {
		return s.format, errors.Join(fmt.Errorf("migrating %s: %w", path, err), t.Discard())
	}
	return s.format, t.Close()
}
