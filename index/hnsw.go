package index

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"sync/atomic"
)

// Parameters of an HNSW that NewHNSW takes where none are given. docs/benchmarks.md
// has the table that they were chosen from.
const (
	DefaultM              = 12
	DefaultEfConstruction = 40
)

// defaultEf is the number of candidates of a search that names none. Of 64
// neighbours above a cosine of 0.3, 256 candidates find 97 % and of the ten
// nearest 99 % among 30,000 words; with more words it takes more candidates for
// the same, 512 among 150,000.
func defaultEf(nodes int) int {
	const least, upTo, most = 256, 30_000, 4096
	return min(most, int(least*math.Sqrt(max(1, float64(nodes)/upTo))))
}

// Limits of the parameters, which the formats and the memory of a node rely on.
const (
	minM, maxM  = 2, 32
	maxEf       = 1 << 16
	maxLevels   = 8
	levelBits   = 4 // a node is on the next level with probability 2^-levelBits
	blockCodes  = 64
	graphFormat = 1
)

// HNSWOptions are the parameters that a graph keeps for life. Zero fields stand
// for the defaults.
type HNSWOptions struct {
	// M is the number of links that a new node sets out with on each layer, and
	// the most that a node keeps on the upper ones; on layer 0 it keeps 2M. In
	// [2, 32].
	M int
	// EfConstruction is the number of candidates that these links are chosen
	// from. In [M, 65536].
	EfConstruction int
}

// Blocks gives access to the encoded nodes of a graph, 64 codes a block: block n
// holds the codes from 64n on. It must be safe for concurrent use. The bytes are
// not kept.
type Blocks interface {
	Block(n uint32) ([]byte, error)
}

// HNSW is a hierarchical navigable small world: a Graph that finds most of the
// nearest codes by walking along links to ever nearer ones.
//
// It differs from the paper in four points. Levels come from a hash of the code, so
// that nothing but the codes decides about the graph. Nodes are inserted in
// rounds: those of a round look for their neighbours in the graph as it was before
// the round, all at once on any number of processors, and among the earlier ones
// of the round by comparing all; then they are linked in order. A node that gets
// too many links is thinned out by the paper's heuristic after a round and not at
// each link. And no node is ever lost: each has a parent, the nearest node with
// room for it, and the links between the two are never thinned out, so that every
// node can be reached from every other on layer 0.
//
// Nodes are read from their blocks when a walk first comes to them. Search and
// Verify are safe for concurrent use; Insert and Clean need the graph alone.
//
// Source: Malkov and Yashunin, Efficient and robust approximate nearest neighbor
// search using hierarchical navigable small world graphs (2018), algorithms 1-5.
type HNSW struct {
	m      int
	efc    int
	count  uint32 // codes covered
	nodes  uint32
	entry  uint32 // a node of the highest level; meaningless without nodes
	source Blocks
	blocks []atomic.Pointer[nodeBlock]
}

var _ Graph = (*HNSW)(nil)

// NewHNSW returns an empty graph. It fails on parameters outside of their range.
func NewHNSW(o HNSWOptions) (*HNSW, error) {
	if o.M == 0 {
		o.M = DefaultM
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = max(DefaultEfConstruction, o.M)
	}
	if o.M < minM || o.M > maxM {
		return nil, fmt.Errorf("index: M of %d is outside of [%d, %d]", o.M, minM, maxM)
	}
	if o.EfConstruction < o.M || o.EfConstruction > maxEf {
		return nil, fmt.Errorf("index: efConstruction of %d is outside of [%d, %d]", o.EfConstruction, o.M, maxEf)
	}
	return &HNSW{m: o.M, efc: o.EfConstruction}, nil
}

// Header returns what OpenHNSW needs beside the blocks: the format and, as
// uvarints, M, efConstruction, the number of codes, of nodes, and the entry point.
func (h *HNSW) Header() []byte {
	d := []byte{graphFormat}
	for _, v := range []uint32{uint32(h.m), uint32(h.efc), h.count, h.nodes, h.entry} {
		d = binary.AppendUvarint(d, uint64(v))
	}
	return d
}

// OpenHNSW returns the graph with the given header over its blocks, none of which
// it reads yet. codes is the number of codes that there are; a graph can lag behind
// it, but a header that claims more is wrong. It fails with ErrCorruptGraph.
func OpenHNSW(header []byte, codes int, blocks Blocks) (*HNSW, error) {
	if len(header) == 0 || header[0] != graphFormat {
		return nil, fmt.Errorf("%w: header of an unknown format", ErrCorruptGraph)
	}
	d := header[1:]
	var v [5]uint32
	for i := range v {
		var ok bool
		if v[i], d, ok = uvarint32(d); !ok {
			return nil, fmt.Errorf("%w: header ends early", ErrCorruptGraph)
		}
	}
	h := &HNSW{m: int(v[0]), efc: int(v[1]), count: v[2], nodes: v[3], entry: v[4], source: blocks}
	switch {
	case len(d) > 0:
		return nil, fmt.Errorf("%w: header goes on after its end", ErrCorruptGraph)
	case v[0] < minM || v[0] > maxM || v[1] < v[0] || v[1] > maxEf:
		return nil, fmt.Errorf("%w: header with parameters out of range", ErrCorruptGraph)
	case h.count > maxCodes || int64(h.count) > int64(codes):
		return nil, fmt.Errorf("%w: header with %d codes of %d", ErrCorruptGraph, h.count, codes)
	case h.nodes > h.count || h.nodes > 0 && h.entry >= h.count || h.nodes == 0 && h.entry != 0:
		return nil, fmt.Errorf("%w: header with counts that do not fit", ErrCorruptGraph)
	}
	h.blocks = make([]atomic.Pointer[nodeBlock], numBlocks(h.count))
	return h, nil
}

func numBlocks(count uint32) int { return int((uint64(count) + blockCodes - 1) / blockCodes) }

// Len returns the number of codes that the graph covers.
func (h *HNSW) Len() int { return int(h.count) }

// Nodes returns the number of codes that have a node, those with a vector.
func (h *HNSW) Nodes() int { return int(h.nodes) }

// Options returns the parameters of the graph.
func (h *HNSW) Options() HNSWOptions { return HNSWOptions{M: h.m, EfConstruction: h.efc} }

// levelOf returns the highest layer that a code's node is on.
func levelOf(code uint32) int {
	// The finalizer of MurmurHash3, which spreads every bit over all others.
	x := code + 0x9e3779b9
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	x ^= x >> 16
	return min(bits.TrailingZeros32(x)/levelBits, maxLevels-1)
}

// block returns block n, decoded when it is first asked for.
func (h *HNSW) block(n uint32) (*nodeBlock, error) {
	if b := h.blocks[n].Load(); b != nil {
		return b, nil
	}
	data, err := h.source.Block(n)
	if err != nil {
		return nil, fmt.Errorf("reading block %d of the graph: %w", n, err)
	}
	b, err := decodeBlock(data, n, h.count, 2*h.m)
	if err != nil {
		return nil, err
	}
	// Of two goroutines that decode the same block one wins, for both.
	if !h.blocks[n].CompareAndSwap(nil, b) {
		b = h.blocks[n].Load()
	}
	return b, nil
}

// links returns the links of a node on a layer, not to be changed.
func (h *HNSW) links(code uint32, level int) ([]uint32, error) {
	b := h.blocks[code/blockCodes].Load()
	if b == nil {
		var err error
		if b, err = h.block(code / blockCodes); err != nil {
			return nil, err
		}
	}
	slot := code % blockCodes
	if level > 0 {
		return b.upperLinks(slot, level), nil
	}
	if b.degree[slot] == noNode {
		return nil, fmt.Errorf("%w: code %d has no node but is linked to", ErrCorruptGraph, code)
	}
	return b.list(slot), nil
}

// Dirty yields the number and the encoding of each block that changed since the
// graph was opened or made or Clean was called, by ascending number. The bytes
// belong to the receiver.
func (h *HNSW) Dirty() iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		for n := range h.blocks {
			b := h.blocks[n].Load()
			if b == nil || !b.dirty {
				continue
			}
			if !yield(uint32(n), b.encode(uint32(n), h.count)) {
				return
			}
		}
	}
}

// Clean forgets which blocks changed, after they have been stored.
func (h *HNSW) Clean() {
	for n := range h.blocks {
		if b := h.blocks[n].Load(); b != nil {
			b.dirty = false
		}
	}
}

// Verify reads all of the graph and returns nil if it is whole: the counts of the
// header hold, every link leads to a node of its layer, every node's way up along
// its parents ends at the one root, and every node can be reached from the entry
// point along layer 0. Otherwise it fails with ErrCorruptGraph, or with what Blocks
// fails with.
func (h *HNSW) Verify() error {
	if h.nodes == 0 {
		for n := range h.blocks {
			b, err := h.block(uint32(n))
			if err != nil {
				return err
			}
			if b.nodes() > 0 {
				return fmt.Errorf("%w: nodes in a graph without any", ErrCorruptGraph)
			}
		}
		return nil
	}
	nodes, roots, top := 0, 0, 0
	for n := range h.blocks {
		b, err := h.block(uint32(n))
		if err != nil {
			return err
		}
		nodes += b.nodes()
		for slot := range uint32(blockCodes) {
			code := uint32(n)*blockCodes + slot
			if b.degree[slot] == noNode {
				continue
			}
			top = max(top, levelOf(code))
			if b.parent[slot] == noParent {
				roots++
			} else if b.parent[slot] >= code {
				return fmt.Errorf("%w: the parent of code %d is not an earlier one", ErrCorruptGraph, code)
			} else if back, err := h.links(b.parent[slot], 0); err != nil {
				return err
			} else if !contains(back, code) {
				return fmt.Errorf("%w: the parent of code %d does not link to it", ErrCorruptGraph, code)
			}
			for level := 1; level <= levelOf(code); level++ {
				for _, c := range b.upperLinks(slot, level) {
					if _, err := h.links(c, 0); err != nil {
						return err
					}
				}
			}
		}
	}
	if nodes != int(h.nodes) {
		return fmt.Errorf("%w: %d nodes where the header says %d", ErrCorruptGraph, nodes, h.nodes)
	}
	if roots != 1 {
		return fmt.Errorf("%w: %d nodes without a parent", ErrCorruptGraph, roots)
	}
	if levelOf(h.entry) != top {
		return fmt.Errorf("%w: the entry point is not on the highest layer", ErrCorruptGraph)
	}
	seen := make([]bool, h.count)
	queue := []uint32{h.entry}
	seen[h.entry] = true
	reached := 0
	for len(queue) > 0 {
		code := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		reached++
		list, err := h.links(code, 0)
		if err != nil {
			return err
		}
		for _, c := range list {
			if !seen[c] {
				seen[c] = true
				queue = append(queue, c)
			}
		}
	}
	if reached != nodes {
		return fmt.Errorf("%w: %d of %d nodes can be reached", ErrCorruptGraph, reached, nodes)
	}
	return nil
}

func contains(list []uint32, code uint32) bool {
	for _, c := range list {
		if c == code {
			return true
		}
	}
	return false
}
