package align

import (
	"strings"
	"unicode"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A Text is one side of a pair: a text and the tokens of it that are aligned.
type Text struct {
	Text string
	// Tokens have ascending spans in Text. White space and parts of words are
	// not among them.
	Tokens []tokenizer.Token
}

// Cut cuts a text into the tokens that are aligned: the primary ones but for
// white space.
func Cut(tok *tokenizer.Tokenizer, text string) Text {
	t := Text{Text: text}
	for _, token := range tok.Tokenize(nil, text) {
		if token.Primary() && token.Kind != tokenizer.Space {
			token.Parent = -1
			t.Tokens = append(t.Tokens, token)
		}
	}
	return t
}

// Split takes a text that is cut already, with white space between tokens.
func Split(tok *tokenizer.Tokenizer, text string) Text {
	t := Text{Text: text}
	start := -1
	add := func(end int) {
		if start >= 0 {
			t.Tokens = append(t.Tokens, whole(tok, text[start:end], start))
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			add(i)
		case start < 0:
			start = i
		}
	}
	add(len(text))
	return t
}

// whole returns a field of a cut text as one token, whatever the tokenizer
// would make of it. It is a word if any part of it is.
func whole(tok *tokenizer.Tokenizer, field string, start int) tokenizer.Token {
	parts := tok.Tokenize(nil, field)
	t := tokenizer.Token{Word: tokenizer.Fold(field), Start: start, End: start + len(field), Kind: tokenizer.Punct, POS: tokenizer.W, Parent: -1}
	rank := map[tokenizer.Kind]int{tokenizer.Punct: 0, tokenizer.Number: 1, tokenizer.Mixed: 2, tokenizer.Word: 3}
	count := 0
	for i := range parts {
		p := &parts[i]
		if !p.Primary() || p.Kind == tokenizer.Space {
			continue
		}
		count++
		if count == 1 || rank[p.Kind] > rank[t.Kind] {
			t.Kind, t.POS = p.Kind, p.POS
		}
	}
	if count > 1 && t.Kind == tokenizer.Word && strings.ContainsFunc(t.Word, unicode.IsDigit) {
		t.Kind = tokenizer.Mixed
	}
	if count > 1 && t.Kind != tokenizer.Punct {
		t.POS = tok.POS(t.Word)
	}
	if t.Word == "" { // folding drops what has no shape of its own
		t.Word = field
	}
	return t
}
