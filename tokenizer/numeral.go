package tokenizer

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Numbers of a thousand trillions and more are left as they are written.
const maxNumeral = 1_000_000_000_000_000

// numeral appends the number that begins at the token text[start:end], in digits and as a
// part of that token, where it is written in another way: 三百万, 300万, 3,000,000 and
// 3000000 are found by one another. A number may go on behind its token, 三千 五百元 and
// 300 万元, or end inside of it, 九十年代.
func (s *scanner) numeral(start, end int, kind Kind) {
	r, size := utf8.DecodeRuneInString(s.text[start:end])
	if kind == Number && !isDigit(s.text[start]) || kind == Word && !isNumeral(r) && r != '第' {
		return
	}
	if before, _ := utf8.DecodeLastRuneInString(s.text[:start]); partOfNumber(before) {
		return
	}
	from, sign := start, ""
	if kind == Word {
		if strings.HasPrefix(s.text[start:end], "百分之") {
			from, sign = start+len("百分之"), "%"
		} else if r == '第' {
			from += size
		}
	}
	value, to, ok := uint64(0), 0, false
	if kind == Number {
		value, to, ok = arabicNumeral(s.text, start, end)
	} else {
		value, to, ok = hanNumeral(s.text, from, sign != "")
	}
	if !ok || from > start && to > end {
		return
	}
	if sign != "" {
		from = start
	}
	s.partAs(strconv.FormatUint(value, 10)+sign, from, min(to, end))
}

// hanNumeral reads a number in Chinese characters, such as 一百零五, 三千五 (3500) and
// 两亿三千万, and returns it and where it ends. Digits without a unit (二五), what starts
// with a unit (千万) and, unless single says otherwise, a single character are no such
// number.
func hanNumeral(text string, at int, single bool) (value uint64, end int, ok bool) {
	n := hanNumber{digit: -1, unit: tenThousand}
	for end = at; end < len(text); {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !isNumeral(r) {
			if after, _ := utf8.DecodeRuneInString(text[end+size:]); r == '几' || r == '分' && after == '之' || r == '点' && isNumeral(after) || '0' <= r && r <= '9' {
				return 0, 0, false // 二十几, 三十分之一, 三十点五
			}
			break
		}
		if !n.add(r) {
			return 0, 0, false
		}
		end += size
	}
	value, ok = n.value()
	return value, end, ok && (single || n.units > 0 && n.runes > 1)
}

const (
	tenThousand     = 10_000
	hundredMillions = 100_000_000
)

// hanNumber is what was read of a number.
type hanNumber struct {
	whole, myriads, section uint64 // 亿, 万, and what is below 万
	digit                   int    // the last one, without a unit yet; -1: none
	unit                    uint64 // the last one of the section, tenThousand: none
	zero                    bool   // 零 came behind it
	runes, units            int
}

// add reads a character for which isNumeral holds, and reports whether the number may go
// on with it.
func (n *hanNumber) add(r rune) bool {
	n.runes++
	switch r {
	case '十':
		if n.digit < 0 && n.unit == tenThousand {
			n.digit = 1 // 十五
		}
		return n.times(10)
	case '百':
		return n.times(100)
	case '千':
		return n.times(1000)
	case '万', '亿':
		return n.close(r)
	case '零', '〇':
		n.zero = true
		return n.digit < 0 && n.runes > 1
	}
	ok := n.digit < 0
	d, _ := digitOf(r)
	n.digit = int(d - '0')
	if r == '两' {
		n.digit = 2
	}
	return ok
}

// times multiplies the last digit by a unit below 万.
func (n *hanNumber) times(unit uint64) bool {
	if n.digit < 0 || unit >= n.unit {
		return false
	}
	n.section += uint64(n.digit) * unit
	n.digit, n.unit, n.zero = -1, unit, false
	n.units++
	return true
}

// close ends a section by 万 or 亿.
func (n *hanNumber) close(r rune) bool {
	n.section += uint64(max(n.digit, 0))
	switch {
	case r == '万' && n.section > 0 && n.myriads == 0:
		n.myriads = n.section * tenThousand
	case r == '亿' && n.section+n.myriads > 0 && n.whole == 0:
		n.whole, n.myriads = (n.myriads+n.section)*hundredMillions, 0
	default:
		return false
	}
	n.section, n.digit, n.unit, n.zero = 0, -1, tenThousand, false
	n.units++
	return true
}

// value returns the number, which ends with what was read last. A digit right behind a
// unit counts tenths of it: 三千五, 三万五.
func (n *hanNumber) value() (value uint64, ok bool) {
	sum := n.whole + n.myriads + n.section
	if n.digit >= 0 {
		last := uint64(1)
		switch {
		case n.zero || n.units == 0:
		case n.section > 0:
			last = n.unit / 10
		case n.myriads > 0:
			last = tenThousand / 10
		default:
			last = hundredMillions / 10
		}
		sum += uint64(n.digit) * last
	}
	return sum, sum > 0 && sum < maxNumeral && !(n.zero && n.digit < 0)
}

// arabicNumeral reads the number text[at:end], which commas may group and which may have
// decimals, with the 万 and 亿 behind it. It returns false for one that is written so
// already.
func arabicNumeral(text string, at, end int) (value uint64, to int, ok bool) {
	decimals, point, grouped := 0, false, false
	for i := at; i < end; i++ {
		switch c := text[i]; {
		case isDigit(c) && value < maxNumeral:
			value = 10*value + uint64(c-'0')
			if point {
				decimals++
			}
		case c == '.' && !point:
			point = true
		case c == ',' && !point && isGrouped(text[at:i]):
			grouped = true
		default:
			return 0, 0, false
		}
	}
	power := 0
	for to = end; to < len(text); {
		r, size := utf8.DecodeRuneInString(text[to:])
		more := 0
		switch r {
		case '百':
			more = 2
		case '千':
			more = 3
		case '万':
			more = 4
		case '亿':
			more = 8
		}
		if more == 0 {
			if partOfNumber(r) {
				return 0, 0, false // 2万3千
			}
			break
		}
		if power+more > 12 {
			return 0, 0, false
		}
		power += more
		to += size
	}
	switch {
	case power == 2 || power == 3: // 3千米 are kilometres
		return 0, 0, false
	case power == 0 && (!grouped || point), power < decimals:
		return 0, 0, false
	}
	scale := uint64(math.Pow10(power - decimals))
	return value * scale, to, value > 0 && value < maxNumeral/scale
}
