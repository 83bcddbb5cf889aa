package static

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"sync/atomic"
	"unsafe"
)

// text is a file of lines "word x1 … xdim", with spaces or tabs between.
//
// Only these two separate columns and only "\n" ends a line (with or without a
// "\r" before it), because words in published tables contain every other white
// space of Unicode. Words may even contain spaces (GloVe 840B has ". . ."): a
// row's vector is its last dim columns. But a column too many is an error, not
// a part of the word, if it looks like a number.
type text struct {
	file    io.Closer
	info    Info
	body    []byte
	line    int // of the first byte of body, counted from 1
	skipped atomic.Pointer[Skipped]
}

// newText takes the dimension from the first line that is not blank if the
// header did not say it.
func newText(file io.Closer, info Info, body []byte, opts *Options) (Source, error) {
	t := &text{file: file, info: info, body: body, line: 1}
	if info.Rows >= 0 {
		t.line = 2
	} else {
		dim, err := firstDim(body)
		if err != nil {
			return nil, err
		}
		t.info.Dim = dim
	}
	if t.info.Charset = opts.Charset; t.info.Charset == "" {
		charset, err := detectCharset(t.words())
		if err != nil {
			return nil, err
		}
		t.info.Charset = charset
	}
	return t, nil
}

// firstDim returns the number of columns after the word in the first line that
// is not blank.
func firstDim(body []byte) (int, error) {
	number := 0
	for line := range bytes.Lines(body) {
		number++
		fields := bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
		if len(fields) == 0 {
			continue
		}
		dim := 0
		for dim < len(fields)-1 && isNumber(fields[len(fields)-1-dim]) {
			dim++
		}
		if dim == 0 {
			return 0, fmt.Errorf("%w: line %d is no word with numbers behind it", ErrFormat, number)
		}
		if dim > maxDim {
			return 0, fmt.Errorf("line %d: %w: %d columns", number, ErrDimension, dim)
		}
		return dim, nil
	}
	return 0, fmt.Errorf("%w: only blank lines", ErrTruncated)
}

func (t *text) Info() Info { return t.info }

func (t *text) Skipped() Skipped {
	if s := t.skipped.Load(); s != nil {
		return *s
	}
	return Skipped{}
}

func (t *text) Close() error { return t.file.Close() }

// words yields the bytes before the first separator of each line.
func (t *text) words() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(t.body) {
			if end := bytes.IndexAny(line, " \t"); end > 0 && !yield(line[:end]) {
				return
			}
		}
	}
}

func (t *text) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var skipped Skipped
		vector := make([]float32, t.info.Dim)
		number, rows, at, end := t.line-1, 0, 0, 0
		for line := range bytes.Lines(t.body) {
			number++
			at, end = end, end+len(line)
			if len(trimRight(line)) == 0 {
				skipped.Empty++
				continue
			}
			if rows++; t.info.Rows >= 0 && rows > t.info.Rows {
				yield(Row{}, fmt.Errorf("line %d: %w: more rows than the %d that line 1 announces", number, ErrFormat, t.info.Rows))
				return
			}
			raw, err := splitLine(line, vector)
			if err != nil {
				yield(Row{}, fmt.Errorf("line %d: word %q: %w", number, cut(firstWord(line)), err))
				return
			}
			if len(raw) == 0 {
				skipped.Empty++
				continue
			}
			word, ok := decodeWord(raw, t.info.Charset)
			if !ok {
				skipped.Invalid++
				continue
			}
			if !yield(Row{Word: word, Vector: vector, at: at}, nil) {
				return
			}
		}
		if rows < t.info.Rows {
			yield(Row{}, fmt.Errorf("line %d: %w: %d rows of the %d that line 1 announces", number, ErrTruncated, rows, t.info.Rows))
			return
		}
		t.skipped.Store(&skipped)
	}
}

func (t *text) vectorAt(vector []float32, at int) error {
	line := t.body[at:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	_, err := splitLine(line, vector)
	return err
}

// splitLine sets vector to the last columns of line and returns the word before
// them, which is empty if the line began with a separator.
func splitLine(line []byte, vector []float32) ([]byte, error) {
	rest := trimRight(line)
	for i := len(vector) - 1; i >= 0; i-- {
		end := len(rest)
		for end > 0 && rest[end-1] != ' ' && rest[end-1] != '\t' {
			end--
		}
		if end == 0 {
			return nil, fmt.Errorf("%w: %d columns, not %d", ErrDimension, len(vector)-1-i, len(vector))
		}
		v, err := parseFloat(rest[end:])
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		}
		vector[i] = v
		rest = trimRight(rest[:end-1])
	}
	if len(rest) > maxWordBytes {
		return nil, fmt.Errorf("%w: a word of %d bytes", ErrFormat, len(rest))
	}
	for extra := range bytes.FieldsSeq(rest[firstSeparator(rest):]) {
		if isNumber(extra) {
			return nil, fmt.Errorf("%w: more than %d columns", ErrDimension, len(vector))
		}
	}
	return rest, nil
}

// firstWord returns the first column of a line, with which an error names its row.
func firstWord(line []byte) []byte {
	word := line[:firstSeparator(line)]
	return trimRight(word)
}

// firstSeparator returns where the first column of b ends.
func firstSeparator(b []byte) int {
	if i := bytes.IndexAny(b, " \t"); i >= 0 {
		return i
	}
	return len(b)
}

func trimRight(b []byte) []byte {
	end := len(b)
	for end > 0 && (b[end-1] == ' ' || b[end-1] == '\t' || b[end-1] == '\r' || b[end-1] == '\n') {
		end--
	}
	return b[:end]
}

// isNumber reports whether b is a number of any size, NaN or an infinity.
func isNumber(b []byte) bool {
	_, err := strconv.ParseFloat(string(b), 64)
	return err == nil || errors.Is(err, strconv.ErrRange) || isNaN(b)
}

// isNaN reports whether b is what a C library prints for something that is no finite
// number and strconv does not read: "-nan", "-nan(ind)", "1.#QNAN", "-1.#INF".
func isNaN(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	if bytes.HasPrefix(b, []byte("1.#")) {
		return true
	}
	return len(b) >= 3 && bytes.EqualFold(b[:3], []byte("nan")) && (len(b) == 3 || b[3] == '(' && b[len(b)-1] == ')')
}

// parseFloat parses a component. The string shares the bytes of the file for the
// time of the call: a copy would double the time of reading a table.
func parseFloat(b []byte) (float32, error) {
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 32)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0) || err != nil && isNaN(b):
		return 0, fmt.Errorf("%w: %q", ErrNotFinite, cut(b))
	case err != nil:
		return 0, fmt.Errorf("%w: %q is no number", ErrFormat, cut(b))
	}
	return float32(v), nil
}

// cut returns a piece of b that is short enough for an error message.
func cut(b []byte) []byte { return b[:min(len(b), 40)] }
