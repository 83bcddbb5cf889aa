//go:build (!amd64 && !arm64) || noasm || purego

package kernel

func tile(c []float32, ldc int, a []float32, lda int, b []float32, k int, init *[tileCols]float32, _ int) int {
	return tilePortable(c, ldc, a, lda, b, k, init)
}

func transpose(dst []float32, rows Matrix) { transposePortable(dst, rows) }

func tileInt8(c []float32, ldc int, a []int16, lda int, b []int8, pairs int, columns *[tileCols]float32, factors []float32, bias *[tileCols]float32, _ int) int {
	return tileInt8Portable(c, ldc, a, lda, b, pairs, columns, factors, bias)
}
