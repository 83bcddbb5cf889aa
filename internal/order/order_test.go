package order

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStable(t *testing.T) {
	type row struct{ key, place int }
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		rows := make([]row, n)
		for i := range rows {
			rows[i] = row{r.IntN(7), i}
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b row) int { return cmp.Compare(a.key, b.key) })
		Stable(rows, func(a, b *row) int { return cmp.Compare(a.key, b.key) })
		if !slices.Equal(rows, want) {
			t.Fatalf("%v, wanted %v", rows, want)
		}
	}
}
