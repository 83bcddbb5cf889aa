package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// wordSpace is the vocabulary of the shared set, packed once for all benchmarks.
var wordSpace struct {
	once  sync.Once
	space *tableSpace
}

func benchSpace(b *testing.B) *tableSpace {
	vectors := cmrcVectors(b)
	wordSpace.once.Do(func() { wordSpace.space = packSpace(b, vectors, 4) })
	return wordSpace.space
}

// benchQueries are codes to search from, with what an exact scan finds.
func benchQueries(space *tableSpace) (queries []Probe, truth [][]Neighbor) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := space.Probe(rng.Uint32N(uint32(space.Len())))
		queries = append(queries, p)
		truth = append(truth, Scan(nil, p, 0, uint32(space.Len()), 64, 0.3, 1))
	}
	return queries, truth
}

// benchSearch reports the time of a search and its recall.
func benchSearch(b *testing.B, g Graph, space *tableSpace, ef int) {
	queries, truth := benchQueries(space)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Search(queries[i%len(queries)], 64, ef); err != nil {
			b.Fatal(err)
		}
		i++
	}
	var found, found10, all, all10 int
	for i, q := range queries {
		got, err := g.Search(q, 64, ef)
		if err != nil {
			b.Fatal(err)
		}
		f, f10 := recall(got, truth[i])
		found, found10 = found+f, found10+f10
		all, all10 = all+len(truth[i]), all10+min(10, len(truth[i]))
	}
	b.ReportMetric(float64(found)/float64(all), "recall@64")
	b.ReportMetric(float64(found10)/float64(all10), "recall@10")
	if h, ok := g.(*HNSW); ok {
		met := 0
		for _, q := range queries {
			w := new(walk)
			if err := h.descend(w, q, 0); err != nil {
				b.Fatal(err)
			}
			if err := h.layer(w, q, 0, ef); err != nil {
				b.Fatal(err)
			}
			met += w.met
		}
		b.ReportMetric(float64(met)/float64(len(queries)), "met")
	}
}

// BenchmarkGraph prints the table that the defaults were chosen from.
func BenchmarkGraph(b *testing.B) {
	space := benchSpace(b)
	n := uint32(space.Len())
	b.Run("flat", func(b *testing.B) { benchSearch(b, NewFlat(space, 1), space, 0) })
	for _, o := range []HNSWOptions{{8, 32}, {8, 64}, {12, 24}, {DefaultM, DefaultEfConstruction}, {12, 64}, {16, 40}, {16, 100}} {
		b.Run(fmt.Sprintf("M=%d/efC=%d", o.M, o.EfConstruction), func(b *testing.B) {
			var h *HNSW
			b.Run("build", func(b *testing.B) {
				least := time.Duration(1 << 62)
				for b.Loop() {
					h = mustHNSW(b, o)
					start := time.Now()
					if err := h.Insert(context.Background(), space, n, 1); err != nil {
						b.Fatal(err)
					}
					least = min(least, time.Since(start))
				}
				b.ReportMetric(float64(least.Nanoseconds())/1e3/float64(n), "us/node")
				bytes := 0
				for _, d := range h.Dirty() {
					bytes += len(d)
				}
				b.ReportMetric(float64(bytes)/float64(n), "B/node")
			})
			if h == nil {
				h = mustHNSW(b, o)
				if err := h.Insert(context.Background(), space, n, 2); err != nil {
					b.Fatal(err)
				}
			}
			for _, ef := range []int{96, 128, 192, 256, 384} {
				b.Run(fmt.Sprintf("ef=%d", ef), func(b *testing.B) { benchSearch(b, h, space, ef) })
			}
			if o.M != DefaultM || o.EfConstruction != DefaultEfConstruction {
				return
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			c, err := NewCoder(h)
			if err != nil {
				b.Fatal(err)
			}
			took := time.Since(start)
			runtime.GC()
			runtime.ReadMemStats(&after)
			for _, ef := range []int{200, 400, 800} {
				b.Run(fmt.Sprintf("coder/ef=%d", ef), func(b *testing.B) {
					benchSearch(b, c, space, ef)
					b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/node")
					b.ReportMetric(float64(took.Nanoseconds())/1e3/float64(n), "us/node")
				})
			}
		})
	}
}

// BenchmarkGraphCold searches in a graph of which nothing has been read yet.
func BenchmarkGraphCold(b *testing.B) {
	space := benchSpace(b)
	header, blocks := buildHNSW(b, space, 2, uint32(space.Len()))
	queries, _ := benchQueries(space)
	i := 0
	read := 0
	for b.Loop() {
		h, err := OpenHNSW(header, space.Len(), blocks)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Search(queries[i%len(queries)], 64, 0); err != nil {
			b.Fatal(err)
		}
		i++
		for n := range h.blocks {
			if h.blocks[n].Load() != nil {
				read++
			}
		}
	}
	b.ReportMetric(float64(read)/float64(i), "blocks")
}

func BenchmarkGraphBlock(b *testing.B) {
	space := benchSpace(b)
	header, blocks := buildHNSW(b, space, 2, uint32(space.Len()))
	h, err := OpenHNSW(header, space.Len(), blocks)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeBlock(blocks[7], 7, h.count, 2*h.m); err != nil {
				b.Fatal(err)
			}
		}
	})
	block, err := h.block(7)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			block.encode(7, h.count)
		}
	})
}
