package store

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// writeFormat makes TestFormat_OldFiles write the file of the present version
// anew. A version that was released must keep its file.
var writeFormat = flag.Bool("write-format", false, "write testdata/format/v<version>.db anew")

// TestFormat_OldFiles opens a real file of every format there has been.
func TestFormat_OldFiles(t *testing.T) {
	dir := filepath.Join(testutil.Root(), "testdata", "format")
	if *writeFormat {
		path := filepath.Join(t.TempDir(), "new.db")
		s := openStore(t, path, Options{})
		fixture(t, s)
		small, err := s.CreateTemp(Options{Identity: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(copyInto(s, small), s.ReplaceWith(small), small.Close()); err != nil {
			t.Fatal(err)
		}
		copyFile(t, path, filepath.Join(dir, fmt.Sprintf("v%d.db", FormatVersion)))
	}
	for version := 1; version <= FormatVersion; version++ {
		name := fmt.Sprintf("v%d.db", version)
		t.Run(name, func(t *testing.T) {
			before, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{true, false} {
				s, err := Open(path, Options{ReadOnly: readOnly})
				if err != nil {
					t.Fatal(err)
				}
				checkClean(t, s)
				docs := 0
				view(t, s, func(tx *Tx) error {
					for e, err := range tx.Docs(0) {
						if err != nil {
							return err
						}
						docs++
						if err := readDoc(tx, e); err != nil {
							return err
						}
					}
					return readVectors(tx, version)
				})
				if docs == 0 {
					t.Error("no documents")
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("opening changed the file: %v", err)
			}
		})
	}
}

// readDoc reads text and words of every passage of a document.
func readDoc(tx *Tx, e DocEntry) error {
	words := tx.WordReader()
	for p := PassageID(e.ID); p < PassageID(e.ID)+PassageID(e.Passages); p++ {
		if _, err := tx.Text(p); err != nil {
			return err
		}
		record, err := tx.Passage(p)
		if err != nil {
			return err
		}
		d, t := DecodePassage(record), Token{}
		for d.Next(&t) {
			if _, err := words.Word(t.Code); err != nil {
				return err
			}
		}
		if d.Err() != nil {
			return d.Err()
		}
	}
	return nil
}

// readVectors reads the token vectors of all passages.
func readVectors(tx *Tx, version int) error {
	m, err := tx.VectorMeta()
	if err != nil {
		return err
	}
	if (m != nil) != (version >= tokenVectorFormat) {
		return fmt.Errorf("token vectors: %v", m != nil)
	}
	if m == nil {
		return nil
	}
	meta, err := tx.Meta()
	if err != nil {
		return err
	}
	r, rows, records, placed := tx.VectorReader(), uint64(0), 0, 0
	for p := range meta.NextPassage {
		record, err := r.Record(p)
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		v, err := DecodeVectors(record, int(m.RowBytes))
		if err != nil {
			return err
		}
		for _, c := range v.AppendCodes(nil) {
			if _, err := tx.LeaderBlock(m, c/uint32(LeadersPerBlock(int(m.LeaderBytes)))); err != nil {
				return err
			}
		}
		if _, ok := v.AppendSpans(nil); ok {
			placed++
		}
		records++
		rows += uint64(v.Len())
	}
	pending, folded := tx.sums.buckets[VPending].count, tx.sums.buckets[Vectors].count
	if rows != m.Rows || placed == 0 || placed == records || pending == 0 || folded == 0 {
		return fmt.Errorf("%d rows of %d in %d records, %d with spans; %d pending, %d blocks folded", rows, m.Rows, records, placed, pending, folded)
	}
	return nil
}

// TestHashWord pins the hash, which is part of the format.
func TestHashWord(t *testing.T) {
	for word, want := range map[string]uint32{"": 0xab3e7c0b, "a": 0x1a80b1b3, "词元": 0x226880ea, "programming": 0x9078ae77} {
		if got := hashWord(word); got != want {
			t.Errorf("%q: %#08x", word, got)
		}
	}
}

// TestDigest pins the digest and the checksum, which are part of the format.
func TestDigest(t *testing.T) {
	s := newSeeds(42)
	sealed := s.seal(Texts, []byte("key"), []byte("value"))
	if got := fmt.Sprintf("%x %x", sealed, digest(Texts, []byte("key"), sealed)); got != "76616c75653b7ad1aa a4b98bb7c1f34655" {
		t.Error(got)
	}
}

// TestSum_Boundary moves the boundary between key and value.
func TestSum_Boundary(t *testing.T) {
	s := newSeeds(42)
	if s.sum(Texts, []byte("ab"), []byte("c")) == s.sum(Texts, []byte("a"), []byte("bc")) {
		t.Error("the checksum does not see where the key ends")
	}
}
