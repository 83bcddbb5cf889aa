package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestStore_Concurrent runs readers beside a writer. Invariants:
//
//  1. in every view, all counters have the same value, however long it lasts
//  2. that value is the view's generation
//  3. a view that starts after an Update returned sees it
func TestStore_Concurrent(t *testing.T) {
	s := newStore(t)
	const counters, commits = 50, 200
	key := func(i int) []byte { return fmt.Appendf(nil, "%03d", i) }
	var acknowledged atomic.Uint64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for acknowledged.Load() < commits {
				least := acknowledged.Load()
				err := s.View(func(tx *Tx) error {
					if tx.Generation() < least {
						return fmt.Errorf("generation %d, %d was acknowledged", tx.Generation(), least)
					}
					c, n := tx.Cursor(Graph), 0
					for k, v, err := c.First(); k != nil || err != nil; k, v, err = c.Next() {
						if err != nil {
							return err
						}
						if got := binary.BigEndian.Uint64(v); got != tx.Generation() {
							return fmt.Errorf("key %s has %d in generation %d", k, got, tx.Generation())
						}
						n++
					}
					if n != counters && tx.Generation() > 0 {
						return fmt.Errorf("%d counters", n)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range commits {
		err := s.Update(func(tx *Tx) error {
			// Values of changing length move pages about and grow the file.
			value := make([]byte, 8+tx.Generation()*13%3000)
			binary.BigEndian.PutUint64(value, tx.Generation()+1)
			for i := range counters {
				if err := tx.Put(Graph, key(i), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		acknowledged.Add(1)
	}
	wg.Wait()
}

// TestVectorReader_Concurrent reads the vectors of all passages while they are
// written anew, pending and folded in turn: every reader sees those of one commit.
func TestVectorReader_Concurrent(t *testing.T) {
	s := newStore(t)
	const passages, commits = 40, 30
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !done.Load() {
				err := s.View(func(tx *Tx) error {
					r := tx.VectorReader()
					for p := range PassageID(passages) {
						record, err := r.Record(p)
						if err != nil || tx.Generation() == 0 {
							return err
						}
						if got := binary.LittleEndian.Uint64(record); got != tx.Generation() {
							return fmt.Errorf("passage %d has the vectors of commit %d in %d", p, got, tx.Generation())
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range commits {
		update(t, s, func(tx *Tx) error {
			// Records of changing length move blocks about.
			next := tx.Generation() + 1
			record := binary.LittleEndian.AppendUint64(nil, next)
			record = append(record, make([]byte, next*977%9000)...)
			var err error
			w := tx.VectorWriter()
			err = tx.DeleteFoldedVectors(0, passages)
			for p := range PassageID(passages) {
				if (uint64(p)+next)%3 == 0 {
					err = errors.Join(err, tx.PutPendingVectors(p, record))
				} else {
					err = errors.Join(err, tx.DeletePendingVectors(p), w.Add(p, record))
				}
			}
			return errors.Join(err, w.Flush())
		})
	}
	done.Store(true)
	wg.Wait()
}

// TestStore_Panic lets the caller's function panic: the panic passes, and the
// store can be used on.
func TestStore_Panic(t *testing.T) {
	s := newStore(t)
	for _, transaction := range []func(func(*Tx) error) error{s.View, s.Update} {
		func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("recovered %v", r)
				}
			}()
			err := transaction(func(tx *Tx) error {
				if tx.bolt.Writable() {
					if err := tx.PutText(1, Text{Text: []byte("never")}); err != nil {
						return err
					}
				}
				panic("mine")
			})
			t.Errorf("returned %v", err)
		}()
	}
	update(t, s, func(tx *Tx) error {
		if _, err := tx.Text(1); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		return tx.PutText(2, Text{})
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
