package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/ciyuan-search/ciyuan/internal/half"
)

// Tensor is one named array of a file. It is a view: it is valid until the File
// it came from is closed.
type Tensor struct {
	Name       string
	DType      DType
	Shape      []int // empty for a single number
	data       []byte
	begin, end int
}

// Len returns the number of values: the product of the shape, 1 for a tensor
// without dimensions.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes returns the raw little-endian values in row-major order. They must not
// be changed, and are gone when the file is closed.
func (t Tensor) Bytes() []byte { return t.data }

// Float32 returns the values as float32, row-major. F32 values are not copied
// where the file lies in memory as the machine needs it (little-endian, at a
// multiple of four bytes): the result must then not be changed, and is gone
// when the file is closed. F16 and BF16 are widened without loss, F64 is
// rounded; all other types give ErrDType. NaN and infinite values are returned
// as they are.
func (t Tensor) Float32() ([]float32, error) {
	switch t.DType {
	case F32:
		if view := viewFloat32(t.data); view != nil {
			return view, nil
		}
		out := make([]float32, len(t.data)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
		}
		return out, nil
	case F16:
		out := make([]float32, len(t.data)/2)
		for i := range out {
			out[i] = half.ToFloat32(binary.LittleEndian.Uint16(t.data[2*i:]))
		}
		return out, nil
	case BF16:
		out := make([]float32, len(t.data)/2)
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.data[2*i:])) << 16)
		}
		return out, nil
	case F64:
		out := make([]float32, len(t.data)/8)
		for i := range out {
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.data[8*i:])))
		}
		return out, nil
	default:
		return nil, fmt.Errorf("%w: %q is %v", ErrDType, t.Name, t.DType)
	}
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// viewFloat32 returns data as float32 in place, nil where that is not possible.
func viewFloat32(data []byte) []float32 {
	if len(data) == 0 {
		return []float32{}
	}
	p := unsafe.Pointer(unsafe.SliceData(data))
	if !littleEndian || uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), len(data)/4)
}
