package tokenizer

import "testing"

// batches returns the shared documents in batches of about a megabyte.
func batches(tb testing.TB, set string) (out [][]string, bytes int) {
	var batch []string
	size := 0
	for _, text := range sharedTexts(tb, set) {
		batch = append(batch, text)
		size += len(text)
		bytes += len(text)
		if size >= 1<<20 {
			out = append(out, batch)
			batch, size = nil, 0
		}
	}
	return append(out, batch), bytes
}

func benchBatch(b *testing.B, set string, mode Mode) {
	texts, bytes := batches(b, set)
	b.SetBytes(int64(bytes))
	for b.Loop() {
		t := newTokenizer(b, Options{Mode: mode}) // nothing known from the last round
		for _, batch := range texts {
			t.Batch(batch)
		}
	}
}

func BenchmarkBatch_Chinese(b *testing.B)    { benchBatch(b, "cmrc2018-dev", Viterbi) }
func BenchmarkBatch_English(b *testing.B)    { benchBatch(b, "xquad-en", Viterbi) }
func BenchmarkBatch_Search(b *testing.B)     { benchBatch(b, "cmrc2018-dev", Search) }
func BenchmarkBatch_BiMM(b *testing.B)       { benchBatch(b, "cmrc2018-dev", BiMM) }
func BenchmarkBatch_HMM(b *testing.B)        { benchBatch(b, "cmrc2018-dev", HMM) }
func BenchmarkBatch_Perceptron(b *testing.B) { benchBatch(b, "cmrc2018-dev", Perceptron) }

func benchQuery(b *testing.B, text string) {
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			newTokenizer(b, Options{}).Tokenize(nil, text)
		}
	})
	b.Run("warm", func(b *testing.B) {
		t := newTokenizer(b, Options{})
		var dst []Token
		for b.Loop() {
			dst = t.Tokenize(dst[:0], text)
		}
	})
}

// A query without ambiguity never reaches gse, the second one does.
func BenchmarkQuery_Plain(b *testing.B) { benchQuery(b, "如何提高编程技能") }
func BenchmarkQuery_Ambiguous(b *testing.B) {
	benchQuery(b, "研究生命的起源和中华人民共和国")
}

func BenchmarkFold_Unchanged(b *testing.B) {
	texts := sharedTexts(b, "cmrc2018-dev")
	bytes := 0
	for _, text := range texts {
		bytes += len(text)
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		for _, text := range texts {
			FoldMap(text)
		}
	}
}

// BenchmarkDictionary looks up all words that start at each character.
func BenchmarkDictionary(b *testing.B) {
	t := newTokenizer(b, Options{})
	var runs []string
	for _, text := range sharedTexts(b, "cmrc2018-dev") {
		runs = append(runs, hanRuns(Fold(text))...)
	}
	chars := 0
	for b.Loop() {
		var r run
		chars = 0
		for _, text := range runs {
			r.set(t, text)
			r.find(t)
			chars += len(r.codes)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(chars), "ns/position")
}

func BenchmarkUPOS(b *testing.B) {
	t := newTokenizer(b, Options{})
	texts, bytes := batches(b, "cmrc2018-dev")
	var all [][]Token
	for _, batch := range texts {
		all = append(all, t.Batch(batch)...)
	}
	b.SetBytes(int64(bytes))
	var dst []UPOS
	for b.Loop() {
		for _, tokens := range all {
			dst = t.UPOS(dst[:0], tokens)
		}
	}
}
