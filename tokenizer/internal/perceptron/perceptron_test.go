package perceptron

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// example returns a run that is the whole text, cut at the spaces.
func example(text string, dict ...string) CutExample {
	ex := CutExample{Chars: make([]rune, Context), Bounds: []int32{0}}
	var plain []rune
	for _, w := range strings.Fields(text) {
		plain = append(plain, []rune(w)...)
		ex.Bounds = append(ex.Bounds, int32(len(plain)))
	}
	for _, w := range dict {
		chars := []rune(w)
		for i := 0; i+len(chars) <= len(plain); i++ {
			if slices.Equal(plain[i:i+len(chars)], chars) {
				ex.Words = append(ex.Words, Word{From: int32(i), To: int32(i + len(chars)), Freq: 100})
			}
		}
	}
	ex.Chars = append(append(ex.Chars, plain...), make([]rune, Context)...)
	return ex
}

func TestBoundaries(t *testing.T) {
	examples := []CutExample{
		example("研究 生命 的 起源", "研究", "研究生", "生命", "起源"),
		example("他 是 研究生", "研究", "研究生"),
		example("生命 的 意义", "生命", "意义"),
		example("好"),
	}
	data := TrainBoundaries(examples, 10)
	if again := TrainBoundaries(examples, 10); !bytes.Equal(data, again) {
		t.Error("learning twice gives two models")
	}
	m, err := OpenBoundaries(string(data))
	if err != nil {
		t.Fatal(err)
	}
	var r Run
	for _, ex := range examples {
		r.Set(ex.Chars, ex.Words)
		if got := m.Cut(&r); !slices.Equal(got, ex.Bounds) {
			t.Errorf("%c: cut at %v, want %v", ex.Chars, got, ex.Bounds)
		}
	}
	r.Set(make([]rune, 2*Context), nil)
	if got := m.Cut(&r); len(got) != 0 {
		t.Errorf("an empty run is cut at %v", got)
	}

	// Words that must stay whole do, whatever the model thinks; of two that overlap the first.
	ex := examples[0]
	words := append(slices.Clone(ex.Words),
		Word{From: 1, To: 4, Freq: 1, Keep: true}, Word{From: 3, To: 6, Freq: 1, Keep: true}, Word{From: 4, To: 5, Keep: true})
	r.Set(ex.Chars, words)
	if got, want := m.Cut(&r), []int32{0, 1, 4, 5}; !slices.Equal(got[:4], want) {
		t.Errorf("cut at %v, want %v at first", got, want)
	}
}

func TestTags(t *testing.T) {
	examples := []TagExample{
		{[]Item{{"我", 1}, {"学习", 2}, {"编程", 3}}, []uint8{10, 15, 7}},
		{[]Item{{"学习", 2}, {"很", 4}, {"好", 5}}, []uint8{7, 2, 0}},
		{[]Item{{"好", 5}}, []uint8{0}},
	}
	data := TrainTags(examples, 10)
	if again := TrainTags(examples, 10); !bytes.Equal(data, again) {
		t.Error("learning twice gives two models")
	}
	m, err := OpenTags(string(data))
	if err != nil {
		t.Fatal(err)
	}
	var s Sentence
	for _, ex := range examples {
		s.Set(ex.Items)
		if got := m.Tag(&s); !slices.Equal(got, ex.Tags) {
			t.Errorf("%v: %v, want %v", ex.Items, got, ex.Tags)
		}
	}
	s.Set(nil)
	if got := m.Tag(&s); len(got) != 0 {
		t.Errorf("no words have tags %v", got)
	}
}

func TestOpen(t *testing.T) {
	boundaries := TrainBoundaries(nil, 1)
	tags := TrainTags(nil, 1)
	for _, data := range []string{"", "CYPB", string(boundaries[:len(boundaries)-1]), string(tags), "X" + string(boundaries[1:])} {
		if _, err := OpenBoundaries(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes are boundaries: %v", len(data), err)
		}
	}
	for _, data := range []string{"", string(tags[1:]), string(boundaries)} {
		if _, err := OpenTags(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes are tags: %v", len(data), err)
		}
	}
}

// FuzzCut checks that the words of any run tile it, whatever the dictionary says.
func FuzzCut(f *testing.F) {
	f.Add("研究生命的起源", []byte{0, 2, 1, 3, 2, 4})
	f.Add("", []byte{})
	m, err := OpenBoundaries(string(TrainBoundaries([]CutExample{example("研究 生命 的 起源", "研究生")}, 3)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, spans []byte) {
		chars := append(make([]rune, Context), []rune(text)...)
		chars = append(chars, make([]rune, Context)...)
		n := len(chars) - 2*Context
		var words []Word
		for i := 0; i+1 < len(spans) && n > 0; i += 2 {
			from := int(spans[i]) % n
			to := from + 1 + int(spans[i+1]&0x7f)%(n-from)
			words = append(words, Word{From: int32(from), To: int32(to), Freq: uint32(spans[i]) << 20, Keep: spans[i+1] > 0x7f})
		}
		var r Run
		r.Set(chars, words)
		got := m.Cut(&r)
		if n == 0 {
			if len(got) != 0 {
				t.Errorf("an empty run is cut at %v", got)
			}
			return
		}
		if got[0] != 0 || int(got[len(got)-1]) != n || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%q with %v is cut at %v", text, words, got)
		}
	})
}
