package tokenizer

import (
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// run is a run of Han characters with the dictionary words in it.
type run struct {
	text  string
	at    []int32  // byte offset of each character, and len(text)
	codes []uint32 // of each character in the built-in dictionary
	users []uint32 // and in the user dictionary, if there is one
	found []word   // by start, then by end
}

// word is a dictionary word in a run: the characters from and up to to.
type word struct {
	from, to int32
	node     trie.Node
	user     bool
}

// set makes r the run text.
func (r *run) set(t *Tokenizer, text string) {
	r.text, r.at, r.codes, r.users = text, r.at[:0], r.codes[:0], r.users[:0]
	words := &builtin().words
	for at, c := range text {
		r.at = append(r.at, int32(at))
		r.codes = append(r.codes, words.Code(c))
		if t.user != nil {
			r.users = append(r.users, t.user.words.Code(c))
		}
	}
	r.at = append(r.at, int32(len(text)))
}

// findAt appends the words that start at character i to r.found and returns
// where the longest one ends. A word of both dictionaries is found as the
// user's.
func (r *run) findAt(t *Tokenizer, i int) int {
	end := i
	first := len(r.found)
	if t.user != nil {
		end = r.findIn(&t.user.words, r.users, i, true)
	}
	users := r.found[first:]
	end = max(end, r.findIn(&builtin().words, r.codes, i, false))
	if len(users) > 0 {
		r.merge(first, first+len(users))
	}
	return end
}

// findIn appends the words of one dictionary that start at character i.
func (r *run) findIn(words *trie.Trie, codes []uint32, i int, user bool) int {
	end := i
	n := trie.Root
	for j := i; j < len(codes); j++ {
		c := codes[j]
		if c == 0 {
			break
		}
		var ok bool
		if n, ok = words.Next(n, c); !ok {
			break
		}
		if words.IsWord(n) {
			end = j + 1
			r.found = append(r.found, word{from: int32(i), to: int32(end), node: n, user: user})
		}
	}
	return end
}

// merge sorts the user's words r.found[first:middle] and the built-in ones
// behind them by end, without the built-in ones that the user has too.
func (r *run) merge(first, middle int) {
	users := append([]word(nil), r.found[first:middle]...)
	builtin := append([]word(nil), r.found[middle:]...)
	r.found = r.found[:first]
	for len(users) > 0 || len(builtin) > 0 {
		switch {
		case len(users) == 0 || len(builtin) > 0 && builtin[0].to < users[0].to:
			r.found = append(r.found, builtin[0])
			builtin = builtin[1:]
		default:
			if len(builtin) > 0 && builtin[0].to == users[0].to {
				builtin = builtin[1:]
			}
			r.found = append(r.found, users[0])
			users = users[1:]
		}
	}
}

// find finds all words of the run.
func (r *run) find(t *Tokenizer) {
	r.found = r.found[:0]
	for i := range r.codes {
		r.findAt(t, i)
	}
}

// han cuts a run of Han characters, or leaves its pieces for gse.
func (s *scanner) han(start int) int {
	text := s.text
	end, chars := start, 0
	for end < len(text) && chars < maxRun {
		r, size := utf8.DecodeRuneInString(text[end:])
		if classOf(r) != han {
			break
		}
		end += size
		chars++
	}
	if at, to := s.crossing(start, end); to > 0 {
		if at > start {
			s.segment(start, at)
		}
		return s.mixed(at, to)
	}
	s.segment(start, end)
	return end
}

// crossing returns the first dictionary word that starts among the last Han
// characters of text[start:end] and goes on behind them, such as 阿Q.
func (s *scanner) crossing(start, end int) (int, int) {
	const reach = 8 // characters of Chinese in front of other ones in a word
	user := s.w.t.user
	mixed := user != nil && user.mixed
	if end == len(s.text) || !mixed && !isAlnum(s.text[end]) {
		return 0, 0
	}
	at := end
	for n := 0; n < reach && at > start; n++ {
		_, size := utf8.DecodeLastRuneInString(s.text[:at])
		at -= size
	}
	for at < end {
		to := 0
		if mixed {
			to = s.longest(&user.words, at)
		}
		if to <= end {
			to = s.longest(&builtin().words, at)
		}
		if to > end {
			return at, to
		}
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return 0, 0
}

// longest returns the end of the longest word at start that the rules of the
// scanner would take apart: it has characters of several classes, and it does
// not end inside a word of letters and digits.
func (s *scanner) longest(words *trie.Trie, start int) int {
	text := s.text
	best := 0
	n := trie.Root
	var first class
	several := false
	for i := start; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		c := words.Code(r)
		if c == 0 {
			break
		}
		var ok bool
		if n, ok = words.Next(n, c); !ok {
			break
		}
		cl := classOf(r)
		if cl == digit {
			cl = letter
		}
		if i == start {
			first = cl
		}
		several = several || cl != first
		i += size
		if several && words.IsWord(n) && !(cl == letter && isAlphabetic(text, i)) {
			best = i
		}
	}
	return best
}

// segment cuts text[start:end], Han characters all.
func (s *scanner) segment(start, end int) {
	switch s.w.t.mode {
	case Char:
		for i, r := range s.text[start:end] {
			s.emit(start+i, start+i+utf8.RuneLen(r), Word)
		}
	case FMM, BMM, BiMM:
		s.match(start, end)
	default:
		s.pieces(start, end)
	}
}

// pieces leaves text[start:end] for gse in pieces that no word crosses; a piece
// of one character is a word.
func (s *scanner) pieces(start, end int) {
	w := s.w
	r := &w.run
	r.set(w.t, s.text[start:end])
	r.found = r.found[:0]
	from, reach := 0, 0
	for i := range r.codes {
		if i > from && i >= reach {
			s.piece(start, from, i)
			from = i
			r.found = r.found[:0]
		}
		reach = max(reach, r.findAt(w.t, i))
	}
	s.piece(start, from, len(r.codes))
}

// piece emits the characters from to to of the run that starts at start.
func (s *scanner) piece(start, from, to int) {
	r := &s.w.run
	i, j := start+int(r.at[from]), start+int(r.at[to])
	if to == from+1 {
		s.emit(i, j, Word)
		return
	}
	text := s.text[i:j]
	n := s.w.number(text, from, to)
	s.dst = append(s.dst, Token{Word: text, Start: i, End: j, Kind: piece, Parent: n})
}
