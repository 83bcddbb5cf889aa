package npy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ciyuan-search/ciyuan/internal/half"
)

// headerBytes is the room for everything before the values: the most that a
// shape of two numbers needs, rounded up to the 64 bytes that NumPy aligns to.
const headerBytes = 128

// Writer writes an array of rows whose number need not be known before. It is
// not safe for concurrent use.
type Writer struct {
	file   io.WriteSeeker
	out    *bufio.Writer
	dtype  DType
	cols   int // 0: a one-dimensional array
	values int
	buf    []byte
}

// NewWriter returns a writer to file, whose position must be its start. With cols
// of 0 the array has one dimension, else rows of cols values. file is not closed
// by the Writer.
func NewWriter(file io.WriteSeeker, dtype DType, cols int) (*Writer, error) {
	if dtype == 0 || int(dtype) >= len(dtypes) || cols < 0 {
		return nil, fmt.Errorf("npy: rows of %d values of %v cannot be written", cols, dtype)
	}
	w := &Writer{file: file, out: bufio.NewWriterSize(file, 1<<16), dtype: dtype, cols: cols}
	_, err := w.out.Write(make([]byte, headerBytes)) // filled in by Close
	return w, err
}

// WriteFloat32 appends values to an array of float32, or rounded to the nearest
// float16. It panics if the array is of integers.
func (w *Writer) WriteFloat32(values []float32) error {
	w.buf = w.buf[:0]
	for _, v := range values {
		switch w.dtype {
		case Float16:
			w.buf = binary.LittleEndian.AppendUint16(w.buf, half.FromFloat32(v))
		case Float32:
			w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
		default:
			panic(fmt.Sprintf("npy: float32 written as %v", w.dtype))
		}
	}
	return w.write(len(values))
}

// WriteInt64 appends values to an array of int64. It panics if the array is of
// another type.
func (w *Writer) WriteInt64(values []int64) error {
	if w.dtype != Int64 {
		panic(fmt.Sprintf("npy: int64 written as %v", w.dtype))
	}
	w.buf = w.buf[:0]
	for _, v := range values {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(v))
	}
	return w.write(len(values))
}

func (w *Writer) write(values int) error {
	w.values += values
	_, err := w.out.Write(w.buf)
	return err
}

// Close writes what is left and the header. It is an error if the values are no
// whole number of rows. The file is complete only if Close returned nil.
func (w *Writer) Close() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	shape := fmt.Sprintf("(%d,)", w.values)
	if w.cols > 0 {
		if w.values%w.cols != 0 {
			return fmt.Errorf("npy: %d values are no rows of %d", w.values, w.cols)
		}
		shape = fmt.Sprintf("(%d, %d)", w.values/w.cols, w.cols)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtypes[w.dtype].descr, shape)
	const room = headerBytes - 10
	text += strings.Repeat(" ", room-1-len(text)) + "\n"
	head := append([]byte(magic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, room)
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := w.file.Write(append(head, text...)); err != nil {
		return err
	}
	_, err := w.file.Seek(0, io.SeekEnd)
	return err
}
