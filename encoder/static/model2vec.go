package static

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/internal/modelcard"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// Model2Vec is a folder of Model2Vec or of a StaticEmbedding of
// sentence-transformers: a vector for each piece of a sub-word tokenizer
// (model.safetensors, tokenizer.json).
//
// Its Rows are the pieces that stand for a whole word: those that the tokenizer
// makes of their own text and that are not marked as the continuation of a word.
// A piece's weight, where the model has weights, only stretches its row.
//
// A Model2Vec is safe for concurrent use until it is closed.
type Model2Vec struct {
	file      *safetensors.File
	tokenizer *subword.Tokenizer
	info      Info
	values    []float32 // rows of floats, or
	levels    []byte    // of int8s
	mapping   []int64   // row of each piece; nil: the row with its id
	weights   []float32 // of each piece; nil: 1
	pieces    int
	unknown   map[uint32]bool // ids that count as no piece at all
}

// openModel2Vec opens a folder.
func openModel2Vec(dir string) (*Model2Vec, error) {
	card := dir
	if nested := filepath.Join(dir, "0_StaticEmbedding"); isDir(nested) {
		dir = nested
	}
	t, err := subword.Open(dir)
	if err != nil {
		return nil, err
	}
	file, err := safetensors.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	m, err := newModel2Vec(file, t)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	m.info.License = cmp.Or(modelcard.License(card), file.Metadata()["license"])
	return m, nil
}

// newModel2Vec checks that the weights fit the tokenizer. Closing the result
// closes file.
func newModel2Vec(file *safetensors.File, t *subword.Tokenizer) (*Model2Vec, error) {
	m := &Model2Vec{file: file, tokenizer: t, unknown: map[uint32]bool{}}
	return m, m.read()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// read finds the tensors and checks that they fit together.
func (m *Model2Vec) read() error {
	vectors, ok := m.file.Tensor("embeddings")
	if !ok {
		vectors, ok = m.file.Tensor("embedding.weight")
	}
	if !ok {
		return fmt.Errorf("%w: neither a tensor embeddings nor embedding.weight among %q", ErrFormat, m.file.Names())
	}
	if len(vectors.Shape) != 2 || vectors.Shape[1] < 1 || vectors.Shape[1] > maxDim {
		return fmt.Errorf("%w: tensor %s of shape %v", ErrDimension, vectors.Name, vectors.Shape)
	}
	var err error
	if vectors.DType == safetensors.I8 {
		m.levels = vectors.Bytes()
	} else if m.values, err = vectors.Float32(); err != nil {
		return err
	}
	rows := vectors.Shape[0]
	m.pieces = m.tokenizer.Len()
	m.info = Info{Kind: Model2VecFolder, Dim: vectors.Shape[1], Rows: -1, Charset: charsetUTF8}
	if err := m.readMapping(rows); err != nil {
		return err
	}
	if weights, ok := m.file.Tensor("weights"); ok {
		if m.weights, err = weights.Float32(); err != nil {
			return err
		}
		if len(m.weights) < m.pieces {
			return fmt.Errorf("%w: %d weights for %d pieces", ErrDimension, len(m.weights), m.pieces)
		}
		if i := notFinite(m.weights); i >= 0 {
			return fmt.Errorf("%w: weight %d is %v", ErrNotFinite, i, m.weights[i])
		}
	}
	for _, piece := range []string{"[UNK]", "<unk>", "<UNK>"} {
		if id, ok := m.tokenizer.ID(piece); ok {
			m.unknown[id] = true
		}
	}
	return nil
}

// readMapping reads the tensor that says which row a piece has.
func (m *Model2Vec) readMapping(rows int) error {
	mapping, ok := m.file.Tensor("mapping")
	if !ok {
		if m.pieces != rows {
			return fmt.Errorf("%w: %d vectors for %d pieces", ErrDimension, rows, m.pieces)
		}
		return nil
	}
	size := mapping.DType.Bytes()
	if mapping.DType != safetensors.I64 && mapping.DType != safetensors.I32 || mapping.Len() < m.pieces {
		return fmt.Errorf("%w: mapping of %d %v for %d pieces", ErrFormat, mapping.Len(), mapping.DType, m.pieces)
	}
	m.mapping = make([]int64, mapping.Len())
	for i := range m.mapping {
		b := mapping.Bytes()[i*size:]
		if size == 8 {
			m.mapping[i] = int64(binary.LittleEndian.Uint64(b))
		} else {
			m.mapping[i] = int64(int32(binary.LittleEndian.Uint32(b)))
		}
		if row := m.mapping[i]; row < 0 || row >= int64(rows) {
			return fmt.Errorf("%w: piece %d has row %d of %d", ErrFormat, i, row, rows)
		}
	}
	return nil
}

// Info says what the folder is.
func (m *Model2Vec) Info() Info { return m.info }

// Skipped is always zero: pieces that are no words are no rows.
func (m *Model2Vec) Skipped() Skipped { return Skipped{} }

// Close lets go of the files.
func (m *Model2Vec) Close() error { return m.file.Close() }

// add adds the vector of a piece to sum.
func (m *Model2Vec) add(sum []float32, id uint32) error {
	row, weight := int(id), float32(1)
	if m.mapping != nil {
		row = int(m.mapping[id])
	}
	if m.weights != nil {
		weight = m.weights[id]
	}
	at := row * len(sum)
	if m.levels != nil {
		for i, b := range m.levels[at : at+len(sum)] {
			sum[i] += float32(int8(b)) * weight
		}
		return nil
	}
	for i, v := range m.values[at : at+len(sum)] {
		sum[i] += v * weight
	}
	if c := notFinite(sum); c >= 0 {
		return fmt.Errorf("%w: column %d of piece %q", ErrNotFinite, c+1, m.tokenizer.Piece(id))
	}
	return nil
}

// Vector appends the vector of a word or text to dst: the mean of the vectors of
// its pieces, as StaticModel.encode has it, without making it unit. ok is false,
// and the vector zero, if no piece is known. The error wraps [ErrNotFinite].
func (m *Model2Vec) Vector(dst []float32, text string) (vector []float32, ok bool, err error) {
	start := len(dst)
	dst = append(dst, make([]float32, m.info.Dim)...)
	sum, n := dst[start:], 0
	for _, token := range m.tokenizer.Tokenize(nil, text) {
		if m.unknown[token.ID] || int(token.ID) >= m.pieces {
			continue
		}
		if err := m.add(sum, token.ID); err != nil {
			return dst, false, err
		}
		n++
	}
	for i := range sum {
		sum[i] /= float32(max(1, n))
	}
	return dst, n > 0, nil
}

// Rows yields the pieces that are whole words, by id.
func (m *Model2Vec) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		vector := make([]float32, m.info.Dim)
		var tokens []subword.Token
		for id := range uint32(m.pieces) {
			word := wholeWord(m.tokenizer.Piece(id))
			if word == "" || m.unknown[id] {
				continue
			}
			tokens = m.tokenizer.Tokenize(tokens[:0], word)
			if len(tokens) != 1 || tokens[0].ID != id {
				continue
			}
			clear(vector)
			if err := m.add(vector, id); err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(Row{Word: word, Vector: vector, at: int(id)}, nil) {
				return
			}
		}
	}
}

func (m *Model2Vec) vectorAt(vector []float32, at int) error {
	clear(vector)
	return m.add(vector, uint32(at))
}

// wholeWord returns the text of a piece that may begin a word, "" for others: a
// continuation in WordPiece's writing, and names in brackets, which are special.
func wholeWord(piece string) string {
	if strings.HasPrefix(piece, "##") && len(piece) > 2 {
		return ""
	}
	for _, mark := range []string{"▁", "Ġ"} {
		if rest, ok := strings.CutPrefix(piece, mark); ok {
			piece = rest
			break
		}
	}
	if len(piece) > 2 && (piece[0] == '[' && piece[len(piece)-1] == ']' || piece[0] == '<' && piece[len(piece)-1] == '>') {
		return ""
	}
	if len(piece) > maxWordBytes {
		return ""
	}
	return piece
}
