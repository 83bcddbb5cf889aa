package tokenizer

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// dictData is written by internal/gen: gse's dictionary zh_s, folded.
//
//go:embed dict.bin
var dictData string

// lexicon is a trie of words with its tags as parts of speech.
type lexicon struct {
	words trie.Trie
	pos   [64]POS // by the trie's index of the tag
}

// openLexicon opens the trie in data. Tags that are not known become X.
func openLexicon(data string) (*lexicon, error) {
	words, err := trie.Open(data)
	if err != nil {
		return nil, err
	}
	l := &lexicon{words: words}
	for i, tag := range words.Tags() {
		l.pos[i], _ = ParsePOS(tag)
	}
	return l, nil
}

// find returns the part of speech of word, if it is a word of the lexicon.
func (l *lexicon) find(word string) (POS, bool) {
	n, ok := l.words.Find(word)
	if !ok {
		return X, false
	}
	return l.pos[l.words.Tag(n)], true
}

// builtin returns the embedded dictionary. Opening it reads its header only.
var builtin = sync.OnceValue(func() *lexicon {
	l, err := openLexicon(dictData)
	if err != nil {
		panic(fmt.Sprintf("tokenizer: dict.bin: %v", err))
	}
	return l
})
