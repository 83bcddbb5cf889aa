package subword

import (
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is found in the text before it is split.
type addedToken struct {
	ID         uint32 `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // not inside a word
	Lstrip     bool   `json:"lstrip"`      // takes the white space before it along
	Rstrip     bool   `json:"rstrip"`      // and after it
	Normalized bool   `json:"normalized"`  // is sought in the normalized text
	Special    bool   `json:"special"`
}

// matcher finds added tokens: from left to right, at each place the longest.
type matcher struct {
	tokens []addedToken
	trie   *trie     // content -> index in tokens
	starts [256]bool // bytes that some content begins with
}

// newMatcher returns a matcher of tokens, whose contents are as they occur in
// the text; those of an empty content are never found.
func newMatcher(tokens []addedToken, contents []string) *matcher {
	m := &matcher{tokens: tokens, trie: newTrie(len(contents), func(i int) string { return contents[i] })}
	for _, s := range contents {
		if s != "" {
			m.starts[s[0]] = true
		}
	}
	return m
}

// find returns the first token in s at from or later, and its bytes.
func (m *matcher) find(s []byte, from int) (index, lo, hi int) {
	for i := from; i < len(s); i++ {
		if !m.starts[s[i]] {
			continue
		}
		if id, size := m.trie.longest(0, s[i:]); id >= 0 {
			return int(id), i, i + size
		}
	}
	return -1, 0, 0
}

// cut calls text and token for the parts of s in order.
func (m *matcher) cut(s []byte, text func(lo, hi int), token func(t *addedToken, lo, hi int)) {
	done := 0
	for at := 0; ; {
		i, lo, hi := m.find(s, at)
		if i < 0 {
			break
		}
		at = hi
		t := &m.tokens[i]
		if t.SingleWord && (endsInWord(s[:lo]) || beginsInWord(s[hi:])) {
			continue
		}
		if t.Lstrip {
			lo = max(len(trimRightSpace(s[:lo])), done)
		}
		if t.Rstrip {
			hi = len(s) - len(trimLeftSpace(s[hi:]))
		}
		// White space taken by the token before may have been part of this one.
		if lo = max(lo, done); lo >= hi {
			continue
		}
		if done < lo {
			text(done, lo)
		}
		token(t, lo, hi)
		done = hi
	}
	if done < len(s) {
		text(done, len(s))
	}
}

func endsInWord(s []byte) bool {
	r, size := utf8.DecodeLastRune(s)
	return size > 0 && isWord(r)
}

func beginsInWord(s []byte) bool {
	r, size := utf8.DecodeRune(s)
	return size > 0 && isWord(r)
}

func trimRightSpace(s []byte) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeLastRune(s)
		if !unicode.IsSpace(r) {
			break
		}
		s = s[:len(s)-size]
	}
	return s
}

func trimLeftSpace(s []byte) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		if !unicode.IsSpace(r) {
			break
		}
		s = s[size:]
	}
	return s
}
