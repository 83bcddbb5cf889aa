package npy

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// file returns the bytes of a file with the given version and header.
func file(major byte, header string, values int) []byte {
	b := append([]byte(magic), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), make([]byte, values)...)
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name  string
		data  []byte
		dtype DType
		shape []int
	}{
		{"as NumPy writes it", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }          \n", 24), Float16, []int{3, 4}},
		{"one dimension", file(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n", 16), Int64, []int{2}},
		{"Fortran order of one dimension", file(1, "{'descr': '<i8', 'fortran_order': True, 'shape': (2,), }\n", 16), Int64, []int{2}},
		{"a single number", file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4), Float32, nil},
		{"other order and quotes", file(3, `{"shape":(1,2),"descr":"<f4","fortran_order":False}`, 8), Float32, []int{1, 2}},
		{"no rows", file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 128), }\n", 0), Float32, []int{0, 128}},
	} {
		a, err := Parse(tt.data)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if a.DType != tt.dtype || !slices.Equal(a.Shape, tt.shape) {
			t.Errorf("%s: got %v %v, want %v %v", tt.name, a.DType, a.Shape, tt.dtype, tt.shape)
		}
	}
}

func TestParse_Errors(t *testing.T) {
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrFormat},
		{"another file", []byte("PK\x03\x04 and so on"), ErrFormat},
		{"cut in the header's length", []byte(magic + "\x02\x00\x00"), ErrFormat},
		{"cut in the header", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }", 0)[:40], ErrFormat},
		{"a header of 4 GiB", []byte(magic + "\x02\x00\xff\xff\xff\xff"), ErrFormat},
		{"version 4", file(4, "{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", 2), ErrUnsupported},
		{"too few values", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }", 23), ErrFormat},
		{"too many values", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }", 25), ErrFormat},
		{"more than memory", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0), ErrFormat},
		{"a number beyond int", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (99999999999999999999,), }", 0), ErrFormat},
		{"negative", file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (-1,), }", 0), ErrFormat},
		{"float64", file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8), ErrUnsupported},
		{"big-endian", file(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4), ErrUnsupported},
		{"records", file(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4), ErrUnsupported},
		{"Fortran order", file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 4), ErrUnsupported},
		{"no shape", file(1, "{'descr': '<f4', 'fortran_order': False}", 4), ErrFormat},
		{"a key twice", file(1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4), ErrFormat},
		{"an unknown key", file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", 4), ErrFormat},
		{"no comma", file(1, "{'descr': '<f4' 'fortran_order': False, 'shape': ()}", 4), ErrFormat},
		{"no comma in the shape", file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", 4), ErrFormat},
		{"no bool", file(1, "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4), ErrFormat},
		{"an open string", file(1, "{'descr': '<f4", 4), ErrFormat},
		{"something behind", file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()} {", 4), ErrFormat},
	} {
		if _, err := Parse(tt.data); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

// write makes a file of rows in the folder of the test.
func write(t *testing.T, dtype DType, cols int, fill func(w *Writer) error) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "a.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, dtype, cols)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestWriter(t *testing.T) {
	want := []float32{1, -2, 0.5, 65504, float32(math.Inf(1)), 0x1p-24}
	for _, dtype := range []DType{Float16, Float32} {
		path := write(t, dtype, 2, func(w *Writer) error {
			return errors.Join(w.WriteFloat32(want[:2]), w.WriteFloat32(want[2:]))
		})
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.DType != dtype || !slices.Equal(f.Shape, []int{3, 2}) || f.Len() != 6 {
			t.Errorf("got %v %v", f.DType, f.Shape)
		}
		if got := f.AppendFloat32(nil, 0, 6); !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", dtype, got, want)
		}
		if got := f.AppendFloat32([]float32{7}, 2, 4); !slices.Equal(got, []float32{7, 0.5, 65504}) {
			t.Errorf("%v: got %v", dtype, got)
		}
		for range 2 {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	path := write(t, Int64, 0, func(w *Writer) error { return w.WriteInt64([]int64{3, -1}) })
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.Equal(f.Shape, []int{2}) || f.Int64(0) != 3 || f.Int64(1) != -1 {
		t.Errorf("got %v: %d, %d", f.Shape, f.Int64(0), f.Int64(1))
	}
}

func TestWriter_Errors(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "a.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, bad := range []struct {
		dtype DType
		cols  int
	}{{0, 1}, {Int64 + 1, 1}, {Int64, -1}} {
		if _, err := NewWriter(f, bad.dtype, bad.cols); err == nil {
			t.Errorf("%v x %d: no error", bad.dtype, bad.cols)
		}
	}
	w, err := NewWriter(f, Float32, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteFloat32(make([]float32, 4)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Error("a third of a row: no error")
	}
	// A file that was never closed is none.
	if _, err := Open(f.Name()); !errors.Is(err, ErrFormat) {
		t.Errorf("unfinished file: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }\n", 24))
	f.Add(file(2, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n", 16))
	f.Add(file(3, `{"shape":(),"descr":"<f4","fortran_order":True}`, 4))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse(data)
		if err != nil {
			return
		}
		product := 1
		for _, n := range a.Shape {
			product *= n
		}
		if a.Len() != product {
			t.Fatalf("%d values of shape %v", a.Len(), a.Shape)
		}
		if a.DType == Int64 {
			for i := range a.Len() {
				a.Int64(i)
			}
		} else if got := a.AppendFloat32(nil, 0, a.Len()); len(got) != product {
			t.Fatalf("%d of %d values", len(got), product)
		}
	})
}
