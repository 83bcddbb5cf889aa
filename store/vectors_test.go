package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// testVectorMeta is the first VectorMeta of test files.
var testVectorMeta = VectorMeta{
	Encoder: "minilm", EncoderFingerprint: "m-1", Dim: 16, Grade: 2, RowBytes: 18, LeaderBytes: 130,
	Options: []Pair{{"probes", "32"}},
}

func TestVectors_RoundTrip(t *testing.T) {
	const last = 1<<32 - 1
	rows := []byte("row0row1row2")
	for _, tt := range []struct {
		codes    []uint32
		spans    []TokenSpan
		rowBytes int
		record   string
	}{
		{[]uint32{1, 2, 0xFFFFFF}, nil, 4, "\x00\x03\x01\x00\x00\x02\x00\x00\xff\xff\xff" + string(rows)},
		{[]uint32{1, 0x1000000}, nil, 6, "\x02\x02\x01\x00\x00\x00\x00\x00\x00\x01" + string(rows)},
		{[]uint32{7, 7}, []TokenSpan{{0, 0}, {3, 6}}, 6, "\x01\x02\x07\x00\x00\x07\x00\x00\x00\x00\x06\x06" + string(rows)},
		{[]uint32{1, last}, []TokenSpan{{300, 5}, {2, 1}}, 6, "\x03\x02\x01\x00\x00\x00\xff\xff\xff\xff\xd8\x04\x05\xdd\x04\x01" + string(rows)},
		{[]uint32{0}, []TokenSpan{{0, last}}, 12, "\x01\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f" + string(rows)},
		{[]uint32{0}, []TokenSpan{{last, 0}}, 12, "\x01\x01\x00\x00\x00\xfe\xff\xff\xff\x1f\x00" + string(rows)},
		{nil, nil, 4, "\x00\x00"},
		{nil, []TokenSpan{}, 4, "\x01\x00"},
	} {
		var all []byte
		if len(tt.codes) > 0 {
			all = rows
		}
		got := AppendVectors([]byte("before"), tt.codes, tt.spans, all)
		if string(got) != "before"+tt.record {
			t.Errorf("%v %v: %q", tt.codes, tt.spans, got)
			continue
		}
		v, err := DecodeVectors([]byte(tt.record), tt.rowBytes)
		if err != nil || v.Len() != len(tt.codes) || !bytes.Equal(v.Rows, all) {
			t.Errorf("%q: %d tokens, rows %q, %v", tt.record, v.Len(), v.Rows, err)
		}
		if codes := v.AppendCodes([]uint32{9}); !slices.Equal(codes[1:], tt.codes) {
			t.Errorf("%q: codes %d", tt.record, codes)
		}
		spans, has := v.AppendSpans([]TokenSpan{{8, 8}})
		if has != (tt.spans != nil) || !slices.Equal(spans[1:], tt.spans) {
			t.Errorf("%q: spans %v, %v", tt.record, spans, has)
		}
	}
}

func TestVectors_Damaged(t *testing.T) {
	for _, record := range []string{
		"", "\x00", "\x04\x00", "\x00\x01", "\x00\x01\x01\x00\x00row", "\x00\x01\x01\x00\x00row00", // flags, too short, too long
		"\x00\x81\x00\x01\x00\x00row0",                                                                 // a longer form
		"\x02\x01\x01\x00\x00\x00row0",                                                                 // three bytes are enough
		"\x01\x01\x01\x00\x00\x01\x00row0",                                                             // starts at -1
		"\x01\x01\x01\x00\x00\x02\xff\xff\xff\xff\x0frow0",                                             // ends at 2^32
		"\x01\x01\x01\x00\x00\x80\x80\x80\x80\x20\x00row0",                                             // starts there
		"\x01\x02\x01\x00\x00\x01\x00\x00\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00row0row1", // and wraps around
		"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x00\x00row0",                                 // far too many
	} {
		if v, err := DecodeVectors([]byte(record), 4); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %d tokens, %v", record, v.Len(), err)
		}
	}
	for _, f := range []func(){
		func() { AppendVectors(nil, []uint32{1}, []TokenSpan{}, []byte("row")) },
		func() { AppendVectors(nil, nil, nil, []byte("row")) },
		func() { AppendVectors(nil, []uint32{1, 2}, nil, []byte("row")) },
		func() { AppendVectors(nil, []uint32{1}, []TokenSpan{{1<<32 - 1, 1}}, []byte("row")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

func TestVectorMeta_RoundTrip(t *testing.T) {
	s := newStore(t)
	full := testVectorMeta
	full.NextLeader, full.Rows, full.GraphNodes, full.GraphHeader = 300, 1<<40, 300, []byte("entry 5")
	own := VectorMeta{Dim: 1, RowBytes: 1, LeaderBytes: 1}
	for _, want := range []*VectorMeta{nil, &full, &own, nil} {
		update(t, s, func(tx *Tx) error { return tx.SetVectorMeta(want) })
		view(t, s, func(tx *Tx) error {
			got, err := tx.VectorMeta()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	}
	for name, change := range map[string]func(m *VectorMeta){
		"dim":     func(m *VectorMeta) { m.Dim = 0 },
		"rows":    func(m *VectorMeta) { m.RowBytes = 0 },
		"row":     func(m *VectorMeta) { m.RowBytes = MaxRowBytes + 1 },
		"leaders": func(m *VectorMeta) { m.LeaderBytes = 0 },
		"leader":  func(m *VectorMeta) { m.LeaderBytes = 1<<32 - 1 },
		"options": func(m *VectorMeta) { m.Options = []Pair{{"b", ""}, {"a", ""}} },
		"graph":   func(m *VectorMeta) { m.GraphNodes = m.NextLeader + 1 },
	} {
		bad := full
		change(&bad)
		if err := s.Update(func(tx *Tx) error { return tx.SetVectorMeta(&bad) }); err == nil {
			t.Errorf("%s: impossible and stored", name)
		}
	}
}

// TestVectorReader reads records that are pending, folded, both or neither, in
// every order, with and without changes in the same transaction.
func TestVectorReader(t *testing.T) {
	s := newStore(t)
	record := func(p PassageID) []byte { return bytes.Repeat([]byte{byte(p)}, int(1+p*37%9000)) }
	const total = 600
	kind := func(p PassageID) string {
		switch {
		case p%7 == 3 || p >= total:
			return "none"
		case p >= 500 || p%50 == 0:
			return "pending"
		}
		return "folded"
	}
	update(t, s, func(tx *Tx) error {
		w := tx.VectorWriter()
		for p := range PassageID(total) {
			var err error
			switch kind(p) {
			case "pending":
				err = tx.PutPendingVectors(p, record(p))
			case "folded":
				err = w.Add(p, record(p))
			}
			if err != nil {
				return err
			}
		}
		return w.Flush()
	})
	var gone PassageID = total + 5
	look := func(tx *Tx, ids []PassageID) {
		t.Helper()
		r := tx.VectorReader()
		for _, p := range ids {
			got, err := r.Record(p)
			if p == gone || kind(p) == "none" {
				if got != nil || err != nil {
					t.Fatalf("%d: %d bytes, %v", p, len(got), err)
				}
			} else if err != nil || !bytes.Equal(got, record(p)) {
				t.Fatalf("%d: wrong record, %v", p, err)
			}
		}
	}
	var up []PassageID
	for p := range PassageID(total + 20) {
		up = append(up, p)
	}
	mixed := slices.Clone(up)
	rng := rand.New(rand.NewPCG(1, 2))
	orders := [][]PassageID{up, slices.Sorted(slices.Values(up)), mixed}
	slices.Reverse(orders[1])
	rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	view(t, s, func(tx *Tx) error {
		for _, ids := range orders {
			look(tx, ids)
		}
		var pending, folded []PassageID
		for p, err := range tx.PendingVectors(450) {
			if err != nil {
				return err
			}
			pending = append(pending, p.ID)
		}
		if len(pending) == 0 || pending[0] != 450 || pending[len(pending)-1] != total-1 {
			t.Errorf("pending: %d", pending)
		}
		for b, err := range tx.VectorBlocks(0) {
			if err != nil {
				return err
			}
			for p := range b.All() {
				folded = append(folded, p.ID)
			}
		}
		if folded[0] != 1 || folded[len(folded)-1] != 499 {
			t.Errorf("folded: %d to %d", folded[0], folded[len(folded)-1])
		}
		if b := s.statsOf(t, tx, Vectors); b.ValueBytes/b.Keys < VectorBlockBytes*3/4 {
			t.Errorf("blocks of %d bytes", b.ValueBytes/b.Keys)
		}
		return nil
	})
	update(t, s, func(tx *Tx) error {
		gone = 30
		if err := tx.DeleteFoldedVectors(gone, 1); err != nil {
			return err
		}
		look(tx, mixed)
		return nil
	})
	update(t, s, func(tx *Tx) error {
		look(tx, up)
		return tx.DeletePendingVectors(50)
	})
	view(t, s, func(tx *Tx) error {
		record, err := tx.VectorReader().Record(50)
		if record != nil {
			t.Error("the record is still there")
		}
		look(tx, slices.DeleteFunc(up, func(p PassageID) bool { return p == 50 }))
		return err
	})
}

// closeAndRead closes s and returns its file.
func closeAndRead(tb testing.TB, s *Store) []byte {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(s.Path())
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestVectorReader_Key damages the key of a block: what the block holds cannot be
// found any more, which must not look as if it had never been.
func TestVectorReader_Key(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	update(t, s, func(tx *Tx) error {
		w := tx.VectorWriter()
		for p := range PassageID(300) {
			if err := w.Add(100*p, make([]byte, 5000)); err != nil {
				return err
			}
		}
		return errors.Join(w.Flush(), tx.PutPendingVectors(7, make([]byte, 9)))
	})
	var blocks [][]PassageID
	var places []int64 // of their keys
	view(t, s, func(tx *Tx) error {
		for b, err := range tx.VectorBlocks(0) {
			if err != nil {
				return err
			}
			var ids []PassageID
			for p := range b.All() {
				ids = append(ids, p.ID)
			}
			key := key64(uint64(b.first))
			k, _, err := tx.floor(Vectors, key[:])
			if err != nil {
				return err
			}
			blocks = append(blocks, ids)
			places = append(places, int64(uintptr(unsafe.Pointer(&k[0]))-uintptr(unsafe.Pointer(&tx.pager.data[0]))))
		}
		return nil
	})
	sound := closeAndRead(t, s)
	for _, i := range []int{0, 1, len(blocks) / 2, len(blocks) - 1} {
		for bit := range 24 {
			bad := bytes.Clone(sound)
			bad[places[i]+7-int64(bit/8)] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			s := openStore(t, path, Options{ReadOnly: true})
			for _, p := range blocks[i] {
				_ = s.View(func(tx *Tx) error {
					if record, err := tx.VectorReader().Record(p); record == nil && !errors.Is(err, ErrCorrupt) {
						t.Errorf("block %d, bit %d: passage %d is not there, %v", i, bit, p, err)
					}
					return nil
				})
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLeadersPerBlock(t *testing.T) {
	for bytes, want := range map[int]int{1: 2027, 16: 238, 34: 115, 66: 60, 130: 30, 2000: 2, 4054: 1, 4055: 1, 1 << 20: 1} {
		got := LeadersPerBlock(bytes)
		if got != want {
			t.Errorf("%d bytes: %d, wanted %d", bytes, got, want)
		}
	}
}

// TestLeaders adds leaders in steps of many sizes and changes states.
func TestLeaders(t *testing.T) {
	for _, leaderBytes := range []uint32{34, 130, 5000} {
		t.Run(fmt.Sprint(leaderBytes), func(t *testing.T) {
			s := newStore(t)
			m := testVectorMeta
			m.LeaderBytes = leaderBytes
			row := func(c int) []byte { return bytes.Repeat([]byte{byte(c), byte(c >> 8)}, int(leaderBytes)/2) }
			var states []byte
			add := func(n int) {
				t.Helper()
				var rows []byte
				from := len(states)
				for i := range n {
					rows = append(rows, row(from+i)...)
					states = append(states, byte(from+i))
				}
				update(t, s, func(tx *Tx) error {
					return errors.Join(tx.AddLeaders(&m, rows, states[from:]), tx.SetVectorMeta(&m))
				})
				if int(m.NextLeader) != len(states) {
					t.Fatalf("%d leaders, wanted %d", m.NextLeader, len(states))
				}
			}
			for _, n := range []int{1, 0, 2, 29, 100, 1, 300} {
				add(n)
			}
			same := func(tx *Tx) {
				t.Helper()
				per := LeadersPerBlock(int(leaderBytes))
				for c := 0; c < len(states); {
					b, err := tx.LeaderBlock(&m, uint32(c/per))
					if err != nil {
						t.Fatal(err)
					}
					if want := min(per, len(states)-c); len(b.States) != want || len(b.Rows) != want*int(leaderBytes) {
						t.Fatalf("leader %d: block of %d, %d bytes, wanted %d", c, len(b.States), len(b.Rows), want)
					}
					for i, state := range b.States {
						if state != states[c] || !bytes.Equal(b.Rows[i*int(leaderBytes):][:leaderBytes], row(c)) {
							t.Fatalf("leader %d is another", c)
						}
						c++
					}
				}
				if _, err := tx.LeaderBlock(&m, uint32((len(states)+per-1)/per)); !errors.Is(err, ErrNotFound) {
					t.Errorf("a block too many: %v", err)
				}
			}
			codes, change := []uint32{0, 1, 31, 200, 432}, []byte{200, 201, 202, 203, 204}
			update(t, s, func(tx *Tx) error {
				for i, c := range codes {
					states[c] = change[i]
				}
				err := tx.SetLeaderStates(&m, codes, change)
				same(tx)
				return err
			})
			view(t, s, func(tx *Tx) error { same(tx); return nil })
			err := s.Update(func(tx *Tx) error { return tx.SetLeaderStates(&m, []uint32{5, m.NextLeader}, make([]byte, 2)) })
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("a leader too many: %v", err)
			}
			for name, err := range map[string]error{
				"order": s.Update(func(tx *Tx) error { return tx.SetLeaderStates(&m, []uint32{5, 5}, make([]byte, 2)) }),
				"count": s.Update(func(tx *Tx) error { return tx.SetLeaderStates(&m, []uint32{5}, make([]byte, 2)) }),
				"rows":  s.Update(func(tx *Tx) error { return tx.AddLeaders(&m, make([]byte, leaderBytes), make([]byte, 2)) }),
				"full": s.Update(func(tx *Tx) error {
					full := m
					full.NextLeader = maxLeaders
					return tx.AddLeaders(&full, make([]byte, leaderBytes), make([]byte, 1))
				}),
			} {
				if err == nil {
					t.Errorf("%s: no error", name)
				}
			}
			// A block that lacks leaders is damage, not an end.
			view(t, s, func(tx *Tx) error {
				more := m
				more.NextLeader += 5000
				per := uint32(LeadersPerBlock(int(leaderBytes)))
				for _, no := range []uint32{(m.NextLeader - 1) / per, m.NextLeader/per + 3} {
					if _, err := tx.LeaderBlock(&more, no); !errors.Is(err, ErrCorrupt) && (per > 1 || no >= m.NextLeader) {
						t.Errorf("block %d: %v", no, err)
					}
				}
				return nil
			})
		})
	}
}

func TestVPostings(t *testing.T) {
	s := newStore(t)
	keys := []ChunkKey{{1, 0, 0}, {1, 5, 0}, {1, 5, 700}, {2, 7, 7}}
	update(t, s, func(tx *Tx) error {
		for _, k := range keys {
			if err := tx.PutVChunk(k, fmt.Append(nil, k)); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutChunk(ChunkKey{1, 5, 1}, []byte("of words")), tx.PutVGraphBlock(3, []byte("nodes")))
	})
	view(t, s, func(tx *Tx) error {
		c, got := tx.VChunks(1), []ChunkKey{}
		k, v, err := c.Floor(5, 300)
		for ; v != nil && err == nil; k, v, err = c.Next() {
			if string(v) != fmt.Sprint(k) {
				t.Errorf("%v: %q", k, v)
			}
			got = append(got, k)
		}
		if !slices.Equal(got, keys[1:3]) {
			t.Error(got)
		}
		if b, gerr := tx.VGraphBlock(3); string(b) != "nodes" || gerr != nil {
			t.Errorf("%q, %v", b, gerr)
		}
		if b, gerr := tx.VGraphBlock(2); b != nil || gerr != nil {
			t.Errorf("%q, %v", b, gerr)
		}
		return err
	})
	for done := false; !done; {
		update(t, s, func(tx *Tx) (err error) {
			done, err = tx.DropSegment(1, 2)
			return err
		})
	}
	view(t, s, func(tx *Tx) error {
		if p, v := s.statsOf(t, tx, Postings).Keys, s.statsOf(t, tx, VPostings).Keys; p != 0 || v != 1 {
			t.Errorf("%d chunks of words, %d of leaders left", p, v)
		}
		return nil
	})
}

// TestFormat1 reads and writes a file of format 1, which stays one, also when it
// is copied, and has no room for token vectors.
func TestFormat1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	copyFile(t, filepath.Join(testutil.Root(), "testdata", "format", "v1.db"), path)
	s := openStore(t, path, Options{})
	m := testVectorMeta
	key := key64(1)
	for name, write := range map[string]func(tx *Tx) error{
		"meta":     func(tx *Tx) error { return tx.SetVectorMeta(&m) },
		"pending":  func(tx *Tx) error { return tx.PutPendingVectors(1, []byte{0, 0}) },
		"leaders":  func(tx *Tx) error { return tx.AddLeaders(&m, make([]byte, m.LeaderBytes), make([]byte, 1)) },
		"graph":    func(tx *Tx) error { return tx.PutVGraphBlock(0, nil) },
		"postings": func(tx *Tx) error { return tx.PutVChunk(ChunkKey{}, nil) },
		"put":      func(tx *Tx) error { return tx.Put(Vectors, key[:], nil) },
	} {
		err := s.Update(write)
		if want := "ciyuan: index format has no room for this: token vectors came with format 2, the file has format 1"; !errors.Is(err, ErrFormatOld) || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	update(t, s, func(tx *Tx) error {
		m, err := tx.VectorMeta()
		if m != nil || err != nil {
			t.Error(m, err)
		}
		record, err := tx.VectorReader().Record(1)
		if record != nil || err != nil {
			t.Error(record, err)
		}
		for _, b := range Buckets()[format1Buckets:] {
			c := tx.Cursor(b)
			first, _, err := c.First()
			last, _, lerr := c.Last()
			floor, _, ferr := tx.Floor(b, []byte("x"))
			if first != nil || last != nil || floor != nil || errors.Join(err, lerr, ferr, tx.Recount(b)) != nil {
				t.Errorf("%s: %q %q %q, %v %v %v", b, first, last, floor, err, lerr, ferr)
			}
		}
		// There is nothing to be deleted, which is no error.
		return errors.Join(tx.DeletePendingVectors(1), tx.DeleteFoldedVectors(0, 9), tx.SetVectorMeta(nil),
			tx.PutGraphBlock(0, []byte("changed")))
	})
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	view(t, s, func(tx *Tx) error {
		st, err := tx.Stats()
		if err != nil {
			return err
		}
		sum := st.Overhead + st.FreeBytes
		for _, b := range st.Buckets {
			sum += b.Allocated
		}
		if sum != uint64(len(tx.pager.data)) || len(st.Buckets) != len(Buckets()) || st.Bucket(Vectors).Allocated != 0 {
			t.Errorf("parts are %d bytes of %d: %+v", sum, len(tx.pager.data), st.Buckets)
		}
		return nil
	})
	want := entries(t, s)
	copied := filepath.Join(t.TempDir(), "b.db")
	if err := s.Backup(t.Context(), copied, false, nil); err != nil {
		t.Fatal(err)
	}
	fresh, err := s.CreateTemp(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(copyInto(s, fresh), s.ReplaceWith(fresh), fresh.Close()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, copied} {
		c := openStore(t, path, Options{})
		if c.Format() != 1 {
			t.Errorf("format %d", c.Format())
		}
		checkClean(t, c)
		if diff := cmp.Diff(want, entries(t, c)); diff != "" {
			t.Error(diff)
		}
		view(t, c, func(tx *Tx) error {
			if tx.sums.n != format1Buckets || tx.there[Vectors] {
				t.Errorf("sums of %d buckets", tx.sums.n)
			}
			return nil
		})
	}
}

// TestSalvage_Vectors takes parts of a file away and reads the token vectors that
// are left.
func TestSalvage_Vectors(t *testing.T) {
	const passages = 400
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	m := testVectorMeta
	record := func(p PassageID) []byte {
		return AppendVectors(nil, []uint32{uint32(p % 3)}, nil, fmt.Appendf(nil, "row of passage %3d", p))
	}
	update(t, s, func(tx *Tx) error {
		w := tx.VectorWriter()
		w.limit = 100 // many blocks
		var err error
		for p := range PassageID(passages) {
			switch {
			case p%10 == 9:
			case p < 300:
				err = errors.Join(err, w.Add(p, record(p)))
			default:
				err = errors.Join(err, tx.PutPendingVectors(p, record(p)))
			}
		}
		return errors.Join(err, w.Flush(), tx.AddLeaders(&m, make([]byte, 70*m.LeaderBytes), make([]byte, 70)), tx.SetVectorMeta(&m))
	})
	// Where in the file the values of a bucket lie, and the branches of its tree.
	var values = map[Bucket][]int64{}
	var branches []int64
	view(t, s, func(tx *Tx) error {
		for _, b := range []Bucket{VPending, Vectors, Leaders} {
			err := tx.pager.walk(tx.trees[b], func(pg *page) error {
				if !pg.leaf {
					branches = append(branches, int64(pg.id)*pageBytes)
				}
				for i := 0; pg.leaf && i < pg.count; i++ {
					_, v, _, err := pg.entry(i)
					if err != nil {
						return err
					}
					values[b] = append(values[b], int64(uintptr(unsafe.Pointer(&v[0]))-uintptr(unsafe.Pointer(&tx.pager.data[0]))))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	sound := closeAndRead(t, s)
	if len(branches) < 2 || len(values[Vectors]) < 50 || len(values[Leaders]) != 3 {
		t.Fatalf("%d branches, %d blocks, %d of leaders", len(branches), len(values[Vectors]), len(values[Leaders]))
	}
	for _, tt := range []struct {
		name   string
		damage func(data []byte)
		lost   int // passages, at most
		blocks int // of leaders, at most
	}{
		{"nothing", func([]byte) {}, 0, 0},
		{"meta pages", func(data []byte) { clear(data[:2*pageBytes]) }, 0, 0},
		{"branches", func(data []byte) {
			for _, at := range branches {
				clear(data[at : at+pageBytes])
			}
		}, 0, 0},
		{"one record", func(data []byte) { data[values[VPending][5]+9] ^= 1 }, 1, 0},
		{"one block", func(data []byte) { data[values[Vectors][9]+9] ^= 1 }, 4, 0},
		{"leaders", func(data []byte) { data[values[Leaders][1]+9] ^= 1 }, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := bytes.Clone(sound)
			tt.damage(bad)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			sv, err := OpenSalvage(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&m, sv.VectorMeta); diff != "" {
				t.Error(diff)
			}
			lost, blocks := 0, 0
			for p := range PassageID(passages + 5) {
				got, err := sv.Vectors(p)
				if err != nil {
					t.Fatal(err)
				}
				if p%10 == 9 || p >= passages {
					if got != nil {
						t.Errorf("passage %d has %q", p, got)
					}
				} else if got == nil {
					lost++
				} else if !bytes.Equal(got, record(p)) {
					t.Errorf("passage %d has %q", p, got)
				}
			}
			for no := range uint32(3) {
				if b, err := sv.LeaderBlock(no); errors.Is(err, ErrCorrupt) {
					blocks++
				} else if want := []int{30, 30, 10}[no]; err != nil || len(b.States) != want {
					t.Errorf("block %d has %d leaders, %v", no, len(b.States), err)
				}
			}
			if lost > tt.lost || blocks > tt.blocks || (lost+blocks > 0) != (tt.lost+tt.blocks > 0) {
				t.Errorf("lost the vectors of %d passages and %d blocks of leaders", lost, blocks)
			}
			if err := sv.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
