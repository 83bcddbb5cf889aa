package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class says which rule of the scanner a character of folded text belongs to.
type class uint8

const (
	space    class = iota
	punct          // punctuation, symbols, control characters, what is not assigned
	digit          // decimal digits and other numbers
	letter         // letters of scripts that put spaces between words
	mark           // combining marks
	han            // Chinese characters, 々 and 〇
	hiragana       // with its length mark
	katakana       // with its length mark
	hangul         // syllables and letters
	dense          // letters of Thai, Lao, Khmer and Burmese, which put no spaces between words
	emoji
)

const (
	zwj           = '\u200D' // joins emoji
	keycap        = '\u20E3'
	prolonged     = 'ー'
	khmerCoeng    = '\u17D2' // puts the next consonant below
	burmeseVirama = '\u1039' // the same
)

// classOf returns the class of a character.
func classOf(r rune) class {
	if r < utf8.RuneSelf {
		switch c := byte(r); {
		case isLower(c), 'A' <= c && c <= 'Z':
			return letter
		case isDigit(c):
			return digit
		case c == ' ', '\t' <= c && c <= '\r':
			return space
		}
		return punct
	}
	switch {
	case r >= 0x4E00 && r <= 0x9FFF, r >= 0x3400 && r <= 0x4DBF, r >= 0x20000 && r <= 0x3FFFF,
		r == '々', r == '〇', r >= 0xF900 && r <= 0xFAFF:
		return han
	case r >= 0x3041 && r <= 0x3096, r == 'ゝ', r == 'ゞ', r == 'ゟ':
		return hiragana
	case r >= 0x30A1 && r <= 0x30FA, r >= 0x30FC && r <= 0x30FF, r >= 0x31F0 && r <= 0x31FF:
		return katakana
	case r >= 0xAC00 && r <= 0xD7FF, r >= 0x1100 && r <= 0x11FF, r >= 0x3131 && r <= 0x318E, r >= 0xA960 && r <= 0xA97F:
		return hangul
	case r >= 0x2000 && r <= 0x206F, r >= 0x3000 && r <= 0x303F, r >= 0xFF00 && r <= 0xFFEF:
		if unicode.IsSpace(r) || r == '\u200B' {
			return space
		}
		if unicode.IsMark(r) {
			return mark
		}
		return punct
	case isEmoji(r):
		return emoji
	case isDense(r):
		if unicode.IsMark(r) {
			return mark
		}
		if unicode.IsLetter(r) {
			return dense
		}
	}
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsMark(r):
		return mark
	case unicode.IsNumber(r):
		return digit
	case unicode.IsSpace(r):
		return space
	}
	return punct
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isLower(c) || isDigit(c) }

// isEmoji reports whether r is a pictograph or a regional indicator.
func isEmoji(r rune) bool {
	switch {
	case r < 0x203C:
		return false
	case r >= 0x1F000 && r <= 0x1FAFF, r >= 0x2600 && r <= 0x27BF, r >= 0x23E9 && r <= 0x23FA:
		return true
	}
	switch r {
	case '‼', '⁉', '⌚', '⌛', '⌨', '⏏', '⤴', '⤵', '⬅', '⬆', '⬇', '⬛', '⬜', '⭐', '⭕':
		return true
	}
	return false
}

// isDense reports whether r is of a script that puts no spaces between words.
func isDense(r rune) bool {
	return r >= 0x0E00 && r <= 0x0EFF || r >= 0x1000 && r <= 0x109F || r >= 0x1780 && r <= 0x17FF
}

func isFlag(r rune) bool     { return r >= 0x1F1E6 && r <= 0x1F1FF }
func isSkinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }
func isTag(r rune) bool      { return r >= 0xE0020 && r <= 0xE007F }

// isPrefixVowel reports whether r is a Thai or Lao vowel that is written before
// its consonant.
func isPrefixVowel(r rune) bool { return r >= 0x0E40 && r <= 0x0E44 || r >= 0x0EC0 && r <= 0x0EC4 }

// isJoinedVowel reports whether r is a Thai or Lao vowel that is a letter of its
// own but is written behind its consonant.
func isJoinedVowel(r rune) bool {
	switch r {
	case 0x0E30, 0x0E32, 0x0E33, 0x0E45, 0x0EB0, 0x0EB2, 0x0EB3:
		return true
	}
	return false
}
