//go:build !noasm && !purego

package kernel

const (
	shortSize = 2
	// columnsAtOnce is how many columns transposeNEON writes at a time.
	columnsAtOnce = 4
)

// tileNEON sets the 6 x 16 floats at c to the product of the 6 x k at a and the
// k x 16 at b, plus the 16 of bias in each row, or plus what is in c if bias is
// nil. ldc and lda are the bytes from row to row.
//
//go:noescape
func tileNEON(c *float32, ldc int, a *float32, lda int, b *float32, k int, bias *float32)

// transposeNEON writes the transposed of the 16 x k floats at src to dst, for k a
// multiple of 4. ld is the bytes from row to row of src.
//
//go:noescape
func transposeNEON(dst *float32, src *float32, ld int, k int)

// tileInt8NEON sets the 6 x 16 floats at c to the product of 6 rows of a and a panel of
// int8s, times the factors of the row and of the column, plus bias.
//
//go:noescape
func tileInt8NEON(c *float32, ldc int, a *int16, lda int, b *int8, pairs int, columns *float32, rows *float32, bias *float32)

func tile(c []float32, ldc int, a []float32, lda int, b []float32, k int, init *[tileCols]float32, _ int) int {
	// The ends of what the assembly reads and writes.
	_, _, _ = c[(tileRows-1)*ldc+tileCols-1], a[(tileRows-1)*lda+k-1], b[k*tileCols-1]
	var bias *float32
	if init != nil {
		bias = &init[0]
	}
	tileNEON(&c[0], ldc*floatSize, &a[0], lda*floatSize, &b[0], k, bias)
	return tileRows
}

func transpose(dst []float32, rows Matrix) {
	whole := rows.Cols &^ (columnsAtOnce - 1)
	if whole > 0 {
		_, _ = dst[whole*tileCols-1], rows.Data[(tileCols-1)*rows.Stride+whole-1]
		transposeNEON(&dst[0], &rows.Data[0], rows.Stride*floatSize, whole)
	}
	if whole < rows.Cols {
		transposePortable(dst[whole*tileCols:], rows.Columns(whole, rows.Cols-whole))
	}
}

func tileInt8(c []float32, ldc int, a []int16, lda int, b []int8, pairs int, columns *[tileCols]float32, factors []float32, bias *[tileCols]float32, _ int) int {
	_, _, _, _ = c[(tileRows-1)*ldc+tileCols-1], a[(tileRows-1)*lda+2*pairs-1], b[pairs*2*tileCols-1], factors[tileRows-1]
	tileInt8NEON(&c[0], ldc*floatSize, &a[0], lda*shortSize, &b[0], pairs, &columns[0], &factors[0], &bias[0])
	return tileRows
}
