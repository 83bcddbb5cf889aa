package scoring_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan/scoring"
)

func TestTopK_LikeSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.SampledFrom([]float64{-1, 0, math.Copysign(0, -1), 0.5, 1, math.Inf(1), math.Inf(-1), math.NaN()})).Draw(t, "scores")
		k := rapid.IntRange(-1, 8).Draw(t, "k")
		ids := rapid.Permutation(indexes(len(scores))).Draw(t, "ids")
		top := scoring.NewTopK(k)
		var all []scoring.Hit
		for i, s := range scores {
			top.Push(uint64(ids[i]), s)
			if s == s {
				all = append(all, scoring.Hit{ID: uint64(ids[i]), Score: s})
			}
		}
		slices.SortFunc(all, func(a, b scoring.Hit) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
		})
		want := all[:min(len(all), max(0, k))]
		threshold, full := top.Threshold()
		if full != (k > 0 && len(all) >= k) || full && threshold != want[k-1].Score {
			t.Fatalf("threshold %v, %v", threshold, full)
		}
		got := top.Hits()
		if len(got) != len(want) {
			t.Fatalf("%d hits, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("hit %d is %v, want %v", i, got[i], want[i])
			}
		}
		if again := top.Hits(); len(again) != 0 {
			t.Fatalf("%d hits after the hits were taken", len(again))
		}
	})
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestShares(t *testing.T) {
	near := scoring.Neighbor{Code: 1, Sim: 0.9}
	for _, tt := range []struct {
		neighbors     []scoring.Neighbor
		softmax, bm25 float64
	}{
		{nil, 1, 0},
		{[]scoring.Neighbor{near, near}, 1, 0},
		{[]scoring.Neighbor{near, {Code: 2, Exact: true}}, 0.5, 0.5},
		{[]scoring.Neighbor{{Code: 2, Sim: 0.6, Form: true}}, 0.5, 0.5},
	} {
		if softmax, bm25 := scoring.Shares(tt.neighbors); softmax != tt.softmax || bm25 != tt.bm25 {
			t.Errorf("%v: %v and %v, want %v and %v", tt.neighbors, softmax, bm25, tt.softmax, tt.bm25)
		}
	}
}

func TestSoftmax(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	e := math.E
	for _, tt := range []struct {
		name string
		z    []float32
		t    float64
		want []float64
	}{
		{"empty", nil, 1, nil},
		{"one", []float32{-3}, 1, []float64{1}},
		{"two", []float32{1, 0}, 1, []float64{e / (e + 1), 1 / (e + 1)}},
		{"temperature", []float32{0.5, 0}, 0.5, []float64{e / (e + 1), 1 / (e + 1)}},
		{"large", []float32{3e38, 3e38, -3e38}, 1, []float64{.5, .5, 0}},
		{"minus infinity", []float32{-inf, 0}, 1, []float64{0, 1}},
		{"all minus infinity", []float32{-inf, -inf}, 1, []float64{0, 0}},
		{"infinity", []float32{inf, 0, inf}, 1, []float64{.5, 0, .5}},
		{"NaN", []float32{nan, 2}, 1, []float64{0, 1}},
		{"all NaN", []float32{nan}, 1, []float64{0}},
		{"temperature 0", []float32{1, 2, 2}, 0, []float64{0, .5, .5}},
		{"temperature NaN", []float32{1, 2}, math.NaN(), []float64{0, 1}},
	} {
		got := scoring.Softmax(nil, tt.z, tt.t)
		if diff := gocmp.Diff(tt.want, got, gocmp.Comparer(func(x, y float64) bool { return math.Abs(x-y) < 1e-12 })); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if got := scoring.Softmax([]float64{9}, []float32{1}, 1); len(got) != 2 || got[0] != 9 || got[1] != 1 {
		t.Errorf("appending: %v", got)
	}
}

func TestProportional(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name string
		z    []float32
		want []float64
	}{
		{"empty", nil, nil},
		{"two", []float32{0.75, 0.25}, []float64{.75, .25}},
		{"negative", []float32{-1, 2}, []float64{0, 1}},
		{"none positive", []float32{-1, 0}, []float64{0, 0}},
		{"no numbers", []float32{nan, inf, -inf, 1}, []float64{0, 0, 0, 1}},
	} {
		if diff := gocmp.Diff(tt.want, scoring.Proportional(nil, tt.z)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
