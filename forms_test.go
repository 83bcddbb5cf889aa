package ciyuan

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSlipBetween(t *testing.T) {
	for _, test := range []struct {
		typed, word string
		want        slip
	}{
		{"学习", "学习", noSlip},
		{"习学", "学习", swapped},
		{"学刁", "学习", exchanged},
		{"计机", "计算机", dropped},
		{"计计算机", "计算机", doubled},
		{"teh", "the", swapped},
		{"oxyge", "oxygen", dropped},
		{"oxygenn", "oxygen", doubled},
		{"oxigen", "oxygen", exchanged},
		{"oxyegn", "oxygen", swapped},
		{"oxyegnn", "oxygen", noSlip},
		{"一二", "二三", noSlip},
		{"", "a", dropped},
		{"", "", noSlip},
		{"é", "e", exchanged},
		{"𠀀好", "好𠀀", swapped},
	} {
		if got := slipBetween(test.typed, []byte(test.word)); got != test.want {
			t.Errorf("%q, %q: %d, wanted %d", test.typed, test.word, got, test.want)
		}
	}
}

// The quick comparison says what the general one says.
func TestSlipBetween_AgreesWithEditDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab习学𠀀")), 0, 6, -1)
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		got := slipBetween(a, []byte(b)) != noSlip
		want := editDistance([]rune(a), []rune(b), 6) == 1
		if got != want {
			t.Fatalf("%q, %q: a slip %v, edit distance %d", a, b, got, editDistance([]rune(a), []rune(b), 6))
		}
		if d := editDistance([]rune(a), []rune(b), 2); (d <= 2) != (editDistance([]rune(a), []rune(b), 6) <= 2) {
			t.Fatalf("%q, %q: %d with a bound", a, b, d)
		}
	})
}

func TestParseSynonyms(t *testing.T) {
	s, err := ParseSynonyms(strings.NewReader("\uFEFF# head\n电脑，計算機、 Computer\n\nnatural  language processing, NLP # more\n"))
	if err != nil || s.Len() != 2 {
		t.Fatal(s, err)
	}
	for _, key := range []string{"电脑", "计算机", "computer", "natural language processing", "nlp"} {
		if len(s.member[key]) != 1 {
			t.Errorf("%q is in %d groups", key, len(s.member[key]))
		}
	}
	for _, bad := range []string{"alone", "a,", "ok, fine\n,,", strings.Repeat("x", maxSynonymLine+1)} {
		if _, err := ParseSynonyms(strings.NewReader(bad)); err == nil {
			t.Errorf("%.20q is read", bad)
		}
	}
}

func FuzzParseSynonyms(f *testing.F) {
	f.Add("a,b\n电脑，计算机\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSynonyms(strings.NewReader(text))
		if err != nil {
			return
		}
		for key, groups := range s.member {
			for _, g := range groups {
				if g >= s.Len() || key == "" {
					t.Errorf("%q is in group %d of %d", key, g, s.Len())
				}
			}
		}
	})
}
