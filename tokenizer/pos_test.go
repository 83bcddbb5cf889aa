package tokenizer

import (
	"strings"
	"testing"
)

// TestPOS_Stable pins the values, which are kept in index files.
func TestPOS_Stable(t *testing.T) {
	const want = "x n nr nrfg nrt ns nt nz ng t tg s f v vd vn vg vi vq a ad an ag b z zg r rg rr rz m mg mq q d df dg p c " +
		"u ud ug uj ul uv uz e y o h k i l j g eng w ws"
	if got := strings.Join(posNames[:], " "); got != want {
		t.Errorf("the tags are\n%s, expected\n%s", got, want)
	}
	for p, name := range posNames {
		if got, ok := ParsePOS(name); !ok || got != POS(p) || got.String() != name {
			t.Errorf("%q is %v", name, got)
		}
	}
	if p, ok := ParsePOS("noun"); ok || p != X {
		t.Errorf("an unknown tag is %v, %v", p, ok)
	}
	if got := POS(250).String(); got != "x" {
		t.Errorf("an unknown value is %q, want x", got)
	}
}

// TestKind_Stable pins the values, which are kept in index files.
func TestKind_Stable(t *testing.T) {
	if got, want := strings.Join(kindNames[:], " "), "word number mixed punct space"; got != want {
		t.Errorf("the kinds are %s, expected %s", got, want)
	}
	if got := Kind(9).String(); got != "invalid" {
		t.Errorf("an unknown kind is %q", got)
	}
}

func TestTokenizer_POS(t *testing.T) {
	tok := newTokenizer(t, Options{})
	for _, c := range []struct {
		word string
		pos  POS
		kind Kind
	}{
		{"提高", V, Word}, {"编程", N, Word}, {"北京", NS, Word}, {"的", UJ, Word}, {"了", UL, Word}, {"毛泽东", NR, Word}, {"三百", M, Word},
		{"二〇二六", M, Word}, {"犇犇鱻", X, Word},
		{"hello", ENG, Word}, {"don't", ENG, Word}, {"été", ENG, Word}, {"привет", ENG, Word},
		{"3.14", M, Number}, {"50%", M, Number}, {"10:30", M, Number}, {"2026-10-07", M, Number}, {"①", M, Number},
		{"gpt-4", ENG, Mixed}, {"c++", NZ, Mixed}, {"foo_bar", ENG, Mixed}, {"10kg", ENG, Mixed}, {"ip地址", N, Mixed}, {"a@b.com", ENG, Mixed},
		{"プログラム", X, Word}, {"한국어", X, Word}, {"👍", X, Word},
		{",", W, Punct}, {"。", W, Punct}, {"\x00", W, Punct}, {"\u0301", W, Punct}, {" ", WS, Space}, {"\n\t", WS, Space},
	} {
		if got := tok.POS(c.word); got != c.pos {
			t.Errorf("%q is %v, want %v", c.word, got, c.pos)
		}
		if got := kindOf(c.word); got != c.kind {
			t.Errorf("%q is a %v, want %v", c.word, got, c.kind)
		}
	}
	if got := tok.POS(""); got != X {
		t.Errorf("the empty word is %v", got)
	}
}
