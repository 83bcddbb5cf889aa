package scoring

import "slices"

// fuseOffset is the constant of reciprocal rank fusion; its authors found 60 near
// the best on every collection they tried.
const fuseOffset = 60

// Fuse returns the hybrid of several rankings, best first: reciprocal rank
// fusion, the sum over the rankings of 1 / (60 + rank) with ranks from 1,
// divided by what a hit that leads all of them would get, so that scores lie in
// (0, 1]. Only the order of a ranking counts, which is what makes the score of
// one method comparable with that of another. Each ranking must be sorted and
// name an id once. Ties are broken by ascending id.
//
// Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion Outperforms
// Condorcet and Individual Rank Learning Methods (SIGIR 2009).
func Fuse(rankings ...[]Hit) []Hit {
	var all []Hit
	best := float64(len(rankings)) / (fuseOffset + 1)
	for _, ranking := range rankings {
		for i, h := range ranking {
			all = append(all, Hit{ID: h.ID, Score: 1 / (fuseOffset + 1 + float64(i)) / best})
		}
	}
	// Adding each id's parts largest first makes the sum independent of the
	// order of the rankings.
	slices.SortFunc(all, func(a, b Hit) int {
		if a.ID != b.ID {
			if a.ID < b.ID {
				return -1
			}
			return 1
		}
		return compareHits(a, b)
	})
	fused := all[:0]
	for _, h := range all {
		if n := len(fused); n > 0 && fused[n-1].ID == h.ID {
			fused[n-1].Score += h.Score
			continue
		}
		fused = append(fused, h)
	}
	slices.SortFunc(fused, compareHits)
	return fused
}
