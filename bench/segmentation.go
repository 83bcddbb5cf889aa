package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/internal/treebank"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Goals for the mode that was learned on the standard it is judged by, and for
// the Universal parts of speech, judged on words cut by the standard.
const (
	minSegmentationF1 = 0.95
	minUPOS           = 0.90
	minSegmentSpeed   = 3.0 // MB/s
)

// jiebaScript reads lines of text and prints each one's words with their tags.
//
//go:embed jieba.py
var jiebaScript string

// measureSegmentation judges every mode, and jieba if there is one, by the words
// of a treebank.
func measureSegmentation(ctx context.Context, b *bench) error {
	sentences, err := treebank.ReadFile(filepath.Join(b.shared, "ud-zh-gsdsimp", "zh_gsdsimp-ud-test.conllu"))
	if err != nil {
		return err
	}
	gold := make([][]string, len(sentences))
	texts := make([]string, len(sentences))
	for i, s := range sentences {
		texts[i] = s.Text()
		for _, w := range s {
			gold[i] = append(gold[i], strings.ReplaceAll(w.Form, " ", ""))
		}
	}
	builtin, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return err
	}
	known := func(word string) bool { return builtin.Known(tokenizer.Fold(word)) }
	t := table{
		Part: "segmentation", Title: "Words of UD Chinese GSDSimp, test part",
		Head: []string{"mode", "F1, %", "precision, %", "recall, %", "recall of unknown words, %", "MB/s"},
		Note: fmt.Sprintf("%d sentences, rules of the SIGHAN bakeoffs. Unknown words are those in no built-in dictionary, %s. "+
			"perceptron was learned from the other parts of the treebank, so it knows the standard; the other modes do not. "+
			"MB/s: of the texts of cmrc2018-dev by one core.", len(sentences), "names and numbers mostly"),
	}
	row := func(name string, words [][]string, speed string) (*eval.Segmentation, error) {
		var s eval.Segmentation
		for i := range gold {
			if err := s.Add(gold[i], words[i], known); err != nil {
				return nil, fmt.Errorf("%s, sentence %d: %w", name, i+1, err)
			}
		}
		t.Rows = append(t.Rows, []string{name, percent(s.F1()), percent(s.Precision()), percent(s.Recall()), percent(s.UnknownRecall()), speed})
		return &s, nil
	}
	for _, mode := range tokenizer.Modes() {
		tok, err := tokenizer.New(tokenizer.Options{Mode: mode})
		if err != nil {
			return err
		}
		speed, err := b.segmentSpeed(ctx, mode)
		if err != nil {
			return err
		}
		s, err := row(mode.String(), cutAll(tok, texts), fmt.Sprintf("%.1f", speed))
		if err != nil {
			return err
		}
		if mode == tokenizer.Perceptron {
			b.report.atLeast("segmentation", "word F1, mode perceptron", 100*minSegmentationF1, "%", exactly(tenths(100*s.F1())), "UD Chinese GSDSimp, test part")
			b.report.atLeast("segmentation", "cutting, mode perceptron", minSegmentSpeed, "MB/s", exactly(tenths(speed)), "cmrc2018-dev, one core")
		}
	}
	words, tags, err := jieba(ctx, texts)
	if err != nil {
		t.Note += " jieba: " + err.Error() + "."
	} else {
		for _, name := range []string{"plain", "hmm"} {
			if _, err := row("jieba "+name, words[name], "–"); err != nil {
				return err
			}
		}
	}
	b.report.table(t)
	return b.measureUPOS(sentences, gold, words["hmm"], tags)
}

// cutAll returns the words of the texts, without white space.
func cutAll(tok *tokenizer.Tokenizer, texts []string) [][]string {
	out := make([][]string, len(texts))
	for i, tokens := range tok.Batch(texts) {
		for _, t := range tokens {
			if t.Primary() && t.Kind != tokenizer.Space {
				out[i] = append(out[i], texts[i][t.Start:t.End])
			}
		}
	}
	return out
}

// segmentSpeed returns how many MB of Chinese a tokenizer cuts in a second of one core.
func (b *bench) segmentSpeed(ctx context.Context, mode tokenizer.Mode) (float64, error) {
	set, err := b.set(testSets[0])
	if err != nil {
		return 0, err
	}
	var texts []string
	size := 0
	for _, d := range set.Documents {
		texts = append(texts, d.Text)
		size += len(d.Text)
	}
	best := time.Duration(0)
	for range 3 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		tok, err := tokenizer.New(tokenizer.Options{Mode: mode})
		if err != nil {
			return 0, err
		}
		begin := time.Now()
		tok.Batch(texts)
		if took := time.Since(begin); best == 0 || took < best {
			best = took
		}
	}
	return float64(size) / 1e6 / best.Seconds(), nil
}

// measureUPOS judges the Universal parts of speech, on words cut by the standard
// and, for the comparison with jieba, on those that jieba cuts as the standard does.
func (b *bench) measureUPOS(sentences []treebank.Sentence, gold, cut [][]string, tags [][]string) error {
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return err
	}
	var all, right, mapped int
	var shared, ours, theirs int
	for i, s := range sentences {
		tokens := make([]tokenizer.Token, len(s))
		for k, w := range s {
			tokens[k] = tok.TokenOf(tokenizer.Fold(w.Form))
		}
		var overlap []int
		if cut != nil {
			if overlap, err = eval.Overlap(gold[i], cut[i]); err != nil {
				return err
			}
		}
		for k, got := range tok.UPOS(nil, tokens) {
			all++
			hit := got.String() == s[k].UPOS
			if hit {
				right++
			}
			if tokens[k].POS.Universal().String() == s[k].UPOS {
				mapped++
			}
			if overlap == nil || overlap[k] < 0 {
				continue
			}
			shared++
			if hit {
				ours++
			}
			pos, _ := tokenizer.ParsePOS(tags[i][overlap[k]])
			if tokens[k].Kind == tokenizer.Punct {
				pos = tokenizer.W
			}
			if pos.Universal().String() == s[k].UPOS {
				theirs++
			}
		}
	}
	ratio := func(n, of int) string { return percent(float64(n) / float64(max(of, 1))) }
	t := table{
		Part: "segmentation", Title: "Universal parts of speech, UD Chinese GSDSimp, test part",
		Head: []string{"tags", "words", "right, %"},
		Rows: [][]string{
			{"UPOS in the sentence", fmt.Sprint(all), ratio(right, all)},
			{"the dictionary's tags, mapped", fmt.Sprint(all), ratio(mapped, all)},
		},
		Note: "Words are cut by the standard; in the last two rows they are those that jieba cuts like it.",
	}
	if shared > 0 {
		t.Rows = append(t.Rows,
			[]string{"UPOS in the sentence", fmt.Sprint(shared), ratio(ours, shared)},
			[]string{"jieba's tags, mapped", fmt.Sprint(shared), ratio(theirs, shared)})
	}
	b.report.table(t)
	b.report.atLeast("segmentation", "Universal parts of speech", 100*minUPOS, "%", exactly(tenths(100*float64(right)/float64(all))), "words cut by the standard")
	return nil
}

// tenths rounds to one decimal.
func tenths(v float64) float64 { return math.Round(10*v) / 10 }

// errNoJieba says that there is no jieba to compare with.
var errNoJieba = errors.New("not measured, python3 has no module jieba (CIYUAN_PYTHON names another python)")

// jieba returns the words of the texts, without and with its hidden Markov model,
// and the tags of the latter.
func jieba(ctx context.Context, texts []string) (words map[string][][]string, tags [][]string, err error) {
	python := os.Getenv("CIYUAN_PYTHON")
	if python == "" {
		python = "python3"
	}
	cmd := exec.CommandContext(ctx, python, "-c", jiebaScript)
	cmd.Stdin = strings.NewReader(strings.Join(texts, "\n"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(stderr.String(), "ModuleNotFoundError") || errors.Is(err, exec.ErrNotFound) {
			return nil, nil, errNoJieba
		}
		return nil, nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	words = map[string][][]string{}
	lines := json.NewDecoder(bytes.NewReader(out))
	for range texts {
		var line struct{ Plain, HMM, Tags []string }
		if err := lines.Decode(&line); err != nil {
			return nil, nil, err
		}
		words["plain"] = append(words["plain"], line.Plain)
		words["hmm"] = append(words["hmm"], line.HMM)
		tags = append(tags, line.Tags)
	}
	return words, tags, nil
}
