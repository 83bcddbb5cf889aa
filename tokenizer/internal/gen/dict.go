package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// readGSE returns the words of gse's dictionary zh_s, in its order, and the sum
// of their frequencies, both as gse itself loads them: ASCII letters in lower
// case, a word that comes again dropped, a single character with frequency 2.
func readGSE() ([]trie.Word, uint64, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-ego/gse").Output()
	if err != nil {
		return nil, 0, fmt.Errorf("finding the module of gse: %w", err)
	}
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "data", "dict", "zh", "s_1.txt"))
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // read only
	var words []trie.Word
	var total uint64
	seen := map[string]bool{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			return nil, 0, fmt.Errorf("s_1.txt line %d: %d fields where 3 are expected", n, len(fields))
		}
		freq, err := strconv.ParseUint(fields[1], 10, 32)
		if err != nil {
			return nil, 0, fmt.Errorf("s_1.txt line %d: %w", n, err)
		}
		if freq < 2 {
			continue
		}
		text := strings.ToLower(fields[0])
		if utf8.RuneCountInString(text) < 2 {
			freq = 2
		}
		if seen[text] {
			continue
		}
		seen[text] = true
		total += freq
		words = append(words, trie.Word{Text: text, Freq: uint32(freq), Tag: fields[2]})
	}
	return words, total, lines.Err()
}

// ordinary reports whether a word has only characters of GB 2312.
func ordinary(word string) bool {
	_, err := simplifiedchinese.HZGB2312.NewEncoder().String(word)
	return err == nil
}

// writeDict folds the words and writes them as a trie. Where several words fold
// to one, the one that needed no folding gives frequency and tag, else the most
// frequent one. A word that needed folding and is new in its folded form is left
// out if ordinary text could form it, because gse would not cut it there.
func writeDict(path string, words []trie.Word, total uint64, f *folding) error {
	known := map[string]bool{}
	for _, w := range words {
		known[w.Text] = true
	}
	var out []trie.Word
	at := map[string]int{}
	same := map[string]bool{}
	for _, w := range words {
		text := f.fold(w.Text)
		folded := trie.Word{Text: text, Freq: w.Freq, Tag: w.Tag}
		i, ok := at[text]
		switch {
		case !ok && text != w.Text && !known[text] && ordinary(text):
		case !ok:
			at[text] = len(out)
			out = append(out, folded)
			same[text] = text == w.Text
		case text == w.Text:
			out[i] = folded
			same[text] = true
		case !same[text] && w.Freq > out[i].Freq:
			out[i] = folded
		}
	}
	data, err := trie.Build(out, total)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d words of %d, %d bytes\n", path, len(out), len(words), len(data))
	return os.WriteFile(path, data, 0o644)
}
