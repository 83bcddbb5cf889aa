package tokenizer

import "strings"

// address returns the end of the URL, e-mail address or path that starts at
// start, 0 if there is none.
func (s *scanner) address(start int) int {
	if end := s.url(start); end > 0 {
		return end
	}
	if end := s.mail(start); end > 0 {
		return end
	}
	return s.path(start)
}

// url takes scheme://… and www.… (RFC 3986, ASCII only: Chinese text often
// follows a URL without a space, full-width punctuation too).
func (s *scanner) url(start int) int {
	text := s.text
	i := start
	for i < len(text) && i-start < 16 && (isAlnum(text[i]) || i > start && strings.IndexByte("+.-", text[i]) >= 0) {
		i++
	}
	switch {
	case isLower(text[start]) && strings.HasPrefix(text[i:], "://"):
		i += len("://")
	case strings.HasPrefix(text[start:], "www."):
		i = start + len("www.")
	default:
		return 0
	}
	if i >= len(text) || !isAlnum(text[i]) && text[i] != '/' && text[i] != '[' {
		return 0
	}
	limit := min(len(text), start+maxURL)
	if s.at.seek(i); s.at.next < len(s.at.edits) {
		limit = min(limit, s.at.edits[s.at.next].f0)
	}
	end, depth := i, 0
	for end < limit && isURLByte(text[end]) {
		switch text[end] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			break
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:!?'*(-_~", text[end-1]) >= 0 {
		end--
	}
	return end
}

func isURLByte(c byte) bool {
	return isAlnum(c) || c < 0x80 && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", c) >= 0
}

// mail takes local@domain with a domain of two labels or more, the last one
// letters.
func (s *scanner) mail(start int) int {
	text := s.text
	if start < s.noMail {
		return 0
	}
	at := start
	for at < len(text) && at-start <= maxLocal && (isAlnum(text[at]) || strings.IndexByte("._%+-", text[at]) >= 0) {
		at++
	}
	if at == len(text) || text[at] != '@' {
		s.noMail = at
		return 0
	}
	end, label, labels := at+1, at+1, 0
	for i := at + 1; i < len(text) && i-at < maxWord; i++ {
		if c := text[i]; isAlnum(c) {
			end = i + 1
		} else if c == '.' && i > label {
			label = i + 1
			labels++
		} else if c != '-' || i == label {
			break
		}
	}
	if end <= label {
		labels--
	}
	last := text[at+1 : end]
	last = last[strings.LastIndexByte(last, '.')+1:]
	if labels < 1 || len(last) < 2 && labels < 1 || !isLetters(last) {
		s.noMail = at
		return 0
	}
	return end
}

// path takes words joined by slashes where they look like a file, a package or a
// host: a component with a dot before a letter or with an underscore, a slash or
// ~ in front, or three slashes. The words of and/or are left apart. A date such
// as 2026/10/07 counts too.
func (s *scanner) path(start int) int {
	text := s.text
	if start < s.noPath {
		return 0
	}
	limit := min(len(text), start+maxURL)
	i, end, slashes, evidence := start, start, 0, false
	for ; i < limit; i++ {
		c := text[i]
		switch {
		case isAlnum(c):
			end = i + 1
		case c == '/':
			slashes++
		case c == '.':
			evidence = evidence || i > start && i+1 < len(text) && isLower(text[i+1]) && isAlnum(text[i-1])
		case c == '_':
			evidence = true
		case c != '-' && c != '~' && c != '+':
			limit = i
		}
	}
	slashes = strings.Count(text[start:end], "/")
	if slashes == 0 || strings.Contains(text[start:end], "//") {
		s.noPath = end
		return 0
	}
	if isNumeric(text[start:end]) {
		if isDate(text[start:end]) {
			return end
		}
		s.noPath = end
		return 0
	}
	before := start > 0 && (text[start-1] == '/' || start > 1 && text[start-2:start] == "~/")
	if !evidence && !before && slashes < 3 {
		s.noPath = end
		return 0
	}
	return end
}

// isDate reports whether s is year/month/day or day/month/year in digits.
func isDate(s string) bool {
	a, rest, _ := strings.Cut(s, "/")
	b, c, _ := strings.Cut(rest, "/")
	if !isAllDigits(a) || !isAllDigits(b) || !isAllDigits(c) {
		return false
	}
	short := func(s string) bool { return len(s) == 1 || len(s) == 2 }
	return short(b) && (len(a) == 4 && short(c) || short(a) && len(c) == 4)
}
