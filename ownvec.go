package ciyuan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Names in Meta.Options of an index that holds the vectors of its words itself,
// because its encoder has no table: that it does, and the similarity of unrelated
// words and the least one of a neighbour, which were measured when it was made.
const (
	optionVectors    = "vectors"
	optionBackground = "background"
	optionLeast      = "least"

	vectorsOwn = "own"
)

// ownBits is the width of the rows that an index holds itself; at 8 bits nothing
// measurable is lost.
const ownBits = scoring.Bits8

// maxOwnDim bounds the vectors that an index holds, so that those of a block of words
// have their place in one value.
const maxOwnDim = 4096

// sampleWords are asked for when an index is made, to measure how similar the vectors
// of words are that have nothing to do with each other.
var sampleWords = []string{
	"苹果", "政府", "昨天", "红色", "快速", "数学", "河流", "音乐", "战争", "医生", "睡觉", "合同", "桌子", "细胞", "愤怒", "足球",
	"出口", "古代", "软件", "母亲", "温度", "旅行", "法院", "面包", "星球", "教育", "螺丝", "沉默", "北京", "投资", "颜料", "蚂蚁",
	"apple", "government", "yesterday", "purple", "quickly", "theorem", "river", "violin", "treaty", "nurse", "asleep", "invoice",
	"carpet", "enzyme", "jealous", "goalkeeper", "harbour", "medieval", "compiler", "uncle", "humidity", "luggage", "verdict",
	"butter", "comet", "kindergarten", "hinge", "silence", "texas", "dividend", "paint", "beetle",
}

// ownVectors stands for the encoder of an index that holds the vectors of its words.
type ownVectors struct {
	source  encoder.Words // asked for the vectors of new words; may be nil
	checked atomic.Bool   // whether the source was seen to give the vectors that the index has
}

// newOwn asks the source for a sample and returns the settings of a new index.
func newOwn(ctx context.Context, source encoder.Words) (*store.Meta, error) {
	vectors, err := source.Vectors(ctx, sampleWords)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(sampleWords) {
		return nil, fmt.Errorf("ciyuan: %s gave %d vectors for %d words", source.Name(), len(vectors), len(sampleWords))
	}
	var sample [][]float32
	dim := 0
	for i := range vectors {
		if vectors[i] == nil {
			continue
		}
		if dim == 0 {
			dim = len(vectors[i])
		}
		if unit(vectors[i]) && len(vectors[i]) == dim {
			sample = append(sample, vectors[i])
		}
	}
	switch {
	case len(sample) < len(sampleWords)/2:
		return nil, fmt.Errorf("ciyuan: %s has vectors of one dimension for only %d of %d common words", source.Name(), len(sample), len(sampleWords))
	case dim > maxOwnDim:
		return nil, fmt.Errorf("%w: vectors of %d dimensions, an index holds those of %d and fewer", ErrOption, dim, maxOwnDim)
	}
	p := encoder.MeasureParams(sample, len(sample)-1)
	m := &store.Meta{Encoder: source.Name(), EncoderFingerprint: source.Fingerprint(), Dim: uint32(dim)}
	setOption(m, optionVectors, vectorsOwn)
	setOption(m, optionBackground, strconv.FormatFloat(float64(p.Background), 'g', -1, 32))
	setOption(m, optionLeast, strconv.FormatFloat(float64(p.MinSim), 'g', -1, 32))
	return m, nil
}

// ownTable returns a table of words for an index that holds its vectors, which is how a
// query's words, or none, get to be used like those of any other encoder. vectors[i],
// of length 1, belongs to words[i]; where it is nil the word is left out.
func ownTable(m *store.Meta, words []string, vectors [][]float32) (*encoder.Table, error) {
	p := scoring.DefaultParams()
	for name, to := range map[string]*float32{optionBackground: &p.Background, optionLeast: &p.MinSim} {
		v, err := strconv.ParseFloat(option(m, name), 32)
		if err != nil {
			return nil, fmt.Errorf("%w: option %s is %q", ErrCorrupt, name, option(m, name))
		}
		*to = float32(v)
	}
	table, err := tableOf(int(m.Dim), p, words, vectors)
	if errors.Is(err, encoder.ErrTable) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return table, err
}

// tableOf returns a table of words with the given vectors, of length 1 or nil. The
// words' priors are those of the embedded table, which speak of language alone.
func tableOf(dim int, p scoring.Params, words []string, vectors [][]float32) (*encoder.Table, error) {
	b, err := encoder.NewBuilder("", dim, scoring.Bits16, p)
	if err != nil {
		return nil, err
	}
	general, err := encoder.Default()
	if err != nil && !errors.Is(err, encoder.ErrNoDefault) {
		return nil, err
	}
	for i, word := range words {
		if vectors[i] == nil {
			continue
		}
		prior := p.PriorCap
		if general != nil {
			if row, ok := general.Row(word); ok {
				prior = general.Prior(row)
			}
		}
		if err := b.Add(word, prior, vectors[i]); err != nil && !errors.Is(err, encoder.ErrEntry) {
			return nil, err
		}
	}
	var data bytes.Buffer
	if _, err := b.WriteTo(&data); err != nil {
		return nil, err
	}
	return encoder.NewTable(data.Bytes())
}

// unit makes a vector one of length 1 and reports whether it could.
func unit(v []float32) bool {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if !(square > 0) || math.IsInf(square, 0) {
		return false
	}
	length := math.Sqrt(square)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	return true
}

// leastAgreement is the cosine that the vector of a word must have with the one that
// the index holds, which is rounded; a server's arithmetic is not always the same in
// the last digits.
const leastAgreement = 0.98

// ask returns the unit vectors of distinct words, nil for a word without one. The first
// time it also asks for a word that the index has: a server may have changed its model
// behind the same name.
func (db *DB) ask(ctx context.Context, words []string) ([][]float32, error) {
	source := db.own.source
	if source == nil {
		return nil, fmt.Errorf("%w: it has the vectors of %s (%.12s), and words that are new to it need that encoder",
			ErrModelMismatch, db.ownMeta.Encoder, db.ownMeta.EncoderFingerprint)
	}
	known, vector, err := "", []float32(nil), error(nil)
	if !db.own.checked.Load() {
		if known, vector, err = db.knownVector(); err != nil {
			return nil, err
		}
		if known != "" {
			words = append(words[:len(words):len(words)], known)
		}
	}
	vectors, err := source.Vectors(ctx, words)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(words) {
		return nil, fmt.Errorf("ciyuan: %s gave %d vectors for %d words", source.Name(), len(vectors), len(words))
	}
	for i, v := range vectors {
		switch {
		case v == nil:
		case len(v) != int(db.ownMeta.Dim):
			return nil, fmt.Errorf("%w: %s gave a vector of %d dimensions, the index has %d", ErrModelMismatch, source.Name(), len(v), db.ownMeta.Dim)
		case !unit(v):
			vectors[i] = nil
		}
	}
	if known != "" {
		last := len(vectors) - 1
		if z := dot(vectors[last], vector); z < leastAgreement {
			return nil, fmt.Errorf("%w: %s now gives another vector for %q than when the index was made (cosine %.2f)",
				ErrModelMismatch, source.Name(), known, z)
		}
		vectors = vectors[:last]
	}
	db.own.checked.Store(true)
	return vectors, nil
}

// dot returns the dot product, 0 if a vector is missing.
func dot(a, b []float32) (sum float64) {
	for i := range min(len(a), len(b)) {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// knownVector returns a word of the index and its vector, "" if none of the first ones
// has any.
func (db *DB) knownVector() (word string, vector []float32, err error) {
	err = db.view(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		refs := tx.RefReader()
		for code := range min(m.NextCode, 256) {
			ref, err := refs.Ref(nil, code)
			if err != nil {
				return err
			}
			if vector, err = ownVector(ref, int(m.Dim)); err != nil || vector == nil {
				if err != nil {
					return err
				}
				continue
			}
			text, err := tx.WordReader().Word(code)
			word = string(text)
			return err
		}
		return nil
	})
	return word, vector, err
}

// ownRow returns the packed row of a ref, nil if it has none.
func ownRow(ref store.Ref, dim int) ([]byte, error) {
	if !ref.Has {
		return nil, nil
	}
	if len(ref.Vector) != scoring.RowBytes(dim, ownBits) {
		return nil, fmt.Errorf("%w: bucket refs: a vector of %d bytes at %d dimensions", ErrCorrupt, len(ref.Vector), dim)
	}
	return ref.Vector, nil
}

// ownVector returns the vector of a ref, of length 1, nil if it has none.
func ownVector(ref store.Ref, dim int) ([]float32, error) {
	row, err := ownRow(ref, dim)
	if err != nil || row == nil {
		return nil, err
	}
	rows, err := scoring.NewRows(row, dim, ownBits)
	if err != nil {
		return nil, fmt.Errorf("%w: bucket refs: %w", ErrCorrupt, err)
	}
	v := rows.Vector(nil, 0)
	if !rows.Finite(0) || !unit(v) {
		return nil, fmt.Errorf("%w: bucket refs: a vector that is no direction", ErrCorrupt)
	}
	return v, nil
}

// queryEncoder returns what gives the words of a query their vectors and, for an index
// that holds its vectors and whose encoder is not there to be asked, how many words
// have none for that reason. No transaction is open while a server is asked.
func (db *DB) queryEncoder(ctx context.Context, query string) (encoder.Static, int, error) {
	if db.own == nil || db.noEnc != nil {
		return db.enc, 0, nil
	}
	words := vectorWords(db.tok.Tokenize(nil, query))
	vectors := make([][]float32, len(words))
	var missing []string
	var at []int
	err := db.view(func(tx *store.Tx) error {
		reader, refs := tx.WordReader(), tx.RefReader()
		for i, word := range words {
			code, known, err := reader.Code(word)
			if err != nil {
				return err
			}
			if !known {
				missing, at = append(missing, word), append(at, i)
				continue
			}
			ref, err := refs.Ref(nil, code)
			if err == nil {
				vectors[i], err = ownVector(ref, int(db.ownMeta.Dim))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	unknown := 0
	if len(missing) > 0 && db.own.source == nil {
		unknown = len(missing)
	} else if len(missing) > 0 {
		found, err := db.ask(ctx, missing)
		if err != nil {
			return nil, 0, err
		}
		for i, v := range found {
			vectors[at[i]] = v
		}
	}
	table, err := ownTable(db.ownMeta, words, vectors)
	return table, unknown, err
}

// vectorWords returns the distinct words among toks that can have a vector.
func vectorWords(toks []tokenizer.Token) []string {
	var words []string
	seen := map[string]bool{}
	for i := range toks {
		if t := &toks[i]; t.Kind == tokenizer.Word && !seen[t.Word] {
			seen[t.Word] = true
			words = append(words, t.Word)
		}
	}
	return words
}

// gather asks an encoder for words and returns a table of them.
func gather(ctx context.Context, source encoder.Words, words []string) (*encoder.Table, error) {
	vectors, err := source.Vectors(ctx, words)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(words) {
		return nil, fmt.Errorf("ciyuan: %s gave %d vectors for %d words", source.Name(), len(vectors), len(words))
	}
	dim := 1 // of a table without words
	for i, v := range vectors {
		if v == nil || !unit(v) {
			vectors[i] = nil
		} else {
			dim = len(v)
		}
	}
	return tableOf(dim, scoring.DefaultParams(), words, vectors)
}

// rowTable is what a lexicon needs of an encoder: the rows that refs name.
type rowTable interface {
	Dim() int
	Rows() int
	Query(vec []float32) scoring.Query
	Vector(dst []float32, row uint32) []float32
	ComposedVector(dst []float32, pieces []uint32) []float32
	Shares(dst []float32, pieces []uint32, norm uint16) []float32
	DotMany(q *scoring.Query, rows []uint32, out []float32)
}

// ownRows are the vectors that an index holds, in the blocks of its lexicon: row i is
// the vector number i % refsPerBlock of block i / refsPerBlock.
type ownRows struct {
	lex *lexicon
	dim int
}

func (o *ownRows) Dim() int { return o.dim }

// Len is above every row that a block can name.
func (o *ownRows) Rows() int { return math.MaxInt32 }

func (o *ownRows) Query(vec []float32) scoring.Query { return scoring.NewQuery(vec) }

func (o *ownRows) Vector(dst []float32, row uint32) []float32 {
	if b := o.lex.block(row); b != nil {
		return b.own.Vector(dst, row%refsPerBlock)
	}
	return append(dst, make([]float32, o.dim)...)
}

// ComposedVector is never called: each word has a row of its own.
func (o *ownRows) ComposedVector(dst []float32, pieces []uint32) []float32 {
	return o.Vector(dst, pieces[0])
}

// Shares is never called, as ComposedVector.
func (o *ownRows) Shares(dst []float32, _ []uint32, _ uint16) []float32 { return append(dst, 1) }

func (o *ownRows) DotMany(q *scoring.Query, rows []uint32, out []float32) {
	var local [simRows]uint32
	for len(rows) > 0 {
		block := rows[0] / refsPerBlock
		n := 0
		for n < len(rows) && n < simRows && rows[n]/refsPerBlock == block {
			local[n] = rows[n] % refsPerBlock
			n++
		}
		if b := o.lex.block(block * refsPerBlock); b != nil {
			b.own.DotMany(q, local[:n], out)
		} else {
			clear(out[:n])
		}
		rows, out = rows[n:], out[n:]
	}
}

// ownBlock reads the vectors of n codes from first on into a block.
func ownBlock(tx *store.Tx, b *refBlock, first, n uint32, dim int) error {
	r := tx.RefReader()
	var data []byte
	for i := range n {
		b.first = append(b.first, uint32(len(b.rows)))
		ref, err := r.Ref(nil, store.Code(first+i))
		if err != nil {
			return err
		}
		row, err := ownRow(ref, dim)
		if err != nil {
			return err
		}
		if row != nil {
			b.rows = append(b.rows, first+uint32(len(b.rows)))
			b.shares = append(b.shares, 1)
			data = append(data, row...)
		}
	}
	b.first = append(b.first, uint32(len(b.rows)))
	var err error
	b.own, err = scoring.NewRows(data, dim, ownBits)
	return err
}

// wordVectors returns the vectors of n new words, which word names.
func (w *writer) wordVectors(n int, word func(i int) (string, tokenizer.Kind)) ([]wordVector, error) {
	vectors := make([]wordVector, n)
	if w.db.own == nil {
		for i := range vectors {
			text, kind := word(i)
			vectors[i] = newWordVector(w.db.enc, text, kind)
		}
		return vectors, nil
	}
	var words []string
	var at []int
	for i := range vectors {
		text, kind := word(i)
		if vectors[i].word = text; kind == tokenizer.Word {
			words, at = append(words, text), append(at, i)
		}
	}
	if len(words) == 0 {
		return vectors, nil
	}
	found, err := w.db.ask(w.ctx, words)
	if err != nil {
		return nil, err
	}
	for i, v := range found {
		if v != nil {
			vectors[at[i]].own = scoring.AppendRow(nil, v, ownBits)
		}
	}
	return vectors, nil
}
