package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// newSuffix and compactSuffix follow the name of the index in the names of
// files that are built beside it.
const (
	newSuffix     = ".new-"
	compactSuffix = ".compact"
)

// staleAfter is the age at which a file that a killed process was building is
// removed by the next one that builds. Building takes milliseconds.
const staleAfter = time.Hour

// create makes an index at path. It is built aside and appears under its name
// when it is complete and on the disk, so that a crash leaves either nothing or
// an index. If another process was faster, the error is fs.ErrExist.
func create(path string, o Options) error {
	removeStale(path)
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	aside := fmt.Sprintf("%s%s%x", path, newSuffix, random)
	s, err := build(aside, o, false)
	if err != nil {
		return err
	}
	if err = s.Close(); err == nil {
		err = place(aside, path)
	}
	return errors.Join(err, removeIfThere(aside))
}

// removeStale removes what processes that were killed have left beside path.
func removeStale(path string) {
	// Patterns cannot be escaped on every system, so compare names.
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return // creating the file will say why
	}
	prefix := filepath.Base(path) + newSuffix
	for _, e := range entries {
		if len(e.Name()) != len(prefix)+16 || e.Name()[:len(prefix)] != prefix {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name())) // the next one tries again
		}
	}
}

// removeIfThere removes a file that may have been renamed already.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// place gives the file at aside the name path if nothing has that name.
func place(aside, path string) error {
	err := os.Link(aside, path)
	switch {
	case err == nil || errors.Is(err, fs.ErrExist):
	default:
		// A file system without links. The window in which two processes could
		// both find nothing is small, and the loser of it notices: samePlace.
		if _, serr := os.Lstat(path); serr == nil {
			return fs.ErrExist
		}
		err = os.Rename(aside, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// build makes a complete, empty index at path, which must not exist, and
// returns it open. With bulk, nothing is made durable until sync.
func build(path string, o Options, bulk bool) (*Store, error) {
	mode := o.Mode
	if mode == 0 {
		mode = 0o644
	}
	identity := o.Identity
	for identity == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		identity = binary.LittleEndian.Uint64(b[:])
	}
	s := &Store{path: path, bulk: bulk, seeds: newSeeds(identity)}
	if err := s.start(&bbolt.Options{
		Timeout:         DefaultTimeout,
		FreelistType:    bbolt.FreelistMapType,
		NoStatistics:    true,
		NoSync:          bulk,
		NoGrowSync:      bulk,
		PageSize:        pageBytes,
		InitialMmapSize: initialMap,
		OpenFile: func(path string, flag int, _ os.FileMode) (*os.File, error) {
			return s.opener(true)(path, flag, mode)
		},
	}); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			err = errors.Join(err, removeIfThere(path))
		}
		return nil, err
	}
	s.bolt.AllocSize = growBytes
	err := s.bolt.Update(func(btx *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := btx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta := o.Create
		if meta == nil {
			meta = new(Meta)
		}
		var first sums
		b := btx.Bucket([]byte(bucketNames[Metas]))
		put := func(seeds *seeds, key string, value []byte) error {
			sealed := seeds.seal(Metas, []byte(key), value)
			first.buckets[Metas].add(Metas, []byte(key), sealed)
			return b.Put([]byte(key), sealed)
		}
		return errors.Join(
			put(newSeeds(0), formatKey, encodeFormat(FormatVersion, identity)),
			put(s.seeds, metaKey, meta.encode()),
			put(s.seeds, sumsKey, first.encode()),
		)
	})
	if err != nil {
		return nil, errors.Join(err, s.Close(), removeIfThere(path))
	}
	s.seal()
	return s, nil
}
