// Package treebank reads treebanks in the CoNLL-U form.
package treebank

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// Word is a syntactic word.
type Word struct {
	Form, UPOS, XPOS, Features, Relation string

	// Space says that white space follows in the text.
	Space bool
}

// Sentence is a row of words.
type Sentence []Word

// Text returns the text of the sentence.
func (s Sentence) Text() string {
	var b strings.Builder
	for i, w := range s {
		b.WriteString(w.Form)
		if w.Space && i+1 < len(s) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// maxLine bounds a line, in bytes.
const maxLine = 1 << 20

// Read returns the sentences of a treebank. Words that stand for several others
// (1-2) and empty ones (1.1) are left out.
func Read(r io.Reader) ([]Sentence, error) {
	var out []Sentence
	var words Sentence
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := lines.Text()
		if line == "" {
			if len(words) > 0 {
				out = append(out, words)
				words = nil
			}
			continue
		}
		if line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) < 9 {
			return nil, fmt.Errorf("treebank: line %d has %d columns", n, len(f))
		}
		if strings.ContainsAny(f[0], "-.") {
			continue
		}
		words = append(words, Word{Form: f[1], UPOS: f[3], XPOS: f[4], Features: f[5], Relation: f[7], Space: spaceAfter(f)})
	}
	if len(words) > 0 {
		out = append(out, words)
	}
	return out, lines.Err()
}

// spaceAfter reports whether the word with these columns is followed by white
// space. Older files do not say so.
func spaceAfter(columns []string) bool {
	misc := columns[len(columns)-1]
	return len(columns) > 9 && misc != "_" && !strings.Contains(misc, "SpaceAfter=No")
}

// ReadFile reads the file at path.
func ReadFile(path string) ([]Sentence, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	out, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}
