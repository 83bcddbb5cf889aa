package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestText_RoundTrip(t *testing.T) {
	s := newStore(t)
	for _, want := range []Text{{Text: []byte{}}, {Offset: 1 << 40, Line: 1 << 33, Text: []byte("词\n元")}} {
		update(t, s, func(tx *Tx) error { return tx.PutText(7, want) })
		view(t, s, func(tx *Tx) error {
			got, err := tx.Text(7)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	}
}

func TestDictionary(t *testing.T) {
	s := newStore(t)
	want := func(want string) {
		t.Helper()
		checkClean(t, s)
		view(t, s, func(tx *Tx) error {
			got, err := tx.Dictionary()
			if string(got) != want || (got == nil) != (want == "") {
				t.Errorf("%q, wanted %q", got, want)
			}
			return err
		})
	}
	want("")
	for _, dict := range []string{"词元 1000 n\n", strings.Repeat("x", 1<<20), ""} {
		update(t, s, func(tx *Tx) error { return tx.SetDictionary([]byte(dict)) })
		want(dict)
	}
	if err := s.Update(func(tx *Tx) error { return tx.SetDictionary(make([]byte, MaxDictionaryBytes+1)) }); err == nil {
		t.Error("accepted a dictionary that is too large")
	}
	update(t, s, func(tx *Tx) error { return tx.Put(Metas, []byte(dictionaryKey), nil) })
	if problems, err := s.Check(t.Context(), nil); err != nil || len(problems) != 1 || problems[0].Key != `"dictionary"` {
		t.Error(problems, err)
	}
}

func TestMeta_RoundTrip(t *testing.T) {
	full := testMeta
	full.NextPassage, full.NextCode, full.NextSegment = 1<<40, 1<<31, 9
	full.LiveDocs, full.LivePassages, full.LiveWords = 3, 4, 1<<50
	full.Segments = []Segment{{ID: 1, State: Live, Class: 2, Base: 5, Span: 1 << 20, Live: 7}, {ID: 8, State: Dead, Base: 1 << 39, Span: 4}}
	full.GraphNodes, full.GraphHeader = 77, []byte("\x00header")
	for _, m := range []*Meta{{}, &testMeta, &full} {
		got, err := decodeMeta(m.encode())
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	s := newStore(t)
	for name, change := range map[string]func(*Meta){
		"segment past the end": func(m *Meta) { m.Segments[1].Span = 1<<32 - 1; m.NextPassage = 1 << 39 },
		"segment not given":    func(m *Meta) { m.Segments[0].ID = 9 },
		"segments unordered":   func(m *Meta) { slices.Reverse(m.Segments) },
		"more live than span":  func(m *Meta) { m.Segments[1].Live = 5 },
		"unknown state":        func(m *Meta) { m.Segments[1].State = 3 },
		"options unordered":    func(m *Meta) { slices.Reverse(m.Options) },
		"graph too large":      func(m *Meta) { m.NextCode = 76 },
	} {
		m := full
		m.Segments, m.Options = slices.Clone(m.Segments), slices.Clone(m.Options)
		change(&m)
		if err := s.Update(func(tx *Tx) error { return tx.SetMeta(&m) }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDoc_Store(t *testing.T) {
	s := newStore(t)
	docs := map[DocID]*Doc{
		0:       {External: "a", Passages: 1},
		1:       {External: "b/1", Title: "词元", Path: "/x", Meta: []Pair{{"", ""}, {"k", "v"}}, Passages: 3, TextBytes: 1 << 40, Words: 9, Tokenizer: 2, Incomplete: true},
		1 << 40: {External: "b/2", Passages: 2},
	}
	update(t, s, func(tx *Tx) error {
		var errs []error
		for id, d := range docs {
			errs = append(errs, tx.PutDoc(id, d), tx.PutSource(d.External, Source{Doc: id, ModTime: -1 << 60, Size: 1 << 50, Hash: 1<<64 - 1, Flags: 255}))
		}
		return errors.Join(errs...)
	})
	view(t, s, func(tx *Tx) error {
		for id, d := range docs {
			got, err := tx.Doc(id)
			if diff := cmp.Diff(d, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			want := Source{Doc: id, ModTime: -1 << 60, Size: 1 << 50, Hash: 1<<64 - 1, Flags: 255}
			if src, ok, err := tx.Source(d.External); src != want || !ok || err != nil {
				t.Error(src, ok, err)
			}
		}
		for p, want := range map[PassageID]int64{0: 0, 1: 1, 3: 1, 4: -1, 99: -1, 1 << 40: 1 << 40, 1<<40 + 2: -1} {
			id, _, err := tx.DocOf(p)
			if want < 0 {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%d: %v", p, err)
				}
			} else if int64(id) != want || err != nil {
				t.Errorf("%d: %d %v", p, id, err)
			}
		}
		var got []string
		for e, err := range tx.Sources("b/") {
			if err != nil {
				t.Error(err)
			}
			got = append(got, e.External)
		}
		var ids []DocID
		for e, err := range tx.Docs(1) {
			if err != nil {
				t.Error(err)
			}
			ids = append(ids, e.ID)
		}
		if !slices.Equal(got, []string{"b/1", "b/2"}) || !slices.Equal(ids, []DocID{1, 1 << 40}) {
			t.Error(got, ids)
		}
		if _, err := tx.Doc(77); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := tx.Text(77); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, ok, err := tx.Source(""); ok || err != nil {
			t.Error(ok, err)
		}
		return nil
	})
	for _, d := range []*Doc{{Passages: 1}, {External: "x"}, {External: strings.Repeat("x", MaxKeyBytes+1), Passages: 1}, {External: "x", Passages: 1, Meta: []Pair{{"b", ""}, {"a", ""}}}} {
		if err := s.Update(func(tx *Tx) error { return tx.PutDoc(1, d) }); err == nil {
			t.Errorf("accepted %+v", d)
		}
	}
	for _, key := range []string{"", strings.Repeat("x", MaxKeyBytes+1)} {
		if err := s.Update(func(tx *Tx) error { return tx.PutSource(key, Source{}) }); !errors.Is(err, ErrKeySize) {
			t.Errorf("key of %d bytes: %v", len(key), err)
		}
	}
	if err := s.View(func(tx *Tx) error { return tx.PutText(1, Text{}) }); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := s.Update(func(tx *Tx) error { return tx.Delete(Metas, []byte(sumsKey)) }); err == nil {
		t.Error("sums deleted")
	}
}

// readPassage decodes a record into a readable form.
func readPassage(record []byte) (string, error) {
	var b strings.Builder
	d, t := DecodePassage(record), Token{}
	for d.Next(&t) {
		fmt.Fprintf(&b, "%d/%d/%d", t.Code, t.Length, t.Gap)
		if t.Title {
			b.WriteString("T")
		}
		for p := range t.Parts() {
			fmt.Fprintf(&b, "[%d %d %d]", p.Code, p.Start, p.Length)
		}
		b.WriteString(" ")
	}
	fmt.Fprintf(&b, "%d %d", d.TitleTrailing(), d.Trailing())
	return b.String(), d.Err()
}

func TestPassage_RoundTrip(t *testing.T) {
	tests := []struct {
		name  string
		build func(e *PassageEncoder)
		want  string
		bytes string
	}{
		{"empty", func(*PassageEncoder) {}, "0 0", ""},
		{"only a gap", func(e *PassageEncoder) { e.Gap(0); e.Gap(3); e.Gap(4) }, "0 7", "\x02\x07"},
		{"tokens", func(e *PassageEncoder) { e.Token(0, 0); e.Gap(1); e.Token(1<<32-1, 300) }, "0/0/0 4294967295/300/1 0 0", "\x08\x01\x00\xac\x02\xff\xfe\xfb\x85\x87"},
		{"gaps", func(e *PassageEncoder) {
			for i := range 5 {
				e.Gap(i)
				e.Token(Code(i), 0)
			}
		}, "0/0/0 1/0/1 2/0/2 3/0/3 4/0/4 0 0", "\x08\x01\x09\x06\x0a\x07\x0b\x02\x04\x0c"},
		{"parts", func(e *PassageEncoder) {
			e.Token(5, 0)
			e.Parts([]Part{{6, 0, 2}, {7, 2, 300}})
			e.Gap(2)
			e.Parts(nil)
		}, "5/0/0[6 0 2][7 2 300] 0 2", "\x0d\x03\x02\x0e\x00\x02\x0f\x02\xac\x02\x06"},
		{"title", func(e *PassageEncoder) {
			e.Title()
			e.Token(1, 0)
			e.Gap(1)
			e.EndTitle()
			e.Gap(2)
			e.Token(2, 0)
		}, "1/0/0T 2/0/2 1 0", "\x05\x09\x01\x04\x06\x0a"},
		{"docs/format.md", func(e *PassageEncoder) {
			e.Token(17, 0)
			e.Gap(1)
			e.Token(18, 0)
			e.Parts([]Part{{19, 0, 3}, {20, 3, 3}})
		}, "17/0/0 18/0/1[19 0 3][20 3 3] 0 0", "\x19\x01\x1a\x03\x02\x1b\x00\x03\x1c\x03\x03"},
		{"empty title", func(e *PassageEncoder) { e.Title(); e.EndTitle() }, "0 0", "\x05\x04"},
	}
	var e PassageEncoder
	for _, tt := range tests {
		e.Reset()
		tt.build(&e)
		got, err := readPassage(e.Bytes())
		if got != tt.want || err != nil || string(e.Bytes()) != tt.bytes {
			t.Errorf("%s: %q, %q, %v", tt.name, got, e.Bytes(), err)
		}
	}
	for _, bad := range []string{
		"\x00", "\x00\x05", "\x00\x00\x08", "\x00\x05\x01\x08", "\x01\x01", "\x01\x06\x08\x08\x08\x08", "\x02\x03", "\x02\x00", "\x02\x80\x00",
		"\x03\x01\x09\x01\x01", "\x08\x03\x00", "\x08\x03\x01\x09\x01\x00", "\x08\x03\x02\x09\x01\x01", "\x00\x02\x08\x03\x01\x09\x01\x02", "\x08\x03\x01\x07\x01\x01",
		"\x04", "\x05", "\x05\x04\x04", "\x08\x05\x04", "\x08\x08\x08\x80", "\xfa\x00", "\xfe\x00\x00", "\xff\x00\x00\x00",
		"\xff\xff\xff\xff\xff", "\xff\xfe\xfb\x85\x88", "\x02\xff\xff\xff\xff\xff\x01",
	} {
		if got, err := readPassage([]byte(bad)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
	for name, misuse := range map[string]func(){
		"parts":     func() { e.Reset(); e.Parts([]Part{{}}) },
		"title":     func() { e.Reset(); e.Gap(1); e.Title() },
		"end title": func() { e.Reset(); e.EndTitle() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
	}
}

// TestCode_Lengths looks at the codes on both sides of each border.
func TestCode_Lengths(t *testing.T) {
	for _, tt := range []struct {
		code  Code
		bytes string
	}{
		{0, "\x08"}, {codes1 - 1, "\x7f"}, {codes1, "\x80\x00"}, {codes1 + 255, "\x80\xff"}, {codes2 - 1, "\xf9\xff"}, {codes2, "\xfa\x00\x00"},
		{codes3 - 1, "\xfd\xff\xff"}, {codes3, "\xfe\x00\x00\x00"}, {codes4 - 1, "\xfe\xff\xff\xff"}, {codes4, "\xff\x00\x00\x00\x00"},
		{1<<32 - 1, "\xff\xfe\xfb\x85\x87"},
	} {
		b := appendCode(nil, tt.code)
		r := reader{b: b}
		if got := r.code(); string(b) != tt.bytes || got != tt.code || r.end() != nil {
			t.Errorf("%d: %q, %d, %v", tt.code, b, got, r.err)
		}
		if !isShort(b[0]) {
			continue
		}
		if got, n := shortCode(b[0], b[len(b)-1]); Code(got) != tt.code || n != len(b) {
			t.Errorf("%d: short code %d of %d bytes", tt.code, got, n)
		}
	}
}

// TestDeleteFolded takes ranges out of the middle, the ends and between blocks.
func TestDeleteFolded(t *testing.T) {
	const total = 1000
	for _, tt := range []struct {
		first PassageID
		n     uint32
	}{{0, 0}, {0, 1}, {0, total}, {0, 5 * total}, {10, 3}, {total - 1, 1}, {total, 7}, {100, 800}, {33, 1}, {1, total - 2}} {
		t.Run(fmt.Sprint(tt.first, " ", tt.n), func(t *testing.T) {
			s := newStore(t)
			update(t, s, func(tx *Tx) error {
				w := tx.ForwardWriter()
				for p := range PassageID(total) {
					if err := w.Add(p, make([]byte, 300)); err != nil {
						return err
					}
				}
				return w.Flush()
			})
			update(t, s, func(tx *Tx) error { return tx.DeleteFolded(tt.first, tt.n) })
			view(t, s, func(tx *Tx) error {
				next := PassageID(0)
				for b, err := range tx.ForwardBlocks(0) {
					if err != nil {
						return err
					}
					for p := range b.All() {
						if next == tt.first {
							next += PassageID(tt.n)
						}
						if p.ID != next || len(p.Record) != 300 {
							t.Fatalf("passage %d, wanted %d", p.ID, next)
						}
						next++
					}
				}
				if next < total && next != tt.first {
					t.Errorf("the last is %d", next)
				}
				return nil
			})
		})
	}
}

func TestForward(t *testing.T) {
	s := newStore(t)
	record := func(p PassageID) []byte { return bytes.Repeat([]byte{byte(p)}, int(p*37%900)) }
	var ids []PassageID
	for p := PassageID(3); p < 4000; p += 1 + p%3 {
		ids = append(ids, p)
	}
	update(t, s, func(tx *Tx) error {
		w := tx.ForwardWriter()
		for _, p := range ids {
			if err := w.Add(p, record(p)); err != nil {
				return err
			}
		}
		if err := w.Add(ids[0], nil); err == nil {
			t.Error("descending id accepted")
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return errors.Join(tx.DeleteFolded(ids[0], 1), tx.DeleteFolded(ids[100], 1), tx.DeleteFolded(2, 1), tx.DeleteFolded(ids[100], 1),
			tx.PutPending(ids[100], []byte("pending")))
	})
	view(t, s, func(tx *Tx) error {
		for p := range PassageID(4100) {
			_, in := slices.BinarySearch(ids, p)
			got, err := tx.Passage(p)
			switch {
			case p == ids[100]:
				if string(got) != "pending" || err != nil {
					t.Errorf("%d: %q %v", p, got, err)
				}
			case !in || p == ids[0]:
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%d: %v", p, err)
				}
			case !bytes.Equal(got, record(p)) || err != nil:
				t.Errorf("%d: wrong record, %v", p, err)
			}
		}
		var got []PassageID
		for b, err := range tx.ForwardBlocks(2000) {
			if err != nil {
				t.Error(err)
			}
			for p := range b.All() {
				got = append(got, p.ID)
			}
		}
		at, _ := slices.BinarySearch(ids, got[0])
		if got[0] > 2000 || !slices.Equal(got, ids[at:]) {
			t.Errorf("blocks from %d on have %d ids", got[0], len(got))
		}
		b := s.statsOf(t, tx, Forward)
		if most := b.ValueBytes / b.Keys; most < ForwardBlockBytes*3/4 {
			t.Errorf("blocks of %d bytes", most)
		}
		return nil
	})
}

func (s *Store) statsOf(tb testing.TB, tx *Tx, b Bucket) BucketStats {
	tb.Helper()
	stats, err := tx.Stats()
	if err != nil {
		tb.Fatal(err)
	}
	return stats.Bucket(b)
}

func TestAddWords(t *testing.T) {
	s := newStore(t)
	long := strings.Repeat("长", 200)
	words := []string{"a", long, strings.Repeat("x", 254), strings.Repeat("y", 255), "b"}
	update(t, s, func(tx *Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		return errors.Join(tx.AddWords(m, words), tx.AddWords(m, nil), tx.SetMeta(m))
	})
	view(t, s, func(tx *Tx) error {
		r := tx.WordReader()
		for i, w := range words {
			text, err := r.Word(Code(i))
			n, lerr := r.Len(Code(i))
			c, ok, cerr := r.Code(w)
			if string(text) != w || n != len(w) || c != Code(i) || !ok || errors.Join(err, lerr, cerr) != nil {
				t.Errorf("%d: %q %d %d %v %v", i, text, n, c, ok, errors.Join(err, lerr, cerr))
			}
		}
		n := 0
		for e, err := range tx.AllWords() {
			if err != nil || int(e.Code) != n || string(e.Word) != words[n] {
				t.Fatalf("word %d is %d, %.20q, %v", n, e.Code, e.Word, err)
			}
			n++
		}
		if n != len(words) {
			t.Errorf("%d of %d words", n, len(words))
		}
		for _, c := range []Code{5, 256, 1<<32 - 1} {
			if _, err := r.Word(c); !errors.Is(err, ErrNotFound) {
				t.Error(c, err)
			}
			if _, err := tx.RefReader().Ref(nil, c); !errors.Is(err, ErrNotFound) {
				t.Error(c, err)
			}
		}
		return nil
	})
	for _, bad := range [][]string{{""}, {strings.Repeat("x", MaxWordBytes+1)}, {"a"}, {"new", "new"}} {
		err := s.Update(func(tx *Tx) error {
			m, err := tx.Meta()
			return errors.Join(err, tx.AddWords(m, bad))
		})
		if err == nil {
			t.Errorf("accepted %.20q", bad[0])
		}
	}
}

func TestRefs(t *testing.T) {
	s := newStore(t)
	var refs []Ref
	for i := range uint32(3000) {
		switch i % 5 {
		case 0:
			refs = append(refs, Ref{})
		case 1:
			refs = append(refs, Ref{Has: true, Row: MaxRow - i})
		case 2:
			refs = append(refs, Ref{Has: true, Vector: bytes.Repeat([]byte{byte(i)}, int(i%700)+1)})
		default:
			refs = append(refs, Ref{Has: true, Pieces: []uint32{i, MaxRow, 0}[:i%3+1], Norm: uint16(i * 17)})
		}
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddRefs(0, refs[:1000]), tx.AddRefs(1000, refs[1000:1030]), tx.AddRefs(1030, refs[1030:]))
	})
	view(t, s, func(tx *Tx) error {
		r, buf := tx.RefReader(), make([]uint32, 0, 8)
		for i := range refs {
			got, err := r.Ref(buf[:0], Code(i))
			if diff := cmp.Diff(refs[i], got); err != nil || diff != "" {
				t.Fatal(i, err, diff)
			}
		}
		return nil
	})
	for name, fn := range map[string]func(*Tx) error{
		"row":    func(tx *Tx) error { return tx.AddRefs(3000, []Ref{{Has: true, Row: MaxRow + 1}}) },
		"piece":  func(tx *Tx) error { return tx.AddRefs(3000, []Ref{{Has: true, Pieces: []uint32{MaxRow + 1}}}) },
		"pieces": func(tx *Tx) error { return tx.AddRefs(3000, []Ref{{Has: true, Pieces: make([]uint32, 256)}}) },
		"vector": func(tx *Tx) error { return tx.AddRefs(3000, []Ref{{Has: true, Vector: []byte{}}}) },
		"long": func(tx *Tx) error {
			return tx.AddRefs(3000, []Ref{{Has: true, Vector: make([]byte, 1<<20)}, {Has: true, Vector: []byte{1}}})
		},
		"hole":  func(tx *Tx) error { return tx.AddRefs(3001, []Ref{{}}) },
		"again": func(tx *Tx) error { return tx.AddRefs(2999, []Ref{{}}) },
	} {
		if err := s.Update(fn); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTombs(t *testing.T) {
	s := newStore(t)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.Bury(4090, 10), tx.Bury(3*TombsPerBlock, 1), tx.Unbury(4092, 1), tx.Unbury(3*TombsPerBlock, 1), tx.Unbury(9*TombsPerBlock, 2))
	})
	view(t, s, func(tx *Tx) error {
		for p := uint64(4000); p < 4200; p++ {
			b, err := tx.Tombs(p / TombsPerBlock)
			if want := p >= 4090 && p < 4100 && p != 4092; b.Dead(int(p%TombsPerBlock)) != want || err != nil {
				t.Error(p, err)
			}
		}
		if n := s.statsOf(t, tx, Tombs).Keys; n != 2 {
			t.Errorf("%d blocks", n)
		}
		return nil
	})
}

func TestPostings(t *testing.T) {
	s := newStore(t)
	keys := []ChunkKey{{1, 0, 0}, {1, 5, 0}, {1, 5, 700}, {1, 900, 3}, {2, 7, 7}}
	update(t, s, func(tx *Tx) error {
		var errs []error
		for _, k := range keys {
			errs = append(errs, tx.PutChunk(k, fmt.Append(nil, k)))
		}
		return errors.Join(append(errs, tx.PutLengths(1, 0, AppendLength(AppendLength(nil, 5), 1<<20)), tx.PutLengths(2, 0, AppendLength(nil, 1)))...)
	})
	view(t, s, func(tx *Tx) error {
		for _, tt := range []struct {
			at   ChunkKey
			want int
		}{
			{ChunkKey{1, 0, 0}, 0}, {ChunkKey{1, 4, 9}, 0}, {ChunkKey{1, 5, 699}, 1}, {ChunkKey{1, 5, 700}, 2}, {ChunkKey{1, 1 << 31, 0}, 3},
			{ChunkKey{0, 5, 5}, -1}, {ChunkKey{2, 7, 6}, -1}, {ChunkKey{2, 8, 0}, 4}, {ChunkKey{3, 0, 0}, -1},
		} {
			k, v, err := tx.Chunk(tt.at)
			c := tx.Chunks(tt.at.Segment)
			ck, cv, cerr := c.Floor(tt.at.Code, tt.at.Ordinal)
			if ck != k || !bytes.Equal(cv, v) || cerr != err {
				t.Errorf("%v: cursor and Tx differ", tt.at)
			}
			if tt.want < 0 {
				if v != nil || err != nil {
					t.Errorf("%v: %v %q %v", tt.at, k, v, err)
				}
			} else if k != keys[tt.want] || string(v) != fmt.Sprint(k) || err != nil {
				t.Errorf("%v: %v %q %v", tt.at, k, v, err)
			}
		}
		c, got := tx.Chunks(1), []ChunkKey{}
		for k, v, err := c.Seek(5, 0); v != nil || err != nil; k, v, err = c.Next() {
			if err != nil {
				return err
			}
			got = append(got, k)
		}
		if !slices.Equal(got, keys[1:4]) {
			t.Error(got)
		}
		l, err := tx.Lengths(1, 0)
		if l.Len() != 2 || l.At(0) != 5 || l.At(1) != 65535 || err != nil {
			t.Error(l, err)
		}
		return nil
	})
	for done := false; !done; {
		update(t, s, func(tx *Tx) (err error) {
			done, err = tx.DropSegment(1, 2)
			return err
		})
	}
	view(t, s, func(tx *Tx) error {
		if p, l := s.statsOf(t, tx, Postings).Keys, s.statsOf(t, tx, LengthBlocks).Keys; p != 1 || l != 1 {
			t.Errorf("%d chunks and %d lengths left", p, l)
		}
		return nil
	})
}

func TestRecount(t *testing.T) {
	s := newStore(t)
	fixture(t, s)
	update(t, s, func(tx *Tx) error {
		tx.recounted.buckets[IDs].count += 3 // as after damage
		return nil
	})
	problems, err := s.Check(t.Context(), nil)
	if err != nil || len(problems) != 1 || problems[0].Bucket != "ids" {
		t.Fatal(problems, err)
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.Recount(IDs), tx.PutGraphBlock(0, []byte("changed")))
	})
	checkClean(t, s)
}

func TestStats(t *testing.T) {
	s := newStore(t)
	fixture(t, s)
	update(t, s, func(tx *Tx) error {
		for p := range PassageID(500) {
			if err := tx.PutText(1000+p, Text{Text: make([]byte, 1000)}); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx *Tx) error {
		st, err := tx.Stats()
		if err != nil {
			return err
		}
		sum := st.Overhead + st.FreeBytes
		for _, b := range st.Buckets {
			sum += b.Allocated
			if got, want := b.Keys, tx.sums.buckets[b.Bucket].count; got != want && b.Bucket != Metas {
				t.Errorf("%s: %d keys, counted %d", b.Bucket, got, want)
			}
			if b.InUse > b.Allocated {
				t.Errorf("%s: %d in use of %d", b.Bucket, b.InUse, b.Allocated)
			}
		}
		if sum != uint64(len(tx.pager.data)) || sum > st.FileBytes {
			t.Errorf("parts are %d bytes, pages %d, file %d", sum, len(tx.pager.data), st.FileBytes)
		}
		if b := st.Bucket(Texts); b.Keys != 506 || b.ValueBytes < 502000 || float64(b.Allocated) > 1.4*float64(b.ValueBytes) {
			t.Errorf("%+v", b)
		}
		return nil
	})
}
