// Command trainfile trains word vectors on a file of words separated by spaces,
// a sentence a line, and writes a .vec file: what the fasttext command and a few
// lines of gensim do, for comparing with them (bench/word2vec/compare.py).
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/train"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run() (err error) {
	input := flag.String("input", "", "text: words separated by spaces, a sentence a line")
	output := flag.String("output", "", "the .vec file to write")
	kind := flag.String("type", "word2vec", "word2vec or fasttext")
	var o train.Options
	flag.IntVar(&o.Dim, "dim", 100, "columns")
	flag.IntVar(&o.Window, "window", 5, "largest distance of two words")
	flag.IntVar(&o.MinCount, "min-count", 5, "least number of occurrences")
	flag.IntVar(&o.Negatives, "negatives", 5, "noise words a pair")
	flag.IntVar(&o.Epochs, "epochs", 5, "passes over the text")
	flag.IntVar(&o.Workers, "workers", 1, "goroutines")
	flag.Float64Var(&o.Rate, "rate", 0, "learning rate at the start, 0: the type's default")
	flag.Float64Var(&o.Sample, "sample", 0, "frequency above which words are left out, 0: the type's default")
	flag.Uint64Var(&o.Seed, "seed", 1, "start of the random numbers")
	shortest, longest := flag.Int("minn", 3, "shortest n-gram"), flag.Int("maxn", 6, "longest n-gram")
	buckets := flag.Int("buckets", 2_000_000, "n-gram buckets")
	flag.Parse()
	if *kind == "fasttext" {
		o.Type, o.Grams = train.FastText, encoder.Grams{Min: *shortest, Max: *longest, Buckets: *buckets}
	}

	in, err := os.Open(*input)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	model, err := train.Train(context.Background(), lines(in), o)
	if err != nil {
		return err
	}
	out, err := os.Create(*output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return model.WriteText(out)
}

// lines yields the words of each line of r.
func lines(r io.Reader) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			if words := strings.Fields(line); len(words) > 0 && !yield(words, nil) {
				return
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}
