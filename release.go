package ciyuan

import (
	"errors"
	"strings"

	"github.com/ciyuan-search/ciyuan/store"
)

// Release gives the file free until the index is used again, so that other
// processes can have it in the meantime: for programs that are idle for long, or
// wait for whoever reads what they write. The next use opens the file, which
// takes about a millisecond, and Options.Timeout if another process has it then,
// with ErrLocked as its error. If the file was compacted or replaced meanwhile the
// new one is used; ErrReplaced is returned only if its settings are others.
//
// Release waits for nothing: while the index is in use it does nothing.
func (db *DB) Release() error {
	// A batch that is waiting for its documents relies on what it has read.
	if !db.writing.TryLock() {
		return nil
	}
	defer db.writing.Unlock()
	if !db.open.TryLock() {
		return nil
	}
	defer db.open.Unlock()
	if db.closed || db.released {
		return nil
	}
	db.released = true
	return db.store.Close()
}

// hold makes sure that store is open and stays so until open.RUnlock is called.
func (db *DB) hold() error {
	for {
		db.open.RLock()
		if !db.released || db.closed {
			return nil
		}
		db.open.RUnlock()
		if err := db.reopen(); err != nil {
			return err
		}
	}
}

// reopen opens the file that was released.
func (db *DB) reopen() error {
	db.open.Lock()
	defer db.open.Unlock()
	if !db.released || db.closed {
		return nil
	}
	s, err := store.Open(db.store.Path(), store.Options{
		ReadOnly: db.opts.ReadOnly, Timeout: db.opts.Timeout, Salvage: db.opts.Salvage && db.opts.ReadOnly,
	})
	if err != nil {
		return err
	}
	var settings string
	err = s.View(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err == nil {
			settings = settingsOf(m)
		}
		return err
	})
	if err == nil && settings != db.settings {
		err = ErrReplaced
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if s.Identity() != db.store.Identity() {
		db.forget()
	}
	db.store, db.released = s, false
	return nil
}

// settingsOf returns what an open index has adopted of its file.
func settingsOf(m *store.Meta) string {
	return strings.Join([]string{
		m.Encoder, m.EncoderFingerprint, option(m, optionMode),
		option(m, optionVectors), option(m, optionBackground), option(m, optionLeast),
	}, "\x00")
}
