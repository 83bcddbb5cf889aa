package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/internal/npy"
)

// setWriter writes the three files of a set.
type setWriter struct {
	name              string
	files             []*os.File
	vectors, lengths  *npy.Writer
	ids               *bufio.Writer
	documents, tokens int
}

func newSetWriter(dir, name string) (*setWriter, error) {
	w := &setWriter{name: name}
	for _, suffix := range []string{".vec.npy", ".len.npy", ".ids.txt"} {
		f, err := os.Create(filepath.Join(dir, name+suffix))
		if err != nil {
			return nil, errors.Join(err, w.closeFiles())
		}
		w.files = append(w.files, f)
	}
	var errVectors, errLengths error
	w.vectors, errVectors = npy.NewWriter(w.files[0], npy.Float16, dim)
	w.lengths, errLengths = npy.NewWriter(w.files[1], npy.Int64, 0)
	w.ids = bufio.NewWriter(w.files[2])
	return w, errors.Join(errVectors, errLengths)
}

// add writes a document of len(rows) / dim tokens.
func (w *setWriter) add(id string, rows []float32) error {
	tokens := len(rows) / dim
	w.documents++
	w.tokens += tokens
	if w.documents%1000 == 0 {
		fmt.Fprintf(os.Stderr, "%s: %d documents, %d tokens\n", w.name, w.documents, w.tokens)
	}
	_, err := w.ids.WriteString(id + "\n")
	return errors.Join(err, w.vectors.WriteFloat32(rows), w.lengths.WriteInt64([]int64{int64(tokens)}))
}

func (w *setWriter) close() error {
	fmt.Fprintf(os.Stderr, "%s: %d documents, %d tokens\n", w.name, w.documents, w.tokens)
	return errors.Join(w.vectors.Close(), w.lengths.Close(), w.ids.Flush(), w.closeFiles())
}

func (w *setWriter) closeFiles() error {
	var err error
	for _, f := range w.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// The shape of large.
const (
	largeLength = 80  // tokens a document on average, evenly from half to one and a half times
	runLength   = 20  // tokens of one document in a row, or all that it has
	noise       = 0.2 // length of what is added to a vector: a cosine of 0.98 to it
)

// writeLarge makes large, of so many documents, out of medium.
func writeLarge(ctx context.Context, dir string, documents int) (err error) {
	vectors, err := npy.Open(filepath.Join(dir, "medium.vec.npy"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vectors.Close()) }()
	lengths, err := npy.Open(filepath.Join(dir, "medium.len.npy"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lengths.Close()) }()
	starts := []int{0}
	for i := range lengths.Len() {
		starts = append(starts, starts[i]+int(lengths.Int64(i)))
	}
	w, err := newSetWriter(dir, "large")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := rand.New(rand.NewPCG(1, 1))
	var rows []float32
	for n := range documents {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows = rows[:0]
		for want := largeLength/2 + r.IntN(largeLength+1); len(rows) < want*dim; {
			d := r.IntN(lengths.Len())
			from, to := starts[d], starts[d+1]
			run := min(runLength, to-from, want-len(rows)/dim)
			from += r.IntN(to - from - run + 1)
			rows = vectors.AppendFloat32(rows, from*dim, (from+run)*dim)
		}
		for row := rows; len(row) > 0; row = row[dim:] {
			for i := range row[:dim] {
				row[i] += float32(r.NormFloat64() * noise / math.Sqrt(dim))
			}
			unit(row[:dim])
		}
		if err := w.add(fmt.Sprintf("large/%d", n), rows); err != nil {
			return err
		}
	}
	return nil
}

// unit makes a vector of length 1.
func unit(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	f := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * f)
	}
}

// writeQrels writes the judgements of the questions that are asked.
func writeQrels(path string, queries []text, all eval.Qrels) error {
	asked := eval.Qrels{}
	for _, q := range queries {
		asked[q.id] = all[q.id]
	}
	var b strings.Builder
	if err := eval.WriteQrels(&b, asked); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
