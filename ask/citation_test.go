package ask

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStatementReader(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   []Statement
	}{
		{"", nil},
		{"Paris is a city [1]. It lies in France [2][1].", []Statement{{"Paris is a city.", []int{1}}, {"It lies in France.", []int{1, 2}}}},
		{"Paris is a city. [1] It lies in France. [2, 3]\n", []Statement{{"Paris is a city.", []int{1}}, {"It lies in France.", []int{2, 3}}}},
		{"大桥建于1903年[1]。它全长49公里。【2】", []Statement{{"大桥建于1903年。", []int{1}}, {"它全长49公里。", []int{2}}}},
		{"No source. A second one [12].", []Statement{{"No source.", nil}, {"A second one.", []int{12}}}},
		{"See [note] and [1a] here.", []Statement{{"See [note] and [1a] here.", nil}}},
		{"[1]", nil},
		{"Cut [1", []Statement{{"Cut [1", nil}}},
		{"A [1] b.", []Statement{{"A  b.", []int{1}}}},
		{"Far [99999999999999].", []Statement{{"Far [99999999999999].", nil}}},
	} {
		// However it is cut into pieces.
		for _, size := range []int{1, 2, 5, 1000} {
			var r StatementReader
			var got []Statement
			for text := c.answer; text != ""; {
				n := min(size, len(text))
				for n < len(text) && !utf8.RuneStart(text[n]) {
					n++
				}
				got = append(got, r.Read(text[:n])...)
				text = text[n:]
			}
			got = append(got, r.Rest()...)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%q in pieces of %d: %+v, want %+v", c.answer, size, got, c.want)
			}
		}
	}
}

func TestSupport(t *testing.T) {
	tok := newTokenizer(t)
	for _, c := range []struct {
		statement, evidence string
		near                func(string) bool
		low, high           float64
	}{
		{"The bridge opened in 1903.", "In 1903 the bridge opened.", nil, 1, 1},
		{"The bridge opened in 1904.", "In 1903 the bridge opened.", nil, 0, 0},
		{"Cats sleep all day.", "In 1903 the bridge opened.", nil, 0, 0},
		{"大桥建于1903年。", "大桥于1903年建成", nil, 0.5, 1},
		{"大桥 opened", "the bridge opened", func(w string) bool { return w == "大桥" }, 1, 1},
		{"大桥于5月12日 opened", "大桥 opened on 12 May", nil, 0.5, 1},
		{"大桥于6月12日 opened", "大桥 opened on 12 May", nil, 0, 0},
		{"of the", "of the", nil, 0, 0},
		{"", "a", nil, 0, 0},
	} {
		got := Support(tok.Tokenize(nil, c.statement), tok.Tokenize(nil, c.evidence), c.near)
		if got < c.low || got > c.high {
			t.Errorf("%q in %q: %v, want %v to %v", c.statement, c.evidence, got, c.low, c.high)
		}
	}
}

func FuzzStatementReader(f *testing.F) {
	f.Add("Paris [1]. Lyon [2]\n[3] x", 3)
	f.Add("【1】。[", 1)
	f.Fuzz(func(t *testing.T, answer string, size int) {
		if size < 1 || len(answer) > 1<<10 {
			return
		}
		var whole, parts StatementReader
		all := append(whole.Read(answer), whole.Rest()...)
		var got []Statement
		for text := answer; text != ""; text = text[min(size, len(text)):] {
			got = append(got, parts.Read(text[:min(size, len(text))])...)
		}
		got = append(got, parts.Rest()...)
		join := func(s []Statement) string {
			var b strings.Builder
			for _, x := range s {
				b.WriteString(strings.Join(strings.Fields(x.Text), ""))
			}
			return b.String()
		}
		if utf8.ValidString(answer) && join(got) != join(all) {
			t.Errorf("%q: %+v in pieces, %+v as a whole", answer, got, all)
		}
	})
}
