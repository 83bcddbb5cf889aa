package align

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const (
	// unrelated is the similarity of what cannot stand for each other, such as a
	// word and a comma: less than any cosine of words.
	unrelated = -1
	// partly is that of 20 and 20亿: the same digits among letters.
	partly = 0.75
	// nameFloor is what two names of different scripts have at least: their
	// vectors say little, and their places much.
	nameFloor = 0.3
)

// A class of words that only some others stand for.
type class uint8

const (
	content    class = iota
	article          // the, a: a determiner or nothing
	aspect           // 了, 着, 过: nothing
	determiner       // 这, 一, 个
)

// shape is what is compared of a token besides its vector.
type shape struct {
	word   string
	kind   tokenizer.Kind
	mark   byte   // class of punctuation, 0 for none
	digits string // of a number, without what groups them
	bare   bool   // nothing but digits
	class  class
	han    bool
	name   bool
}

func shapes(t *Text) []shape {
	s := make([]shape, len(t.Tokens))
	for i := range t.Tokens {
		s[i] = shapeOf(&t.Tokens[i])
		s[i].name = s[i].name || capital(t, i)
	}
	return s
}

// capital reports whether a token is written as the names of languages with
// capital letters are: with one, but not because a sentence begins.
func capital(t *Text, i int) bool {
	first, _ := utf8.DecodeRuneInString(t.Text[t.Tokens[i].Start:])
	return i > 0 && unicode.IsUpper(first)
}

func shapeOf(t *tokenizer.Token) shape {
	s := shape{word: t.Word, kind: t.Kind, bare: true, han: isHan(t.Word)}
	if t.Kind == tokenizer.Punct {
		s.mark = markClass(t.Word)
		return s
	}
	var b strings.Builder
	for _, r := range t.Word {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '.' && b.Len() > 0:
			b.WriteByte('.')
		case r == ',' || r == '\'' || r == '_':
		default:
			s.bare = false
		}
	}
	s.digits = strings.Trim(b.String(), ".")
	switch {
	case !s.han:
		if s.word == "the" || s.word == "a" || s.word == "an" {
			s.class = article
		}
	default:
		switch t.POS {
		case tokenizer.UL, tokenizer.UZ, tokenizer.UG:
			s.class = aspect
		case tokenizer.R, tokenizer.RZ:
			s.class = determiner
		case tokenizer.NR, tokenizer.NRT, tokenizer.NRFG, tokenizer.NS, tokenizer.NT, tokenizer.NZ, tokenizer.X:
			s.name = true
		}
		switch s.word {
		case "一", "一个", "一种", "一位", "个", "某", "某个":
			s.class = determiner
		}
	}
	return s
}

// allows reports whether a may stand for b by its class.
func (s *shape) allows(other *shape) bool {
	switch s.class {
	case article:
		return other.class == determiner || other.class == article
	case aspect:
		return other.class == aspect
	}
	return true
}

// compare returns how near two tokens are, in [-1, 1]: 1 for the same word,
// number or mark of punctuation in both scripts, the cosine of the vectors for
// other words, 0 where a word has none, -1 for what cannot stand for each other.
func compare(a, b *shape, x, y []float32) float64 {
	switch {
	case a.word == b.word:
		return 1
	case a.kind == tokenizer.Punct || b.kind == tokenizer.Punct:
		if a.mark != 0 && a.mark == b.mark {
			return 1
		}
		return unrelated
	case a.digits != "" && a.digits == b.digits:
		if a.bare && b.bare {
			return 1
		}
		return partly
	case a.digits != "" && b.digits != "", !a.allows(b), !b.allows(a):
		return unrelated
	}
	z := 0.0
	if x != nil && y != nil {
		z = max(-1, min(dot(x, y), 1))
	}
	if a.name && b.name && a.han != b.han {
		z = max(z, nameFloor)
	}
	return z
}

// similarity compares every token of one text with every one of the other.
func similarity(a, b []shape, x, y []Vector) Matrix {
	m := NewMatrix(len(a), len(b))
	for i := range a {
		row := m.Row(i)
		for j := range row {
			row[j] = compare(&a[i], &b[j], x[i].Values, y[j].Values)
		}
	}
	return m
}

// ratios returns exp((z - background) / T): how much more likely than by chance
// the similarities make it that the token of the row stands for that of the
// column (forward), and the other way round. backward has the form of z too.
func ratios(z *Matrix, x, y []Vector) (forward, backward Matrix) {
	forward, backward = NewMatrix(z.Rows, z.Cols), NewMatrix(z.Rows, z.Cols)
	rows, cols := make([]float64, z.Rows), make([]float64, z.Cols)
	meanRows, meanCols := make([]float64, z.Rows), make([]float64, z.Cols)
	for i := range z.Rows {
		for j, v := range z.Row(i) {
			e := math.Exp(v / temperature)
			meanRows[i] += e / float64(z.Cols)
			meanCols[j] += e / float64(z.Rows)
		}
	}
	fill := func(out, mean []float64, v []Vector) {
		for i := range out {
			out[i] = math.Exp(v[i].Background / temperature)
			if math.IsNaN(out[i]) {
				out[i] = mean[i]
			}
		}
	}
	fill(rows, meanRows, x)
	fill(cols, meanCols, y)
	for i := range z.Rows {
		for j, v := range z.Row(i) {
			e := math.Exp(v / temperature)
			forward.Values[i*z.Cols+j] = e / rows[i]
			backward.Values[i*z.Cols+j] = e / cols[j]
		}
	}
	return forward, backward
}

// markClass puts marks that stand for each other in Chinese and English into
// one class. Words are folded, so most wide forms are narrow already.
func markClass(word string) byte {
	r, size := utf8.DecodeRuneInString(word)
	if word == "..." || strings.Trim(word, "…⋯") == "" {
		return '~'
	}
	if size != len(word) && strings.Trim(word, string(r)) != "" {
		return 0
	}
	switch r {
	case '.', '。':
		return '.'
	case ',', '、':
		return ','
	case '"', '“', '”', '„', '«', '»', '「', '」', '『', '』', '《', '》', '〈', '〉', '\'', '‘', '’', '`':
		return '"'
	case '(', '[', '【', '〔':
		return '('
	case ')', ']', '】', '〕':
		return ')'
	case '-', '–', '—', '―', '‐', '─':
		return '-'
	case ';', ':', '?', '!', '%', '/', '&':
		return byte(r)
	}
	return 0
}

// letters returns the runs of letters of a word that has other signs in it.
func letters(word string) []string {
	parts := strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	if len(parts) == 1 && parts[0] == word {
		return nil
	}
	return parts
}
