package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// memBlocks is a Blocks over a map.
type memBlocks map[uint32][]byte

func (m memBlocks) Block(n uint32) ([]byte, error) {
	if b, ok := m[n]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("block %d is missing", n)
}

// store puts what changed into m and returns the graph's header.
func (m memBlocks) store(h *HNSW) []byte {
	for n, b := range h.Dirty() {
		m[n] = b
	}
	h.Clean()
	return h.Header()
}

func mustHNSW(tb testing.TB, o HNSWOptions) *HNSW {
	tb.Helper()
	h, err := NewHNSW(o)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// buildHNSW inserts the codes of the space in several calls that end at the given
// codes, each on a graph opened afresh, and returns what was stored.
func buildHNSW(tb testing.TB, space Space, workers int, ends ...uint32) ([]byte, memBlocks) {
	tb.Helper()
	blocks := memBlocks{}
	h := mustHNSW(tb, HNSWOptions{})
	var header []byte
	for _, to := range ends {
		if err := h.Insert(context.Background(), space, to, workers); err != nil {
			tb.Fatal(err)
		}
		header = blocks.store(h)
		var err error
		if h, err = OpenHNSW(header, space.Len(), blocks); err != nil {
			tb.Fatal(err)
		}
	}
	if err := h.Verify(); err != nil {
		tb.Fatal(err)
	}
	return header, blocks
}

func TestHNSW_Workers(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(3000, 1))
	space.missing = func(code uint32) bool { return code%7 == 3 || code > 1200 && code < 1300 }
	ends := []uint32{1, 900, 907, 3000}
	header, blocks := buildHNSW(t, space, 1, ends...)
	for _, workers := range []int{2, 3, 16} {
		header2, blocks2 := buildHNSW(t, space, workers, ends...)
		if !bytes.Equal(header, header2) {
			t.Errorf("%d workers: headers differ", workers)
		}
		for n, b := range blocks {
			if !bytes.Equal(b, blocks2[n]) {
				t.Errorf("%d workers: block %d differs", workers, n)
			}
		}
	}
}

// Opening a stored graph and storing all of it again gives the same bytes.
func TestHNSW_RoundTrip(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(1500, 2))
	header, blocks := buildHNSW(t, space, 1, 1500)
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	for n := range h.blocks {
		b, err := h.block(uint32(n))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.encode(uint32(n), h.count), blocks[uint32(n)]) {
			t.Errorf("block %d changes when it is read and written", n)
		}
	}
	for range h.Dirty() {
		t.Error("a graph that was only read is dirty")
	}
}

// Whatever the vectors are, all nodes can be reached.
func TestHNSW_Reachable(t *testing.T) {
	equal := make([]float32, 700*testDim)
	for i := range equal {
		equal[i] = 1
	}
	for i := 0; i < len(equal); i += testDim {
		normalize(equal[i:][:testDim])
	}
	star := clusteredVectors(1, 9)
	for i := range 699 {
		v := slices.Clone(star[:testDim])
		v[i%testDim] += 2
		v[(i*i+5)%testDim] -= 1
		normalize(v)
		star = append(star, v...)
	}
	for name, vectors := range map[string][]float32{
		"zero": make([]float32, 700*testDim), "equal": equal, "star": star,
		"clustered": clusteredVectors(700, 3),
	} {
		t.Run(name, func(t *testing.T) {
			space := newTableSpace(t, vectors)
			buildHNSW(t, space, 2, 10, 300, 320, 700)
		})
	}
}

func TestHNSW_Empty(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(200, 4))
	space.missing = func(code uint32) bool { return code < 150 }
	header, blocks := buildHNSW(t, space, 1, 100)
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	if h.Len() != 100 || h.Nodes() != 0 {
		t.Errorf("%d codes, %d nodes", h.Len(), h.Nodes())
	}
	if got, err := h.Search(space.Probe(170), 5, 0); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if err := h.Insert(context.Background(), space, 200, 1); err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(); err != nil {
		t.Fatal(err)
	}
	got, err := h.Search(space.Probe(170), 1000, 0)
	if err != nil || len(got) != 50 || got[0].Code != 170 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := h.Search(space.Probe(170), 0, 10); err != nil || len(got) > 0 {
		t.Errorf("k = 0: got %v, %v", got, err)
	}
}

func TestHNSW_Options(t *testing.T) {
	for _, o := range []HNSWOptions{{M: 1}, {M: 33}, {M: -1}, {M: 8, EfConstruction: 7}, {EfConstruction: 1 << 17}} {
		if _, err := NewHNSW(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if got := mustHNSW(t, HNSWOptions{}).Options(); got != (HNSWOptions{DefaultM, DefaultEfConstruction}) {
		t.Errorf("defaults are %+v", got)
	}
	if got := mustHNSW(t, HNSWOptions{M: 30}).Options(); got != (HNSWOptions{30, DefaultEfConstruction}) {
		t.Errorf("with M = 30, %+v", got)
	}
}

// reuseSpace is a space that prepares codes in the memory of earlier probes.
type reuseSpace struct{ *tableSpace }

func (s reuseSpace) Reprobe(old Probe, code uint32) Probe {
	p, ok := old.(*tableProbe)
	if !ok {
		p = new(tableProbe)
	}
	*p = s.probes[code]
	return p
}

func TestHNSW_Reprober(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(1500, 10))
	header, blocks := buildHNSW(t, space, 1, 700, 1500)
	header2, blocks2 := buildHNSW(t, reuseSpace{space}, 2, 700, 1500)
	if !bytes.Equal(header, header2) || !maps.EqualFunc(blocks, blocks2, bytes.Equal) {
		t.Error("a graph built with reused probes differs")
	}
}

func TestHNSW_Cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	space := newTableSpace(t, clusteredVectors(10, 4))
	if err := mustHNSW(t, HNSWOptions{}).Insert(ctx, space, 10, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHNSW_MissingBlock(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(500, 5))
	header, blocks := buildHNSW(t, space, 1, 500)
	delete(blocks, 3)
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Search(space.Probe(200), 64, 400); err == nil || got != nil {
		t.Errorf("search: got %v, %v", got, err)
	}
	if h.Verify() == nil {
		t.Error("verified")
	}
	if err := h.Insert(context.Background(), space, 500, 1); err != nil {
		t.Errorf("nothing to insert: %v", err)
	}
}

func TestHNSW_NoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget under the race detector")
	}
	space := newTableSpace(t, clusteredVectors(2000, 6))
	h := mustHNSW(t, HNSWOptions{})
	if err := h.Insert(context.Background(), space, 2000, 1); err != nil {
		t.Fatal(err)
	}
	dst := make([]Neighbor, 0, 64)
	p := space.Probe(7)
	if n := testing.AllocsPerRun(50, func() {
		var err error
		if dst, err = h.AppendSearch(dst[:0], p, 64, 128); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHNSW_BlockCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(0, 5).Draw(t, "block")
		count := n*blockCodes + rapid.Uint32Range(1, 5000).Draw(t, "codes")
		link := rapid.Uint32Range(0, count-1)
		b := newBlock()
		b.widen(2 * maxM)
		for slot := range uint32(blockCodes) {
			code := n*blockCodes + slot
			if code >= count || rapid.IntRange(0, 3).Draw(t, "has") == 0 {
				continue
			}
			list := rapid.SliceOfNDistinct(link, 0, min(2*maxM, int(count)-1), rapid.ID).Draw(t, "links")
			list = slices.DeleteFunc(list, func(c uint32) bool { return c == code })
			b.setList(slot, list)
			if len(list) > 0 {
				b.parent[slot] = list[0]
			}
			for level := 1; level <= levelOf(code); level++ {
				var upper []uint32
				for _, c := range list {
					if levelOf(c) >= level {
						upper = append(upper, c)
					}
				}
				b.setUpper(slot, level, upper)
			}
		}
		data := b.encode(n, count)
		got, err := decodeBlock(data, n, count+3, 2*maxM)
		if err != nil {
			t.Fatal(err)
		}
		if got.degree != b.degree || got.parent != b.parent {
			t.Fatal("degrees or parents differ")
		}
		if !bytes.Equal(got.encode(n, count), data) {
			t.Fatal("the block changed")
		}
	})
}

// damagedGraph opens, searches, verifies and extends a graph whose bytes may be
// anything.
func damagedGraph(t *testing.T, space Space, header []byte, blocks memBlocks) {
	t.Helper()
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		if !errors.Is(err, ErrCorruptGraph) {
			t.Fatalf("not marked as corrupt: %v", err)
		}
		return
	}
	_, _ = h.Search(space.Probe(5), 10, 50) // it may fail, not crash
	verified := h.Verify() == nil
	if err := h.Insert(context.Background(), space, uint32(space.Len()), 1); err == nil && verified {
		if err := h.Verify(); err != nil {
			t.Fatalf("a whole graph was damaged by inserting: %v", err)
		}
	}
}

func TestHNSW_Corrupt(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(500, 7))
	header, blocks := buildHNSW(t, space, 1, 480)
	for n, good := range blocks {
		step := 1
		if raceEnabled {
			step = 17
		}
		for at := 0; at < len(good); at += step {
			bad := slices.Clone(good)
			bad[at] ^= 1 << (at % 8)
			if at%5 == 0 {
				bad = bad[:at]
			}
			blocks[n] = bad
			damagedGraph(t, space, header, blocks)
		}
		blocks[n] = good
	}
	for at := range header {
		for bit := range 8 {
			bad := slices.Clone(header)
			bad[at] ^= 1 << bit
			damagedGraph(t, space, bad, blocks)
		}
	}
}

func FuzzGraphBlock(f *testing.F) {
	space := newTableSpace(f, clusteredVectors(128, 8))
	header, blocks := buildHNSW(f, space, 1, 120)
	f.Add(header, blocks[0])
	f.Add([]byte{graphFormat, 8, 32, 120, 0, 0}, blocks[1])
	f.Fuzz(func(t *testing.T, header, block []byte) {
		damagedGraph(t, space, header, memBlocks{0: block, 1: blocks[1]})
	})
}
