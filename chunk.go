package ciyuan

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// chunkBytes is how much of a text is cut into tokens at a time. Passages do
// not reach over the end of a chunk, so it is many passages long, and a text
// of any size is indexed in the memory of a few chunks.
const chunkBytes = 256 << 10

// A chunker cuts a text into chunks at good places: the end of a line, else of
// a sentence, else a space, else between two characters.
type chunker struct {
	text string    // what is left of a text in memory
	body io.Reader // what is left of a text that is read in pieces
	buf  []byte    // read and not yet handed out
	done bool
}

func newChunker(doc *Document) *chunker {
	if doc.Body != nil {
		return &chunker{body: doc.Body}
	}
	return &chunker{text: doc.Text}
}

// next returns the next chunk, which is empty only at the end of the text, and
// whether it is the last one.
func (c *chunker) next() (chunk string, last bool, err error) {
	if c.body == nil {
		if len(c.text) <= chunkBytes {
			chunk, c.text = c.text, ""
			return chunk, true, nil
		}
		n := chunkEnd(c.text[:chunkBytes])
		chunk, c.text = c.text[:n], c.text[n:]
		return chunk, false, nil
	}
	if c.buf == nil {
		c.buf = make([]byte, 0, chunkBytes+1)
	}
	for !c.done && len(c.buf) < cap(c.buf) {
		n, err := c.body.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		if errors.Is(err, io.EOF) {
			c.done = true
		} else if err != nil {
			return "", false, fmt.Errorf("reading the text: %w", err)
		}
	}
	if len(c.buf) <= chunkBytes {
		chunk, c.buf = string(c.buf), c.buf[:0]
		return chunk, true, nil
	}
	head := string(c.buf[:chunkBytes])
	n := chunkEnd(head)
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	return head[:n], false, nil
}

// chunkEnd returns where to cut s, which is chunkBytes long: in its second
// half, so that chunks do not become small.
func chunkEnd(s string) int {
	half := len(s) / 2
	if i := strings.LastIndexByte(s[half:], '\n'); i >= 0 {
		return half + i + 1
	}
	for _, mark := range []string{"。", "！", "？", ". ", " ", "，"} {
		if i := strings.LastIndex(s[half:], mark); i >= 0 {
			return half + i + len(mark)
		}
	}
	n := len(s)
	for i := 1; i < utf8.UTFMax && i < n; i++ {
		if utf8.RuneStart(s[n-i]) {
			if !utf8.FullRuneInString(s[n-i:]) {
				return n - i
			}
			break
		}
	}
	return n
}

// countLines returns the number of line ends in s.
func countLines(s string) int { return strings.Count(s, "\n") }
