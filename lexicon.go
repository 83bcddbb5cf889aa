package ciyuan

import (
	"bytes"
	"fmt"
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
	enc     rowTable
	n       uint32 // codes
	header  []byte // of the graph
	readers readers
	blocks  []atomic.Pointer[refBlock]
	err     atomic.Pointer[error]

	near nearCache

	hnsw *index.HNSW

	coderOnce sync.Once
	coder     *index.Coder
	coderErr  error
}

// graphWords is how many words may be outside of the graph. Comparing 2^15 words one
// by one takes 0.2 ms, about as long as a walk through a graph of as many that a
// process has just opened, is exact, and costs nothing to build; linking
// them in takes 20 us each.
const graphWords = 1 << 15

// graphOptions and graphEf make the graph and walk it; a node takes 20 bytes. A
// neighbourhood of k words is looked for among the graphEf, and at least 4k, best
// ones met. docs/benchmarks.md has the share of an exact search's documents that
// are found with every word in the graph; with 256, and no more for a larger k, it was
// 0.988 on all sets together and 0.978 where questions and documents differ in language.
var graphOptions = index.HNSWOptions{M: 8, EfConstruction: 32}

const graphEf = 384

// refsPerBlock is the number of codes that are read together.
const refsPerBlock = 1024

// refBlock says where the vectors of up to refsPerBlock codes are: for each code
// none, one or several rows of the encoder's table, all of them one after another,
// so that words in a row are compared in one call. The cosine with a code is the sum of
// those with its rows, times their shares.
type refBlock struct {
	first  []uint32 // by code: its first row in rows; one more at the end
	rows   []uint32
	shares []float32
	own    scoring.Rows // where the index holds the vectors itself
}

// ref returns what is stored of a word's vector.
func (w *wordVector) ref() store.Ref {
	if w.own != nil {
		return store.Ref{Has: true, Vector: w.own}
	}
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
	if option(m, optionVectors) == vectorsOwn {
		l.enc = &ownRows{lex: l, dim: int(m.Dim)}
	}
	l.blocks = make([]atomic.Pointer[refBlock], (l.n+refsPerBlock-1)/refsPerBlock)
	if before != nil {
		// A search that began before a change may come after one that began behind
		// it, so the earlier lexicon can be the larger one.
		for i := range min(before.n, l.n) / refsPerBlock {
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
	first := code / refsPerBlock * refsPerBlock
	n := min(refsPerBlock, l.n-first)
	b := &refBlock{first: make([]uint32, 0, n+1), rows: make([]uint32, 0, n+n/2), shares: make([]float32, 0, n+n/2)}
	err := l.readers.read(func(tx *store.Tx) error {
		if own, ok := l.enc.(*ownRows); ok {
			return ownBlock(tx, b, first, n, own.dim)
		}
		r := tx.RefReader()
		for i := range n {
			b.first = append(b.first, uint32(len(b.rows)))
			ref, err := r.Ref(b.rows, store.Code(first+i))
			switch {
			case err != nil:
				return err
			case len(ref.Pieces) > 0:
				b.rows = append(b.rows, ref.Pieces...)
				b.shares = l.enc.Shares(b.shares, ref.Pieces, ref.Norm)
			case ref.Has:
				b.rows = append(b.rows, ref.Row)
				b.shares = append(b.shares, 1)
			}
		}
		b.first = append(b.first, uint32(len(b.rows)))
		return l.checkRows(b.rows)
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

// checkRows returns an error if a row is not one of the encoder's: reading it
// would be a fault.
func (l *lexicon) checkRows(rows []uint32) error {
	for _, row := range rows {
		if int64(row) >= int64(l.enc.Rows()) {
			return fmt.Errorf("%w: bucket refs: row %d of %d", ErrCorrupt, row, l.enc.Rows())
		}
	}
	return nil
}

// rowsOf returns the rows of a code and their shares.
func (b *refBlock) rowsOf(code uint32) ([]uint32, []float32) {
	i := code % refsPerBlock
	from, to := b.first[i], b.first[i+1]
	return b.rows[from:to], b.shares[from:to]
}

// Has reports whether a code has a vector.
func (l *lexicon) Has(code uint32) bool {
	b := l.block(code)
	if b == nil {
		return false
	}
	rows, _ := b.rowsOf(code)
	return len(rows) > 0
}

// Vector appends the unit vector of a code that has one to dst.
func (l *lexicon) Vector(code uint32, dst []float32) []float32 {
	b := l.block(code)
	if b == nil {
		return append(dst, make([]float32, l.enc.Dim())...)
	}
	rows, _ := b.rowsOf(code)
	if len(rows) == 1 {
		return l.enc.Vector(dst, rows[0])
	}
	return l.enc.ComposedVector(dst, rows)
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

// simRows is how many rows are compared in one call.
const simRows = 256

// simBuffers is memory for one comparison. It is not on the stack, because the
// encoder is an interface, which may keep what it is given.
type simBuffers struct {
	rows, ends   [simRows]uint32
	shares, dots [simRows]float32
}

var simPool = sync.Pool{New: func() any { return new(simBuffers) }}

// Sim sets out[i] to the cosine with codes[i], index.NoSim where there is none.
func (p *probe) Sim(codes []uint32, out []float32) {
	for len(codes) > 0 {
		n := p.gather(codes, out)
		codes, out = codes[n:], out[n:]
	}
}

// near appends those of n words of a block, from a code on, whose cosine is at
// least the given one.
func (p *probe) near(dst []index.Neighbor, b *refBlock, code, n uint32, least float32) []index.Neighbor {
	i := code % refsPerBlock
	first := b.first[i : i+n+1]
	rows, shares := b.rows[first[0]:first[n]], b.shares[first[0]:first[n]]
	if len(rows) > simRows {
		// Words of very many pieces.
		if n == 1 {
			if z := p.sum(rows, shares); z >= least {
				dst = append(dst, index.Neighbor{Code: code, Sim: z})
			}
			return dst
		}
		return p.near(p.near(dst, b, code, n/2, least), b, code+n/2, n-n/2, least)
	}
	buf := simPool.Get().(*simBuffers)
	dots := buf.dots[:]
	p.lex.enc.DotMany(&p.query, rows, dots)
	from := first[0]
	at := uint32(0)
	for k, end := range first[1:] {
		to := end - from
		z := weigh(dots[at:to], shares[at:to])
		if at = to; z >= least {
			dst = append(dst, index.Neighbor{Code: code + uint32(k), Sim: z})
		}
	}
	simPool.Put(buf)
	return dst
}

// weigh returns the cosine of a word from those of its rows.
func weigh(dots, shares []float32) float32 {
	switch len(dots) {
	case 0:
		return index.NoSim
	case 1:
		// The one row of a word with a row of its own has the share 1.
		return float32(dots[0] * shares[0])
	}
	var z float32
	for i, d := range dots {
		z += float32(d * shares[i])
	}
	return z
}

// sum returns the cosine with a word of any number of rows.
func (p *probe) sum(rows []uint32, shares []float32) float32 {
	dots := make([]float32, len(rows))
	p.lex.enc.DotMany(&p.query, rows, dots)
	return weigh(dots, shares)
}

// gather compares with codes that lie apart, as many as their rows fit in one call,
// and returns how many these are.
func (p *probe) gather(codes []uint32, out []float32) int {
	buf := simPool.Get().(*simBuffers)
	defer simPool.Put(buf)
	rows, shares, dots, ends := buf.rows[:], buf.shares[:], buf.dots[:], buf.ends[:]
	n, total := 0, 0
	for n < len(codes) && n < simRows {
		b := p.lex.block(codes[n])
		if b == nil {
			ends[n] = uint32(total)
			n++
			continue
		}
		r, s := b.rowsOf(codes[n])
		if total+len(r) > simRows {
			break
		}
		copy(rows[total:], r)
		copy(shares[total:], s)
		total += len(r)
		ends[n] = uint32(total)
		n++
	}
	if n == 0 {
		r, s := p.lex.block(codes[0]).rowsOf(codes[0])
		out[0] = p.sum(r, s)
		return 1
	}
	p.lex.enc.DotMany(&p.query, rows[:total], dots)
	from := uint32(0)
	for k, to := range ends[:n] {
		out[k] = weigh(dots[from:to], shares[from:to])
		from = to
	}
	return n
}

// graph returns the graph asked for.
func (l *lexicon) graph(kind GraphKind) (index.Graph, error) {
	if kind == GraphCoder {
		l.coderOnce.Do(func() { l.coder, l.coderErr = index.NewCoder(l.hnsw) })
		return l.coder, l.coderErr
	}
	return l.hnsw, nil
}
