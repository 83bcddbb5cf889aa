package train

// lanes is what the length of every row is a multiple of; the columns beyond the
// dimension are zero and stay so.
const lanes = 8

// dotPortable returns the dot product of a and b. The assembly adds in another
// order, so the last bits of trained vectors depend on the machine.
func dotPortable(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for i := 0; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	return (s0 + s1) + (s2 + s3)
}

// stepPortable adds g*o to e and then g*h to o: one output vector's share of the
// gradient, and the output vector's own update.
func stepPortable(e, o, h []float32, g float32) {
	o, h = o[:len(e)], h[:len(e)]
	for i, v := range o {
		e[i] += g * v
		o[i] = v + g*h[i]
	}
}

// axpyPortable adds a*x to y.
func axpyPortable(y, x []float32, a float32) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] += a * v
	}
}
