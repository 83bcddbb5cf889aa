package static

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// Constants of fastText's file (fasttext.cc, args.cc).
const (
	fastTextMagic   = 793712314
	fastTextVersion = 12 // the newest; 11 differs for classifiers only
	modelSupervised = 3
	argInts         = 12        // int32 fields of the arguments, then a float64
	minEntryBytes   = 1 + 8 + 1 // NUL, count, type
	entryWord       = 0         // type of a word, not a label
	maxGramLength   = 1 << 10   // of minn and maxn: beyond is a damaged file
)

// FastText is a fastText model file (.bin), unsupervised or supervised, with the
// dictionary, the word vectors and the vectors of character n-grams. Labels of
// classifiers and the output layer are checked for size and left alone.
//
// A FastText is safe for concurrent use until it is closed.
type FastText struct {
	file    io.Closer
	data    []byte
	info    Info
	grams   encoder.Grams
	words   []int64 // offset of each word, which a NUL ends
	slots   []int32 // open addressing: word or -1
	seed    maphash.Seed
	matrix  []byte // (words + buckets) x dim float32s
	labels  int
	skipped atomic.Pointer[Skipped]
}

// cursor reads little-endian numbers and remembers the first time that the bytes
// ended.
type cursor struct {
	data []byte
	at   int
	err  error
}

func (c *cursor) take(n int, what string) []byte {
	if c.err == nil && (n < 0 || n > len(c.data)-c.at) {
		c.err = fmt.Errorf("offset %d: %w in the %s", c.at, ErrTruncated, what)
	}
	if c.err != nil {
		return make([]byte, min(max(n, 0), 8))
	}
	c.at += n
	return c.data[c.at-n : c.at]
}

func (c *cursor) int32(what string) int32 { return int32(binary.LittleEndian.Uint32(c.take(4, what))) }
func (c *cursor) int64(what string) int64 { return int64(binary.LittleEndian.Uint64(c.take(8, what))) }

func newFastText(data []byte, file io.Closer) (*FastText, error) {
	f := &FastText{file: file, data: data, seed: maphash.MakeSeed()}
	c := &cursor{data: data}
	if err := f.readHeader(c); err != nil {
		return nil, err
	}
	if err := f.readDictionary(c); err != nil {
		return nil, err
	}
	if err := f.readMatrices(c); err != nil {
		return nil, err
	}
	charset, err := detectCharset(func(yield func([]byte) bool) {
		for i := range f.words {
			if !yield(f.rawWord(i)) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if charset != charsetUTF8 {
		return nil, fmt.Errorf("%w: the model was trained on text in %s, and its n-grams are cut as if that were UTF-8", ErrCharset, charset)
	}
	f.info.Charset = charset
	f.index()
	return f, nil
}

// readHeader reads magic, version and arguments.
func (f *FastText) readHeader(c *cursor) error {
	c.take(4, "magic")
	version := c.int32("version")
	var args [argInts]int32
	for i := range args {
		args[i] = c.int32("arguments")
	}
	c.take(8, "arguments")
	if c.err != nil {
		return c.err
	}
	if version != fastTextVersion && version != fastTextVersion-1 {
		return fmt.Errorf("offset 4: %w: fastText file version %d, known are %d and %d", ErrFormat, version, fastTextVersion-1, fastTextVersion)
	}
	// dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate
	dim, model, buckets, minn, maxn := args[0], args[7], args[8], args[9], args[10]
	if dim < 1 || dim > maxDim {
		return fmt.Errorf("offset 8: %w: %d columns", ErrDimension, dim)
	}
	if buckets < 0 || minn < 0 || maxn > maxGramLength {
		return fmt.Errorf("offset 40: %w: %d buckets for n-grams of %d to %d characters", ErrFormat, buckets, minn, maxn)
	}
	if version < fastTextVersion && model == modelSupervised {
		maxn = 0 // as fastText does: old classifiers had no n-grams of characters
	}
	f.info = Info{Kind: FastTextBin, Dim: int(dim)}
	f.grams = encoder.Grams{Min: int(minn), Max: int(max(maxn, 0)), Buckets: int(buckets)}
	return nil
}

// readDictionary reads the words and checks the labels behind them.
func (f *FastText) readDictionary(c *cursor) error {
	start := c.at
	size, words, labels := c.int32("dictionary"), c.int32("dictionary"), c.int32("dictionary")
	f.info.Tokens = c.int64("dictionary")
	pruned := c.int64("dictionary")
	if c.err != nil {
		return c.err
	}
	if f.info.Tokens < 0 || words < 0 || labels < 0 || int64(words)+int64(labels) != int64(size) {
		return fmt.Errorf("offset %d: %w: %d words and %d labels in a dictionary of %d", start, ErrFormat, words, labels, size)
	}
	if int64(size)*minEntryBytes > int64(len(c.data)-c.at) {
		return fmt.Errorf("offset %d: %w: %d dictionary entries do not fit into %d bytes", start, ErrTruncated, size, len(c.data)-c.at)
	}
	if pruned >= 0 {
		return fmt.Errorf("offset %d: %w", start, ErrQuantized)
	}
	f.words = make([]int64, 0, words)
	for i := range size {
		at := c.at
		length := bytes.IndexByte(c.data[at:min(len(c.data), at+maxWordBytes+1)], 0)
		if length < 0 && len(c.data)-at > maxWordBytes {
			return fmt.Errorf("offset %d: %w: no word ends within %d bytes", at, ErrFormat, maxWordBytes)
		}
		c.take(length+1, "dictionary")
		count := c.int64("dictionary")
		kind := c.take(1, "dictionary")[0]
		if length < 0 || c.err != nil {
			return fmt.Errorf("offset %d: %w: %d of %d dictionary entries", at, ErrTruncated, i, size)
		}
		if count < 0 || (kind == entryWord) != (i < words) {
			return fmt.Errorf("offset %d: %w: dictionary entry %q has count %d and type %d", at, ErrFormat, cut(c.data[at:at+length]), count, kind)
		}
		if i < words {
			f.words = append(f.words, int64(at))
		}
	}
	f.info.Rows, f.labels = int(words), int(labels)
	return nil
}

// readMatrices finds the input matrix and checks that the output matrix is there.
func (f *FastText) readMatrices(c *cursor) error {
	at := c.at
	if quantised := c.take(1, "input matrix")[0]; c.err == nil && quantised != 0 {
		return fmt.Errorf("offset %d: %w", at, ErrQuantized)
	}
	rows, columns, err := f.matrixShape(c, "input matrix")
	if err != nil {
		return err
	}
	if want := int64(f.info.Rows) + int64(f.grams.Buckets); rows != want || columns != int64(f.info.Dim) {
		return fmt.Errorf("offset %d: %w: input matrix of %d x %d, not %d x %d", at+1, ErrDimension, rows, columns, want, f.info.Dim)
	}
	f.matrix = c.take(int(rows*columns*4), "input matrix")
	if quantised := c.take(1, "output matrix")[0]; c.err == nil && quantised != 0 {
		return fmt.Errorf("offset %d: %w", c.at-1, ErrQuantized)
	}
	rows, columns, err = f.matrixShape(c, "output matrix")
	if err != nil {
		return err
	}
	c.take(int(rows*columns*4), "output matrix")
	return c.err
}

// matrixShape reads the head of a matrix of float32s and checks that the rest of
// the file can hold it.
func (f *FastText) matrixShape(c *cursor, what string) (rows, columns int64, err error) {
	at := c.at
	rows, columns = c.int64(what), c.int64(what)
	if c.err != nil {
		return 0, 0, c.err
	}
	if rows < 0 || columns < 0 || columns > maxDim || columns > 0 && rows > int64(len(c.data)-c.at)/(4*columns) {
		return 0, 0, fmt.Errorf("offset %d: %w: %s of %d x %d in %d bytes", at, ErrTruncated, what, rows, columns, len(c.data)-c.at)
	}
	return rows, columns, nil
}

// index builds the table that words are looked up in, four bytes a slot.
func (f *FastText) index() {
	f.slots = make([]int32, len(f.words)*10/7+1)
	for i := range f.slots {
		f.slots[i] = -1
	}
	for i := range f.words {
		// Of a word that occurs twice the last one counts, as in fastText.
		f.slots[f.slot(f.rawWord(i))] = int32(i)
	}
}

// slot returns where word is or belongs.
func (f *FastText) slot(word []byte) int {
	at := int(maphash.Bytes(f.seed, word) % uint64(len(f.slots)))
	for f.slots[at] >= 0 && !bytes.Equal(f.rawWord(int(f.slots[at])), word) {
		at = (at + 1) % len(f.slots)
	}
	return at
}

// rawWord returns the bytes of a word in the file.
func (f *FastText) rawWord(i int) []byte {
	data := f.data[f.words[i]:]
	return data[:bytes.IndexByte(data, 0)]
}

// Info says what the file is.
func (f *FastText) Info() Info { return f.info }

// Skipped says what the last complete run of Rows left out.
func (f *FastText) Skipped() Skipped {
	if s := f.skipped.Load(); s != nil {
		return *s
	}
	return Skipped{}
}

// Close lets go of the file.
func (f *FastText) Close() error { return f.file.Close() }

// Grams says how words are cut into n-grams; Buckets is 0 for a model without.
func (f *FastText) Grams() encoder.Grams {
	if f.grams.Max < 1 || f.grams.Buckets == 0 {
		return encoder.Grams{}
	}
	return f.grams
}

// Labels returns the number of labels of a classifier, 0 for word vectors.
func (f *FastText) Labels() int { return f.labels }

// GramVector appends the vector of an n-gram bucket to dst. It returns an error
// wrapping [ErrNotFinite] for a damaged vector and panics if the bucket is not
// below Grams().Buckets.
func (f *FastText) GramVector(dst []float32, bucket uint32) ([]float32, error) {
	if int64(bucket) >= int64(f.grams.Buckets) {
		panic(fmt.Sprintf("static: bucket %d of %d", bucket, f.grams.Buckets))
	}
	start := len(dst)
	dst = append(dst, make([]float32, f.info.Dim)...)
	return dst, f.decodeRow(dst[start:], len(f.words)+int(bucket))
}

func (f *FastText) decodeRow(vector []float32, row int) error {
	size := 4 * f.info.Dim
	if err := decodeFloats(vector, f.matrix[row*size:(row+1)*size]); err != nil {
		return fmt.Errorf("input matrix, row %d: %w", row, err)
	}
	return nil
}

// Vector appends the vector of word to dst, as fastText's print-word-vectors
// would print it: the mean of the vectors of its n-grams and, for a word of the
// dictionary, its own. ok is false, and the vector zero, for a word that has
// neither. The error wraps [ErrNotFinite] for a damaged vector.
func (f *FastText) Vector(dst []float32, word string) (vector []float32, ok bool, err error) {
	start := len(dst)
	dst = append(dst, make([]float32, f.info.Dim)...)
	row := -1
	if i := f.slots[f.slot([]byte(word))]; i >= 0 {
		row = int(i)
	}
	n, err := f.compose(dst[start:], make([]float32, f.info.Dim), nil, row, word)
	return dst, n > 0, err
}

// compose sets sum to the mean of the rows of a word, row < 0 for one outside
// the dictionary, and returns how many those are. scratch holds a row.
func (f *FastText) compose(sum, scratch []float32, grams []uint32, row int, word string) (int, error) {
	clear(sum)
	n := 0
	if row >= 0 {
		if err := f.decodeRow(sum, row); err != nil {
			return 0, err
		}
		n++
	}
	for _, bucket := range f.grams.Append(grams[:0], word) {
		if err := f.decodeRow(scratch, len(f.words)+int(bucket)); err != nil {
			return 0, err
		}
		for i, v := range scratch {
			sum[i] += v
		}
		n++
	}
	if n > 1 {
		factor := float32(1 / float64(n))
		for i := range sum {
			sum[i] *= factor
		}
	}
	if c := notFinite(sum); c >= 0 {
		return 0, fmt.Errorf("%w: the sum of its n-grams in column %d", ErrNotFinite, c+1)
	}
	return n, nil
}

func (f *FastText) vectorAt(vector []float32, at int) error {
	word, _ := decodeWord(f.rawWord(at), f.info.Charset)
	_, err := f.compose(vector, make([]float32, len(vector)), nil, at, word)
	return err
}

// Rows reads the words of the dictionary with their composed vectors.
func (f *FastText) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var skipped Skipped
		vector, scratch := make([]float32, f.info.Dim), make([]float32, f.info.Dim)
		grams := make([]uint32, 0, 256)
		for i, at := range f.words {
			raw := f.rawWord(i)
			word, ok := decodeWord(raw, f.info.Charset)
			switch {
			case len(raw) == 0:
				skipped.Empty++
				continue
			case !ok:
				skipped.Invalid++
				continue
			}
			if _, err := f.compose(vector, scratch, grams, i, word); err != nil {
				yield(Row{}, fmt.Errorf("word %q: %w", cut(raw), err))
				return
			}
			count := binary.LittleEndian.Uint64(f.data[int(at)+len(raw)+1:])
			if !yield(Row{Word: word, Vector: vector, Count: int64(count), at: i}, nil) {
				return
			}
		}
		f.skipped.Store(&skipped)
	}
}
