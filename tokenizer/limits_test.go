package tokenizer

import (
	"strings"
	"testing"
	"time"
)

// TestTokenize_HugeRuns checks that no repeated character or pattern is slower
// than any other by orders of magnitude, and that all of it is kept.
func TestTokenize_HugeRuns(t *testing.T) {
	size := 1 << 18
	if testing.Short() {
		size = 1 << 14
	}
	tok := newTokenizer(t, Options{})
	for _, unit := range []string{
		"a", "A", "1", "1,", "1.", "a1", "a-", "a/", "a.", "a@", "a_", "_", "'", "a'", "a:", "a::b", "a&", "http://", "www.", "a+", "/", "1-", "1:",
		"一", "一二", "著", "乾", "沈", "漢", "的", "中华人民共和国", "々",
		"\x00", "\xff", "\u0301", "a\u0301", "漢\u0301", "\uFFFD", "\u00AD", "\uFE0F", "\u200D", "’", "a’",
		" ", "\n", "\u3000", "。", ".", "…", "\"", "”", "é", "Ａ", "㈱", "½", "´", "ﷺ", "ﾊﾟ", "アあ", "한", "ไ", "ក្", "👍", "👨\u200D", "🇨", "𠀀",
	} {
		text := strings.Repeat(unit, size/len(unit))
		start := time.Now()
		tokens := tok.Tokenize(nil, text)
		checkTiling(t, text, tokens)
		folded := time.Since(start)
		Sentences(text)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%d bytes of %q took %v, %v of it for tokens", len(text), unit, d, folded)
		}
		if testing.Verbose() {
			t.Logf("%-12q %8d tokens %8v, sentences %v", unit, len(tokens), folded.Round(time.Millisecond), (time.Since(start) - folded).Round(time.Millisecond))
		}
	}
}

func checkTiling(tb testing.TB, text string, tokens []Token) {
	tb.Helper()
	at := 0
	for i, token := range tokens {
		if !token.Primary() {
			continue
		}
		if token.Start != at || token.End <= at {
			tb.Fatalf("%.20q…: token %d %d-%d does not follow %d", text, i, token.Start, token.End, at)
		}
		at = token.End
	}
	if at != len(text) {
		tb.Fatalf("%.20q…: tokens end at %d of %d", text, at, len(text))
	}
}
