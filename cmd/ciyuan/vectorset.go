package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/internal/half"
	"github.com/ciyuan-search/ciyuan/internal/npy"
)

// Ends of the names of the files of a set of token vectors.
const (
	vectorsEnd = ".vec.npy"
	lengthsEnd = ".len.npy"
	idsEnd     = ".ids.txt"
	tensorsEnd = ".safetensors"
)

// A vectorSet is token vectors of documents in files, which stay mapped.
type vectorSet struct {
	dim    int
	starts []int    // by document: its first row; one more at the end
	ids    []string // nil: documents are called by their number, from 0
	rows   func(dst []float32, from, to int) []float32
	close  func() error
}

func (s *vectorSet) len() int { return len(s.starts) - 1 }

// total returns the number of rows.
func (s *vectorSet) total() int { return s.starts[s.len()] }

func (s *vectorSet) id(i int) string {
	if s.ids == nil {
		return fmt.Sprint(i)
	}
	return s.ids[i]
}

// cut leaves out the documents behind the first n.
func (s *vectorSet) cut(n int) { s.starts = s.starts[:min(n, s.len())+1] }

// at appends the rows of document i to dst.
func (s *vectorSet) at(dst []float32, i int) []float32 {
	return s.rows(dst, s.starts[i], s.starts[i+1])
}

// documents yields the documents of the set.
func (s *vectorSet) documents(begun *bool, done func()) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		*begun = true
		for i := range s.len() {
			doc := ciyuan.Document{ID: s.id(i), Vectors: &ciyuan.TokenVectors{Dim: s.dim, Vectors: s.at(nil, i)}}
			if !yield(doc, nil) {
				return
			}
			done()
		}
	}
}

// setNames returns the names of the sets in a folder.
func setNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		for _, end := range []string{vectorsEnd, tensorsEnd} {
			if name, ok := strings.CutSuffix(e.Name(), end); ok && name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// openVectorSet opens a set in a folder; without a name the only one there is.
func openVectorSet(dir, name string) (*vectorSet, error) {
	if name == "" {
		names, err := setNames(dir)
		switch {
		case err != nil:
			return nil, err
		case len(names) == 0:
			return nil, withHint(fmt.Errorf("%s: no token vectors", dir), "they are NAME"+vectorsEnd+" and NAME"+lengthsEnd+", or NAME"+tensorsEnd)
		case len(names) > 1:
			return nil, usagef("%s has token vectors of several names: %s", dir, strings.Join(names, ", ")).hint("choose one with --name")
		}
		name = names[0]
	}
	base := filepath.Join(dir, name)
	s, err := openNPY(base)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(base + tensorsEnd); statErr == nil {
			s, err = openTensors(base + tensorsEnd)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.readIDs(base + idsEnd); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// openNPY opens NAME.vec.npy and NAME.len.npy.
func openNPY(base string) (*vectorSet, error) {
	vectors, err := npy.Open(base + vectorsEnd)
	if err != nil {
		return nil, err
	}
	s := &vectorSet{close: vectors.Close}
	lengths, err := npy.Open(base + lengthsEnd)
	if err == nil {
		s.close = func() error { return errors.Join(vectors.Close(), lengths.Close()) }
		err = s.setMatrix(vectors.Array, base+vectorsEnd)
	}
	if err == nil && (lengths.DType != npy.Int64 || len(lengths.Shape) != 1) {
		err = fmt.Errorf("%s: shape %v of %v, wanted a row of int64", base+lengthsEnd, lengths.Shape, lengths.DType)
	}
	if err == nil {
		err = s.setLengths(base+lengthsEnd, lengths.Len(), lengths.Int64, vectors.Shape[0])
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// setMatrix makes s read the rows of an array.
func (s *vectorSet) setMatrix(a npy.Array, name string) error {
	if len(a.Shape) != 2 || a.DType == npy.Int64 || a.Shape[1] == 0 {
		return fmt.Errorf("%s: shape %v of %v, wanted tokens x dimensions of float16 or float32", name, a.Shape, a.DType)
	}
	s.dim = a.Shape[1]
	s.rows = func(dst []float32, from, to int) []float32 { return a.AppendFloat32(dst, from*s.dim, to*s.dim) }
	return nil
}

// setLengths makes starts of the number of rows of each document, which must be all
// that there are.
func (s *vectorSet) setLengths(name string, n int, length func(i int) int64, rows int) error {
	s.starts = make([]int, 1, n+1)
	for i := range n {
		l := length(i)
		if l < 0 || l > int64(rows-s.starts[i]) {
			return fmt.Errorf("%s: document %d has %d tokens, %d vectors are left", name, i, l, rows-s.starts[i])
		}
		s.starts = append(s.starts, s.starts[i]+int(l))
	}
	if s.total() != rows {
		return fmt.Errorf("%s: %d tokens in all, there are %d vectors", name, s.total(), rows)
	}
	return nil
}

// openTensors opens NAME.safetensors with the tensors "vectors" and "lengths".
func openTensors(path string) (*vectorSet, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, naming(path, err)
	}
	s, err := tensorSet(f)
	if err != nil {
		return nil, errors.Join(naming(path, err), f.Close())
	}
	s.close = f.Close
	return s, nil
}

func tensorSet(f *safetensors.File) (*vectorSet, error) {
	v, ok := f.Tensor("vectors")
	if !ok || len(v.Shape) != 2 || v.Shape[1] == 0 || v.DType != safetensors.F32 && v.DType != safetensors.F16 {
		return nil, fmt.Errorf("no tensor \"vectors\" of tokens x dimensions, F16 or F32")
	}
	l, ok := f.Tensor("lengths")
	if !ok || len(l.Shape) != 1 || l.DType != safetensors.I64 {
		return nil, fmt.Errorf("no tensor \"lengths\" of I64, with the tokens of each document")
	}
	s := &vectorSet{dim: v.Shape[1]}
	s.rows = func(dst []float32, from, to int) []float32 {
		size := v.DType.Bytes()
		for b := v.Bytes()[from*s.dim*size : to*s.dim*size]; len(b) > 0; b = b[size:] {
			if size == 2 {
				dst = append(dst, half.ToFloat32(binary.LittleEndian.Uint16(b)))
			} else {
				dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(b)))
			}
		}
		return dst
	}
	lengths := l.Bytes()
	return s, s.setLengths("lengths", l.Shape[0], func(i int) int64 { return int64(binary.LittleEndian.Uint64(lengths[8*i:])) }, v.Shape[0])
}

// readIDs reads the ids of the documents, a line each, if the file is there.
func (s *vectorSet) readIDs(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer discard(f)
	seen := make(map[string]int, s.len())
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return fmt.Errorf("%s: line %d: %w", path, len(s.ids)+1, err)
			}
			break
		}
		id := lines.Text()
		if at, twice := seen[id]; twice || id == "" {
			return fmt.Errorf("%s: line %d: %s", path, len(s.ids)+1, map[bool]string{true: fmt.Sprintf("the id %q is that of line %d", id, at), false: "an empty id"}[twice])
		}
		s.ids = append(s.ids, id)
		seen[id] = len(s.ids)
	}
	if len(s.ids) != s.len() {
		return fmt.Errorf("%s: %d ids for %d documents", path, len(s.ids), s.len())
	}
	return nil
}
