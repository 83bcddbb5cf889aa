package subword

import (
	"sort"
	"unicode"
)

// The tokenizers library was built from several Unicode tables of different
// age: 8 for general categories, 12 for normal forms, 14 for the letters and
// numbers of its regular expressions. Characters that are newer than the table
// in question are unassigned to it. The lists below are the differences to the
// tables of Go (Unicode 15), found by putting every code point through version
// 0.20.3 of the library.

// runeRanges is a sorted list of ranges, both ends included.
type runeRanges [][2]rune

func (t runeRanges) has(r rune) bool {
	i := sort.Search(len(t), func(i int) bool { return t[i][1] >= r })
	return i < len(t) && t[i][0] <= r
}

// newPunct holds the punctuation that the library does not know as such.
var newPunct = runeRanges{
	{0x61d, 0x61d}, {0x9fd, 0x9fd}, {0xa76, 0xa76}, {0xc77, 0xc77}, {0xc84, 0xc84}, {0x1b7d, 0x1b7e}, {0x2e43,
		0x2e4f}, {0x2e52, 0x2e5d}, {0x10ead, 0x10ead}, {0x10f55, 0x10f59}, {0x10f86, 0x10f89}, {0x1144b, 0x1144f},
	{0x1145a, 0x1145b}, {0x1145d, 0x1145d}, {0x11660, 0x1166c}, {0x116b9, 0x116b9}, {0x1183b, 0x1183b}, {0x11944,
		0x11946}, {0x119e2, 0x119e2}, {0x11a3f, 0x11a46}, {0x11a9a, 0x11a9c}, {0x11a9e, 0x11aa2}, {0x11b00, 0x11b09},
	{0x11c41, 0x11c45}, {0x11c70, 0x11c71}, {0x11ef7, 0x11ef8}, {0x11f43, 0x11f4f}, {0x11fff, 0x11fff}, {0x12ff1,
		0x12ff2}, {0x16e97, 0x16e9a}, {0x16fe2, 0x16fe2}, {0x1e95e, 0x1e95f},
}

// newMarks holds the nonspacing marks that the library does not strip as
// accents.
var newMarks = runeRanges{
	{0x7fd, 0x7fd}, {0x898, 0x89f}, {0x8ca, 0x8e1}, {0x9fe, 0x9fe}, {0xafa, 0xaff}, {0xb55, 0xb55}, {0xc04,
		0xc04}, {0xc3c, 0xc3c}, {0xd00, 0xd00}, {0xd3b, 0xd3c}, {0xd81, 0xd81}, {0xeba, 0xeba}, {0xece, 0xece},
	{0x180f, 0x180f}, {0x1885, 0x1886}, {0x1abf, 0x1ace}, {0x1df6, 0x1dfb}, {0xa82c, 0xa82c}, {0xa8c5, 0xa8c5},
	{0xa8ff, 0xa8ff}, {0xa9bd, 0xa9bd}, {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46,
		0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x11073, 0x11074}, {0x110c2, 0x110c2}, {0x111c9, 0x111c9},
	{0x111cf, 0x111cf}, {0x1123e, 0x1123e}, {0x11241, 0x11241}, {0x1133b, 0x1133b}, {0x11438, 0x1143f}, {0x11442,
		0x11444}, {0x11446, 0x11446}, {0x1145e, 0x1145e}, {0x1182f, 0x11837}, {0x11839, 0x1183a}, {0x1193b, 0x1193c},
	{0x1193e, 0x1193e}, {0x11943, 0x11943}, {0x119d4, 0x119d7}, {0x119da, 0x119db}, {0x119e0, 0x119e0}, {0x11a01,
		0x11a0a}, {0x11a33, 0x11a38}, {0x11a3b, 0x11a3e}, {0x11a47, 0x11a47}, {0x11a51, 0x11a56}, {0x11a59, 0x11a5b},
	{0x11a8a, 0x11a96}, {0x11a98, 0x11a99}, {0x11c30, 0x11c36}, {0x11c38, 0x11c3d}, {0x11c3f, 0x11c3f}, {0x11c92,
		0x11ca7}, {0x11caa, 0x11cb0}, {0x11cb2, 0x11cb3}, {0x11cb5, 0x11cb6}, {0x11d31, 0x11d36}, {0x11d3a, 0x11d3a},
	{0x11d3c, 0x11d3d}, {0x11d3f, 0x11d45}, {0x11d47, 0x11d47}, {0x11d90, 0x11d91}, {0x11d95, 0x11d95}, {0x11d97,
		0x11d97}, {0x11ef3, 0x11ef4}, {0x11f00, 0x11f01}, {0x11f36, 0x11f3a}, {0x11f40, 0x11f40}, {0x11f42, 0x11f42},
	{0x13440, 0x13440}, {0x13447, 0x13455}, {0x16f4f, 0x16f4f}, {0x16fe4, 0x16fe4}, {0x1cf00, 0x1cf2d}, {0x1cf30,
		0x1cf46}, {0x1e000, 0x1e006}, {0x1e008, 0x1e018}, {0x1e01b, 0x1e021}, {0x1e023, 0x1e024}, {0x1e026, 0x1e02a},
	{0x1e08f, 0x1e08f}, {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef}, {0x1e944,
		0x1e94a},
}

// newFormat holds the format characters that the library does not drop.
var newFormat = runeRanges{
	{0x890, 0x891}, {0x8e2, 0x8e2}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
}

// newLetters holds the letters and numbers that are neither to its regular
// expressions.
var newLetters = runeRanges{
	{0x1123f, 0x11240}, {0x11f02, 0x11f02}, {0x11f04, 0x11f10}, {0x11f12, 0x11f33}, {0x11f50, 0x11f59}, {0x1342f,
		0x1342f}, {0x13441, 0x13446}, {0x1b132, 0x1b132}, {0x1b155, 0x1b155}, {0x1d2c0, 0x1d2d3}, {0x1df25, 0x1df2a},
	{0x1e030, 0x1e06d}, {0x1e4d0, 0x1e4eb}, {0x1e4f0, 0x1e4f9}, {0x2b739, 0x2b739}, {0x31350, 0x323af},
}

// newCompat holds the characters whose compatibility decomposition it does not
// know.
var newCompat = runeRanges{
	{0x32ff, 0x32ff}, {0xa7f2, 0xa7f4}, {0xab69, 0xab69}, {0x10781, 0x10785}, {0x10787, 0x107b0}, {0x107b2,
		0x107ba}, {0x1e030, 0x1e06d}, {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9},
}

// newComposite is the one canonical composite that is newer than its tables.
const newComposite = 0x11938

// isPunct reports whether BertPreTokenizer sets r apart.
func isPunct(r rune) bool {
	if r < 128 {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	// U+166D and U+111C9 were punctuation once.
	return unicode.IsPunct(r) && !newPunct.has(r) || r == 0x166d || r == 0x111c9
}

// isAccent reports whether r is a nonspacing mark, which is stripped.
func isAccent(r rune) bool {
	if r < 0x300 || 0x3400 <= r && r < 0xa66f || 0xac00 <= r && r < 0xfb1e {
		return false
	}
	// U+1734 was nonspacing once.
	return unicode.Is(unicode.Mn, r) && !newMarks.has(r) || r == 0x1734
}

// isDropped reports whether BertNormalizer's cleaning removes r: control, format
// and private characters, NUL and U+FFFD, but not unassigned ones.
func isDropped(r rune) bool {
	switch {
	case r < 32:
		return r != '\t' && r != '\n' && r != '\r'
	case r < 127:
		return false
	case r == 0xfffd:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !newFormat.has(r)
}

// isHan reports whether BertNormalizer puts spaces around r. The gap from
// U+2B820 to U+2B91F is the library's own.
func isHan(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4dbf, 0x4e00 <= r && r <= 0x9fff:
		return true
	}
	return 0xf900 <= r && r <= 0xfaff || 0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b81f ||
		0x2b920 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f
}

// isLetter and isNumber are \p{L} and \p{N} of the byte-level pattern.
func isLetter(r rune) bool {
	if r < 128 {
		return 'a' <= r|0x20 && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) && !newLetters.has(r)
}

func isNumber(r rune) bool {
	if r < 128 {
		return '0' <= r && r <= '9'
	}
	return unicode.IsNumber(r) && !newLetters.has(r)
}

// isWord is \w of Unicode regular expressions: letters, marks, digits,
// connectors and joiners.
func isWord(r rune) bool {
	if r < 128 {
		return isLetter(r) || isNumber(r) || r == '_'
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// lower returns the lower case of r, one character but for U+0130, whose second
// one is returned too (0 for all others).
func lower(r rune) (first, second rune) {
	switch {
	case r < 128:
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r, 0
	case r == 0x130:
		return 'i', 0x307
	case 0x3000 <= r && r < 0xa640:
		return r, 0
	}
	return unicode.ToLower(r), 0
}
