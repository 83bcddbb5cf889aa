package static

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"sync/atomic"
)

// word2vec is a file in the binary format of Google's word2vec: the header, then
// for each row the word, a space, and its components as little-endian float32s.
// word2vec ends each row with "\n", other writers do not: newlines before a word
// are skipped.
type word2vec struct {
	file    io.Closer
	info    Info
	data    []byte
	body    int // where the rows begin
	skipped atomic.Pointer[Skipped]
}

func newBinary(file io.Closer, info Info, data []byte, body int, opts *Options) (Source, error) {
	b := &word2vec{file: file, info: info, data: data, body: body}
	if b.info.Charset = opts.Charset; b.info.Charset == "" {
		charset, err := detectCharset(func(yield func([]byte) bool) {
			for r := range b.raw() {
				if r.err != nil || !yield(r.word) {
					return
				}
			}
		})
		if err != nil {
			return nil, err
		}
		b.info.Charset = charset
	}
	return b, nil
}

func (b *word2vec) Info() Info { return b.info }

func (b *word2vec) Skipped() Skipped {
	if s := b.skipped.Load(); s != nil {
		return *s
	}
	return Skipped{}
}

func (b *word2vec) Close() error { return b.file.Close() }

// rawRow is a row as it lies in the file.
type rawRow struct {
	word, vector []byte
	offset       int // of the vector
	err          error
}

// raw yields the rows undecoded; the last one may be an error.
func (b *word2vec) raw() iter.Seq[rawRow] {
	return func(yield func(rawRow) bool) {
		data, at, size := b.data, b.body, 4*b.info.Dim
		for row := range b.info.Rows {
			for at < len(data) && data[at] == '\n' {
				at++
			}
			length := bytes.IndexByte(data[at:min(len(data), at+maxWordBytes+1)], ' ')
			switch {
			case length < 0 && len(data)-at <= maxWordBytes, length >= 0 && len(data)-at-length-1 < size:
				yield(rawRow{err: fmt.Errorf("offset %d: %w: %d rows of %d", at, ErrTruncated, row, b.info.Rows)})
				return
			case length < 0:
				yield(rawRow{err: fmt.Errorf("offset %d: %w: no word ends within %d bytes", at, ErrFormat, maxWordBytes)})
				return
			}
			start := at + length + 1
			if !yield(rawRow{word: data[at : at+length], vector: data[start : start+size], offset: start}) {
				return
			}
			at = start + size
		}
		if rest := bytes.TrimLeft(data[at:], "\n"); len(rest) > 0 {
			yield(rawRow{err: fmt.Errorf("offset %d: %w: %d bytes after the last of %d rows",
				len(data)-len(rest), ErrFormat, len(rest), b.info.Rows)})
		}
	}
}

func (b *word2vec) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var skipped Skipped
		vector := make([]float32, b.info.Dim)
		number := 0
		for r := range b.raw() {
			if r.err != nil {
				yield(Row{}, r.err)
				return
			}
			number++
			if err := decodeFloats(vector, r.vector); err != nil {
				yield(Row{}, fmt.Errorf("offset %d: row %d: word %q: %w", r.offset, number, cut(r.word), err))
				return
			}
			if len(r.word) == 0 {
				skipped.Empty++
				continue
			}
			word, ok := decodeWord(r.word, b.info.Charset)
			if !ok {
				skipped.Invalid++
				continue
			}
			if !yield(Row{Word: word, Vector: vector, at: r.offset}, nil) {
				return
			}
		}
		b.skipped.Store(&skipped)
	}
}

func (b *word2vec) vectorAt(vector []float32, at int) error {
	return decodeFloats(vector, b.data[at:])
}

// decodeFloats sets vector to the little-endian float32s in b.
func decodeFloats(vector []float32, b []byte) error {
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if c := notFinite(vector); c >= 0 {
		return fmt.Errorf("%w: column %d is %v", ErrNotFinite, c+1, vector[c])
	}
	return nil
}

// notFinite returns the first column of vector that is NaN or infinite, else -1.
func notFinite(vector []float32) int {
	for i, v := range vector {
		if v-v != 0 { // of all numbers only for these
			return i
		}
	}
	return -1
}
