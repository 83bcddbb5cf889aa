package transformer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/encoder/transformer/internal/kernel"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// lateConfig is what a ColBERT model was trained with: a token that marks a text
// as query or document, lengths, the filling of queries with mask tokens, and
// the tokens of documents that are left out.
//
// Source: Khattab and Zaharia, ColBERT (2020), section 3.2.
type lateConfig struct {
	queryMark, documentMark     uint32
	queryLength, documentLength int // in tokens, everything included
	mask                        uint32
	attendToMask                bool
	skip                        []uint32 // ascending
}

// mark puts the token behind the first one that was put in.
func (l *lateConfig) mark(enc *subword.Encoding, query bool) {
	id := l.documentMark
	if query {
		id = l.queryMark
	}
	at := min(1, len(enc.Tokens))
	enc.Tokens = slices.Insert(enc.Tokens, at, subword.Token{ID: id})
	enc.Sequence = slices.Insert(enc.Sequence, at, -1)
	enc.Types = slices.Insert(enc.Types, at, 0)
}

// openLate finds the ColBERT head of a folder, in PyLate's layout (modules.json
// and a folder for the projection) or in that of the original (linear.weight
// beside the model, artifact.metadata).
func (m *Model) openLate(dir string) error {
	var pylate struct {
		QueryPrefix    *string  `json:"query_prefix"`
		DocumentPrefix *string  `json:"document_prefix"`
		QueryLength    int      `json:"query_length"`
		DocumentLength int      `json:"document_length"`
		Attend         bool     `json:"attend_to_expansion_tokens"`
		Skip           []string `json:"skiplist_words"`
	}
	err := readJSON(dir, "config_sentence_transformers.json", &pylate)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if pylate.QueryPrefix != nil && pylate.DocumentPrefix != nil {
		if err := m.openDense(dir); err != nil || m.weights.projection == nil {
			return err
		}
		return m.setLate(lateNames{
			*pylate.QueryPrefix, *pylate.DocumentPrefix, pylate.QueryLength, pylate.DocumentLength, pylate.Attend, pylate.Skip,
		}, dir)
	}

	t, ok := m.file.Tensor("linear.weight")
	if !ok || len(t.Shape) != 2 || t.Shape[1] != m.config.hidden {
		return nil
	}
	var stanford struct {
		Query           string `json:"query_token_id"`
		Document        string `json:"doc_token_id"`
		QueryLength     int    `json:"query_maxlen"`
		DocumentLength  int    `json:"doc_maxlen"`
		Attend          bool   `json:"attend_to_mask_tokens"`
		MaskPunctuation bool   `json:"mask_punctuation"`
	}
	if err := readJSON(dir, "artifact.metadata", &stanford); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	l := &loader{file: m.file}
	m.weights.projection = l.projection(t)
	if l.err != nil {
		return l.err
	}
	var skip []string
	if stanford.MaskPunctuation {
		for c := '!'; c <= '~'; c++ {
			if strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c) {
				skip = append(skip, string(c))
			}
		}
	}
	return m.setLate(lateNames{
		stanford.Query, stanford.Document, stanford.QueryLength, stanford.DocumentLength, stanford.Attend, skip,
	}, dir)
}

// openDense reads the projection of PyLate's layout, if the folder has one.
func (m *Model) openDense(dir string) error {
	var modules []struct{ Path, Type string }
	if err := readJSON(dir, "modules.json", &modules); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, module := range modules {
		if !strings.HasSuffix(module.Type, ".Dense") {
			continue
		}
		if m.weights.projection != nil {
			return fmt.Errorf("%w: more than one Dense module", ErrUnsupported)
		}
		if !filepath.IsLocal(module.Path) {
			return fmt.Errorf("%w: modules.json names the folder %q outside its own", ErrFormat, module.Path)
		}
		path := filepath.Join(dir, module.Path)
		var dense struct {
			Bias       bool   `json:"bias"`
			Activation string `json:"activation_function"`
			Residual   bool   `json:"use_residual"`
		}
		if err := readJSON(path, "config.json", &dense); err != nil {
			return err
		}
		if dense.Activation != "" && !strings.HasSuffix(dense.Activation, ".Identity") || dense.Residual {
			return fmt.Errorf("%w: Dense module with the activation %q", ErrUnsupported, dense.Activation)
		}
		f, err := safetensors.OpenDir(path)
		if err != nil {
			return err
		}
		m.extra = append(m.extra, f)
		l := &loader{file: f}
		t, ok := f.Tensor("linear.weight")
		if !ok || len(t.Shape) != 2 || t.Shape[1] != m.config.hidden {
			return fmt.Errorf("%w: Dense module without a linear.weight for %d values", ErrFormat, m.config.hidden)
		}
		m.weights.projection = l.projection(t)
		if dense.Bias {
			m.weights.projection.bias = l.finite("linear.bias", t.Shape[0])
		}
		if l.err != nil {
			return l.err
		}
	}
	return nil
}

// projection reads linear.weight, whose tensor is t.
func (l *loader) projection(t safetensors.Tensor) *linear {
	if t.Shape[0] < 1 || t.Shape[0] > maxWidth {
		l.err = fmt.Errorf("%w: tensor %s is %v", ErrFormat, t.Name, t.Shape)
	}
	return &linear{weight: l.matrix(l.finite(t.Name, t.Shape...), t.Shape[0], t.Shape[1])}
}

// lateNames is a lateConfig with the names of its tokens.
type lateNames struct {
	query, document             string
	queryLength, documentLength int
	attend                      bool
	skip                        []string
}

// setLate resolves the names. The mask token is that of tokenizer_config.json.
func (m *Model) setLate(n lateNames, dir string) error {
	var names struct {
		Mask tokenName `json:"mask_token"`
	}
	if err := readJSON(dir, "tokenizer_config.json", &names); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l := &lateConfig{queryLength: n.queryLength, documentLength: n.documentLength, attendToMask: n.attend}
	for _, t := range []struct {
		name string
		id   *uint32
	}{{n.query, &l.queryMark}, {n.document, &l.documentMark}, {string(names.Mask), &l.mask}} {
		id, ok := m.tokenizer.ID(t.name)
		if !ok {
			return fmt.Errorf("%w: the tokenizer lacks the token %q of the ColBERT head", ErrFormat, t.name)
		}
		*t.id = id
	}
	least := m.tokenizer.Added() + 2
	for _, length := range []int{l.queryLength, l.documentLength} {
		if length < least || length > m.config.maxTokens() {
			return fmt.Errorf("%w: ColBERT texts of %d tokens, the model takes %d to %d", ErrFormat, length, least, m.config.maxTokens())
		}
	}
	for _, s := range n.skip {
		if id, ok := m.tokenizer.ID(s); ok {
			l.skip = append(l.skip, id)
		}
	}
	slices.Sort(l.skip)
	l.skip = slices.Compact(l.skip)
	m.late = l
	return nil
}

// project multiplies hidden states with the ColBERT head.
func (m *Model) project(a *arena, states kernel.Matrix) kernel.Matrix {
	p := m.weights.projection
	out := kernel.Of(make([]float32, states.Rows*p.weight.Rows), states.Rows, p.weight.Rows)
	p.apply(&a.scratch, out, states)
	return out
}

// Rows is what a ColBERT model compares texts by: rows of unit length.
type Rows struct {
	IDs     []uint32 // of the whole input, mask tokens included
	Tokens  []Token  // per row; the span of a token that was put in is 0, 0
	Dim     int
	Vectors []float32 // len(Tokens) x Dim, row-major
}

// Interaction returns the rows that ColBERT's own MaxSim is defined on: other
// than those of Encode they include the tokens that are put in, queries are
// filled up with mask tokens or cut, documents are cut at the model's length and
// lack the tokens of its skip list. A model without a ColBERT head gives ErrNoHead.
func (m *Model) Interaction(ctx context.Context, texts []string, query bool) ([]Rows, error) {
	release, err := m.use()
	if err != nil {
		return nil, err
	}
	defer release()
	if m.late == nil {
		return nil, fmt.Errorf("%w: no ColBERT projection", ErrNoHead)
	}
	length := m.late.documentLength
	if query {
		length = m.late.queryLength
	}
	out := make([]Rows, len(texts))
	windows := make([]window, len(texts))
	for i, text := range texts {
		text, base := trimmed(text)
		pieces := m.tokenizer.Tokenize(nil, text)
		pieces = pieces[:min(len(pieces), length-m.tokenizer.Added()-1)]
		enc := m.assemble(pieces, query)
		w := window{sequence: toSequence(enc), text: i}
		for query && len(w.ids) < length {
			w.ids = append(w.ids, m.late.mask)
			w.types = append(w.types, 0)
			enc.Tokens = append(enc.Tokens, subword.Token{ID: m.late.mask})
			enc.Sequence = append(enc.Sequence, -1)
		}
		if m.late.attendToMask {
			w.keys = len(w.ids)
		}
		windows[i] = w
		out[i] = Rows{IDs: w.ids, Dim: m.info.Dim}
		for j, t := range enc.Tokens {
			if _, skipped := slices.BinarySearch(m.late.skip, t.ID); skipped && !query {
				continue
			}
			k := Token{ID: t.ID, Word: j}
			if enc.Sequence[j] >= 0 {
				k.Start, k.End = base+t.Start, base+t.End
			}
			out[i].Tokens = append(out[i].Tokens, k)
		}
	}
	err = m.each(ctx, windows, true, func(w *window, vector func(row int) []float32) {
		o := &out[w.text]
		for k := range o.Tokens {
			o.Vectors = append(o.Vectors, vector(o.Tokens[k].Word)...)
			o.Tokens[k].Word = -1
		}
		unitRows(o.Vectors, o.Dim)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// trimmed returns text without white space at its ends, and where it begins.
func trimmed(text string) (string, int) {
	left := strings.TrimLeftFunc(text, unicode.IsSpace)
	return strings.TrimRightFunc(left, unicode.IsSpace), len(text) - len(left)
}

// tokenName is a token in tokenizer_config.json: its text, or an object with it.
type tokenName string

// UnmarshalJSON reads either form.
func (n *tokenName) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*n = tokenName(s)
		return nil
	}
	var object struct{ Content string }
	err := json.Unmarshal(data, &object)
	*n = tokenName(object.Content)
	return err
}
