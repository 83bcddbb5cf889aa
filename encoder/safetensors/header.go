package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/ciyuan-search/ciyuan/internal/order"
)

const (
	// lengthBytes is the size of the length in front of the header.
	lengthBytes = 8
	// maxHeaderBytes is the limit of the reference implementation.
	maxHeaderBytes = 100_000_000
	// maxDims bounds the number of dimensions of a tensor; real models stop at 5.
	maxDims = 32
)

// parse reads the header of a whole file and returns its tensors by name, with
// their values still in data, and the header's bytes.
func parse(data []byte) (tensors map[string]Tensor, metadata map[string]string, header []byte, err error) {
	if len(data) < lengthBytes {
		return nil, nil, nil, fmt.Errorf("%w: %d bytes, shorter than the length of a header", ErrFormat, len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeaderBytes || n > uint64(len(data)-lengthBytes) {
		return nil, nil, nil, fmt.Errorf("%w: a header of %d bytes is claimed in a file of %d", ErrFormat, n, len(data))
	}
	header = data[lengthBytes : lengthBytes+int(n)]
	values := data[lengthBytes+int(n):]

	d := headerDecoder{json.NewDecoder(bytes.NewReader(header)), values, make(map[string]Tensor), nil}
	if err := d.decode(); err != nil {
		return nil, nil, nil, err
	}
	if err := checkTiling(d.tensors, len(values)); err != nil {
		return nil, nil, nil, err
	}
	return d.tensors, d.metadata, header, nil
}

// headerDecoder walks the tokens of a header. A struct decoder would be
// shorter, but it accepts keys that occur twice and takes the last one, so that
// two readers could see two different models in one file.
type headerDecoder struct {
	json     *json.Decoder
	values   []byte
	tensors  map[string]Tensor
	metadata map[string]string
}

func (d *headerDecoder) decode() error {
	err := d.object("header", func(name string) error {
		if name == "__metadata__" {
			return d.meta()
		}
		if _, ok := d.tensors[name]; ok {
			return fmt.Errorf("%w: tensor %q occurs twice", ErrFormat, name)
		}
		t, err := d.tensor(name)
		if err != nil {
			return err
		}
		d.tensors[name] = t
		return nil
	})
	if err != nil {
		return err
	}
	if t, err := d.json.Token(); err != io.EOF {
		return fmt.Errorf("%w: %v after the header", ErrFormat, t)
	}
	return nil
}

// object reads an object and calls f after each key, with the value unread.
func (d *headerDecoder) object(what string, f func(key string) error) error {
	if err := d.delim(what, '{'); err != nil {
		return err
	}
	for d.json.More() {
		t, err := d.json.Token()
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrFormat, what, err)
		}
		if err := f(t.(string)); err != nil {
			return err
		}
	}
	return d.delim(what, '}')
}

func (d *headerDecoder) delim(what string, want json.Delim) error {
	t, err := d.json.Token()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFormat, what, err)
	}
	if t != want {
		return fmt.Errorf("%w: %s: found %v where %v should be", ErrFormat, what, t, want)
	}
	return nil
}

func (d *headerDecoder) meta() error {
	if d.metadata != nil {
		return fmt.Errorf("%w: __metadata__ occurs twice", ErrFormat)
	}
	d.metadata = make(map[string]string)
	return d.object("__metadata__", func(key string) error {
		t, err := d.json.Token()
		if err != nil {
			return fmt.Errorf("%w: __metadata__: %w", ErrFormat, err)
		}
		s, ok := t.(string)
		if !ok {
			return fmt.Errorf("%w: __metadata__ %q is no string", ErrFormat, key)
		}
		if _, ok := d.metadata[key]; ok {
			return fmt.Errorf("%w: __metadata__ %q occurs twice", ErrFormat, key)
		}
		d.metadata[key] = s
		return nil
	})
}

func (d *headerDecoder) tensor(name string) (Tensor, error) {
	t := Tensor{Name: name}
	var offsets []uint64
	seen := make(map[string]bool, 3)
	err := d.object(name, func(key string) error {
		if seen[key] {
			return fmt.Errorf("%w: tensor %q: %q occurs twice", ErrFormat, name, key)
		}
		seen[key] = true
		var err error
		switch key {
		case "dtype":
			var s string
			err = d.json.Decode(&s)
			if t.DType = parseDType(s); err == nil && t.DType == Invalid {
				return fmt.Errorf("%w: tensor %q has the unknown type %q", ErrFormat, name, s)
			}
		case "shape":
			var shape []uint64
			if err = d.json.Decode(&shape); err == nil {
				t.Shape, err = checkShape(shape)
			}
		case "data_offsets":
			err = d.json.Decode(&offsets)
		default:
			return fmt.Errorf("%w: tensor %q: unknown key %q", ErrFormat, name, key)
		}
		if err != nil {
			return fmt.Errorf("%w: tensor %q: %s: %w", ErrFormat, name, key, err)
		}
		return nil
	})
	if err != nil {
		return Tensor{}, err
	}
	if t.DType == Invalid || t.Shape == nil || len(offsets) != 2 {
		return Tensor{}, fmt.Errorf("%w: tensor %q lacks its type, shape or two offsets", ErrFormat, name)
	}
	if offsets[0] > offsets[1] || offsets[1] > uint64(len(d.values)) {
		return Tensor{}, fmt.Errorf("%w: tensor %q lies at %d to %d of %d bytes", ErrFormat, name, offsets[0], offsets[1], len(d.values))
	}
	t.begin, t.end = int(offsets[0]), int(offsets[1])
	hi, want := bits.Mul64(uint64(t.Len()), uint64(t.DType.Bytes()))
	if hi != 0 || want != offsets[1]-offsets[0] {
		return Tensor{}, fmt.Errorf("%w: tensor %q: %v of %v needs %d bytes and has %d", ErrFormat, name, t.Shape, t.DType, want, offsets[1]-offsets[0])
	}
	t.data = d.values[t.begin:t.end:t.end]
	return t, nil
}

// checkShape returns the shape as ints, if the number of values fits one too.
func checkShape(shape []uint64) ([]int, error) {
	if shape == nil {
		return nil, errors.New("null")
	}
	if len(shape) > maxDims {
		return nil, fmt.Errorf("%d dimensions", len(shape))
	}
	out := make([]int, len(shape))
	product := uint64(1)
	for i, n := range shape {
		if n > 1<<62 {
			return nil, fmt.Errorf("a dimension of %d", n)
		}
		hi, lo := bits.Mul64(product, max(n, 1))
		if hi != 0 || lo > 1<<62 {
			return nil, fmt.Errorf("%v values", shape)
		}
		product = lo
		out[i] = int(n)
	}
	return out, nil
}

// checkTiling reports a gap or an overlap between the tensors, which must fill
// the n bytes of values.
func checkTiling(tensors map[string]Tensor, n int) error {
	sorted := make([]Tensor, 0, len(tensors))
	for _, t := range tensors {
		sorted = append(sorted, t)
	}
	order.Stable(sorted, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := 0
	for _, t := range sorted {
		if t.begin != at {
			return fmt.Errorf("%w: tensor %q begins at %d, the one before it ends at %d", ErrFormat, t.Name, t.begin, at)
		}
		at = t.end
	}
	if at != n {
		return fmt.Errorf("%w: the tensors fill %d of %d bytes", ErrFormat, at, n)
	}
	return nil
}
