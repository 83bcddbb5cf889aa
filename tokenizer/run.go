package tokenizer

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/go-ego/gse/hmm"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// run is a run of Han characters with the dictionary words in it.
type run struct {
	text  string
	at    []int32      // byte offset of each character, and len(text)
	codes []uint32     // of each character in the built-in dictionary
	users []uint32     // and in the user dictionary, if there is one
	found []trie.Match // by start, then by end
}

// Where the words of a run come from.
const (
	fromBuiltin = iota
	fromUser
)

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
	first := len(r.found)
	if t.user != nil {
		r.found = t.user.words.Words(r.found, r.users, i, fromUser)
	}
	middle := len(r.found)
	r.found = builtin().words.Words(r.found, r.codes, i, fromBuiltin)
	if first < middle && middle < len(r.found) {
		r.merge(first, middle)
	}
	if first == len(r.found) {
		return i
	}
	return int(r.found[len(r.found)-1].To)
}

// merge sorts the user's words r.found[first:middle] and the built-in ones
// behind them by end, without the built-in ones that the user has too.
func (r *run) merge(first, middle int) {
	users := append([]trie.Match(nil), r.found[first:middle]...)
	builtin := append([]trie.Match(nil), r.found[middle:]...)
	r.found = r.found[:first]
	for len(users) > 0 || len(builtin) > 0 {
		switch {
		case len(users) == 0 || len(builtin) > 0 && builtin[0].To < users[0].To:
			r.found = append(r.found, builtin[0])
			builtin = builtin[1:]
		default:
			if len(builtin) > 0 && builtin[0].To == users[0].To {
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

// maxSingles bounds the runs of single characters that the hidden Markov model
// gets at once: gse's takes quadratic time.
const maxSingles = 64

// han cuts a run of Han characters.
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
	case Perceptron:
		s.learned(start, end)
	default:
		if s.dry {
			s.plan(start, end)
		} else {
			s.pieces(start, end)
		}
	}
}

// plan cuts text[start:end] into pieces that no word crosses and notes them.
func (s *scanner) plan(start, end int) {
	w := s.w
	r := &w.run
	r.set(w.t, s.text[start:end])
	r.found = r.found[:0]
	from, reach := 0, 0
	for i := range r.codes {
		if i > from && i >= reach {
			w.plan = append(w.plan, planned{chars: int32(i - from), cuts: w.number(from, i)})
			from = i
			r.found = r.found[:0]
		}
		reach = max(reach, r.findAt(w.t, i))
	}
	w.plan = append(w.plan, planned{chars: int32(len(r.codes) - from), cuts: w.number(from, len(r.codes))})
}

// pieces emits the words of text[start:end], whose pieces come next in the plan.
func (s *scanner) pieces(start, end int) {
	w := s.w
	for i := start; i < end; {
		piece := w.plan[w.planned]
		w.planned++
		word := i
		for n := int32(0); n < piece.chars; n++ {
			if n > 0 && piece.cuts != noCuts && w.cuts[piece.cuts].at(int(n)) {
				s.chinese(word, i)
				word = i
			}
			_, size := utf8.DecodeRuneInString(s.text[i:])
			i += size
		}
		s.chinese(word, i)
	}
}

// chinese emits one Chinese word, in Search mode with the words inside it, and
// counts single characters for the hidden Markov model.
func (s *scanner) chinese(start, end int) {
	mode := s.w.t.mode
	single := end-start <= utf8.UTFMax && utf8.RuneCountInString(s.text[start:end]) == 1
	if mode == HMM && single {
		if s.singles == maxSingles {
			s.join()
		}
		s.primary(start, end, Word)
		s.singles++
		return
	}
	s.emit(start, end, Word)
	if mode == Search && !single {
		s.inner(start, end)
	}
}

// inner emits the dictionary words of two characters or more inside a word.
func (s *scanner) inner(start, end int) {
	r := &s.w.run
	r.set(s.w.t, s.text[start:end])
	r.find(s.w.t)
	slices.SortFunc(r.found, func(a, b trie.Match) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To))
	})
	for _, found := range r.found {
		if n := int(found.To - found.From); n > 1 && n < len(r.codes) {
			s.part(start+int(r.at[found.From]), start+int(r.at[found.To]))
		}
	}
}

// join replaces the single characters at the end of dst by what the hidden
// Markov model makes of them.
func (s *scanner) join() {
	n := s.singles
	s.singles = 0
	if n < 2 {
		return
	}
	first := len(s.dst) - n
	start, end := s.dst[first].Start, s.dst[len(s.dst)-1].End
	text := s.text[start:end]
	if s.w.t.known(text) {
		return
	}
	loadHMM()
	s.dst = s.dst[:first]
	for _, word := range hmm.Cut(text) {
		s.primary(start, start+len(word), Word)
		start += len(word)
	}
}

// loadHMM loads gse's model of Chinese characters, once.
var loadHMM = sync.OnceFunc(func() { hmm.LoadModel() })
