package ciyuan

import (
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// denseShare is the part of all words that must be new for the vectors of all
// of them to be laid out for building the graph: laying out a word costs as much
// as comparing it with some hundred others.
const denseShare = 8

// probeSlots is how many prepared words are kept: a word is compared as a query some
// seven times, mostly soon after the first.
const probeSlots = 1 << 15

// A buildSpace holds the vectors of a lexicon's words side by side, as rows of 8
// bits. Building a graph compares each word with some hundreds of others: looking
// up where each of them lies in the encoder's table, and composing it, would take
// three times as long. What a word is worth in a search is not decided here.
//
// It takes 136 bytes for each word with a vector at 128 dimensions, 4 for others,
// and 8 MB for prepared words.
type buildSpace struct {
	place  []uint32 // by code: its row + 1, or 0
	rows   scoring.Rows
	probes [probeSlots]atomic.Pointer[buildProbe]
}

// newBuildSpace lays out the codes of lex below n.
func newBuildSpace(lex *lexicon, n uint32) (*buildSpace, error) {
	dim := lex.enc.Dim()
	s := &buildSpace{place: make([]uint32, n)}
	with := uint32(0)
	for code := range n {
		if lex.Has(code) {
			with++
			s.place[code] = with
		}
	}
	data := make([]byte, 0, int(with)*scoring.RowBytes(dim, scoring.Bits8))
	var v []float32
	for code := range n {
		if s.place[code] > 0 {
			v = lex.Vector(code, v[:0])
			data = scoring.AppendRow(data, v, scoring.Bits8)
		}
	}
	var err error
	s.rows, err = scoring.NewRows(data, dim, scoring.Bits8)
	if err == nil {
		err = lex.failed()
	}
	return s, err
}

func (s *buildSpace) Len() int             { return len(s.place) }
func (s *buildSpace) Has(code uint32) bool { return s.place[code] > 0 }

// Probe prepares a code, or returns it as it was prepared before.
func (s *buildSpace) Probe(code uint32) index.Probe {
	slot := &s.probes[code%probeSlots]
	if p := slot.Load(); p != nil && p.code == code {
		return p
	}
	var buf [256]float32
	p := &buildProbe{space: s, code: code, query: scoring.NewQuery(s.rows.Vector(buf[:0], s.place[code]-1))}
	slot.Store(p)
	return p
}

type buildProbe struct {
	space *buildSpace
	code  uint32
	query scoring.Query
}

func (p *buildProbe) Sim(codes []uint32, out []float32) {
	var rows [simRows]uint32
	for len(codes) > 0 {
		n := min(len(codes), simRows)
		for i, code := range codes[:n] {
			// Graphs compare words that have vectors only.
			rows[i] = p.space.place[code] - 1
		}
		p.space.rows.DotMany(&p.query, rows[:n], out)
		codes, out = codes[n:], out[n:]
	}
}
