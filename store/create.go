package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
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
	removeStale(path, nil)
	aside := asideOf(path)
	s, err := build(aside, o, presentFormat, false)
	if err != nil {
		return err
	}
	if err = s.Close(); err == nil {
		err = place(aside, path)
	}
	return errors.Join(err, removeIfThere(aside))
}

// asideOf returns the name under which a file is built that is to be called
// path.
func asideOf(path string) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return fmt.Sprintf("%s%s%x", path, newSuffix, random)
}

// removeStale removes what processes that were killed have left beside path:
// files that are an hour old, and second names of the file at path itself. mine
// is that file, open for writing and so locked, or nil: with it, what a
// compaction has left is removed too, since nobody else can be compacting.
func removeStale(path string, mine *os.File) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return // creating the file will say why
	}
	// Patterns cannot be escaped on every system, so compare names. What could
	// not be removed, or not be listed, is left to the next one.
	names, _ := dir.Readdirnames(-1)
	_ = dir.Close()
	var here os.FileInfo
	if mine != nil {
		if here, err = mine.Stat(); err != nil {
			return
		}
	}
	base := filepath.Base(path)
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, base)
		if !ok {
			continue
		}
		full := filepath.Join(filepath.Dir(path), name)
		if rest == compactSuffix && mine != nil {
			_ = removeIfThere(full)
			continue
		}
		if len(rest) != len(newSuffix)+16 || !strings.HasPrefix(rest, newSuffix) {
			continue
		}
		info, err := os.Lstat(full)
		if err == nil && (time.Since(info.ModTime()) > staleAfter || here != nil && os.SameFile(info, here)) {
			_ = removeIfThere(full)
		}
	}
}

// removeIfThere removes a file that may have been renamed already.
func removeIfThere(path string) error {
	err := os.Remove(path)
	switch {
	case err == nil:
		_ = failpoint.At("removed", path)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	return err
}

// place gives the file at aside the name path if nothing has that name.
func place(aside, path string) error {
	err := failpoint.At("link", aside, path)
	if err == nil {
		err = os.Link(aside, path)
	}
	switch {
	case err == nil:
		_ = failpoint.At("linked", aside, path)
		return durable(filepath.Dir(path))
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// A file system without links. The window in which two processes could
	// both find nothing is small, and the loser of it notices: samePlace.
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return move(aside, path)
}

// move gives the file from, which is closed, the name to, whatever has it now.
func move(from, to string) error {
	if err := failpoint.At("rename", from, to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	_ = failpoint.At("renamed", from, to)
	return durable(filepath.Dir(to))
}

// durable makes the names in a folder durable.
func durable(dir string) error {
	if err := failpoint.At("named", dir); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	_ = failpoint.At("durable", dir)
	return nil
}

// build makes a complete, empty index of a format at path, which must not exist,
// and returns it open. With bulk, nothing is made durable until sync.
func build(path string, o Options, format uint64, bulk bool) (*Store, error) {
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
	s := &Store{path: path, bulk: bulk, format: format, seeds: newSeeds(identity)}
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
		if s.file != nil { // else there is none, or one that is not ours
			err = errors.Join(err, removeIfThere(path))
		}
		return nil, err
	}
	s.bolt.AllocSize = growBytes
	err := s.bolt.Update(func(btx *bbolt.Tx) error {
		for _, name := range bucketNames[:bucketsOf(format)] {
			if _, err := btx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta := o.Create
		if meta == nil {
			meta = new(Meta)
		}
		first := sums{n: bucketsOf(format)}
		b := btx.Bucket([]byte(bucketNames[Metas]))
		put := func(seeds *seeds, key string, value []byte) error {
			sealed := seeds.seal(Metas, []byte(key), value)
			first.buckets[Metas].add(Metas, []byte(key), sealed)
			return b.Put([]byte(key), sealed)
		}
		return errors.Join(
			put(newSeeds(0), formatKey, encodeFormat(format, identity)),
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
