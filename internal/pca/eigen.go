package pca

import "math"

// maxRotations is how many rounds of rotations an eigenvalue may take; two are
// usual.
const maxRotations = 64

// eigen returns the eigenvalues of a symmetric matrix and its eigenvectors, of length
// 1, as rows in the same order, which is none in particular. Only what is on and right of the diagonal
// is read; the matrix is overwritten and holds the vectors. ok is false where a value
// is not finite. It takes time proportional to the cube of the number of rows.
//
// It is here because the library that has it adds two megabytes to the program.
//
// Source: the procedures tred2 and tql2 of EISPACK (Smith et al. 1976), after Bowdler,
// Martin, Reinsch and Wilkinson; here on the transposed matrix, so that the
// inner loops run along rows.
func eigen(a [][]float64) (values []float64, vectors [][]float64, ok bool) {
	for i := range a {
		for j := range i {
			a[i][j] = a[j][i]
		}
	}
	if len(a) == 0 {
		return nil, a, true
	}
	d, e := tridiagonal(a)
	if !rotate(a, d, e) {
		return nil, nil, false
	}
	return d, a, true
}

// tridiagonal turns a into the transposed orthogonal matrix that makes it tridiagonal, and
// returns its new diagonal and what is beside that, from element 1 on.
func tridiagonal(a [][]float64) (d, e []float64) {
	n := len(a)
	d, e = make([]float64, n), make([]float64, n)
	for j := range a {
		d[j] = a[j][n-1]
	}
	for i := n - 1; i > 0; i-- {
		d[i] = reflect(a, d, e, i)
	}
	for i := range n - 1 {
		a[i][n-1] = a[i][i]
		a[i][i] = 1
		next := a[i+1][:i+1]
		if h := d[i+1]; h != 0 {
			for k, x := range next {
				d[k] = x / h
			}
			for j := range i + 1 {
				row := a[j][:i+1]
				var g float64
				for k, x := range next {
					g += x * row[k]
				}
				for k := range row {
					row[k] -= g * d[k]
				}
			}
		}
		clear(next)
	}
	for j := range a {
		d[j] = a[j][n-1]
		a[j][n-1] = 0
	}
	a[n-1][n-1] = 1
	e[0] = 0
	return d, e
}

// reflect is the Householder step for row i. It returns half of the square of the length
// of its vector, 0 if there was nothing to do.
func reflect(a [][]float64, d, e []float64, i int) float64 {
	var scale, h float64
	for _, x := range d[:i] {
		scale += math.Abs(x)
	}
	if scale == 0 {
		e[i] = d[i-1]
		for j := range i {
			d[j] = a[j][i-1]
			a[j][i], a[i][j] = 0, 0
		}
		return 0
	}
	for k := range i {
		d[k] /= scale
		h += d[k] * d[k]
	}
	f := d[i-1]
	g := -math.Copysign(math.Sqrt(h), f)
	e[i] = scale * g
	h -= f * g
	d[i-1] = f - g
	clear(e[:i])
	for j := range i {
		row := a[j][:i]
		f := d[j]
		a[i][j] = f
		g := e[j] + row[j]*f
		for k := j + 1; k < i; k++ {
			g += row[k] * d[k]
			e[k] += row[k] * f
		}
		e[j] = g
	}
	f = 0
	for j := range i {
		e[j] /= h
		f += e[j] * d[j]
	}
	half := f / (h + h)
	for j := range i {
		e[j] -= half * d[j]
	}
	for j := range i {
		row := a[j][:i]
		f, g := d[j], e[j]
		for k := j; k < i; k++ {
			row[k] -= f*e[k] + g*d[k]
		}
		d[j] = a[j][i-1]
		a[j][i] = 0
	}
	return h
}

// rotate makes the tridiagonal matrix diagonal, by implicit QL steps, and applies what it
// does to the rows of v.
func rotate(v [][]float64, d, e []float64) bool {
	n := len(d)
	copy(e, e[1:])
	e[n-1] = 0
	const eps = 0x1p-52
	var shift, largest float64
	for l := range n {
		largest = max(largest, math.Abs(d[l])+math.Abs(e[l]))
		m := l
		for m < n-1 && math.Abs(e[m]) > eps*largest {
			m++
		}
		for round := 0; m > l && math.Abs(e[l]) > eps*largest; round++ {
			if round == maxRotations {
				return false
			}
			shift += step(v, d, e, l, m)
		}
		d[l] += shift
		e[l] = 0
		if d[l]-d[l] != 0 { // NaN and infinities only
			return false
		}
	}
	return true
}

// step is one implicit QL step on rows l to m. It returns what it has taken off
// the eigenvalues from l on.
func step(v [][]float64, d, e []float64, l, m int) float64 {
	g := d[l]
	p := (d[l+1] - g) / (2 * e[l])
	r := math.Copysign(math.Hypot(p, 1), p)
	d[l] = e[l] / (p + r)
	d[l+1] = e[l] * (p + r)
	below, beside := d[l+1], e[l+1]
	shift := g - d[l]
	for i := l + 2; i < len(d); i++ {
		d[i] -= shift
	}
	p = d[m]
	c, c2, c3 := 1.0, 1.0, 1.0
	s, s2 := 0.0, 0.0
	for i := m - 1; i >= l; i-- {
		c3, c2, s2 = c2, c, s
		g := c * e[i]
		h := c * p
		r := math.Hypot(p, e[i])
		e[i+1] = s * r
		s = e[i] / r
		c = p / r
		p = c*d[i] - s*g
		d[i+1] = h + s*(c*g+s*d[i])
		x, y := v[i], v[i+1]
		for k, z := range y {
			y[k] = s*x[k] + c*z
			x[k] = c*x[k] - s*z
		}
	}
	p = -s * s2 * c3 * beside * e[l] / below
	e[l] = s * p
	d[l] = c * p
	return shift
}
