package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// CreateTemp makes an empty index beside s, to be filled and put in the place of
// s by ReplaceWith. Until then nothing of it is made durable, so that filling it
// is fast; its pages are packed for keys that come in ascending order. What an
// earlier, killed run has left is removed. s must be open for writing, which
// keeps every other process from doing the same. o says Create, Mode and
// Identity; the format is that of s. The caller ends with ReplaceWith or Discard.
func (s *Store) CreateTemp(o Options) (*Store, error) { return s.createTemp(o, s.format) }

// createTemp is CreateTemp for any format.
func (s *Store) createTemp(o Options, format uint64) (*Store, error) {
	if s.readOnly {
		return nil, ErrReadOnly
	}
	if err := s.samePlace(); err != nil {
		return nil, err
	}
	path := s.path + compactSuffix
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	return build(path, o, format, true)
}

// Discard closes a store of CreateTemp that did not replace anything and
// removes its file. If ReplaceWith renamed it and failed after that, the file
// stays.
func (s *Store) Discard() error {
	if !s.bulk && s.poison.Load() != nil {
		return s.Close()
	}
	if !s.bulk {
		return errors.New("store: Discard of an index that is in use")
	}
	return errors.Join(s.Close(), removeIfThere(s.path))
}

// ReplaceWith makes t, which CreateTemp made, durable and gives it the name and
// the permissions of s, atomically: after a crash there is either the old index
// or the new one. Then t is an ordinary store at the path of s, which it has
// never left unlocked. s can only be closed: its running transactions go on
// over the old file, new ones that write fail with ErrReplaced. (On Windows,
// where an open file keeps its name, s is closed, which waits for its
// transactions.)
//
// After an error s is as before, unless it was the new name that could not be
// made durable: then s can only be closed, as after a success, and t cannot be
// used, because what is written to it might be lost with its name. t is the
// caller's to discard.
func (s *Store) ReplaceWith(t *Store) error {
	if s.readOnly {
		return ErrReadOnly
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	t.life.Lock()
	defer t.life.Unlock()
	if err := errors.Join(s.usable(), t.usable()); err != nil {
		return err
	}
	if !t.bulk {
		return errors.New("store: replacement is in use")
	}
	if err := s.samePlace(); err != nil {
		return err
	}
	if err := t.finish(s); err != nil {
		return fmt.Errorf("finishing %s: %w", t.path, err)
	}
	aside := t.path
	err := failpoint.At("rename", aside, s.path)
	if err == nil {
		err = swap(s, t)
	}
	if err != nil {
		return fmt.Errorf("replacing %s: %w", s.path, err)
	}
	_ = failpoint.At("renamed", aside, s.path)
	t.path, t.bulk = s.path, false
	t.bolt.NoSync, t.bolt.NoGrowSync = false, false
	if err := durable(filepath.Dir(t.path)); err != nil {
		t.poison.CompareAndSwap(nil, &CorruptError{Reason: "its name was not confirmed by the disk; open the index again", Err: err})
		return fmt.Errorf("replacing %s: %w", s.path, err)
	}
	return nil
}

// finish cuts the file after its last page, gives it the permissions of
// before and makes all of it durable.
func (s *Store) finish(before *Store) error {
	tx, err := s.bolt.Begin(false)
	if err != nil {
		return err
	}
	size := tx.Size()
	if err := tx.Rollback(); err != nil {
		return err
	}
	if err := s.cut(size); err != nil {
		return err
	}
	_ = failpoint.At("cut", s.file, size)
	info, err := before.file.Stat()
	if err != nil {
		return err
	}
	if err := os.Chmod(s.path, info.Mode().Perm()); err != nil {
		return err
	}
	keepOwner(s.path, info)
	if err := s.file.Sync(); err != nil {
		return err
	}
	_ = failpoint.At("synced", s.file)
	return nil
}
