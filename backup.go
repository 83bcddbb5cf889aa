package ciyuan

import (
	"context"
	"time"

	"github.com/ciyuan-search/ciyuan/store"
)

// Backup writes a copy of the index to path while it is in use: searches and
// changes in this process go on, and the copy is the state that the last change
// before Backup left. It appears under its name when it is complete and on the
// disk, with the permissions of the index. Every stored value is verified on the
// way: what is damaged is not copied, the error is ErrCorrupt.
//
// If there is a file at path the error is fs.ErrExist; see ReplaceBackup.
func (db *DB) Backup(ctx context.Context, path string) error { return db.backup(ctx, path, false) }

// ReplaceBackup is Backup, but a regular file at path is replaced, atomically,
// when the copy is complete. Any file will do, but the index itself.
func (db *DB) ReplaceBackup(ctx context.Context, path string) error {
	return db.backup(ctx, path, true)
}

func (db *DB) backup(ctx context.Context, path string, replace bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.hold(); err != nil {
		return err
	}
	defer db.open.RUnlock()
	return db.store.Backup(ctx, path, replace, func(done, total int64) { db.progress("backup", done, total, "entries") })
}

// Migration says what Migrate has done.
type Migration struct {
	From int `json:"from"` // format of the file before
	To   int `json:"to"`   // and now
}

// Migrate brings the index at path, which nobody may have open, to the format
// that this version writes. The new file is built beside the old one and takes
// its place when it is complete: a process that is killed leaves the one or the
// other. An index of the present format is left alone.
//
// Of opts, which may be nil, Timeout and Progress count. Errors: ErrNoIndex,
// ErrLocked, ErrNotIndex, ErrFormatTooNew, which names both formats, ErrCorrupt,
// and those of the file system.
func Migrate(ctx context.Context, path string, opts *Options) (Migration, error) {
	var timeout time.Duration
	progress := func(int64, int64) {}
	if opts != nil {
		timeout = opts.Timeout
		if opts.Progress != nil {
			progress = func(done, total int64) {
				opts.Progress(Progress{Phase: "migrate", Done: done, Total: total, Unit: "entries"})
			}
		}
	}
	from, err := store.Migrate(ctx, path, store.Options{Timeout: timeout}, progress)
	if err != nil {
		return Migration{}, err
	}
	return Migration{From: int(from), To: store.FormatVersion}, nil
}
