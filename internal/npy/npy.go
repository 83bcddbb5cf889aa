// Package npy reads and writes arrays in the NPY format of NumPy: a magic
// number, a version, a header that is a Python dictionary, and the values.
//
// It knows what files of token vectors are made of: little-endian float16,
// float32 and int64, in C order, of one or more dimensions, in the versions 1.0,
// 2.0 and 3.0. Everything else is refused by name. Files come from strangers, so
// every length is checked against the size of the file before it is used.
//
// Source: the format description numpy.lib.format in the manual of NumPy.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ciyuan-search/ciyuan/internal/half"
	"github.com/ciyuan-search/ciyuan/internal/mapped"
)

var (
	// ErrFormat is returned when bytes are no NPY file, or a damaged one: cut
	// short, longer than the shape says, with a header that cannot be read.
	ErrFormat = errors.New("npy: damaged or foreign file")

	// ErrUnsupported is returned when a file is valid but its values are of
	// another type or order than this package reads. The error says which.
	ErrUnsupported = errors.New("npy: values of this kind are not supported")
)

// DType is the type of the values of an array.
type DType uint8

// The types that can be read and written.
const (
	Float16 DType = iota + 1
	Float32
	Int64
)

var dtypes = [...]struct {
	name, descr string
	bytes       int
}{
	Float16: {"float16", "<f2", 2},
	Float32: {"float32", "<f4", 4},
	Int64:   {"int64", "<i8", 8},
}

// String returns the name that NumPy uses, such as "float16".
func (d DType) String() string {
	if d == 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Bytes returns the size of a value.
func (d DType) Bytes() int { return dtypes[d].bytes }

// Array is a view of the values of a file. It is safe for concurrent use.
type Array struct {
	DType DType
	Shape []int // empty for a single number

	data []byte
}

// Layout of the start of a file.
const (
	magic     = "\x93NUMPY"
	prefix    = len(magic) + 2 // with the version, before the length of the header
	maxHeader = 1 << 16        // what a header may take; NumPy's own limit is 10,000
)

// Parse reads an array that is in memory. The result refers to data. The error
// wraps [ErrFormat] or [ErrUnsupported].
func Parse(data []byte) (Array, error) {
	if len(data) < prefix || string(data[:len(magic)]) != magic {
		return Array{}, fmt.Errorf("%w: it does not start as an NPY file does", ErrFormat)
	}
	major, minor := data[len(magic)], data[len(magic)+1]
	rest := data[prefix:]
	var size int64
	switch {
	case minor != 0 || major < 1 || major > 3:
		return Array{}, fmt.Errorf("%w: version %d.%d", ErrUnsupported, major, minor)
	case major == 1 && len(rest) >= 2:
		size, rest = int64(binary.LittleEndian.Uint16(rest)), rest[2:]
	case major > 1 && len(rest) >= 4:
		size, rest = int64(binary.LittleEndian.Uint32(rest)), rest[4:]
	default:
		return Array{}, fmt.Errorf("%w: cut short in the header", ErrFormat)
	}
	if size > maxHeader || size > int64(len(rest)) {
		return Array{}, fmt.Errorf("%w: a header of %d bytes", ErrFormat, size)
	}
	h, err := parseHeader(string(rest[:size]))
	if err != nil {
		return Array{}, err
	}
	a := Array{Shape: h.shape, data: rest[size:]}
	for d := Float16; d <= Int64; d++ {
		if h.descr == dtypes[d].descr {
			a.DType = d
		}
	}
	if a.DType == 0 {
		return Array{}, fmt.Errorf("%w: type %q, wanted <f2 (float16), <f4 (float32) or <i8 (int64)", ErrUnsupported, h.descr)
	}
	if h.fortran && len(h.shape) > 1 {
		return Array{}, fmt.Errorf("%w: Fortran order, wanted C order (numpy.ascontiguousarray)", ErrUnsupported)
	}
	want := int64(a.DType.Bytes())
	for _, n := range h.shape {
		if n > 0 && want > math.MaxInt64/int64(n) {
			return Array{}, fmt.Errorf("%w: shape %v is too large", ErrFormat, h.shape)
		}
		want *= int64(n)
	}
	if want != int64(len(a.data)) {
		return Array{}, fmt.Errorf("%w: %d bytes of values, but shape %v of %v needs %d", ErrFormat, len(a.data), h.shape, a.DType, want)
	}
	return a, nil
}

// Len returns the number of values: the product of the shape.
func (a Array) Len() int {
	if a.DType == 0 {
		return 0
	}
	return len(a.data) / a.DType.Bytes()
}

// AppendFloat32 appends the values from up to and not including to, in C order, to
// dst. float16 is widened without loss; NaN and infinite values are returned as
// they are. It panics if the range is not inside the array, or the values are
// int64.
func (a Array) AppendFloat32(dst []float32, from, to int) []float32 {
	switch a.DType {
	case Float16:
		for p := a.data[2*from : 2*to]; len(p) > 0; p = p[2:] {
			dst = append(dst, half.ToFloat32(binary.LittleEndian.Uint16(p)))
		}
	case Float32:
		for p := a.data[4*from : 4*to]; len(p) > 0; p = p[4:] {
			dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(p)))
		}
	default:
		panic(fmt.Sprintf("npy: %v read as float32", a.DType))
	}
	return dst
}

// Int64 returns value i of an array of int64. It panics if there is none, or the
// values are of another type.
func (a Array) Int64(i int) int64 {
	if a.DType != Int64 {
		panic(fmt.Sprintf("npy: %v read as int64", a.DType))
	}
	return int64(binary.LittleEndian.Uint64(a.data[8*i:]))
}

// File is an array whose values are read from a mapped file as they are asked
// for.
type File struct {
	Array
	file *mapped.File
}

// Open maps the file at path. The error wraps [ErrFormat], [ErrUnsupported] or
// one of the file system, and names the path.
func Open(path string) (*File, error) {
	f, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	a, err := Parse(f.Bytes())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return &File{Array: a, file: f}, nil
}

// Close removes the mapping; the array must not be used afterwards. A second call
// does nothing.
func (f *File) Close() error {
	f.Array = Array{}
	return f.file.Close()
}

// header is what the dictionary of a file says.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// parseHeader reads the dictionary, a Python literal: {'descr': '<f2',
// 'fortran_order': False, 'shape': (3, 4), }. Each key occurs once.
func parseHeader(text string) (header, error) {
	var h header
	p := literal{rest: text}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.text()
		if seen[key] {
			p.fail("the key " + key + " occurs twice")
		}
		seen[key] = true
		p.expect(":")
		switch key {
		case "descr":
			if p.peek("[") {
				return h, fmt.Errorf("%w: records of several fields", ErrUnsupported)
			}
			h.descr = p.text()
		case "fortran_order":
			h.fortran = p.accept("True")
			if !h.fortran {
				p.expect("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("unknown key " + key)
		}
		if !p.accept(",") && !p.peek("}") {
			p.fail("a comma is missing")
		}
	}
	if p.err == nil && (strings.TrimSpace(p.rest) != "" || len(seen) != 3) {
		p.fail("it is not the three keys descr, fortran_order and shape")
	}
	return h, p.err
}

// literal is what is left of a header. The first error stays.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: header: %s", ErrFormat, why)
	}
}

func (p *literal) peek(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	return strings.HasPrefix(p.rest, token)
}

func (p *literal) accept(token string) bool {
	if !p.peek(token) {
		return false
	}
	p.rest = p.rest[len(token):]
	return true
}

func (p *literal) expect(token string) {
	if !p.accept(token) {
		p.fail("no " + token + " where one belongs")
	}
}

// text reads a string in single or double quotes, without escapes.
func (p *literal) text() string {
	for _, quote := range []string{"'", `"`} {
		if !p.accept(quote) {
			continue
		}
		text, rest, ok := strings.Cut(p.rest, quote)
		if !ok || strings.Contains(text, `\`) {
			break
		}
		p.rest = rest
		return text
	}
	p.fail("no string where one belongs")
	return ""
}

// tuple reads (), (3,) or (3, 4).
func (p *literal) tuple() []int {
	var shape []int
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		shape = append(shape, p.number())
		if !p.accept(",") && !p.peek(")") {
			p.fail("a comma is missing in the shape")
		}
	}
	return shape
}

func (p *literal) number() int {
	p.peek("")
	n, digits := 0, 0
	for ; digits < len(p.rest) && '0' <= p.rest[digits] && p.rest[digits] <= '9'; digits++ {
		if n > math.MaxInt/10-1 {
			p.fail("a number is too large")
			return 0
		}
		n = 10*n + int(p.rest[digits]-'0')
	}
	if digits == 0 {
		p.fail("no number where one belongs")
	}
	p.rest = p.rest[digits:]
	return n
}
