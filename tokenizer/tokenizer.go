package tokenizer

import (
	"fmt"
	"runtime"
	"sync"
)

// rulesVersion changes whenever the same text, mode and dictionary give other
// tokens than before.
const rulesVersion = 2

// maxIdle is how many workers are kept: one holds some megabytes after a long
// batch.
const maxIdle = 4

// Options are the choices of a Tokenizer; the zero value is Viterbi with the
// built-in dictionary alone.
type Options struct {
	Mode Mode
	Dict *Dict // user dictionary, may be nil
}

// Tokenizer cuts texts into tokens. It is safe for concurrent use.
type Tokenizer struct {
	mode Mode
	user *Dict
	hash string

	mu   sync.Mutex
	idle []*worker
}

// New returns a Tokenizer. It costs microseconds: no dictionary is loaded. The
// error wraps ErrMode.
func New(o Options) (*Tokenizer, error) {
	if int(o.Mode) >= len(modeNames) {
		return nil, fmt.Errorf("%w %d", ErrMode, o.Mode)
	}
	t := &Tokenizer{mode: o.Mode}
	if o.Dict != nil && o.Dict.words.Len() > 0 {
		t.user = o.Dict
	}
	t.hash = fmt.Sprintf("%s-%d-%016x", o.Mode, rulesVersion, builtin().words.Digest())
	if t.mode == Perceptron {
		t.hash += fmt.Sprintf("-%016x", boundaryDigest())
	}
	if t.user != nil {
		t.hash += fmt.Sprintf("-%016x", t.user.words.Digest())
	}
	return t, nil
}

// Fingerprint returns a short text that is equal for two tokenizers if they give
// equal tokens: the mode, the version of the rules and a hash of the
// dictionaries.
func (t *Tokenizer) Fingerprint() string { return t.hash }

// Tokenize appends the tokens of text to dst and returns it. Primary tokens tile
// the text; Parent counts from the start of dst. The empty text has no tokens.
// Time is linear in the text, and so is memory, about fifteen times the text: cut
// very long ones before (Sentences).
func (t *Tokenizer) Tokenize(dst []Token, text string) []Token {
	w := t.take()
	defer t.give(w)
	return w.batch(dst, []string{text}, nil)
}

// Batch returns the tokens of each text, the same as Tokenize does. It is faster,
// because the words of all texts are gathered at once: texts of about a megabyte
// together are a good batch.
func (t *Tokenizer) Batch(texts []string) [][]Token {
	w := t.take()
	defer t.give(w)
	ends := make([]int, 0, len(texts))
	bytes := 0
	for _, text := range texts {
		bytes += len(text)
	}
	all := w.batch(make([]Token, 0, bytes/4+16), texts, &ends)
	out := make([][]Token, len(texts))
	start := 0
	for i, end := range ends {
		out[i] = all[start:end:end]
		start = end
	}
	return out
}

// take returns a worker that no one else uses.
func (t *Tokenizer) take() *worker {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		w := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return w
	}
	return &worker{t: t}
}

// give keeps a worker with what it has learned for the next caller.
func (t *Tokenizer) give(w *worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) < min(runtime.GOMAXPROCS(0), maxIdle) {
		t.idle = append(t.idle, w)
	}
}

// POS returns the part of speech of a folded word, the same that tokens get.
func (t *Tokenizer) POS(word string) POS {
	if word == "" {
		return X
	}
	return t.pos(word, kindOf(word))
}

// pos returns the part of speech of a folded word of the given kind.
func (t *Tokenizer) pos(word string, kind Kind) POS {
	switch kind {
	case Space:
		return WS
	case Punct:
		return W
	}
	if t.user != nil {
		if p, ok := t.user.find(word); ok {
			return p
		}
	}
	ascii := word[0] < 0x80
	switch kind {
	case Number:
		return M
	case Word:
		if ascii {
			return ENG
		}
	}
	if p, ok := builtin().find(word); ok {
		return p
	}
	return ruledPOS(word)
}

// known reports whether a folded word is in one of the dictionaries.
func (t *Tokenizer) known(word string) bool {
	if t.user != nil {
		if _, ok := t.user.find(word); ok {
			return true
		}
	}
	_, ok := builtin().find(word)
	return ok
}

// ruledPOS returns the part of speech of a word in no dictionary.
func ruledPOS(word string) POS {
	latin, numerals, others := false, true, false
	for _, r := range word {
		cl := classOf(r)
		latin = latin || cl == letter
		others = others || cl != letter && cl != digit && cl != mark && r >= 0x80
		numerals = numerals && isNumeral(r)
	}
	switch {
	case numerals:
		return M
	case latin && !others:
		return ENG
	case !others && isDigit(word[0]):
		return M
	}
	return X
}

// isNumeral reports whether numbers are written with the Chinese character r.
func isNumeral(r rune) bool {
	switch r {
	case '〇', '零', '一', '二', '两', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千', '万', '亿':
		return true
	}
	return false
}

// Known reports whether a folded word is in the user's dictionary or in the
// built-in one.
func (t *Tokenizer) Known(word string) bool { return word != "" && t.known(word) }

// TokenOf returns a folded word as a token by itself, which must not be empty.
func (t *Tokenizer) TokenOf(word string) Token {
	kind := kindOf(word)
	return Token{Word: word, End: len(word), Kind: kind, POS: t.pos(word, kind), Parent: -1}
}
