package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// damageFile makes a small file with inline buckets, buckets of one page and of
// several with branches, overflow pages and free pages, closed.
func damageFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "small.db")
	s, err := Open(path, Options{Create: &testMeta, Identity: 42})
	if err != nil {
		tb.Fatal(err)
	}
	fixture(tb, s)
	update(tb, s, func(tx *Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		for code := range m.NextCode {
			for ordinal := range m.Segments[0].Span {
				if err := tx.PutChunk(ChunkKey{0, code, ordinal}, fmt.Appendf(nil, "%d %d %s", code, ordinal, strings.Repeat("x", 50))); err != nil {
					return err
				}
			}
		}
		return tx.PutGraphBlock(0, []byte(strings.Repeat("graph ", 1200)))
	})
	checkClean(tb, s)
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// dump returns all entries, sums and answers of the typed methods.
func dump(s *Store) (map[string]string, error) {
	all := make(map[string]string)
	err := s.View(func(tx *Tx) error {
		for _, b := range Buckets() {
			c := tx.Cursor(b)
			k, v, err := c.First()
			for ; err == nil && k != nil; k, v, err = c.Next() {
				all[b.String()+" "+string(k)] = string(v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// read asks for everything that is known to be in damageFile by its key, as a
// search would, and returns an error if one of the answers is another than
// want. A key that is not found is no wrong answer.
func read(s *Store, want map[string]string) (wrong, err error) {
	err = s.View(func(tx *Tx) error {
		for _, b := range Buckets() {
			for k, v := range want {
				key, ok := strings.CutPrefix(k, b.String()+" ")
				if !ok {
					continue
				}
				got, err := tx.Get(b, []byte(key))
				if err == nil && got != nil && string(got) != v {
					wrong = fmt.Errorf("%s: got %q", k, got)
				}
				if _, _, ferr := tx.Floor(b, []byte(key)); err == nil {
					err = ferr
				}
				if err != nil {
					return err
				}
			}
		}
		vectors := tx.VectorReader()
		for p, v := range vectorsOf(want) {
			record, err := vectors.Record(p)
			if err != nil {
				return err
			}
			if record != nil && string(record) != v {
				wrong = fmt.Errorf("vectors of passage %d: got %q", p, record)
			}
		}
		return nil
	})
	return wrong, err
}

// known reports whether err is one that a damaged file may give.
func known(err error) bool {
	return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotIndex) || errors.Is(err, ErrFormatTooNew)
}

// examine opens a damaged file and reads everything. Nothing may be answered
// wrongly, and whatever is not as in want must come to light.
func examine(tb testing.TB, path string, want map[string]string) {
	salvaged := false // the last commit may be missing, which Check must tell
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		if !known(err) {
			tb.Errorf("open: %v", err)
		}
		if s, err = Open(path, Options{ReadOnly: true, Salvage: true}); err != nil {
			if !known(err) {
				tb.Errorf("salvage: %v", err)
			}
			return
		}
		salvaged = true
	}
	defer func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	}()
	got, derr := dump(s)
	wrong, rerr := read(s, want)
	if wrong != nil && !salvaged {
		tb.Error(wrong)
	}
	for _, err := range []error{derr, rerr} {
		if err != nil && !known(err) {
			tb.Errorf("reading: %v", err)
		}
	}
	problems, err := s.Check(tb.Context(), nil)
	if err != nil && !known(err) {
		tb.Errorf("check: %v", err)
	}
	if (salvaged || derr != nil || rerr != nil || !cmp.Equal(got, want)) && len(problems) == 0 && err == nil {
		tb.Errorf("check found nothing; reading: %v, %v", derr, rerr)
	}
}

// vectorsOf returns the vector records of a dump.
func vectorsOf(all map[string]string) map[PassageID]string {
	records := make(map[PassageID]string)
	for k, v := range all {
		if key, ok := strings.CutPrefix(k, "vpending "); ok {
			records[PassageID(binary.BigEndian.Uint64([]byte(key)))] = v
		}
		if key, ok := strings.CutPrefix(k, "vectors "); ok {
			b, err := parseForwardAt(Vectors, []byte(key), []byte(v))
			if err != nil {
				panic(err) // the dump is of a sound file
			}
			for p := range b.All() {
				records[p.ID] = string(p.Record)
			}
		}
	}
	return records
}

// salvage reads what is left of a damaged file, of which want was the dump. A
// document that is said to be whole has all of its texts, and token vectors are
// those of the sound file or none.
func salvage(tb testing.TB, path string, want map[string]string) {
	s, err := OpenSalvage(tb.Context(), path)
	if err != nil {
		if !known(err) {
			tb.Errorf("salvage: %v", err)
		}
		return
	}
	vectors := vectorsOf(want)
	for p := range PassageID(9) {
		if record, err := s.Vectors(p); err != nil || record != nil && string(record) != vectors[p] {
			tb.Errorf("passage %d has the vectors %q, wanted %q; %v", p, record, vectors[p], err)
		}
	}
	for no := range uint32(3) {
		b, err := s.LeaderBlock(no)
		if err != nil && !known(err) {
			tb.Errorf("leaders %d: %v", no, err)
		}
		if value, _ := strings.CutPrefix(string(b.encode()), "\x00"); value != "" && value != want["leaders "+string(binary.BigEndian.AppendUint32(nil, no))] {
			tb.Errorf("leaders %d are %.30q", no, value)
		}
	}
	err = s.Documents(tb.Context(), func(d Salvaged) error {
		if d.Err != nil {
			if !known(d.Err) {
				tb.Errorf("document %d: %v", d.ID, d.Err)
			}
			return nil
		}
		n := uint64(0)
		for i := range d.Doc.Passages {
			t, err := s.Text(PassageID(d.ID) + PassageID(i))
			if err != nil {
				return err
			}
			n += uint64(len(t.Text))
		}
		if n != d.Doc.TextBytes || d.External == "" {
			tb.Errorf("document %d, %q: %d bytes of %d", d.ID, d.External, n, d.Doc.TextBytes)
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		tb.Errorf("salvage: %v", err)
	}
}

// write changes the file as a user would. It may fail, but only with a known
// error, and never panic or hang.
func write(tb testing.TB, path string) {
	s, err := Open(path, Options{})
	if err != nil {
		if !known(err) {
			tb.Errorf("open: %v", err)
		}
		return
	}
	err = s.Update(func(tx *Tx) error {
		err := tx.each(Postings, nil, func(key, _ []byte) (bool, error) {
			if key[len(key)-1]%3 != 0 {
				return true, nil
			}
			return true, tx.Delete(Postings, key)
		})
		if err != nil {
			return err
		}
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		if err := errors.Join(tx.AddWords(m, []string{"new"}), tx.AddRefs(m.NextCode-1, []Ref{{}}), tx.PutGraphBlock(0, nil), tx.SetMeta(m)); err != nil {
			return err
		}
		vm, err := tx.VectorMeta()
		if err != nil || vm == nil {
			return err
		}
		record, err := tx.VectorReader().Record(0)
		if err != nil {
			return err
		}
		return errors.Join(tx.AddLeaders(vm, make([]byte, vm.LeaderBytes), []byte{7}), tx.SetLeaderStates(vm, []uint32{1, 3}, []byte{8, 9}),
			tx.DeleteFoldedVectors(0, 2), tx.PutPendingVectors(0, record), tx.SetVectorMeta(vm))
	})
	if err != nil && !known(err) && !errors.Is(err, ErrNotFound) {
		tb.Errorf("update: %v", err)
	}
	if _, err := s.Check(tb.Context(), nil); err != nil && !known(err) {
		tb.Errorf("check: %v", err)
	}
	if err := s.Close(); err != nil {
		tb.Error(err)
	}
}

// TestDamage_EveryByte flips one bit of every byte of a small file in turn, and
// of some bytes of one of the first format.
func TestDamage_EveryByte(t *testing.T) {
	step := int64(1)
	if testing.Short() || raceEnabled {
		step = 13
	}
	t.Run("present format", func(t *testing.T) { damageEvery(t, damageFile(t), step) })
	t.Run("first format", func(t *testing.T) {
		presentFormat = 1
		defer func() { presentFormat = FormatVersion }()
		path := damageFile(t)
		presentFormat = FormatVersion
		damageEvery(t, path, 29)
	})
}

func damageEvery(t *testing.T, path string, step int64) {
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := dump(s)
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	view(t, s, func(tx *Tx) error { size = int64(len(tx.pager.data)); return nil })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	put := func(at int64, b byte) {
		if _, err := f.WriteAt([]byte{b}, at); err != nil {
			t.Fatal(err)
		}
	}
	const writes = 97
	for at := int64(0); at < size; at += step {
		// Runs of zeros are the unused ends of pages: a few of them are enough.
		if at > 16 && at%31 != 0 && at+16 < size && strings.Count(string(data[at-16:at+16]), "\x00") == 32 {
			continue
		}
		put(at, data[at]^1<<(at%8))
		examine(t, path, want)
		if at%writes == 0 {
			other := filepath.Join(t.TempDir(), "w.db")
			copyFile(t, path, other)
			salvage(t, other, want)
			write(t, other)
		}
		put(at, data[at])
		if t.Failed() {
			t.Fatalf("at byte %d (page %d, byte %d)", at, at/pageBytes, at%pageBytes)
		}
	}
	examine(t, path, want)
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	in, err := os.Open(from)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		tb.Fatal(err)
	}
	if err := out.Close(); err != nil {
		tb.Fatal(err)
	}
}

// TestDamage_Truncated cuts the file at each page and inside each.
func TestDamage_Truncated(t *testing.T) {
	path := damageFile(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	view(t, s, func(tx *Tx) error { size = int64(len(tx.pager.data)); return nil })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for at := min(info.Size(), size); at >= 0; at -= pageBytes / 2 {
		if err := os.Truncate(path, at); err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{}, {ReadOnly: true}, {Create: &testMeta}, {Salvage: true}} {
			s, err := Open(path, o)
			if err == nil {
				_ = s.Close()
			}
			if (err == nil) != (at == size) || err != nil && !known(err) {
				t.Errorf("%d bytes of %d: %v", at, size, err)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Size() != at {
			t.Errorf("%d bytes: the file was changed: %v", at, err)
		}
	}
}

// TestDamage_TruncatedWhileOpen cuts the file under an open store.
func TestDamage_TruncatedWhileOpen(t *testing.T) {
	path := damageFile(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(func(tx *Tx) error {
		if err := os.Truncate(path, 2*pageBytes); err != nil {
			t.Fatal(err)
		}
		for _, b := range Buckets() {
			c := tx.Cursor(b)
			for k, _, err := c.First(); k != nil || err != nil; k, _, err = c.Next() {
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("view: %v", err)
	}
	if err := s.View(func(*Tx) error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("later view: %v", err)
	}
	if err := s.Update(func(tx *Tx) error { return tx.PutText(1, Text{}) }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("later update: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestDamage_Spliced puts pages of another index of the same shape in. All but
// the meta pages must come to light. A meta page that fits in every number that
// bbolt keeps can only take the file back to an earlier commit.
func TestDamage_Spliced(t *testing.T) {
	path, other := damageFile(t), filepath.Join(t.TempDir(), "other.db")
	s, err := Open(other, Options{Create: &testMeta, Identity: 43})
	if err != nil {
		t.Fatal(err)
	}
	fixture(t, s)
	earlier, err := dump(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err = Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := dump(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for at := 0; at+pageBytes <= min(len(theirs), len(ours)); at += pageBytes {
		page := theirs[at : at+pageBytes]
		if bytes.Equal(page, ours[at:at+pageBytes]) {
			continue
		}
		pages++
		if err := os.WriteFile(path, slices.Concat(ours[:at], page, ours[at+pageBytes:]), 0o644); err != nil {
			t.Fatal(err)
		}
		if at < 2*pageBytes {
			s, err := Open(path, Options{ReadOnly: true})
			if err != nil {
				continue
			}
			got, err := dump(s)
			delete(got, "meta "+sumsKey) // has digests that depend on the identity
			delete(got, "meta "+formatKey)
			for k := range got {
				if err == nil && got[k] != want[k] && got[k] != earlier[k] {
					t.Errorf("page %d: %q", at/pageBytes, k)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		examine(t, path, want)
		if t.Failed() {
			t.Fatalf("page %d", at/pageBytes)
		}
	}
	if pages < 8 {
		t.Errorf("only %d pages differ", pages)
	}
}

// TestDamage_FreeList lets the list of free pages name a page in use, with and
// without the seal that would tell at once: such a file can be read, but the
// next commit would overwrite the page.
func TestDamage_FreeList(t *testing.T) {
	path := damageFile(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var meta boltMeta
	var sealed bool
	used := newPageSet(1 << 16)
	var free []byte
	view(t, s, func(tx *Tx) error {
		var errs [2]error
		meta, errs = tx.pager.metas()
		_, sealed = tx.pager.readSeal(s.seeds, meta.txid)
		list, _, err := tx.pager.freelist(meta.freelist)
		free = bytes.Clone(list)
		for _, t := range tx.trees {
			err = errors.Join(err, tx.pager.use(used, t))
		}
		return errors.Join(err, errs[0], errs[1])
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !sealed || len(free) < 16 {
		t.Fatalf("sealed: %v, %d free pages", sealed, len(free)/8)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	listed := int(meta.freelist)*pageBytes + pageHeaderBytes
	changes := 0
	for i := 0; i < len(free); i += 8 {
		low, high := uint64(2), meta.high
		if i > 0 {
			low = native.Uint64(free[i-8:]) + 1
		}
		if i+8 < len(free) {
			high = native.Uint64(free[i+8:])
		}
		for id := low; id < high; id++ {
			if !used.has(id) {
				continue
			}
			changes++
			for _, seal := range []bool{true, false} {
				bad := bytes.Clone(data)
				native.PutUint64(bad[listed+i:], id)
				if !seal {
					clear(bad[int(meta.txid%2)*pageBytes+sealAt:][:sealBytes])
				}
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				if _, err := Open(path, Options{}); !errors.Is(err, ErrCorrupt) {
					t.Errorf("page %d is free and in use (seal: %v): %v", id, seal, err)
				}
				r, err := Open(path, Options{ReadOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				if problems, err := r.Check(t.Context(), nil); err != nil || len(problems) == 0 {
					t.Error(problems, err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if changes == 0 {
		t.Error("nothing was tried")
	}
	// Without its seal a sound file is opened as well.
	clear(data[int(meta.txid%2)*pageBytes+sealAt:][:sealBytes])
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	openStore(t, path, Options{})
}
