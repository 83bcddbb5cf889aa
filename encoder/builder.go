package encoder

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
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
	buckets []uint32 // of the n-grams, ascending
	grams   []byte   // their packed rows
	again   Again    // nil: rows and grams are kept
}

// Again reads vectors a second time, for a [Builder] that keeps none.
type Again interface {
	// WordVector appends the vector that the i-th successful Add had, from 0.
	WordVector(dst []float32, i int) ([]float32, error)
	// GramVector appends the vector that AddGram had for a bucket.
	GramVector(dst []float32, bucket uint32) ([]float32, error)
}

// maxRows is how many rows a table may have, n-grams included: an index refers to
// them by three bytes and has other uses for the last sixteenth of the range.
const maxRows = 0xf00000

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
	case dim <= 0 || dim > maxDim || !bits.Known():
		return nil, fmt.Errorf("%w: %d dimensions of %d bits", ErrTable, dim, bits)
	case !p.Valid() || p.Neighbors > math.MaxInt32 || p.CrossNeighbors > math.MaxInt32:
		return nil, fmt.Errorf("%w: constants %+v", ErrTable, p)
	}
	return &Builder{h: header{name: name, dim: dim, bits: bits, params: p}, unit: make([]float32, dim)}, nil
}

// ReadAgain makes the builder keep words and no vectors: [Builder.WriteTo] and
// [Builder.Fingerprint] ask for them, in the order of the words and each time anew.
// To be called before the first Add.
func (b *Builder) ReadAgain(from Again) { b.again = from }

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
	case len(b.entries)+len(b.buckets) == maxRows:
		return fmt.Errorf("%w: more than %d rows", ErrEntry, maxRows)
	}
	if length := lengthOf(vec); length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
		return fmt.Errorf("%w: the vector of %q has the length %v", ErrEntry, word, length)
	}
	steps := math.Round(max(0, min(math.MaxUint8, float64(prior)*priorStep)))
	b.entries = append(b.entries, builderEntry{word: word, prior: byte(steps), row: len(b.entries)})
	if b.again == nil {
		b.rows = b.appendRow(b.rows, vec)
	}
	b.h.longest = max(b.h.longest, len(word))
	return nil
}

// appendRow appends the packed row of a word's vector.
func (b *Builder) appendRow(dst []byte, vec []float32) []byte {
	length := lengthOf(vec)
	for i, v := range vec {
		b.unit[i] = float32(float64(v) / length)
	}
	return scoring.AppendRow(dst, b.unit, b.h.bits)
}

// SetParams replaces the constants of the score, which may depend on all vectors.
// The error wraps [ErrTable] if they are out of range.
func (b *Builder) SetParams(p scoring.Params) error {
	if !p.Valid() || p.Neighbors > math.MaxInt32 || p.CrossNeighbors > math.MaxInt32 {
		return fmt.Errorf("%w: constants %+v", ErrTable, p)
	}
	b.h.params = p
	return nil
}

// SetLicense names the licence of the vectors. It is cut after 43 bytes, at the end of
// a character; bytes that are no UTF-8 are left out.
func (b *Builder) SetLicense(name string) {
	name = strings.ToValidUTF8(name, "")
	for len(name) > maxLicenseBytes {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	b.h.license = name
}

// SetGrams says how words without a vector are cut into n-grams, for
// [Builder.AddGram]. The error wraps [ErrTable] if g cannot cut words.
func (b *Builder) SetGrams(g Grams) error {
	if !g.valid() || len(b.buckets) > 0 {
		return fmt.Errorf("%w: n-grams %+v", ErrTable, g)
	}
	b.h.grams = g
	return nil
}

// AddGram adds the vector of an n-gram bucket. Buckets come in ascending order;
// those whose vector is zero are better left out. Vectors keep their length,
// which must not be above 1: divide all by the longest. The error wraps
// [ErrEntry].
func (b *Builder) AddGram(bucket uint32, vec []float32) error {
	last := len(b.buckets) - 1
	switch length := lengthOf(vec); {
	case int64(bucket) >= int64(b.h.grams.Buckets) || last >= 0 && b.buckets[last] >= bucket:
		return fmt.Errorf("%w: n-gram bucket %d of %d is out of order", ErrEntry, bucket, b.h.grams.Buckets)
	case len(vec) != b.h.dim || !(length <= 1.001):
		return fmt.Errorf("%w: n-gram bucket %d has %d columns and the length %v", ErrEntry, bucket, len(vec), length)
	case len(b.entries)+len(b.buckets) == maxRows:
		return fmt.Errorf("%w: more than %d rows", ErrEntry, maxRows)
	}
	b.buckets = append(b.buckets, bucket)
	if b.again == nil {
		b.grams = scoring.AppendRow(b.grams, vec, b.h.bits)
	}
	return nil
}

// lengthOf returns the length of vec.
func lengthOf(vec []float32) float64 {
	var squares float64
	for _, v := range vec {
		squares += float64(float64(v) * float64(v))
	}
	return math.Sqrt(squares)
}

// WriteTo writes the table and returns the number of bytes written. The error
// wraps [ErrEntry] if a word was added twice, before anything is written, else it
// is that of w or of what vectors are read from.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	index, text, err := b.seal()
	if err != nil {
		return 0, err
	}
	out := &countingWriter{w: w}
	if _, err := out.Write(b.h.encode()); err != nil {
		return out.n, err
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	if err := b.writeBody(buffered, index, text); err != nil {
		return out.n, err
	}
	err = buffered.Flush()
	return out.n, err
}

// Fingerprint returns [Table.Fingerprint] of the table that WriteTo would write, and
// its errors.
func (b *Builder) Fingerprint() (string, error) {
	_, _, err := b.seal()
	return hex.EncodeToString(b.h.fingerprint[:]), err
}

// seal sorts the words, completes the header, and returns the block index and the
// words as they are written.
func (b *Builder) seal() (index, text []byte, err error) {
	order.Stable(b.entries, func(x, y *builderEntry) int { return strings.Compare(x.word, y.word) })
	for i := 1; i < len(b.entries); i++ {
		if b.entries[i].word == b.entries[i-1].word {
			return nil, nil, fmt.Errorf("%w: %q twice", ErrEntry, b.entries[i].word)
		}
	}
	index, text = b.frontCode()
	b.h.count, b.h.gramRows = len(b.entries), len(b.buckets)
	b.h.layout(len(text))
	b.h.fingerprint = [fingerprintBytes]byte{}
	digest := newFingerprint(b.h.encode())
	if err := b.writeBody(digest, index, text); err != nil {
		return nil, nil, err
	}
	b.h.fingerprint = digest.sum()
	return index, text, nil
}

// writeBody writes what follows the header.
func (b *Builder) writeBody(w io.Writer, index, text []byte) error {
	var zeros [rowAlign]byte
	at := b.h.index
	write := func(p []byte) error {
		n, err := w.Write(p)
		at += n
		return err
	}
	rest := make([]byte, 0, len(b.entries)+4*len(b.buckets)+rowAlign)
	for _, e := range b.entries {
		rest = append(rest, e.prior)
	}
	if len(b.buckets) > 0 {
		rest = append(rest, zeros[:b.h.buckets-b.h.priors-b.h.count]...)
		for _, bucket := range b.buckets {
			rest = binary.LittleEndian.AppendUint32(rest, bucket)
		}
	}
	for _, p := range [][]byte{index, text, rest} {
		if err := write(p); err != nil {
			return err
		}
	}
	if err := write(zeros[:b.h.rows-at]); err != nil {
		return err
	}
	if b.again != nil {
		return b.writeAgain(write)
	}
	stride := scoring.RowBytes(b.h.dim, b.h.bits)
	for _, e := range b.entries {
		if err := write(b.rows[e.row*stride:][:stride]); err != nil {
			return err
		}
	}
	return write(b.grams)
}

// writeAgain writes the rows of vectors that are read anew.
func (b *Builder) writeAgain(write func(p []byte) error) error {
	var row []byte
	vec := make([]float32, 0, b.h.dim)
	for _, e := range b.entries {
		v, err := b.again.WordVector(vec, e.row)
		if err == nil && len(v) != b.h.dim {
			err = fmt.Errorf("%w: %q has %d columns instead of %d", ErrEntry, e.word, len(v), b.h.dim)
		}
		if err != nil {
			return err
		}
		row = b.appendRow(row[:0], v)
		if err := write(row); err != nil {
			return err
		}
	}
	for _, bucket := range b.buckets {
		v, err := b.again.GramVector(vec, bucket)
		if err == nil && len(v) != b.h.dim {
			err = fmt.Errorf("%w: n-gram bucket %d has %d columns instead of %d", ErrEntry, bucket, len(v), b.h.dim)
		}
		if err != nil {
			return err
		}
		row = scoring.AppendRow(row[:0], v, b.h.bits)
		if err := write(row); err != nil {
			return err
		}
	}
	return nil
}

// countingWriter counts the bytes that w has taken.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
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
