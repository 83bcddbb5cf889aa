package encoder

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sort"
	"unsafe"

	"github.com/ciyuan-search/ciyuan/internal/mapped"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// Table is a static encoder read in place from bytes. It is immutable and safe
// for concurrent use; none of its methods panics on a word, whatever its bytes.
// Methods that take a row panic if it does not exist, except Word. Rows below Len
// are words; those of n-grams follow, and only Compose names them.
type Table struct {
	header
	data   []byte
	words  wordList
	priors []byte
	bucket []byte // n-gram buckets with a row, ascending uint32s
	vecs   scoring.Rows
	file   *mapped.File // nil for bytes of the caller's
}

// OpenTable opens a table that a [Builder] has written to a file. The file is
// mapped and its header read, whatever its size; [Table.Verify] reads the rest. A
// table must be closed, and a file in use be replaced by rename only. Errors are
// those of [NewTable] and of the file.
func OpenTable(path string) (*Table, error) {
	file, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := NewTable(file.Bytes())
	if err != nil {
		_ = file.Close() // the other error says more
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	t.file = file
	return t, nil
}

// Close lets go of the file of a table from [OpenTable], which must not be used any
// more. It does nothing for other tables.
func (t *Table) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
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
		bucket: data[h.buckets : h.buckets+4*h.gramRows],
		vecs:   rows,
	}, nil
}

// asString returns the bytes of b as a string without copying them.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Name returns the name that the table was built with.
func (t *Table) Name() string { return t.name }

// License returns the name of the licence of the vectors, "" if it is not stated.
func (t *Table) License() string { return t.license }

// Fingerprint returns 16 hexadecimal digits that stand for every byte of the
// table but the licence. They are stored in it, not computed; [Table.Verify] computes them.
func (t *Table) Fingerprint() string { return hex.EncodeToString(t.fingerprint[:]) }

// Dim returns the number of dimensions.
func (t *Table) Dim() int { return t.dim }

// Bits returns the number of bits that a column takes.
func (t *Table) Bits() scoring.Bits { return t.bits }

// Len returns the number of words.
func (t *Table) Len() int { return t.count }

// Rows returns the number of rows: of the words and of the n-grams.
func (t *Table) Rows() int { return t.count + t.gramRows }

// GramRows returns the number of n-grams that have a row.
func (t *Table) GramRows() int { return t.gramRows }

// Bytes returns the size of the table.
func (t *Table) Bytes() int64 { return int64(t.size) }

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

// Grams says how words without a vector are cut into n-grams; the zero value
// means that they are composed of words.
func (t *Table) Grams() Grams { return t.grams }

// gramRow returns the row of an n-gram bucket.
func (t *Table) gramRow(bucket uint32) (uint32, bool) {
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(t.bucket[4*i:]) }
	i := sort.Search(t.gramRows, func(i int) bool { return at(i) >= bucket })
	if i == t.gramRows || at(i) != bucket {
		return 0, false
	}
	return uint32(t.count + i), true
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
// its rows are finite. It takes some tens of milliseconds for the default.
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
	for i := range t.gramRows {
		bucket := binary.LittleEndian.Uint32(t.bucket[4*i:])
		if int64(bucket) >= int64(t.grams.Buckets) || i > 0 && bucket <= binary.LittleEndian.Uint32(t.bucket[4*i-4:]) {
			return fmt.Errorf("%w: n-gram bucket %d is out of order", ErrTable, bucket)
		}
	}
	for row := range t.count + t.gramRows {
		if !t.vecs.Finite(uint32(row)) {
			return fmt.Errorf("%w: row %d has a number that is not finite", ErrTable, row)
		}
	}
	return nil
}

// fingerprint computes the fingerprint of a table from its header and what is
// written to it.
type fingerprint struct{ hash.Hash }

func newFingerprint(head []byte) fingerprint {
	var masked [headerBytes]byte
	copy(masked[:], head)
	clear(masked[atFingerprint : atFingerprint+fingerprintBytes])
	clear(masked[atLicense:]) // and the checksum
	h := sha256.New()
	h.Write(masked[:])
	return fingerprint{h}
}

func (f fingerprint) sum() [fingerprintBytes]byte { return [fingerprintBytes]byte(f.Sum(nil)) }

// fingerprintOf computes the fingerprint of a whole table.
func fingerprintOf(data []byte) [fingerprintBytes]byte {
	f := newFingerprint(data)
	f.Write(data[headerBytes:])
	return f.sum()
}
