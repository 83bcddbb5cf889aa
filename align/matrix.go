package align

// A Matrix has a row for each token of the source and a column for each token
// of the target.
type Matrix struct {
	Rows, Cols int
	Values     []float64 // Rows x Cols, row by row
}

// NewMatrix returns a matrix of zeros.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Values: make([]float64, rows*cols)}
}

// At returns the value of row i and column j.
func (m *Matrix) At(i, j int) float64 { return m.Values[i*m.Cols+j] }

// Row returns the values of row i, which belong to the matrix.
func (m *Matrix) Row(i int) []float64 { return m.Values[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }

// transposed returns the matrix with rows and columns exchanged.
func (m *Matrix) transposed() Matrix {
	t := NewMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			t.Values[j*m.Rows+i] = x
		}
	}
	return t
}
