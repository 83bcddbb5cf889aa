package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// joined cuts the word at start together with what the marks behind it join:
//
//	foo_bar  don't  3.14  file.name  1,000  10:30  std::vector  50%
//	2026-10-07  gpt-4  AT&T  C++  C#
//
// A hyphen between words does not join (state-of-the-art is four words), and
// neither do a slash or a plus sign.
func (s *scanner) joined(start int) int {
	text := s.text
	end := s.core(start)
	for end < len(text) && end-start < maxWord {
		next := 0
		switch text[end] {
		case '_':
			next = s.afterUnderscores(end)
		case '\'':
			if s.letterBefore(start, end) && s.letterAt(end+1) {
				next = s.core(end + 1)
			}
		case '.':
			next = s.afterDot(start, end)
		case ',':
			if isGrouped(text[start:end]) && s.digits(end+1) == 3 {
				next = end + 4
			}
		case ':':
			next = s.afterColon(start, end)
		case '-':
			next = s.afterHyphen(start, end)
		case '&':
			next = s.afterAmpersand(start, end)
		case '+':
			if isLetters(text[start:end]) && strings.HasPrefix(text[end:], "++") && !isAlphabetic(text, end+2) {
				next = end + 2
			}
		case '#':
			if end-start == 1 && isLower(text[start]) && !isAlphabetic(text, end+1) && !strings.HasPrefix(text[end+1:], "#") {
				next = end + 1
			}
		case '%':
			if kindOf(text[start:end]) == Number {
				next = end + 1
			}
		default:
			if strings.HasPrefix(text[end:], "‰") && kindOf(text[start:end]) == Number {
				next = end + len("‰")
			}
		}
		if next == 0 || next-start > maxWord {
			break
		}
		end = next
	}
	s.emit(start, end, kindOf(text[start:end]))
	s.parts(start, end)
	return end
}

// core returns the end of the letters, digits and marks at start, at most
// maxWord bytes on.
func (s *scanner) core(start int) int {
	text := s.text
	end := start
	for end < len(text) && end-start < maxWord {
		if c := text[end]; c < utf8.RuneSelf {
			if !isAlnum(c) {
				break
			}
			end++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[end:])
		if cl := classOf(r); cl != letter && cl != digit && (cl != mark || end == start) {
			break
		}
		end += size
	}
	return s.beforeScript(start, end)
}

func (s *scanner) letterAt(i int) bool {
	if i >= len(s.text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s.text[i:])
	return classOf(r) == letter
}

func (s *scanner) letterBefore(start, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s.text[start:i])
	return classOf(r) == letter
}

// digits returns the number of ASCII digits at i, 0 if a letter follows them.
func (s *scanner) digits(i int) int {
	n := 0
	for i+n < len(s.text) && isDigit(s.text[i+n]) && n < maxWord {
		n++
	}
	if isAlphabetic(s.text, i+n) {
		return 0
	}
	return n
}

func (s *scanner) afterUnderscores(end int) int {
	i := end
	for i < len(s.text) && s.text[i] == '_' && i-end < maxWord {
		i++
	}
	if !isAlphabetic(s.text, i) {
		return 0
	}
	return s.core(i)
}

// afterDot joins 3.14, v1.2.3, file.name and pkg.Func, but not 1.Introduction.
func (s *scanner) afterDot(start, end int) int {
	if !isAlphabetic(s.text, end+1) || isNumeric(s.text[start:end]) && s.letterAt(end+1) {
		return 0
	}
	return s.core(end + 1)
}

// afterColon joins the times 10:30 and 10:30:15, and names such as std::vector.
func (s *scanner) afterColon(start, end int) int {
	if strings.HasPrefix(s.text[end:], "::") && s.letterBefore(start, end) && s.letterAt(end+2) {
		return s.core(end + 2)
	}
	so := s.text[start:end]
	if n := len(so); (n == 1 || n == 2 || (n == 4 || n == 5) && so[n-3] == ':') && isNumeric(so) && s.digits(end+1) == 2 {
		return end + 3
	}
	return 0
}

// afterHyphen joins the dates 2026-10 and 2026-10-07, and a short number behind
// a word: gpt-4, covid-19, gpt-4o. A longer one is a year: pre-2000; and an
// ordinal is a word: mid-17th.
func (s *scanner) afterHyphen(start, end int) int {
	so := s.text[start:end]
	n := 0
	for end+1+n < len(s.text) && isDigit(s.text[end+1+n]) && n < 5 {
		n++
	}
	if isNumeric(so) {
		if s.digits(end+1) == 2 && (len(so) == 4 || len(so) == 7 && so[4] == '-') {
			return end + 3
		}
		return 0
	}
	if n == 0 || n > 3 || !isASCII(so) || !isLower(so[len(so)-1]) {
		return 0
	}
	next := s.core(end + 1)
	if next-(end+1) > n+2 || isOrdinal(s.text[end+1+n:next]) {
		return 0
	}
	return next
}

// afterAmpersand joins AT&T and R&D: at most three letters on each side.
func (s *scanner) afterAmpersand(start, end int) int {
	next := s.alnumEnd(end + 1)
	if so := s.text[start:end]; len(so) > 3 || !isLetters(so) || next-(end+1) > 3 || !isLetters(s.text[end+1:next]) || isAlphabetic(s.text, next) {
		return 0
	}
	return next
}

// isGrouped reports whether the number so far may go on with a comma and three
// digits: 1 or 12,345, but not 1234 or 1.5.
func isGrouped(so string) bool {
	for len(so) > 3 {
		if so[len(so)-4] != ',' || !isAllDigits(so[len(so)-3:]) {
			return false
		}
		so = so[:len(so)-4]
	}
	return so != "" && isAllDigits(so)
}

func isAllDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// isNumeric reports whether s is made of ASCII digits and marks only.
func isNumeric(s string) bool {
	for i := range len(s) {
		if isLower(s[i]) || s[i] >= utf8.RuneSelf || s[i] == '_' {
			return false
		}
	}
	return true
}

// isLetters reports whether s is made of ASCII letters only and has one.
func isLetters(s string) bool {
	for i := range len(s) {
		if !isLower(s[i]) {
			return false
		}
	}
	return s != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
