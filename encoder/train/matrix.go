package train

import (
	"runtime"
	"sync/atomic"
)

// matrix is rows of float32s padded to whole registers, with a lock a row if
// several workers share it.
type matrix struct {
	values []float32
	stride int
	locks  []atomic.Uint32 // nil for one worker
}

func newMatrix(rows, dim, workers int) *matrix {
	m := &matrix{stride: (dim + lanes - 1) / lanes * lanes}
	m.values = make([]float32, rows*m.stride)
	if workers > 1 {
		m.locks = make([]atomic.Uint32, rows)
	}
	return m
}

func (m *matrix) row(i int32) []float32 {
	at := int(i) * m.stride
	return m.values[at : at+m.stride : at+m.stride]
}

// lock waits for a row. Rows are held for some hundred nanoseconds and never two
// at a time, so spinning is cheaper than sleeping and nothing can deadlock.
func (m *matrix) lock(i int32) {
	if m.locks == nil {
		return
	}
	for spins := 0; !m.locks[i].CompareAndSwap(0, 1); spins++ {
		if spins >= 32 {
			runtime.Gosched() // its holder may wait for this very processor
		}
	}
}

func (m *matrix) unlock(i int32) {
	if m.locks != nil {
		m.locks[i].Store(0)
	}
}
