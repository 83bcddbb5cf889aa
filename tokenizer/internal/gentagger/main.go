// Command gentagger learns the two models of the mode perceptron and of Universal
// parts of speech from a treebank, and writes boundaries.bin.gz and tags.bin.gz:
//
//	go run ./internal/gentagger -dev zh_gsdsimp-ud-dev.conllu -train ...
//
// in the folder of package tokenizer. -dev is the development part of UD Chinese
// GSDSimp (CC BY-SA 4.0), and is learned from too; -train are CoNLL-U files of its
// training part. Those of an earlier edition, whose tags are older, are named with
// -old-dev, its development part: what its tags are called today is learned from
// the words that both development parts have.
//
// The models that are shipped were made from the training part as UD 2.0 had it, in
// simplified characters, and the development part of UD 2.13, with the flags
//
//	-train udc/train.conll -old-dev udc/dev.conll -dev zh_gsdsimp-ud-dev.conllu
//
// The same files give the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/ciyuan-search/ciyuan/internal/treebank"
	"github.com/ciyuan-search/ciyuan/tokenizer"
	"github.com/ciyuan-search/ciyuan/tokenizer/internal/perceptron"
	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

func main() {
	train := flag.String("train", "", "CoNLL-U files, separated by commas")
	oldDev := flag.String("old-dev", "", "development part of the edition of -train, if that is not the one of -dev")
	dev := flag.String("dev", "", "development part, learned from too")
	hold := flag.Bool("hold-dev", false, "do not learn from -dev, to choose features by it")
	epochs := flag.Int("epochs", 8, "how often the examples are gone through")
	flag.Parse()
	if err := run(strings.Split(*train, ","), *oldDev, *dev, *hold, *epochs); err != nil {
		fmt.Fprintln(os.Stderr, "gentagger:", err)
		os.Exit(1)
	}
}

func run(train []string, oldDev, dev string, hold bool, epochs int) error {
	var sentences []treebank.Sentence
	for _, path := range train {
		more, err := treebank.ReadFile(path)
		if err != nil {
			return err
		}
		sentences = append(sentences, more...)
	}
	if dev != "" {
		recent, err := treebank.ReadFile(dev)
		if err != nil {
			return err
		}
		if oldDev != "" {
			old, err := treebank.ReadFile(oldDev)
			if err != nil {
				return err
			}
			renaming := learnRenaming(old, recent)
			for _, s := range sentences {
				renaming.apply(s)
			}
		}
		if !hold {
			sentences = append(sentences, recent...)
		}
	}
	words, err := os.ReadFile("dict.bin")
	if err != nil {
		return err
	}
	dict, err := trie.Open(string(words))
	if err != nil {
		return err
	}
	var cuts []perceptron.CutExample
	var tags []perceptron.TagExample
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return err
	}
	for _, s := range sentences {
		cuts = append(cuts, cutExamples(s, &dict)...)
		tags = append(tags, tagExample(s, tok))
	}
	if err := pack("boundaries.bin.gz", perceptron.TrainBoundaries(cuts, epochs)); err != nil {
		return err
	}
	return pack("tags.bin.gz", perceptron.TrainTags(tags, epochs))
}

// pack writes data compressed.
func pack(name string, data []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

// isHan reports whether the tokenizer leaves the character to the model.
func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// cutExamples returns the runs of Chinese characters of a sentence. The end of a
// run ends a word.
func cutExamples(s treebank.Sentence, dict *trie.Trie) []perceptron.CutExample {
	var chars []rune
	starts := map[int]bool{}
	for _, w := range s {
		starts[len(chars)] = true
		chars = append(chars, []rune(tokenizer.Fold(w.Form))...)
	}
	var out []perceptron.CutExample
	for i := 0; i < len(chars); {
		if !isHan(chars[i]) {
			i++
			continue
		}
		to := i
		for to < len(chars) && isHan(chars[to]) {
			to++
		}
		ex := perceptron.CutExample{Bounds: []int32{0}}
		for k := i - perceptron.Context; k < to+perceptron.Context; k++ {
			var r rune
			if k >= 0 && k < len(chars) {
				r = chars[k]
			}
			ex.Chars = append(ex.Chars, r)
		}
		codes := make([]uint32, to-i)
		for k := range codes {
			codes[k] = dict.Code(chars[i+k])
			if k > 0 && starts[i+k] {
				ex.Bounds = append(ex.Bounds, int32(k))
			}
		}
		ex.Bounds = append(ex.Bounds, int32(len(codes)))
		var found []trie.Match
		for k := range codes {
			found = dict.Words(found, codes, k, 0)
		}
		for _, m := range found {
			ex.Words = append(ex.Words, perceptron.Word{From: m.From, To: m.To, Freq: dict.Freq(m.Node)})
		}
		out = append(out, ex)
		i = to
	}
	return out
}

// tagExample returns the words of a sentence with their tags.
func tagExample(s treebank.Sentence, tok *tokenizer.Tokenizer) (ex perceptron.TagExample) {
	for _, w := range s {
		tag, ok := tokenizer.ParseUPOS(w.UPOS)
		word := tokenizer.Fold(w.Form)
		if !ok || tag == tokenizer.UPOSX || word == "" {
			continue
		}
		ex.Items = append(ex.Items, perceptron.Item{Word: word, Hint: uint8(tok.POS(word))})
		ex.Tags = append(ex.Tags, uint8(tag))
	}
	return ex
}

// renaming tells what the tag of a word of an earlier edition is today, from what
// that edition says of it: most exactly first.
type renaming []map[string]string

// describe returns what an edition says of a word, from much to little.
func describe(w treebank.Word) []string {
	relation, _, _ := strings.Cut(w.Relation, ":")
	return []string{
		w.UPOS + " " + w.XPOS + " " + w.Features + " " + w.Relation + " " + w.Form,
		w.UPOS + " " + w.XPOS + " " + w.Features + " " + w.Relation,
		w.UPOS + " " + w.XPOS + " " + relation,
		w.UPOS + " " + w.XPOS,
		w.UPOS,
	}
}

// enough is how often a description must have been seen to be trusted.
const enough = 3

// learnRenaming compares two editions of the same sentences. Sentences that are
// cut differently are passed over.
func learnRenaming(old, recent []treebank.Sentence) renaming {
	var counts []map[string]map[string]int
	for range describe(treebank.Word{}) {
		counts = append(counts, map[string]map[string]int{})
	}
	for i := range min(len(old), len(recent)) {
		if len(old[i]) != len(recent[i]) {
			continue
		}
		for k, w := range old[i] {
			for level, as := range describe(w) {
				if counts[level][as] == nil {
					counts[level][as] = map[string]int{}
				}
				counts[level][as][recent[i][k].UPOS]++
			}
		}
	}
	var out renaming
	for _, level := range counts {
		best := map[string]string{}
		for as, tags := range level {
			sum, most := 0, ""
			for tag, n := range tags {
				sum += n
				if n > tags[most] || n == tags[most] && tag < most {
					most = tag
				}
			}
			if sum >= enough {
				best[as] = most
			}
		}
		out = append(out, best)
	}
	return out
}

func (r renaming) apply(s treebank.Sentence) {
	for i := range s {
		for level, as := range describe(s[i]) {
			if tag, ok := r[level][as]; ok {
				s[i].UPOS = tag
				break
			}
		}
	}
}
