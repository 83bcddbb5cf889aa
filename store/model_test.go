package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is what the file should hold, bucket by bucket.
type model map[Bucket]map[string]string

func (m model) clone() model {
	c := model{}
	for b, kv := range m {
		c[b] = map[string]string{}
		for k, v := range kv {
			c[b][k] = v
		}
	}
	return c
}

// keys returns the keys of b, ascending.
func (m model) keys(b Bucket) []string {
	var keys []string
	for k := range m[b] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

var errAbandon = errors.New("abandoned on purpose")

// TestStore_Model compares a store with a map under random transactions,
// abandoned ones, reopening and crashes: a copy of the file, taken between two
// commits, that takes the file's place.
func TestStore_Model(t *testing.T) {
	buckets := []Bucket{Texts, Postings, Vectors}
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path := filepath.Join(dir, "a.db")
		open := func() *Store {
			s, err := Open(path, Options{Create: &testMeta})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s, committed := open(), model{Texts: {}, Postings: {}, Vectors: {}}
		if err := s.Update(func(tx *Tx) error { return tx.SetVectorMeta(&testVectorMeta) }); err != nil {
			t.Fatal(err)
		}
		generation := uint64(1)
		key := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("k%03d%s", rapid.IntRange(0, 150).Draw(t, "n"), rapid.SampledFrom([]string{"", "x", "long-long-long-long-key"}).Draw(t, "s"))
		})
		value := rapid.Custom(func(t *rapid.T) string {
			n := rapid.SampledFrom([]int{0, 1, 30, 300, 3000, 9000}).Draw(t, "len")
			return string(bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, n))
		})
		same := func(tx *Tx, b Bucket, want model) {
			keys := want.keys(b)
			got := []string{}
			c := tx.Cursor(b)
			k, v, err := c.First()
			for ; k != nil && err == nil; k, v, err = c.Next() {
				got = append(got, string(k))
				if string(v) != want[b][string(k)] {
					t.Fatalf("%s %s: wrong value", b, k)
				}
			}
			if err != nil || !slices.Equal(got, keys) {
				t.Fatalf("%s: %v, got %q, want %q", b, err, got, keys)
			}
			got = got[:0]
			for k, _, err = c.Last(); k != nil && err == nil; k, _, err = c.Prev() {
				got = append(got, string(k))
			}
			slices.Reverse(got)
			if err != nil || !slices.Equal(got, keys) {
				t.Fatalf("%s backwards: %v, got %q, want %q", b, err, got, keys)
			}
		}
		look := func(tx *Tx, want model) {
			b, k := rapid.SampledFrom(buckets).Draw(t, "bucket"), key.Draw(t, "key")
			v, err := tx.Get(b, []byte(k))
			if w, ok := want[b][k]; err != nil || ok != (v != nil) || w != string(v) {
				t.Fatalf("Get(%s, %s): %q, %v", b, k, v, err)
			}
			keys := want.keys(b)
			at, exact := slices.BinarySearch(keys, k)
			check := func(name string, key []byte, err error, i int) {
				want := ""
				if i >= 0 && i < len(keys) {
					want = keys[i]
				}
				if string(key) != want || err != nil {
					t.Fatalf("%s(%s, %s): %q, %v, want %q", name, b, k, key, err, want)
				}
			}
			floor := at
			if !exact {
				floor--
			}
			got, _, err := tx.Floor(b, []byte(k))
			check("Floor", got, err, floor)
			c := tx.Cursor(b)
			got, _, err = c.Seek([]byte(k))
			check("Seek", got, err, at)
			if at < len(keys) {
				got, _, err = c.Prev()
				check("Prev", got, err, at-1)
			}
			got, _, err = c.Floor([]byte(k))
			check("Cursor.Floor", got, err, floor)
			if floor >= 0 {
				got, _, err = c.Next()
				check("Next", got, err, floor+1)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"update": func(t *rapid.T) {
				next, abandon := committed.clone(), rapid.IntRange(0, 4).Draw(t, "abandon") == 0
				changed := false
				err := s.Update(func(tx *Tx) error {
					for range rapid.IntRange(0, 60).Draw(t, "changes") {
						b, k := rapid.SampledFrom(buckets).Draw(t, "bucket"), key.Draw(t, "key")
						if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
							delete(next[b], k)
							if err := tx.Delete(b, []byte(k)); err != nil {
								return err
							}
						} else {
							next[b][k] = value.Draw(t, "value")
							if err := tx.Put(b, []byte(k), []byte(next[b][k])); err != nil {
								return err
							}
						}
						if rapid.IntRange(0, 5).Draw(t, "look") == 0 {
							look(tx, next)
						}
					}
					for _, b := range buckets {
						same(tx, b, next)
					}
					changed = !cmp.Equal(next, committed)
					if abandon {
						return errAbandon
					}
					return nil
				})
				if abandon {
					if !errors.Is(err, errAbandon) {
						t.Fatal(err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				committed = next
				if changed {
					generation++
				}
			},
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open()
			},
			"crash": func(t *rapid.T) {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
				s = open()
			},
			"": func(t *rapid.T) {
				err := s.View(func(tx *Tx) error {
					if tx.Generation() != generation {
						t.Fatalf("generation %d, want %d", tx.Generation(), generation)
					}
					for range 5 {
						look(tx, committed)
					}
					for _, b := range buckets {
						same(tx, b, committed)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			},
		})
		// Sums of all buckets must follow every history. Records are arbitrary
		// bytes here, so only the structure is asked for.
		problems, err := s.Check(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Key == "" {
				t.Fatal(p)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
