// Package static reads tables of word vectors made by other programs: word2vec
// text and binary, GloVe, fastText .vec and .bin, Model2Vec folders. Most callers
// need only [Open], which tells the formats apart by content, and [Convert], which
// turns what it returns into a table of our own.
//
// Files are read through the memory map and never trusted: every length in a
// header is checked against the bytes that are there, so a lying header costs no
// memory, and an error names the line or the byte at which the file is wrong.
package static

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/ciyuan-search/ciyuan/internal/mapped"
)

// Errors of every reader; errors.Is finds them through the line or offset that
// is wrapped around them.
var (
	// ErrFormat is returned when a file is none of the known formats, or breaks
	// the grammar of its own.
	ErrFormat = errors.New("static: not a known table of word vectors")
	// ErrTruncated is returned when a file ends before what its header promises.
	ErrTruncated = errors.New("static: file is truncated")
	// ErrDimension is returned when a dimension is not in 1..65536, a row has
	// another number of columns, or a matrix another shape, than announced.
	ErrDimension = errors.New("static: wrong dimension")
	// ErrNotFinite is returned when a component is NaN, infinite or no float32.
	ErrNotFinite = errors.New("static: component is not a finite number")
	// ErrCharset is returned when most words beyond ASCII are neither UTF-8 nor
	// GB 18030, or not UTF-8 in a file whose sub-words depend on the bytes.
	ErrCharset = errors.New("static: words are not in a known charset")
	// ErrQuantized is returned for a product-quantised fastText model (.ftz):
	// such models are made for classifiers and have lost most of their words.
	// Use the .bin that it was made from.
	ErrQuantized = errors.New("static: quantised fastText models (.ftz) are not supported")
)

const (
	maxDim       = 1 << 16 // of every table of ciyuan, see scoring.Rows
	maxWordBytes = 4096    // longer "words" are a sign of a damaged file
)

// Kind is a file format.
type Kind uint8

// The formats that Open tells apart.
const (
	Word2VecText    Kind = iota + 1 // also fastText .vec: a line "rows columns", then GloVe's lines
	Word2VecBinary                  // the same first line, then word, space, little-endian float32s
	GloVe                           // a line a word, no header
	FastTextBin                     // the whole model, with the vectors of character n-grams
	Model2VecFolder                 // vectors of sub-word pieces: model.safetensors and tokenizer.json
	Trained                         // no file: vectors made by this program
)

// String returns the name that people know the format by.
func (k Kind) String() string {
	switch k {
	case Word2VecText:
		return "word2vec text"
	case Word2VecBinary:
		return "word2vec binary"
	case GloVe:
		return "GloVe text"
	case FastTextBin:
		return "fastText model"
	case Model2VecFolder:
		return "Model2Vec folder"
	case Trained:
		return "trained here"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

// Info says what a file is.
type Info struct {
	Kind Kind
	// Dim is the number of columns of a vector, 1..65536.
	Dim int
	// Rows is the number of words that the header announces, -1 where the format
	// has no such number. [Source.Rows] fails if it does not keep to it.
	Rows int
	// Charset is "utf-8" or "gb18030", from which words are decoded.
	Charset string
	// Tokens is the number of words of the training text, 0 if unknown.
	Tokens int64
	// License is the name of the licence, where the file or folder states it.
	License string
}

// Row is a word and its vector. Vector is overwritten by the next row: copy what
// is to stay.
type Row struct {
	// Word is valid UTF-8 and not empty. It may occur twice in a file.
	Word string
	// Vector has Info.Dim finite components.
	Vector []float32
	// Count is how often the word occurred in the training text, 0 if unknown.
	Count int64

	at int // where a rereader finds the row
}

// rereader is implemented by the sources of this package.
type rereader interface {
	// vectorAt sets vector to that of a row which was read before.
	vectorAt(vector []float32, at int) error
}

// Skipped counts rows that were left out without an error, because files in
// daily use contain them.
type Skipped struct {
	Empty   int // blank lines, and rows whose word is empty
	Invalid int // words that are not valid in the file's charset, as word2vec's cutting at 100 bytes leaves behind
}

// Source is an open file of word vectors.
type Source interface {
	// Info says what the file is. It may be called at any time.
	Info() Info
	// Rows reads the words in file order, most frequent first by convention.
	// After an error, which comes with a zero Row, nothing follows. Every call
	// starts again from the first row; calls may run at the same time.
	Rows() iter.Seq2[Row, error]
	// Skipped says what the last complete run of Rows left out.
	Skipped() Skipped
	// Close lets go of the file. Rows must not run any more.
	io.Closer
}

// Options change how a file is read. The zero value detects everything.
type Options struct {
	// Charset is "utf-8", "gb18030" or empty, which means: UTF-8, unless most of
	// the words beyond ASCII among the first rows are not, but are GB 18030.
	Charset string
}

// Open opens the file at path and tells its format by content, whatever its name;
// a folder is opened as Model2Vec's, with the errors of packages safetensors and
// subword besides those of this one. opts may be nil. Only the header is read, except for a fastText model, whose
// dictionary is scanned as well (a second for two million words).
func Open(path string, opts *Options) (Source, error) {
	if isDir(path) {
		m, err := openModel2Vec(path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		return m, nil
	}
	file, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	source, err := parse(file.Bytes(), file, opts)
	if err != nil {
		_ = file.Close() // the error of the contents says more
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return source, nil
}

// parse recognises data. Closing the returned Source closes file.
func parse(data []byte, file io.Closer, opts *Options) (Source, error) {
	if opts == nil {
		opts = &Options{}
	}
	switch opts.Charset {
	case "", charsetUTF8, charsetGB18030:
	default:
		return nil, fmt.Errorf("%w: unknown option %q", ErrCharset, opts.Charset)
	}
	if len(data) >= 4 && binary.LittleEndian.Uint32(data) == fastTextMagic {
		return newFastText(data, file)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrTruncated)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	rows, dim, body, err := header(data)
	if err != nil {
		return nil, err
	}
	if rows < 0 {
		return newText(file, Info{Kind: GloVe, Rows: -1}, data, opts)
	}
	info := Info{Kind: Word2VecText, Dim: dim, Rows: rows}
	if isText(data[body:]) {
		return newText(file, info, data[body:], opts)
	}
	info.Kind = Word2VecBinary
	return newBinary(file, info, data, body, opts)
}

// header reads a first line of two integers, "rows columns". It returns rows =
// -1 if there is no such line, and where the rows begin otherwise.
func header(data []byte) (rows, dim, body int, err error) {
	line, _, _ := bytes.Cut(data[:min(len(data), 64)], []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) != 2 || !isDigits(fields[0]) || !isDigits(fields[1]) {
		return -1, 0, 0, nil
	}
	if len(line) == len(data) || len(line) == 64 {
		return 0, 0, 0, fmt.Errorf("%w: nothing follows the header %q", ErrTruncated, line)
	}
	rows, okRows := atoi(fields[0])
	dim, okDim := atoi(fields[1])
	if !okDim || dim < 1 || dim > maxDim {
		return 0, 0, 0, fmt.Errorf("line 1: %w: %s columns", ErrDimension, fields[1])
	}
	body = len(line) + 1
	// A row has at least a word, a separator and two bytes a column.
	if !okRows || int64(rows) > int64(len(data)-body)/(2*int64(dim)) {
		return 0, 0, 0, fmt.Errorf("line 1: %w: %s rows of %d columns do not fit into %d bytes",
			ErrTruncated, fields[0], dim, len(data)-body)
	}
	return rows, dim, body, nil
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// atoi returns the value of digits, and whether it is below 2^40.
func atoi(digits []byte) (int, bool) {
	const most = 1 << 40
	n := int64(0)
	for _, c := range digits {
		if n = n*10 + int64(c-'0'); n >= most {
			return 0, false
		}
	}
	return int(n), int64(int(n)) == n
}

// isText reports whether the bytes after a header are lines of text. Float32s in
// binary contain control characters with near certainty within a hundred of them; for
// files without any and shorter than that, the first line that is not blank settles
// it: half of what stands behind its word are numbers, among which NaN and infinities
// count, so that the reader of text can say where they are.
func isText(body []byte) bool {
	const enough = 512
	window := body[:min(len(body), 4096)]
	for _, c := range window {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	if len(window) >= enough {
		return true
	}
	line, _, _ := bytes.Cut(bytes.TrimLeft(window, " \t\r\n"), []byte("\n"))
	columns, numbers := 0, 0
	for field := range bytes.FieldsSeq(line[firstSeparator(line):]) {
		columns++
		if isNumber(field) {
			numbers++
		}
	}
	return 2*numbers >= columns
}
