package extract

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// source decodes a byte stream to valid UTF-8.
type source struct {
	raw     io.Reader
	format  Format
	charset Charset
	hint    Charset // what the document says of itself
	decided bool    // else nothing but ASCII has been seen
	store   []byte
	head    []byte    // the part of store not yet decoded
	ended   error     // what raw ended with
	decoded io.Reader // set for character sets other than UTF-8
	broken  bool      // the last byte handed out belongs to a run of invalid bytes
}

// newSource looks at the first bytes of r. bufferBytes bounds how many.
func newSource(r io.Reader, opts ReadOptions, bufferBytes int) (*source, error) {
	s := &source{raw: r, format: opts.Format, store: make([]byte, bufferBytes)}
	s.more()
	if s.ended != nil && s.ended != io.EOF {
		return nil, s.ended
	}
	charset, mark := byteOrderMark(s.head)
	if mark > 0 {
		s.head = s.head[mark:]
		s.decide(charset)
	} else if window := s.head[:min(len(s.head), binaryWindow)]; bytes.IndexByte(window, 0) >= 0 {
		charset, ok := guessUTF16(window)
		if !ok && !opts.Binary {
			return nil, ErrBinary
		}
		if ok {
			s.decide(charset)
		}
	}
	if !opts.Set {
		s.format = FormatOfData(s.head)
	}
	if s.format == HTML {
		s.hint = declaredCharset(s.head)
	}
	return s, nil
}

// more reads until the buffer is full or the stream ends.
func (s *source) more() {
	n := copy(s.store, s.head)
	for n < len(s.store) && s.ended == nil {
		var m int
		m, s.ended = s.raw.Read(s.store[n:])
		n += m
	}
	s.head = s.store[:n]
}

func (s *source) decide(charset Charset) {
	s.charset, s.decided = charset, true
	if charset == UTF8 {
		return
	}
	rest := []io.Reader{bytes.NewReader(s.head)}
	if s.ended == nil {
		rest = append(rest, s.raw)
	}
	s.decoded = transform.NewReader(io.MultiReader(rest...), charset.decoder())
}

// Read is io.Reader. p must have room for a character.
func (s *source) Read(p []byte) (int, error) {
	if s.decoded != nil {
		return s.decoded.Read(p)
	}
	if len(s.head) < utf8.UTFMax {
		s.more()
	}
	if len(s.head) == 0 {
		return 0, s.ended
	}
	if s.decided {
		return s.clean(p), nil
	}
	ascii := firstHigh(s.head)
	switch {
	case ascii < 0:
		ascii = len(s.head)
	case ascii > 1:
		ascii-- // the guess looks at the byte before
	default:
		s.more()
		s.decide(guessCharset(s.head, s.ended != nil, s.hint))
		return s.Read(p)
	}
	n := copy(p, s.head[:ascii])
	s.head = s.head[n:]
	return n, nil
}

const replacement = string(utf8.RuneError)

// clean copies UTF-8 from head to p, each run of invalid bytes as one U+FFFD.
func (s *source) clean(p []byte) int {
	n := 0
	for len(s.head) > 0 {
		r, size := utf8.DecodeRune(s.head)
		switch {
		case r != utf8.RuneError || size > 1:
			if n+size > len(p) {
				return n
			}
			n += copy(p[n:], s.head[:size])
			s.broken = false
		case s.ended == nil && !utf8.FullRune(s.head):
			return n // the rest of the character comes with the next read
		case !s.broken:
			if n+len(replacement) > len(p) {
				return n
			}
			n += copy(p[n:], replacement)
			s.broken = true
		}
		s.head = s.head[size:]
	}
	return n
}
