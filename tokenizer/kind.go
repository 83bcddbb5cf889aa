package tokenizer

import "unicode/utf8"

// kindOf returns the kind of a folded word, from its characters alone: digits
// with the marks of numbers are a Number, letters with inner apostrophes a Word,
// and both or anything else between them Mixed.
func kindOf(word string) Kind {
	letters, digits, marks, spaces, others := false, false, false, false, false
	scripts := [2]bool{}
	for i, r := range word {
		switch classOf(r) {
		case digit:
			digits = true
		case han:
			letters, scripts[0] = true, true
		case letter, hiragana, katakana, hangul, dense, emoji:
			letters, scripts[1] = true, true
		case mark:
			others = others || i == 0 || spaces
		case space:
			spaces = true
		default:
			switch {
			case r == '\'' && i > 0 && i < len(word)-1, r == zwj:
			case isNumberMark(r):
				marks = true
			default:
				if !isSkinTone(r) && !isTag(r) {
					others = true
				}
			}
		}
	}
	others = others || spaces && (letters || digits || marks)
	switch {
	case digits && !letters && !others:
		return Number
	case letters && !digits && !others && !marks && !(scripts[0] && scripts[1]):
		return Word
	case letters || digits:
		return Mixed
	case spaces && !others:
		return Space
	}
	return Punct
}

// isNumberMark reports whether r occurs inside numbers, dates and times.
func isNumberMark(r rune) bool {
	switch r {
	case '.', ',', ':', '-', '/', '%', '‰', '⁄':
		return true
	}
	return false
}

// isAlphabetic reports whether the folded text at i goes on with a letter or a
// digit of an alphabetic script, or a mark on one.
func isAlphabetic(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	if c := text[i]; c < utf8.RuneSelf {
		return isAlnum(c)
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	switch classOf(r) {
	case letter, digit, mark:
		return true
	}
	return false
}
