package ciyuan

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// maxTile is the greatest length in characters of a Chinese word that a phrase is
// looked for with.
const maxTile = 16

// A phrase is words that must follow one another in a document, in its title or its
// text; white space and punctuation between them do not count.
//
// Chinese words are compared by their characters, not by how they were cut: the
// document may have cut 自然语言 where the query has 自然 and 语言, and a phrase may begin
// or end within a word. Other words are whole.
type phrase struct {
	length int                   // of the words, one after another, in bytes
	words  int                   // as the query was cut
	tiles  map[store.Code][]tile // places of the words of the index in them
}

// A tile is a place of a word in a phrase, in bytes. Of the first and the last word
// of a phrase only an end or a beginning may lie in it.
type tile struct{ from, to int }

// newPhrase returns the phrase of a text; nil if it has no words.
func (s *searcher) newPhrase(text string) (*phrase, error) {
	p := &phrase{tiles: map[store.Code][]tile{}}
	var first, last string // the Chinese characters that it begins and ends with
	chinese := ""          // those just read
	flush := func() error {
		start := p.length - len(chinese)
		if start == 0 {
			first = chinese
		}
		last = chinese
		err := s.tile(p, start, chinese)
		chinese = ""
		return err
	}
	for _, t := range s.db.tok.Tokenize(nil, text) {
		if !t.Primary() || !t.Kind.Counts() {
			continue
		}
		p.words++
		if isHan(t.Word) {
			chinese += t.Word
			p.length += len(t.Word)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		if code, ok, err := s.words.Code(t.Word); err != nil {
			return nil, err
		} else if ok {
			p.tiles[code] = append(p.tiles[code], tile{p.length, p.length + len(t.Word)})
		}
		p.length += len(t.Word)
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if p.words == 0 {
		return nil, nil
	}
	return p, s.edges(p, first, last)
}

// edges finds the longer words of the index that a phrase may begin and end in, and
// those that it may lie in.
func (s *searcher) edges(p *phrase, first, last string) error {
	if first == "" && last == "" {
		return nil
	}
	head, _ := utf8.DecodeRuneInString(first)
	tail, _ := utf8.DecodeLastRuneInString(last)
	for e, err := range s.tx.AllWords() {
		if err == nil && e.Code%4096 == 0 {
			err = s.ctx.Err()
		}
		if err != nil {
			return err
		}
		var found []tile
		if len(first) == p.length && len(e.Word) > p.length && bytes.Contains(e.Word, []byte(first)) {
			found = append(found, tile{0, p.length})
		}
		if first != "" {
			for i := bytes.IndexRune(e.Word, head); i >= 0; {
				if i > 0 && strings.HasPrefix(first, string(e.Word[i:])) {
					found = append(found, tile{0, len(e.Word) - i})
				}
				next := bytes.IndexRune(e.Word[i+1:], head)
				if next < 0 {
					break
				}
				i += 1 + next
			}
		}
		if last != "" {
			for n := bytes.IndexRune(e.Word, tail); n >= 0; {
				end := n + utf8.RuneLen(tail)
				if end < len(e.Word) && strings.HasSuffix(last, string(e.Word[:end])) {
					found = append(found, tile{p.length - end, p.length})
				}
				next := bytes.IndexRune(e.Word[end:], tail)
				if next < 0 {
					break
				}
				n = end + next
			}
		}
		for _, t := range found {
			if !slices.Contains(p.tiles[e.Code], t) {
				p.tiles[e.Code] = append(p.tiles[e.Code], t)
			}
		}
	}
	return nil
}

// tile finds the words of the index in a part of a phrase that begins at start and
// consists of Chinese characters.
func (s *searcher) tile(p *phrase, start int, chinese string) error {
	for from := range chinese {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n := 0
		for i, r := range chinese[from:] {
			if n++; n > maxTile {
				break
			}
			to := from + i + len(string(r))
			code, ok, err := s.words.Code(chinese[from:to])
			if err != nil {
				return err
			}
			if ok {
				p.tiles[code] = append(p.tiles[code], tile{start + from, start + to})
			}
		}
	}
	return nil
}

// isHan reports whether a word consists of Chinese characters.
func isHan[T string | []byte](word T) bool {
	for _, r := range string(word) {
		if !unicode.Is(unicode.Han, r) {
			return false
		}
	}
	return true
}

// docRange is the passages of a document: from, up to but not including to.
type docRange struct{ from, to store.PassageID }

// docsWith returns the live documents that have the phrase, ascending.
func (s *searcher) docsWith(p *phrase) ([]docRange, error) {
	var whole, heads, tails []store.Code
	for code, tiles := range p.tiles {
		for _, t := range tiles {
			switch {
			case t.from == 0 && t.to == p.length:
				whole = append(whole, code)
			case t.from == 0:
				heads = append(heads, code)
			case t.to == p.length:
				tails = append(tails, code)
			}
		}
	}
	sure, err := s.passagesWith(whole)
	if err != nil {
		return nil, err
	}
	begun, err := s.passagesWith(heads)
	if err != nil {
		return nil, err
	}
	ended, err := s.passagesWith(tails)
	if err != nil {
		return nil, err
	}
	// A phrase may go on in the passages that follow; each has a word at least.
	reach := store.PassageID(p.words)
	var docs []docRange
	add := func(id store.PassageID, verified bool) error {
		if n := len(docs); n > 0 && id < docs[n-1].to || s.dead != nil && s.dead.dead(id) {
			return nil
		}
		doc, record, err := s.tx.DocOf(id)
		if err != nil {
			return err
		}
		r := docRange{store.PassageID(doc), store.PassageID(doc) + store.PassageID(record.Passages)}
		if !verified {
			if ok, err := s.follows(p, id, r.to); err != nil || !ok {
				return err
			}
		}
		docs = append(docs, r)
		return s.ctx.Err()
	}
	for len(sure) > 0 || len(begun) > 0 {
		if len(begun) == 0 || len(sure) > 0 && sure[0] <= begun[0] {
			if err := add(sure[0], true); err != nil {
				return nil, err
			}
			sure = sure[1:]
			continue
		}
		id := begun[0]
		begun = begun[1:]
		for len(ended) > 0 && ended[0] < id {
			ended = ended[1:]
		}
		if len(ended) > 0 && ended[0] <= id+reach {
			if err := add(id, false); err != nil {
				return nil, err
			}
		}
	}
	return docs, s.failed()
}

// passagesWith returns the passages that have a posting of any of the codes,
// ascending, deleted ones included.
func (s *searcher) passagesWith(codes []store.Code) ([]store.PassageID, error) {
	var out []store.PassageID
	var ordinals, tfs [index.PostingsBatch]uint32
	slices.Sort(codes)
	for _, seg := range s.meta.Segments {
		if seg.State != store.Live {
			continue
		}
		reader := index.NewSegmentReader(newChunkSource(s.tx, seg.ID))
		for _, code := range codes {
			if err := s.ctx.Err(); err != nil {
				return nil, err
			}
			list, err := reader.Postings(uint32(code))
			if err != nil {
				return nil, s.damaged(seg, err)
			}
			for n := list.Next(ordinals[:], tfs[:]); n > 0; n = list.Next(ordinals[:], tfs[:]) {
				for _, o := range ordinals[:n] {
					out = append(out, seg.Base+store.PassageID(o))
				}
			}
			if err := list.Err(); err != nil {
				return nil, s.damaged(seg, err)
			}
		}
	}
	for _, p := range s.pending {
		if slices.ContainsFunc(codes, func(c store.Code) bool { return slices.Contains(p.codes, uint32(c)) }) {
			out = append(out, p.id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// follows reports whether the phrase begins in a passage; it may go on in those that
// follow it, up to end.
func (s *searcher) follows(p *phrase, id, end store.PassageID) (bool, error) {
	var at, next []int // how far the phrase may have come
	for first := id; id < end; id++ {
		record, err := s.tx.Passage(id)
		if err != nil {
			return false, err
		}
		d := store.DecodePassage(record)
		var t store.Token
		title := true
		for d.Next(&t) {
			if t.Title && id > first {
				continue // it stands in front of every passage
			}
			if title && !t.Title && id == first {
				title, at = false, at[:0]
			}
			next = next[:0]
			for _, tile := range p.tiles[t.Code] {
				if tile.from == 0 && id > first || tile.from > 0 && !slices.Contains(at, tile.from) {
					continue
				}
				if tile.to == p.length {
					return true, nil
				}
				next = append(next, tile.to)
			}
			at, next = next, at
			if len(at) == 0 && id > first {
				return false, nil
			}
		}
		if err := d.Err(); err != nil {
			return false, err
		}
		if len(at) == 0 || title && id == first {
			return false, nil
		}
	}
	return false, nil
}

// has reports whether a passage belongs to one of the documents, which are in
// order.
func has(docs []docRange, id store.PassageID) bool {
	i := sort.Search(len(docs), func(i int) bool { return docs[i].to > id })
	return i < len(docs) && docs[i].from <= id
}
