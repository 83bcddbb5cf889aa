package scoring

import (
	"fmt"
	"math"
)

// MaxPanelDim is the largest number of columns of a [Panel].
const MaxPanelDim = 4096

// MaxLevelMagnitude bounds the levels of the rows that a [Panel] is compared
// with: integer sums are exact up to it.
const MaxLevelMagnitude = 255

// panelBlock is the number of query rows that one vector register holds.
const panelBlock = 8

// tileRows is the number of rows that the kernel takes at a time. Buffers of
// levels and dot products are rounded up to it.
const tileRows = 4

// TileRows returns n rounded up to the number of rows that a [Panel] takes at a
// time: what buffers have to have room for.
func TileRows(n int) int { return (n + tileRows - 1) / tileRows * tileRows }

// Panel is a matrix of query rows prepared for dot products with rows of integer
// levels, all query rows against a few rows at a time, so that every level that is
// read from memory meets all of them.
//
// A query row is quantised to 16 bits a column, with one scale a row (fewer bits
// beyond 256 columns, so that no sum of products can exceed an int32: 12 at 4,096).
// Sums are exact, and what is done with them in float32 is rounded in a fixed
// order, so every implementation gives the same bits.
//
// A Panel is safe for concurrent use as long as nobody calls Set. The zero value
// has no rows.
type Panel struct {
	// values holds, for each block of 8 query rows and each pair of columns, the
	// pair of each of the 8 rows; the last blocks come two at a time if they can.
	values []int16
	scales []float32 // of the query rows, 0 for those that fill up the last block
	rows   int
	dim    int
}

// Set makes p the panel of the query, rows x dim, row-major. dim must be a
// multiple of 32 up to [MaxPanelDim]; anything else is a bug of the caller and
// panics. Columns that are NaN or infinite count as 0. Memory of an earlier Set is
// used again.
func (p *Panel) Set(query []float32, rows, dim int) { p.set(query, rows, dim, math.MaxInt16) }

// set is Set with values up to most.
func (p *Panel) set(query []float32, rows, dim, most int) {
	if dim <= 0 || dim%GroupSize != 0 || dim > MaxPanelDim || len(query) != rows*dim {
		panic(fmt.Sprintf("scoring: panel of %d numbers for %d x %d", len(query), rows, dim))
	}
	p.rows, p.dim = rows, dim
	stride := p.Stride()
	p.values = grown(p.values, stride*dim)
	p.scales = grown(p.scales, stride)
	clear(p.values)
	clear(p.scales)
	var row [MaxPanelDim]int16
	for i := range rows {
		p.scales[i] = quantise(row[:dim], query[i*dim:(i+1)*dim], most)
		for c, v := range row[:dim] {
			p.values[p.at(i, c)] = v
		}
	}
}

// quantise sets values to the columns of v as numbers up to most, or less, so that no sum
// of products with levels can exceed an int32, and returns the scale. Columns that are
// NaN or infinite count as 0.
func quantise(values []int16, v []float32, most int) float32 {
	values = values[:len(v)]
	limit := float32(min(most, math.MaxInt32/(len(v)*MaxLevelMagnitude)))
	var largest float32
	for _, x := range v {
		if a := math.Float32frombits(math.Float32bits(x) &^ (1 << 31)); a > largest && a <= math.MaxFloat32 {
			largest = a
		}
	}
	scale := float32(float64(largest) / float64(limit))
	if scale == 0 {
		clear(values)
		return 0
	}
	factor := 1 / float64(scale)
	for c, x := range v {
		y := float64(float64(x) * factor)
		switch {
		case y-y != 0: // NaN or infinite
			y = 0
		// The largest column can come out above the limit, by rounding of the scale.
		case y > float64(limit):
			y = float64(limit)
		case y < -float64(limit):
			y = -float64(limit)
		}
		values[c] = int16(Nearest(y))
	}
	return scale
}

// Nearest returns y, of a size up to 2^31, rounded to an integer, ties to even: quicker
// than math.RoundToEven.
func Nearest(y float64) int32 {
	// From there on numbers of 64 bits are integers, the last bits of which are those of y.
	return int32(math.Float64bits(y + 0x1.8p52))
}

// at returns the place of a column of a query row among the values.
func (p *Panel) at(row, column int) int {
	// Blocks of 16 rows, and one of 8 at the end if their number is odd.
	first := row / 16 * 16
	width := min(16, p.Stride()-first)
	return first*p.dim + column/2*2*width + (row-first)*2 + column%2
}

// grown returns s with n elements, of undefined contents.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Rows returns the number of query rows.
func (p *Panel) Rows() int { return p.rows }

// Dim returns the number of columns.
func (p *Panel) Dim() int { return p.dim }

// Stride returns the distance between the dot products of two rows: Rows rounded
// up to a multiple of 8.
func (p *Panel) Stride() int { return (p.rows + panelBlock - 1) / panelBlock * panelBlock }

// Dots sets dst[t*Stride()+i] to the dot product of query row i with row t of
// levels, times scales[t], for len(scales) rows. levels is TileRows(len(scales)) x
// Dim, row-major, each level within [MaxLevelMagnitude] of 0; dst has room for
// TileRows(len(scales)) x Stride, of which rows beyond len(scales) are left
// undefined. scales has capacity for as many. It panics if one is too short.
func (p *Panel) Dots(dst []float32, levels []int16, scales []float32) {
	n := TileRows(len(scales))
	if n == 0 || p.rows == 0 {
		return
	}
	panelDots(dst[:n*p.Stride()], levels[:n*p.dim], scales[:n], p)
}

// panelDotsPortable is the reference kernel.
func panelDotsPortable(dst []float32, levels []int16, scales []float32, p *Panel) {
	stride := p.Stride()
	for t, scale := range scales {
		row := levels[t*p.dim : (t+1)*p.dim]
		out := dst[t*stride : (t+1)*stride]
		for first := 0; first < stride; first += 16 {
			width := min(16, stride-first)
			sums := p.sums(row, first, width)
			for i := range width {
				out[first+i] = float32(float32(float32(sums[i])*scale) * p.scales[first+i])
			}
		}
	}
}

// sums returns the sums of the products of row with width query rows.
func (p *Panel) sums(row []int16, first, width int) (sums [16]int32) {
	block := p.values[first*p.dim:]
	for c := 0; c < p.dim; c += 2 {
		a, b := int32(row[c]), int32(row[c+1])
		pairs := block[c*width : (c+2)*width]
		for i := range width {
			sums[i] += a*int32(pairs[2*i]) + b*int32(pairs[2*i+1])
		}
	}
	return sums
}

// Max raises best[i] to the largest dot product that [Panel.Dots] gives query row i;
// NaN is never larger. best has Stride elements, of which those beyond Rows are left
// undefined; the rest is as for Dots, but that the levels beyond len(scales) rows, and
// scales beyond them, are written over.
func (p *Panel) Max(best []float32, levels []int16, scales []float32) {
	rows, n := len(scales), TileRows(len(scales))
	if n == 0 || p.rows == 0 {
		return
	}
	best, levels, scales = best[:p.Stride()], levels[:n*p.dim], scales[:n]
	for t := rows; t < n; t++ {
		copy(levels[t*p.dim:], levels[(rows-1)*p.dim:rows*p.dim])
		scales[t] = scales[rows-1]
	}
	panelMax(best, levels, scales, p)
}

// panelMaxPortable is the reference kernel.
func panelMaxPortable(best []float32, levels []int16, scales []float32, p *Panel) {
	for t, scale := range scales {
		row := levels[t*p.dim : (t+1)*p.dim]
		for first := 0; first < len(best); first += 16 {
			width := min(16, len(best)-first)
			sums := p.sums(row, first, width)
			for i := range width {
				if v := float32(float32(float32(sums[i])*scale) * p.scales[first+i]); v > best[first+i] {
					best[first+i] = v
				}
			}
		}
	}
}

// AddScaled adds factors[t] times row slots[t] of base to row t of z, for
// len(factors) rows of stride columns; stride is a multiple of 8. It panics if a
// slot is beyond base, or z too short.
func AddScaled(z []float32, stride int, factors []float32, slots []uint32, base []float32) {
	if len(factors) == 0 || stride == 0 {
		return
	}
	slots = slots[:len(factors)]
	largest := slots[0]
	for _, s := range slots {
		largest = max(largest, s)
	}
	if stride%panelBlock != 0 || (int(largest)+1)*stride > len(base) {
		panic(fmt.Sprintf("scoring: row %d of %d numbers in rows of %d", largest, len(base), stride))
	}
	addScaled(z[:len(factors)*stride], stride, factors, slots, base)
}

// addScaledPortable is the reference kernel.
func addScaledPortable(z []float32, stride int, factors []float32, slots []uint32, base []float32) {
	for t, f := range factors {
		from := base[int(slots[t])*stride:][:stride]
		for i, v := range from {
			z[t*stride+i] += float32(f * v)
		}
	}
}

// MaxColumns compares row t of z, n rows of stride columns, with best, column by
// column, for ascending t: where it is larger, best becomes it and arg first+t.
// stride is a multiple of 8. Of equal ones the first stays, and NaN is never
// larger. It panics if best, arg or z is too short.
func MaxColumns(best []float32, arg []int32, z []float32, stride, n int, first int32) {
	if n == 0 || stride == 0 {
		return
	}
	if stride%panelBlock != 0 {
		panic(fmt.Sprintf("scoring: rows of %d numbers", stride))
	}
	maxColumns(best[:stride], arg[:stride], z[:n*stride], first)
}

// maxColumnsPortable is the reference kernel.
func maxColumnsPortable(best []float32, arg []int32, z []float32, first int32) {
	for ; len(z) > 0; z = z[len(best):] {
		for i, v := range z[:len(best)] {
			if v > best[i] {
				best[i], arg[i] = v, first
			}
		}
		first++
	}
}
