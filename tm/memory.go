package tm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

var (
	// ErrNoMemory is returned where the index has no memory of the name, or none
	// at all.
	ErrNoMemory = errors.New("tm: no such translation memory in the index")
	// ErrOption is wrapped where an option is out of its range.
	ErrOption = errors.New("tm: option out of range")
)

// Fields of the documents of a memory. The one without a text, numbered 0, holds
// what stands around the units.
const (
	fieldMemory = "tm"        // name of the memory
	fieldUnit   = "tm.unit"   // XML of the unit and of what stands before it
	fieldSource = "tm.source" // language of the file
	fieldProlog = "tm.prolog"
	fieldEpilog = "tm.epilog"
)

// numberDigits of a unit's number in its id make the order of ids that of units.
const numberDigits = 9

func unitID(name string, n int) string { return fmt.Sprintf("%s#%0*d", name, numberDigits, n) }

// splitID takes the id of a unit apart.
func splitID(id string) (name string, n int, ok bool) {
	at := strings.LastIndexByte(id, '#')
	if at < 0 || len(id)-at-1 != numberDigits {
		return "", 0, false
	}
	n, err := strconv.Atoi(id[at+1:])
	return id[:at], n, err == nil
}

// A Memory is the translation memories of an index. It is safe for concurrent
// use.
type Memory struct {
	db      *ciyuan.DB
	tok     *tokenizer.Tokenizer
	aligner *align.Aligner
	table   encoder.Static // for how frequent words are; nil where there is none
}

// New returns the memories of an index, which stays the caller's. The aligner
// marks the words of translations; nil marks none.
func New(db *ciyuan.DB, aligner *align.Aligner) (*Memory, error) {
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return nil, err
	}
	m := &Memory{db: db, tok: tok, aligner: aligner}
	switch table, err := encoder.Default(); {
	case err == nil:
		m.table = table
	case !errors.Is(err, encoder.ErrNoDefault):
		return nil, err
	}
	return m, nil
}

// Imported counts what an import has done.
type Imported struct {
	Name      string `json:"name"`
	Units     int    `json:"units"`
	Added     int    `json:"added"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Deleted   int    `json:"deleted"` // of an earlier import under the name
}

func checkName(name string) error {
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%w: a memory needs a name of at most 255 bytes without control characters", ErrOption)
	}
	return nil
}

// ImportTMX adds the units of a TMX file (1.1 to 1.4b; UTF-8, UTF-16 or what its
// declaration names) under a name, in the place of those that it had. An
// io.Seeker is read twice, so that a damaged file changes nothing; of another
// reader the units before the damage are there. Errors are ErrFormat, those of r
// and of the index.
func (m *Memory) ImportTMX(ctx context.Context, name string, r io.Reader) (*Imported, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if s, ok := r.(io.Seeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			if err := validate(ctx, r); err != nil {
				return nil, err
			}
			if _, err := s.Seek(start, io.SeekStart); err != nil {
				return nil, err
			}
		}
	}
	t, err := newTMXReader(r)
	if err != nil {
		return nil, err
	}
	return m.add(ctx, name, func(yield func(rawUnit, error) bool) {
		for {
			raw, err := t.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}, func() (string, string, string) { return t.prolog, t.epilog, t.srcLang })
}

// validate reads a whole file.
func validate(ctx context.Context, r io.Reader) error {
	t, err := newTMXReader(r)
	if err != nil {
		return err
	}
	for {
		raw, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = ParseUnit(raw.text, t.srcLang)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// maxLine bounds a line of a table.
const maxLine = 4 << 20

// ImportTSV adds the lines of a table, source and target with a tab between,
// further columns passed over, as units of the languages from and to. Lines without
// a source or a target are passed over.
func (m *Memory) ImportTSV(ctx context.Context, name, from, to string, r io.Reader) (*Imported, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if from == "" || to == "" {
		return nil, fmt.Errorf("%w: a table needs its two languages", ErrOption)
	}
	r, err := toUTF8(r)
	if err != nil {
		return nil, err
	}
	return m.add(ctx, name, func(yield func(rawUnit, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		n := 0
		for lines.Scan() {
			n++
			src, tgt, ok := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), "\t")
			if !ok && strings.TrimSpace(src) != "" {
				yield(rawUnit{}, fmt.Errorf("%w: line %d has no tab between source and target", ErrFormat, n))
				return
			}
			tgt, _, _ = strings.Cut(tgt, "\t")
			if strings.TrimSpace(src) == "" || strings.TrimSpace(tgt) == "" {
				continue
			}
			if !yield(rawUnit{text: newUnit(from, to, src, tgt)}, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("%w: line %d is longer than %d MiB", ErrFormat, n+1, maxLine>>20)
			}
			yield(rawUnit{}, err)
		}
	}, func() (string, string, string) { return newProlog(from), newEpilog, from })
}

// add writes units, then what is around them, and deletes what is left of an
// earlier import. What was around that goes first, so that an import that does
// not end leaves no memory that could be exported. file is called behind the
// last unit.
func (m *Memory) add(ctx context.Context, name string, units iter.Seq2[rawUnit, error], file func() (prolog, epilog, srcLang string)) (*Imported, error) {
	n := 0
	var docs iter.Seq2[ciyuan.Document, error] = func(yield func(ciyuan.Document, error) bool) {
		for raw, err := range units {
			if err != nil {
				yield(ciyuan.Document{}, err)
				return
			}
			n++
			_, _, srcLang := file()
			u, err := ParseUnit(raw.text, srcLang)
			if err != nil {
				yield(ciyuan.Document{}, fmt.Errorf("unit %d: %w", n, err))
				return
			}
			if !yield(m.document(name, n, raw.text, srcLang, u), nil) {
				return
			}
		}
		prolog, epilog, srcLang := file()
		yield(ciyuan.Document{ID: unitID(name, 0), Meta: map[string]string{
			fieldMemory: name, fieldProlog: prolog, fieldEpilog: epilog, fieldSource: srcLang,
		}}, nil)
	}
	if _, err := m.db.Delete(ctx, unitID(name, 0)); err != nil {
		return nil, err
	}
	done, err := m.db.AddBatch(ctx, docs)
	done.Added = max(0, done.Added-1) // what is around the units
	out := &Imported{Name: name, Units: n, Added: done.Added, Updated: done.Updated, Unchanged: done.Unchanged}
	if err != nil {
		return out, err
	}
	var old []string
	for e, err := range m.db.List(ctx, name+"#") {
		if err != nil {
			return out, err
		}
		if of, k, ok := splitID(e.ID); ok && of == name && k > n {
			old = append(old, e.ID)
		}
	}
	if len(old) > 0 {
		out.Deleted, err = m.db.Delete(ctx, old...)
	}
	return out, err
}

// document is how a unit lies in the index: a line of text a variant.
func (m *Memory) document(name string, n int, raw, srcLang string, u *Unit) ciyuan.Document {
	var text strings.Builder
	for i := range u.Variants {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(oneLine(u.Variants[i].Text))
	}
	return ciyuan.Document{
		ID: unitID(name, n), Text: text.String(),
		Meta: map[string]string{fieldMemory: name, fieldUnit: raw, fieldSource: srcLang},
	}
}

// oneLine returns a text with its white space as single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Entry is a memory of an index.
type Entry struct {
	Name   string `json:"name"`
	Source string `json:"source"` // language
	Units  int    `json:"units"`
}

// List returns the memories of the index by name. It reads the fields of all
// documents.
func (m *Memory) List(ctx context.Context) ([]Entry, error) {
	var out []Entry
	for e, err := range m.db.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		name, n, ok := splitID(e.ID)
		if !ok || e.Meta[fieldMemory] != name {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, Entry{Name: name, Source: e.Meta[fieldSource]})
		}
		if n > 0 {
			out[len(out)-1].Units++
		}
	}
	return out, nil
}

// Export writes a memory as TMX in UTF-8, as it was imported: what a file in UTF-8
// without a byte order mark held comes out byte for byte, of another encoding
// the text and the name of the encoding differ. Errors are ErrNoMemory, those
// of w and of the index.
func (m *Memory) Export(ctx context.Context, name string, w io.Writer) error {
	out := bufio.NewWriter(w)
	epilog, found := "", false
	for e, err := range m.db.List(ctx, name+"#") {
		if err != nil {
			return err
		}
		of, n, ok := splitID(e.ID)
		if !ok || of != name || e.Meta[fieldMemory] != name {
			continue
		}
		text := e.Meta[fieldUnit]
		if n == 0 {
			text, epilog, found = e.Meta[fieldProlog], e.Meta[fieldEpilog], true
		} else if !found {
			return fmt.Errorf("%w: the import of %s did not end", ErrNoMemory, name)
		}
		if _, err := out.WriteString(text); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%w: %q", ErrNoMemory, name)
	}
	if _, err := out.WriteString(epilog); err != nil {
		return err
	}
	return out.Flush()
}

// unit reads a unit of the index; ok is false for a document that is none.
func (m *Memory) unit(ctx context.Context, id string) (u *Unit, name string, n int, ok bool, err error) {
	name, n, ok = splitID(id)
	if !ok || n == 0 {
		return nil, "", 0, false, nil
	}
	doc, err := m.db.Get(ctx, id)
	if errors.Is(err, ciyuan.ErrNotFound) {
		return nil, "", 0, false, nil
	}
	if err != nil || doc.Meta[fieldMemory] != name || doc.Meta[fieldUnit] == "" {
		return nil, "", 0, false, err
	}
	u, err = ParseUnit(doc.Meta[fieldUnit], doc.Meta[fieldSource])
	if err != nil {
		return nil, "", 0, false, fmt.Errorf("%s: %w", id, err)
	}
	return u, name, n, true, nil
}
