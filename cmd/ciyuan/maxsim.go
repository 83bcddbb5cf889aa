package main

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/order"
)

// maxSim returns the ids of the k best documents of a query by MaxSim in float32, written
// down as it is defined.
func (s *vectorSet) maxSim(ctx context.Context, query []float32, k int) ([]string, error) {
	query = slices.Clone(query)
	unitRows(query, s.dim)
	type scored struct {
		doc   int
		score float32
	}
	list := make([]scored, s.len())
	var rows []float32
	for i := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows = s.at(rows[:0], i)
		unitRows(rows, s.dim)
		list[i].doc = i
		for q := query; len(q) > 0; q = q[s.dim:] {
			best := float32(math.Inf(-1))
			for r := rows; len(r) > 0; r = r[s.dim:] {
				best = max(best, dot(q[:s.dim], r[:s.dim]))
			}
			list[i].score += best
		}
	}
	order.Stable(list, func(a, b *scored) int { return cmp.Compare(b.score, a.score) })
	var ids []string
	for _, d := range list[:min(k, len(list))] {
		ids = append(ids, s.id(d.doc))
	}
	return ids, nil
}

// unitRows makes rows of length 1.
func unitRows(m []float32, dim int) {
	for ; len(m) > 0; m = m[dim:] {
		var sum float64
		for _, x := range m[:dim] {
			sum += float64(x) * float64(x)
		}
		for i := range m[:dim] {
			m[i] = float32(float64(m[i]) / math.Sqrt(sum))
		}
	}
}

func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
