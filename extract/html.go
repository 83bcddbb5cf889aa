package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxMarkupBytes bounds a tag, a script or the text between two tags. Pictures
// inside a page are attributes of some megabytes.
const maxMarkupBytes = 32 << 20

// paragraphBreak is put between the texts of two blocks (paragraphs, headings,
// list items, lines). A line end would shift the numbers of the lines below.
const paragraphBreak = "\u2029"

// page reads the visible text of an HTML stream. Every line end of the source
// is kept, so that line numbers hold; other white space is folded, except in
// pre elements. It uses the tokenizer alone: a tree would hold the whole page
// in memory.
type page struct {
	tokens *html.Tokenizer
	out    []byte // not yet handed out
	err    error

	hidden   atom.Atom // the element whose content is dropped, 0 for none
	depth    int       // how many elements of that name are open
	pre      int
	inTitle  bool
	inH1     bool
	title    strings.Builder
	h1       strings.Builder
	hasTitle bool
	hasH1    bool

	separator string // due before the next visible text
	started   bool   // some text has been written
	space     bool   // a space is due before the next visible text
	lineStart bool   // nothing visible has been written since the last line end
}

func newPage(r io.Reader) *page {
	p := &page{tokens: html.NewTokenizer(r), lineStart: true}
	p.tokens.SetMaxBuf(maxMarkupBytes)
	return p
}

// titleText returns the title element's text, else that of the first h1, as far
// as the page has been read.
func (p *page) titleText() string {
	if title := cleanTitle(p.title.String()); title != "" {
		return title
	}
	return cleanTitle(p.h1.String())
}

// Read is io.Reader.
func (p *page) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.out = p.out[:0]
		p.next()
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

// next reads one token.
func (p *page) next() {
	kind := p.tokens.Next()
	raw := p.tokens.Raw()
	switch kind {
	case html.ErrorToken:
		p.lineEnds(raw) // of a tag that is not closed
		p.err = p.tokens.Err()
		if errors.Is(p.err, html.ErrBufferExceeded) {
			p.err = fmt.Errorf("%w: more than %d bytes", ErrTooLong, maxMarkupBytes)
		}
	case html.TextToken:
		if p.hidden == 0 {
			p.text(raw)
			return
		}
		p.lineEnds(raw)
	case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
		p.lineEnds(raw)
		name, _ := p.tokens.TagName()
		p.tag(atom.Lookup(name), kind)
	default:
		p.lineEnds(raw)
	}
}

// tag follows the elements that matter.
func (p *page) tag(name atom.Atom, kind html.TokenType) {
	if p.hidden != 0 {
		if name == p.hidden {
			switch kind {
			case html.StartTagToken:
				p.depth++
			case html.EndTagToken:
				p.depth--
			}
			if p.depth == 0 {
				p.hidden = 0
			}
		}
		return
	}
	open := kind == html.StartTagToken
	switch name {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Math, atom.Iframe,
		atom.Noembed, atom.Noframes, atom.Object, atom.Canvas, atom.Audio, atom.Video:
		if open {
			p.hidden, p.depth = name, 1
		}
	case atom.Title:
		// Only the first one counts; others are not shown either.
		p.inTitle = open
		if !open {
			p.hasTitle = true
		}
	case atom.Td, atom.Th:
		p.separate("\t")
	case atom.H1:
		p.inH1 = open && !p.hasH1
		p.hasH1 = true
		p.separate(paragraphBreak)
	case atom.Pre:
		if open {
			p.pre++
		} else if p.pre > 0 {
			p.pre--
		}
		p.separate(paragraphBreak)
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Dd,
		atom.Details, atom.Dialog, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure,
		atom.Footer, atom.Form, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.Legend,
		atom.Li, atom.Main, atom.Nav, atom.Ol, atom.Option, atom.P, atom.Section, atom.Select, atom.Summary,
		atom.Table, atom.Tbody, atom.Textarea, atom.Tfoot, atom.Thead, atom.Tr, atom.Ul:
		p.separate(paragraphBreak)
	}
}

func (p *page) separate(s string) {
	if p.separator != paragraphBreak {
		p.separator = s
	}
}

// text writes the text between two tags. Character references are resolved line
// by line, so that one for a line end does not add a line.
func (p *page) text(raw []byte) {
	for {
		line, rest, more := bytes.Cut(raw, []byte{'\n'})
		end := "\n"
		if more && bytes.HasSuffix(line, []byte{'\r'}) {
			line, end = line[:len(line)-1], "\r\n"
		}
		text := html.UnescapeString(string(line))
		switch {
		case p.inTitle:
			if !p.hasTitle {
				p.title.WriteString(text)
				p.title.WriteByte(' ')
			}
		case p.inH1:
			p.h1.WriteString(text)
			p.h1.WriteByte(' ')
			p.line(text)
		default:
			p.line(text)
		}
		if !more {
			return
		}
		p.lineEnd(end)
		raw = rest
	}
}

// line writes visible text without line ends.
func (p *page) line(text string) {
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r':
			r = ' '
		}
		if r == ' ' || r == '\t' || r == '\f' {
			if p.pre > 0 && p.separator == "" {
				p.out = utf8.AppendRune(p.out, r)
			} else {
				p.space = true
			}
			continue
		}
		switch {
		case p.separator != "":
			if p.started {
				p.out = append(p.out, p.separator...)
			}
		case p.space && !p.lineStart:
			p.out = append(p.out, ' ')
		}
		p.separator, p.space, p.lineStart, p.started = "", false, false, true
		p.out = utf8.AppendRune(p.out, r)
	}
}

func (p *page) lineEnd(end string) {
	p.out = append(p.out, end...)
	p.space, p.lineStart = false, true
}

// lineEnds writes only the line ends of a piece of source.
func (p *page) lineEnds(raw []byte) {
	for i, b := range raw {
		if b != '\n' {
			continue
		}
		if i > 0 && raw[i-1] == '\r' {
			p.lineEnd("\r\n")
		} else {
			p.lineEnd("\n")
		}
	}
}
