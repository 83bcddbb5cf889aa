//go:build !windows

package index

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/coder/hnsw"
)

// coderNodeBytes is the memory of a node of github.com/coder/hnsw at 10 links, a map
// of pointers to its neighbours: measured on 30,000 words, where ours take 18
// bytes on disk and 60 in memory.
const coderNodeBytes = 460

// CoderMaxNodes is the number of nodes up to which NewCoder takes a graph: a
// quarter of a gigabyte, all of it on the heap before the first search.
const CoderMaxNodes = 256 << 20 / coderNodeBytes

// coderEf is the number of candidates of a search that names none: twice that of
// the recall@10 of 0.95 that it gets to on 30,000 words, for 0.975.
const coderEf = 800

// Coder is github.com/coder/hnsw v0.6.1 as a Graph, over the links of an HNSW.
//
// By itself that package does not find its way: its search ends with the first
// node that has no better neighbour, and its base layer falls apart as nodes are
// added. So it gets the links of our graph through its Import, is asked for ef
// neighbours of which the best k are taken, and is never told to add or delete. It
// is there to compare with; see docs/benchmarks.md.
//
// Its vectors are codes in disguise, and its distance asks the probe. So it ranks
// by the same similarities as the other graphs, and holds no vectors.
type Coder struct {
	graph hnsw.Graph[uint32]
	codes int
	nodes int
}

var _ Graph = (*Coder)(nil)

// NewCoder imports the links of a graph on layer 0, reading all of it. It fails
// with ErrGraphTooLarge above CoderMaxNodes, and with what reading the graph
// fails with.
func NewCoder(h *HNSW) (*Coder, error) {
	if h.nodes > CoderMaxNodes {
		return nil, fmt.Errorf("%w for github.com/coder/hnsw: %d nodes of about %d bytes of memory each, the limit is %d",
			ErrGraphTooLarge, h.nodes, coderNodeBytes, CoderMaxNodes)
	}
	c := &Coder{codes: h.Len(), nodes: h.Nodes()}
	if c.nodes == 0 {
		return c, nil
	}
	// Import believes what it is told about lengths.
	nodes := 0
	for n := range h.blocks {
		b, err := h.block(uint32(n))
		if err != nil {
			return nil, err
		}
		nodes += b.nodes()
	}
	if nodes != c.nodes {
		return nil, fmt.Errorf("%w: %d nodes where the header says %d", ErrCorruptGraph, nodes, c.nodes)
	}
	export := &coderExport{h: h}
	if err := guard(func() error { return c.graph.Import(bufio.NewReader(export)) }); err != nil {
		if export.err != nil {
			return nil, export.err
		}
		return nil, fmt.Errorf("index: importing into github.com/coder/hnsw: %w", err)
	}
	return c, nil
}

// guard turns a panic of f into an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

// Len returns the number of codes that the graph covers.
func (c *Coder) Len() int { return c.codes }

// Search returns the nearest k of ef codes that the package finds; see Graph. A
// panic of the package becomes an error.
func (c *Coder) Search(p Probe, k, ef int) ([]Neighbor, error) {
	if k <= 0 || c.nodes == 0 {
		return nil, nil
	}
	if ef <= 0 {
		ef = coderEf
	}
	ef = min(max(ef, k), c.nodes)
	// The parameters of a search are fields of the graph: each search has its own
	// copy, over the same nodes.
	g := c.graph
	g.EfSearch = ef
	var codes [1]uint32
	var sims [1]float32
	g.Distance = func(node, _ hnsw.Vector) float32 {
		codes[0] = uint32(node[0])<<16 | uint32(node[1])
		p.Sim(codes[:], sims[:])
		if sims[0] != sims[0] {
			return 1 - NoSim
		}
		return 1 - sims[0]
	}
	var found []hnsw.Node[uint32]
	err := guard(func() error {
		found = g.Search(hnsw.Vector{0, 0}, ef)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("index: searching with github.com/coder/hnsw: %w", err)
	}
	list := make([]uint32, len(found))
	for i, n := range found {
		list[i] = n.Key
	}
	all := make([]float32, len(list))
	p.Sim(list, all)
	var ranks []rank
	for i, s := range all {
		if s > NoSim {
			ranks = append(ranks, makeRank(list[i], s))
		}
	}
	slices.Sort(ranks)
	slices.Reverse(ranks)
	out := make([]Neighbor, 0, min(k, len(ranks)))
	for _, r := range ranks[:min(k, len(ranks))] {
		out = append(out, r.neighbor())
	}
	return out, nil
}

// coderExport writes a graph in the form that Import of github.com/coder/hnsw
// reads, a block at a time. Integers are varints but for keys:
//
//	version 1, M, Ml as float64, EfSearch, name of the distance with its length
//	number of layers, and for each from the lowest:
//	  number of nodes, and for each: key as uint32, vector with its length as
//	  float32, number of neighbours, and their keys
//
// The upper layer holds the entry point alone: the package begins with a random node
// of its highest layer, and so it has no choice.
type coderExport struct {
	h    *HNSW
	next int // the next block, after the head
	buf  bytes.Buffer
	head bool // written
	tail bool // written
	err  error
}

// Read is io.Reader.
func (e *coderExport) Read(p []byte) (int, error) {
	for e.buf.Len() == 0 {
		switch {
		case !e.head:
			e.head = true
			e.int(1)
			e.int(e.h.m)
			e.buf.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.0/(1<<levelBits))))
			e.int(coderEf)
			e.int(len("cosine"))
			e.buf.WriteString("cosine")
			e.int(2)
			e.int(e.h.Nodes())
		case e.next < len(e.h.blocks):
			if e.err = e.block(uint32(e.next)); e.err != nil {
				return 0, e.err
			}
			e.next++
		case !e.tail:
			e.tail = true
			e.int(1)
			e.node(e.h.entry, nil)
		default:
			return 0, io.EOF
		}
	}
	return e.buf.Read(p)
}

func (e *coderExport) int(v int) { e.buf.Write(binary.AppendVarint(nil, int64(v))) }

func (e *coderExport) key(code uint32) {
	e.buf.Write(binary.LittleEndian.AppendUint32(nil, code))
}

func (e *coderExport) node(code uint32, links []uint32) {
	e.key(code)
	// Half a code fits a float32 exactly.
	e.int(2)
	for _, half := range []uint32{code >> 16, code & 0xffff} {
		e.buf.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(half))))
	}
	e.int(len(links))
	for _, c := range links {
		e.key(c)
	}
}

func (e *coderExport) block(n uint32) error {
	b, err := e.h.block(n)
	if err != nil {
		return err
	}
	for slot, degree := range b.degree {
		if degree == noNode {
			continue
		}
		links := b.list(uint32(slot))
		for _, c := range links {
			// A link to nowhere would become a nil pointer.
			if _, err := e.h.links(c, 0); err != nil {
				return err
			}
		}
		e.node(n*blockCodes+uint32(slot), links)
	}
	return nil
}
