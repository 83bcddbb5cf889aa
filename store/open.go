package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// DefaultTimeout is how long Open waits for other processes.
const DefaultTimeout = time.Second

// Options say how to open an index. The zero value opens an existing one for
// reading and writing.
type Options struct {
	// ReadOnly opens without the right to write, and beside others that do the
	// same; a process that writes keeps it out, and is kept out by it.
	ReadOnly bool

	// Timeout is how long to wait for another process: 0 means
	// DefaultTimeout, less than 0 not at all.
	Timeout time.Duration

	// Create, if not nil, is the first Meta of an index that is made where
	// there is no file. A file that is there, even an empty one, is never
	// overwritten. It is ignored with ReadOnly.
	Create *Meta

	// Mode is the permissions of a file that is made, before umask: 0 means
	// 0644.
	Mode fs.FileMode

	// Identity is a number that checksums of the new file start from, so that
	// pages of different indexes cannot be mixed up: 0 means random.
	Identity uint64

	// Salvage opens a file of which one of the two meta pages is damaged, so
	// that Check can report it and what is left can be read: the last commit
	// may be missing.
	Salvage bool
}

// growBytes is the step by which the file grows. Each step costs a sync.
const growBytes = 256 << 10

// Open opens the index at path. Errors: ErrNotExist, ErrLocked (naming the
// process where that is known), ErrNotIndex, ErrFormatTooNew, ErrCorrupt, and
// those of the file system. A file that is not opened is not modified.
func Open(path string, o Options) (*Store, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return s, nil
}

func open(path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	deadline := time.Now().Add(timeout)
	for {
		err := sniff(path)
		if errors.Is(err, fs.ErrNotExist) {
			if o.Create == nil || o.ReadOnly {
				return nil, fmt.Errorf("%w: %w", ErrNotExist, err)
			}
			if err = create(path, o); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		// Whether the file is sound is found out on a read-only handle, before
		// bbolt's writer reads its list of free pages.
		s, err := openBolt(path, true, deadline)
		if err != nil {
			return nil, err
		}
		err = s.inspect(o)
		if err == nil && !o.ReadOnly {
			if s, err = s.reopen(deadline); err != nil {
				return nil, err
			}
		}
		if err == nil {
			err = s.samePlace()
		}
		if err == nil && s.seeds == nil {
			err = ErrReplaced
		}
		if err == nil {
			if !o.ReadOnly {
				removeStale(path, s.file)
			}
			return s, nil
		}
		if cerr := s.Close(); cerr != nil {
			return nil, cerr
		}
		// While this process waited, another has renamed a new file into place.
		if !errors.Is(err, ErrReplaced) || time.Now().After(deadline) {
			return nil, err
		}
	}
}

// reopen closes s, which was inspected, and opens its path for writing. The
// result has no seeds if that led to another file.
func (s *Store) reopen(deadline time.Time) (*Store, error) {
	if err := s.Close(); err != nil {
		return nil, err
	}
	w, err := openBolt(s.path, false, deadline)
	if err != nil {
		return nil, err
	}
	err = w.look(func(tx *Tx) error {
		if version, identity, err := tx.readFormat(); err == nil && *newSeeds(identity) == *s.seeds {
			w.format, w.seeds = version, s.seeds
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// sniff returns ErrNotIndex if the file at path cannot be an index. It takes no
// lock, so it looks only at what never changes.
func sniff(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", ErrNotIndex)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", ErrNotIndex)
	case info.Size() == 0:
		return fmt.Errorf("%w: the file is empty", ErrNotIndex)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	// The mark lies on the first page, and again on the second, whose place
	// depends on the page size.
	var mark [pageHeaderBytes + 12]byte
	for at := int64(0); at < info.Size() && at <= 64<<10; at = max(1024, at*2) {
		if _, err := f.ReadAt(mark[:], at); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if native.Uint32(mark[pageHeaderBytes:]) != boltMagic {
			continue
		}
		if v := native.Uint32(mark[pageHeaderBytes+4:]); v != boltVersion {
			return fmt.Errorf("%w: a bbolt file of version %d", ErrNotIndex, v)
		}
		if size := native.Uint32(mark[pageHeaderBytes+8:]); info.Size() < 2*int64(size) {
			return &CorruptError{Reason: fmt.Sprintf("the file is cut off after %d bytes", info.Size())}
		}
		return nil
	}
	return fmt.Errorf("%w: the file does not start like one", ErrNotIndex)
}

// openBolt opens path with bbolt. Nothing but its meta pages is checked.
func openBolt(path string, readOnly bool, deadline time.Time) (*Store, error) {
	s := &Store{path: path, readOnly: readOnly}
	bo := &bbolt.Options{
		Timeout:      max(time.Until(deadline), 1),
		FreelistType: bbolt.FreelistMapType,
		ReadOnly:     readOnly,
		NoStatistics: true,
		OpenFile:     s.opener(false),
	}
	if !readOnly {
		bo.InitialMmapSize = initialMap
	}
	if err := s.start(bo); err != nil {
		if errors.Is(err, bolterrors.ErrTimeout) {
			return nil, locked(path)
		}
		return nil, err
	}
	s.bolt.AllocSize = growBytes
	return s, nil
}

// opener returns the function with which bbolt opens the file: it keeps the
// handle, and creates a file only if it is to be new.
func (s *Store) opener(create bool) func(string, int, os.FileMode) (*os.File, error) {
	return func(path string, flag int, mode os.FileMode) (*os.File, error) {
		flag &^= os.O_CREATE
		if create {
			flag |= os.O_CREATE | os.O_EXCL
		}
		f, err := os.OpenFile(path, flag, mode)
		s.file = f
		return f, err
	}
}

// start opens the file with bbolt.
func (s *Store) start(bo *bbolt.Options) error {
	err := s.shield("opening", func() (err error) {
		s.bolt, err = bbolt.Open(s.path, 0o600, bo)
		return err
	})
	switch {
	case err == nil:
		if !bo.ReadOnly {
			_ = failpoint.At("opened", s.path, s.bolt, s.file)
		}
		return nil
	case s.poison.Load() != nil:
		// bbolt panicked and let go of nothing. The mapping stays.
		_ = s.file.Close()
		return err
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch):
		return &CorruptError{Reason: "both meta pages are damaged or cut off"}
	}
	return err
}

// look calls fn with a transaction of a file of which only the places of the
// buckets are known to be sound.
func (s *Store) look(fn func(*Tx) error) error {
	tx := &Tx{store: s, seeds: newSeeds(0)}
	err := s.shield("opening", func() (err error) {
		tx.bolt, err = s.bolt.Begin(false)
		return err
	})
	if err != nil {
		s.stuck.Store(true)
		return err
	}
	defer func() { _ = tx.bolt.Rollback() }() // cannot fail: it is open
	if err := s.whole(tx); err != nil {
		return err
	}
	tx.pager = s.pagerOf(tx.bolt)
	return tx.Guard(func() error {
		if err := tx.init(); err != nil {
			return err
		}
		return fn(tx)
	})
}

// inspect checks, on a store that has just been opened read-only, the structure
// that writing relies on and the format.
func (s *Store) inspect(o Options) error {
	return s.look(func(tx *Tx) error {
		newest, errs := tx.pager.metas()
		for _, err := range errs {
			if err != nil && !o.Salvage {
				return err
			}
		}
		version, identity, err := tx.readFormat()
		if err != nil {
			return err
		}
		if err := tx.fits(version); err != nil {
			return err
		}
		s.format = version
		s.seeds = newSeeds(identity)
		tx.seeds = s.seeds
		if err := tx.readSums(); err != nil {
			return err
		}
		if _, err := tx.Meta(); err != nil {
			return err
		}
		if !o.ReadOnly {
			return tx.writable(newest)
		}
		return nil
	})
}

// These keys of bucket meta are written by the store itself.
const (
	formatKey = "format" // mark, format version, identity; its checksum has identity 0
	sumsKey   = "sums"   // generation, count and digest of each bucket
)

// formatMark starts the value of formatKey.
const formatMark = "ciyuan index\n"

// encodeFormat returns the value of formatKey. Its layout is the same in every
// format, so that any version can tell which one it has before it.
func encodeFormat(version, identity uint64) []byte {
	b := binary.AppendUvarint([]byte(formatMark), version)
	return binary.LittleEndian.AppendUint64(b, identity)
}

// decodeFormat reads the value of formatKey.
func decodeFormat(value []byte) (version, identity uint64, err error) {
	r := reader{b: value}
	if string(r.take(uint64(len(formatMark)))) != formatMark {
		r.fail("format record lacks its mark")
	}
	version, identity = r.uvarint(), r.uint64()
	return version, identity, r.end()
}

// readFormat checks the format version and returns it with the file's identity.
func (tx *Tx) readFormat() (version, identity uint64, err error) {
	key := []byte(formatKey)
	value, err := tx.Get(Metas, key)
	if err != nil {
		return 0, 0, err
	}
	if value == nil {
		return 0, 0, damagedAt(Metas, key, damaged("format record is missing"))
	}
	version, identity, err = decodeFormat(value)
	switch {
	case err != nil:
		return 0, 0, damagedAt(Metas, key, err)
	case version > presentFormat:
		return 0, 0, fmt.Errorf("%w: the file has format %d, this program knows up to %d", ErrFormatTooNew, version, presentFormat)
	case version == 0:
		return 0, 0, damagedAt(Metas, key, damaged("format version 0"))
	}
	return version, identity, nil
}

// firstCommit is the number that bbolt gives to the first commit of a file, of
// generation 0.
const firstCommit = 2

var errForeignMeta = errors.New("it is of another file")

// commitSeen returns bbolt's number of the commit that the transaction sees.
func (tx *Tx) commitSeen() uint64 {
	id := uint64(tx.bolt.ID())
	if tx.bolt.Writable() {
		id-- // its own
	}
	return id
}

// readSums reads the generation and the sums of the buckets.
func (tx *Tx) readSums() error {
	key := []byte(sumsKey)
	value, err := tx.Get(Metas, key)
	if err != nil {
		return err
	}
	if value == nil {
		return damagedAt(Metas, key, damaged("record of the sums is missing"))
	}
	tx.sums, err = decodeSums(value)
	if want := bucketsOf(tx.store.format); err == nil && tx.sums.n != want {
		err = damaged("sums of %d buckets, wanted %d", tx.sums.n, want)
	}
	// The meta page may be of another file, and lead to what is left of an earlier
	// commit of this one.
	if got := tx.sums.generation + firstCommit; err == nil && got != tx.commitSeen() {
		err = &CorruptError{Reason: fmt.Sprintf("the meta page of commit %d leads to commit %d", tx.commitSeen(), got), Err: errForeignMeta}
	}
	if err != nil {
		return damagedAt(Metas, key, err)
	}
	tx.recounted = tx.sums
	return nil
}
