package index

import (
	"slices"
	"sync"
)

// scanBatch is the number of codes compared in one call of a Probe: large enough
// to hide the call, small enough that codes and results stay in the first cache.
const scanBatch = 512

// scanParallel is the least number of codes worth a goroutine of its own: about
// 40 microseconds of comparing.
const scanParallel = 8192

// Flat is the exact Graph: it compares the query with every code.
type Flat struct {
	space   Space
	workers int
}

var _ Graph = (*Flat)(nil)

// NewFlat returns a Graph that scans space with at most the given number of
// goroutines; less than 2 means that the caller's alone is used.
func NewFlat(space Space, workers int) *Flat {
	return &Flat{space: space, workers: workers}
}

// Len returns the number of codes in the space.
func (f *Flat) Len() int { return f.space.Len() }

// Search returns the k nearest codes of the probe, exactly; ef has no effect.
// The error is always nil.
func (f *Flat) Search(p Probe, k, _ int) ([]Neighbor, error) {
	return Scan(nil, p, 0, uint32(f.space.Len()), k, NoSim, f.workers), nil
}

// Scan appends to dst the at most k codes in [from, to) that are nearest to the
// probe and have a cosine of at least minSim, by descending similarity, ties by
// ascending code. Codes without a vector and codes whose similarity is NaN are
// left out, whatever minSim is. The result does not depend on workers, the number
// of goroutines that may be used.
//
// It takes time proportional to to-from. With one worker it allocates nothing
// but what dst needs.
func Scan(dst []Neighbor, p Probe, from, to uint32, k int, minSim float32, workers int) []Neighbor {
	if k <= 0 || from >= to {
		return dst
	}
	n := int(to - from)
	k = min(k, n)
	if most := n / scanParallel; workers > most {
		workers = most
	}
	top := topPool.Get().(*topK)
	defer topPool.Put(top)
	if workers < 2 {
		top.reset(k, minSim)
		top.scan(p, from, to)
		return top.append(dst)
	}
	parts := make([]*topK, workers)
	for i := range parts {
		parts[i] = topPool.Get().(*topK)
		parts[i].reset(k, minSim)
	}
	scanParts(parts, p, from, to)
	top.reset(k, minSim)
	for _, part := range parts {
		for _, r := range part.heap {
			top.push(r)
		}
		topPool.Put(part)
	}
	return top.append(dst)
}

// scanParts shares a range among goroutines.
func scanParts(parts []*topK, p Probe, from, to uint32) {
	var wg sync.WaitGroup
	n := int(to - from)
	for i, part := range parts {
		lo := from + uint32(i*n/len(parts))
		hi := from + uint32((i+1)*n/len(parts))
		wg.Go(func() { part.scan(p, lo, hi) })
	}
	wg.Wait()
}

var topPool = sync.Pool{New: func() any { return new(topK) }}

// topK keeps the k best ranks above a floor in a heap with the worst at its root.
type topK struct {
	heap  []rank
	k     int
	floor rank // ranks below it are not wanted
	codes [scanBatch]uint32
	sims  [scanBatch]float32
}

func (t *topK) reset(k int, minSim float32) {
	t.heap = t.heap[:0]
	t.k = k
	// The largest code at minSim is the least rank that is still wanted. Nothing
	// at or below NoSim ever is.
	if !(minSim > NoSim) {
		t.floor = makeRank(0, NoSim) + 2
	} else {
		t.floor = makeRank(maxCodes-1, minSim)
	}
}

func (t *topK) scan(p Probe, from, to uint32) {
	for from < to {
		n := int(min(to-from, scanBatch))
		codes, sims := t.codes[:n], t.sims[:n]
		for i := range codes {
			codes[i] = from + uint32(i)
		}
		p.Sim(codes, sims)
		for i, s := range sims {
			if s != s {
				continue
			}
			if r := makeRank(from+uint32(i), s); r >= t.floor {
				t.push(r)
			}
		}
		from += uint32(n)
	}
}

func (t *topK) push(r rank) {
	h := t.heap
	if len(h) < t.k {
		h = append(h, r)
		i := len(h) - 1
		for i > 0 {
			parent := (i - 1) / 2
			if h[parent] <= r {
				break
			}
			h[i] = h[parent]
			i = parent
		}
		h[i] = r
		t.heap = h
		if len(h) == t.k {
			t.floor = max(t.floor, h[0])
		}
		return
	}
	if r <= h[0] {
		return
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[child] >= r {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = r
	t.floor = max(t.floor, h[0])
}

func (t *topK) append(dst []Neighbor) []Neighbor {
	slices.Sort(t.heap)
	dst = slices.Grow(dst, len(t.heap))
	for i := len(t.heap) - 1; i >= 0; i-- {
		dst = append(dst, t.heap[i].neighbor())
	}
	return dst
}
