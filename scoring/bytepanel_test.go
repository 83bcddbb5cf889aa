package scoring

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomByteRows returns n stored rows, stride bytes apart.
func randomByteRows(r *rand.Rand, n, stride, dim int) []byte {
	rows := make([]byte, n*stride)
	for i := range rows {
		rows[i] = byte(r.Uint32())
	}
	for i := range n {
		scale := math.Float32bits(r.Float32()/64) >> 16
		switch r.IntN(20) {
		case 0:
			scale = 0
		case 1:
			scale = 0x7fc0 // NaN
		}
		binary.LittleEndian.PutUint16(rows[i*stride:], uint16(scale))
	}
	return rows[:(n-1)*stride+scaleBytes+dim]
}

// checkBytePanel compares the kernel and what other machines do with the definition, in
// every bit.
func checkBytePanel(t *testing.T, p *BytePanel, rows []byte, stride, n int) {
	t.Helper()
	q := &p.panel
	want := make([]float32, q.rows)
	for i := range want {
		want[i] = []float32{float32(math.Inf(-1)), 0, 1e-3}[i%3]
	}
	got, others := slices.Clone(want), slices.Clone(want)
	for row := range n {
		data := rows[row*stride:]
		scale := math.Float32frombits(uint32(binary.LittleEndian.Uint16(data)) << 16)
		for i := range want {
			var sum int64
			for c := range q.dim {
				sum += int64(int8(data[scaleBytes+c])) * int64(q.values[q.at(i, c)])
			}
			if v := float32(float32(float32(sum)*scale) * q.scales[i]); v > want[i] {
				want[i] = v
			}
		}
	}
	var b PanelBuffer
	p.Max(&b, got, rows, stride, n)
	(&BytePanel{panel: p.panel}).Max(&b, others, rows, stride, n)
	if !slices.Equal(bits32(got), bits32(want)) {
		t.Fatalf("%d x %d, %d rows: %v, want %v", q.rows, q.dim, n, got, want)
	}
	if !slices.Equal(bits32(others), bits32(want)) {
		t.Fatalf("%d x %d, %d rows: without a kernel %v, want %v", q.rows, q.dim, n, others, want)
	}
}

func TestBytePanel_EqualsPortableInEveryBit(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	var p BytePanel
	for _, dim := range panelDims {
		for _, rows := range []int{1, 7, 8, 12, 14, 15, 16, 22, 23, 30, 31, 33} {
			p.Set(randomVector(r, rows*dim), rows, dim)
			n, stride := 1+r.IntN(70), scaleBytes+dim+r.IntN(3)
			checkBytePanel(t, &p, randomByteRows(r, n, stride, dim), stride, n)
		}
	}
}

func TestBytePanel_Extremes(t *testing.T) {
	const dim = MaxPanelDim
	query, row := make([]float32, 2*dim), make([]byte, scaleBytes+dim)
	for i := range dim {
		query[i], query[dim+i], row[scaleBytes+i] = 1, -1, 0x80
	}
	binary.LittleEndian.PutUint16(row, 0x3f80)
	var p BytePanel
	p.Set(query, 2, dim)
	checkBytePanel(t, &p, row, len(row), 1)
}

// Its dot products are off by what the steps say.
func TestBytePanel_NearThePanel(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	const rows, dim, n = 12, 128, 40
	query := randomVector(r, rows*dim)
	for i := range rows {
		unit(query[i*dim : (i+1)*dim])
	}
	var p BytePanel
	p.Set(query, rows, dim)
	exact := newPanel(query, rows, dim)
	var b PanelBuffer
	var squares float64
	for range n {
		row := randomByteRows(r, 1, scaleBytes+dim, dim)
		binary.LittleEndian.PutUint16(row, 0x3f80)
		levels, length := make([]int16, TileRows(1)*dim), 0.0
		Widen8(levels, row[scaleBytes:], dim, 1, dim)
		for _, l := range levels[:dim] {
			length += float64(l) * float64(l)
		}
		want, got := make([]float32, TileRows(1)*exact.Stride()), make([]float32, rows)
		exact.Dots(want, levels, append(make([]float32, 0, tileRows), 1))
		for i := range got {
			got[i] = float32(math.Inf(-1))
		}
		p.Max(&b, got, row, len(row), 1)
		for i := range got {
			deviation := float64(p.Step(i)) * math.Sqrt(length/12)
			off := float64(got[i]-want[i]) / deviation
			squares += off * off
			if math.Abs(off) > 5 {
				t.Errorf("query row %d: %v, wanted %v: off by %.1f deviations", i, got[i], want[i], off)
			}
		}
	}
	if mean := math.Sqrt(squares / (rows * n)); mean < 0.8 || mean > 1.2 {
		t.Errorf("off by %.2f deviations in the mean", mean)
	}
}

func TestBytePanel_AllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	var p BytePanel
	p.Set(randomVector(r, 20*128), 20, 128)
	rows, best := randomByteRows(r, 50, 130, 128), make([]float32, 20)
	for _, q := range []*BytePanel{&p, {panel: p.panel}} {
		var b PanelBuffer
		q.Max(&b, best, rows, 130, 50)
		if n := testing.AllocsPerRun(10, func() { q.Max(&b, best, rows, 130, 50) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func BenchmarkBytePanel(b *testing.B) {
	r := rand.New(rand.NewPCG(47, 48))
	for _, rows := range []int{8, 12, 32} {
		b.Run(fmt.Sprintf("query=%d", rows), func(b *testing.B) {
			var p BytePanel
			p.Set(randomVector(r, rows*128), rows, 128)
			stored, best := randomByteRows(r, 80, 130, 128), make([]float32, rows)
			var m PanelBuffer
			for b.Loop() {
				p.Max(&m, best, stored, 130, 80)
			}
		})
	}
}
