package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// parts appends the words inside the primary token text[start:end] that was just
// emitted: the identifiers between marks, what underscores separate, and the
// humps of camelCase. The token itself is not among them.
//
//	src/main_test.go   src, main_test, main, test, go
//	user.getName       user, getname, get, name
//	50%                50
//	2026-10-07         2026, 10, 7
//
// Decimal numbers, grouped numbers, words with an apostrophe, acronyms (AT&T, U.S)
// and single letters with marks (C++, C#) have no parts.
func (s *scanner) parts(start, end int) {
	text := s.text
	decimal, date := false, false
	switch kindOf(text[start:end]) {
	case Word:
		s.wordParts(start, end)
		return
	case Number:
		if !hasNumberParts(text[start:end]) {
			return
		}
		date = isDate(text[start:end]) || strings.Count(text[start:end], "-") == 2
		decimal = !hasNumberParts(strings.TrimRight(text[start:end], "%‰"))
	case Mixed:
		if isAcronym(text[start:end]) {
			return
		}
		if cut := start + decimalPrefix(text[start:end]); cut > start {
			s.part(start, cut)
			s.part(cut, end)
			return
		}
	}
	nothing := saysNothing(text[start:end])
	for i := start; i < end; {
		j, underscore := s.identifier(i, end, decimal)
		if j == i {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		if date && text[i] == '0' && j == i+2 {
			s.partAs(text[i+1:j], i, j) // 07 is 7 in 10月7日
			i = j
			continue
		}
		short := nothing && !isDigit(text[i]) && utf8.RuneCountInString(text[i:j]) == 1
		if (i > start || j < end) && !short {
			s.part(i, j)
		}
		if underscore {
			s.underscoreParts(i, j)
		} else {
			s.wordParts(i, j)
		}
		i = j
	}
}

// isAcronym reports whether word is letters with & between them, or single
// letters with dots: AT&T, U.S, e.g.
func isAcronym(word string) bool {
	dots := false
	for i := range len(word) {
		switch c := word[i]; {
		case c == '.':
			dots = true
		case !isLower(c) && c != '&':
			return false
		}
	}
	if !dots {
		return true
	}
	for letter := range strings.SplitSeq(word, ".") {
		if len(letter) != 1 {
			return false
		}
	}
	return true
}

// saysNothing reports whether a part of one character means nothing apart from
// its word: the letter of C++, or one of T恤.
func saysNothing(word string) bool {
	letters := 0
	for _, r := range word {
		switch classOf(r) {
		case han:
			return true
		case letter, digit:
			letters++
		}
	}
	return letters < 2
}

// decimalPrefix returns the length of the decimal number in 3.5mm, 0 if the word
// is not a decimal number and a unit.
func decimalPrefix(word string) int {
	i, dot := 0, false
	for ; i < len(word) && (isDigit(word[i]) || word[i] == '.' && !dot); i++ {
		dot = dot || word[i] == '.'
	}
	if !dot || !isDigit(word[0]) || !isDigit(word[i-1]) || !isLetters(word[i:]) {
		return 0
	}
	return i
}

// hasNumberParts reports whether the parts of a number mean something: dates,
// times, versions, addresses and percentages.
func hasNumberParts(word string) bool {
	if strings.HasSuffix(word, "%") || strings.HasSuffix(word, "‰") {
		return true
	}
	return strings.ContainsAny(word, "-:/") || strings.Count(word, ".") > 1
}

// identifier returns the end of the letters, digits, underscores and inner
// apostrophes at i, with the points of a decimal number if decimal; Han
// characters are apart from letters. It also reports whether there are
// underscores in it.
func (s *scanner) identifier(i, end int, decimal bool) (int, bool) {
	text := s.text
	first := i
	underscore := false
	chinese := false
	for i < end {
		r, size := utf8.DecodeRuneInString(text[i:end])
		cl := classOf(r)
		switch {
		case r == '_' && i > first:
			underscore = true
		case r == '\'' && i > first && i+1 < end && s.letterAt(i+1):
		case decimal && (r == '.' || r == ','):
		case cl == han:
			if i > first && !chinese {
				return i, underscore
			}
			chinese = true
		case cl == letter, cl == digit, cl == mark && i > first, cl == hiragana, cl == katakana, cl == hangul:
			if chinese {
				return i, underscore
			}
		default:
			return trimUnderscores(text, first, i), underscore
		}
		i += size
	}
	return trimUnderscores(text, first, i), underscore
}

func trimUnderscores(text string, first, i int) int {
	for i > first && text[i-1] == '_' {
		i--
	}
	return i
}

// underscoreParts appends what underscores separate in text[start:end].
func (s *scanner) underscoreParts(start, end int) {
	for i := start; i < end; {
		j := strings.IndexByte(s.text[i:end], '_')
		if j < 0 {
			j = end
		} else {
			j += i
		}
		if j > i && (i > start || j < end) {
			s.part(i, j)
			s.wordParts(i, j)
		}
		i = j + 1
	}
}

// wordParts appends the humps of a camelCase word, and the number and the unit
// of 10kg.
func (s *scanner) wordParts(start, end int) {
	if end-start < 3 || s.text[start] >= utf8.RuneSelf {
		return
	}
	if isDigit(s.text[start]) {
		s.unitParts(start, end)
		return
	}
	if !s.changed { // nothing was folded, so there are no capitals
		return
	}
	at := s.at.boundary(start, false)
	if at+end-start > len(s.src) {
		return
	}
	original := s.src[at : at+end-start]
	if !sameLetters(original, s.text[start:end]) {
		return
	}
	var cuts [maxHumps]int
	n, long := 0, 0
	last := 0
	for i := 1; i <= len(original) && n < len(cuts); i++ {
		if i < len(original) && !isHump(original, i) {
			continue
		}
		if i-last > 1 {
			long++
		}
		cuts[n] = i
		n++
		last = i
	}
	if n < 2 || long < 2 {
		return
	}
	from := start
	for _, cut := range cuts[:n] {
		s.part(from, start+cut)
		from = start + cut
	}
}

// maxHumps bounds the parts of one camelCase word.
const maxHumps = 16

// sameLetters reports whether folded is the ASCII string original in lower case.
func sameLetters(original, folded string) bool {
	for i := range len(folded) {
		if c := original[i]; c != folded[i] && c+'a'-'A' != folded[i] || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isHump reports whether a new word starts at s[i]: get|Name, HTML|Parser, but
// PDFs stays together.
func isHump(s string, i int) bool {
	upper := func(i int) bool { return i < len(s) && 'A' <= s[i] && s[i] <= 'Z' }
	lower := func(i int) bool { return i < len(s) && isLower(s[i]) }
	if !upper(i) {
		return false
	}
	if !upper(i - 1) {
		return true
	}
	return lower(i+1) && (s[i+1] != 's' || lower(i+2))
}

// unitParts appends number and unit of 10kg, but not those of 1st or 4k.
func (s *scanner) unitParts(start, end int) {
	cut := start
	for cut < end && isDigit(s.text[cut]) {
		cut++
	}
	unit := s.text[cut:end]
	if !isLetters(unit) {
		return
	}
	s.part(start, cut)
	if !isOrdinal(unit) {
		s.part(cut, end)
	}
}

// isOrdinal reports whether digits before suffix are an ordinal or a decade: 1st,
// 1990s.
func isOrdinal(suffix string) bool {
	switch suffix {
	case "st", "nd", "rd", "th", "s":
		return true
	}
	return false
}
