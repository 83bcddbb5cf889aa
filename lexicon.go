package ciyuan

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// A lexicon is what a DB keeps in memory of the words of one state of the index:
// where their vectors are, and the graph over them. Both are read from the file
// when they are first needed, through whichever transaction on that state is
// open at the moment, and shared by all searches on the state.
//
// It is the index.Space of the graph: code c has the vector of word c.
type lexicon struct {
	enc     encoder.Static
	n       uint32 // codes
	header  []byte // of the graph
	readers readers
	blocks  []atomic.Pointer[refBlock]
	err     atomic.Pointer[error]

	hnsw *index.HNSW

	coderOnce sync.Once
	coder     *index.Coder
	coderErr  error
}

// graphOptions and graphEf make the graph and walk it. Measured on the passages
// and 400 questions of cmrc2018-dev, 32,000 words: 0.992 of the documents that an
// exact search has among its first ten with ef = 192; with M = 6 0.982, with half the
// efConstruction 0.983, with ef = 96 0.981. A node takes 22 bytes.
var graphOptions = index.HNSWOptions{M: 8, EfConstruction: 32}

const graphEf = 256

// refsPerBlock is the number of codes that are read together.
const refsPerBlock = 1024

// refBlock says where the vectors of refsPerBlock codes are: a row of the
// encoder's table, or noRow, or composedRow + the number of a list.
type refBlock struct {
	rows     []uint32
	composed []composedRef
}

type composedRef struct {
	pieces []uint32
	norm   uint16
}

const (
	composedRow = 1 << 31
	noRow       = 1<<32 - 1
)

// ref returns what is stored of a word's vector.
func (w *wordVector) ref() store.Ref {
	switch len(w.rows) {
	case 0:
		return store.Ref{}
	case 1:
		return store.Ref{Has: true, Row: w.rows[0]}
	}
	return store.Ref{Has: true, Pieces: w.rows, Norm: w.norm}
}

// newLexicon returns the lexicon of the state that m describes. Full blocks of
// an earlier state of the same file, which may be nil, are taken over, because
// the refs of a code never change.
func newLexicon(enc encoder.Static, m *store.Meta, before *lexicon) (*lexicon, error) {
	l := &lexicon{enc: enc, n: uint32(m.NextCode), header: slices.Clone(m.GraphHeader)}
	l.blocks = make([]atomic.Pointer[refBlock], (l.n+refsPerBlock-1)/refsPerBlock)
	if before != nil {
		for i := range before.n / refsPerBlock {
			l.blocks[i].Store(before.blocks[i].Load())
		}
	}
	var err error
	if len(m.GraphHeader) == 0 {
		l.hnsw, err = index.NewHNSW(graphOptions)
	} else {
		l.hnsw, err = index.OpenHNSW(m.GraphHeader, int(m.NextCode), graphBlocks{&l.readers})
	}
	return l, err
}

// fits reports whether l is the lexicon of the state that m describes.
func (l *lexicon) fits(m *store.Meta) bool {
	return l != nil && l.n == uint32(m.NextCode) && bytes.Equal(l.header, m.GraphHeader)
}

// readers holds the open transactions that see one state of the index.
type readers struct {
	mu  sync.RWMutex
	txs []*store.Tx
}

func (r *readers) add(tx *store.Tx) {
	r.mu.Lock()
	r.txs = append(r.txs, tx)
	r.mu.Unlock()
}

func (r *readers) remove(tx *store.Tx) {
	r.mu.Lock()
	if i := slices.Index(r.txs, tx); i >= 0 {
		r.txs = slices.Delete(r.txs, i, i+1)
	}
	r.mu.Unlock()
}

// read calls fn with an open transaction, which stays open meanwhile. There is
// always one while a search that uses the lexicon goes on: its own.
func (r *readers) read(fn func(tx *store.Tx) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.txs) == 0 {
		return ErrClosed
	}
	tx := r.txs[len(r.txs)-1]
	return tx.Guard(func() error { return fn(tx) })
}

// graphBlocks gives the graph its blocks.
type graphBlocks struct{ readers *readers }

func (b graphBlocks) Block(n uint32) (block []byte, err error) {
	err = b.readers.read(func(tx *store.Tx) error {
		data, err := tx.GraphBlock(n)
		block = bytes.Clone(data)
		return err
	})
	return block, err
}

// Len returns the number of codes.
func (l *lexicon) Len() int { return int(l.n) }

// block returns the refs of the block that has code, nil after an error, which
// failed returns.
func (l *lexicon) block(code uint32) *refBlock {
	at := &l.blocks[code/refsPerBlock]
	if b := at.Load(); b != nil {
		return b
	}
	b := &refBlock{}
	err := l.readers.read(func(tx *store.Tx) error {
		r := tx.RefReader()
		first := code / refsPerBlock * refsPerBlock
		b.rows = make([]uint32, min(refsPerBlock, l.n-first))
		var pieces []uint32
		for i := range b.rows {
			ref, err := r.Ref(pieces[:0], store.Code(first)+store.Code(i))
			if err != nil {
				return err
			}
			switch {
			case !ref.Has:
				b.rows[i] = noRow
			case len(ref.Pieces) == 0:
				b.rows[i] = ref.Row
			default:
				b.rows[i] = composedRow + uint32(len(b.composed))
				b.composed = append(b.composed, composedRef{slices.Clone(ref.Pieces), ref.Norm})
				pieces = ref.Pieces
			}
		}
		return nil
	})
	if err != nil {
		l.err.CompareAndSwap(nil, &err)
		return nil
	}
	at.Store(b)
	return b
}

// failed returns the first error of reading refs. Sim cannot return it.
func (l *lexicon) failed() error {
	if e := l.err.Load(); e != nil {
		return *e
	}
	return nil
}

// Has reports whether a code has a vector.
func (l *lexicon) Has(code uint32) bool {
	b := l.block(code)
	return b != nil && b.rows[code%refsPerBlock] != noRow
}

// Vector appends the unit vector of a code that has one to dst.
func (l *lexicon) Vector(code uint32, dst []float32) []float32 {
	b := l.block(code)
	if b == nil {
		return append(dst, make([]float32, l.enc.Dim())...)
	}
	row := b.rows[code%refsPerBlock]
	if row < composedRow {
		return l.enc.Vector(dst, row)
	}
	return l.enc.ComposedVector(dst, b.composed[row-composedRow].pieces)
}

// Probe returns the vector of a code, prepared as a query.
func (l *lexicon) Probe(code uint32) index.Probe {
	var buf [256]float32
	return l.probe(l.enc.Query(l.Vector(code, buf[:0])))
}

func (l *lexicon) probe(q scoring.Query) *probe { return &probe{lex: l, query: q} }

// A probe is a query vector to compare with codes of a lexicon.
type probe struct {
	lex   *lexicon
	query scoring.Query
}

// Sim sets out[i] to the cosine with codes[i], index.NoSim where there is none.
func (p *probe) Sim(codes []uint32, out []float32) {
	const batch = 64
	var rows [batch]uint32
	var sims [batch]float32
	var at [batch]int
	n := 0
	for i, code := range codes {
		b := p.lex.block(code)
		if b == nil {
			out[i] = index.NoSim
			continue
		}
		row := b.rows[code%refsPerBlock]
		switch {
		case row < composedRow:
			rows[n], at[n] = row, i
			if n++; n == batch {
				p.flush(rows[:n], at[:n], sims[:n], out)
				n = 0
			}
		case row == noRow:
			out[i] = index.NoSim
		default:
			c := &b.composed[row-composedRow]
			out[i] = p.lex.enc.DotComposed(&p.query, c.pieces, c.norm)
		}
	}
	p.flush(rows[:n], at[:n], sims[:n], out)
}

func (p *probe) flush(rows []uint32, at []int, sims, out []float32) {
	p.lex.enc.DotMany(&p.query, rows, sims)
	for i, to := range at {
		out[to] = sims[i]
	}
}

// graph returns the implementation asked for.
func (l *lexicon) graph(kind GraphKind, workers int) (index.Graph, error) {
	switch kind {
	case GraphFlat:
		return index.NewFlat(l, workers), nil
	case GraphCoder:
		l.coderOnce.Do(func() { l.coder, l.coderErr = index.NewCoder(l.hnsw) })
		return l.coder, l.coderErr
	}
	return l.hnsw, nil
}
