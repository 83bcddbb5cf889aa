package tokenizer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// ErrDict is returned for a line of a user dictionary that cannot be read.
var ErrDict = errors.New("tokenizer: bad user dictionary")

const (
	// minUserFreq is the least frequency of a user word whose line gives none:
	// enough to win against the usual words that overlap it.
	minUserFreq = 1000
	// maxUserFreq bounds frequencies, so that their sum stays exact.
	maxUserFreq = 1 << 30
	// maxUserWord bounds words, in bytes: no token is longer.
	maxUserWord = maxWord
)

// Dict is a user dictionary: words that a Tokenizer keeps whole, with a
// frequency and a part of speech each. It is immutable and safe for concurrent
// use.
type Dict struct {
	*lexicon
	mixed bool // whether a word has a character that is not Han
	text  string
}

// Text returns the dictionary in the form that ParseDict reads: folded words,
// ascending, each with frequency and tag, behind a line of comment. ParseDict
// makes an equal dictionary of it, and equal dictionaries have equal texts. A
// dictionary without words has the empty text.
func (d *Dict) Text() string { return d.text }

// dictText is what Text returns of the words of a dictionary, which it sorts.
func dictText(words []trie.Word) string {
	if len(words) == 0 {
		return ""
	}
	order.Stable(words, func(a, b *trie.Word) int { return strings.Compare(a.Text, b.Text) })
	b := []byte("# word frequency tag\n")
	for _, w := range words {
		// A line that starts with # would be a comment. The wide form folds to it.
		if rest, ok := strings.CutPrefix(w.Text, "#"); ok {
			b = append(append(b, "＃"...), rest...)
		} else {
			b = append(b, w.Text...)
		}
		b = strconv.AppendUint(append(b, ' '), uint64(w.Freq), 10)
		b = append(append(append(b, ' '), w.Tag...), '\n')
	}
	return string(b)
}

// Len returns the number of words.
func (d *Dict) Len() int { return d.words.Len() }

// ParseDict reads a user dictionary in UTF-8: a line `word [freq] [tag]` a word,
// empty lines and lines that start with # aside. Words are folded, so that case,
// width and traditional characters do not matter; they may be Latin or mixed
// (C++, GPT-4, 词元检索). A word that comes again replaces the earlier line.
//
// freq counts like those of the built-in dictionary, whose sum is about 60
// million. Without one the word gets a frequency at which it is not cut. tag is
// one that ParsePOS knows; a word without one is a noun.
//
// The error wraps ErrDict and names the line; errors of r are returned as they
// are.
func ParseDict(r io.Reader) (*Dict, error) {
	var words []trie.Word
	at := map[string]int{}
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading the user dictionary: %w", err)
		}
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		w, ok, bad := parseDictLine(line)
		if bad != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrDict, n, bad)
		}
		if ok {
			if i, twice := at[w.Text]; twice {
				words[i] = w
			} else {
				at[w.Text] = len(words)
				words = append(words, w)
			}
		}
		if err == io.EOF {
			break
		}
	}
	var total uint64
	d := &Dict{}
	for _, w := range words {
		total += uint64(w.Freq)
		d.mixed = d.mixed || !isHan(w.Text)
	}
	data, err := trie.Build(words, total)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDict, err)
	}
	l, err := openLexicon(string(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDict, err)
	}
	d.lexicon, d.text = l, dictText(words)
	return d, nil
}

// parseDictLine reads one line; ok is false for a line without a word.
func parseDictLine(line string) (w trie.Word, ok bool, err error) {
	if !utf8.ValidString(line) {
		return w, false, errors.New("not UTF-8")
	}
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return w, false, nil
	}
	if len(fields) > 3 {
		return w, false, fmt.Errorf("%d fields where word, frequency and tag are expected", len(fields))
	}
	w = trie.Word{Text: Fold(fields[0]), Tag: N.String()}
	for _, r := range w.Text {
		if classOf(r) == space || unicode.IsControl(r) {
			return w, false, fmt.Errorf("word %q has white space or control characters in it", fields[0])
		}
	}
	if k := kindOf(w.Text); !k.Counts() {
		return w, false, fmt.Errorf("word %q has no letter or digit", fields[0])
	}
	if len(w.Text) > maxUserWord {
		return w, false, fmt.Errorf("word of %d bytes, more than %d", len(w.Text), maxUserWord)
	}
	rest := fields[1:]
	if len(rest) > 0 {
		if c := rest[0][0]; isDigit(c) || c == '-' || c == '+' {
			freq, err := strconv.ParseUint(rest[0], 10, 32)
			if err != nil || freq == 0 || freq > maxUserFreq {
				return w, false, fmt.Errorf("frequency %q is not a number from 1 to %d", rest[0], maxUserFreq)
			}
			w.Freq = uint32(freq)
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		if _, known := ParsePOS(rest[0]); !known {
			return w, false, fmt.Errorf("unknown tag %q", rest[0])
		}
		w.Tag = rest[0]
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return w, false, fmt.Errorf("%q after the tag", rest[0])
	}
	if w.Freq == 0 {
		w.Freq = suggestFreq(w.Text)
	}
	return w, true, nil
}

// suggestFreq returns the least frequency at which word is more probable than
// the best way to cut it into words of the built-in dictionary, and at least
// minUserFreq.
//
// Source: suggest_freq of jieba.
func suggestFreq(word string) uint32 {
	t := &builtin().words
	total := math.Log(float64(t.Total()))
	chars := []rune(word)
	best := make([]float64, len(chars)+1) // log probability of the best cut up to here
	for i := range best[1:] {
		best[i+1] = math.Inf(-1)
	}
	for i := range chars {
		best[i+1] = max(best[i+1], best[i]-total)
		n := trie.Root
		for j := i; j < len(chars); j++ {
			c := t.Code(chars[j])
			if c == 0 {
				break
			}
			var ok bool
			if n, ok = t.Next(n, c); !ok {
				break
			}
			if f := t.Freq(n); f > 0 {
				best[j+1] = max(best[j+1], best[i]+math.Log(float64(f))-total)
			}
		}
	}
	freq := math.Floor(math.Exp(best[len(chars)]+total)) + 1
	return uint32(min(max(freq, minUserFreq), maxUserFreq))
}

// isHan reports whether s has Chinese characters only.
func isHan(s string) bool {
	for _, r := range s {
		if classOf(r) != han {
			return false
		}
	}
	return true
}
