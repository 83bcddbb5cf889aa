package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// memSource is a ChunkSource over a slice in the order of keys.
type memSource struct {
	chunks []Chunk
	reads  int
}

func compareKeys(a, b Chunk) int {
	return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Ordinal, b.Ordinal))
}

func (m *memSource) Floor(code, ordinal uint32) (Chunk, bool, error) {
	m.reads++
	i, ok := slices.BinarySearchFunc(m.chunks, Chunk{Code: code, Ordinal: ordinal}, compareKeys)
	if !ok {
		i--
	}
	if i < 0 {
		return Chunk{}, false, nil
	}
	return m.chunks[i], true, nil
}

func (m *memSource) After(code, ordinal uint32) (Chunk, bool, error) {
	m.reads++
	i, ok := slices.BinarySearchFunc(m.chunks, Chunk{Code: code, Ordinal: ordinal}, compareKeys)
	if ok {
		i++
	}
	if i == len(m.chunks) {
		return Chunk{}, false, nil
	}
	return m.chunks[i], true, nil
}

func (m *memSource) bytes() (n int) {
	for _, c := range m.chunks {
		n += len(c.Data) + 12
	}
	return n
}

// model is a segment as a plain map.
type model map[uint32]map[uint32]uint32

func (m model) add(ordinal, code, tf uint32) {
	if m[code] == nil {
		m[code] = map[uint32]uint32{}
	}
	m[code][ordinal] += tf
}

func (m model) list(code uint32) []posting {
	var list []posting
	for o, tf := range m[code] {
		list = append(list, posting{o, tf})
	}
	slices.SortFunc(list, func(a, b posting) int { return cmp.Compare(a.ordinal, b.ordinal) })
	return list
}

func (m model) codes() []uint32 {
	var codes []uint32
	for c := range m {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

func readAll(tb testing.TB, p Postings) []posting {
	tb.Helper()
	var ordinals, tfs [PostingsBatch + 37]uint32
	var list []posting
	for {
		n := p.Next(ordinals[:], tfs[:])
		if n == 0 {
			break
		}
		for i := range n {
			list = append(list, posting{ordinals[i], tfs[i]})
		}
	}
	if p.Err() != nil {
		tb.Fatal(p.Err())
	}
	return list
}

func checkSegment(t rapid.TB, source *memSource, want model) {
	t.Helper()
	codes := want.codes()
	checkLists(t, NewSegmentReader(source), codes, want)
	// Chunks that are remembered, in few slots and many, for codes in any order.
	for _, passages := range []uint32{1, 1 << 16} {
		known := NewChunks(slices.Max(append(codes, 0))+1, passages)
		for range 2 {
			checkLists(t, known.Reader(source), codes, want)
			slices.Reverse(codes)
		}
	}
	stats, err := CheckSegment(source)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Lists != len(want) || stats.Chunks != len(source.chunks) {
		t.Fatalf("stats %+v, want %d lists, %d chunks", stats, len(want), len(source.chunks))
	}
}

// checkLists compares the lists of some codes with those of a model.
func checkLists(t rapid.TB, r *SegmentReader, codes []uint32, want model) {
	t.Helper()
	for _, c := range codes {
		p, err := r.Postings(c)
		if err != nil {
			t.Fatal(err)
		}
		list := want.list(c)
		if int(p.DF()) != len(list) {
			t.Fatalf("code %d: df %d, want %d", c, p.DF(), len(list))
		}
		var got []posting
		var ordinals, tfs [PostingsBatch]uint32
		for n := p.Next(ordinals[:], tfs[:]); n > 0; n = p.Next(ordinals[:], tfs[:]) {
			for i := range n {
				got = append(got, posting{ordinals[i], tfs[i]})
			}
		}
		if p.Err() != nil {
			t.Fatal(p.Err())
		}
		if !slices.Equal(got, list) {
			t.Fatalf("code %d: postings differ: got %v want %v", c, got, list)
		}
		if p, err := r.Postings(c + 1); err != nil || (p.DF() == 0) != (want[c+1] == nil) {
			t.Fatalf("code %d: df %d, %v", c+1, p.DF(), err)
		}
	}
}

// A chunk that was read is not asked for again, whatever reader asks.
func TestChunks_ReadOnce(t *testing.T) {
	source := mixedSegment()
	known := NewChunks(1000, 1<<16)
	for pass := range 3 {
		source.reads = 0
		r := known.Reader(source)
		for code := uint32(5); code < 200; code += 7 {
			if _, err := r.Postings(code); err != nil {
				t.Fatal(err)
			}
		}
		if pass > 0 && source.reads > 0 {
			t.Errorf("pass %d: %d reads", pass, source.reads)
		}
	}
}

// drawSegment draws a segment with lists of all sizes.
func drawSegment(t *rapid.T, label string) (universe uint32, m model) {
	universe = rapid.Uint32Range(1, 8000).Draw(t, label+" universe")
	m = model{}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, label+" seed"), 1))
	lists := rapid.IntRange(0, 30).Draw(t, label+" lists")
	code := uint32(0)
	for range lists {
		code += 1 + uint32(rng.ExpFloat64()*float64(rng.IntN(20)))
		n := rng.IntN(4) + 1
		switch rng.IntN(6) {
		case 0:
			n = rng.IntN(2 * longList)
		case 1:
			n = rng.IntN(int(universe)) + 1
		}
		n = min(n, int(universe))
		for range n {
			tf := uint32(1)
			if rng.IntN(4) == 0 {
				tf = rng.Uint32()>>(rng.IntN(32)) | 1
			}
			o := uint32(rng.IntN(int(universe)))
			if m[code] == nil || m[code][o] == 0 {
				m.add(o, code, tf)
			}
		}
	}
	return universe, m
}

func writeModel(m model, universe uint32) *memSource {
	type occurrence struct{ ordinal, code, tf uint32 }
	var all []occurrence
	for c, list := range m {
		for o, tf := range list {
			all = append(all, occurrence{o, c, tf})
		}
	}
	// The order of codes within a passage is left to the map on purpose.
	sort.SliceStable(all, func(i, j int) bool { return all[i].ordinal < all[j].ordinal })
	w := NewSegmentWriter()
	for _, a := range all {
		if a.tf > 1 {
			w.Add(a.ordinal, a.code, a.tf-1)
			a.tf = 1
		}
		w.Add(a.ordinal, a.code, a.tf)
	}
	return &memSource{chunks: slices.Collect(w.Chunks(universe))}
}

func TestSegment_MatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		universe, m := drawSegment(t, "segment")
		source := writeModel(m, universe)
		checkSegment(t, source, m)
		if again := writeModel(m, universe); gocmp.Diff(source.chunks, again.chunks) != "" {
			t.Fatal("two writers of the same postings differ")
		}
	})
}

func TestSegment_SkipTo(t *testing.T) {
	const universe = 200_000
	rng := rand.New(rand.NewPCG(1, 2))
	m := model{}
	for o := range uint32(universe) {
		if rng.IntN(3) == 0 {
			m.add(o, 7, 1+uint32(rng.IntN(3)))
		}
		if rng.IntN(2000) == 0 {
			m.add(o, 8, 1)
		}
	}
	source := writeModel(m, universe)
	if len(source.chunks) < 3 {
		t.Fatalf("%d chunks: the list is meant to span some", len(source.chunks))
	}
	for _, code := range []uint32{7, 8} {
		want := m.list(code)
		for range 200 {
			p, err := NewSegmentReader(source).Postings(code)
			if err != nil {
				t.Fatal(err)
			}
			at := uint32(0)
			for range 5 {
				at += uint32(rng.IntN(universe / 2))
				source.reads = 0
				p.SkipTo(at)
				if source.reads > 3 {
					t.Fatalf("skipping read %d chunks", source.reads)
				}
				rest := want[sort.Search(len(want), func(i int) bool { return want[i].ordinal >= at }):]
				got := readAll(t, p)
				skip := sort.Search(len(got), func(i int) bool { return got[i].ordinal >= at })
				if skip > PostingsBatch {
					t.Fatalf("%d postings in front of ordinal %d", skip, at)
				}
				if !slices.Equal(got[skip:], rest) {
					t.Fatalf("code %d: postings from ordinal %d differ", code, at)
				}
			}
		}
	}
}

func TestMerger_MatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "inputs")
		want := model{}
		var inputs []MergeInput
		var offset uint32
		for range n {
			universe, m := drawSegment(t, "input")
			modulus := rapid.Uint32Range(1, 5).Draw(t, "dead")
			dead := func(o uint32) bool { return modulus > 1 && o%modulus == 0 }
			for c, list := range m {
				for o, tf := range list {
					if !dead(o) {
						want.add(o+offset, c, tf)
					}
				}
			}
			inputs = append(inputs, MergeInput{writeModel(m, universe), offset, dead})
			offset += universe
		}
		maxBytes := rapid.SampledFrom([]int{1, 20000, 1 << 30}).Draw(t, "maxBytes")
		got := new(memSource)
		m := NewMerger(offset)
		for !m.Done() {
			chunks, err := m.Next(inputs, maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			got.chunks = append(got.chunks, chunks...)
		}
		checkSegment(t, got, want)
		if direct := writeModel(want, offset); gocmp.Diff(got.chunks, direct.chunks) != "" {
			t.Fatal("a merged segment differs from one written at once")
		}
	})
}

func TestMerger_Overlap(t *testing.T) {
	m := model{3: {5: 1}}
	inputs := []MergeInput{{Source: writeModel(m, 6)}, {Source: writeModel(m, 6)}}
	if _, err := NewMerger(12).Next(inputs, 1); !errors.Is(err, ErrCorruptPostings) {
		t.Errorf("overlapping inputs: %v", err)
	}
	inputs[1].Offset = 7
	if _, err := NewMerger(12).Next(inputs, 1); !errors.Is(err, ErrCorruptPostings) {
		t.Errorf("ordinal outside of the universe: %v", err)
	}
}

func TestSegment_Empty(t *testing.T) {
	source := writeModel(model{}, 10)
	if len(source.chunks) != 0 {
		t.Fatalf("%d chunks", len(source.chunks))
	}
	p, err := NewSegmentReader(source).Postings(3)
	if err != nil || p.DF() != 0 {
		t.Errorf("df %d, %v", p.DF(), err)
	}
	if s, err := CheckSegment(source); err != nil || s != (SegmentStats{}) {
		t.Errorf("%+v, %v", s, err)
	}
	var zero Postings
	zero.SkipTo(9)
	if got := readAll(t, zero); got != nil {
		t.Errorf("%v", got)
	}
}

func TestSegmentWriter_Reset(t *testing.T) {
	m := model{3: {5: 2}, 9: {0: 1, 7: 1}}
	w := NewSegmentWriter()
	w.Add(4, 3, 1)
	w.Add(4, 700, 1)
	w.Add(6, 3, 0)
	if w.Len() != 2 {
		t.Errorf("%d postings", w.Len())
	}
	w.Reset()
	w.Add(0, 9, 1)
	w.Add(5, 3, 1)
	w.Add(5, 3, 1)
	w.Add(7, 9, 1)
	got := slices.Collect(w.Chunks(8))
	if diff := gocmp.Diff(got, writeModel(m, 8).chunks); diff != "" {
		t.Error(diff)
	}
}

func TestSegmentWriter_Misuse(t *testing.T) {
	for name, f := range map[string]func(w *SegmentWriter){
		"passages out of order":       func(w *SegmentWriter) { w.Add(5, 1, 1); w.Add(4, 1, 1) },
		"code out of range":           func(w *SegmentWriter) { w.Add(5, maxCodes, 1) },
		"ordinal outside of universe": func(w *SegmentWriter) { w.Add(5, 1, 1); _ = slices.Collect(w.Chunks(5)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f(NewSegmentWriter())
		}()
	}
}

// The bytes of a segment are a format: who changes them must be able to read the
// old ones.
func TestSegment_Format(t *testing.T) {
	w := NewSegmentWriter()
	for o := range uint32(5000) {
		w.Add(o, 2, 1+o%3)
		w.Add(o, 10+o*o%97, 1+o/4000)
		w.Add(o, 1000+o/3, 1)
	}
	sum := crc32.NewIEEE()
	chunks := slices.Collect(w.Chunks(5000))
	for _, c := range chunks {
		_ = binary.Write(sum, binary.BigEndian, []uint32{c.Code, c.Ordinal})
		sum.Write(c.Data)
	}
	if got := sum.Sum32(); len(chunks) != 2 || got != 0xc90d090f {
		t.Errorf("%d chunks with checksum %#x", len(chunks), got)
	}
}

func TestSegment_SourceError(t *testing.T) {
	broken := errors.New("broken")
	source := failingSource{broken}
	if _, err := NewSegmentReader(source).Postings(3); !errors.Is(err, broken) {
		t.Errorf("reader: %v", err)
	}
	if _, err := CheckSegment(source); !errors.Is(err, broken) {
		t.Errorf("check: %v", err)
	}
	if _, err := NewMerger(1).Next([]MergeInput{{Source: source}}, 1); !errors.Is(err, broken) {
		t.Errorf("merger: %v", err)
	}
}

type failingSource struct{ err error }

func (f failingSource) Floor(uint32, uint32) (Chunk, bool, error) { return Chunk{}, false, f.err }
func (f failingSource) After(uint32, uint32) (Chunk, bool, error) { return Chunk{}, false, f.err }

// mixedSegment is small and has every kind of group and a list over chunks.
func mixedSegment() *memSource {
	rng := rand.New(rand.NewPCG(3, 4))
	m := model{}
	for o := range uint32(12_000) {
		if rng.IntN(8) > 0 {
			m.add(o, 5, 1+uint32(rng.IntN(900)))
		}
		m.add(o, 10+uint32(rng.ExpFloat64()*200), 1)
	}
	return writeModel(m, 12_000)
}

// Every flip of one byte must give an error or other postings, and nothing worse.
func TestSegment_Corrupt(t *testing.T) {
	source := mixedSegment()
	rng := rand.New(rand.NewPCG(5, 6))
	found, flips := 0, 2000
	if raceEnabled {
		flips = 200
	}
	for range flips {
		bad := &memSource{chunks: slices.Clone(source.chunks)}
		c := &bad.chunks[rng.IntN(len(bad.chunks))]
		c.Data = slices.Clone(c.Data)
		at := rng.IntN(len(c.Data))
		if rng.IntN(2) == 0 {
			at = rng.IntN(min(len(c.Data), 100))
		}
		switch rng.IntN(3) {
		case 0:
			c.Data[at] ^= 1 << rng.IntN(8)
		case 1:
			c.Data[at] = byte(rng.Uint32())
		case 2:
			c.Data = c.Data[:at]
		}
		if touch(t, bad) {
			found++
		}
	}
	t.Logf("%d of %d faults found", found, flips)
	if found < flips/4 {
		t.Errorf("only %d of %d faults found", found, flips)
	}
}

// touch reads all that a damaged segment can be made to give and reports whether
// checking it failed.
func touch(t *testing.T, source *memSource) bool {
	t.Helper()
	var ordinals, tfs [PostingsBatch]uint32
	r := NewSegmentReader(source)
	for code := uint32(0); code < 300; code += 5 {
		p, err := r.Postings(code)
		for err == nil && p.Next(ordinals[:], tfs[:]) > 0 {
			p.SkipTo(ordinals[0] + 3000)
		}
		if err == nil {
			err = p.Err()
		}
		if err != nil && !errors.Is(err, ErrCorruptPostings) {
			t.Fatalf("not marked as corrupt: %v", err)
		}
	}
	_, err := CheckSegment(source)
	if err != nil && !errors.Is(err, ErrCorruptPostings) {
		t.Fatalf("not marked as corrupt: %v", err)
	}
	return err != nil
}

func FuzzChunk(f *testing.F) {
	// Small ones: the fuzzer is slow with large inputs.
	m := model{2: {3: 1}, 3: {0: 2, 9: 1}, 70: {4: 300}}
	for o := range uint32(200) {
		m.add(o*o%401, 5, 1+o%3)
		m.add(o, 9+o%20, 1)
	}
	for _, c := range writeModel(m, 401).chunks {
		f.Add(c.Code, c.Ordinal, c.Data)
	}
	f.Add(uint32(0), uint32(0), make([]byte, 40))
	f.Fuzz(func(t *testing.T, code, ordinal uint32, data []byte) {
		// The second chunk gives lists that go on something to go on with.
		source := &memSource{chunks: []Chunk{{code, ordinal, data}, {code, ordinal + 1, data}}}
		if ordinal+1 == 0 {
			source.chunks = source.chunks[:1]
		}
		touch(t, source)
		one := &memSource{chunks: source.chunks[:1]}
		if touch(t, one) {
			return
		}
		// What passes the check can be read back as a list for each code.
		m := model{}
		universe := uint32(1)
		w := segmentWalker{source: one}
		if err := w.seek(0); err != nil {
			t.Fatal(err)
		}
		for {
			code, list, ok, err := w.next(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			universe = w.view.universe
			for _, p := range list {
				m.add(p.ordinal, code, p.tf)
			}
		}
		if len(m) > 0 && m.codes()[len(m)-1] < 1<<20 {
			checkSegment(t, writeModel(m, universe), m)
		}
	})
}

func TestSegment_NoAllocation(t *testing.T) {
	source := mixedSegment()
	var ordinals, tfs [PostingsBatch]uint32
	for name, r := range map[string]*SegmentReader{"read": NewSegmentReader(source), "known": NewChunks(200, 1<<16).Reader(source)} {
		allocs := testing.AllocsPerRun(20, func() {
			for code := uint32(5); code < 200; code++ {
				p, err := r.Postings(code)
				if err != nil {
					t.Fatal(err)
				}
				for p.Next(ordinals[:], tfs[:]) > 0 {
				}
				if p.Err() != nil {
					t.Fatal(p.Err())
				}
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
