package transformer

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

const fixture = "testdata/bert"

func TestStates_Fixture(t *testing.T) { testStates(t, fixture) }

func TestInfo(t *testing.T) {
	m := open(t, fixture, nil)
	want := Info{
		Type: "bert", Architecture: "BertForPreTraining", Layers: 2, Hidden: 32, Dim: 32, Vocabulary: 1800, MaxTokens: 64,
		Parameters: 79848, Bytes: 164560, Fingerprint: m.Info().Fingerprint,
	}
	if diff := cmp.Diff(want, m.Info()); diff != "" {
		t.Error(diff)
	}
	if m.Dim() != 32 {
		t.Errorf("Dim is %d", m.Dim())
	}
	if again := open(t, fixture, nil); again.Info().Fingerprint != m.Info().Fingerprint || len(m.Info().Fingerprint) != 16 {
		t.Errorf("fingerprints %q and %q", m.Info().Fingerprint, again.Info().Fingerprint)
	}
	// One weight more or less is another model.
	dir := copyFixture(t)
	path := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1000] ^= 1
	write(t, dir, "model.safetensors", data)
	write(t, dir, "README.md", []byte("---\nlanguage: zh\nlicense: apache-2.0\n---\n# A model\nlicense: none\n"))
	other := open(t, dir, nil).Info()
	if other.Fingerprint == m.Info().Fingerprint {
		t.Error("a changed weight leaves the fingerprint as it is")
	}
	if other.License != "apache-2.0" {
		t.Errorf("license is %q", other.License)
	}
}

// TestInt8 checks the rounding with every family; how good it is with real
// weights is for TestMiniLM_Int8.
func TestInt8(t *testing.T) {
	t.Run("fixture", func(t *testing.T) { testInt8(t, fixture) })
	for _, name := range []string{"roberta", "gpt2", "distilbert"} {
		t.Run(name, func(t *testing.T) { testInt8(t, testutil.Shared(t, filepath.Join("models/tiny", name))) })
	}
}

func testInt8(t *testing.T, dir string) {
	whole, small := open(t, dir, nil), open(t, dir, &Options{Int8: true})
	if a, b := whole.Info(), small.Info(); a.Int8 || !b.Int8 || a.Fingerprint == b.Fingerprint {
		t.Errorf("%+v and %+v", a, b)
	}
	text := []string{"The tokens 词元 of a text"}
	want, err := whole.Encode(t.Context(), text, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := small.Encode(t.Context(), text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want[0].Tokens {
		if c := cosine(want[0].Vector(i), got[0].Vector(i)); c < 0.99 {
			t.Errorf("%s: token %d has the cosine %v", dir, i, c)
		}
	}
}

// TestMeanStates compares many texts at once with the states of each by itself.
func TestMeanStates(t *testing.T) {
	m := open(t, fixture, &Options{Threads: 3})
	texts := []string{"", strings.Repeat("词元 token ", 500)}
	for i := range 100 {
		texts = append(texts, strings.Repeat("搜索 engine ", i%9)+strconv.Itoa(i))
	}
	got, err := m.MeanStates(t.Context(), texts)
	if err != nil || len(got) != len(texts) {
		t.Fatal(len(got), err)
	}
	for i, text := range texts {
		pieces := m.Tokenizer().Tokenize(nil, text)
		states, err := m.States(t.Context(), m.Tokenizer().Assemble(pieces[:min(len(pieces), m.Info().MaxTokens-m.Tokenizer().Added())]))
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, m.Info().Hidden)
		for j, x := range states {
			want[j%len(want)] += x
		}
		for j := range want {
			want[j] /= float32(len(states) / len(want))
		}
		if !slices.Equal(got[i], want) {
			t.Errorf("text %d: the mean is not that of its states", i)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.MeanStates(t.Context(), texts); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestEncode_Pieces(t *testing.T) {
	m := open(t, fixture, nil)
	text := "Search 搜索引擎"
	got, err := m.Encode(t.Context(), []string{text, ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	pieces := m.Tokenizer().Tokenize(nil, text)
	states, err := m.States(t.Context(), m.Tokenizer().Assemble(pieces))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[0].Tokens) != len(pieces) || len(got[1].Tokens) != 0 {
		t.Fatalf("got %d texts with %d and %d tokens", len(got), len(got[0].Tokens), len(got[1].Tokens))
	}
	for i, p := range pieces {
		if want := (Token{p.Start, p.End, p.ID, -1}); got[0].Tokens[i] != want {
			t.Errorf("token %d is %v, want %v", i, got[0].Tokens[i], want)
		}
		// The hidden states lie behind that of [CLS].
		want := states[(i+1)*32 : (i+2)*32]
		if !slices.Equal(raw[0].Vector(i), want) {
			t.Errorf("raw vector %d is not its hidden state", i)
		}
		if norm := float64(dot(got[0].Vector(i), got[0].Vector(i))); math.Abs(norm-1) > 1e-6 {
			t.Errorf("vector %d has the length %v", i, math.Sqrt(norm))
		}
		if c := cosine(got[0].Vector(i), want); c < 1-1e-6 {
			t.Errorf("vector %d has the cosine %v to its hidden state", i, c)
		}
	}
}

func cosine(a, b []float32) float64 {
	return float64(dot(a, b)) / math.Sqrt(float64(dot(a, a))*float64(dot(b, b)))
}

func TestEncode_SpecialTokens(t *testing.T) {
	m := open(t, fixture, nil)
	got, err := m.Encode(t.Context(), []string{"a [MASK]"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var pieces []string
	for _, k := range got[0].Tokens {
		pieces = append(pieces, m.Tokenizer().Piece(k.ID))
	}
	if want := []string{"a", "[MASK]"}; !slices.Equal(pieces, want) {
		t.Errorf("tokens %q, want %q", pieces, want)
	}
}

func TestEncode_Words(t *testing.T) {
	m := open(t, fixture, nil)
	text := "unbelievable  搜索引擎"
	words := []Span{{0, 12}, {12, 14}, {14, 20}, {20, 26}, {14, 26}}
	got, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Words: [][]Span{words}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	var spans []Token
	for _, k := range got[0].Tokens {
		spans = append(spans, k)
		mean := make([]float32, 32)
		for i, p := range raw[0].Tokens {
			if p.Start < k.End && p.End > k.Start {
				for d, v := range raw[0].Vector(i) {
					mean[d] += v
				}
			}
		}
		if c := cosine(mean, got[0].Vector(len(spans)-1)); c < 1-1e-6 {
			t.Errorf("word %d: cosine to the mean of its pieces %v", k.Word, c)
		}
	}
	// White space has no pieces.
	want := []Token{{0, 12, 0, 0}, {14, 20, 0, 2}, {20, 26, 0, 3}, {14, 26, 0, 4}}
	if diff := cmp.Diff(want, spans); diff != "" {
		t.Error(diff)
	}
	if _, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Words: [][]Span{}}); err == nil {
		t.Error("words of no text for one text")
	}
}

// TestPool compares the search of pieces with looking at all of them, for spans
// in no order.
func TestPool(t *testing.T) {
	e := Encoded{Dim: 1}
	for i := range 40 {
		at := (i*17 + i/3) % 30
		e.Tokens = append(e.Tokens, Token{Start: at, End: at + i%4})
		e.Vectors = append(e.Vectors, float32(i))
	}
	var words []Span
	for a := range 32 {
		for n := range 5 {
			words = append(words, Span{a, a + n})
		}
	}
	got := pool(e, words)
	for i, w := range words {
		sum, n := float32(0), 0
		for j, k := range e.Tokens {
			if k.Start < w.End && k.End > w.Start && k.Start < k.End {
				sum += e.Vectors[j]
				n++
			}
		}
		at := slices.IndexFunc(got.Tokens, func(k Token) bool { return k.Word == i })
		if (at >= 0) != (n > 0) {
			t.Errorf("%v: %d pieces, row %d", w, n, at)
		} else if n > 0 && got.Vectors[at] != sum/float32(n) {
			t.Errorf("%v: %v, want %v", w, got.Vectors[at], sum/float32(n))
		}
	}
}

func TestEncode_Long(t *testing.T) {
	m := open(t, fixture, nil)
	text := strings.Repeat("搜索引擎把文档切成词元，keep one vector per token. ", 30)
	got, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	pieces := m.Tokenizer().Tokenize(nil, text)
	if len(got[0].Tokens) != len(pieces) || len(pieces) < 500 {
		t.Fatalf("%d tokens, %d pieces", len(got[0].Tokens), len(pieces))
	}
	size := m.Info().MaxTokens - 2
	starts := windowStarts(len(pieces), size, size/4)
	windows := make(map[int][]float32)
	for i, p := range pieces {
		// The window whose nearer edge is farthest, counting the text's own edges
		// as far away.
		best, from := -1, 0
		for _, s := range starts {
			if i < s || i >= s+size {
				continue
			}
			left, right := i-s, s+size-1-i
			if s == 0 {
				left = size
			}
			if s+size >= len(pieces) {
				right = size
			}
			if d := min(left, right); d > best {
				best, from = d, s
			}
		}
		states, ok := windows[from]
		if !ok {
			if states, err = m.States(t.Context(), m.Tokenizer().Assemble(pieces[from:from+size])); err != nil {
				t.Fatal(err)
			}
			windows[from] = states
		}
		if want := states[(i-from+1)*32 : (i-from+2)*32]; !slices.Equal(got[0].Vector(i), want) {
			t.Fatalf("token %d (%d to %d) is not from the window at %d", i, p.Start, p.End, from)
		}
	}
}

func TestWindowStarts(t *testing.T) {
	for _, tt := range []struct {
		n, size, overlap int
		want             []int
	}{
		{1, 4, 1, []int{0}}, {4, 4, 1, []int{0}}, {5, 4, 1, []int{0, 1}}, {7, 4, 1, []int{0, 3}}, {8, 4, 1, []int{0, 3, 4}}, {3, 1, 0, []int{0, 1, 2}},
	} {
		if got := windowStarts(tt.n, tt.size, tt.overlap); !slices.Equal(got, tt.want) {
			t.Errorf("%d by %d: %v, want %v", tt.n, tt.size, got, tt.want)
		}
	}
}

// TestEncode_Threads checks that neither the number of threads nor what else is
// in a call changes a bit.
func TestEncode_Threads(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, strings.Repeat("词元 token 向量 ", i))
	}
	one := open(t, fixture, &Options{Threads: 1})
	four := open(t, fixture, &Options{Threads: 4})
	want, err := four.Encode(t.Context(), texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		got, err := one.Encode(t.Context(), []string{text}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Vectors, want[i].Vectors) {
			t.Errorf("text %d differs", i)
		}
	}
}

func TestEncode_Concurrent(t *testing.T) {
	m := open(t, fixture, nil)
	want, err := m.Encode(t.Context(), []string{"词元"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				got, err := m.Encode(context.Background(), []string{"词元"}, nil)
				if err != nil || !slices.Equal(got[0].Vectors, want[0].Vectors) {
					t.Errorf("differs: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestEncode_Cancelled(t *testing.T) {
	m := open(t, fixture, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Encode(ctx, []string{"a"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Encode: %v", err)
	}
	if _, err := m.States(ctx, m.Tokenizer().Assemble(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("States: %v", err)
	}
}

func TestClosed(t *testing.T) {
	m, err := Open(fixture, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Encode(t.Context(), []string{"a"}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Encode: %v", err)
	}
	if _, err := m.States(t.Context(), subword.Encoding{}); !errors.Is(err, ErrClosed) {
		t.Errorf("States: %v", err)
	}
	if _, _, err := m.Answer(t.Context(), "a", "b", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Answer: %v", err)
	}
	if _, err := m.Interaction(t.Context(), []string{"a"}, true); !errors.Is(err, ErrClosed) {
		t.Errorf("Interaction: %v", err)
	}
}

func TestNoHead(t *testing.T) {
	m := open(t, fixture, nil)
	if _, _, err := m.Answer(t.Context(), "a", "b", nil); !errors.Is(err, ErrNoHead) {
		t.Errorf("Answer: %v", err)
	}
	if _, err := m.Interaction(t.Context(), []string{"a"}, true); !errors.Is(err, ErrNoHead) {
		t.Errorf("Interaction: %v", err)
	}
}

func TestStates_BadInput(t *testing.T) {
	m := open(t, fixture, nil)
	for name, enc := range map[string]subword.Encoding{
		"unknown id": {Tokens: []subword.Token{{ID: 1800}}},
		"too long":   {Tokens: make([]subword.Token, 65)},
		"segment":    {Tokens: make([]subword.Token, 1), Types: []uint8{2}},
	} {
		if _, err := m.States(t.Context(), enc); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncode_ColBERT(t *testing.T) {
	m := open(t, testutil.Shared(t, "models/tiny/colbert-pylate"), nil)
	text := " 搜索 engines! "
	for _, query := range []bool{false, true} {
		got, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := m.Interaction(t.Context(), []string{text}, query)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Dim != 16 {
			t.Fatalf("dimension %d", got[0].Dim)
		}
		for i, k := range got[0].Tokens {
			j := slices.IndexFunc(rows[0].Tokens, func(r Token) bool { return r == k })
			if j < 0 {
				if text[k.Start:k.End] != "!" || query { // on the skip list
					t.Errorf("%q is not among the rows", text[k.Start:k.End])
				}
			} else if !query && !slices.Equal(rows[0].Vectors[j*16:(j+1)*16], got[0].Vector(i)) {
				t.Errorf("%q has another vector", text[k.Start:k.End])
			}
		}
		raw, err := m.Encode(t.Context(), []string{text}, &EncodeOptions{Query: query, Raw: true})
		if err != nil || raw[0].Dim != 32 {
			t.Errorf("raw: dimension %d, %v", raw[0].Dim, err)
		}
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixture)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tensor is a tensor to be written.
type tensor struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
	data    []byte
}

// rewriteWeights changes the tensors of a copy of the fixture.
func rewriteWeights(t *testing.T, dir string, edit func(tensors map[string]*tensor)) {
	t.Helper()
	f, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	tensors := make(map[string]*tensor)
	for _, name := range f.Names() {
		v, _ := f.Tensor(name)
		tensors[name] = &tensor{v.DType.String(), v.Shape, [2]int{}, bytes.Clone(v.Bytes())}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	edit(tensors)
	var data []byte
	for _, v := range tensors {
		v.Offsets = [2]int{len(data), len(data) + len(v.data)}
		data = append(data, v.data...)
	}
	header, err := json.Marshal(tensors)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	write(t, dir, "model.safetensors", append(append(out, header...), data...))
}

func TestOpen_DamagedWeights(t *testing.T) {
	const query = "bert.encoder.layer.0.attention.self.query.weight"
	tests := []struct {
		name string
		edit func(tensors map[string]*tensor)
		want error
	}{
		{"missing", func(v map[string]*tensor) { delete(v, query) }, ErrFormat},
		{"no embeddings", func(v map[string]*tensor) { delete(v, "bert.embeddings.word_embeddings.weight") }, ErrFormat},
		{"missing layer norm", func(v map[string]*tensor) { delete(v, "bert.embeddings.LayerNorm.beta") }, ErrFormat},
		{"other shape", func(v map[string]*tensor) { v[query].Shape = []int{16, 64} }, ErrFormat},
		{"other rank", func(v map[string]*tensor) { v[query].Shape = []int{1024} }, ErrFormat},
		{"integers", func(v map[string]*tensor) { v[query].DType = "I16" }, ErrFormat},
		{"NaN", func(v map[string]*tensor) { v[query].data[1] = 0x7e }, ErrNotFinite},
		{"infinite", func(v map[string]*tensor) {
			copy(v["bert.encoder.layer.1.output.LayerNorm.gamma"].data, []byte{0, 0x7c})
		}, ErrNotFinite},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyFixture(t)
			rewriteWeights(t, dir, tt.edit)
			if _, err := Open(dir, nil); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestEncode_NaNEmbedding has a damaged row in a table, which is found when it
// is used.
func TestEncode_NaNEmbedding(t *testing.T) {
	m := open(t, fixture, nil)
	id := m.Tokenizer().Tokenize(nil, "词")[0].ID
	dir := copyFixture(t)
	rewriteWeights(t, dir, func(v map[string]*tensor) {
		copy(v["bert.embeddings.word_embeddings.weight"].data[id*64:], []byte{1, 0x7c})
	})
	m = open(t, dir, nil)
	if _, err := m.Encode(t.Context(), []string{"元"}, nil); err != nil {
		t.Errorf("a text without the row: %v", err)
	}
	if _, err := m.Encode(t.Context(), []string{"词"}, nil); !errors.Is(err, ErrNotFinite) {
		t.Errorf("a text with the row: %v", err)
	}
}

func TestOpen_DamagedFiles(t *testing.T) {
	tests := []struct {
		name, file string
		edit       func(data []byte) []byte
		want       error
	}{
		{"weights cut short", "model.safetensors", func(d []byte) []byte { return d[:len(d)-1] }, safetensors.ErrFormat},
		{"header cut short", "model.safetensors", func(d []byte) []byte { return d[:100] }, safetensors.ErrFormat},
		{"10 GB header", "model.safetensors", func(d []byte) []byte { return append(binary.LittleEndian.AppendUint64(nil, 10<<30), d[8:]...) }, safetensors.ErrFormat},
		{"no config", "config.json", func([]byte) []byte { return nil }, ErrFormat},
		{"no tokenizer", "tokenizer.json", func([]byte) []byte { return []byte("{}") }, subword.ErrFormat},
		{"tokenizer config", "tokenizer_config.json", func([]byte) []byte { return []byte("[]") }, subword.ErrFormat},
		{"short limit", "tokenizer_config.json", func([]byte) []byte { return []byte(`{"model_max_length":4}`) }, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyFixture(t)
			data, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, tt.file, tt.edit(data))
			if _, err := Open(dir, nil); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err := os.Remove(filepath.Join(dir, tt.file)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, nil); tt.file != "tokenizer_config.json" && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, safetensors.ErrMissing) {
				t.Errorf("without the file: %v", err)
			}
		})
	}
}

func TestReadConfig_Errors(t *testing.T) {
	for edit, want := range map[string]error{
		`"model_type":"llama"`:                      ErrUnsupported,
		`"model_type":7`:                            ErrFormat,
		`"hidden_act":"mish"`:                       ErrUnsupported,
		`"position_embedding_type":"relative_key"`:  ErrUnsupported,
		`"is_decoder":true`:                         ErrUnsupported,
		`"num_hidden_layers":0`:                     ErrFormat,
		`"num_hidden_layers":-1`:                    ErrFormat,
		`"num_hidden_layers":1000000`:               ErrFormat,
		`"num_hidden_layers":3`:                     ErrFormat, // one more than there is
		`"hidden_size":1000000000`:                  ErrFormat,
		`"hidden_size":48`:                          ErrFormat,
		`"num_attention_heads":5`:                   ErrFormat,
		`"num_attention_heads":0`:                   ErrFormat,
		`"vocab_size":4000000000`:                   ErrFormat,
		`"vocab_size":1799`:                         ErrFormat,
		`"max_position_embeddings":0`:               ErrFormat,
		`"type_vocab_size":0`:                       ErrFormat,
		`"type_vocab_size":99999999`:                ErrFormat,
		`"layer_norm_eps":0`:                        ErrFormat,
		`"intermediate_size":63`:                    ErrFormat,
		`"model_type":"roberta","pad_token_id":-1`:  ErrFormat,
		`"model_type":"roberta","pad_token_id":100`: ErrFormat,
		`"model_type":"gpt2"`:                       ErrFormat,
	} {
		dir := copyFixture(t)
		data, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		// Of a key that occurs twice the last one counts.
		data = append(bytes.TrimRight(data, "}\n "), ","+edit+"}"...)
		write(t, dir, "config.json", data)
		if _, err := Open(dir, nil); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", edit, err, want)
		}
	}
}

// FuzzConfig checks that no config.json makes Open panic or allocate at will.
func FuzzConfig(f *testing.F) {
	data, err := os.ReadFile(filepath.Join(fixture, "config.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"model_type":"gpt2","n_embd":32,"n_head":4,"n_layer":2,"n_positions":64,"vocab_size":1800,"layer_norm_epsilon":1e-5,"n_inner":7}`))
	file, err := safetensors.OpenDir(fixture)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		write(t, dir, "config.json", data)
		c, err := readConfig(dir)
		if err != nil {
			return
		}
		w, err := loadWeights(file, c)
		if err != nil {
			return
		}
		m := &Model{config: c, weights: w}
		if _, err := m.forward(new(arena), []sequence{{ids: []uint32{1, 2, 3}, keys: 3}, {ids: []uint32{0}, keys: 1}}); err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrNotFinite) {
			t.Fatal(err)
		}
	})
}

// FuzzLate checks that no files beside a model make it panic: those that say of
// its kind, of its pooling and of the projection of token vectors.
func FuzzLate(f *testing.F) {
	f.Add([]byte(`{"query_prefix":"[Q] ","document_prefix":"[D] ","query_length":8,"document_length":16,"attend_to_expansion_tokens":true,"skiplist_words":["!"]}`),
		[]byte(`[{"path":"1_Dense","type":"pylate.models.Dense.Dense"}]`), []byte(`{"bias":false,"activation_function":"torch.nn.Identity"}`))
	f.Add([]byte(`{}`), []byte(`[{"path":"../x","type":".Dense"}]`), []byte(`{"use_residual":true}`))
	dir := f.TempDir()
	if err := errors.Join(os.CopyFS(dir, os.DirFS(fixture)), os.MkdirAll(filepath.Join(dir, "1_Dense"), 0o755)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, late, modules, dense []byte) {
		write(t, dir, "config_sentence_transformers.json", late)
		write(t, dir, "modules.json", modules)
		write(t, dir, "artifact.metadata", late)
		write(t, dir, "1_Dense/config.json", dense)
		m, err := Open(dir, nil)
		if err != nil {
			return
		}
		if _, err := m.Interaction(context.Background(), []string{"a b", ""}, false); err != nil {
			t.Logf("%v", err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
