// Package store keeps an index in one bbolt file: documents, passages, words,
// postings, graph and settings, every value with a checksum. It is the only
// package that knows bbolt, and it knows no tokenizer, encoder, index or
// network: what those store are bytes with a key.
//
// # Transactions
//
// View reads one state of the index, Update changes it; what Update did is on
// the disk when it returns nil, and undone in every other case. One Update runs
// at a time, beside any number of Views. Do not start one inside the other: a
// growing file waits for its readers.
//
// # Damage
//
// Nothing in a file is believed. Reading goes through bounds-checked code of
// this package instead of bbolt's, values carry checksums over file identity,
// bucket and key, each bucket a count and a digest of its entries. What is
// damaged gives ErrCorrupt, never a panic, a wrong answer or a hang. Check finds
// the rest: keys that are gone.
//
// docs/format.md describes every byte.
package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"go.etcd.io/bbolt"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// A Store is an open index file. It is safe for concurrent use.
type Store struct {
	path     string
	readOnly bool
	bulk     bool // a file being built aside: CreateTemp
	bolt     *bbolt.DB
	file     *os.File // bbolt's own
	format   uint64
	records  atomic.Pointer[recordCache]
	seeds    *seeds

	life   sync.RWMutex // held shared by transactions, alone by Close
	closed bool
	stuck  atomic.Bool // bbolt may hold locks for ever after a panic
	writer sync.Mutex

	poison atomic.Pointer[CorruptError]
}

// Path returns the absolute path of the file.
func (s *Store) Path() string { return s.path }

// Format returns the version of the file's format, at most FormatVersion.
func (s *Store) Format() uint64 { return s.format }

// ReadOnly reports whether the store was opened read-only.
func (s *Store) ReadOnly() bool { return s.readOnly }

// An Identity tells files apart: it is made with a file, and another after each
// compaction.
type Identity struct{ seeds seeds }

// Identity returns that of the open file.
func (s *Store) Identity() Identity { return Identity{*s.seeds} }

// Identity returns that of the file that the transaction reads.
func (tx *Tx) Identity() Identity { return Identity{*tx.seeds} }

// Close waits for running transactions and closes the file. Closing a closed
// store is no error. A Store must not be closed inside its own transaction.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.stuck.Load() {
		return s.file.Close() // also gives back the lock; the mapping stays
	}
	return s.bolt.Close()
}

// usable returns why no transaction can start.
func (s *Store) usable() error {
	if s.closed {
		return ErrClosed
	}
	if p := s.poison.Load(); p != nil {
		return p
	}
	return nil
}

// View calls fn with a transaction that reads the last committed state. It
// returns what fn returns. A fault of the disk under fn becomes ErrCorrupt, and
// every later transaction gets it too.
func (s *Store) View(fn func(*Tx) error) error {
	s.life.RLock()
	defer s.life.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	tx, err := s.begin(false)
	if err != nil {
		return err
	}
	defer func() { _ = tx.bolt.Rollback() }() // cannot fail: it is open and managed here alone
	return tx.Guard(func() error { return fn(tx) })
}

// Update calls fn with a transaction that can write, and commits it durably if
// fn returns nil. If fn or the commit fails, nothing is changed. A transaction
// that changed nothing is not committed and leaves the generation as it is.
//
// Besides the errors of fn it returns ErrReadOnly, ErrReplaced, ErrCorrupt and
// those of the disk.
func (s *Store) Update(fn func(*Tx) error) error {
	s.life.RLock()
	defer s.life.RUnlock()
	s.writer.Lock()
	defer s.writer.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.readOnly {
		return ErrReadOnly
	}
	tx, err := s.begin(true)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			s.abandon(tx)
		}
	}()
	if err := tx.Guard(func() error { return fn(tx) }); err != nil {
		return err
	}
	var changed bool
	err = s.shield("preparing a commit", func() (err error) {
		changed, err = tx.apply()
		return err
	})
	if err != nil || !changed {
		return err
	}
	if err := s.samePlace(); err != nil {
		return err
	}
	if err := failpoint.At("commit", s.path); err != nil {
		return err
	}
	id := uint64(tx.bolt.ID())
	pages := tx.pager
	err = s.shield("committing", tx.bolt.Commit)
	if err == nil {
		open = false
		_ = failpoint.At("committed", s.path)
		s.seal()
		return nil
	}
	if s.poison.Load() == nil {
		open = false // a failed commit has rolled itself back
		s.unsure(pages, id, err)
		return fmt.Errorf("committing: %w", err)
	}
	return err
}

// unsure poisons the store if the failed commit id can be seen all the same,
// because its meta page was written but not made durable: whether it will be
// there after a crash is open, so nothing may be built on it.
func (s *Store) unsure(pages pager, id uint64, cause error) {
	err := s.shield("reading after a failed commit", func() error {
		info := s.bolt.Info()
		pages.data = mapped(info.Data, len(pages.data))
		if newest, _ := pages.metas(); newest.txid >= id {
			return damaged("a commit was written, but the disk did not confirm it")
		}
		return nil
	})
	if err != nil {
		s.poison.CompareAndSwap(nil, &CorruptError{Reason: "a commit was not confirmed by the disk; open the index again", Err: cause})
	}
}

// abandon rolls the write transaction back.
func (s *Store) abandon(tx *Tx) {
	if s.shield("rolling back", tx.bolt.Rollback) != nil {
		s.stuck.Store(true)
	}
}

// begin starts a transaction.
func (s *Store) begin(write bool) (*Tx, error) {
	tx := &Tx{store: s, seeds: s.seeds}
	if err := s.shield("starting a transaction", func() (err error) {
		tx.bolt, err = s.bolt.Begin(write)
		return err
	}); err != nil {
		if errors.Is(err, ErrCorrupt) {
			s.stuck.Store(true)
		}
		return nil, err
	}
	err := s.whole(tx)
	if err == nil {
		tx.pager = s.pagerOf(tx.bolt)
		err = tx.Guard(func() error {
			if err := tx.init(); err != nil {
				return err
			}
			return tx.readSums()
		})
	}
	if err != nil {
		_ = tx.bolt.Rollback() // cannot fail: it is open
		return nil, err
	}
	return tx, nil
}

// whole checks that the file still has all pages of the transaction: reading a
// mapping past the end of its file is a fault.
func (s *Store) whole(tx *Tx) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the index file: %w", err)
	}
	if size, want := info.Size(), tx.bolt.Size(); size < want {
		return &CorruptError{Reason: fmt.Sprintf("the file is cut off: %d bytes, its pages need %d", size, want)}
	}
	return nil
}

// samePlace checks that the path still leads to the open file.
func (s *Store) samePlace() error {
	same, err := sameFile(s.path, s.file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	}
	if !same {
		return fmt.Errorf("%w: %s", ErrReplaced, s.path)
	}
	return nil
}

// sameFile reports whether path leads to the open file f.
func sameFile(path string, f *os.File) (bool, error) {
	there, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	here, err := f.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(there, here), nil
}

// pagerOf returns the pages of a bbolt transaction. The mapping stays where it
// is while a reading transaction is open, and until the commit of a writing one.
func (s *Store) pagerOf(tx *bbolt.Tx) pager {
	info := s.bolt.Info()
	return pager{data: mapped(info.Data, int(tx.Size())), pageSize: info.PageSize}
}

// mapped returns n bytes of bbolt's mapping, which starts at address base.
func mapped(base uintptr, n int) []byte {
	// The mapping is no Go memory, so the garbage collector cannot move it and
	// the conversion is sound; going through a pointer to the variable says so
	// to vet.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&base)), n)
}

// faulted returns the address of a memory fault that was recovered as r.
func faulted(r any) (uintptr, bool) {
	e, ok := r.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	return e.Addr(), true
}

// Guard calls fn, turning a fault of the file's mapping into ErrCorrupt. View
// and Update do it for the goroutine that calls them; goroutines that fn starts
// need their own. Other panics pass.
func (tx *Tx) Guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		base := uintptr(unsafe.Pointer(unsafe.SliceData(tx.pager.data)))
		addr, ok := faulted(r)
		if !ok || addr-base >= uintptr(len(tx.pager.data)) {
			panic(r)
		}
		err = tx.store.poisoned(fmt.Sprintf("page %d cannot be read", (addr-base)/uintptr(tx.pager.pageSize)))
	}()
	return fn()
}

// shield calls fn, which calls bbolt, and turns every panic into ErrCorrupt:
// bbolt panics where it finds its pages damaged.
func (s *Store) shield(doing string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = s.poisoned(fmt.Sprintf("%s: %v", doing, r))
		}
	}()
	return fn()
}

// poisoned notes that bbolt's state cannot be trusted any more.
func (s *Store) poisoned(reason string) error {
	s.poison.CompareAndSwap(nil, &CorruptError{Reason: reason})
	return s.poison.Load()
}
