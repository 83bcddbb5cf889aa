//go:build !ciyuan_nodefault

package encoder

import (
	"bytes"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/scoring"
)

func TestCompose_Pieces(t *testing.T) {
	table := openDefault(t)
	for _, tt := range []struct {
		word string
		want []string
	}{
		{"", nil},
		{"编程", []string{"编程"}},
		{"编程技能学", []string{"编程", "技能", "学"}},
		{"tokenizers", []string{"token"}},
		{"planners", []string{"planners"}},
		{"widgeting", []string{"widget"}},
		{"hotplugging", []string{"hot", "plugging"}},
		{"hyperlinkings", []string{"hyperlink"}},
		{"卡拉zqx", []string{"卡拉"}},
		{"xqzvwk", nil},
		{"ab1", nil},
		{"gpt4", nil},
		{"foo_bar", nil},
		{"foo-bar", nil},
		{"a@b.com", nil},
		{"zq", nil},
		{"\xff\xfe", nil},
		{"编程\xff", nil},
		{"\U000e0001", nil},
		{"'''''", nil},
	} {
		var got []string
		for _, row := range table.Compose(nil, tt.word) {
			got = append(got, table.Word(row))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.word, diff)
		}
	}
}

func TestCompose_HeldOutWords(t *testing.T) {
	words := original(t)
	b, err := NewBuilder("all but some", 128, scoring.Bits8, scoring.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]*struct {
		floor, covered float64
		held           []int
	}{
		"zh2": {floor: .80, covered: .99}, "zh3": {floor: .78, covered: .99}, "zh4": {floor: .79, covered: .99}, "zh5": {floor: .80, covered: .99},
		"en": {floor: .65, covered: .85},
	}
	for i, word := range words.Word {
		n, kind := utf8.RuneCountInString(word), ""
		switch {
		case words.Prior[i] < 13.5 || i%10 != 0:
		case word[0] >= 0xe3:
			kind = map[int]string{1: "", 2: "zh2", 3: "zh3", 4: "zh4"}[n]
			if n > 4 {
				kind = "zh5"
			}
		case n >= 3:
			kind = "en"
		}
		if kind != "" {
			kinds[kind].held = append(kinds[kind].held, i)
			continue
		}
		if err := b.Add(word, words.Prior[i], words.Vector(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if _, err := b.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range kinds {
		var sum float64
		composed := 0
		for _, i := range kind.held {
			pieces := table.Compose(nil, words.Word[i])
			if len(pieces) == 0 {
				continue
			}
			composed++
			want := words.Vector(nil, i)
			q := table.Query(want)
			dot := float64(table.DotComposed(&q, pieces, table.Norm(pieces)))
			var full float64
			for c, v := range table.ComposedVector(nil, pieces) {
				full += float64(v) * float64(want[c])
			}
			if math.Abs(dot-full) > 0.01 {
				t.Fatalf("%q: DotComposed %.4f, the composed vector %.4f", words.Word[i], dot, full)
			}
			sum += dot
		}
		mean, covered := sum/float64(composed), float64(composed)/float64(len(kind.held))
		t.Logf("%s: mean cosine %.4f, composed %.3f of %d", name, mean, covered, len(kind.held))
		if mean < kind.floor || covered < kind.covered {
			t.Errorf("%s: mean cosine %.4f below %.2f, or composed %.3f below %.2f", name, mean, kind.floor, covered, kind.covered)
		}
	}
}

func TestNorm_NoPieces(t *testing.T) {
	table := openDefault(t)
	if got := table.Norm(nil); got != 0 {
		t.Errorf("norm of nothing: %d", got)
	}
	q := table.Query(table.Vector(nil, 1))
	if got := table.DotComposed(&q, nil, 0); got != 0 {
		t.Errorf("dot with nothing: %v", got)
	}
	for _, v := range table.ComposedVector(nil, nil) {
		if v != 0 {
			t.Fatalf("vector of nothing has a column %v", v)
		}
	}
	one := []uint32{77}
	if got := table.Norm(one); math.Abs(float64(got)-normUnits) > 300 {
		t.Errorf("norm of one row: %d", got)
	}
}

// FuzzCompose checks that no word makes the table panic, and that pieces always
// have a vector and a cosine.
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"", "编程技能学", "tokenizers", "don't", "γ射线", "卡拉ok", "\xff", "a\x00b", "éééé"} {
		f.Add(s)
	}
	table := openDefault(f)
	q := table.Query(table.Vector(nil, 4242))
	f.Fuzz(func(t *testing.T, word string) {
		pieces := table.Compose(nil, word)
		for _, row := range pieces {
			if table.Word(row) == "" {
				t.Fatalf("%q has the piece %d, which is no word", word, row)
			}
		}
		if len(pieces) > len(word) {
			t.Fatalf("%q has %d pieces", word, len(pieces))
		}
		if z := table.DotComposed(&q, pieces, table.Norm(pieces)); !(z > -1.2 && z < 1.2) {
			t.Fatalf("%q has the cosine %v", word, z)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	table := openDefault(b)
	var dst []uint32
	for b.Loop() {
		dst = table.Compose(dst[:0], "编程技能学")
	}
}
