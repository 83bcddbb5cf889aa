package tm

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// PretranslateOptions say how a file is filled. The zero value is a good
// default.
type PretranslateOptions struct {
	// Min is the least score of a match that is taken; 0 means 70.
	Min int
	// From and To are the languages of the file; those that an XLIFF file names
	// count where they are empty.
	From, To string
	// Search holds penalties; its other fields are set here.
	Search SearchOptions
}

// DefaultPretranslateMin is the least score of a match that is taken over.
const DefaultPretranslateMin = 70

// Pretranslated counts what was filled.
type Pretranslated struct {
	Segments int `json:"segments"` // that had no translation
	Exact    int `json:"exact"`    // filled with the same text, in context or not
	Fuzzy    int `json:"fuzzy"`    // filled with one that is like it
	Kept     int `json:"kept"`     // that had a translation, or are not to be translated
}

// maxFileBytes bounds a file to be filled, which is held in memory.
const maxFileBytes = 256 << 20

// Pretranslate copies a bilingual file from r to w and fills in what has no
// translation yet: XLIFF 1.2 and 2.x, or else a table of source and target with a
// tab between. All that stands in the file stays as it is, byte for byte.
//
// In XLIFF, inline codes of the memory are replaced by those of the file where
// they correspond, and left out where they do not. Targets say whether they are
// exact (state translated) or have to be reviewed. In 1.2, a source that is
// segmented (seg-source) is filled as a whole or by segments.
//
// Errors are ErrFormat, ErrOption, those of r, w and of the index; nothing is
// written before the file has been read.
func (m *Memory) Pretranslate(ctx context.Context, r io.Reader, w io.Writer, opts *PretranslateOptions) (*Pretranslated, error) {
	var o PretranslateOptions
	if opts != nil {
		o = *opts
	}
	if o.Min == 0 {
		o.Min = DefaultPretranslateMin
	}
	if o.Min < 0 || o.Min > InContext {
		return nil, fmt.Errorf("%w: the least score must be between 1 and %d", ErrOption, InContext)
	}
	in, err := toUTF8(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("%w: larger than %d MiB", ErrFormat, maxFileBytes>>20)
	}
	f := &filler{m: m, o: o}
	text := string(data)
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "<") {
		text, err = f.xliff(ctx, declareUTF8(text))
	} else {
		text, err = f.table(ctx, text)
	}
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(w, text)
	return &f.done, err
}

type filler struct {
	m    *Memory
	o    PretranslateOptions
	done Pretranslated
}

// best returns the best match for a text, nil if none is good enough.
func (f *filler) best(ctx context.Context, s *Segment, from, to string, before, after *string) (*Match, error) {
	o := f.o.Search
	o.K, o.Min, o.From, o.To, o.Before, o.After, o.Codes = 1, f.o.Min, from, to, before, after, len(s.Codes)
	found, err := f.m.Search(ctx, s.Text, &o)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (f *filler) count(match *Match) {
	if match.Score >= 100 {
		f.done.Exact++
	} else {
		f.done.Fuzzy++
	}
}

// table fills the second column of a table.
func (f *filler) table(ctx context.Context, text string) (string, error) {
	if f.o.From == "" || f.o.To == "" {
		return "", fmt.Errorf("%w: a table needs its two languages", ErrOption)
	}
	lines := strings.SplitAfter(text, "\n")
	sources := make([]string, len(lines))
	for i, line := range lines {
		sources[i], _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
	}
	var out strings.Builder
	for i, line := range lines {
		bare := strings.TrimRight(line, "\r\n")
		end := line[len(bare):]
		cells := strings.Split(bare, "\t")
		if strings.TrimSpace(sources[i]) == "" {
			out.WriteString(line)
			continue
		}
		if len(cells) > 1 && strings.TrimSpace(cells[1]) != "" {
			f.done.Kept++
			out.WriteString(line)
			continue
		}
		f.done.Segments++
		var before, after *string
		if i > 0 {
			before = &sources[i-1]
		}
		if i+1 < len(lines) {
			after = &sources[i+1]
		}
		match, err := f.best(ctx, &Segment{Text: sources[i]}, f.o.From, f.o.To, before, after)
		if err != nil {
			return "", err
		}
		if match == nil {
			out.WriteString(line)
			continue
		}
		f.count(match)
		if len(cells) == 1 {
			cells = append(cells, "")
		}
		cells[1] = oneLine(match.Targets[0].Text)
		out.WriteString(strings.Join(cells, "\t") + end)
	}
	return out.String(), nil
}

// place is a segment of an XLIFF file.
type place struct {
	from, to string // languages
	source   Segment
	indent   string // white space in front of the source
	insert   int    // where a target goes
	replace  int    // end of an empty target that it replaces; else insert
	tag      string // start of that target, without what closes it
	skip     bool   // translated already, or not to be
	state    [2]int // XLIFF 2: where the attribute state goes; the same if it is to be added
	two      bool   // XLIFF 2
	parts    []part // segments of a segmented source
	seg      string // it, as it stands in the file
	segAt    int
}

// part is a segment of a segmented source.
type part struct {
	inner  [2]int // of the file
	source Segment
}

// splice is a text that takes the place of a range of the file.
type splice struct {
	from, to int
	text     string
}

func (f *filler) xliff(ctx context.Context, text string) (string, error) {
	places, err := readXLIFF(text)
	if err != nil {
		return "", err
	}
	var splices []splice
	for i := range places {
		p := &places[i]
		if p.skip {
			f.done.Kept++
			continue
		}
		if strings.TrimSpace(p.source.Text) == "" {
			continue
		}
		f.done.Segments++
		if f.o.From != "" {
			p.from = f.o.From
		}
		if f.o.To != "" {
			p.to = f.o.To
		}
		if p.to == "" {
			return "", fmt.Errorf("%w: the file does not say its target language", ErrOption)
		}
		var before, after *string
		if i > 0 {
			before = &places[i-1].source.Text
		}
		if i+1 < len(places) {
			after = &places[i+1].source.Text
		}
		match, err := f.best(ctx, &p.source, p.from, p.to, before, after)
		if err != nil {
			return "", err
		}
		switch {
		case match != nil:
			f.count(match)
			target := match.inner(&p.source)
			if len(p.parts) == 1 {
				target = p.withParts(text, []string{target})
			}
			splices = append(splices, p.fill(target, match.Score >= 100)...)
		case len(p.parts) > 1:
			more, err := f.byParts(ctx, text, p)
			if err != nil {
				return "", err
			}
			splices = append(splices, more...)
		}
	}
	var out strings.Builder
	at := 0
	for _, s := range splices {
		out.WriteString(text[at:s.from])
		out.WriteString(s.text)
		at = s.to
	}
	out.WriteString(text[at:])
	return out.String(), nil
}

// byParts fills a segmented source by its segments.
func (f *filler) byParts(ctx context.Context, text string, p *place) ([]splice, error) {
	targets := make([]string, len(p.parts))
	found, exact := 0, true
	for i := range p.parts {
		match, err := f.best(ctx, &p.parts[i].source, p.from, p.to, nil, nil)
		if err != nil {
			return nil, err
		}
		if match == nil {
			exact = false
			continue
		}
		found++
		exact = exact && match.Score >= 100
		targets[i] = match.inner(&p.parts[i].source)
	}
	if found == 0 {
		return nil, nil
	}
	if exact {
		f.done.Exact++
	} else {
		f.done.Fuzzy++
	}
	return p.fill(p.withParts(text, targets), exact), nil
}

// withParts returns the segmented source with other texts for its segments.
func (p *place) withParts(text string, targets []string) string {
	var b strings.Builder
	at := p.segAt
	for i := range p.parts {
		b.WriteString(text[at:p.parts[i].inner[0]])
		b.WriteString(targets[i])
		at = p.parts[i].inner[1]
	}
	b.WriteString(text[at : p.segAt+len(p.seg)])
	return b.String()
}

// inner returns the translation of a match as the content of an element, with the
// codes of the text in the file.
func (match *Match) inner(doc *Segment) string {
	t := &match.Targets[0].Segment
	if codes, ok := transfer(&match.Source.Segment, t, doc); ok {
		return t.inner(codes)
	}
	return t.inner(nil)
}

// targetState are the attributes of a target that say how far it is.
var targetState = regexp.MustCompile(`\s+state(-qualifier)?\s*=\s*("[^"]*"|'[^']*')`)

// fill returns what has to change for a place to have a target.
func (p *place) fill(inner string, exact bool) []splice {
	var out []splice
	tag, state := p.tag, ""
	if tag == "" {
		tag = "<target"
	}
	switch {
	case p.two && exact && p.state[0] == p.state[1]:
		out = append(out, splice{p.state[0], p.state[1], ` state="translated"`})
	case p.two && exact:
		out = append(out, splice{p.state[0], p.state[1], "translated"})
	case p.two:
	case exact:
		state = ` state="translated" state-qualifier="exact-match"`
	default:
		state = ` state="needs-review-translation" state-qualifier="fuzzy-match"`
	}
	target := tag + state + ">" + inner + "</target>"
	if p.replace == p.insert {
		target = p.indent + target
	}
	return append(out, splice{p.insert, p.replace, target})
}

// xliffReader finds the places of an XLIFF file.
type xliffReader struct {
	text   string
	dec    *xml.Decoder
	places []place
}

func readXLIFF(text string) ([]place, error) {
	x := &xliffReader{text: text, dec: decoder(strings.NewReader(text))}
	var from, to string
	two := false
	keep := []bool{false} // by depth: not to be translated
	for {
		start := int(x.dec.InputOffset())
		token, err := x.dec.Token()
		if errors.Is(err, io.EOF) && len(keep) == 1 {
			return x.places, nil
		}
		if err != nil {
			return nil, atEnd(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			keep = keep[:len(keep)-1]
		case xml.StartElement:
			no := keep[len(keep)-1]
			if t := attr(e.Attr, "translate"); t != "" {
				no = t == "no"
			}
			keep = append(keep, no)
			if len(keep) > maxDepth {
				return nil, fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
			switch name := e.Name.Local; {
			case len(keep) == 2 && name != "xliff":
				return nil, fmt.Errorf("%w: the root element is %s, not xliff", ErrFormat, name)
			case len(keep) == 2:
				version := attr(e.Attr, "version")
				two = strings.HasPrefix(version, "2.")
				if !two && !strings.HasPrefix(version, "1.") {
					return nil, fmt.Errorf("%w: XLIFF of version %q", ErrFormat, version)
				}
				from, to = attr(e.Attr, "srcLang"), attr(e.Attr, "trgLang")
			case name == "file" && !two:
				from, to = attr(e.Attr, "source-language"), attr(e.Attr, "target-language")
			case name == "trans-unit" && !two, name == "segment" && two:
				p := place{from: from, to: to, two: two, skip: no || attr(e.Attr, "approved") == "yes"}
				p.state = x.stateOf(start)
				if err := x.unit(&p); err != nil {
					return nil, err
				}
				keep = keep[:len(keep)-1]
				if p.insert > 0 {
					x.places = append(x.places, p)
				}
			}
		}
	}
}

// stateOf returns where the value of the attribute state stands in a start tag,
// or where one can be put in.
func (x *xliffReader) stateOf(start int) [2]int {
	end := int(x.dec.InputOffset())
	tag := x.text[start:end]
	for at := 0; ; {
		k := strings.Index(tag[at:], "state")
		if k < 0 {
			break
		}
		k += at
		rest := strings.TrimLeft(tag[k+len("state"):], " \t\r\n")
		if k > 0 && strings.ContainsRune(" \t\r\n", rune(tag[k-1])) && strings.HasPrefix(rest, "=") {
			rest = strings.TrimLeft(rest[1:], " \t\r\n")
			value := len(tag) - len(rest) + 1
			if n := strings.IndexByte(rest[1:], rest[0]); n >= 0 {
				return [2]int{start + value, start + value + n}
			}
		}
		at = k + 1
	}
	// Behind the name of the element.
	name := strings.IndexAny(tag, " \t\r\n/>")
	return [2]int{start + name, start + name}
}

// unit reads a trans-unit or a segment to its end.
func (x *xliffReader) unit(p *place) error {
	depth := 1
	for depth > 0 {
		start := int(x.dec.InputOffset())
		token, err := x.dec.Token()
		if err != nil {
			return atEnd(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			depth++
			if depth > maxDepth {
				return fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
			if depth != 2 {
				continue
			}
			switch e.Name.Local {
			case "source":
				if p.source, err = parseSegment(x.dec, x.text); err != nil {
					return err
				}
				p.indent = x.text[len(strings.TrimRight(x.text[:start], " \t\r\n")):start]
				p.insert = int(x.dec.InputOffset())
				p.replace = p.insert
				depth--
			case "seg-source":
				p.segAt = int(x.dec.InputOffset())
				if err := x.segments(p); err != nil {
					return err
				}
				p.insert = int(x.dec.InputOffset())
				p.replace = p.insert
				depth--
			case "target":
				open := x.text[start:x.dec.InputOffset()]
				t, err := parseSegment(x.dec, x.text)
				if err != nil {
					return err
				}
				depth--
				if strings.TrimSpace(t.Text) != "" {
					p.skip = true
				} else {
					p.insert, p.replace = start, int(x.dec.InputOffset())
					open = strings.TrimSuffix(strings.TrimSuffix(open, ">"), "/")
					p.tag = targetState.ReplaceAllString(strings.TrimRight(open, " \t\r\n"), "")
				}
			default:
				if err := skip(x.dec, 1); err != nil {
					return err
				}
				depth--
			}
		}
	}
	return nil
}

// segments reads a segmented source to its end.
func (x *xliffReader) segments(p *place) error {
	depth := 1
	for depth > 0 {
		start := int(x.dec.InputOffset())
		token, err := x.dec.Token()
		if err != nil {
			return atEnd(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			if depth--; depth == 0 {
				p.seg = x.text[p.segAt:start]
			}
		case xml.StartElement:
			depth++
			if depth > maxDepth {
				return fmt.Errorf("%w: elements are nested too deep", ErrFormat)
			}
			if e.Name.Local == "mrk" && attr(e.Attr, "mtype") == "seg" {
				at := int(x.dec.InputOffset())
				s, err := parseSegment(x.dec, x.text)
				if err != nil {
					return err
				}
				end := int(x.dec.InputOffset())
				inner := at + strings.LastIndex(x.text[at:end], "</")
				if inner >= at { // else the element is empty
					p.parts = append(p.parts, part{inner: [2]int{at, inner}, source: s})
				}
				depth--
			}
		}
	}
	return nil
}

// IsXML tells by its first bytes whether a file is XML, as TMX and XLIFF are.
func IsXML(r *bufio.Reader) bool {
	head, _ := r.Peek(256) // what there is decides
	text, err := toUTF8(strings.NewReader(string(head)))
	if err != nil {
		return false
	}
	first, _ := io.ReadAll(text) // a character cut in two does not matter
	return strings.HasPrefix(strings.TrimLeft(string(first), " \t\r\n"), "<")
}
