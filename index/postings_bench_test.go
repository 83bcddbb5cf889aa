package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// zipfSegment fills passages with words whose counts follow Zipf's law, which is
// what text does.
func zipfSegment(passages, length, words int) *SegmentWriter {
	rng := rand.New(rand.NewPCG(7, 8))
	w := NewSegmentWriter()
	for o := range passages {
		for range length {
			// The inverse of the distribution function of 1/x on [1, words].
			code := uint32(math.Exp(rng.Float64()*math.Log(float64(words)))) - 1
			w.Add(uint32(o), code, 1)
		}
	}
	return w
}

func BenchmarkSegmentWriter(b *testing.B) {
	w := zipfSegment(2000, 200, 30000)
	b.Run("Add", func(b *testing.B) {
		var n int
		for b.Loop() {
			n = zipfSegment(2000, 200, 30000).Len()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2000*200), "ns/token")
		b.ReportMetric(float64(n), "postings")
	})
	b.Run("Chunks", func(b *testing.B) {
		var s memSource
		for b.Loop() {
			s.chunks = slices.Collect(w.Chunks(2000))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.Len()), "ns/posting")
		b.ReportMetric(float64(s.bytes())/float64(w.Len()), "B/posting")
	})
}

func BenchmarkPostings(b *testing.B) {
	for _, c := range []struct {
		name     string
		universe uint32
		every    int
		tf       int
		n        int
	}{
		{"long/dense", 1 << 18, 2, 3, 1 << 17},
		{"long/sparse", 1 << 20, 50, 1, 20000},
		{"short", 1 << 16, 1000, 1, 65},
	} {
		b.Run(c.name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			w := NewSegmentWriter()
			for o := range c.universe {
				if rng.IntN(c.every) == 0 {
					w.Add(o, 1, uint32(1+rng.IntN(c.tf)))
				}
			}
			source := &memSource{chunks: slices.Collect(w.Chunks(c.universe))}
			ordinals, tfs := make([]uint32, 1024), make([]uint32, 1024)
			r := NewSegmentReader(source)
			b.ReportAllocs()
			for b.Loop() {
				p, err := r.Postings(1)
				if err != nil {
					b.Fatal(err)
				}
				for p.Next(ordinals, tfs) > 0 {
				}
			}
			b.ReportMetric(float64(b.N)*float64(w.Len())/b.Elapsed().Seconds()/1e6, "M/s")
			b.ReportMetric(float64(source.bytes())/float64(w.Len()), "B/posting")
		})
	}
}

// BenchmarkSegmentReader finds lists by ascending code, as a query does.
func BenchmarkSegmentReader(b *testing.B) {
	source := &memSource{chunks: slices.Collect(zipfSegment(2000, 200, 30000).Chunks(2000))}
	rng := rand.New(rand.NewPCG(1, 2))
	codes := make([]uint32, 400)
	for i := range codes {
		codes[i] = rng.Uint32N(30000)
	}
	slices.Sort(codes)
	b.ReportAllocs()
	for b.Loop() {
		r := NewSegmentReader(source)
		for _, c := range codes {
			if _, err := r.Postings(c); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(codes)), "ns/list")
}
