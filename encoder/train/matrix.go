package train

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// matrix is rows of float32s padded to whole registers. If several workers share
// it, a lock lies in front of each row: in the cache line that the row's first
// columns are in, because a table of locks would have those of the sixteen most
// frequent words in one line, and the workers would fight for it.
type matrix struct {
	values []float32
	width  int // columns, padded
	head   int // columns in front of them that hold the lock: 0 or lanes
}

func newMatrix(rows, dim, workers int) *matrix {
	m := &matrix{width: (dim + lanes - 1) / lanes * lanes}
	if workers > 1 {
		m.head = lanes
	}
	m.values = make([]float32, rows*(m.head+m.width))
	return m
}

func (m *matrix) row(i int32) []float32 {
	at := int(i)*(m.head+m.width) + m.head
	return m.values[at : at+m.width : at+m.width]
}

// state returns the lock of a row. A float32 is as large and as aligned as the
// integer, and nothing reads it as a number.
func (m *matrix) state(i int32) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&m.values[int(i)*(m.head+m.width)]))
}

// lock waits for a row. Rows are held for some hundred nanoseconds and never two
// at a time, so spinning is right and nothing can deadlock; a longer wait means
// that the system has taken the processor from the holder, so the waiter sleeps.
func (m *matrix) lock(i int32) {
	if m.head == 0 {
		return
	}
	state := m.state(i)
	for spins := 0; !state.CompareAndSwap(0, 1); spins++ {
		if spins >= 100 {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

func (m *matrix) unlock(i int32) {
	if m.head > 0 {
		m.state(i).Store(0)
	}
}
