package scoring

import "slices"

// Hit is something with an id that has a score.
type Hit struct {
	ID    uint64
	Score float64
}

// worse reports whether a comes after b; neither is NaN.
func worse(a, b Hit) bool {
	return a.Score < b.Score || a.Score == b.Score && a.ID > b.ID
}

// TopK keeps the k best of the hits pushed, in O(log k) a hit: those of largest
// score, and of smallest id where scores are equal, so that the result does not
// depend on the order of arrival. It is not safe for concurrent use.
type TopK struct {
	k    int
	heap []Hit // the worst hit first
}

// NewTopK returns an empty TopK; with k <= 0 it stays empty. Memory is taken as
// hits come.
func NewTopK(k int) *TopK { return &TopK{k: k} }

// Push offers a hit. A NaN score never enters.
func (t *TopK) Push(id uint64, score float64) {
	h := Hit{ID: id, Score: score}
	switch {
	case score != score || t.k <= 0:
	case len(t.heap) < t.k:
		t.heap = append(t.heap, h)
		t.up(len(t.heap) - 1)
	case worse(t.heap[0], h):
		t.down(h)
	}
}

// Threshold returns the score of the worst hit kept. full is false while fewer
// than k are kept; then every score still enters.
func (t *TopK) Threshold() (score float64, full bool) {
	if len(t.heap) == 0 || len(t.heap) < t.k {
		return 0, false
	}
	return t.heap[0].Score, true
}

// Hits returns the hits kept, best first, and leaves t empty for another use.
func (t *TopK) Hits() []Hit {
	hits := t.heap
	t.heap = nil
	slices.SortFunc(hits, func(a, b Hit) int {
		switch {
		case worse(a, b):
			return 1
		case worse(b, a):
			return -1
		}
		return 0
	})
	return hits
}

func (t *TopK) up(i int) {
	h := t.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !worse(h, t.heap[parent]) {
			break
		}
		t.heap[i] = t.heap[parent]
		i = parent
	}
	t.heap[i] = h
}

// down puts h in the place of the worst.
func (t *TopK) down(h Hit) {
	heap, i := t.heap, 0
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if child+1 < len(heap) && worse(heap[child+1], heap[child]) {
			child++
		}
		if !worse(heap[child], h) {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = h
}
