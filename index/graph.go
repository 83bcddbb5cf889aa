package index

import (
	"errors"
	"math"
)

// NoSim is what a Probe writes for a code that has no vector. It lies below
// every cosine.
const NoSim float32 = -2

// Errors of graphs.
var (
	// ErrCorruptGraph is returned when a graph header or a block of nodes is not
	// one that this package wrote, or does not fit the rest of the graph.
	ErrCorruptGraph = errors.New("index: corrupt graph")

	// ErrGraphTooLarge is returned by NewCoder for a graph with more nodes than
	// its maps are allowed to take memory for.
	ErrGraphTooLarge = errors.New("index: graph too large")

	// ErrNoCoder is returned by NewCoder on Windows, where github.com/coder/hnsw
	// v0.6.1 does not compile: it uses a part of google/renameio that is not
	// there.
	ErrNoCoder = errors.New("index: github.com/coder/hnsw does not work on Windows")
)

// A Space holds the vectors of the codes [0, Len()).
//
// It must be safe for concurrent use, and must answer the same for a code for as
// long as a graph over it lives.
type Space interface {
	// Len returns the number of codes, with and without a vector.
	Len() int
	// Has reports whether the code has a vector. Codes without one have no node
	// in a graph and are never found by similarity.
	Has(code uint32) bool
	// Probe returns the vector of a code, prepared as a query. It is called only
	// for codes for which Has is true.
	Probe(code uint32) Probe
}

// A Reprober is a Space that can prepare a code in the memory of an earlier
// probe of the same space, which spares building a graph one allocation for each
// comparison of a node with its neighbours. old may be nil and must not be used
// by the caller afterwards.
type Reprober interface {
	Reprobe(old Probe, code uint32) Probe
}

// A Probe is a query vector prepared for comparing it with codes of one Space.
//
// It must be safe for concurrent use.
type Probe interface {
	// Sim writes the cosine of the query with codes[i] to out[i], in [-1, 1] up
	// to rounding, or NoSim for a code without a vector. len(out) is at least
	// len(codes). It keeps neither slice.
	Sim(codes []uint32, out []float32)
}

// A Neighbor is a code and its cosine with the query.
type Neighbor struct {
	Code uint32
	Sim  float32
}

// A Graph finds the nearest codes of a query. Implementations: HNSW, Flat, Coder.
//
// Search is safe for concurrent use.
type Graph interface {
	// Search returns at most k neighbours of the probe by descending similarity,
	// ties by ascending code. ef is the number of candidates that an approximate
	// graph keeps while it walks, higher being slower and more exact; 0 stands
	// for the implementation's default, and less than k is taken as k. k <= 0 and
	// a graph without nodes give no neighbours and no error.
	Search(p Probe, k, ef int) ([]Neighbor, error)
	// Len returns the number of codes that the graph covers: every code in
	// [0, Len()) has a node or has no vector.
	Len() int
}

// A rank is a similarity and a code in one integer: ranks order by similarity,
// then by descending code, so the larger of two ranks is the better neighbour.
type rank uint64

// maxCodes bounds codes to 31 bits, which leaves a bit of the rank free for the
// walk to mark what it has expanded.
const maxCodes = 1 << 31

func makeRank(code uint32, sim float32) rank {
	// Adding zero turns -0 into +0, which would otherwise order below it.
	b := math.Float32bits(sim + 0)
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return rank(b)<<32 | rank(^code<<1)
}

func (r rank) code() uint32 { return ^(uint32(r) >> 1) &^ (1 << 31) }

func (r rank) sim() float32 {
	b := uint32(r >> 32)
	if b>>31 != 0 {
		b &^= 1 << 31
	} else {
		b = ^b
	}
	return math.Float32frombits(b)
}

func (r rank) neighbor() Neighbor { return Neighbor{Code: r.code(), Sim: r.sim()} }
