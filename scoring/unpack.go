package scoring

import "fmt"

// Widen8 sets levels, n x dim, to the signed bytes of n rows that start at every
// stride bytes of data. dim is a multiple of 32. It panics if data or levels is too
// short.
func Widen8(levels []int16, data []byte, stride, n, dim int) {
	if n == 0 {
		return
	}
	checkWiden(len(data), stride, n, dim, dim)
	widen8(levels[:n*dim], data, stride, dim)
}

// Widen4 sets levels, n x dim, to the entries of table that the nibbles of n rows
// name, which start at every stride bytes of data. A row is dim/2 bytes: in each
// block of 32 columns, 16 bytes, the low nibble of byte i is column i, the high
// nibble column 16+i. dim is a multiple of 32. It panics if data or levels is too
// short.
func Widen4(levels []int16, data []byte, stride, n, dim int, table *[16]int8) {
	if n == 0 {
		return
	}
	checkWiden(len(data), stride, n, dim, dim/2)
	widen4(levels[:n*dim], data, stride, dim, table)
}

// Widen2 sets levels, n x dim, to the first four entries of table that the pairs of
// bits of n rows name, which start at every stride bytes of data. A row is dim/4
// bytes: in each block of 32 columns, 8 bytes, bits 2k and 2k+1 of byte i are column
// 8k+i. dim is a multiple of 32. It panics if data or levels is too short.
func Widen2(levels []int16, data []byte, stride, n, dim int, table *[16]int8) {
	if n == 0 {
		return
	}
	checkWiden(len(data), stride, n, dim, dim/4)
	widen2(levels[:n*dim], data, stride, dim, table)
}

func checkWiden(have, stride, n, dim, row int) {
	if dim <= 0 || dim%GroupSize != 0 || stride < row || have < (n-1)*stride+row {
		panic(fmt.Sprintf("scoring: %d rows of %d columns, a stride of %d, in %d bytes", n, dim, stride, have))
	}
}

// widen8Portable is the reference kernel.
func widen8Portable(levels []int16, data []byte, stride, dim int) {
	for ; len(levels) > 0; levels = levels[dim:] {
		for c, b := range data[:dim] {
			levels[c] = int16(int8(b))
		}
		data = data[min(stride, len(data)):]
	}
}

// widen4Portable is the reference kernel.
func widen4Portable(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	for ; len(levels) > 0; levels = levels[dim:] {
		for g := 0; g < dim; g += GroupSize {
			for i, b := range data[g/2 : g/2+16] {
				levels[g+i] = int16(table[b&15])
				levels[g+16+i] = int16(table[b>>4])
			}
		}
		data = data[min(stride, len(data)):]
	}
}

// widen2Portable is the reference kernel.
func widen2Portable(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	for ; len(levels) > 0; levels = levels[dim:] {
		for g := 0; g < dim; g += GroupSize {
			to := levels[g:][:GroupSize]
			for i, b := range data[g/4 : g/4+8] {
				to[i], to[8+i] = int16(table[b&3]), int16(table[b>>2&3])
				to[16+i], to[24+i] = int16(table[b>>4&3]), int16(table[b>>6])
			}
		}
		data = data[min(stride, len(data)):]
	}
}
