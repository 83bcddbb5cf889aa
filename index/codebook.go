package index

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	// LeaderRadius is the cosine from which on a vector joins the nearest leader
	// instead of becoming one. docs/design.md, section 5, has what it was chosen by.
	LeaderRadius = 0.65

	// WideRadius takes its place from ManyLeaders leaders on: a vector that is near none of
	// so many is an unusual one, and the graph and the memory for leaders grow by each.
	WideRadius = 0.5

	// ManyLeaders is the number of leaders from which on WideRadius holds.
	ManyLeaders = 100_000

	// RoundVectors is the number of vectors that look for their leaders at once, among
	// those that were there before. It is part of what decides about the leaders.
	RoundVectors = 1024

	// assignEf is the number of candidates of a walk that looks for a leader.
	assignEf = 12

	// BookStep is how many leaders are outside of the graph at most while vectors are
	// assigned; until then they are compared one by one.
	BookStep = 512
)

// radii are the cosines from which on a vector joins a leader of each state. A leader
// whose list has become long takes only what is ever nearer to it, so that what comes
// later founds leaders of its own: lists are split as they grow, and no vector is ever
// moved.
var radii = [...]float32{LeaderRadius, 0.78, 0.87, 0.93}

// radiiOf returns the radii of an index with so many leaders.
func radiiOf(leaders int) (r [len(radii)]float32) {
	r = radii
	if leaders >= ManyLeaders {
		r[0] = WideRadius
	}
	return r
}

// MaxLeaderState is the highest state of a leader.
const MaxLeaderState = len(radii) - 1

// A CodeBook finds the leader of a vector: in the graph, and among the leaders that
// are not in it yet, which it compares one by one.
//
// Leader codes: each vector within a radius of its nearest leader joins it, else it
// becomes one (Hartigan, Clustering Algorithms (1975), section 3.2). Nothing is trained.
//
// Search is safe for concurrent use, Assign is not.
type CodeBook struct {
	Leaders *Leaders
	Graph   *HNSW
	// State returns the state of a leader below which it was opened; nil means 0.
	State func(code uint32) (byte, error)

	round roundMemory
}

// Search appends the k leaders nearest to p to dst, the best first; ef is as for
// [Graph]. Errors are those of the graph and of reading leaders.
func (b *CodeBook) Search(dst []Neighbor, p *LeaderProbe, k, ef int) ([]Neighbor, error) {
	from := len(dst)
	probe := b.Leaders.Of(p)
	dst, err := b.Graph.AppendSearch(dst, probe, k, ef)
	if err != nil {
		return dst, err
	}
	dst = b.tail(dst, from, p, uint32(b.Graph.Len()), uint32(b.Leaders.Len()), k)
	return dst, b.Leaders.Err()
}

// tail puts those of the leaders in [first, end) among dst[from:], k neighbours, the
// best first, that belong there.
func (b *CodeBook) tail(dst []Neighbor, from int, p *LeaderProbe, first, end uint32, k int) []Neighbor {
	var codes [tileSize]uint32
	var sims [tileSize]float32
	for first < end {
		n := min(tileSize, end-first)
		for i := range n {
			codes[i] = first + i
		}
		b.Leaders.sims(p, codes[:n], sims[:n])
		for i, s := range sims[:n] {
			if s > NoSim && (len(dst)-from < k || s > dst[len(dst)-1].Sim) {
				dst = insertNeighbor(dst, from, Neighbor{Code: codes[i], Sim: s}, k)
			}
		}
		first += n
	}
	return dst
}

// insertNeighbor puts n among dst[from:], behind those that are as near, and drops
// what is beyond k.
func insertNeighbor(dst []Neighbor, from int, n Neighbor, k int) []Neighbor {
	if len(dst)-from < k {
		dst = append(dst, Neighbor{})
	}
	at := len(dst) - 1
	for ; at > from && dst[at-1].Sim < n.Sim; at-- {
		dst[at] = dst[at-1]
	}
	dst[at] = n
	return dst
}

// roundMemory is the memory of a round of Assign.
type roundMemory struct {
	nearest [RoundVectors][assignEf]Neighbor
	found   [RoundVectors]int
	workers []assignWorker
	probe   *LeaderProbe
	row     []byte
}

type assignWorker struct {
	probe *LeaderProbe
	near  []Neighbor
	err   error
}

// Assign sets codes[i] to the leader of row i of rotated, len(codes) rows as
// [Quantiser.Rotate] returns them, and makes rows without a leader near enough leaders.
// The graph takes them in when there are BookStep of them.
//
// The result depends on the vectors and their order, not on workers. Errors are those
// of ctx, the graph and reading leaders; the code book must then be thrown away.
func (b *CodeBook) Assign(ctx context.Context, rotated []float32, codes []uint32, workers int) error {
	dim := b.Leaders.z.padded
	if len(rotated) != len(codes)*dim {
		panic(fmt.Sprintf("index: %d numbers for %d rows of %d", len(rotated), len(codes), dim))
	}
	for len(codes) > 0 {
		n := min(RoundVectors, len(codes))
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("index: finding leaders: %w", err)
		}
		if err := b.assignRound(rotated[:n*dim], codes[:n], max(1, workers)); err != nil {
			return err
		}
		if b.Outside() >= BookStep {
			if err := b.Extend(ctx, workers); err != nil {
				return err
			}
		}
		rotated, codes = rotated[n*dim:], codes[n:]
	}
	return b.Leaders.Err()
}

// Outside returns how many leaders are not in the graph.
func (b *CodeBook) Outside() int { return b.Leaders.Len() - b.Graph.Len() }

// Extend takes all leaders into the graph.
func (b *CodeBook) Extend(ctx context.Context, workers int) error {
	if err := b.Graph.Insert(ctx, b.Leaders, uint32(b.Leaders.Len()), workers); err != nil {
		return err
	}
	return b.Leaders.Err()
}

func (b *CodeBook) assignRound(rotated []float32, codes []uint32, workers int) error {
	r, z := &b.round, b.Leaders.z
	for len(r.workers) < workers {
		r.workers = append(r.workers, assignWorker{probe: z.NewLeaderProbe()})
	}
	if r.probe == nil {
		r.probe = z.NewLeaderProbe()
	}
	var next atomic.Int64
	search := func(w *assignWorker) {
		for {
			to := int(next.Add(stepCodes))
			for i := to - stepCodes; i < min(to, len(codes)); i++ {
				w.probe.SetRotated(rotated[i*z.padded:][:z.padded])
				if w.near, w.err = b.Search(w.near[:0], w.probe, assignEf, assignEf); w.err != nil {
					return
				}
				r.found[i] = copy(r.nearest[i][:], w.near)
			}
			if to >= len(codes) {
				return
			}
		}
	}
	if workers == 1 {
		search(&r.workers[0])
	} else {
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() { search(&r.workers[i]) })
		}
		wg.Wait()
	}
	for i := range r.workers[:workers] {
		if err := r.workers[i].err; err != nil {
			return err
		}
	}
	first := uint32(b.Leaders.Len())
	within := radiiOf(int(first))
	for i := range codes {
		code, sim, err := b.joins(r.nearest[i][:r.found[i]], &within)
		if err != nil {
			return err
		}
		// The leaders of this round, which the search has not seen.
		if end := uint32(b.Leaders.Len()); end > first {
			r.probe.SetRotated(rotated[i*z.padded:][:z.padded])
			var near [1]Neighbor
			if best := b.tail(near[:0], 0, r.probe, first, end, 1); len(best) > 0 && best[0].Sim > sim && best[0].Sim >= within[0] {
				code, sim = best[0].Code, best[0].Sim
			}
		}
		if sim < within[0] {
			r.row = appendExact(r.row[:0], rotated[i*z.padded:][:z.padded])
			code = b.Leaders.Append(r.row)
		}
		codes[i] = code
	}
	return b.Leaders.Err()
}

// joins returns the nearest leader that takes a vector within the radius of its state,
// and their similarity; NoSim if none does.
func (b *CodeBook) joins(near []Neighbor, within *[len(radii)]float32) (uint32, float32, error) {
	for _, n := range near {
		if n.Sim < within[0] {
			break
		}
		state := byte(0)
		if b.State != nil {
			var err error
			if state, err = b.State(n.Code); err != nil {
				return 0, 0, err
			}
		}
		if n.Sim >= within[min(int(state), MaxLeaderState)] {
			return n.Code, n.Sim, nil
		}
	}
	return 0, NoSim, nil
}

// Rotate returns the rows of m, n x Dim, row-major, as they are stored: padded and
// rotated, in dst if that has room. Rows that are NaN stay so.
func (z *Quantiser) Rotate(dst, m []float32) []float32 {
	n := len(m) / z.dim
	if cap(dst) < n*z.padded {
		dst = make([]float32, n*z.padded)
	}
	dst = dst[:n*z.padded]
	for i := range n {
		row := dst[i*z.padded : (i+1)*z.padded]
		clear(row[copy(row, m[i*z.dim:(i+1)*z.dim]):])
		z.rotation.apply(row)
	}
	return dst
}

// Padded returns the number of columns of a rotated row: Dim rounded up to a multiple
// of 32.
func (z *Quantiser) Padded() int { return z.padded }

// EncodeRotated is Encode for a row that Rotate has returned.
func (c *RowCoder) EncodeRotated(dst []byte, rotated []float32, leader []byte) []byte {
	copy(c.vector, rotated)
	if c.z.grade == GradeExact {
		return appendExact(dst, c.vector)
	}
	return c.appendResidual(dst, leader)
}

// SetRotated is Set for a row that Rotate has returned.
func (p *LeaderProbe) SetRotated(rotated []float32) { p.vector.Set(rotated) }
