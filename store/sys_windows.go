package store

import (
	"errors"
	"os"
	"time"
)

// initialMap is the mapping that a writer starts with. A mapping larger than
// its file would make the file as large.
const initialMap = 0

// syncDir does nothing: names need no sync of their own here.
func syncDir(string) error { return nil }

// cut does nothing: a mapped file cannot be shortened here.
func (s *Store) cut(int64) error { return nil }

// swap gives t's file the name of s's. Both must be closed for it.
func swap(s, t *Store) error {
	if err := errors.Join(s.Close(), t.bolt.Close()); err != nil {
		return err
	}
	renamed := os.Rename(t.path, s.path)
	path := s.path
	if renamed != nil {
		path = t.path
	}
	open, err := openBolt(path, false, time.Now().Add(DefaultTimeout))
	if err != nil {
		t.closed = true
		return errors.Join(renamed, err)
	}
	t.bolt, t.file = open.bolt, open.file
	return renamed
}

// keepOwner does nothing: a new file has the rights of its folder.
func keepOwner(string, os.FileInfo) {}
