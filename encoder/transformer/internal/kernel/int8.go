package kernel

import "math"

const (
	weightMax = 127
	// activationMax keeps rows at 12 bits. With 8 bits the errors of the rows
	// are several times those of the weights; with 16 the sums would overflow.
	activationMax = 2047
)

// Int8 is a weight matrix in 8 bits, with one factor for each output. It lies in
// panels of 16 outputs, a panel in pairs of inputs:
//
//	panel 0: output 0 input 0, output 0 input 1, output 1 input 0, … output 15 input 1, output 0 input 2, …
//
// Outputs are filled up to a multiple of 16 and inputs to one of 2, with zeros.
type Int8 struct {
	outputs, inputs int
	pairs           int
	data            []int8
	factors         []float32
}

// Quantize returns w in 8 bits. The rows of w are its outputs, or the columns if
// columns is set. Values must be finite.
func Quantize(w Matrix, columns bool) *Int8 {
	q := &Int8{outputs: w.Rows, inputs: w.Cols}
	at := func(out, in int) float32 { return w.Data[out*w.Stride+in] }
	if columns {
		q.outputs, q.inputs = w.Cols, w.Rows
		at = func(out, in int) float32 { return w.Data[in*w.Stride+out] }
	}
	panels := (q.outputs + tileCols - 1) / tileCols
	q.pairs = (q.inputs + 1) / 2
	q.data = make([]int8, panels*q.pairs*2*tileCols)
	q.factors = make([]float32, panels*tileCols)
	for out := range q.outputs {
		largest := float32(0)
		for in := range q.inputs {
			largest = max(largest, float32(math.Abs(float64(at(out, in)))))
		}
		if largest == 0 {
			continue
		}
		q.factors[out] = largest / weightMax
		panel := q.data[out/tileCols*q.pairs*2*tileCols:]
		for in := range q.inputs {
			v := math.RoundToEven(float64(at(out, in)) * weightMax / float64(largest))
			panel[in/2*2*tileCols+out%tileCols*2+in%2] = int8(v)
		}
	}
	return q
}

// Outputs returns the number of outputs.
func (q *Int8) Outputs() int { return q.outputs }

// quantized is the rows of a left-hand side in 16 bits.
type quantized struct {
	values  []int16
	factors []float32
	stride  int
}

// round fills q with the rows of a, each with its own factor, and with rows of
// zeros up to a full tile.
func (q *quantized) round(a Matrix, inputs int) {
	// Sums must stay inside 32 bits, whatever the weights are.
	most := float32(min(activationMax, math.MaxInt32/(weightMax*inputs)))
	rows := (a.Rows + tileRows - 1) / tileRows * tileRows
	q.stride = (inputs + 1) / 2 * 2
	if cap(q.values) < rows*q.stride {
		q.values = make([]int16, rows*q.stride)
	}
	if cap(q.factors) < rows {
		q.factors = make([]float32, rows)
	}
	q.values, q.factors = q.values[:rows*q.stride], q.factors[:rows]
	clear(q.values[a.Rows*q.stride:])
	clear(q.factors[a.Rows:])
	for i := range a.Rows {
		x := a.Row(i)
		out := q.values[i*q.stride : (i+1)*q.stride]
		clear(out[len(x):])
		top := largest(x)
		// Rows are NaN as a whole or not at all, since each comes out of a
		// normalization or a product. The factor hands it on.
		q.factors[i] = top / most
		factor := float32(0)
		if top > 0 && !math.IsInf(float64(top), 0) {
			factor = most / top
		}
		round(out, x, factor)
	}
}

// MulInt8 sets dst to a times the transposed of w, plus bias in each row: dst is
// m x n, a m x k, and w has k inputs and n outputs. Each row of a is rounded to
// 12 bits of its largest value. bias has n values, or is nil. a must not share
// memory with dst.
func (s *Scratch) MulInt8(dst, a Matrix, w *Int8, bias []float32) {
	for top := 0; top < dst.Rows; top += blockRows {
		rows := min(blockRows, dst.Rows-top)
		s.rounded.round(a.Part(top, rows), w.inputs)
		for j := 0; j < w.outputs; j += tileCols {
			cols := min(tileCols, w.outputs-j)
			init := zeros
			if bias != nil {
				copy(init[:], bias[j:j+cols])
			}
			s.stripeInt8(dst.Part(top, rows).Columns(j, cols), w, j, &init)
		}
	}
}

// stripeInt8 multiplies all rounded rows with the panel of output j.
func (s *Scratch) stripeInt8(dst Matrix, w *Int8, j int, bias *[tileCols]float32) {
	panel := w.data[j*w.pairs*2 : (j+tileCols)*w.pairs*2]
	columns := (*[tileCols]float32)(w.factors[j:])
	for i := 0; i < dst.Rows; {
		left, factors := s.rounded.values[i*s.rounded.stride:], s.rounded.factors[i:]
		if rows := min(tileRows, dst.Rows-i); rows < tileRows || dst.Cols < tileCols {
			tileInt8(s.tile[:], tileCols, left, s.rounded.stride, panel, w.pairs, columns, factors, bias, tileRows)
			for r := range rows {
				copy(dst.Row(i+r), s.tile[r*tileCols:])
			}
			i += rows
			continue
		}
		i += tileInt8(dst.Data[i*dst.Stride:], dst.Stride, left, s.rounded.stride, panel, w.pairs, columns, factors, bias, dst.Rows-i)
	}
}

// tileInt8Portable sets 6 x 16 of c to the product of 6 rows of a and a panel, times
// the factors of the column and of the row, plus bias. It returns how many rows it has
// done, as tilePortable does.
func tileInt8Portable(c []float32, ldc int, a []int16, lda int, b []int8, pairs int, columns *[tileCols]float32, factors []float32, bias *[tileCols]float32) int {
	for r := range tileRows {
		var acc [tileCols]int32
		left := a[r*lda : r*lda+2*pairs]
		for p := range pairs {
			x, y := int32(left[2*p]), int32(left[2*p+1])
			row := (*[2 * tileCols]int8)(b[p*2*tileCols:])
			for j := range acc {
				acc[j] += x*int32(row[2*j]) + y*int32(row[2*j+1])
			}
		}
		out := (*[tileCols]float32)(c[r*ldc:])
		for j := range out {
			out[j] = float32(acc[j])*(factors[r]*columns[j]) + bias[j]
		}
	}
	return tileRows
}

// largestPortable returns the largest absolute value.
func largestPortable(x []float32) float32 {
	top := float32(0)
	for _, v := range x {
		top = max(top, float32(math.Abs(float64(v))))
	}
	return top
}

// roundPortable sets dst to factor * x, rounded to the nearest.
func roundPortable(dst []int16, x []float32, factor float32) {
	for i, v := range x {
		dst[i] = int16(math.RoundToEven(float64(float32(v * factor))))
	}
}
