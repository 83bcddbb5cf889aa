package index

import (
	"slices"
	"sync"
)

// walk is the memory of one walk through a graph.
type walk struct {
	// visited[c] == epoch says that code c has been met. Counting epochs spares
	// clearing it but once in 255 walks.
	visited []uint8
	epoch   uint8
	// pool holds the best codes met, the best first. The lowest bit of a rank is
	// set when its links have been looked at.
	pool   []rank
	codes  []uint32
	sims   []float32
	met    int // codes compared
	opened int // nodes whose links were looked at
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// begin forgets what was met, for a walk among count codes.
func (w *walk) begin(count int) {
	if len(w.visited) < count {
		w.visited = make([]uint8, count+count/8)
		w.epoch = 0
	}
	w.epoch++
	if w.epoch == 0 {
		clear(w.visited)
		w.epoch = 1
	}
}

// compare fills w.sims for w.codes.
func (w *walk) compare(p Probe) {
	if cap(w.sims) < len(w.codes) {
		w.sims = make([]float32, 2*len(w.codes))
	}
	w.sims = w.sims[:len(w.codes)]
	p.Sim(w.codes, w.sims)
	w.met += len(w.codes)
}

// put adds a code to the pool of at most ef, if it is good enough, and returns its place there,
// or ef.
func (w *walk) put(r rank, ef int) int {
	n := len(w.pool)
	if n == ef {
		if r < w.pool[n-1] {
			return ef
		}
		n--
	} else {
		w.pool = append(w.pool, 0)
	}
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if w.pool[mid] > r {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	copy(w.pool[lo+1:], w.pool[lo:n])
	w.pool[lo] = r
	return lo
}

// layer walks along one layer from the codes in the pool until none of the ef
// best has links that were not looked at.
//
// Source: algorithm 2 of the paper; a sorted pool with a mark takes the place of
// its two heaps.
func (h *HNSW) layer(w *walk, p Probe, level, ef int) error {
	w.begin(int(h.count))
	for i, r := range w.pool {
		w.pool[i] = r &^ 1
		w.visited[r.code()] = w.epoch
	}
	for next := 0; next < len(w.pool); {
		if w.pool[next]&1 != 0 {
			next++
			continue
		}
		code := w.pool[next].code()
		w.pool[next] |= 1
		w.opened++
		list, err := h.links(code, level)
		if err != nil {
			return err
		}
		w.codes = w.codes[:0]
		visited, epoch := w.visited, w.epoch
		for _, c := range list {
			if visited[c] != epoch {
				visited[c] = epoch
				w.codes = append(w.codes, c)
			}
		}
		if len(w.codes) == 0 {
			next++
			continue
		}
		w.compare(p)
		first := next + 1
		for i, s := range w.sims {
			if s != s {
				continue
			}
			if at := w.put(makeRank(w.codes[i], s), ef); at < first {
				first = at
			}
		}
		next = first
	}
	return nil
}

// descend leaves the pool with the nearest code that a walk with a pool of one
// finds from the entry point on the layers above the given one.
func (h *HNSW) descend(w *walk, p Probe, above int) error {
	w.codes = append(w.codes[:0], h.entry)
	w.compare(p)
	sim := w.sims[0]
	if sim != sim {
		sim = NoSim
	}
	w.pool = append(w.pool[:0], makeRank(h.entry, sim))
	for level := levelOf(h.entry); level > above; level-- {
		if err := h.layer(w, p, level, 1); err != nil {
			return err
		}
	}
	return nil
}

// Search returns the at most k codes nearest to the probe that a walk with ef
// candidates finds; see Graph. It fails with ErrCorruptGraph or with what Blocks
// fails with, and then returns nothing.
func (h *HNSW) Search(p Probe, k, ef int) ([]Neighbor, error) {
	return h.AppendSearch(nil, p, k, ef)
}

// AppendSearch is Search into memory of the caller: it appends to dst, and where
// dst has room and the blocks on the way are decoded already, it allocates nothing.
func (h *HNSW) AppendSearch(dst []Neighbor, p Probe, k, ef int) ([]Neighbor, error) {
	if k <= 0 || h.nodes == 0 {
		return dst, nil
	}
	if ef <= 0 {
		ef = DefaultEf
	}
	ef = max(ef, k)
	w := walks.Get().(*walk)
	defer walks.Put(w)
	if err := h.descend(w, p, 0); err != nil {
		return dst, err
	}
	if err := h.layer(w, p, 0, ef); err != nil {
		return dst, err
	}
	best := w.pool[:min(k, len(w.pool))]
	dst = slices.Grow(dst, len(best))
	for _, r := range best {
		if n := r.neighbor(); n.Sim > NoSim {
			dst = append(dst, n)
		}
	}
	return dst, nil
}
