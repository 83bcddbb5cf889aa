package scoring

import (
	"fmt"
	"math"
)

// BytePanel is a matrix of query rows like [Panel], with a byte a column instead of 16
// bits: half the work for dot products that are a little off. It reads rows where they
// are stored.
//
// Sums are exact, as those of a Panel are, so every implementation gives the same bits.
//
// A BytePanel is safe for concurrent use as long as nobody calls Set. The zero value has
// no rows.
type BytePanel struct {
	// panel has the same values, for machines without a kernel of bytes.
	panel Panel

	// The kernel multiplies unsigned bytes, which are values + byteBias, with the levels
	// of stored rows. So the first of 16 query rows, or of 8 at the end, is byteBias
	// throughout: it gives what has to be taken from the others. values holds, for each
	// such block and four columns, the four bytes of each of its rows.
	values []uint8
	scales []float32 // of these rows; 0 for those that are not of the query
}

const (
	maxByteValue = 127
	byteBias     = 128
	byteBlock    = 15 // query rows of a block
)

// Set makes p the panel of the query, as Panel.Set does.
func (p *BytePanel) Set(query []float32, rows, dim int) {
	p.panel.set(query, rows, dim, maxByteValue)
	p.values, p.scales = p.values[:0], p.scales[:0]
	if !hasBytePanel || rows == 0 {
		return
	}
	lanes := rows/byteBlock*16 + (rows%byteBlock+8)/8*8
	if rows%byteBlock == 0 {
		lanes -= 8
	}
	p.scales = grown(p.scales, lanes)
	p.values = grown(p.values, lanes*dim)
	clear(p.scales)
	for i := range p.values {
		p.values[i] = byteBias
	}
	for i := range rows {
		at := byteLane(i)
		p.scales[at] = p.panel.scales[i]
		first := at / 16 * 16
		width := min(16, lanes-first)
		for c := range dim {
			p.values[first*dim+c/4*4*width+(at-first)*4+c%4] = uint8(int(p.panel.values[p.panel.at(i, c)]) + byteBias)
		}
	}
}

// byteLane returns the place of a query row, behind the one that is taken from it.
func byteLane(row int) int { return row/byteBlock*16 + 1 + row%byteBlock }

// Step returns the distance of the values that query row i is made of.
func (p *BytePanel) Step(i int) float32 { return p.panel.scales[i] }

// PanelBuffer is the memory that one goroutine needs to compare stored rows with a panel.
// The zero value is ready for use.
type PanelBuffer struct {
	best   []float32
	levels []int16
	scales []float32
}

// Max raises best[i] to the largest dot product of query row i with n stored rows, stride
// bytes apart; NaN is never larger. A row is its scale, the upper half of a float32,
// little-endian, and a signed byte for each column. It panics if best or rows is too
// short. Nothing is allocated once b has its size.
func (p *BytePanel) Max(b *PanelBuffer, best []float32, rows []byte, stride, n int) {
	q := &p.panel
	if n == 0 || q.rows == 0 {
		return
	}
	if len(p.scales) > 0 {
		checkStored(rows, stride, n, q.dim)
		best = best[:q.rows]
		b.best = grown(b.best, len(p.scales))
		for i := range b.best {
			b.best[i] = float32(math.Inf(-1))
		}
		for i, v := range best {
			b.best[byteLane(i)] = v
		}
		bytePanelMax(b.best, p, rows, stride, n)
		for i := range best {
			best[i] = b.best[byteLane(i)]
		}
		return
	}
	q.MaxRows(b, best, rows, stride, n)
}

// MaxRows is Max for stored rows as [BytePanel.Max] reads them, and is as strict. Nothing
// is allocated once b has its size.
func (p *Panel) MaxRows(b *PanelBuffer, best []float32, rows []byte, stride, n int) {
	if n == 0 || p.rows == 0 {
		return
	}
	checkStored(rows, stride, n, p.dim)
	// Their levels, with the query, fit into the smallest cache.
	const tile = 8 * tileRows
	best = best[:p.rows]
	b.best, b.scales, b.levels = grown(b.best, p.Stride()), grown(b.scales, tile), grown(b.levels, tile*p.dim)
	copy(b.best, best)
	for first := 0; first < n; first += tile {
		count := min(tile, n-first)
		Widen8(b.levels, rows[first*stride+scaleBytes:], stride, count, p.dim)
		for i := range count {
			b.scales[i] = scaleAt(rows[(first+i)*stride:], 0)
		}
		p.Max(b.best, b.levels, b.scales[:count])
	}
	copy(best, b.best)
}

// checkStored panics if n stored rows, stride bytes apart, are not all there.
func checkStored(rows []byte, stride, n, dim int) {
	if stride < scaleBytes+dim || len(rows) < (n-1)*stride+scaleBytes+dim {
		panic(fmt.Sprintf("scoring: %d bytes for %d rows of %d columns, %d apart", len(rows), n, dim, stride))
	}
}
