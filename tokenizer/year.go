package tokenizer

import (
	"strconv"
	"unicode/utf8"
)

// yearDigits is how many characters a year has that is written digit by digit.
const yearDigits = 4

// isYear reports whether src[at:] begins with a year written digit by digit, 二〇二六:
// four characters for digits, the first of them 一 or 二, with a zero among them or 年
// behind them, and no other numeral beside them. at is where 一 or 二 stands.
func isYear(src string, at int) bool {
	zero := false
	end := at
	for range yearDigits {
		r, size := utf8.DecodeRuneInString(src[end:])
		digit, ok := digitOf(r)
		if !ok {
			return false
		}
		zero = zero || digit == '0'
		end += size
	}
	after, _ := utf8.DecodeRuneInString(src[end:])
	if before, _ := utf8.DecodeLastRuneInString(src[:at]); partOfNumber(before) || partOfNumber(after) {
		return false
	}
	return zero || after == '年'
}

// partOfNumber reports whether r is a numeral, in characters or in digits.
func partOfNumber(r rune) bool {
	_, digit := digitOf(r)
	return digit || isNumeral(hanDefault(r)) || '0' <= r && r <= '9' || '０' <= r && r <= '９'
}

// digitOf returns the digit that a character stands for in a year.
func digitOf(r rune) (digit rune, ok bool) {
	switch r {
	case '〇', '○', '零':
		return '0', true
	case '一':
		return '1', true
	case '二':
		return '2', true
	case '三':
		return '3', true
	case '四':
		return '4', true
	case '五':
		return '5', true
	case '六':
		return '6', true
	case '七':
		return '7', true
	case '八':
		return '8', true
	case '九':
		return '9', true
	}
	return 0, false
}

// year folds the year at src[at:] and returns where it ends.
func (f *folder) year(at int) int {
	for range yearDigits {
		r, size := utf8.DecodeRuneInString(f.src[at:])
		digit, _ := digitOf(r)
		f.replace(at, at+size, digit)
		at += size
	}
	return at
}

// maxDay is the largest number of a day or month.
const maxDay = 31

// days are the numbers of days and months.
var days = func() (days [maxDay + 1]string) {
	for i := range days {
		days[i] = strconv.Itoa(i)
	}
	return days
}()

// date appends the number of the month or day that text[start:end] is, 三月 or 十二日,
// in digits as a part of that token, so that 3月 finds it. It reports whether it is one.
func (s *scanner) date(start, end int) bool {
	unit, size := utf8.DecodeLastRuneInString(s.text[start:end])
	if unit != '月' && unit != '日' && unit != '号' || end-start > 4*utf8.UTFMax {
		return false
	}
	number, last := 0, 0
	for i, r := range s.text[start : end-size] {
		digit, ok := digitOf(r)
		switch {
		case r == '十' && last <= 3 && number < 10:
			number, last = max(last, 1)*10, 0
			continue
		case !ok || digit == '0' || i > 0 && last > 0:
			return false
		}
		last = int(digit - '0')
		number += last
	}
	if number == 0 || number > maxDay || start+size > end-size {
		return false
	}
	s.partAs(days[number], start, end-size)
	return true
}
