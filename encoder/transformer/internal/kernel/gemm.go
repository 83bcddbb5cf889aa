package kernel

const (
	tileRows  = 6
	tileCols  = 16
	floatSize = 4

	// blockDepth is how much of the inner dimension is multiplied at once: a
	// panel of 16 columns of it (28 kB) stays in a first-level cache of 32 kB.
	blockDepth = 448
	// blockRows is how many rows go through a panel before the next one is
	// packed: 240 of blockDepth take 430 kB of the second-level cache.
	blockRows = 240
)

var zeros [tileCols]float32

// Scratch is the working memory of products. It may be used for one product at
// a time.
type Scratch struct {
	panel [blockDepth * tileCols]float32
	rows  [tileRows * blockDepth]float32
	tile  [tileRows * tileCols]float32

	rounded quantized
}

// MulT sets dst to a times the transposed of w, plus bias in each row: dst is
// m x n, a m x k, and w n x k, as a linear layer of PyTorch keeps its weights.
// bias has n values, or is nil. Neither a nor w may share memory with dst.
//
// w is packed panel by panel as it is used. For 200 rows of a model that no cache
// holds this takes 8 % of the time, most of it spent on reading w at all; a
// packed copy of the whole would double the memory of a model.
func (s *Scratch) MulT(dst, a, w Matrix, bias []float32) {
	s.multiply(dst, a, bias, func(j, cols, p, depth int) {
		rows := w.Part(j, cols).Columns(p, depth)
		if cols == tileCols {
			transpose(s.panel[:depth*tileCols], rows)
			return
		}
		clear(s.panel[:depth*tileCols])
		for j := range cols {
			for p, v := range rows.Row(j) {
				s.panel[p*tileCols+j] = v
			}
		}
	})
}

// Mul sets dst to a times b, plus bias in each row: dst is m x n, a m x k, and b
// k x n. bias has n values, or is nil. Neither a nor b may share memory with dst.
func (s *Scratch) Mul(dst, a, b Matrix, bias []float32) {
	s.multiply(dst, a, bias, func(j, cols, p, depth int) {
		part := b.Part(p, depth).Columns(j, cols)
		for p := range depth {
			at := s.panel[p*tileCols : (p+1)*tileCols]
			clear(at[copy(at, part.Row(p)):])
		}
	})
}

// multiply walks over the blocks of a product. pack fills the panel with the
// columns j to j+cols, filled up with zeros to 16, of the rows p to p+depth of
// the right-hand side.
func (s *Scratch) multiply(dst, a Matrix, bias []float32, pack func(j, cols, p, depth int)) {
	k, n := a.Cols, dst.Cols
	if k == 0 {
		panic("kernel: product without an inner dimension")
	}
	// Blocks of even size, so that no short one is left over.
	blocks := (k + blockDepth - 1) / blockDepth
	depth := ((k+blocks-1)/blocks + 7) / 8 * 8
	for top := 0; top < dst.Rows; top += blockRows {
		rows := min(blockRows, dst.Rows-top)
		for p := 0; p < k; p += depth {
			depth := min(depth, k-p)
			left := a.Part(top, rows).Columns(p, depth)
			for j := 0; j < n; j += tileCols {
				cols := min(tileCols, n-j)
				pack(j, cols, p, depth)
				var init *[tileCols]float32 // nil: add to what is there
				if p == 0 {
					init = &zeros
					if bias != nil {
						var b [tileCols]float32
						copy(b[:], bias[j:j+cols])
						init = &b
					}
				}
				s.stripe(dst.Part(top, rows).Columns(j, cols), left, init)
			}
		}
	}
}

// stripe multiplies all rows of a with the panel.
func (s *Scratch) stripe(dst, a Matrix, init *[tileCols]float32) {
	i := 0
	if dst.Cols == tileCols {
		for i+tileRows <= dst.Rows {
			i += tile(dst.Data[i*dst.Stride:], dst.Stride, a.Data[i*a.Stride:], a.Stride, s.panel[:], a.Cols, init, dst.Rows-i)
		}
	}
	// What does not fill a tile goes through one of our own.
	for ; i < dst.Rows; i += tileRows {
		rows := min(tileRows, dst.Rows-i)
		left, stride := a.Data[i*a.Stride:], a.Stride
		if rows < tileRows {
			for r := range rows {
				copy(s.rows[r*a.Cols:(r+1)*a.Cols], a.Row(i+r))
			}
			clear(s.rows[rows*a.Cols : tileRows*a.Cols])
			left, stride = s.rows[:], a.Cols
		}
		if init == nil {
			for r := range rows {
				copy(s.tile[r*tileCols:(r+1)*tileCols], dst.Row(i+r))
			}
		}
		tile(s.tile[:], tileCols, left, stride, s.panel[:], a.Cols, init, tileRows)
		for r := range rows {
			copy(dst.Row(i+r), s.tile[r*tileCols:])
		}
	}
}

// tilePortable sets 6 x 16 of c to the product of 6 x k of a and k x 16 of b,
// plus init in each row, or plus what is in c if init is nil. It returns how many rows
// it has done; others, of at most a number of rows that they are told, do more.
func tilePortable(c []float32, ldc int, a []float32, lda int, b []float32, k int, init *[tileCols]float32) int {
	for r := range tileRows {
		out := (*[tileCols]float32)(c[r*ldc:])
		acc := *out
		if init != nil {
			acc = *init
		}
		for p, v := range a[r*lda : r*lda+k] {
			row := (*[tileCols]float32)(b[p*tileCols:])
			for j := range acc {
				acc[j] += v * row[j]
			}
		}
		*out = acc
	}
	return tileRows
}

// transposePortable writes 16 rows as 16 columns.
func transposePortable(dst []float32, rows Matrix) {
	for j := range tileCols {
		for p, v := range rows.Row(j) {
			dst[p*tileCols+j] = v
		}
	}
}
