package tokenizer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/internal/treebank"
)

// goldSentences returns the test part of the treebank that the models have not seen.
func goldSentences(t *testing.T) []treebank.Sentence {
	t.Helper()
	sentences, err := treebank.ReadFile(filepath.Join(testutil.Shared(t, "data/ud-zh-gsdsimp"), "zh_gsdsimp-ud-test.conllu"))
	if err != nil {
		t.Fatal(err)
	}
	return sentences
}

// TestPerceptronF1 holds the mode to what statistical tools trained on a standard
// reach on it.
func TestPerceptronF1(t *testing.T) {
	sentences := goldSentences(t)
	for _, tt := range []struct {
		mode  Mode
		floor float64
	}{{Perceptron, 0.95}, {Viterbi, 0.75}} {
		tok, err := New(Options{Mode: tt.mode})
		if err != nil {
			t.Fatal(err)
		}
		var gold, words, right int
		for _, s := range sentences {
			text := s.Text()
			ends := map[[2]int]bool{}
			at := 0
			for _, w := range s {
				at += strings.Index(text[at:], w.Form)
				ends[[2]int{at, at + len(w.Form)}] = true
				at += len(w.Form)
			}
			gold += len(s)
			for _, token := range tok.Tokenize(nil, text) {
				if !token.Primary() || token.Kind == Space {
					continue
				}
				words++
				if ends[[2]int{token.Start, token.End}] {
					right++
				}
			}
		}
		f1 := 2 * float64(right) / float64(gold+words)
		t.Logf("%v: F1 %.4f", tt.mode, f1)
		if f1 < tt.floor {
			t.Errorf("%v: F1 %.4f, less than %.2f", tt.mode, f1, tt.floor)
		}
	}
}

// TestUPOSAccuracy judges tags of words that are cut as the standard has them.
func TestUPOSAccuracy(t *testing.T) {
	tok, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all, right, mapped int
	for _, s := range goldSentences(t) {
		tokens := make([]Token, len(s))
		for i, w := range s {
			tokens[i] = tok.TokenOf(Fold(w.Form))
		}
		for i, got := range tok.UPOS(nil, tokens) {
			all++
			if got.String() == s[i].UPOS {
				right++
			}
			if tokens[i].POS.Universal().String() == s[i].UPOS {
				mapped++
			}
		}
	}
	accuracy := float64(right) / float64(all)
	t.Logf("accuracy %.4f, of the dictionary's tags mapped %.4f", accuracy, float64(mapped)/float64(all))
	if accuracy < 0.9 {
		t.Errorf("accuracy %.4f, less than 0.9", accuracy)
	}
}
