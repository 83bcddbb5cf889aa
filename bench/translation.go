package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tm"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Goals of the alignment error rate, with the embedded vectors and with a model
// of parallel text on top, and of the translation memory.
const (
	maxErrorRate        = 0.29
	maxLearnedErrorRate = 0.22
	maxMemoryMS         = 10.0
	minChangedFirst     = 0.99
	memoryUnits         = 100_000
)

// translated is a pair of texts; cut are its tokens where a treebank has them.
type translated struct {
	En, Zh string
	EnCut  []string `json:"en_tokens"`
	ZhCut  []string `json:"zh_tokens"`
}

// parallelText reads the pairs of a file of JSON Lines.
func (b *bench) parallelText(names ...string) ([]translated, error) {
	var out []translated
	for _, name := range names {
		file, err := os.Open(filepath.Join(b.shared, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var t translated
			if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
			}
			out = append(out, t)
		}
		if err := errors.Join(lines.Err(), file.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// linkedPair is a sentence pair of testdata/align.
type linkedPair struct {
	source, target align.Text
	gold           align.Gold
}

func linkedPairs(tok *tokenizer.Tokenizer, name string) ([]linkedPair, error) {
	var columns [3][]string
	for i, end := range []string{".en", ".zh", ".gold"} {
		data, err := os.ReadFile(filepath.Join("testdata", "align", name+end))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, hinted{err, "run it in the root of the checkout"}
		}
		if err != nil {
			return nil, err
		}
		columns[i] = strings.Split(strings.TrimSpace(string(data)), "\n")
	}
	var out []linkedPair
	for i, links := range columns[2] {
		gold, err := align.ParseLinks(links)
		if err != nil {
			return nil, err
		}
		out = append(out, linkedPair{align.Split(tok, columns[0][i]), align.Split(tok, columns[1][i]), gold})
	}
	return out, nil
}

// measureAlignment judges every method by the pairs that were linked by hand.
func measureAlignment(ctx context.Context, b *bench) error {
	table0, err := encoder.Default()
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return err
	}
	texts, err := b.parallelText("pud-en-zh/pairs.jsonl", "xquad-parallel/sentences.jsonl", "xquad-parallel/questions.jsonl", "xquad-parallel/paragraphs.jsonl")
	if err != nil {
		return err
	}
	began := processTime()
	model, err := align.Train(ctx, table0, func(yield func(align.Pair, error) bool) {
		for _, t := range texts {
			p := align.Pair{Source: align.Cut(tok, t.En), Target: align.Cut(tok, t.Zh)}
			if t.EnCut != nil {
				p = align.Pair{Source: align.Split(tok, strings.Join(t.EnCut, " ")), Target: align.Split(tok, strings.Join(t.ZhCut, " "))}
			}
			if !yield(p, nil) {
				return
			}
		}
	}, nil)
	if err != nil {
		return err
	}
	learned := processTime() - began
	t := table{
		Part: "align", Title: "Words of English and Chinese that stand for each other",
		Head: []string{"pairs", "vectors", "method", "distortion", "precision, %", "recall, %", "F1, %", "AER"},
		Note: fmt.Sprintf("Sentence pairs of PUD, linked by hand (testdata/align): test is reported, dev was for choosing. "+
			"Learned: on top of the vectors, from the %d pairs of PUD and XQuAD of at most 120 tokens, in %s s of processor time; the pairs of test and dev are among them, their links are not.",
			model.Pairs(), number(learned.Seconds())),
	}
	vectors := align.StaticVectors(table0)
	for _, set := range []string{"test", "dev"} {
		pairs, err := linkedPairs(tok, set)
		if err != nil {
			return err
		}
		for _, m := range []*align.Model{nil, model} {
			for _, o := range []align.Options{
				{}, {Method: align.Mutual}, {Method: align.Assignment}, {Method: align.Grow}, {Method: align.Posterior},
				{Distortion: align.Diagonal}, {Distortion: align.Anywhere},
			} {
				o.Model = m
				a, err := align.New(vectors, &o)
				if err != nil {
					return err
				}
				var q align.Quality
				for _, p := range pairs {
					al, err := a.Align(ctx, p.source, p.target)
					if err != nil {
						return err
					}
					q.Add(p.gold, al.Links)
				}
				what := "embedded"
				if m != nil {
					what = "learned"
				}
				t.Rows = append(t.Rows, []string{set, what, o.Method.String(), o.Distortion.String(), percent(q.Precision()), percent(q.Recall()), percent(q.F1()), number(q.AER())})
				if set != "test" || o.Method != 0 || o.Distortion != 0 {
					continue
				}
				on := fmt.Sprintf("%d pairs of PUD linked by hand", q.Pairs)
				if m == nil {
					b.report.atMost("align", "alignment error rate, embedded vectors", maxErrorRate, "", exactly(rounded(q.AER())), on)
				} else {
					b.report.atMost("align", "alignment error rate, learned from parallel text on top", maxLearnedErrorRate, "", exactly(rounded(q.AER())), on)
				}
			}
		}
	}
	b.report.table(t)
	return nil
}

// rounded returns v with four digits behind the point.
func rounded(v float64) float64 { return float64(int(v*1e4+0.5)) / 1e4 }

// measureMemory times fuzzy matches in a large translation memory and counts how
// often a changed sentence finds its unit first.
func measureMemory(ctx context.Context, b *bench) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	texts, err := b.parallelText("xquad-parallel/sentences.jsonl", "pud-en-zh/pairs.jsonl", "xquad-parallel/questions.jsonl")
	if err != nil {
		return err
	}
	sentences, err := b.parallelText("xquad-parallel/sentences.jsonl")
	if err != nil {
		return err
	}
	for _, zh := range []bool{false, true} {
		if err := b.measureChanged(ctx, sentences, zh); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	units := make([][2]string, memoryUnits)
	for i := range units {
		if i < len(texts) {
			units[i] = [2]string{texts[i].En, texts[i].Zh}
			continue
		}
		units[i] = spliced(r, &texts[r.IntN(len(texts))], &texts[r.IntN(len(texts))])
	}
	db, memory, err := b.memoryOf(ctx, "units", units)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	queries := make([]string, b.queries)
	for i := range queries {
		queries[i] = changed(r, tok, units[r.IntN(len(units))][0], units[r.IntN(len(units))][0])
	}
	var values []float64
	for run := range b.runs + 1 {
		var l latencies
		for _, q := range queries {
			began := time.Now()
			if _, err := memory.Search(ctx, q, &tm.SearchOptions{From: "en"}); err != nil {
				return errors.Join(err, db.Close())
			}
			l.add(time.Since(began))
		}
		if run > 0 { // the first warms up
			values = append(values, l.at(0.95))
		}
	}
	b.report.atMost("memory", "fuzzy match in a translation memory, one core, p95", maxMemoryMS, "ms", spreadOf(values),
		fmt.Sprintf("%d units made of halves of sentences of XQuAD and PUD, %d sentences with a word changed", memoryUnits, len(queries)))
	return db.Close()
}

// measureChanged counts how many sentences with a word changed find their unit
// first.
func (b *bench) measureChanged(ctx context.Context, sentences []translated, zh bool) error {
	units, side, lang := make([][2]string, len(sentences)), 0, "en"
	if zh {
		side, lang = 1, "zh"
	}
	for i, s := range sentences {
		units[i] = [2]string{s.En, s.Zh}
	}
	db, memory, err := b.memoryOf(ctx, "changed-"+lang, units)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	r := rand.New(rand.NewPCG(2, 2))
	first := 0
	for i := range units {
		text := changed(r, tok, units[i][side], units[r.IntN(len(units))][side])
		found, err := memory.Search(ctx, text, &tm.SearchOptions{K: 1, Min: -1, From: lang})
		if err != nil {
			return errors.Join(err, db.Close())
		}
		if len(found) > 0 && strings.Join(strings.Fields(found[0].Source.Text), " ") == strings.Join(strings.Fields(units[i][side]), " ") {
			first++
		}
	}
	b.report.atLeast("memory", "a sentence with a word changed finds its unit first, "+lang, minChangedFirst, "",
		exactly(rounded(float64(first)/float64(len(units)))), fmt.Sprintf("%d sentences of xquad-parallel", len(units)))
	return db.Close()
}

// memoryOf returns a translation memory of units.
func (b *bench) memoryOf(ctx context.Context, name string, units [][2]string) (*ciyuan.DB, *tm.Memory, error) {
	db, err := ciyuan.Open(filepath.Join(b.dir, "memory-"+name), nil)
	if err != nil {
		return nil, nil, err
	}
	vectors, err := encoder.Default()
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	aligner, err := align.New(align.StaticVectors(vectors), nil)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	memory, err := tm.New(db, aligner)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	var text bytes.Buffer
	for _, u := range units {
		fmt.Fprintf(&text, "%s\t%s\n", strings.Join(strings.Fields(u[0]), " "), strings.Join(strings.Fields(u[1]), " "))
	}
	if _, err := memory.ImportTSV(ctx, name, "en", "zh", &text); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, memory, nil
}

// spliced returns a pair made of the beginning of one and the end of another.
func spliced(r *rand.Rand, a, b *translated) [2]string {
	at, from := r.Float64(), r.Float64()
	cut := func(x, y string) string {
		head, tail := []rune(x), []rune(y)
		return string(head[:int(at*float64(len(head)))]) + string(tail[int(from*float64(len(tail))):])
	}
	return [2]string{cut(a.En, b.En), cut(a.Zh, b.Zh)}
}

// changed returns a text with one word replaced by one of another text.
func changed(r *rand.Rand, tok *tokenizer.Tokenizer, text, other string) string {
	words := func(text string) (out []tokenizer.Token) {
		for _, t := range tok.Tokenize(nil, text) {
			if t.Primary() && t.Kind.Counts() {
				out = append(out, t)
			}
		}
		return out
	}
	a, z := words(text), words(other)
	if len(a) == 0 || len(z) == 0 {
		return text
	}
	x, y := a[r.IntN(len(a))], z[r.IntN(len(z))]
	return text[:x.Start] + other[y.Start:y.End] + text[x.End:]
}
