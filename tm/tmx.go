package tm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// ErrFormat is wrapped where a file is not what it is read as.
var ErrFormat = errors.New("tm: damaged or unknown file")

// maxUnitBytes bounds a unit, and what stands before, between and behind them.
const maxUnitBytes = 8 << 20

// A Unit is a text in two languages or more.
type Unit struct {
	ID       string // tuid; may be empty
	SrcLang  string // of the unit or of the file; may be "*all*"
	Variants []Variant
	Author   string // who changed it last, else who made it
	Date     time.Time
	Props    map[string]string // of the unit, by type
}

// A Variant is the text of a unit in one language.
type Variant struct {
	Lang string
	Segment
}

// rawUnit is a unit as it stands in the file, with what stands before it.
type rawUnit struct {
	text string // XML in UTF-8
}

// tracked is a reader that keeps what was read, to take it as it is.
type tracked struct {
	r    io.Reader
	buf  []byte
	base int64 // offset of buf
}

func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.buf = append(t.buf, p[:n]...)
	return n, err
}

// take returns what lies before an offset and was not taken yet.
func (t *tracked) take(end int64) string {
	n := int(end - t.base)
	text := string(t.buf[:n])
	t.buf = append(t.buf[:0], t.buf[n:]...)
	t.base = end
	return text
}

// tmxReader reads a TMX file of version 1.1 to 1.4b, a unit at a time.
type tmxReader struct {
	in      *tracked
	dec     *xml.Decoder
	prolog  string // up to the first unit, less what stands directly before it
	epilog  string
	srcLang string
	depth   int
	units   int
}

// declaredEncoding is the encoding in an XML declaration.
var declaredEncoding = regexp.MustCompile(`^(\s*<\?xml[^>]*?encoding\s*=\s*["'])([A-Za-z0-9._:-]+)(["'])`)

// declareUTF8 names UTF-8 in an XML declaration that names another encoding.
func declareUTF8(text string) string {
	m := declaredEncoding.FindStringSubmatch(text)
	if m == nil || strings.EqualFold(m[2], "utf-8") {
		return text
	}
	return m[1] + "UTF-8" + text[len(m[1])+len(m[2]):]
}

// encodings are those that a declaration may name besides UTF-8 and UTF-16. The
// tables of others would make the program half a megabyte larger.
var encodings = map[string]encoding.Encoding{
	"us-ascii":     charmap.Windows1252,
	"iso-8859-1":   charmap.Windows1252,
	"iso-8859-15":  charmap.ISO8859_15,
	"windows-1250": charmap.Windows1250,
	"windows-1251": charmap.Windows1251,
	"windows-1252": charmap.Windows1252,
	"gb2312":       simplifiedchinese.GB18030,
	"gbk":          simplifiedchinese.GB18030,
	"gb18030":      simplifiedchinese.GB18030,
	"big5":         traditionalchinese.Big5,
}

// toUTF8 returns a reader of the text in UTF-8, without a byte order mark.
func toUTF8(r io.Reader) (io.Reader, error) {
	head := make([]byte, 1024)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	all := io.MultiReader(bytes.NewReader(head), r)
	utf16 := func(order unicode.Endianness) (io.Reader, error) {
		return transform.NewReader(all, unicode.UTF16(order, unicode.UseBOM).NewDecoder()), nil
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, err := io.CopyN(io.Discard, all, 3)
		return all, err
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{'<', 0}):
		return utf16(unicode.LittleEndian)
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}), bytes.HasPrefix(head, []byte{0, '<'}):
		return utf16(unicode.BigEndian)
	}
	if m := declaredEncoding.FindSubmatch(head); m != nil && !strings.EqualFold(string(m[2]), "utf-8") {
		enc, ok := encodings[strings.ToLower(string(m[2]))]
		if !ok {
			return nil, fmt.Errorf("%w: unknown encoding %q", ErrFormat, m[2])
		}
		return transform.NewReader(all, enc.NewDecoder()), nil
	}
	return all, nil
}

// decoder returns a decoder of XML in UTF-8. Entities other than the five of XML
// are errors, and none is ever fetched or expanded.
func decoder(r io.Reader) *xml.Decoder {
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return dec
}

func newTMXReader(r io.Reader) (*tmxReader, error) {
	in, err := toUTF8(r)
	if err != nil {
		return nil, err
	}
	t := &tmxReader{in: &tracked{r: in}}
	t.dec = decoder(t.in)
	return t, nil
}

// next returns the next unit, io.EOF behind the last.
func (t *tmxReader) next() (rawUnit, error) {
	for {
		at := t.dec.InputOffset()
		token, err := t.dec.Token()
		if errors.Is(err, io.EOF) && t.depth == 0 && t.prolog != "" {
			t.epilog = t.in.take(t.dec.InputOffset())
			return rawUnit{}, io.EOF
		}
		if err != nil {
			return rawUnit{}, atEnd(err)
		}
		if t.dec.InputOffset()-t.in.base > maxUnitBytes {
			return rawUnit{}, fmt.Errorf("%w: more than %d MiB between units", ErrFormat, maxUnitBytes>>20)
		}
		switch e := token.(type) {
		case xml.StartElement:
			t.depth++
			switch {
			case t.depth == 1 && e.Name.Local != "tmx":
				return rawUnit{}, fmt.Errorf("%w: the root element is %s, not tmx", ErrFormat, e.Name.Local)
			case t.depth == 2 && e.Name.Local == "header":
				t.srcLang = attr(e.Attr, "srclang")
			case t.depth == 2 && e.Name.Local == "body":
				t.prolog = declareUTF8(t.in.take(t.dec.InputOffset()))
			case t.depth == 3 && e.Name.Local == "tu" && t.prolog != "":
				if err := t.finish(at); err != nil {
					return rawUnit{}, err
				}
				t.depth--
				t.units++
				return rawUnit{text: t.in.take(t.dec.InputOffset())}, nil
			case t.depth > maxDepth:
				return rawUnit{}, fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
		case xml.EndElement:
			t.depth--
		}
	}
}

// finish reads to the end of a unit.
func (t *tmxReader) finish(start int64) error {
	depth := 1
	for depth > 0 {
		token, err := t.dec.Token()
		if err != nil {
			return atEnd(err)
		}
		if t.dec.InputOffset()-start > maxUnitBytes {
			return fmt.Errorf("%w: unit %d is larger than %d MiB", ErrFormat, t.units+1, maxUnitBytes>>20)
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: unit %d is nested too deep", ErrFormat, t.units+1)
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

func attr(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// ParseUnit reads a unit: the element tu of a TMX file, in UTF-8, with anything
// before it. srcLang is the language of the file. The error wraps ErrFormat.
func ParseUnit(raw, srcLang string) (*Unit, error) {
	u := &Unit{SrcLang: srcLang}
	dec := decoder(strings.NewReader(raw))
	inVariant, depth := false, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && depth == 0 {
			return u, nil
		}
		if err != nil {
			return nil, atEnd(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			depth--
			if e.Name.Local == "tuv" {
				inVariant = false
			}
		case xml.StartElement:
			depth++
			switch e.Name.Local {
			case "tu":
				u.read(e.Attr)
				u.ID = attr(e.Attr, "tuid")
				if lang := attr(e.Attr, "srclang"); lang != "" {
					u.SrcLang = lang
				}
			case "tuv":
				inVariant = true
				u.read(e.Attr)
				u.Variants = append(u.Variants, Variant{Lang: attr(e.Attr, "lang")})
			case "seg":
				s, err := parseSegment(dec, raw)
				if err != nil {
					return nil, err
				}
				depth--
				if inVariant {
					u.Variants[len(u.Variants)-1].Segment = s
				}
			case "prop":
				// Its content is text; DecodeElement would link all of the decoding
				// of structures.
				s, err := parseSegment(dec, raw)
				if err != nil {
					return nil, err
				}
				depth--
				if u.Props == nil {
					u.Props = map[string]string{}
				}
				u.Props[attr(e.Attr, "type")] = s.Text
			}
			if depth > maxDepth {
				return nil, fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
		}
	}
}

// read takes over who changed the unit and when: the latest of all variants.
func (u *Unit) read(attrs []xml.Attr) {
	for _, pair := range [][2]string{{"creationdate", "creationid"}, {"changedate", "changeid"}} {
		date, err := time.Parse("20060102T150405Z", attr(attrs, pair[0]))
		if err != nil || date.Before(u.Date) {
			continue
		}
		u.Date = date
		if who := attr(attrs, pair[1]); who != "" {
			u.Author = who
		}
	}
}

// sameLang reports whether two language codes stand for one language: equal but
// for case and _, or one a more exact form of the other, as en and en-US.
func sameLang(a, b string) bool {
	a, b = strings.ToLower(strings.ReplaceAll(a, "_", "-")), strings.ToLower(strings.ReplaceAll(b, "_", "-"))
	if a == "" || b == "" {
		return false
	}
	return a == b || strings.HasPrefix(a, b+"-") || strings.HasPrefix(b, a+"-")
}

// newUnit returns the XML of a unit made of two texts.
func newUnit(from, to, src, tgt string) string {
	var b strings.Builder
	b.WriteString("\n  <tu>")
	for _, v := range [][2]string{{from, src}, {to, tgt}} {
		b.WriteString(`<tuv xml:lang="`)
		_ = xml.EscapeText(&b, []byte(v[0])) // a Builder never fails
		b.WriteString(`"><seg>`)
		text := v[1]
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\uFFFD")
		}
		escape(&b, text)
		b.WriteString("</seg></tuv>")
	}
	b.WriteString("</tu>")
	return b.String()
}

// newProlog returns what stands before the first unit of a file made here.
func newProlog(from string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tmx version=\"1.4\">\n" +
		`<header creationtool="ciyuan" creationtoolversion="1" segtype="sentence" o-tmf="tsv" adminlang="en" srclang="`)
	_ = xml.EscapeText(&b, []byte(from)) // a Builder never fails
	b.WriteString("\" datatype=\"plaintext\"/>\n<body>")
	return b.String()
}

const newEpilog = "\n</body>\n</tmx>\n"
