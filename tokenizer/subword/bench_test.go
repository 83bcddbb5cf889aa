package subword

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func BenchmarkTokenize(b *testing.B) {
	for _, name := range []string{"bert", "roberta", "xlm-roberta", "xlm-roberta-sharded"} {
		b.Run(name, func(b *testing.B) {
			tok, err := Open(testutil.Shared(b, filepath.Join("models/tiny", name)))
			if err != nil {
				b.Fatal(err)
			}
			texts := slices.Collect(maps.Values(corpus(b)))
			slices.Sort(texts)
			var tokens []Token
			n := 0
			for b.Loop() {
				n = 0
				for _, text := range texts {
					tokens = tok.Tokenize(tokens[:0], text)
					n += len(tokens)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkParse loads a vocabulary of the size of XLM-RoBERTa's.
func BenchmarkParse(b *testing.B) {
	const pieces = 250_000
	vocab := make([][2]any, pieces)
	for i := range vocab {
		// As long on average as the real pieces, half of them Chinese.
		s := fmt.Sprintf("▁%x", i*2654435761%(1<<24))
		if i%2 == 1 {
			s = string([]rune{rune(0x4e00 + i*7919%20000), rune(0x4e00 + i*104729%20000)})
		}
		vocab[i] = [2]any{s, -float64(i) / 1e4}
	}
	data, err := json.Marshal(map[string]any{"model": map[string]any{"type": "Unigram", "unk_id": 0, "vocab": vocab}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
