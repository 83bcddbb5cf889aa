package ciyuan

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A docFilter keeps documents by their fields and by what they have in them.
type docFilter struct {
	tx     *store.Tx
	want   map[string]string
	fields []fieldClause
	needs  [][]docRange // a document must be in all of them
	bars   [][]docRange // and in none of these

	// The document of the last passage, and whether it passed.
	doc  store.DocID
	end  store.PassageID
	last bool
	err  error
}

// active reports whether there is anything that a document may not pass.
func (f *docFilter) active() bool {
	return len(f.want) > 0 || len(f.fields) > 0 || len(f.needs) > 0 || len(f.bars) > 0
}

// pass reports whether the document of a passage passes.
func (f *docFilter) pass(p store.PassageID) bool {
	for _, docs := range f.needs {
		if !has(docs, p) {
			return false
		}
	}
	for _, docs := range f.bars {
		if has(docs, p) {
			return false
		}
	}
	if len(f.want) == 0 && len(f.fields) == 0 {
		return true
	}
	if f.err != nil {
		return false
	}
	if p >= store.PassageID(f.doc) && p < f.end {
		return f.last
	}
	id, doc, err := f.tx.DocOf(p)
	if err != nil {
		f.err = err
		return false
	}
	f.doc, f.end = id, store.PassageID(id)+store.PassageID(doc.Passages)
	f.last = f.matches(doc)
	return f.last
}

func (f *docFilter) matches(d *store.Doc) bool {
	for name, want := range f.want {
		if fieldOf(d, name) != want {
			return false
		}
	}
	for _, c := range f.fields {
		if holds(fieldOf(d, c.name), c.value) == c.not {
			return false
		}
	}
	return true
}

// A fieldClause asks for documents with a folded value in a field, or without it.
type fieldClause struct {
	name, value string
	not         bool
}

// fieldOf returns a field of a document, empty if it has none of that name.
func fieldOf(d *store.Doc, name string) string {
	switch name {
	case "id":
		return d.External
	case "title":
		return d.Title
	case "path":
		return d.Path
	}
	for _, p := range d.Meta {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// holds reports whether a folded value occurs in a text. Letters and digits of
// alphabetic scripts must not go on around it.
func holds(text, value string) bool { return holdsFolded(tokenizer.Fold(text), value) }

// holdsFolded is holds for a text that is folded already.
func holdsFolded(text, value string) bool {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(value):])
		if !(alphabetic(first) && alphabetic(before)) && !(alphabetic(last) && alphabetic(after)) {
			return true
		}
		from = i + utf8.RuneLen(first)
	}
}

// alphabetic reports whether words are written with r one letter after another, with
// spaces between the words.
func alphabetic(r rune) bool {
	return unicode.IsDigit(r) || unicode.IsLetter(r) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}
