package index

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// simProbe answers from a table.
type simProbe []float32

func (p simProbe) Sim(codes []uint32, out []float32) {
	for i, c := range codes {
		out[i] = p[c]
	}
}

func TestScan_MatchesSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few distinct values make many ties.
		sims := rapid.SliceOfN(rapid.SampledFrom([]float32{-1, -0.5, float32(math.Copysign(0, -1)), 0, 0.25, 0.5, 1, NoSim, float32(math.NaN())}), 1, 2000).Draw(t, "sims")
		from := rapid.IntRange(0, len(sims)).Draw(t, "from")
		to := rapid.IntRange(from, len(sims)).Draw(t, "to")
		k := rapid.IntRange(0, 100).Draw(t, "k")
		minSim := rapid.SampledFrom([]float32{NoSim, -1, 0, 0.25, 2}).Draw(t, "minSim")
		var want []Neighbor
		for c := from; c < to; c++ {
			if s := sims[c]; s >= minSim && s > NoSim {
				want = append(want, Neighbor{uint32(c), s})
			}
		}
		slices.SortStableFunc(want, func(a, b Neighbor) int { return cmp.Compare(b.Sim+0, a.Sim+0) })
		want = want[:min(k, len(want))]
		got := Scan(nil, simProbe(sims), uint32(from), uint32(to), k, minSim, 1)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestScan_Workers(t *testing.T) {
	sims := make(simProbe, 5*scanParallel+17)
	for i := range sims {
		sims[i] = float32(i*7919%1009) / 1009
	}
	want := Scan(nil, sims, 3, uint32(len(sims)), 70, 0.1, 1)
	for workers := 2; workers < 8; workers++ {
		if got := Scan(nil, sims, 3, uint32(len(sims)), 70, 0.1, workers); !slices.Equal(got, want) {
			t.Errorf("%d workers: got %v, want %v", workers, got, want)
		}
	}
}

func TestScan_NoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget under the race detector")
	}
	sims := make(simProbe, 3000)
	dst := make([]Neighbor, 0, 64)
	var p Probe = sims
	if n := testing.AllocsPerRun(50, func() { dst = Scan(dst[:0], p, 0, 3000, 64, NoSim, 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRank_RoundTrip(t *testing.T) {
	for _, sim := range []float32{-1, -0.3, 0, 1e-9, 0.999, 1, NoSim} {
		for _, code := range []uint32{0, 1, 63, maxCodes - 1} {
			if got := makeRank(code, sim).neighbor(); got != (Neighbor{code, sim}) {
				t.Errorf("got %v, want %v", got, Neighbor{code, sim})
			}
			if got := (makeRank(code, sim) | 1).neighbor(); got != (Neighbor{code, sim}) {
				t.Errorf("marked: got %v, want %v", got, Neighbor{code, sim})
			}
		}
	}
}
