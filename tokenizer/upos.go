package tokenizer

import (
	_ "embed"
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/perceptron"
)

// UPOS is a Universal part of speech (universaldependencies.org/u/pos).
type UPOS uint8

// The Universal parts of speech. UPOSX stands for white space and parts of words.
const (
	UPOSADJ UPOS = iota
	UPOSADP
	UPOSADV
	UPOSAUX
	UPOSCCONJ
	UPOSDET
	UPOSINTJ
	UPOSNOUN
	UPOSNUM
	UPOSPART
	UPOSPRON
	UPOSPROPN
	UPOSPUNCT
	UPOSSCONJ
	UPOSSYM
	UPOSVERB
	UPOSX
)

var uposNames = [...]string{
	"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
}

// String returns the name, "X" for a value that does not exist.
func (u UPOS) String() string {
	if int(u) < len(uposNames) {
		return uposNames[u]
	}
	return uposNames[UPOSX]
}

// ParseUPOS returns the part of speech of that name and whether there is one.
func ParseUPOS(name string) (UPOS, bool) {
	for u, known := range uposNames {
		if known == name {
			return UPOS(u), true
		}
	}
	return UPOSX, false
}

// packedTags is written by internal/gentagger.
//
//go:embed tags.bin.gz
var packedTags string

var tagModel = sync.OnceValue(func() *perceptron.Tags {
	m, err := perceptron.OpenTags(unpack("tags.bin.gz", packedTags))
	if err != nil {
		panic(fmt.Sprintf("tokenizer: tags.bin.gz: %v", err))
	}
	return m
})

// maxSentence bounds the words that are tagged at once.
const maxSentence = 256

// UPOS appends the Universal part of speech of each token to dst and returns it.
// Unlike Token.POS, which a dictionary gives to a word, it is what the word is in
// its sentence, as a model learned from UD Chinese GSDSimp has it; for languages
// other than Chinese it is a guess. White space and parts are UPOSX. It is safe
// for concurrent use and takes linear time.
func (t *Tokenizer) UPOS(dst []UPOS, tokens []Token) []UPOS {
	first := len(dst)
	var items []perceptron.Item
	var places []int
	var s perceptron.Sentence
	flush := func() {
		s.Set(items)
		for i, tag := range tagModel().Tag(&s) {
			dst[places[i]] = UPOS(tag)
		}
		items, places = items[:0], places[:0]
	}
	for i := range tokens {
		tok := &tokens[i]
		dst = append(dst, UPOSX)
		if tok.Kind == Space || !tok.Primary() {
			continue
		}
		items = append(items, perceptron.Item{Word: tok.Word, Hint: uint8(tok.POS)})
		places = append(places, first+i)
		if len(items) == maxSentence || tok.Kind == Punct && endsSentence(tok.Word) {
			flush()
		}
	}
	flush()
	for i := range tokens {
		if tokens[i].Kind == Punct && tokens[i].Primary() {
			dst[first+i] = markUPOS(tokens[i].Word)
		}
	}
	return dst
}

func endsSentence(mark string) bool {
	switch mark {
	case "。", "!", "?", ".":
		return true
	}
	return false
}

// markUPOS returns what a mark is: the model has seen only some of them.
func markUPOS(mark string) UPOS {
	r, _ := utf8.DecodeRuneInString(mark)
	if unicode.IsSymbol(r) || r == '%' || r == '&' {
		return UPOSSYM
	}
	return UPOSPUNCT
}
