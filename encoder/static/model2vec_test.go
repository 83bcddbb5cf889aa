package static

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// TestModel2Vec_AgainstPackage compares with vectors of the Python package.
func TestModel2Vec_AgainstPackage(t *testing.T) {
	for name, tolerance := range map[string]float64{
		"wordpiece": 1e-5,
		"unigram":   1e-3, // the package takes the mean of float16s in float16
		"mapped":    1e-5,
	} {
		t.Run(name, func(t *testing.T) {
			source, err := Open(filepath.Join("testdata/model2vec", name), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			m, ok := source.(*Model2Vec)
			if !ok {
				t.Fatalf("opened as %v", source.Info())
			}
			b, err := os.ReadFile(filepath.Join("testdata/model2vec", name, "expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			var expected map[string][]float64
			if err := json.Unmarshal(b, &expected); err != nil {
				t.Fatal(err)
			}
			for word, want := range expected {
				got, _, err := m.Vector(nil, word)
				if err != nil || len(got) != len(want) {
					t.Fatalf("%s: %d columns, %v", word, len(got), err)
				}
				for c := range got {
					if math.Abs(float64(got[c])-want[c]) > tolerance*(1+math.Abs(want[c])) {
						t.Errorf("%s: column %d is %g, want %g", word, c, got[c], want[c])
					}
				}
			}
			rows := 0
			for row, err := range m.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				want, ok, err := m.Vector(nil, row.Word)
				if err != nil || !ok {
					t.Fatalf("%s: %v, %v", row.Word, ok, err)
				}
				for c := range want {
					if row.Vector[c] != want[c] {
						t.Errorf("%s: its row is not its vector", row.Word)
						break
					}
				}
				rows++
			}
			table, report := convert(t, source, ConvertOptions{Name: name})
			if _, ok := table.Row("search"); !ok || rows < 40 || report.Words < 40 {
				t.Errorf("%d rows, report %+v", rows, report)
			}
		})
	}
}

// TestModel2Vec_License finds the licence on the card beside the model, also where the
// model lies in a folder below, and keeps it when the model is converted.
func TestModel2Vec_License(t *testing.T) {
	dir := t.TempDir()
	nested := filepath.Join(dir, "0_StaticEmbedding")
	if err := os.CopyFS(nested, os.DirFS("testdata/model2vec/wordpiece")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("---\nlicense: mit\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if got := source.Info().License; got != "mit" {
		t.Errorf("licence %q", got)
	}
	stated, _ := convert(t, source, ConvertOptions{})
	other, _ := convert(t, source, ConvertOptions{License: "CC0-1.0"})
	if stated.License() != "mit" || other.License() != "CC0-1.0" || stated.Fingerprint() != other.Fingerprint() {
		t.Errorf("licences %q and %q, fingerprints %s and %s", stated.License(), other.License(), stated.Fingerprint(), other.Fingerprint())
	}
}

func TestModel2Vec_Errors(t *testing.T) {
	good := "testdata/model2vec/wordpiece"
	weights, err := os.ReadFile(filepath.Join(good, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := os.ReadFile(filepath.Join(good, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := os.ReadFile("testdata/model2vec/mapped/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile("testdata/model2vec/unigram/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	nan := append([]byte(nil), weights...)
	for i := range 4 * 12 * 100 {
		nan[len(nan)-1-i] = 0xff
	}
	far := append([]byte(nil), mapped...)
	for i := range len(far) / 3 {
		far[len(far)-1-i] = 0xff
	}
	for _, test := range []struct {
		name               string
		weights, tokenizer []byte
		want               error
	}{
		{"no weights", nil, tokenizer, safetensors.ErrMissing},
		{"no tokenizer", weights, nil, os.ErrNotExist},
		{"damaged weights", weights[:100], tokenizer, safetensors.ErrFormat},
		{"damaged tokenizer", weights, tokenizer[:100], subword.ErrFormat},
		{"other number of vectors", other, tokenizer, ErrDimension},
		{"NaN", nan, tokenizer, ErrNotFinite},
	} {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"model.safetensors": test.weights, "tokenizer.json": test.tokenizer} {
			if data == nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		source, err := Open(dir, nil)
		if err == nil {
			for _, rowErr := range source.Rows() {
				err = errors.Join(err, rowErr)
			}
			if closeErr := source.Close(); closeErr != nil {
				t.Error(closeErr)
			}
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"model.safetensors": far, "tokenizer.json": tokenizer} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, nil); err == nil {
		t.Error("a mapping beyond the rows was opened")
	}
}

func FuzzModel2Vec(f *testing.F) {
	tokenizer, err := subword.Open("testdata/model2vec/mapped")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"mapped", "wordpiece", "unigram"} {
		b, err := os.ReadFile(filepath.Join("testdata/model2vec", name, "model.safetensors"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := safetensors.Parse(data)
		if err != nil {
			return
		}
		m, err := newModel2Vec(file, tokenizer)
		if err != nil {
			return
		}
		for row, err := range m.Rows() {
			if err == nil && (row.Word == "" || len(row.Vector) != m.Info().Dim) {
				t.Fatalf("%q with %d columns", row.Word, len(row.Vector))
			}
		}
	})
}
