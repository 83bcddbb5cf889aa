package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// fixture puts a small index with something in every bucket into s: a plain
// document, one of several passages with a title, an empty one, a pending one
// and a deleted one; all but the empty one have token vectors, where the file's
// format has room for them.
func fixture(tb testing.TB, s *Store) {
	tb.Helper()
	update(tb, s, func(tx *Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		b := fixtureBuilder{tx: tx, m: m, codes: map[string]Code{}}
		b.leaders()
		b.doc("a.txt", "", "编程 是 一种 技能")
		b.doc("notes/b.md", "Learning to Program", "Programming needs\npatience", "and 毅力\n\nand time", "")
		b.doc("empty", "")
		b.doc("notes/gone", "", "deleted words")
		folded := m.NextPassage
		b.doc("pending", "", "编程 needs 经验 "+strings.Repeat("very", 80)+"long")
		b.fold(folded)
		b.delete("notes/gone")
		b.chunks()
		return errors.Join(b.err, tx.SetMeta(m), tx.SetVectorMeta(b.vm), tx.SetDictionary([]byte("词元 1000 n\n")))
	})
}

type fixtureBuilder struct {
	tx    *Tx
	m     *Meta
	vm    *VectorMeta // nil where there is no room for token vectors
	codes map[string]Code
	err   error
}

func (b *fixtureBuilder) try(err error) { b.err = errors.Join(b.err, err) }

func (b *fixtureBuilder) code(word string) Code {
	if c, ok := b.codes[word]; ok {
		return c
	}
	c := b.m.NextCode
	b.codes[word] = c
	b.try(b.tx.AddWords(b.m, []string{word}))
	ref := Ref{Row: uint32(c) * 7, Has: c%3 != 0}
	if c%5 == 1 {
		ref = Ref{Has: true, Pieces: []uint32{uint32(c), MaxRow, 300}, Norm: 12345}
	}
	b.try(b.tx.AddRefs(c, []Ref{ref}))
	return c
}

// tokens adds the words of text, which are separated by spaces and line ends.
func (b *fixtureBuilder) tokens(e *PassageEncoder, text string) (words int) {
	for i, w := range strings.Split(strings.ReplaceAll(text, "\n", " "), " ") {
		if i > 0 {
			e.Gap(1)
		}
		if w == "" {
			continue
		}
		words++
		folded, length := strings.ToLower(w), 0
		if w != folded {
			folded, length = folded+"+", len(w) // a surface shorter than its word
		}
		e.Token(b.code(folded), length)
		if len(w) > 8 {
			e.Parts([]Part{{Code: b.code(folded[:3]), Start: 0, Length: 3}, {Code: b.code(folded[3:6]), Start: 3, Length: 3}})
		}
	}
	return words
}

func (b *fixtureBuilder) doc(external, title string, passages ...string) {
	passages = append(passages, "")[:max(1, len(passages))]
	id := DocID(b.m.NextPassage)
	d := Doc{External: external, Title: title, Path: "/tmp/" + external, Passages: uint32(len(passages)), Tokenizer: 1,
		Meta: []Pair{{"author", "词元"}, {"n", fmt.Sprint(id)}}}
	var e PassageEncoder
	var lines uint64
	for _, text := range passages {
		e.Reset()
		if title != "" {
			e.Title()
			d.Words += uint64(b.tokens(&e, title))
			e.EndTitle()
		}
		d.Words += uint64(b.tokens(&e, text))
		b.try(b.tx.PutText(b.m.NextPassage, Text{Offset: d.TextBytes, Line: lines, Text: []byte(text)}))
		d.TextBytes += uint64(len(text))
		lines += uint64(strings.Count(text, "\n"))
		b.try(b.tx.PutPending(b.m.NextPassage, e.Bytes()))
		b.vectors(b.m.NextPassage, text, title == "")
		b.m.NextPassage++
	}
	b.m.LiveDocs++
	b.m.LivePassages += uint64(d.Passages)
	b.m.LiveWords += d.Words
	b.try(b.tx.PutDoc(id, &d))
	b.try(b.tx.PutSource(external, Source{Doc: id, ModTime: -5, Size: int64(d.TextBytes), Hash: 1 << 63, Flags: 1}))
}

// fold moves the pending passages below end to bucket forward and a segment.
func (b *fixtureBuilder) fold(end PassageID) {
	w := b.tx.ForwardWriter()
	var l Lengths
	for p, err := range b.tx.Pending(0) {
		b.try(err)
		if p.ID >= end {
			break
		}
		b.try(w.Add(p.ID, p.Record))
		b.try(b.tx.DeletePending(p.ID))
		l = AppendLength(l, int(p.ID)+1)
	}
	b.try(w.Flush())
	w = b.tx.VectorWriter()
	for p, err := range b.tx.PendingVectors(0) {
		b.try(err)
		if p.ID < end {
			b.try(w.Add(p.ID, p.Record))
			b.try(b.tx.DeletePendingVectors(p.ID))
		}
	}
	b.try(w.Flush())
	s := Segment{ID: b.m.NextSegment, State: Live, Class: 1, Base: 0, Span: uint32(end), Live: uint32(end)}
	b.m.NextSegment++
	b.m.Segments = append(b.m.Segments, s)
	b.try(b.tx.PutLengths(s.ID, 0, l))
}

func (b *fixtureBuilder) delete(external string) {
	s, _, err := b.tx.Source(external)
	b.try(err)
	d, err := b.tx.Doc(s.Doc)
	b.try(err)
	for i := range d.Passages {
		b.try(b.tx.DeleteText(PassageID(s.Doc) + PassageID(i)))
	}
	b.try(b.tx.Bury(PassageID(s.Doc), d.Passages))
	if b.vm != nil {
		for i := range d.Passages {
			record, err := b.tx.VectorReader().Record(PassageID(s.Doc) + PassageID(i))
			b.try(err)
			if record != nil {
				v, err := DecodeVectors(record, int(b.vm.RowBytes))
				b.try(err)
				b.vm.Rows -= uint64(v.Len())
			}
		}
		b.try(b.tx.DeleteFoldedVectors(PassageID(s.Doc), d.Passages))
	}
	b.try(b.tx.DeleteDoc(s.Doc))
	b.try(b.tx.DeleteSource(external))
	b.m.LiveDocs--
	b.m.LivePassages -= uint64(d.Passages)
	b.m.LiveWords -= d.Words
	b.m.Segments[0].Live -= d.Passages
}

func (b *fixtureBuilder) chunks() {
	for _, k := range []ChunkKey{{0, 0, 0}, {0, 3, 0}, {0, 3, 2}, {0, 9, 1}} {
		b.try(b.tx.PutChunk(k, fmt.Appendf(nil, "chunk %v", k)))
	}
	b.try(b.tx.PutGraphBlock(0, []byte("graph nodes")))
	b.m.GraphNodes = min(40, uint32(b.m.NextCode))
	b.m.GraphHeader = []byte("entry 7")
	if b.vm == nil {
		return
	}
	for _, k := range []ChunkKey{{0, 0, 0}, {0, 2, 3}} {
		b.try(b.tx.PutVChunk(k, fmt.Appendf(nil, "chunk of leaders %v", k)))
	}
	b.try(b.tx.PutVGraphBlock(0, []byte("nodes of leaders")))
	b.vm.GraphNodes = 2
	b.vm.GraphHeader = []byte("entry 1")
}

// leaders adds leaders, which fill a block and begin another.
func (b *fixtureBuilder) leaders() {
	if !b.tx.there[Leaders] {
		return
	}
	b.vm = &VectorMeta{Encoder: "minilm", EncoderFingerprint: "m-1", Dim: 4, Grade: 1, RowBytes: 6, LeaderBytes: 1500, Options: []Pair{{"probes", "32"}}}
	rows := make([]byte, 3*b.vm.LeaderBytes)
	for i := range 3 {
		copy(rows[i*int(b.vm.LeaderBytes):], fmt.Sprintf("leader %d", i))
	}
	b.try(b.tx.AddLeaders(b.vm, rows, []byte{0, 1, 0}))
}

// vectors adds a vector for each word of passage p.
func (b *fixtureBuilder) vectors(p PassageID, text string, places bool) {
	if b.vm == nil || text == "" {
		return
	}
	var codes []uint32
	var spans []TokenSpan
	var rows []byte
	for i, w := range strings.Fields(text) {
		codes = append(codes, uint32(i)%b.vm.NextLeader)
		if places {
			spans = append(spans, TokenSpan{Start: uint32(strings.Index(text, w)), Length: uint32(len(w))})
		}
		rows = fmt.Appendf(rows, "row %2d", i)
	}
	b.vm.Rows += uint64(len(codes))
	b.try(b.tx.PutPendingVectors(p, AppendVectors(nil, codes, spans, rows)))
}

// checkClean fails the test if Check finds anything.
func checkClean(tb testing.TB, s *Store) {
	tb.Helper()
	problems, err := s.Check(tb.Context(), nil)
	if err != nil {
		tb.Error(err)
	}
	for _, p := range problems {
		tb.Error("check:", p)
	}
}
