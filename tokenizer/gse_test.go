package tokenizer

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ego/gse"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// fullGSE returns gse with the whole of its simplified Chinese dictionary.
func fullGSE(tb testing.TB) *gse.Segmenter {
	tb.Helper()
	seg := &gse.Segmenter{NotLoadHMM: true, SkipLog: true}
	if err := seg.LoadDict(gseDict(tb)); err != nil {
		tb.Fatal(err)
	}
	return seg
}

// sharedTexts returns the texts of a set of the evaluation data.
func sharedTexts(tb testing.TB, set string) []string {
	tb.Helper()
	file, err := os.Open(filepath.Join(testutil.Shared(tb, "data/"+set), "docs.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var texts []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var doc struct{ Text string }
		if err := json.Unmarshal(lines.Bytes(), &doc); err != nil {
			tb.Fatal(err)
		}
		texts = append(texts, doc.Text)
	}
	return texts
}

// hanRuns returns the runs of Han characters of a folded text.
func hanRuns(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return classOf(r) != han })
}

// chinese returns those words that are Han characters.
func chinese(words []string) []string {
	return slices.DeleteFunc(words, func(word string) bool { return !isHan(word) })
}

// bits returns how improbable words are together for gse: -log2 of the product
// of their probabilities.
func bits(words []string) float64 {
	dict := &builtin().words
	sum := 0.0
	for _, word := range words {
		n, ok := dict.Find(word)
		if !ok {
			sum += 32
			continue
		}
		sum += math.Log2(float64(dict.Total())) - math.Log2(float64(dict.Freq(n)))
	}
	return sum
}

// TestSegmentation_IdenticalToGSE compares every sentence of the shared Chinese
// data with gse and its whole dictionary. gse adds probabilities in 32 bits along
// the sentence, so that where two cuts are equally probable the rounding of what
// stands before decides; such ties, and nothing else, may differ.
func TestSegmentation_IdenticalToGSE(t *testing.T) {
	if testing.Short() {
		t.Skip("loads gse's whole dictionary")
	}
	var sentences []string
	for _, text := range append(sharedTexts(t, "cmrc2018-dev"), sharedTexts(t, "xquad-zh")...) {
		for _, s := range Sentences(text) {
			sentences = append(sentences, Fold(text[s.Start:s.End]))
		}
	}
	full := fullGSE(t)
	tok := newTokenizer(t, Options{})
	ties := 0
	for i, tokens := range tok.Batch(sentences) {
		var got, want []string
		for _, token := range tokens {
			if token.Primary() {
				got = append(got, token.Word)
			}
		}
		for _, s := range full.Segment([]byte(sentences[i])) {
			want = append(want, sentences[i][s.Start():s.End()])
		}
		got, want = chinese(got), chinese(want)
		if slices.Equal(got, want) {
			continue
		}
		if math.Abs(bits(got)-bits(want)) > 1e-3 {
			t.Errorf("%q: got %v, gse's whole dictionary gives %v", sentences[i], got, want)
		}
		ties++
	}
	if ties > len(sentences)/1000 {
		t.Errorf("%d of %d sentences differ by ties, expected less than one in a thousand", ties, len(sentences))
	}
	t.Logf("%d sentences, %d differ by a tie", len(sentences), ties)
}

func newTokenizer(tb testing.TB, o Options) *Tokenizer {
	tb.Helper()
	t, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}
