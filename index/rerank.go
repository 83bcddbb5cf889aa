package index

import (
	"fmt"
	"math"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// Panel is the rows of a query, prepared for comparison with stored rows.
//
// A Panel is safe for concurrent use as long as nobody calls Set; every goroutine
// needs a [Tile] of its own.
type Panel struct {
	z       *Quantiser
	panel   scoring.Panel
	bytes   scoring.BytePanel
	rotated []float32
}

// NewPanel returns the panel of query, n x Dim, row-major, rows of length 1. The
// panel can be used with rows of every grade of the same dimension.
func (z *Quantiser) NewPanel(query []float32) *Panel {
	p := &Panel{z: z}
	p.Set(query)
	return p
}

// Set makes p the panel of another query, in the memory that it has. It panics if
// the query is not a whole number of rows.
func (p *Panel) Set(query []float32) {
	z := p.z
	if len(query)%z.dim != 0 {
		panic(fmt.Sprintf("index: %d numbers in rows of %d", len(query), z.dim))
	}
	n := len(query) / z.dim
	p.rotated = z.Rotate(p.rotated, query)
	p.panel.Set(p.rotated, n, z.padded)
	if z.grade == GradeExact {
		p.bytes.Set(p.rotated, n, z.padded)
	}
}

// Len returns the number of query rows.
func (p *Panel) Len() int { return p.panel.Rows() }

// Stride returns Len rounded up to a multiple of 8: the distance between the
// similarities of two stored rows, which stand one query row beside the other.
// Those beyond Len are 0.
func (p *Panel) Stride() int { return p.panel.Stride() }

// tileSize is how many stored rows are unpacked at a time: their levels and
// similarities, with the query, fit into the smallest cache.
const tileSize = 32

// Tile is the memory that one goroutine needs to compare rows. The zero value is
// ready for use; it is not safe for concurrent use.
type Tile struct {
	levels  []int16
	scales  []float32
	factors []float32
	dots    []float32
	best    []float32
	arg     []int32
	buffer  scoring.PanelBuffer
}

func (t *Tile) grow(stride, dim int) {
	if len(t.levels) < tileSize*dim {
		t.levels = make([]int16, tileSize*dim)
	}
	if len(t.dots) < tileSize*stride {
		t.dots = make([]float32, tileSize*stride)
	}
	if t.scales == nil {
		t.scales, t.factors = make([]float32, tileSize), make([]float32, tileSize)
	}
	if len(t.best) < stride {
		t.best, t.arg = make([]float32, stride), make([]int32, stride)
	}
}

// LeaderDots sets dst, number of leaders x Stride, to the similarities of the query
// with leaders, rows of LeaderBytes one after another. It allocates nothing once t
// has its size.
func (p *Panel) LeaderDots(t *Tile, dst []float32, leaders []byte) {
	z, stride, size := p.z, p.Stride(), p.z.LeaderBytes()
	t.grow(stride, z.padded)
	for n := len(leaders) / size; n > 0; {
		rows := min(n, tileSize)
		p.exactDots(t, leaders, rows)
		copy(dst, t.dots[:rows*stride])
		dst, leaders, n = dst[rows*stride:], leaders[rows*size:], n-rows
	}
}

// exactDots compares at most tileSize rows of the exact grade.
func (p *Panel) exactDots(t *Tile, rows []byte, n int) {
	size := p.z.LeaderBytes()
	scoring.Widen8(t.levels, rows[exactHeader:], size, n, p.z.padded)
	for i := range n {
		t.scales[i] = exactScale(rows[i*size:])
	}
	p.panel.Dots(t.dots, t.levels, t.scales[:n])
}

// dots compares at most tileSize rows of the grade of z.
func (p *Panel) dots(t *Tile, z *Quantiser, rows []byte, n int, leaders []uint32, leaderDots []float32) {
	if z.grade == GradeExact {
		p.exactDots(t, rows, n)
		return
	}
	z.widen(t.levels, rows, n)
	size := z.Bytes()
	for i := range n {
		t.factors[i] = factorOf(int8(rows[i*size]))
		t.scales[i] = z.scaleOf(rows[i*size+1])
	}
	p.panel.Dots(t.dots, t.levels, t.scales[:n])
	scoring.AddScaled(t.dots, p.Stride(), t.factors[:n], leaders, leaderDots)
}

// each compares the stored rows, n of them in pieces of at most tileSize, and calls
// f with the number of the first and the similarities of each piece.
func (p *Panel) each(t *Tile, z *Quantiser, rows []byte, leaders []uint32, leaderDots []float32, f func(first int, dots []float32)) {
	stride, size := p.Stride(), z.Bytes()
	p.check(z, rows)
	t.grow(stride, z.padded)
	for first, n := 0, len(rows)/size; first < n; first += tileSize {
		count := min(tileSize, n-first)
		var slots []uint32
		if z.HasLeader() {
			slots = leaders[first : first+count]
		}
		p.dots(t, z, rows[first*size:(first+count)*size], count, slots, leaderDots)
		f(first, t.dots[:count*stride])
	}
}

// check panics if rows cannot be rows of z that the query can be compared with.
func (p *Panel) check(z *Quantiser, rows []byte) {
	if z.padded != p.z.padded || len(rows)%z.Bytes() != 0 {
		panic(fmt.Sprintf("index: %d bytes of rows of %d, %d columns for a query of %d", len(rows), z.Bytes(), z.dim, p.z.dim))
	}
}

// Similarities sets dst, number of rows x Stride, to the similarities of the query
// with rows of the grade of z, one after another: about the cosines of query rows
// and vectors, in [-1, 1] up to what the grade loses.
//
// leaders[i] says which of leaderDots belongs to row i: leaderDots is what
// LeaderDots returned for a list of leaders, and leaders counts in that list. Of
// the exact grade both may be nil. It panics if a slice is too short.
func (p *Panel) Similarities(t *Tile, dst []float32, z *Quantiser, rows []byte, leaders []uint32, leaderDots []float32) {
	stride := p.Stride()
	p.each(t, z, rows, leaders, leaderDots, func(first int, dots []float32) {
		copy(dst[first*stride:], dots)
	})
}

// MaxSim sets best[i] to the largest similarity of query row i with one of rows,
// and arg[i] to the number of the first row that has it; -Inf and -1 without
// rows. best has Len elements or more; arg may be nil, else it has as many. The
// other arguments are those of [Panel.Similarities].
//
// The same arguments give the same bits on every machine. Nothing is allocated
// once t has its size.
//
// Source: MaxSim of Khattab and Zaharia, ColBERT (2020), equation 3; the sum over
// query rows, weighted or not, is left to the caller.
func (p *Panel) MaxSim(t *Tile, best []float32, arg []int32, z *Quantiser, rows []byte, leaders []uint32, leaderDots []float32) {
	stride := p.Stride()
	t.grow(stride, z.padded)
	largest, at := t.best[:stride], t.arg[:stride]
	for i := range largest {
		largest[i], at[i] = float32(math.Inf(-1)), -1
	}
	if arg == nil && z.grade == GradeExact {
		p.check(z, rows)
		size := z.Bytes()
		p.panel.MaxRows(&t.buffer, largest, rows, size, len(rows)/size)
		copy(best[:p.Len()], largest)
		return
	}
	p.each(t, z, rows, leaders, leaderDots, func(first int, dots []float32) {
		scoring.MaxColumns(largest, at, dots, stride, len(dots)/max(1, stride), int32(first))
	})
	copy(best[:p.Len()], largest)
	if arg != nil {
		copy(arg[:p.Len()], at)
	}
}

// CoarseMaxSim is MaxSim of rows of the exact grade, in half the time, with similarities
// that are a little off: see CoarseDeviation. It panics if the panel's quantiser has
// another grade.
func (p *Panel) CoarseMaxSim(t *Tile, best []float32, rows []byte) {
	p.check(p.z, rows)
	if p.z.grade != GradeExact {
		panic("index: coarse similarities of grade " + p.z.grade.String())
	}
	best = best[:p.Len()]
	for i := range best {
		best[i] = float32(math.Inf(-1))
	}
	size := p.z.Bytes()
	p.bytes.Max(&t.buffer, best, rows, size, len(rows)/size)
}

// CoarseDeviation returns the standard deviation by which the sum of the similarities of
// the query rows with vectors of length 1, with these weights, is off in CoarseMaxSim:
// each value of the query is rounded to a step.
func (p *Panel) CoarseDeviation(weights []float64) float64 {
	sum := 0.0
	for i, weight := range weights {
		off := weight * float64(p.bytes.Step(i))
		sum += off * off / 12
	}
	return math.Sqrt(sum)
}
