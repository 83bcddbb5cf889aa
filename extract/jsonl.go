package extract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// Record is one line of a JSON Lines file.
type Record struct {
	// ID is never empty. A number is taken as it is written.
	ID    string
	Title string
	Text  string
	// Meta holds the members of "meta", nil if there are none: strings as they
	// are, numbers as written, true and false, and arrays and objects as JSON
	// without white space. Members that are null are left out.
	Meta map[string]string
	// Line is the number of the record's line, from 1.
	Line int
}

// DefaultMaxLineBytes is the longest line that Records reads unless told
// otherwise: 64 MiB. A record is held in memory as a whole, about three times
// its length while it is decoded.
const DefaultMaxLineBytes = 64 << 20

// Records reads JSON Lines: on each line an object
// {"id": "...", "title": "...", "text": "...", "meta": {...}}.
//
// "id" (a string that is not empty, or a number) and "text" (a string, possibly
// empty) are required; "title" and "meta" may be missing or null, and other
// members are disregarded. Blank lines, a byte order mark at the start and a
// missing line end at the end are fine; invalid UTF-8 becomes U+FFFD. Equal ids
// are not looked for. maxLineBytes of 0 stands for DefaultMaxLineBytes.
//
// A line that is not such an object yields an error that wraps ErrJSONL and
// names the line; the sequence then goes on with the next line, unless the
// caller stops. A read error ends it. Memory is bounded by the longest line.
func Records(r io.Reader, maxLineBytes int) iter.Seq2[Record, error] {
	if maxLineBytes <= 0 {
		maxLineBytes = DefaultMaxLineBytes
	}
	return func(yield func(Record, error) bool) {
		in := bufio.NewReaderSize(r, peekBytes)
		var line []byte
		for n := 1; ; n++ {
			var tooLong bool
			var err error
			line, tooLong, err = readLine(in, line[:0], maxLineBytes)
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if err != nil && err != io.EOF {
				yield(Record{}, fmt.Errorf("extract: reading line %d: %w", n, err))
				return
			}
			switch {
			case tooLong:
				if !yield(Record{}, fmt.Errorf("%w: line %d: longer than %d bytes", ErrJSONL, n, maxLineBytes)) {
					return
				}
			case len(bytes.TrimSpace(line)) > 0:
				record, bad := parseRecord(bytes.TrimRight(line, "\r\n"))
				if bad != nil {
					record, bad = Record{}, fmt.Errorf("%w: line %d: %w", ErrJSONL, n, bad)
				}
				record.Line = n
				if !yield(record, bad) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// readLine appends the next line to dst. The rest of a line longer than
// maxBytes is read and dropped.
func readLine(in *bufio.Reader, dst []byte, maxBytes int) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(dst)+len(part) > maxBytes+1 {
			tooLong = true
		}
		if !tooLong {
			dst = append(dst, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return dst, tooLong, err
		}
	}
}

func parseRecord(line []byte) (Record, error) {
	var raw struct {
		ID    json.RawMessage            `json:"id"`
		Title *string                    `json:"title"`
		Text  *string                    `json:"text"`
		Meta  map[string]json.RawMessage `json:"meta"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return Record{}, explain(line, err)
	}
	id, err := scalar(raw.ID)
	switch {
	case len(raw.ID) == 0 || string(raw.ID) == "null":
		return Record{}, errors.New(`no "id"`)
	case err != nil || raw.ID[0] == 't' || raw.ID[0] == 'f' || raw.ID[0] == '{' || raw.ID[0] == '[':
		return Record{}, errors.New(`"id" is neither a string nor a number`)
	case id == "":
		return Record{}, errors.New(`"id" is empty`)
	case raw.Text == nil:
		return Record{}, fmt.Errorf(`no "text" in record %q`, id)
	}
	record := Record{ID: id, Text: *raw.Text}
	if raw.Title != nil {
		record.Title = *raw.Title
	}
	for name, value := range raw.Meta {
		if string(value) == "null" {
			continue
		}
		text, err := scalar(value)
		if err != nil {
			return Record{}, fmt.Errorf("meta %q: %w", name, err)
		}
		if record.Meta == nil {
			record.Meta = make(map[string]string, len(raw.Meta))
		}
		record.Meta[name] = text
	}
	return record, nil
}

// scalar returns a JSON string's text, and any other value as compact JSON.
func scalar(value json.RawMessage) (string, error) {
	if len(value) == 0 {
		return "", nil
	}
	if value[0] == '"' {
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(b.String(), replacement), nil
}

// explain turns a decoding error into words that fit a line of a file.
func explain(line []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")):
		return errors.New("an array; expected one object a line")
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("a %s; expected an object", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%q is a %s", kind.Field, kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("column %d: %s", syntax.Offset, strings.TrimPrefix(syntax.Error(), "json: "))
	}
	return err
}
