package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck_Clean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openStore(t, path, Options{})
	checkClean(t, s)
	fixture(t, s)
	calls := 0
	problems, err := s.Check(t.Context(), func(done, total int64) {
		calls++
		if done < 0 || done > total {
			t.Errorf("progress %d of %d", done, total)
		}
	})
	if err != nil || len(problems) > 0 || calls == 0 {
		t.Error(problems, err, calls)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Check(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCheck_Finds makes one thing wrong at a time.
func TestCheck_Finds(t *testing.T) {
	meta := func(change func(*Meta)) func(*Tx) error {
		return func(tx *Tx) error {
			m, err := tx.Meta()
			if err != nil {
				return err
			}
			change(m)
			return tx.SetMeta(m)
		}
	}
	doc := func(id DocID, change func(*Doc)) func(*Tx) error {
		return func(tx *Tx) error {
			d, err := tx.Doc(id)
			if err != nil {
				return err
			}
			change(d)
			return tx.PutDoc(id, d)
		}
	}
	vectors := func(change func(*VectorMeta)) func(*Tx) error {
		return func(tx *Tx) error {
			m, err := tx.VectorMeta()
			if err != nil {
				return err
			}
			change(m)
			return tx.SetVectorMeta(m)
		}
	}
	one := AppendVectors(nil, []uint32{2}, nil, []byte("row  0"))
	tests := []struct {
		name   string
		change func(*Tx) error
		want   string
	}{
		{"source without document", func(tx *Tx) error { return tx.PutSource("x", Source{Doc: 77}) }, `bucket ids, key "x": its document 77 is missing`},
		{"source of another", func(tx *Tx) error { return tx.PutSource("x", Source{Doc: 0}) }, `bucket ids, key "x": its document 0 has the id "a.txt"`},
		{"document without source", func(tx *Tx) error { return tx.DeleteSource("a.txt") }, `bucket docs, key 0: its id "a.txt" does not lead to it`},
		{"text missing", func(tx *Tx) error { return tx.DeleteText(2) }, "bucket docs, key 1: the text of its passage 2 is missing"},
		{"text left over", func(tx *Tx) error { return tx.PutText(99, Text{}) }, "bucket text, key 99: it belongs to no document"},
		{"text changed", func(tx *Tx) error { return tx.PutText(1, Text{Text: []byte("Programming needs\npatience!")}) }, "bucket text, key 1: its tokens cover 26 bytes of 27"},
		{"text moved", func(tx *Tx) error {
			return tx.PutText(2, Text{Offset: 25, Line: 1, Text: []byte("and 毅力\n\nand time")})
		}, "bucket text, key 2: it says that it stands at byte 25, line 1 of its document, wanted 26, 1"},
		{"text on another line", func(tx *Tx) error { return tx.PutText(3, Text{Offset: 46, Line: 1}) }, "bucket text, key 3: it says that it stands at byte 46, line 1 of its document, wanted 46, 3"},
		{"more lines than bytes", func(tx *Tx) error { return tx.PutText(3, Text{Offset: 46, Line: 47}) }, "bucket text, key 3: 47 line ends in 46 bytes"},
		{"record missing", func(tx *Tx) error { return tx.DeletePending(6) }, "bucket docs, key 6: its passage 6 has 0 records of its words"},
		{"record twice", func(tx *Tx) error { return tx.PutPending(1, nil) }, "bucket docs, key 1: its passage 1 has 2 records of its words"},
		{"folded missing", func(tx *Tx) error { return tx.DeleteFolded(3, 1) }, "bucket docs, key 1: its passage 3 has 0 records of its words"},
		{"folded left over", func(tx *Tx) error { return tx.Unbury(5, 1) }, "bucket forward, key 5: it belongs to no document"},
		{"pending left over", func(tx *Tx) error { return tx.PutPending(50, nil) }, "bucket pending, key 50: it belongs to no document"},
		{"marked dead", func(tx *Tx) error { return tx.Bury(2, 1) }, "bucket docs, key 1: its passage 2 is marked as deleted"},
		{"counters", meta(func(m *Meta) { m.LiveWords++ }), "documents, 6 passages"},
		{"codes", meta(func(m *Meta) { m.NextCode++ }), "codes were given out"},
		{"passages overlap", doc(1, func(d *Doc) { d.Passages = 4 }), "bucket docs, key 4: its passages 4 to 4 belong to others"},
		{"text bytes", doc(0, func(d *Doc) { d.TextBytes++ }), "bucket docs, key 0: its text has"},
		{"segment unknown", func(tx *Tx) error { return tx.PutChunk(ChunkKey{Segment: 4}, nil) }, "bucket postings, key segment 4 code 0 ordinal 0: there is no such segment"},
		{"ordinal too high", func(tx *Tx) error { return tx.PutChunk(ChunkKey{Ordinal: 400}, nil) }, "there is no such code or ordinal"},
		{"lengths short", func(tx *Tx) error { return tx.PutLengths(0, 0, AppendLength(nil, 1)) }, "bucket lengths, key segment 0 block 0: 1 lengths, wanted 6"},
		{"lengths missing", func(tx *Tx) error { k := lengthsKey(0, 0); return tx.Delete(LengthBlocks, k[:]) }, "segment 0 has 0 blocks, wanted 1"},
		{"graph too large", func(tx *Tx) error { return tx.PutGraphBlock(9, nil) }, "bucket graph, key 9: the graph has only"},
		{"lookup lost", func(tx *Tx) error {
			no, _ := lookupPlace("needs")
			k := lookupKey(no)
			return tx.Delete(Lookup, k[:])
		}, `word "needs"`},
		{"refs lost", func(tx *Tx) error { k := key32(0); return tx.Delete(Refs, k[:]) }, "bucket refs: refs of 0 codes"},
		{"words lost", func(tx *Tx) error { k := key32(0); return tx.Delete(Words, k[:]) }, "bucket words: 0 words"},
		{"bad record", func(tx *Tx) error { return tx.PutPending(6, []byte{4}) }, "bucket pending, key 6: escape 4 at byte 0"},
		{"vectors without settings", func(tx *Tx) error { return tx.SetVectorMeta(nil) }, "bucket leaders: 2 entries, but the index has no token vectors"},
		{"vectors uncounted", vectors(func(m *VectorMeta) { m.Rows-- }), `bucket meta, key "vectors": 15 rows are there, counted were 14`},
		{"vectors lost", func(tx *Tx) error { return tx.DeletePendingVectors(6) }, `bucket meta, key "vectors": 11 rows are there, counted were 15`},
		{"vectors twice", func(tx *Tx) error { return tx.PutPendingVectors(1, one) }, "bucket docs, key 1: its passage 1 has 2 records of its token vectors"},
		{"vectors left over", func(tx *Tx) error { return tx.PutPendingVectors(50, one) }, "bucket vpending, key 50: it belongs to no document"},
		{"folded vectors left over", func(tx *Tx) error {
			w := tx.VectorWriter()
			return errors.Join(w.Add(40, one), w.Flush())
		}, "bucket vectors, key 40: it belongs to no document"},
		{"vectors cut off", func(tx *Tx) error { return tx.PutPendingVectors(6, one[:9]) }, "bucket vpending, key 6: 1 items of 9 bytes and more, 7 bytes left"},
		{"rows of another length", vectors(func(m *VectorMeta) { m.RowBytes++ }), "bucket vectors, key 2: "},
		{"leader unknown", func(tx *Tx) error {
			return tx.PutPendingVectors(6, AppendVectors(nil, []uint32{3, 9}, nil, []byte("row  0row  1")))
		}, "bucket vpending, key 6: its record names leader 3, there are 3"},
		{"leaders uncounted", vectors(func(m *VectorMeta) { m.NextLeader++ }), "bucket leaders: 3 leaders are there, counted were 4"},
		{"leaders of another length", vectors(func(m *VectorMeta) { m.LeaderBytes-- }), "bucket leaders, key 0: 2 bytes left over"},
		{"leaders lost", func(tx *Tx) error { k := key32(0); return tx.Delete(Leaders, k[:]) }, "bucket leaders, key 1: block holds the leaders from 2 on, wanted 0"},
		{"graph of leaders too large", func(tx *Tx) error { return tx.PutVGraphBlock(1, nil) }, "bucket vgraph, key 1: the graph has only 2 codes"},
		{"leader's segment unknown", func(tx *Tx) error { return tx.PutVChunk(ChunkKey{Segment: 4}, nil) }, "bucket vpostings, key segment 4 code 0 ordinal 0: there is no such segment"},
		{"leader's ordinal too high", func(tx *Tx) error { return tx.PutVChunk(ChunkKey{Code: 3}, nil) }, "bucket vpostings, key segment 0 code 3 ordinal 0: there is no such code or ordinal"},
		{"bad block of vectors", func(tx *Tx) error { k := key64(8); return tx.Put(Vectors, k[:], []byte{1}) }, "bucket vectors, key 8: 1 items of 2 bytes and more, 0 bytes left"},
		{"bad key", func(tx *Tx) error { return tx.Put(Texts, []byte("abc"), nil) }, `bucket text, key "abc": key has 3 bytes, wanted 8`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			fixture(t, s)
			update(t, s, tt.change)
			problems, err := s.Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if strings.Contains(p.String(), tt.want) {
					return
				}
			}
			t.Errorf("wanted %q, got %q", tt.want, problems)
		})
	}
}
