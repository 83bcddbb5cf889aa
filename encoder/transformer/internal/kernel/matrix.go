package kernel

// Matrix is a view of rows of float32: element (i, j) is Data[i*Stride+j].
type Matrix struct {
	Data       []float32
	Rows, Cols int
	Stride     int // at least Cols
}

// Of returns data as rows x cols without gaps.
func Of(data []float32, rows, cols int) Matrix {
	return Matrix{data[:rows*cols], rows, cols, cols}
}

// Columns returns the n columns from j on.
func (m Matrix) Columns(j, n int) Matrix {
	return Matrix{m.Data[j:], m.Rows, n, m.Stride}
}

// Part returns the n rows from i on.
func (m Matrix) Part(i, n int) Matrix {
	return Matrix{m.Data[i*m.Stride:], n, m.Cols, m.Stride}
}

// Row returns row i.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Stride : i*m.Stride+m.Cols]
}
