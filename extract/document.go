package extract

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// binaryWindow is how far into a file a NUL byte is looked for: 8 kB, as
	// git and grep do.
	binaryWindow = 8 << 10
	// peekBytes is the size of the buffers: what the character set and the
	// title are judged by.
	peekBytes = 64 << 10
)

// Document is the text of one file, read as a stream. It is not safe for
// concurrent use.
type Document struct {
	// Title is empty if the file has none.
	Title string
	// Format says how the file was read.
	Format Format
	// Size and ModTime are those of the file at the moment when it was opened;
	// zero for a stream.
	Size    int64
	ModTime time.Time

	source *source
	text   io.Reader // valid UTF-8
	store  []byte
	buf    []byte // the part of store not yet handed out
	err    error  // what text ended with
	closer io.Closer
}

// ReadOptions says how a file is read. The zero value is the default.
type ReadOptions struct {
	// Format is used if Set is true, else the file's name decides, and the
	// first bytes of a stream without a name.
	Format Format
	Set    bool
	// Binary reads a file with NUL bytes as text instead of returning
	// ErrBinary. The NUL bytes stay in the text.
	Binary bool
}

// Open opens a file for reading as text. JSON Lines files are read as plain
// text by it; see Records for their records.
//
// It never waits: ErrNotRegular is returned for a pipe or a device, also when
// the path has become one since the walk. It returns ErrBinary for a file
// without text, and an error that wraps fs.ErrNotExist for one that has gone.
// The caller closes the document.
func Open(path string, opts ReadOptions) (*Document, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if !opts.Set {
		opts.Format, opts.Set = FormatOf(path), true
	}
	// A byte of room beyond the size sees the end of a small file at once.
	doc, err := newDocument(file, opts, int(min(info.Size()+utf8.UTFMax, peekBytes)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("extract: reading %s: %w", path, err), file.Close())
	}
	doc.Size, doc.ModTime, doc.closer = info.Size(), info.ModTime(), file
	return doc, nil
}

// openRegular opens a regular file.
func openRegular(path string) (*os.File, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", ErrNotRegular, path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// NewDocument reads a stream as text, without closing it. Unless opts sets a
// format it is told from the first bytes (see FormatOfData). It returns
// ErrBinary for data that is no text.
func NewDocument(r io.Reader, opts ReadOptions) (*Document, error) {
	return newDocument(r, opts, peekBytes)
}

func newDocument(r io.Reader, opts ReadOptions, bufferBytes int) (*Document, error) {
	src, err := newSource(r, opts, max(bufferBytes, 64))
	if err != nil {
		return nil, err
	}
	doc := &Document{Format: src.format, source: src, text: src}
	// Decoding can make text longer: two bytes of GBK are three of UTF-8.
	doc.store = make([]byte, min(2*len(src.store), peekBytes))
	if src.format == HTML {
		page := newPage(src)
		doc.text = page
		doc.fill()
		doc.Title = page.titleText()
		return doc, nil
	}
	doc.fill()
	switch src.format {
	case Markdown:
		doc.Title = markdownTitle(string(doc.buf))
	case Text:
		doc.Title = plainTitle(string(doc.buf))
	}
	return doc, nil
}

// Charset returns the character set of the file. As long as nothing but ASCII
// has been read it is UTF8, and the first other byte decides it.
func (d *Document) Charset() Charset { return d.source.charset }

// Read reads the next bytes of the text. They are valid UTF-8, and no character
// is split between two calls if p has room for utf8.UTFMax bytes.
func (d *Document) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.buf) < utf8.UTFMax {
		d.fill()
	}
	if len(d.buf) == 0 {
		return 0, d.err
	}
	n := copy(p, d.buf)
	if whole := wholeRunes(d.buf[:n]); whole > 0 {
		n = whole
	}
	d.buf = d.buf[n:]
	return n, nil
}

// wholeRunes returns the length of text up to the end of its last whole
// character.
func wholeRunes(text []byte) int {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax); i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRune(text[i:]) {
				break
			}
			return i
		}
	}
	return len(text)
}

// fill reads until the buffer has no more room for a character or the text
// ends.
func (d *Document) fill() {
	n := copy(d.store, d.buf)
	for len(d.store)-n >= utf8.UTFMax && d.err == nil {
		var m int
		m, d.err = d.text.Read(d.store[n:])
		n += m
	}
	d.buf = d.store[:n]
}

// Text reads the rest of the text. It is for callers that know the file to be
// small.
func (d *Document) Text() (string, error) {
	var b strings.Builder
	for {
		b.Write(d.buf)
		d.buf = nil
		switch d.err {
		case nil:
			d.fill()
		case io.EOF:
			return b.String(), nil
		default:
			return "", d.err
		}
	}
}

// Close closes the file. It does nothing for a stream.
func (d *Document) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}
