package index

import (
	"slices"
	"sync"
)

// walk is the memory of one walk through a graph.
type walk struct {
	// visited has a bit for each code, set for those in marked.
	visited []uint64
	marked  []uint32
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
	for _, c := range w.marked {
		w.visited[c/64] = 0
	}
	w.marked = w.marked[:0]
	if words := (count + 63) / 64; len(w.visited) < words {
		w.visited = make([]uint64, words+words/8)
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

// put adds a code to the pool of at most ef and returns its place there, or ef if
// it is not good enough.
func (w *walk) put(r rank, ef int) int {
	n := len(w.pool)
	if n == ef {
		n--
		if r < w.pool[n] {
			return ef
		}
	} else {
		w.pool = append(w.pool, 0)
	}
	pool := w.pool[:n+1]
	// Written so that the compiler needs no branch in the loop: which way it goes
	// is as good as random.
	at, rest := 0, n
	for rest > 1 {
		half := rest >> 1
		if pool[at+half-1] > r {
			at += half
		}
		rest -= half
	}
	if rest == 1 && pool[at] > r {
		at++
	}
	copy(pool[at+1:], pool[at:n])
	pool[at] = r
	return at
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
		c := r.code()
		w.visited[c/64] |= 1 << (c % 64)
		w.marked = append(w.marked, c)
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
		visited := w.visited
		for _, c := range list {
			if bit := uint64(1) << (c % 64); visited[c/64]&bit == 0 {
				visited[c/64] |= bit
				w.codes = append(w.codes, c)
			}
		}
		if len(w.codes) == 0 {
			next++
			continue
		}
		w.marked = append(w.marked, w.codes...)
		w.compare(p)
		first := next + 1
		// Most codes met are worse than all in a full pool.
		floor := NoSim
		if len(w.pool) == ef {
			floor = w.pool[ef-1].sim()
		}
		for i, s := range w.sims {
			// Not below and not NaN.
			if s >= floor {
				first = min(first, w.put(makeRank(w.codes[i], s), ef))
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
		ef = defaultEf(h.Nodes())
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
