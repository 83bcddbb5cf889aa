//go:build !amd64 || noasm || purego

package train

func dot(a, b []float32) float32        { return dotPortable(a, b) }
func step(e, o, h []float32, g float32) { stepPortable(e, o, h, g) }
func axpy(y, x []float32, a float32)    { axpyPortable(y, x, a) }
