package index

import (
	"context"
	"math/rand/v2"
	"testing"
)

// recall returns the share of truth, and of its first ten, that got holds.
func recall(got, truth []Neighbor) (found, found10 int) {
	in := map[uint32]bool{}
	for _, n := range got {
		in[n.Code] = true
	}
	for i, n := range truth {
		if in[n.Code] {
			found++
			if i < 10 {
				found10++
			}
		}
	}
	return found, found10
}

func testRecall(t *testing.T, g Graph, space Space, k, ef int, floor, floor10 float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	var found, found10, all, all10 int
	for range 200 {
		p := space.Probe(rng.Uint32N(uint32(space.Len())))
		truth := Scan(nil, p, 0, uint32(space.Len()), k, 0.3, 1)
		got, err := g.Search(p, k, ef)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > k {
			t.Fatalf("%d neighbours of %d", len(got), k)
		}
		for i := 1; i < len(got); i++ {
			if a, b := got[i-1], got[i]; a.Sim < b.Sim || a.Sim == b.Sim && a.Code >= b.Code {
				t.Fatalf("neighbours out of order: %v before %v", a, b)
			}
		}
		f, f10 := recall(got, truth)
		found, found10 = found+f, found10+f10
		all, all10 = all+len(truth), all10+min(10, len(truth))
	}
	r, r10 := float64(found)/float64(all), float64(found10)/float64(all10)
	t.Logf("recall@%d %.4f (floor %.2f), recall@10 %.4f (floor %.2f), %d wanted", k, r, floor, r10, floor10, all)
	if r < floor || r10 < floor10 {
		t.Errorf("recall@%d %.4f (floor %.2f), recall@10 %.4f (floor %.2f)", k, r, floor, r10, floor10)
	}
}

// TestGraph_Recall holds every implementation to a floor against the exact scan.
func TestGraph_Recall(t *testing.T) {
	for _, set := range []struct {
		name    string
		vectors func(testing.TB) []float32
	}{
		{"clustered", func(testing.TB) []float32 { return clusteredVectors(5000, 21) }},
		{"words", cmrcVectors},
	} {
		t.Run(set.name, func(t *testing.T) {
			if set.name == "words" && (testing.Short() || raceEnabled) {
				t.Skip("30,000 nodes take a while")
			}
			space := newTableSpace(t, set.vectors(t))
			h := mustHNSW(t, HNSWOptions{})
			if err := h.Insert(context.Background(), space, uint32(space.Len()), 2); err != nil {
				t.Fatal(err)
			}
			t.Run("flat", func(t *testing.T) { testRecall(t, NewFlat(space, 1), space, 64, 0, 1, 1) })
			t.Run("hnsw", func(t *testing.T) { testRecall(t, h, space, 64, 0, 0.965, 0.985) })
			t.Run("coder", func(t *testing.T) {
				c, err := NewCoder(h)
				if err != nil {
					t.Fatal(err)
				}
				testRecall(t, c, space, 64, 0, 0.85, 0.96)
			})
		})
	}
}
