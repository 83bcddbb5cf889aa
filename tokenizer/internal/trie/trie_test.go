package trie

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sample returns n different words over few characters, so that they share
// prefixes, some of them long, some of characters outside the tables.
func sample(n int) []Word {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("的一是不了在人有我他这个们中来上大为和国abcz0~㐀𠀀éγ")
	seen := map[string]bool{}
	var words []Word
	for len(words) < n {
		var b strings.Builder
		for range 1 + rng.IntN(6) {
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
		if text := b.String(); !seen[text] {
			seen[text] = true
			words = append(words, Word{Text: text, Freq: 1 + rng.Uint32N(1000), Tag: fmt.Sprint("t", rng.IntN(20))})
		}
	}
	return words
}

func open(tb testing.TB, words []Word, total uint64) Trie {
	tb.Helper()
	data, err := Build(words, total)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := Open(string(data))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestTrie(t *testing.T) {
	words := sample(5000)
	dict := open(t, words, 12345678901)
	if dict.Len() != len(words) || dict.Total() != 12345678901 || len(dict.Tags()) != 20 {
		t.Errorf("%d words, total %d, %d tags; want 5000, 12345678901, 20", dict.Len(), dict.Total(), len(dict.Tags()))
	}
	known := map[string]bool{}
	for _, w := range words {
		known[w.Text] = true
		n, ok := dict.Find(w.Text)
		if !ok || int(n) >= dict.Slots() {
			t.Fatalf("%q is missing", w.Text)
		}
		if freq, tag := dict.Freq(n), dict.Tags()[dict.Tag(n)]; freq != w.Freq || tag != w.Tag {
			t.Fatalf("%q has frequency %d and tag %s, want %d and %s", w.Text, freq, tag, w.Freq, w.Tag)
		}
	}
	for _, w := range words {
		for _, text := range []string{w.Text + "的", w.Text + "谁", "谁" + w.Text, w.Text + " ", w.Text + "\x00", w.Text + "𪚥", w.Text[:len(w.Text)-1]} {
			if _, ok := dict.Find(text); ok != known[text] {
				t.Fatalf("Find(%q) is %v, want %v", text, ok, known[text])
			}
		}
	}
}

func TestTrie_Words(t *testing.T) {
	words := sample(2000)
	dict := open(t, words, 1)
	known := map[string]bool{}
	for _, w := range words {
		known[w.Text] = true
	}
	for _, w := range words {
		row := []rune(w.Text + "谁" + w.Text)
		var codes []uint32
		for _, r := range row {
			codes = append(codes, dict.Code(r))
		}
		for from := range row {
			var want []Match
			for to := from + 1; to <= len(row); to++ {
				if n, ok := dict.Find(string(row[from:to])); ok && known[string(row[from:to])] {
					want = append(want, Match{From: int32(from), To: int32(to), Node: n, Source: 3})
				}
			}
			if got := dict.Words(nil, codes, from, 3); !slices.Equal(got, want) {
				t.Fatalf("words of %q from %d: got %v, want %v", string(row), from, got, want)
			}
		}
	}
}

func TestTrie_Empty(t *testing.T) {
	for _, dict := range []Trie{{}, open(t, nil, 0)} {
		if got := dict.Words(nil, []uint32{1, 2}, 0, 0); got != nil {
			t.Errorf("a trie without words gives %v", got)
		}
		if _, ok := dict.Find("词"); ok || dict.Len() != 0 || dict.Code('词') != 0 || dict.Code('𠀀') != 0 {
			t.Errorf("a trie without words finds one: %+v", dict)
		}
	}
}

func TestBuild_AnyOrder(t *testing.T) {
	words := sample(500)
	a, err := Build(words, 1)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(words)
	b, err := Build(words, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the order of the words changes the bytes")
	}
	words[0].Freq++
	c := open(t, words, 1)
	d, err := Open(string(a))
	if err != nil {
		t.Fatal(err)
	}
	if c.Digest() == d.Digest() {
		t.Error("another frequency gives the same digest")
	}
}

func TestBuild_Errors(t *testing.T) {
	for _, words := range [][]Word{
		{{Text: "", Freq: 1}},
		{{Text: "词", Freq: 0}},
		{{Text: "词", Freq: 1}, {Text: "词", Freq: 2}},
		{{Text: "词 元", Freq: 1}},
		{{Text: "\x7F", Freq: 1}},
	} {
		if _, err := Build(words, 0); err == nil {
			t.Errorf("%v is built", words)
		}
	}
	var words []Word
	for i := range 70000 {
		words = append(words, Word{Text: fmt.Sprint(i), Freq: uint32(i + 1)})
	}
	if _, err := Build(words, 0); err == nil {
		t.Error("70,000 frequencies are built")
	}
	for i := range words {
		words[i].Freq, words[i].Tag = 1, fmt.Sprint(i%65)
	}
	if _, err := Build(words, 0); err == nil {
		t.Error("65 tags are built")
	}
}

// FuzzOpen checks that no damage makes the reader panic or loop.
func FuzzOpen(f *testing.F) {
	data, err := Build(sample(200), 99)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(headerSize+3, byte(1), 0)
	f.Add(8, byte(255), 0)
	f.Add(len(data)-20, byte(128), 5)
	f.Fuzz(func(t *testing.T, at int, flip byte, cut int) {
		damaged := bytes.Clone(data)
		if at >= 0 && at < len(damaged) {
			damaged[at] ^= flip
		}
		if cut > 0 && cut < len(damaged) {
			damaged = damaged[:len(damaged)-cut]
		}
		dict, err := Open(string(damaged))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("%v is not ErrFormat", err)
			}
			return
		}
		for _, w := range sample(200) {
			if n, ok := dict.Find(w.Text); ok {
				dict.Freq(n)
				dict.Tag(n)
			}
			var codes []uint32
			for _, r := range w.Text {
				codes = append(codes, dict.Code(r))
			}
			dict.Words(nil, codes, 0, 0)
		}
	})
}
