package subword

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

var tinyModels = []string{
	"bert", "bert-f16-legacy", "bert-qa", "colbert-pylate", "colbert-stanford", "distilbert",
	"gpt2", "gpt2-bf16", "roberta", "xlm-roberta", "xlm-roberta-sharded",
}

// reference is what the library says of a text, as far as it is compared here.
type reference struct {
	Text      string   `json:"text"`
	Pair      *string  `json:"text_pair"`
	IDs       []uint32 `json:"input_ids"`
	Tokens    []string `json:"tokens"`
	Offsets   [][2]int `json:"byte_offsets"`
	Types     []uint8  `json:"token_type_ids"`
	Sequences []int8   `json:"sequence_ids"`
	Special   []int    `json:"special_tokens_mask"`
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// compare checks the tokenization of one text. A reference that was cut at limit
// tokens is compared with what Truncate leaves.
func compare(t *testing.T, tok *Tokenizer, want reference, limit int) {
	t.Helper()
	var e Encoding
	first := tok.Tokenize(nil, want.Text)
	if want.Pair != nil {
		second := tok.Tokenize(nil, *want.Pair)
		if limit > 0 {
			second = second[:min(len(second), limit-tok.AddedToPair()-len(first))]
		}
		e = tok.AssemblePair(first, second)
	} else {
		if limit > 0 {
			first = first[:min(len(first), limit-tok.Added())]
		}
		e = tok.Assemble(first)
	}
	ids, pieces, offsets, special := []uint32{}, []string{}, [][2]int{}, []int{}
	for i, k := range e.Tokens {
		ids = append(ids, k.ID)
		pieces = append(pieces, tok.Piece(k.ID))
		offsets = append(offsets, [2]int{k.Start, k.End})
		special = append(special, int(-min(e.Sequence[i], 0)))
	}
	if diff := cmp.Diff(want.Tokens, pieces); diff != "" {
		t.Errorf("%q: tokens (-want +got):\n%s", want.Text, diff)
		return
	}
	if !slices.Equal(ids, want.IDs) {
		t.Errorf("%q: ids %v, want %v", want.Text, ids, want.IDs)
	}
	if !slices.Equal(offsets, want.Offsets) {
		t.Errorf("%q: spans of %q are %v, want %v", want.Text, pieces, offsets, want.Offsets)
	}
	if want.Types != nil && !slices.Equal(e.Types, want.Types) {
		t.Errorf("%q: types %v, want %v", want.Text, e.Types, want.Types)
	}
	if want.Sequences != nil && !slices.Equal(e.Sequence, want.Sequences) {
		t.Errorf("%q: sequences %v, want %v", want.Text, e.Sequence, want.Sequences)
	}
	if want.Special != nil && !slices.Equal(special, want.Special) {
		t.Errorf("%q: special %v, want %v", want.Text, special, want.Special)
	}
}

func TestTokenize_Reference(t *testing.T) {
	models := testutil.Shared(t, "models/tiny")
	for _, name := range tinyModels {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(models, name)
			tok, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var expected struct {
				MaxLength int         `json:"max_length"`
				Cases     []reference `json:"cases"`
				Pair      *reference  `json:"pair"`
			}
			readJSON(t, filepath.Join(dir, "expected.json"), &expected)
			if expected.Pair != nil {
				expected.Cases = append(expected.Cases, *expected.Pair)
			}
			for _, want := range expected.Cases {
				if want.IDs != nil { // the ColBERT folders have prefixes, see encoder/transformer
					compare(t, tok, want, expected.MaxLength)
				}
			}
			for _, want := range readCases(t, filepath.Join(dir, "tokenizer_cases.jsonl")) {
				compare(t, tok, want, 0)
			}
		})
	}
}

func readCases(t testing.TB, path string) []reference {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	var cases []reference
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c reference
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestTokenize_Corpus compares the checksums of 480 paragraphs.
func TestTokenize_Corpus(t *testing.T) {
	models := testutil.Shared(t, "models/tiny")
	texts := corpus(t)
	for _, name := range tinyModels {
		t.Run(name, func(t *testing.T) {
			tok, err := Open(filepath.Join(models, name))
			if err != nil {
				t.Fatal(err)
			}
			var check struct {
				Columns []string `json:"columns"`
				Rows    [][]any  `json:"rows"`
			}
			readJSON(t, filepath.Join(models, name, "corpus_check.json"), &check)
			if want := []string{"corpus", "id", "tokens", "ids_crc32", "byte_offsets_crc32"}; !slices.Equal(check.Columns, want) {
				t.Fatalf("columns are %v", check.Columns)
			}
			if len(check.Rows) != 480 {
				t.Fatalf("%d rows", len(check.Rows))
			}
			for _, row := range check.Rows {
				key := row[0].(string) + "/" + row[1].(string)
				text, ok := texts[key]
				if !ok {
					t.Fatalf("no text %s", key)
				}
				var ids, offsets []byte
				e := tok.Assemble(tok.Tokenize(nil, text))
				for _, k := range e.Tokens {
					ids = binary.LittleEndian.AppendUint32(ids, k.ID)
					offsets = binary.LittleEndian.AppendUint32(offsets, uint32(k.Start))
					offsets = binary.LittleEndian.AppendUint32(offsets, uint32(k.End))
				}
				got := [3]float64{float64(len(e.Tokens)), float64(crc32.ChecksumIEEE(ids)), float64(crc32.ChecksumIEEE(offsets))}
				if want := [3]float64{row[2].(float64), row[3].(float64), row[4].(float64)}; got != want {
					t.Errorf("%s: tokens, checksums of ids and spans %.0f, want %.0f", key, got, want)
				}
			}
		})
	}
}

// corpus returns the paragraphs of both languages by corpus and id.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, name := range []string{"xquad-zh", "xquad-en"} {
		f, err := os.Open(testutil.Shared(t, "data/"+name+"/docs.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // only read
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var doc struct{ ID, Text string }
			if err := json.Unmarshal(lines.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			texts[name+"/"+doc.ID] = doc.Text
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}
