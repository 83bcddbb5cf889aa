package transformer

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// tolerance is what the reference outputs allow.
const tolerance = 1e-4

// expectedCase is an input with the reference library's output.
type expectedCase struct {
	Name   string      `json:"name"`
	Text   string      `json:"text"`
	Pair   *string     `json:"text_pair"`
	IDs    []uint32    `json:"input_ids"`
	Hidden [][]float64 `json:"last_hidden_state"`

	StartLogits []float64 `json:"start_logits"`
	EndLogits   []float64 `json:"end_logits"`
	Answer      *struct {
		Start int     `json:"start_byte"`
		End   int     `json:"end_byte"`
		Score float64 `json:"score"`
		Text  string  `json:"text"`
	} `json:"answer"`

	Document *lateCase `json:"document"`
	Query    *lateCase `json:"query"`
}

type lateCase struct {
	IDs        []uint32    `json:"input_ids"`
	Kept       []int       `json:"kept"`
	Embeddings [][]float64 `json:"embeddings"`
}

type expectedFile struct {
	Cases []expectedCase `json:"cases"`
	Pair  *expectedCase  `json:"pair"`
	Batch struct {
		Names []string   `json:"names"`
		IDs   [][]uint32 `json:"input_ids"`
	} `json:"batch"`
	Debug struct {
		Name   string        `json:"name"`
		Hidden [][][]float64 `json:"hidden_states"`
	} `json:"debug_layers"`
	MaxSim struct {
		Scores [][]float64 `json:"scores"`
	} `json:"maxsim"`
}

func readExpected(t *testing.T, dir string) expectedFile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e expectedFile
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t testing.TB, dir string, opts *Options) *Model {
	t.Helper()
	m, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// diff returns the largest difference, or NaN for other sizes.
func diff(got []float32, want [][]float64) float64 {
	worst := 0.0
	for _, row := range want {
		if len(got) < len(row) {
			return math.NaN()
		}
		for i, v := range row {
			worst = max(worst, math.Abs(float64(got[i])-v))
		}
		got = got[len(row):]
	}
	if len(got) > 0 {
		return math.NaN()
	}
	return worst
}

func near(t *testing.T, what string, got []float32, want [][]float64) float64 {
	t.Helper()
	d := diff(got, want)
	if d > tolerance || math.IsNaN(d) {
		t.Errorf("%s: off by %v", what, d)
	}
	return d
}

// encodingOf makes an input of ids alone, as the reference has it.
func encodingOf(m *Model, c expectedCase) subword.Encoding {
	tok := m.Tokenizer()
	first := tok.Tokenize(nil, c.Text)
	if c.Pair != nil {
		second := tok.Tokenize(nil, *c.Pair)
		return tok.AssemblePair(first, second[:min(len(second), m.Info().MaxTokens-tok.AddedToPair()-len(first))])
	}
	return tok.Assemble(first[:min(len(first), m.Info().MaxTokens-tok.Added())])
}

func idsOf(enc subword.Encoding) []uint32 {
	ids := []uint32{}
	for _, t := range enc.Tokens {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestStates_Reference(t *testing.T) {
	models := testutil.Shared(t, "models/tiny")
	for _, name := range []string{"bert", "bert-f16-legacy", "distilbert", "roberta", "xlm-roberta", "xlm-roberta-sharded", "gpt2", "gpt2-bf16"} {
		t.Run(name, func(t *testing.T) { testStates(t, filepath.Join(models, name)) })
	}
}

// testStates compares all outputs of a folder without a head.
func testStates(t *testing.T, dir string) {
	m := open(t, dir, nil)
	want := readExpected(t, dir)
	cases := want.Cases
	if want.Pair != nil {
		cases = append(cases, *want.Pair)
	}
	worst := 0.0
	byName := make(map[string]expectedCase)
	for _, c := range cases {
		byName[c.Name] = c
		enc := encodingOf(m, c)
		if diff := cmp.Diff(c.IDs, idsOf(enc)); diff != "" {
			t.Errorf("%s: ids:\n%s", c.Name, diff)
			continue
		}
		got, err := m.States(t.Context(), enc)
		if err != nil {
			t.Fatal(err)
		}
		worst = max(worst, near(t, c.Name, got, c.Hidden))
	}
	t.Logf("%d cases, largest difference %.2g", len(cases), worst)

	// Several at once must not see each other.
	var batch []sequence
	var hidden [][]float64
	for _, name := range want.Batch.Names {
		batch = append(batch, toSequence(encodingOf(m, byName[name])))
		hidden = append(hidden, byName[name].Hidden...)
	}
	out, err := m.forward(new(arena), batch)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "batch", out.Data, hidden)

	// The embeddings and each layer by itself, to see which one is wrong. Those of
	// GPT-2 are not normalized, which is what forward returns.
	if c, ok := byName[want.Debug.Name]; ok && m.config.family != familyGPT2 {
		full := m.weights.layers
		defer func() { m.weights.layers = full }()
		for i, states := range want.Debug.Hidden {
			m.weights.layers = full[:i]
			out, err := m.forward(new(arena), []sequence{toSequence(encodingOf(m, c))})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "layer", out.Data[:len(states)*m.config.hidden], states)
		}
	}
}

func TestAnswer_Reference(t *testing.T) {
	dir := testutil.Shared(t, "models/tiny/bert-qa")
	m := open(t, dir, nil)
	want := readExpected(t, dir)
	for _, c := range want.Cases {
		w, err := m.answerWindows(t.Context(), c.Text, *c.Pair, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.IDs, idsOf(w[0].encoding)); diff != "" {
			t.Errorf("%s: ids:\n%s", c.Name, diff)
			continue
		}
		near(t, c.Name+" start", w[0].start, [][]float64{c.StartLogits})
		near(t, c.Name+" end", w[0].end, [][]float64{c.EndLogits})
		if len(w) > 1 {
			continue // the reference is cut at the first window
		}
		checkAnswer(t, m, c, nil)
	}

	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var long struct {
		Windows struct {
			expectedCase
			Stride int            `json:"stride"`
			Best   int            `json:"best"`
			Items  []expectedCase `json:"items"`
		} `json:"windows"`
	}
	if err := json.Unmarshal(raw, &long); err != nil {
		t.Fatal(err)
	}
	opts := &AnswerOptions{Overlap: long.Windows.Stride}
	windows, err := m.answerWindows(t.Context(), long.Windows.Text, *long.Windows.Pair, opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(windows) != len(long.Windows.Items) {
		t.Fatalf("%d windows, want %d", len(windows), len(long.Windows.Items))
	}
	for i, c := range long.Windows.Items {
		if diff := cmp.Diff(c.IDs, idsOf(windows[i].encoding)); diff != "" {
			t.Errorf("window %d: ids:\n%s", i, diff)
		}
		near(t, "window start", windows[i].start, [][]float64{c.StartLogits})
		near(t, "window end", windows[i].end, [][]float64{c.EndLogits})
	}
	best := long.Windows.Items[long.Windows.Best]
	best.Name, best.Text, best.Pair = "windows", long.Windows.Text, long.Windows.Pair
	checkAnswer(t, m, best, opts)
}

func checkAnswer(t *testing.T, m *Model, c expectedCase, opts *AnswerOptions) {
	t.Helper()
	got, ok, err := m.Answer(t.Context(), c.Text, *c.Pair, opts)
	if err != nil {
		t.Fatal(err)
	}
	if ok != (c.Answer != nil) {
		t.Errorf("%s: answer %v, want %v", c.Name, got, c.Answer)
	}
	if ok && c.Answer != nil && (got.Start != c.Answer.Start || got.End != c.Answer.End || math.Abs(float64(got.Score)-c.Answer.Score) > 2*tolerance) {
		t.Errorf("%s: answer %v, want %v", c.Name, got, *c.Answer)
	}
	if ok && c.Answer != nil && (*c.Pair)[got.Start:got.End] != c.Answer.Text {
		t.Errorf("%s: answer %q, want %q", c.Name, (*c.Pair)[got.Start:got.End], c.Answer.Text)
	}
}

func TestInteraction_Reference(t *testing.T) {
	models := testutil.Shared(t, "models/tiny")
	for _, name := range []string{"colbert-pylate", "colbert-stanford"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(models, name)
			m := open(t, dir, nil)
			if info := m.Info(); info.Head != "colbert" || info.Dim != 16 {
				t.Fatalf("%+v", info)
			}
			want := readExpected(t, dir)
			var texts []string
			for _, c := range want.Cases {
				texts = append(texts, c.Text)
			}
			documents, err := m.Interaction(t.Context(), texts, false)
			if err != nil {
				t.Fatal(err)
			}
			queries, err := m.Interaction(t.Context(), texts, true)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range want.Cases {
				for _, side := range []struct {
					got  Rows
					want *lateCase
				}{{documents[i], c.Document}, {queries[i], c.Query}} {
					if diff := cmp.Diff(side.want.IDs, side.got.IDs); diff != "" {
						t.Errorf("%s: ids:\n%s", c.Name, diff)
						continue
					}
					if len(side.got.Tokens) != len(side.want.Kept) {
						t.Errorf("%s: %d rows kept, want %d", c.Name, len(side.got.Tokens), len(side.want.Kept))
						continue
					}
					near(t, c.Name, side.got.Vectors, side.want.Embeddings)
				}
				for j := range documents {
					if got, want := maxSim(queries[i], documents[j]), want.MaxSim.Scores[i][j]; math.Abs(got-want) > 1e-3 {
						t.Errorf("MaxSim of %d and %d is %v, want %v", i, j, got, want)
					}
				}
			}
		})
	}
}

func maxSim(q, d Rows) float64 {
	sum := 0.0
	for i := range q.Tokens {
		best := math.Inf(-1)
		for j := range d.Tokens {
			best = max(best, float64(dot(q.Vectors[i*q.Dim:(i+1)*q.Dim], d.Vectors[j*d.Dim:(j+1)*d.Dim])))
		}
		sum += best
	}
	return sum
}
