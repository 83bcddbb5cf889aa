//go:build !windows

package index

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestCoder_TooLarge(t *testing.T) {
	_, err := NewCoder(&HNSW{nodes: CoderMaxNodes + 1})
	if !errors.Is(err, ErrGraphTooLarge) || !strings.Contains(err.Error(), "coder/hnsw") {
		t.Errorf("got %v", err)
	}
}

func TestCoder_Small(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(40, 31))
	for _, n := range []uint32{0, 1, 2, 40} {
		h := mustHNSW(t, HNSWOptions{})
		if err := h.Insert(context.Background(), space, n, 1); err != nil {
			t.Fatal(err)
		}
		c, err := NewCoder(h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Search(space.Probe(7), 100, 1)
		if err != nil || c.Len() != int(n) {
			t.Fatalf("%d codes of %d: %v", c.Len(), n, err)
		}
		// So few nodes it finds all of.
		want, err := h.Search(space.Probe(7), 100, 0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d codes: got %v, want %v, %v", n, got, want, err)
		}
		if got, err := c.Search(space.Probe(7), 0, 9); err != nil || len(got) > 0 {
			t.Errorf("k = 0: got %v, %v", got, err)
		}
	}
}

func TestCoder_CorruptGraph(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(300, 32))
	header, blocks := buildHNSW(t, space, 1, 300)
	for name, damage := range map[string]func(h *HNSW){
		"too few nodes":  func(h *HNSW) { h.nodes++ },
		"too many nodes": func(h *HNSW) { h.nodes-- },
		"link to nowhere": func(h *HNSW) {
			b, err := h.block(2)
			if err != nil {
				t.Fatal(err)
			}
			b.degree[5] = noNode
			h.nodes--
		},
	} {
		h, err := OpenHNSW(header, space.Len(), blocks)
		if err != nil {
			t.Fatal(err)
		}
		damage(h)
		if _, err := NewCoder(h); !errors.Is(err, ErrCorruptGraph) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// panicProbe fails in the middle of a search of the package.
type panicProbe struct{}

func (panicProbe) Sim([]uint32, []float32) { panic("broken probe") }

type nanProbe struct{}

func (nanProbe) Sim(_ []uint32, out []float32) {
	for i := range out {
		out[i] = float32(math.NaN())
	}
}

func TestCoder_Guarded(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(300, 33))
	h := mustHNSW(t, HNSWOptions{})
	if err := h.Insert(context.Background(), space, 300, 1); err != nil {
		t.Fatal(err)
	}
	c, err := NewCoder(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Search(panicProbe{}, 5, 0); err == nil || !strings.Contains(err.Error(), "broken probe") {
		t.Errorf("got %v", err)
	}
	for _, g := range []Graph{c, h, NewFlat(space, 1)} {
		if got, err := g.Search(nanProbe{}, 5, 0); err != nil || len(got) > 0 {
			t.Errorf("%T: a query of NaN: got %v, %v", g, got, err)
		}
	}
}

func TestGraph_Concurrent(t *testing.T) {
	space := newTableSpace(t, clusteredVectors(2000, 34))
	header, blocks := buildHNSW(t, space, 2, 2000)
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCoder(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []Graph{h, c, NewFlat(space, 2)} {
		want := make([][]Neighbor, 40)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range want {
					if _, err := g.Search(space.Probe(uint32(i*37)), 20, 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for i := range want {
			first, err := g.Search(space.Probe(uint32(i*37)), 20, 0)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := g.Search(space.Probe(uint32(i*37)), 20, 0)
			if !slices.Equal(first, again) {
				t.Errorf("%T: two searches differ", g)
			}
		}
	}
}
