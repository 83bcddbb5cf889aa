package transformer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Limits of what a config.json may claim. The largest models of these kinds stay
// a factor of ten below; the limits keep products of sizes inside an int.
const (
	maxLayers    = 1000
	maxWidth     = 1 << 17
	maxRows      = 1 << 24 // of an embedding table
	maxJSONBytes = 1 << 24
)

// family is an architecture, by the names and the order of its parts.
type family uint8

const (
	familyBERT family = iota
	familyRoBERTa
	familyDistilBERT
	familyGPT2
)

// config is what the forward pass needs of config.json.
type config struct {
	family       family
	modelType    string
	architecture string // the first of "architectures", may be empty
	layers       int
	hidden       int
	heads        int
	inner        int // width of the feed-forward layer
	vocab        int
	positions    int // rows of the position table
	types        int // rows of the segment table, 0 for none
	firstPos     int // position of the first token
	pad          uint32
	eps          float32
	activation   string
	scaled       bool // attention is divided by the root of the head size
	scaledLayer  bool // and by the number of the layer
}

// readJSON reads a small JSON file of a model folder.
func readJSON(dir, name string, v any) error {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxJSONBytes {
		return fmt.Errorf("%w: %s has %d bytes", ErrFormat, name, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFormat, name, err)
	}
	return nil
}

// configFile is config.json, the names of all families together.
type configFile struct {
	ModelType     string   `json:"model_type"`
	Architectures []string `json:"architectures"`

	HiddenSize        int     `json:"hidden_size"`
	NumHiddenLayers   int     `json:"num_hidden_layers"`
	NumAttentionHeads int     `json:"num_attention_heads"`
	IntermediateSize  int     `json:"intermediate_size"`
	HiddenAct         string  `json:"hidden_act"`
	LayerNormEps      float64 `json:"layer_norm_eps"`

	Dim        int    `json:"dim"`
	NLayers    int    `json:"n_layers"`
	NHeads     int    `json:"n_heads"`
	HiddenDim  int    `json:"hidden_dim"`
	Activation string `json:"activation"`

	NEmbd              int     `json:"n_embd"`
	NLayer             int     `json:"n_layer"`
	NHead              int     `json:"n_head"`
	NInner             *int    `json:"n_inner"`
	NPositions         int     `json:"n_positions"`
	ActivationFunction string  `json:"activation_function"`
	LayerNormEpsilon   float64 `json:"layer_norm_epsilon"`
	ScaleAttnWeights   *bool   `json:"scale_attn_weights"`
	ScaleAttnByLayer   bool    `json:"scale_attn_by_inverse_layer_idx"`

	VocabSize     int    `json:"vocab_size"`
	MaxPositions  int    `json:"max_position_embeddings"`
	TypeVocabSize *int   `json:"type_vocab_size"`
	PadTokenID    *int   `json:"pad_token_id"`
	PositionType  string `json:"position_embedding_type"`
	IsDecoder     bool   `json:"is_decoder"`
	CrossAttn     bool   `json:"add_cross_attention"`
}

// readConfig reads and checks config.json.
func readConfig(dir string) (config, error) {
	var f configFile
	if err := readJSON(dir, "config.json", &f); err != nil {
		return config{}, err
	}
	c := config{modelType: f.ModelType, vocab: f.VocabSize, positions: f.MaxPositions, scaled: true}
	if len(f.Architectures) > 0 {
		c.architecture = f.Architectures[0]
	}
	eps := f.LayerNormEps
	switch f.ModelType {
	case "bert", "roberta", "xlm-roberta", "camembert":
		c.layers, c.hidden, c.heads, c.inner, c.activation = f.NumHiddenLayers, f.HiddenSize, f.NumAttentionHeads, f.IntermediateSize, f.HiddenAct
		c.types = 2 // the library's default
		if f.TypeVocabSize != nil {
			c.types = *f.TypeVocabSize
		}
		if c.types < 1 {
			return config{}, fmt.Errorf("%w: type_vocab_size is %d", ErrFormat, c.types)
		}
		if f.ModelType != "bert" {
			c.family = familyRoBERTa
			c.pad = 1
			if p := f.PadTokenID; p != nil {
				if *p < 0 || *p >= maxRows {
					return config{}, fmt.Errorf("%w: pad_token_id is %d", ErrFormat, *p)
				}
				c.pad = uint32(*p)
			}
			c.firstPos = int(c.pad) + 1
		}
	case "distilbert":
		c.family = familyDistilBERT
		c.layers, c.hidden, c.heads, c.inner, c.activation = f.NLayers, f.Dim, f.NHeads, f.HiddenDim, f.Activation
		eps = 1e-12 // fixed in the library
	case "gpt2":
		c.family = familyGPT2
		c.layers, c.hidden, c.heads, c.activation = f.NLayer, f.NEmbd, f.NHead, f.ActivationFunction
		c.positions, eps = f.NPositions, f.LayerNormEpsilon
		c.inner = 4 * c.hidden
		if f.NInner != nil {
			c.inner = *f.NInner
		}
		c.scaled = f.ScaleAttnWeights == nil || *f.ScaleAttnWeights
		c.scaledLayer = f.ScaleAttnByLayer
	default:
		return config{}, fmt.Errorf("%w: model_type %q", ErrUnsupported, f.ModelType)
	}
	switch {
	case f.PositionType != "" && f.PositionType != "absolute":
		return config{}, fmt.Errorf("%w: position_embedding_type %q", ErrUnsupported, f.PositionType)
	case f.IsDecoder, f.CrossAttn:
		return config{}, fmt.Errorf("%w: %s as a decoder", ErrUnsupported, f.ModelType)
	}
	if c.activation == "" {
		c.activation = "gelu"
	}
	if activations[c.activation] == nil {
		return config{}, fmt.Errorf("%w: activation %q", ErrUnsupported, c.activation)
	}
	c.eps = float32(eps)
	return c, c.check(eps)
}

// check reports sizes that are out of range.
func (c config) check(eps float64) error {
	for _, s := range []struct {
		name      string
		value, to int
	}{
		{"number of layers", c.layers, maxLayers},
		{"hidden size", c.hidden, maxWidth},
		{"number of heads", c.heads, c.hidden},
		{"feed-forward size", c.inner, maxWidth},
		{"vocabulary size", c.vocab, maxRows},
		{"number of positions", c.positions, maxRows},
	} {
		if s.value < 1 || s.value > s.to {
			return fmt.Errorf("%w: config.json: %s is %d", ErrFormat, s.name, s.value)
		}
	}
	switch {
	case c.hidden%c.heads != 0:
		return fmt.Errorf("%w: config.json: %d heads do not divide %d", ErrFormat, c.heads, c.hidden)
	case c.types > maxRows:
		return fmt.Errorf("%w: config.json: %d segment types", ErrFormat, c.types)
	case c.positions <= c.firstPos:
		return fmt.Errorf("%w: config.json: %d positions, the first of which is %d", ErrFormat, c.positions, c.firstPos)
	case math.IsNaN(eps) || eps <= 0 || eps > 1:
		return fmt.Errorf("%w: config.json: layer norm epsilon is %v", ErrFormat, eps)
	}
	return nil
}

// maxTokens returns the longest input that the position table holds.
func (c config) maxTokens() int { return c.positions - c.firstPos }
