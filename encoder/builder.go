package encoder

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// Builder collects words and vectors and writes them as a table for [NewTable].
// It holds the packed rows, a fifteenth of the float vectors at 4 bits. The same
// entries give the same bytes in whatever order they are added. It is not safe
// for concurrent use.
type Builder struct {
	h       header
	entries []builderEntry
	rows    []byte
	unit    []float32
}

// builderEntry is one word; its packed row is at index row.
type builderEntry struct {
	word  string
	prior byte
	row   int
}

// NewBuilder returns a builder of a table of dim dimensions. The error wraps
// [ErrTable] if the name is longer than 63 bytes or no UTF-8, or dim, bits or the
// constants are out of range.
func NewBuilder(name string, dim int, bits scoring.Bits, p scoring.Params) (*Builder, error) {
	switch {
	case len(name) > maxNameBytes || !utf8.ValidString(name):
		return nil, fmt.Errorf("%w: name %q", ErrTable, name)
	case dim <= 0 || dim > maxDim || (bits != scoring.Bits4 && bits != scoring.Bits8):
		return nil, fmt.Errorf("%w: %d dimensions of %d bits", ErrTable, dim, bits)
	case !p.Valid() || p.Neighbors > math.MaxInt32 || p.CrossNeighbors > math.MaxInt32:
		return nil, fmt.Errorf("%w: constants %+v", ErrTable, p)
	}
	return &Builder{h: header{name: name, dim: dim, bits: bits, params: p}, unit: make([]float32, dim)}, nil
}

// Add adds a word in folded form, its prior (-ln of its relative frequency; cut
// to [0, 15.94]) and its vector, which is made unit. The error wraps [ErrEntry] if
// the word is empty, longer than 255 bytes or not UTF-8, the prior is NaN, or the
// vector has another number of columns, is zero or has a column that is not
// finite; the builder is then as before.
func (b *Builder) Add(word string, prior float32, vec []float32) error {
	switch {
	case word == "" || len(word) > maxWordBytes || !utf8.ValidString(word):
		return fmt.Errorf("%w: word %.80q", ErrEntry, word)
	case prior != prior:
		return fmt.Errorf("%w: the prior of %q is not a number", ErrEntry, word)
	case len(vec) != b.h.dim:
		return fmt.Errorf("%w: %q has %d columns instead of %d", ErrEntry, word, len(vec), b.h.dim)
	case len(b.entries) == math.MaxInt32:
		return fmt.Errorf("%w: more than %d words", ErrEntry, math.MaxInt32)
	}
	var squares float64
	for _, v := range vec {
		squares += float64(float64(v) * float64(v))
	}
	length := math.Sqrt(squares)
	if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
		return fmt.Errorf("%w: the vector of %q has the length %v", ErrEntry, word, length)
	}
	for i, v := range vec {
		b.unit[i] = float32(float64(v) / length)
	}
	steps := math.Round(max(0, min(math.MaxUint8, float64(prior)*priorStep)))
	b.entries = append(b.entries, builderEntry{word: word, prior: byte(steps), row: len(b.entries)})
	b.rows = scoring.AppendRow(b.rows, b.unit, b.h.bits)
	b.h.longest = max(b.h.longest, len(word))
	return nil
}

// WriteTo writes the table and returns the number of bytes written. The error
// wraps [ErrEntry] if a word was added twice, before anything is written, else it
// is that of w.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	slices.SortFunc(b.entries, func(x, y builderEntry) int { return strings.Compare(x.word, y.word) })
	for i := 1; i < len(b.entries); i++ {
		if b.entries[i].word == b.entries[i-1].word {
			return 0, fmt.Errorf("%w: %q twice", ErrEntry, b.entries[i].word)
		}
	}
	index, text := b.frontCode()
	b.h.count = len(b.entries)
	b.h.layout(len(text))
	b.h.fingerprint = [fingerprintBytes]byte{}
	table := append(b.h.encode(), index...)
	table = append(table, text...)
	for _, e := range b.entries {
		table = append(table, e.prior)
	}
	table = append(table, make([]byte, b.h.rows-len(table))...)
	stride := scoring.RowBytes(b.h.dim, b.h.bits)
	for _, e := range b.entries {
		table = append(table, b.rows[e.row*stride:][:stride]...)
	}
	b.h.fingerprint = fingerprintOf(table)
	copy(table, b.h.encode())
	n, err := w.Write(table)
	return int64(n), err
}

// frontCode returns the block index and the words of the sorted entries.
func (b *Builder) frontCode() (index, text []byte) {
	for i, e := range b.entries {
		if i%blockWords == 0 {
			index = binary.LittleEndian.AppendUint32(index, uint32(len(text)))
			text = append(append(text, byte(len(e.word))), e.word...)
			continue
		}
		shared := commonPrefix(b.entries[i-1].word, e.word)
		text = append(append(text, byte(shared), byte(len(e.word)-shared)), e.word[shared:]...)
	}
	return binary.LittleEndian.AppendUint32(index, uint32(len(text))), text
}
