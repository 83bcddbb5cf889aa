//go:build !windows

package store

import (
	"errors"
	"math/bits"
	"os"
	"syscall"
)

// initialMap is the size in bytes of the mapping that a writer starts with.
// Growing it waits for all readers, so it is made large at once: it costs
// addresses only. Where those have 32 bits it starts with the file's size.
const initialMap = 1 << 30 * (bits.UintSize / 64)

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	// Some file systems do not sync folders, and have nothing to lose by it.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// cut shortens the file to size bytes. Behind them bbolt keeps room to grow.
func (s *Store) cut(size int64) error { return s.file.Truncate(size) }

// swap gives t's file the name of s's.
func swap(s, t *Store) error { return os.Rename(t.path, s.path) }

// keepOwner gives the file at path the owner and group that info has, as far as
// this process may.
func keepOwner(path string, info os.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(path, int(st.Uid), int(st.Gid)) // only root may give files away
	}
}
