//go:build amd64 && !noasm && !purego

package train

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/asm -out kernel_amd64.s -stubs kernel_stub_amd64.go -pkg train

var hasFMA = cpu.X86.HasAVX2 && cpu.X86.HasFMA

func dot(a, b []float32) float32 {
	b = b[:len(a)]
	if !hasFMA {
		return dotPortable(a, b)
	}
	return dotAVX2(&a[0], &b[0], len(a))
}

func step(e, o, h []float32, g float32) {
	o, h = o[:len(e)], h[:len(e)]
	if !hasFMA {
		stepPortable(e, o, h, g)
		return
	}
	stepAVX2(&e[0], &o[0], &h[0], len(e), g)
}

func axpy(y, x []float32, a float32) {
	x = x[:len(y)]
	if !hasFMA {
		axpyPortable(y, x, a)
		return
	}
	axpyAVX2(&y[0], &x[0], len(y), a)
}
