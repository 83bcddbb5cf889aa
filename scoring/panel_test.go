package scoring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var panelDims = []int{32, 64, 96, 128, 384, 1024, MaxPanelDim}

// randomLevels returns n rows of dim levels up to the bound.
func randomLevels(r *rand.Rand, n, dim int) []int16 {
	levels := make([]int16, TileRows(n)*dim)
	for i := range levels {
		levels[i] = int16(r.IntN(2*MaxLevelMagnitude+1) - MaxLevelMagnitude)
	}
	return levels
}

func newPanel(query []float32, rows, dim int) *Panel {
	var p Panel
	p.Set(query, rows, dim)
	return &p
}

func bits32(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = math.Float32bits(x)
	}
	return out
}

// checkPanel compares both kernels with the definition, in every bit.
func checkPanel(t *testing.T, p *Panel, levels []int16, scales []float32) {
	t.Helper()
	stride, n := p.Stride(), len(scales)
	scales = slices.Grow(scales, tileRows)
	checkPanelMax(t, p, levels, scales)
	got, portable := make([]float32, TileRows(n)*stride), make([]float32, n*stride)
	p.Dots(got, levels, scales)
	panelDotsPortable(portable, levels, scales, p)
	for row, scale := range scales {
		for i := range stride {
			var sum int64
			if i < p.rows {
				for c := range p.dim {
					sum += int64(levels[row*p.dim+c]) * int64(p.values[p.at(i, c)])
				}
			}
			if sum != int64(int32(sum)) {
				t.Fatalf("%d columns: the sum %d is no int32", p.dim, sum)
			}
			want := math.Float32bits(float32(float32(float32(sum)*scale) * p.scales[i]))
			if b := math.Float32bits(portable[row*stride+i]); b != want {
				t.Fatalf("%d x %d, row %d, query %d: portable %x, want %x", p.rows, p.dim, row, i, b, want)
			}
			if b := math.Float32bits(got[row*stride+i]); b != want {
				t.Fatalf("%d x %d, row %d, query %d: Dots %x, want %x", p.rows, p.dim, row, i, b, want)
			}
		}
	}
}

// checkPanelMax compares Max with the largest of what the reference kernel gives.
func checkPanelMax(t *testing.T, p *Panel, levels []int16, scales []float32) {
	t.Helper()
	stride, n := p.Stride(), len(scales)
	dots, want := make([]float32, n*stride), make([]float32, stride)
	for i := range want {
		want[i] = []float32{float32(math.Inf(-1)), 0, 1e-3}[i%3]
	}
	got, portable := slices.Clone(want), slices.Clone(want)
	panelDotsPortable(dots, levels, scales, p)
	maxColumnsPortable(want, make([]int32, stride), dots, 0)
	panelMaxPortable(portable, levels, scales, p)
	if !slices.Equal(bits32(portable[:p.rows]), bits32(want[:p.rows])) {
		t.Fatalf("%d x %d, %d rows: portable %v, want %v", p.rows, p.dim, n, portable, want)
	}
	// What is written over is the caller's last tile.
	p.Max(got, slices.Clone(levels), slices.Grow(slices.Clone(scales), tileRows))
	if !slices.Equal(bits32(got[:p.rows]), bits32(want[:p.rows])) {
		t.Fatalf("%d x %d, %d rows: Max %v, want %v", p.rows, p.dim, n, got, want)
	}
}

func TestPanel_MaxOfNaN(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	nan := float32(math.NaN())
	for _, scales := range [][]float32{{nan}, {1, nan}, {nan, 1, nan, -1, nan}, {0, float32(math.Copysign(0, -1)), 0}} {
		checkPanelMax(t, newPanel(randomVector(r, 9*64), 9, 64), randomLevels(r, len(scales), 64), scales)
	}
}

func TestPanel_EqualsPortableInEveryBit(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, dim := range panelDims {
		for _, rows := range []int{1, 7, 8, 9, 12, 16, 17, 32, 33} {
			n := 1 + r.IntN(9)
			checkPanel(t, newPanel(randomVector(r, rows*dim), rows, dim), randomLevels(r, n, dim), randomVector(r, n))
		}
	}
}

func TestPanel_Extremes(t *testing.T) {
	for _, dim := range panelDims {
		query, levels := make([]float32, 3*dim), make([]int16, tileRows*dim)
		for i := range query {
			query[i] = 1
		}
		for i := range levels {
			levels[i] = MaxLevelMagnitude
		}
		for i := range dim {
			query[dim+i], levels[dim+i] = -1, -MaxLevelMagnitude
		}
		checkPanel(t, newPanel(query, 3, dim), levels, []float32{1, 2, 0.5})
	}
}

// A panel is used again for another query: nothing of the first stays.
func TestPanel_SetAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	var p Panel
	for _, rows := range []int{20, 3, 0, 12} {
		query := randomVector(r, rows*64)
		p.Set(query, rows, 64)
		if want := newPanel(query, rows, 64); !slices.Equal(p.values, want.values) || !slices.Equal(p.scales, want.scales) {
			t.Errorf("%d rows: the panel differs from a new one", rows)
		}
	}
}

func TestPanel_NearTheFloatProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, dim := range panelDims {
		query := unit(randomVector(r, dim))
		query[3] = float32(math.NaN()) // counts as 0
		levels := randomLevels(r, 1, dim)
		var want, length float64
		for c := range dim {
			if c != 3 {
				want += float64(query[c]) * float64(levels[c])
			}
			length += float64(levels[c]) * float64(levels[c])
		}
		dst, scales := make([]float32, tileRows*panelBlock), make([]float32, 1, tileRows)
		scales[0] = float32(1 / math.Sqrt(length))
		newPanel(query, 1, dim).Dots(dst, levels, scales)
		bound := 1e-4
		if dim > 1024 {
			bound = 1e-3
		}
		if got := float64(dst[0]); math.Abs(got-want/math.Sqrt(length)) > bound {
			t.Errorf("%d columns: %g, want %g", dim, got, want/math.Sqrt(length))
		}
	}
}

func TestAddScaled_EqualsPortable(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, stride := range []int{8, 16, 24, 40} {
		n := 1 + r.IntN(7)
		base, z := randomVector(r, 5*stride), randomVector(r, n*stride)
		slots := make([]uint32, n)
		for i := range slots {
			slots[i] = uint32(r.IntN(5))
		}
		factors, want := randomVector(r, n), slices.Clone(z)
		for i := range want {
			want[i] += float32(factors[i/stride] * base[int(slots[i/stride])*stride+i%stride])
		}
		portable := slices.Clone(z)
		addScaledPortable(portable, stride, factors, slots, base)
		AddScaled(z, stride, factors, slots, base)
		if !slices.Equal(bits32(portable), bits32(want)) || !slices.Equal(bits32(z), bits32(want)) {
			t.Errorf("stride %d: got %v and %v, want %v", stride, z, portable, want)
		}
	}
}

func TestMaxColumns_EqualsPortable(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	nan := float32(math.NaN())
	for _, stride := range []int{8, 16, 24} {
		for range 50 {
			n := 1 + r.IntN(9)
			z := make([]float32, n*stride)
			for i := range z {
				z[i] = float32(r.IntN(4)) - 2 // many ties
				if r.IntN(9) == 0 {
					z[i] = nan
				}
			}
			best, arg := make([]float32, stride), make([]int32, stride)
			for i := range best {
				best[i], arg[i] = float32(r.IntN(4))-2, -1
			}
			wantBest, wantArg := slices.Clone(best), slices.Clone(arg)
			for i, v := range z {
				if v > wantBest[i%stride] {
					wantBest[i%stride], wantArg[i%stride] = v, int32(100+i/stride)
				}
			}
			gotBest, gotArg := slices.Clone(best), slices.Clone(arg)
			maxColumnsPortable(gotBest, gotArg, z, 100)
			if !slices.Equal(gotBest, wantBest) || !slices.Equal(gotArg, wantArg) {
				t.Fatalf("portable: got %v %v, want %v %v", gotBest, gotArg, wantBest, wantArg)
			}
			MaxColumns(best, arg, z, stride, n, 100)
			if !slices.Equal(best, wantBest) || !slices.Equal(arg, wantArg) {
				t.Fatalf("got %v %v, want %v %v", best, arg, wantBest, wantArg)
			}
		}
	}
}

func TestWiden_EqualsPortable(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	var table [16]int8
	for i := range table {
		table[i] = int8(r.Uint32())
	}
	for _, dim := range panelDims {
		for _, gap := range []int{0, 3} {
			n := 1 + r.IntN(5)
			data := make([]byte, (n-1)*(dim+gap)+dim)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			want, got, portable := make([]int16, n*dim), make([]int16, n*dim), make([]int16, n*dim)
			for i := range want {
				want[i] = int16(int8(data[i/dim*(dim+gap)+i%dim]))
			}
			Widen8(got, data, dim+gap, n, dim)
			widen8Portable(portable, data, dim+gap, dim)
			if !slices.Equal(got, want) || !slices.Equal(portable, want) {
				t.Errorf("8 bits, %d columns: the kernels differ", dim)
			}
			data = data[:(n-1)*(dim/2+gap)+dim/2]
			for i := range want {
				row, c := data[i/dim*(dim/2+gap):], i%dim
				b := row[c/32*16+c%16]
				if c%32 >= 16 {
					b >>= 4
				}
				want[i] = int16(table[b&15])
			}
			Widen4(got, data, dim/2+gap, n, dim, &table)
			widen4Portable(portable, data, dim/2+gap, dim, &table)
			if !slices.Equal(got, want) || !slices.Equal(portable, want) {
				t.Errorf("4 bits, %d columns: the kernels differ", dim)
			}
			data = data[:(n-1)*(dim/4+gap)+dim/4]
			for i := range want {
				row, c := data[i/dim*(dim/4+gap):], i%dim
				want[i] = int16(table[row[c/32*8+c%8]>>(c%32/8*2)&3])
			}
			Widen2(got, data, dim/4+gap, n, dim, &table)
			widen2Portable(portable, data, dim/4+gap, dim, &table)
			if !slices.Equal(got, want) || !slices.Equal(portable, want) {
				t.Errorf("2 bits, %d columns: the kernels differ", dim)
			}
		}
	}
}

func TestVector_EqualsPortableAndPanel(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	for _, dim := range panelDims {
		vec := randomVector(r, dim)
		var q Vector
		q.Set(randomVector(r, dim)) // nothing of it stays
		q.Set(vec)
		p := newPanel(vec, 1, dim)
		const n = 9
		data := make([]byte, (n-1)*(dim+2)+dim)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		rows := []uint32{8, 0, 3, 3, 7, 1, 8, 2, 6, 5}[:1+r.IntN(10)]
		got, portable := make([]int32, len(rows)), make([]int32, len(rows))
		q.Sums(got, data, dim+2, rows)
		at := make([]*byte, len(rows))
		for i, row := range rows {
			at[i] = &data[int(row)*(dim+2)]
		}
		scattered := make([]int32, len(rows))
		q.RowSums(scattered, at)
		rowSumsPortable(portable, q.values, at)
		if !slices.Equal(scattered, portable) {
			t.Errorf("%d columns: rows by address have %v, the reference kernel %v", dim, scattered, portable)
		}
		for i, row := range rows {
			var want int64
			for c := range dim {
				want += int64(int8(data[int(row)*(dim+2)+c])) * int64(p.values[p.at(0, c)])
			}
			if int64(got[i]) != want || int64(portable[i]) != want {
				t.Errorf("%d columns, row %d: got %d and %d, want %d", dim, row, got[i], portable[i], want)
			}
		}
		if q.Scale() != p.scales[0] {
			t.Errorf("%d columns: scale %g, in a panel %g", dim, q.Scale(), p.scales[0])
		}
	}
}

func TestPanel_Panics(t *testing.T) {
	p := newPanel(make([]float32, 32), 1, 32)
	var q Vector
	q.Set(make([]float32, 32))
	for name, f := range map[string]func(){
		"a dimension of 33":      func() { newPanel(make([]float32, 33), 1, 33) },
		"too many dimensions":    func() { newPanel(make([]float32, 2*MaxPanelDim), 1, 2*MaxPanelDim) },
		"half a row":             func() { newPanel(make([]float32, 48), 1, 32) },
		"levels too short":       func() { p.Dots(make([]float32, 32), make([]int16, 96), make([]float32, 1, 4)) },
		"dst too short":          func() { p.Dots(make([]float32, 31), make([]int16, 128), make([]float32, 1, 4)) },
		"a slot beyond the base": func() { AddScaled(make([]float32, 8), 8, []float32{1}, []uint32{1}, make([]float32, 8)) },
		"a z too short":          func() { MaxColumns(make([]float32, 8), make([]int32, 8), make([]float32, 8), 8, 2, 0) },
		"a vector of 33":         func() { q.Set(make([]float32, 33)) },
		"a row beyond the data":  func() { q.Sums(make([]int32, 1), make([]byte, 63), 32, []uint32{1}) },
		"too few bytes":          func() { Widen8(make([]int16, 64), make([]byte, 63), 32, 2, 32) },
		"too few pairs":          func() { Widen2(make([]int16, 64), make([]byte, 15), 8, 2, 32, new([16]int8)) },
		"too few nibbles":        func() { Widen4(make([]int16, 64), make([]byte, 31), 16, 2, 32, new([16]int8)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkPanel(b *testing.B) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, rows := range []int{8, 12, 32} {
		const n, dim = 80, 128
		p := newPanel(randomVector(r, rows*dim), rows, dim)
		levels, scales := randomLevels(r, n, dim), randomVector(r, n)
		dst := make([]float32, n*p.Stride())
		best, arg := make([]float32, p.Stride()), make([]int32, p.Stride())
		b.Run(fmt.Sprintf("query=%d", rows), func(b *testing.B) {
			for b.Loop() {
				p.Dots(dst, levels, scales)
				MaxColumns(best, arg, dst, p.Stride(), n, 0)
			}
		})
	}
}

func BenchmarkVector(b *testing.B) {
	r := rand.New(rand.NewPCG(27, 28))
	const dim, n = 128, 256
	var q Vector
	q.Set(randomVector(r, dim))
	data := make([]byte, n*(dim+2)+2)
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(r.IntN(n))
	}
	sums := make([]int32, n)
	for b.Loop() {
		q.Sums(sums, data[2:], dim+2, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

func TestNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	values := []float64{0, 0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 32766.5, -32766.5, 1<<31 - 1, -1 << 31}
	for range 10_000 {
		values = append(values, (r.Float64()-0.5)*1e5)
	}
	for _, y := range values {
		if got, want := Nearest(y), int32(math.RoundToEven(y)); got != want {
			t.Errorf("%v: %d, want %d", y, got, want)
		}
	}
}
