package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzzed fails the test if err is not one that a damaged value may give.
func fuzzed(t *testing.T, err error) bool {
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	return err == nil
}

func FuzzMeta(f *testing.F) {
	m := testMeta
	m.NextPassage, m.NextSegment, m.Segments = 9, 2, []Segment{{ID: 1, Base: 3, Span: 5}}
	f.Add(m.encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if m, err := decodeMeta(value); fuzzed(t, err) && !bytes.Equal(m.encode(), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzDoc(f *testing.F) {
	f.Add((&Doc{External: "a", Title: "t", Meta: []Pair{{"k", "v"}}, Passages: 300, TextBytes: 70000, Incomplete: true}).encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if d, err := decodeDoc(value); fuzzed(t, err) && !bytes.Equal(d.encode(), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzSource(f *testing.F) {
	f.Add(Source{Doc: 300, ModTime: -9, Size: 1 << 40, Hash: 5, Flags: 3}.encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if s, err := decodeSource(value); fuzzed(t, err) && !bytes.Equal(s.encode(), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzSums(f *testing.F) {
	f.Add((&sums{generation: 300, n: format1Buckets}).encode())
	f.Add((&sums{generation: 300, n: bucketCount}).encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if s, err := decodeSums(value); fuzzed(t, err) && !bytes.Equal(s.encode(), value) {
			t.Error("second encoding of the same record")
		}
		_, _, err := decodeFormat(value)
		fuzzed(t, err)
	})
}

func FuzzText(f *testing.F) {
	f.Add((&Text{Offset: 300, Line: 2, Text: []byte("词元")}).encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if text, err := decodeText(value); fuzzed(t, err) && !bytes.Equal(text.encode(), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzPassage(f *testing.F) {
	f.Add([]byte("\x05\x09\x01\x04\x06\x0d\x03\x02\x0e\x00\x02\x0f\x02\xac\x02\x06"))
	f.Add([]byte("\x08\x01\x00\xac\x02\xff\xfe\xfb\x85\x87\x07\x80\x01\xfa\x02\x03\x09\x02\x04\x0a"))
	f.Fuzz(func(t *testing.T, record []byte) {
		d, tok := DecodePassage(record), Token{}
		var e PassageEncoder
		title := len(record) > 0 && record[0] == escTitle
		if title {
			e.Title()
		}
		end := func() {
			e.Gap(d.TitleTrailing())
			e.EndTitle()
			title = false
		}
		var codes []uint32
		tokens := 0
		for d.Next(&tok) {
			tokens++
			codes = append(codes, uint32(tok.Code))
			if title && !tok.Title {
				end()
			}
			e.Gap(int(tok.Gap))
			e.Token(tok.Code, int(tok.Length))
			parts := make([]Part, 0, tok.NumParts())
			for p := range tok.Parts() {
				parts = append(parts, p)
				codes = append(codes, uint32(p.Code))
			}
			e.Parts(parts)
		}
		if got, n, err := AppendCodes(nil, record); !slices.Equal(got, codes) || n != tokens || (err == nil) != (d.Err() == nil) {
			t.Errorf("AppendCodes gives %d tokens, %d, %v; Next %d, %d, %v", n, got, err, tokens, codes, d.Err())
		}
		if title {
			end()
		}
		e.Gap(d.Trailing())
		if fuzzed(t, d.Err()) && !bytes.Equal(e.Bytes(), record) {
			t.Errorf("second encoding of the same record: %q, %q", e.Bytes(), record)
		}
	})
}

func FuzzForward(f *testing.F) {
	f.Add(uint64(7), []byte("\x02\x00\x03\x05\x02abcde"))
	f.Fuzz(func(t *testing.T, first uint64, value []byte) {
		b, err := parseForward(PassageID(first), value)
		if !fuzzed(t, err) {
			return
		}
		n := 0
		for p := range b.All() {
			if got, ok := b.Find(p.ID); !ok || !bytes.Equal(got, p.Record) {
				t.Errorf("passage %d is not found", p.ID)
			}
			n++
		}
		if n != b.Len() {
			t.Errorf("%d passages of %d", n, b.Len())
		}
	})
}

func FuzzVectors(f *testing.F) {
	f.Add(AppendVectors(nil, []uint32{3, 300}, []TokenSpan{{0, 0}, {5, 300}}, []byte("row0row1")), 4)
	f.Add(AppendVectors(nil, []uint32{1 << 24}, nil, []byte("row")), 3)
	f.Fuzz(func(t *testing.T, record []byte, rowBytes int) {
		v, err := DecodeVectors(record, rowBytes&0xFFF)
		if !fuzzed(t, err) {
			return
		}
		codes := v.AppendCodes(nil)
		spans, has := v.AppendSpans([]TokenSpan{})
		if !has {
			spans = nil
		}
		if len(codes) != v.Len() || has && len(spans) != v.Len() {
			t.Errorf("%d codes, %d spans of %d tokens", len(codes), len(spans), v.Len())
		}
		if !bytes.Equal(AppendVectors(nil, codes, spans, v.Rows), record) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzLeaders(f *testing.F) {
	f.Add((&LeaderBlock{States: []byte{1, 2}, Rows: []byte("row0row1")}).encode(), uint32(4))
	f.Fuzz(func(t *testing.T, value []byte, leaderBytes uint32) {
		leaderBytes = 1 + leaderBytes%MaxRowBytes
		b, err := parseLeaders(value, leaderBytes)
		if !fuzzed(t, err) {
			return
		}
		if len(b.Rows) != len(b.States)*int(leaderBytes) || !bytes.Equal(b.encode(), value) {
			t.Errorf("%d states, %d bytes of rows", len(b.States), len(b.Rows))
		}
	})
}

func FuzzVectorMeta(f *testing.F) {
	m := testVectorMeta
	m.NextLeader, m.Rows, m.GraphNodes, m.GraphHeader = 300, 70000, 9, []byte("entry")
	f.Add(m.encode())
	f.Fuzz(func(t *testing.T, value []byte) {
		if m, err := decodeVectorMeta(value); fuzzed(t, err) && !bytes.Equal(m.encode(), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add(encodeWords([]string{"词元", string(make([]byte, 300))}))
	f.Fuzz(func(t *testing.T, value []byte) {
		b, err := parseWords(value)
		if !fuzzed(t, err) {
			return
		}
		var words []string
		for i := range b.lengths {
			words = append(words, string(b.word(i)))
		}
		if !bytes.Equal(encodeWords(words), value) {
			t.Error("second encoding of the same record")
		}
	})
}

func FuzzLookup(f *testing.F) {
	f.Add(encodeLookup([]lookupEntry{{1, 5}, {1, 70000}, {200, 3}}))
	f.Fuzz(func(t *testing.T, value []byte) {
		b, err := parseLookup(value)
		if !fuzzed(t, err) {
			return
		}
		for tag := range 256 {
			from, to := b.find(byte(tag))
			for i := from; i < to; i++ {
				if b.tags[i] != byte(tag) {
					t.Error("wrong tag")
				}
				b.code(i)
			}
		}
		fuzzed(t, b.check())
	})
}

func FuzzRefs(f *testing.F) {
	value, err := encodeRefs([]Ref{{}, {Has: true, Row: 9}, {Has: true, Pieces: []uint32{1, 300, MaxRow}, Norm: 77}, {Has: true, Vector: []byte("vector")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Fuzz(func(t *testing.T, value []byte) {
		b, err := parseRefs(value)
		if !fuzzed(t, err) {
			return
		}
		var refs []Ref
		for i := range len(b.rows) / refBytes {
			r, err := b.ref(nil, i)
			if !fuzzed(t, err) {
				return
			}
			refs = append(refs, r)
		}
		again, err := encodeRefs(refs)
		if err != nil {
			return // lists that overlap can be more than fit one after the other
		}
		if b, err = parseRefs(again); err != nil {
			t.Fatal(err)
		}
		for i := range refs {
			if r, err := b.ref(nil, i); err != nil || !cmp.Equal(r, refs[i]) {
				t.Error(i, r, err)
			}
		}
	})
}

func FuzzBlocks(f *testing.F) {
	f.Add(make([]byte, TombsPerBlock/8))
	f.Fuzz(func(t *testing.T, value []byte) {
		if l, err := parseLengths(value); fuzzed(t, err) {
			for i := range l.Len() {
				l.At(i)
			}
		}
		if b, err := parseTombs(value); fuzzed(t, err) {
			for i := range TombsPerBlock {
				b.Dead(i)
			}
		}
		for _, b := range Buckets() {
			fuzzed(t, checkRecord(b, value, value))
		}
	})
}

// FuzzFile puts bytes anywhere into a small file, then reads, checks and writes
// it.
func FuzzFile(f *testing.F) {
	path := damageFile(f)
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		f.Fatal(err)
	}
	want, err := dump(s)
	if err != nil {
		f.Fatal(err)
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	sound = sound[:min(len(sound), 40*pageBytes)]
	f.Add(uint32(0), []byte{0})
	f.Add(uint32(3*pageBytes+8), binary.LittleEndian.AppendUint64(nil, 3))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		data := bytes.Clone(sound)
		copy(data[int(at)%len(data):], patch)
		path := filepath.Join(t.TempDir(), "a.db")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		examine(t, path, want)
		salvage(t, path, want)
		write(t, path)
	})
}
