package transformer

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/encoder/transformer/internal/kernel"
)

// linear is a layer that multiplies by weights and adds a bias.
type linear struct {
	weight  kernel.Matrix
	bias    []float32
	columns bool // weight is inputs x outputs (GPT-2), else outputs x inputs
	small   *kernel.Int8
}

func (l *linear) apply(s *kernel.Scratch, dst, src kernel.Matrix) {
	if l.small != nil {
		s.MulInt8(dst, src, l.small, l.bias)
		return
	}
	if l.columns {
		s.Mul(dst, src, l.weight, l.bias)
		return
	}
	s.MulT(dst, src, l.weight, l.bias)
}

// norm is the gain and the offset of a layer normalization.
type norm struct{ gamma, beta []float32 }

// layer is one block of the model: attention and feed-forward.
type layer struct {
	query, key, value, out linear
	attentionNorm          norm
	up, down               linear
	outputNorm             norm
}

// weights is the tensors of a model.
type weights struct {
	words, positions, types kernel.Matrix // types has no rows if there are none
	embeddingNorm           norm          // none in GPT-2
	layers                  []layer
	finalNorm               norm    // GPT-2 alone
	answer                  *linear // hidden -> start and end logits
	projection              *linear // hidden -> ColBERT dimension
}

// quantize rounds the weights of the layers to 8 bits. The tables and the heads
// stay as they are: they take no time worth saving.
func (w *weights) quantize() {
	var wg sync.WaitGroup
	for i := range w.layers {
		wg.Go(func() {
			l := &w.layers[i]
			for _, m := range []*linear{&l.query, &l.key, &l.value, &l.out, &l.up, &l.down} {
				m.small = kernel.Quantize(m.weight, m.columns)
			}
		})
	}
	wg.Wait()
}

// loader reads tensors by name and checks their shapes. The first error stays.
type loader struct {
	file   *safetensors.File
	prefix string
	err    error
}

// names of the parts of a layer, by family. GPT-2 keeps queries, keys and values
// in one tensor.
type layerNames struct {
	layer, query, key, value, out, attentionNorm, up, down, outputNorm string
}

var bertNames = layerNames{
	"encoder.layer.%d.", "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
	"intermediate.dense", "output.dense", "output.LayerNorm",
}

var familyNames = [...]layerNames{
	familyBERT:    bertNames,
	familyRoBERTa: bertNames,
	familyDistilBERT: {
		"transformer.layer.%d.", "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
		"ffn.lin1", "ffn.lin2", "output_layer_norm",
	},
	familyGPT2: {
		layer: "h.%d.", query: "attn.c_attn", out: "attn.c_proj", attentionNorm: "ln_1", up: "mlp.c_fc", down: "mlp.c_proj", outputNorm: "ln_2",
	},
}

// loadWeights reads the tensors that config asks for. Others, such as those of
// pre-training heads, are left alone.
func loadWeights(file *safetensors.File, c config) (*weights, error) {
	l := &loader{file: file}
	words, positions := "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
	if c.family == familyGPT2 {
		words, positions = "wte.weight", "wpe.weight"
	}
	// Models saved with a head have their own tensors behind a prefix. It must be
	// found by a name, not cut off: DistilBERT's own names begin with
	// "transformer.", which is GPT-2's prefix.
	prefixes := []string{"", "bert.", "roberta.", "distilbert.", "transformer.", "model."}
	i := slices.IndexFunc(prefixes, func(p string) bool { _, ok := file.Tensor(p + words); return ok })
	if i < 0 {
		return nil, fmt.Errorf("%w: no tensor %s", ErrFormat, words)
	}
	l.prefix = prefixes[i]

	w := &weights{layers: make([]layer, 0, min(c.layers, len(file.Names())))}
	w.words = l.table(words, c.vocab, c.hidden)
	w.positions = l.table(positions, c.positions, c.hidden)
	if c.types > 0 {
		w.types = l.table("embeddings.token_type_embeddings.weight", c.types, c.hidden)
	}
	if c.family != familyGPT2 {
		w.embeddingNorm = l.norm("embeddings.LayerNorm", c.hidden)
	}
	for i := range c.layers {
		w.layers = append(w.layers, l.layer(i, c))
		if l.err != nil {
			return nil, l.err
		}
	}
	if c.family == familyGPT2 {
		w.finalNorm = l.norm("ln_f", c.hidden)
	}
	// Heads lie beside the model, outside its prefix.
	l.prefix = ""
	if l.has("qa_outputs.weight") {
		head := l.linear("qa_outputs", c.hidden, 2)
		w.answer = &head
	}
	return w, l.err
}

func (l *loader) layer(i int, c config) layer {
	n := familyNames[c.family]
	p := fmt.Sprintf(n.layer, i)
	out := layer{
		attentionNorm: l.norm(p+n.attentionNorm, c.hidden),
		outputNorm:    l.norm(p+n.outputNorm, c.hidden),
	}
	if c.family == familyGPT2 {
		all := l.conv(p+n.query, c.hidden, 3*c.hidden)
		if l.err != nil {
			return out
		}
		for i, part := range []*linear{&out.query, &out.key, &out.value} {
			*part = linear{weight: all.weight.Columns(i*c.hidden, c.hidden), bias: all.bias[i*c.hidden : (i+1)*c.hidden], columns: true}
		}
		out.out = l.conv(p+n.out, c.hidden, c.hidden)
		out.up = l.conv(p+n.up, c.hidden, c.inner)
		out.down = l.conv(p+n.down, c.inner, c.hidden)
		return out
	}
	out.query = l.linear(p+n.query, c.hidden, c.hidden)
	out.key = l.linear(p+n.key, c.hidden, c.hidden)
	out.value = l.linear(p+n.value, c.hidden, c.hidden)
	out.out = l.linear(p+n.out, c.hidden, c.hidden)
	out.up = l.linear(p+n.up, c.hidden, c.inner)
	out.down = l.linear(p+n.down, c.inner, c.hidden)
	return out
}

func (l *loader) has(name string) bool {
	_, ok := l.file.Tensor(l.prefix + name)
	return ok
}

// values reads a tensor of that shape.
func (l *loader) values(name string, shape ...int) []float32 {
	if l.err != nil {
		return nil
	}
	t, ok := l.file.Tensor(l.prefix + name)
	if !ok {
		l.err = fmt.Errorf("%w: no tensor %s%s", ErrFormat, l.prefix, name)
		return nil
	}
	if !slices.Equal(t.Shape, shape) {
		l.err = fmt.Errorf("%w: tensor %s is %v, config.json asks for %v", ErrFormat, t.Name, t.Shape, shape)
		return nil
	}
	v, err := t.Float32()
	if err != nil {
		l.err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return v
}

// finite reads a tensor and checks its values.
func (l *loader) finite(name string, shape ...int) []float32 {
	v := l.values(name, shape...)
	if l.err == nil && !allFinite(v) {
		l.err = fmt.Errorf("%w: tensor %s%s", ErrNotFinite, l.prefix, name)
	}
	return v
}

// table reads an embedding table. Its values are not checked here, since that
// would read hundreds of megabytes of which a text needs a few rows: what comes
// out of the model is checked instead.
func (l *loader) table(name string, rows, cols int) kernel.Matrix {
	return l.matrix(l.values(name, rows, cols), rows, cols)
}

func (l *loader) matrix(v []float32, rows, cols int) kernel.Matrix {
	if l.err != nil {
		return kernel.Matrix{}
	}
	return kernel.Of(v, rows, cols)
}

func (l *loader) linear(name string, in, out int) linear {
	return linear{weight: l.matrix(l.finite(name+".weight", out, in), out, in), bias: l.finite(name+".bias", out)}
}

// conv reads a layer of GPT-2, whose weights lie the other way round.
func (l *loader) conv(name string, in, out int) linear {
	return linear{weight: l.matrix(l.finite(name+".weight", in, out), in, out), bias: l.finite(name+".bias", out), columns: true}
}

// norm reads a layer normalization, by its own or by TensorFlow's names.
func (l *loader) norm(name string, n int) norm {
	if l.has(name + ".gamma") {
		return norm{l.finite(name+".gamma", n), l.finite(name+".beta", n)}
	}
	return norm{l.finite(name+".weight", n), l.finite(name+".bias", n)}
}

// allFinite reports whether no value is NaN or infinite.
func allFinite(x []float32) bool {
	const exponent = 0x7f800000
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return false
		}
	}
	return true
}
