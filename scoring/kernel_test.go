package scoring

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// testDims has every shape of the kernels: less than a block, one block, whole
// and half quads of groups, and the dimensions of common tables.
var testDims = []int{1, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 192, 256, 300, 320, 384, 448, 768, 1000}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// randomRows returns n rows of random bytes: any level in any place, and any
// scale that is a finite number.
func randomRows(r *rand.Rand, n, dim int, bits Bits) Rows {
	stride := RowBytes(dim, bits)
	data := make([]byte, n*stride)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for row := range n {
		for g := range groupsFor(dim) {
			s := float32(r.NormFloat64()) * float32(math.Exp2(float64(r.IntN(60)-30)))
			binary.LittleEndian.PutUint16(data[row*stride+g*scaleBytes:], uint16(math.Float32bits(s)>>16))
		}
	}
	rows, err := NewRows(data, dim, bits)
	if err != nil {
		panic(err)
	}
	return rows
}

// naiveDot is the documented dot product, written down column by column.
func naiveDot(r Rows, q *Query, row uint32) float32 {
	p := r.row(row)
	var total float32
	if r.bits == Bits16 {
		sums := map[int]float32{}
		for c := range r.groups * GroupSize {
			sums[c%GroupSize] += float32(widen(binary.LittleEndian.Uint16(p[2*c:])) * float32(q.values[c]))
		}
		eighth := func(i int) float32 { return (sums[i] + sums[8+i]) + (sums[16+i] + sums[24+i]) }
		quarter := func(i int) float32 { return eighth(i) + eighth(4+i) }
		return float32(float32(((quarter(0)+quarter(1))+(quarter(2)+quarter(3)))*halfUnit) * q.scale)
	}
	for g := 0; g < r.groups; g += 4 {
		var product [4]float32
		for j := range 4 {
			if g+j >= r.groups {
				continue
			}
			var sum int32
			for c := (g + j) * GroupSize; c < (g+j+1)*GroupSize; c++ {
				sum += r.level(p, c) * int32(q.values[c])
			}
			product[j] = float32(float32(sum) * scaleAt(p, g+j))
		}
		total += (product[0] + product[1]) + (product[2] + product[3])
	}
	return float32(total * q.scale)
}

func portableKernel(bits Bits) func([]float32, []uint32, *Rows, *Query) {
	switch bits {
	case Bits4:
		return dotRows4Portable
	case Bits8:
		return dotRows8Portable
	}
	return dotRows16Portable
}

func checkKernels(t *testing.T, r Rows, q *Query) {
	t.Helper()
	all := make([]uint32, r.Len())
	for i := range all {
		all[i] = uint32(len(all) - 1 - i)
	}
	got, portable := make([]float32, len(all)), make([]float32, len(all))
	r.DotMany(q, all, got)
	portableKernel(r.bits)(portable, all, &r, q)
	for i, row := range all {
		want := math.Float32bits(naiveDot(r, q, row))
		if b := math.Float32bits(portable[i]); b != want {
			t.Fatalf("%d x %d bits, row %d: portable %x, want %x", r.dim, r.bits, row, b, want)
		}
		if b := math.Float32bits(got[i]); b != want {
			t.Fatalf("%d x %d bits, row %d: DotMany %x, want %x", r.dim, r.bits, row, b, want)
		}
		if b := math.Float32bits(r.Dot(q, row)); b != want {
			t.Fatalf("%d x %d bits, row %d: Dot %x, want %x", r.dim, r.bits, row, b, want)
		}
	}
}

func TestDotMany_EqualsPortableInEveryBit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, bits := range []Bits{Bits4, Bits8, Bits16} {
		for _, dim := range testDims {
			for range 8 {
				q := NewQuery(randomVector(r, dim))
				checkKernels(t, randomRows(r, 1+r.IntN(9), dim, bits), &q)
			}
		}
	}
}

func TestDotMany_Extremes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, bits := range []Bits{Bits4, Bits8, Bits16} {
		for _, dim := range testDims {
			for _, fill := range []byte{0x00, 0x7f, 0x80, 0x81, 0xff} {
				rows := randomRows(r, 3, dim, bits)
				for row := range 3 {
					scales := scalesBytes(rows.groups, bits)
					body := rows.data[row*rows.stride+scales:][:rows.stride-scales]
					for i := range body {
						body[i] = fill
					}
				}
				for _, level := range []int8{-128, -127, 0, 127} {
					q := NewQuery(randomVector(r, dim))
					clear(q.bias)
					for i := range q.values {
						q.values[i] = level
						q.bias[i/GroupSize] += levelBias * int32(level)
					}
					checkKernels(t, rows, &q)
				}
			}
		}
	}
}

func FuzzDotMany(f *testing.F) {
	f.Add([]byte("seed"), uint16(128), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, dim uint16, width uint8) {
		bits := [...]Bits{Bits4, Bits8, Bits16}[width%3]
		d := int(dim%512) + 1
		stride := RowBytes(d, bits)
		row := make([]byte, stride)
		n := copy(row, data)
		vec := make([]float32, d)
		for i, b := range data[n:] {
			vec[i%d] += float32(int8(b))
		}
		for g := range scalesBytes(groupsFor(d), bits) / scaleBytes {
			if row[g*scaleBytes+1]&0x7f == 0x7f {
				row[g*scaleBytes+1] &^= 1 // infinities and NaN are no scales
			}
		}
		rows, err := NewRows(row, d, bits)
		if err != nil {
			t.Fatal(err)
		}
		q := NewQuery(vec)
		if v := naiveDot(rows, &q, 0); v != v {
			return // sums of infinities: the sign of NaN is not defined
		}
		checkKernels(t, rows, &q)
	})
}

func TestDot_NearTheFloatProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, tt := range []struct {
		bits  Bits
		bound float64 // of the error in a dot product of unit vectors
	}{{Bits4, 0.05}, {Bits8, 0.006}, {Bits16, 0.005}} {
		for _, dim := range testDims {
			x, y := unit(randomVector(r, dim)), unit(randomVector(r, dim))
			rows, err := NewRows(AppendRow(nil, x, tt.bits), dim, tt.bits)
			if err != nil {
				t.Fatal(err)
			}
			q := NewQuery(y)
			var want float64
			for i := range x {
				want += float64(x[i]) * float64(y[i])
			}
			if got := float64(rows.Dot(&q, 0)); math.Abs(got-want) > tt.bound {
				t.Errorf("%d dimensions, %d bits: %.4f, want %.4f", dim, tt.bits, got, want)
			}
		}
	}
}

func unit(v []float32) []float32 {
	var n float64
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	n = math.Sqrt(n)
	for i := range v {
		v[i] = float32(float64(v[i]) / n)
	}
	return v
}

func BenchmarkDotMany(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, bits := range []Bits{Bits4, Bits8, Bits16} {
		for _, dim := range []int{128, 384} {
			rows := randomRows(r, 256, dim, bits)
			q := NewQuery(randomVector(r, dim))
			index := make([]uint32, 256)
			for i := range index {
				index[i] = uint32(r.IntN(256))
			}
			out := make([]float32, len(index))
			b.Run(fmt.Sprintf("bits=%d/dim=%d", bits, dim), func(b *testing.B) {
				for b.Loop() {
					rows.DotMany(&q, index, out)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(index)), "ns/row")
			})
			b.Run(fmt.Sprintf("portable/bits=%d/dim=%d", bits, dim), func(b *testing.B) {
				for b.Loop() {
					portableKernel(bits)(out, index, &rows, &q)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(index)), "ns/row")
			})
		}
	}
}

func BenchmarkDot(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	rows := randomRows(r, 256, 128, Bits4)
	q := NewQuery(randomVector(r, 128))
	for b.Loop() {
		rows.Dot(&q, 17)
	}
}
