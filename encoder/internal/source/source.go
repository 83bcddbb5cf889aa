// Package source reads the word vectors that the default table is made from: the
// folder models/default of the shared folder.
package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Dim is the number of columns of the vectors.
const Dim = 128

// Words are the words with their priors, and their vectors as int8 rows with a
// scale each.
type Words struct {
	Word   []string
	Prior  []float32
	values []byte
	scales []byte
}

// Read reads words.tsv, vectors.int8.npy and scales.f32.npy from dir.
func Read(dir string) (*Words, error) {
	w := &Words{}
	text, err := os.ReadFile(filepath.Join(dir, "words.tsv"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		word, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		prior, err := strconv.ParseFloat(number, 32)
		if err != nil {
			return nil, fmt.Errorf("words.tsv, line %d: %w", len(w.Word)+1, err)
		}
		w.Word, w.Prior = append(w.Word, word), append(w.Prior, float32(prior))
	}
	n := len(w.Word)
	if w.values, err = array(filepath.Join(dir, "vectors.int8.npy"), fmt.Sprintf("'|i1', 'fortran_order': False, 'shape': (%d, %d)", n, Dim), n*Dim); err != nil {
		return nil, err
	}
	if w.scales, err = array(filepath.Join(dir, "scales.f32.npy"), fmt.Sprintf("'<f4', 'fortran_order': False, 'shape': (%d,)", n), n*4); err != nil {
		return nil, err
	}
	return w, nil
}

// Vector appends the vector of word i, of length 1 to within float32's rounding
// of what int8 columns can say.
func (w *Words) Vector(dst []float32, i int) []float32 {
	scale := math.Float32frombits(binary.LittleEndian.Uint32(w.scales[4*i:]))
	for _, v := range w.values[i*Dim : (i+1)*Dim] {
		dst = append(dst, float32(int8(v))*scale)
	}
	return dst
}

// array returns the size bytes of a version 1 NumPy file whose header says shape.
func array(path, shape string, size int) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	const prefix = 10 // magic, version, length of the header
	if len(b) < prefix || !bytes.HasPrefix(b, []byte("\x93NUMPY\x01\x00")) {
		return nil, fmt.Errorf("%s: no NumPy file of version 1", path)
	}
	end := prefix + int(binary.LittleEndian.Uint16(b[8:]))
	if end > len(b) || !bytes.Contains(b[:end], []byte(shape)) || len(b)-end != size {
		return nil, fmt.Errorf("%s: not an array of %s", path, shape)
	}
	return b[end:], nil
}
