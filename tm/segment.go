package tm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Segment is a text with inline codes: what formats it, stands for an image
// or a variable.
type Segment struct {
	Text  string // without the codes
	Codes []Code // by Offset
}

// A Code is an inline code.
type Code struct {
	Offset int    // bytes into Text
	Name   string // of the element: bpt, ept, it, ph, hi, ut; g, x, pc …
	Key    string // what codes of the two sides are matched by: attribute x, i or id; may be empty
	Raw    string // as it stands in the file: an element, or a tag of one that has text
}

// around are elements whose content is text: their tags are codes by themselves.
var around = map[string]bool{"hi": true, "g": true, "mrk": true, "pc": true}

// maxDepth is how deep elements of a file may be nested.
const maxDepth = 64

// parseSegment reads what follows the start tag of a segment to its end tag.
// raw is what dec reads from, so that codes can be taken as they are.
func parseSegment(dec *xml.Decoder, raw string) (Segment, error) {
	var s Segment
	var text strings.Builder
	open := 0 // elements that are around text
	at := dec.InputOffset()
	for {
		token, err := dec.Token()
		if err != nil {
			return s, atEnd(err)
		}
		end := dec.InputOffset()
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			c := Code{Offset: text.Len(), Name: t.Name.Local, Key: codeKey(t.Attr)}
			if around[t.Name.Local] {
				if open++; open > maxDepth {
					return s, fmt.Errorf("%w: inline codes are nested too deep", ErrFormat)
				}
			} else {
				if err := skip(dec, 1); err != nil {
					return s, err
				}
				end = dec.InputOffset()
			}
			c.Raw = raw[at:end]
			if strings.HasSuffix(c.Raw, "/>") && around[t.Name.Local] {
				// The decoder makes a start and an end of it.
				if err := skip(dec, 1); err != nil {
					return s, err
				}
				open--
			}
			s.Codes = append(s.Codes, c)
		case xml.EndElement:
			if open == 0 {
				s.Text = text.String()
				return s, nil
			}
			open--
			s.Codes = append(s.Codes, Code{Offset: text.Len(), Name: "/" + t.Name.Local, Raw: raw[at:end]})
		}
		at = end
	}
}

// skip reads to the end of the element that the decoder is in.
func skip(dec *xml.Decoder, depth int) error {
	for depth > 0 {
		token, err := dec.Token()
		if err != nil {
			return atEnd(err)
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// atEnd makes an error of this package of one of the decoder.
func atEnd(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is cut off", ErrFormat)
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: line %d: %s", ErrFormat, syntax.Line, syntax.Msg)
	}
	return err
}

func codeKey(attrs []xml.Attr) string {
	for _, name := range []string{"x", "i", "id"} {
		for _, a := range attrs {
			if a.Name.Local == name && a.Name.Space == "" {
				return name + "=" + a.Value
			}
		}
	}
	return ""
}

// inner returns the segment as the content of an element, with the codes that
// codes has in the places of its own; nil leaves them out.
func (s *Segment) inner(codes []Code) string {
	var b strings.Builder
	at := 0
	for i := range s.Codes {
		if codes == nil {
			break
		}
		escape(&b, s.Text[at:s.Codes[i].Offset])
		at = s.Codes[i].Offset
		b.WriteString(codes[i].Raw)
	}
	escape(&b, s.Text[at:])
	return b.String()
}

// textEscaper escapes what has to be in text; quotes may stand.
var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")

func escape(b *strings.Builder, text string) {
	_, _ = textEscaper.WriteString(b, validXML(text)) // a Builder never fails
}

// validXML replaces what XML 1.0 cannot hold.
func validXML(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
			return r
		}
		return '\uFFFD'
	}, text)
}

// transfer returns the codes of tgt with those of a document in their place:
// src is the source that tgt translates, doc the text that is to be translated
// by it. ok is false where the codes do not correspond.
func transfer(src, tgt, doc *Segment) (codes []Code, ok bool) {
	if len(src.Codes) != len(doc.Codes) {
		return nil, false
	}
	used := make([]bool, len(src.Codes))
	codes = []Code{}
	for i := range tgt.Codes {
		k := counterpart(&tgt.Codes[i], src.Codes, used)
		if k < 0 {
			return nil, false
		}
		used[k] = true
		codes = append(codes, doc.Codes[k])
	}
	return codes, wellFormed(tgt.inner(codes))
}

// counterpart returns the first unused code that c stands for: the same name
// and key, else the same name.
func counterpart(c *Code, codes []Code, used []bool) int {
	for _, byKey := range []bool{true, false} {
		for k := range codes {
			if !used[k] && codes[k].Name == c.Name && (!byKey || codes[k].Key == c.Key) {
				return k
			}
		}
	}
	return -1
}

// wellFormed reports whether a text can be the content of an element. Prefixes
// of namespaces may be those of the file that it goes into.
func wellFormed(inner string) bool {
	dec := xml.NewDecoder(strings.NewReader("<a>" + inner + "</a>"))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
	}
}
