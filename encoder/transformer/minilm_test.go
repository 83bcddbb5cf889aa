//go:build unix

package transformer

import (
	"encoding/json"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"
)

// TestMiniLM compares a real model with another implementation; testdata/minilm.py
// says which.
func TestMiniLM(t *testing.T) {
	m := minilm(t, nil)
	data, err := os.ReadFile("testdata/minilm.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text    string      `json:"text"`
		IDs     []uint32    `json:"input_ids"`
		Offsets [][2]int    `json:"byte_offsets"`
		Head    [][]float64 `json:"head"`
		Length  []float64   `json:"length"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for _, c := range cases {
		enc := m.Tokenizer().Assemble(m.Tokenizer().Tokenize(nil, c.Text))
		if !slices.Equal(idsOf(enc), c.IDs) {
			t.Errorf("%q: ids %v, want %v", c.Text, idsOf(enc), c.IDs)
			continue
		}
		for i, k := range enc.Tokens {
			if got := [2]int{k.Start, k.End}; got != c.Offsets[i] {
				t.Errorf("%q: span %d is %v, want %v", c.Text, i, got, c.Offsets[i])
			}
		}
		states, err := m.States(t.Context(), enc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range enc.Tokens {
			row := states[i*m.Dim() : (i+1)*m.Dim()]
			worst = max(worst, math.Abs(math.Sqrt(float64(dot(row, row)))-c.Length[i]))
			for j, want := range c.Head[i] {
				worst = max(worst, math.Abs(float64(row[j])-want))
			}
		}
	}
	t.Logf("largest difference %.2g", worst)
	if worst > tolerance {
		t.Errorf("off by %v", worst)
	}
}

// TestMiniLM_Mapped checks that the weights stay where they are, in the file: what a
// model has on the heap is its tokenizer and the working memory of a text.
func TestMiniLM_Mapped(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	m := minilm(t, nil)
	if _, err := m.Encode(t.Context(), []string{"The index keeps one vector for each token."}, nil); err != nil {
		t.Fatal(err)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%.1f of %.1f MB on the heap", float64(grown)/1e6, float64(m.Info().Bytes)/1e6)
	if grown > m.Info().Bytes/8 {
		t.Errorf("%d bytes on the heap for weights of %d", grown, m.Info().Bytes)
	}
}

// TestMiniLM_Int8 holds the rounding of weights to what token vectors need.
func TestMiniLM_Int8(t *testing.T) {
	whole, small := minilm(t, nil), minilm(t, &Options{Int8: true})
	if whole.Info().Fingerprint == small.Info().Fingerprint {
		t.Error("the rounded model has the fingerprint of the original")
	}
	a := new(arena)
	worst, sum, n := 1.0, 0.0, 0
	for _, s := range passages(t, whole)[:20] {
		out, err := whole.forward(a, []sequence{s})
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(out.Data)
		if out, err = small.forward(a, []sequence{s}); err != nil {
			t.Fatal(err)
		}
		for i := range out.Rows {
			c := cosine(out.Row(i), want[i*whole.Dim():(i+1)*whole.Dim()])
			worst, sum, n = min(worst, c), sum+c, n+1
		}
	}
	t.Logf("cosine to the original: %.5f in the mean of %d tokens, %.5f at worst", sum/float64(n), n, worst)
	if sum/float64(n) < 0.995 || worst < 0.97 {
		t.Errorf("cosine %v, at worst %v", sum/float64(n), worst)
	}
}
