package encoder

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"unsafe"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// Table is a static encoder read in place from bytes. It is immutable and safe
// for concurrent use; none of its methods panics on a word, whatever its bytes.
// Methods that take a row panic if it is not below Len, except Word.
type Table struct {
	header
	data   []byte
	words  wordList
	priors []byte
	vecs   scoring.Rows
}

// NewTable returns the table stored in data by a [Builder]. It reads the header
// alone, so that opening costs the same for every size; [Table.Verify] reads the
// rest. The error wraps [ErrTable] or [ErrTableVersion]. data is kept and must not be
// written into.
func NewTable(data []byte) (*Table, error) {
	h, err := decodeHeader(data, len(data))
	if err != nil {
		return nil, err
	}
	rows, err := scoring.NewRows(data[h.rows:h.size:h.size], h.dim, h.bits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTable, err)
	}
	return &Table{
		header: h,
		data:   data,
		words: wordList{
			index: data[h.index:h.words],
			text:  asString(data[h.words:h.priors]),
			count: h.count,
		},
		priors: data[h.priors : h.priors+h.count],
		vecs:   rows,
	}, nil
}

// asString returns the bytes of b as a string without copying them.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Name returns the name that the table was built with.
func (t *Table) Name() string { return t.name }

// Fingerprint returns 16 hexadecimal digits that stand for every byte of the
// table. They are stored in it, not computed; [Table.Verify] computes them.
func (t *Table) Fingerprint() string { return hex.EncodeToString(t.fingerprint[:]) }

// Dim returns the number of dimensions.
func (t *Table) Dim() int { return t.dim }

// Len returns the number of words.
func (t *Table) Len() int { return t.count }

// Params returns the constants of the score that are stored with the vectors.
func (t *Table) Params() scoring.Params { return t.params }

// Row returns the row of a folded word, in about log2(Len/16) string comparisons
// and without allocating. Rows are numbered by the words' byte order.
func (t *Table) Row(word string) (uint32, bool) {
	if len(word) == 0 || len(word) > t.longest {
		return 0, false
	}
	return t.words.find(word)
}

// Word returns the word of a row, "" if there is no such row.
func (t *Table) Word(row uint32) string {
	var buf [maxWordBytes]byte
	return string(t.words.at(buf[:0], row))
}

// Prior returns -ln of the relative frequency of the row's word in general
// language, in [0, 15.94] nats, rounded to 1/16 (off by at most 1/32).
func (t *Table) Prior(row uint32) float32 { return float32(t.priors[row]) / priorStep }

// Vector appends the unit vector of a row to dst, Dim columns. Its length is 1
// to within 0.004.
func (t *Table) Vector(dst []float32, row uint32) []float32 { return t.vecs.Vector(dst, row) }

// Query prepares a vector of Dim columns for dot products. It should have length
// 1, so that these are cosines.
func (t *Table) Query(vec []float32) scoring.Query { return scoring.NewQuery(vec) }

// Dot returns the cosine of q with a row.
func (t *Table) Dot(q *scoring.Query, row uint32) float32 { return t.vecs.Dot(q, row) }

// DotMany sets out[i] to the cosine of q with rows[i].
func (t *Table) DotMany(q *scoring.Query, rows []uint32, out []float32) {
	t.vecs.DotMany(q, rows, out)
}

// Verify reads the whole table and returns an error wrapping [ErrTable] unless
// its bytes have the stored fingerprint, its words are sorted and distinct and
// its scales are finite. It takes some tens of milliseconds for the default.
func (t *Table) Verify() error {
	if got := fingerprintOf(t.data); got != t.fingerprint {
		return fmt.Errorf("%w: fingerprint %x, its header says %x", ErrTable, got, t.fingerprint)
	}
	var buf [maxWordBytes]byte
	before := ""
	for row := range uint32(t.count) {
		word := string(t.words.at(buf[:0], row))
		if word <= before || len(word) > t.longest {
			return fmt.Errorf("%w: word %d, %q, is out of order or too long", ErrTable, row, word)
		}
		before = word
	}
	stride := scoring.RowBytes(t.dim, t.bits)
	for row := range t.count {
		scales := t.data[t.rows+row*stride:][:scoring.ScaleBytes(t.dim)]
		for i := 0; i < len(scales); i += 2 {
			if s := math.Float32frombits(uint32(binary.LittleEndian.Uint16(scales[i:])) << 16); s-s != 0 {
				return fmt.Errorf("%w: row %d has a scale that is no number", ErrTable, row)
			}
		}
	}
	return nil
}

// fingerprintOf computes the fingerprint of a whole table.
func fingerprintOf(data []byte) [fingerprintBytes]byte {
	var head [headerBytes]byte
	copy(head[:], data)
	clear(head[atFingerprint : atFingerprint+fingerprintBytes])
	clear(head[atChecksum:])
	h := sha256.New()
	h.Write(head[:])
	h.Write(data[headerBytes:])
	return [fingerprintBytes]byte(h.Sum(nil))
}
