package main

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ciyuan-search/ciyuan/index"
)

func TestGrades_NoVectors(t *testing.T) {
	b := &bench{options: options{vectors: t.TempDir(), runs: 1}}
	if err := measureGrades(t.Context(), b); err != nil || len(b.report.Tables) > 0 {
		t.Errorf("not chosen: %v, %d tables", err, len(b.report.Tables))
	}
	b.chosen = true
	if err := measureGrades(t.Context(), b); !errors.Is(err, errNoVectors) {
		t.Errorf("chosen: got error %v", err)
	}
}

// Stored scores are near those of float32, and all that is compared agrees where
// nothing differs.
func TestStoredScores(t *testing.T) {
	const dim = 64
	d := &vectorSet{dim: dim, starts: []int{0}}
	for i := range 40 {
		for n := range 1 + i%5 {
			for c := range dim {
				d.rows = append(d.rows, float32(math.Sin(float64((i*7+n*13+1)*(c+1)))))
			}
		}
		d.starts = append(d.starts, len(d.rows)/dim)
	}
	if _, err := index.Normalize(d.rows, dim); err != nil {
		t.Fatal(err)
	}
	query := d.rows[3*dim : 6*dim]
	truth := floatScores(query, d)
	leaders, joined, err := findLeaders(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for _, grade := range index.Grades() {
		z, err := index.NewQuantiser(dim, grade)
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := encodeRows(z, d, leaders, joined)
		got := storedScores(z, query, d, rows, leaders, joined)
		for i := range got {
			if math.Abs(float64(got[i]-truth[i])) > 0.5 || grade == index.GradeExact && math.Abs(float64(got[i]-truth[i])) > 0.03 {
				t.Errorf("%v: document %d scores %g, in float32 %g", grade, i, got[i], truth[i])
			}
		}
	}
	if first := first(truth, 3); !slices.Contains(first, 2) {
		t.Errorf("the document that the query was taken from is not among the first: %v", first)
	}
	if got := overlap([][]float32{{3, 2, 1, 0}}, [][]float32{{0, 3, 2, 1}}, 2); got != 0.5 {
		t.Errorf("overlap %g, want 0.5", got)
	}
}
