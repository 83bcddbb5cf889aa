package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxWord bounds tokens other than white space, in bytes of folded text: what
	// is longer is data, not a word, and is cut.
	maxWord = 256
	// maxURL bounds URLs and paths, in bytes.
	maxURL = 1024
	// maxLocal bounds the part of an e-mail address before the @ (RFC 5321).
	maxLocal = 64
	// maxRun bounds the runs of Han characters that are segmented at once, in
	// characters, so that memory and time for a run are bounded.
	maxRun = 512
)

// scanner cuts one folded text into tokens whose spans are those of the folded
// text.
//
// A text with Chinese in it is scanned twice: dry, to find the pieces that gse
// has to cut, and again, when they are cut, to emit the tokens. Both times the
// scanner takes the same way.
type scanner struct {
	w      *worker
	src    string // the original
	folded Folded
	text   string // folded.Text
	at     cursor // where text is in src
	// changed says that text and src differ.
	changed bool
	dry     bool
	dst     []Token
	base    int   // where parents count from in dst
	parent  int32 // of the parts that are emitted
	singles int   // HMM: how many single Chinese characters stand at the end of dst

	// Where a search for an e-mail address or a path has failed: no place before
	// these need be tried again, which keeps scanning linear.
	noMail, noPath int
}

func (s *scanner) run() {
	text := s.text
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			switch {
			case isAlnum(c):
				i = s.word(i)
			case c == ' ', '\t' <= c && c <= '\r':
				i = s.space(i)
			default:
				i = s.other(i)
			}
			continue
		}
		r, _ := utf8.DecodeRuneInString(text[i:])
		switch cl := classOf(r); cl {
		case han:
			i = s.han(i)
		case letter, digit:
			i = s.word(i)
		case space:
			i = s.space(i)
		case hiragana, katakana, hangul:
			i = s.syllables(i, cl)
		case dense:
			i = s.cluster(i)
		case emoji:
			i = s.emoji(i)
		default:
			i = s.other(i)
		}
	}
	s.join()
}

// emit appends the primary token text[start:end].
func (s *scanner) emit(start, end int, kind Kind) {
	if s.dry {
		return
	}
	if s.singles > 0 {
		s.join()
	}
	s.primary(start, end, kind)
	if kind == Number || kind == Word && !s.date(start, end) {
		s.numeral(start, end, kind)
	}
}

func (s *scanner) primary(start, end int, kind Kind) {
	word := s.text[start:end]
	s.parent = int32(len(s.dst) - s.base)
	s.dst = append(s.dst, Token{Word: word, Start: start, End: end, Kind: kind, POS: s.w.t.pos(word, kind), Parent: -1})
}

// part appends text[start:end] as a part of the last primary token.
func (s *scanner) part(start, end int) { s.partAs(s.text[start:end], start, end) }

// partAs appends the word that text[start:end] stands for as a part of the last primary
// token.
func (s *scanner) partAs(word string, start, end int) {
	if s.dry {
		return
	}
	kind := kindOf(word)
	s.dst = append(s.dst, Token{Word: word, Start: start, End: end, Kind: kind, POS: s.w.t.pos(word, kind), Parent: s.parent})
}

func (s *scanner) space(start int) int {
	end := start
	for end < len(s.text) {
		if c := s.text[end]; c < utf8.RuneSelf {
			if c != ' ' && (c < '\t' || c > '\r') {
				break
			}
			end++
			continue
		}
		r, size := utf8.DecodeRuneInString(s.text[end:])
		if classOf(r) != space {
			break
		}
		end += size
	}
	s.emit(start, end, Space)
	return end
}

// other cuts punctuation: a run of one and the same character is one token, and
// so is a run of marks that stand on nothing.
func (s *scanner) other(start int) int {
	if end := s.entry(start); end > 0 {
		return s.mixed(start, end)
	}
	first, size := utf8.DecodeRuneInString(s.text[start:])
	end := start + size
	marks := classOf(first) == mark
	for end < len(s.text) && end-start < maxWord {
		r, size := utf8.DecodeRuneInString(s.text[end:])
		if r != first && !(marks && classOf(r) == mark) {
			break
		}
		end += size
	}
	s.emit(start, end, Punct)
	return end
}

// syllables cuts a run of kana of one kind or of Hangul.
func (s *scanner) syllables(start int, cl class) int {
	if end := s.entry(start); end > 0 {
		return s.mixed(start, end)
	}
	end := start
	for end < len(s.text) && end-start < maxWord {
		r, size := utf8.DecodeRuneInString(s.text[end:])
		if c := classOf(r); c != cl && (end == start || c != mark && r != prolonged) {
			break
		}
		end += size
		if s.w.t.mode == Char && end < len(s.text) {
			if r, _ := utf8.DecodeRuneInString(s.text[end:]); classOf(r) != mark {
				break
			}
		}
	}
	s.emit(start, end, Word)
	return end
}

// cluster cuts one written syllable of a script without spaces: vowels that are
// written first, the letter, its marks, and the letters stacked below it.
func (s *scanner) cluster(start int) int {
	end := start
	letters := 1
	for end < len(s.text) && end-start < maxWord {
		r, size := utf8.DecodeRuneInString(s.text[end:])
		switch cl := classOf(r); {
		case cl == dense && isPrefixVowel(r) && letters == 1:
		case cl == dense && isJoinedVowel(r) && end > start:
		case cl == dense && letters > 0:
			letters--
		case cl == mark && end > start:
			if r == khmerCoeng || r == burmeseVirama {
				letters = 1
			}
		default:
			letters = -1
		}
		if letters < 0 {
			break
		}
		end += size
	}
	s.emit(start, end, Word)
	return end
}

// emoji cuts one grapheme cluster: a flag, or pictographs joined with zero width
// joiners, with skin tones, tags and marks.
func (s *scanner) emoji(start int) int {
	text := s.text
	first, size := utf8.DecodeRuneInString(text[start:])
	end := start + size
	if isFlag(first) {
		if r, n := utf8.DecodeRuneInString(text[end:]); isFlag(r) {
			end += n
		}
	}
	for end < len(text) && end-start < maxWord {
		r, size := utf8.DecodeRuneInString(text[end:])
		if r == zwj {
			next, n := utf8.DecodeRuneInString(text[end+size:])
			if n == 0 || classOf(next) != emoji {
				break
			}
			size += n
		} else if !isSkinTone(r) && !isTag(r) && classOf(r) != mark {
			break
		}
		end += size
	}
	s.emit(start, end, Word)
	return end
}

// mixed emits a token of several scripts or with punctuation in it, and its
// parts.
func (s *scanner) mixed(start, end int) int {
	s.emit(start, end, kindOf(s.text[start:end]))
	s.parts(start, end)
	return end
}

// entry returns the end of the longest word of the dictionaries that starts at
// start and that the rules below would take apart, 0 if there is none.
func (s *scanner) entry(start int) int {
	t := s.w.t
	end := 0
	if t.user != nil && t.user.mixed {
		end = s.longest(&t.user.words, start)
	}
	if c := s.text[start]; end == 0 && isAlnum(c) {
		end = s.longest(&builtin().words, start)
	}
	return end
}

// alnumEnd returns the end of the ASCII letters and digits at start, at most
// maxWord bytes on.
func (s *scanner) alnumEnd(start int) int {
	limit := min(len(s.text), start+maxWord)
	end := start
	for end < limit && isAlnum(s.text[end]) {
		end++
	}
	return s.beforeScript(start, end)
}

// beforeScript returns where a digit meets one that is none in the original: ½
// and ² go on with no number. It returns end if there is no such place before.
func (s *scanner) beforeScript(start, end int) int {
	if len(s.at.edits) == 0 {
		return end
	}
	s.at.seek(start)
	for _, e := range s.at.edits[s.at.next:] {
		if e.f0 >= end {
			break
		}
		if e.f0 > start && isDigit(s.text[e.f0-1]) && isDigit(s.text[e.f0]) {
			if r, _ := utf8.DecodeRuneInString(s.src[e.o0:]); unicode.Is(unicode.No, r) {
				return e.f0
			}
		}
	}
	return end
}

// word cuts at a letter or digit.
func (s *scanner) word(start int) int {
	text := s.text
	end := s.alnumEnd(start)
	if end == len(text) || text[end] == ' ' && (s.w.t.user == nil || !s.w.t.user.mixed) {
		return s.plain(start, end)
	}
	t := s.w.t
	c := text[end]
	if c >= utf8.RuneSelf || t.user != nil && t.user.mixed {
		if end := s.entry(start); end > 0 {
			return s.mixed(start, end)
		}
	}
	if c < utf8.RuneSelf {
		if !strings.ContainsRune(":/.@_-'+#&%,", rune(c)) {
			return s.plain(start, end)
		}
		if end := s.address(start); end > 0 {
			return s.mixed(start, end)
		}
	}
	return s.joined(start)
}

// plain emits a token of ASCII letters and digits.
func (s *scanner) plain(start, end int) int {
	letters, digits := false, false
	for i := start; i < end; i++ {
		letters = letters || isLower(s.text[i])
		digits = digits || isDigit(s.text[i])
	}
	kind := Mixed
	switch {
	case !digits:
		kind = Word
	case !letters:
		kind = Number
	}
	s.emit(start, end, kind)
	if kind != Number {
		s.wordParts(start, end)
	}
	return end
}
