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

// A buildSpace holds the vectors of a lexicon's words side by side, as rows of 8
// bits. Building a graph compares each word with some hundreds of others: looking
// up where each of them lies in the encoder's table, and composing it, would take
// three times as long. What a word is worth in a search is not decided here.
type buildSpace struct {
	lex     *lexicon
	rows    scoring.Rows
	has     []bool
	queries []atomic.Pointer[scoring.Query]
}

// newBuildSpace lays out the codes of lex below n.
func newBuildSpace(lex *lexicon, n uint32) (*buildSpace, error) {
	dim := lex.enc.Dim()
	s := &buildSpace{lex: lex, has: make([]bool, n), queries: make([]atomic.Pointer[scoring.Query], n)}
	data := make([]byte, 0, int(n)*scoring.RowBytes(dim, scoring.Bits8))
	zero := make([]float32, dim)
	var v []float32
	for code := range n {
		s.has[code] = lex.Has(code)
		if s.has[code] {
			v = lex.Vector(code, v[:0])
			data = scoring.AppendRow(data, v, scoring.Bits8)
		} else {
			data = scoring.AppendRow(data, zero, scoring.Bits8)
		}
	}
	var err error
	s.rows, err = scoring.NewRows(data, dim, scoring.Bits8)
	if err == nil {
		err = lex.failed()
	}
	return s, err
}

func (s *buildSpace) Len() int             { return len(s.has) }
func (s *buildSpace) Has(code uint32) bool { return s.has[code] }

// Probe prepares each code once.
func (s *buildSpace) Probe(code uint32) index.Probe {
	q := s.queries[code].Load()
	if q == nil {
		var buf [256]float32
		made := scoring.NewQuery(s.rows.Vector(buf[:0], code))
		q = &made
		s.queries[code].Store(q)
	}
	return buildProbe{s, q}
}

type buildProbe struct {
	space *buildSpace
	query *scoring.Query
}

func (p buildProbe) Sim(codes []uint32, out []float32) {
	p.space.rows.DotMany(p.query, codes, out)
}
