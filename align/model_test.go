package align

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallModel learns from the linked pairs.
func smallModel(tb testing.TB, workers int) *Model {
	tb.Helper()
	pairs, _ := linked(tb, "dev")
	m, err := Train(context.Background(), defaultTable(tb), pairsOf(pairs), &TrainOptions{Workers: workers, Iterations: 2})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func written(tb testing.TB, m *Model) []byte {
	tb.Helper()
	var b bytes.Buffer
	n, err := m.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		tb.Fatalf("%d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestModel_RoundTrip(t *testing.T) {
	m := smallModel(t, 1)
	data := written(t, m)
	if !bytes.Equal(data, written(t, smallModel(t, 3))) {
		t.Error("three workers learn another model than one")
	}
	again, err := ReadModel(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, written(t, again)) {
		t.Error("a model that was read is written otherwise")
	}
	if again.Pairs() != 15 || again.Entries() == 0 {
		t.Errorf("%d pairs, %d entries", again.Pairs(), again.Entries())
	}
	pairs, _ := linked(t, "test")
	vectors := StaticVectors(defaultTable(t))
	for _, p := range pairs[:5] {
		var got [2]*Alignment
		for i, model := range []*Model{m, again} {
			a, err := New(vectors, &Options{Model: model})
			if err != nil {
				t.Fatal(err)
			}
			if got[i], err = a.Align(context.Background(), p.Source, p.Target); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(got[0].Confidence, got[1].Confidence); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestReadModel_Damage(t *testing.T) {
	data := written(t, smallModel(t, 1))
	step := max(1, len(data)/500)
	for at := 0; at < len(data); at += step {
		bad := bytes.Clone(data)
		bad[at] ^= 0x41
		if _, err := ReadModel(bytes.NewReader(bad)); !errors.Is(err, ErrModel) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
		if _, err := ReadModel(bytes.NewReader(data[:at])); !errors.Is(err, ErrModel) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
	newer := bytes.Clone(data)
	binary.LittleEndian.PutUint32(newer[8:], 2)
	binary.LittleEndian.PutUint32(newer[24:], crc32.Checksum(newer[:24], castagnoli))
	if _, err := ReadModel(bytes.NewReader(newer)); !errors.Is(err, ErrModelVersion) {
		t.Errorf("a newer version: %v", err)
	}
}

// FuzzReadModel fuzzes what lies behind the checksum.
func FuzzReadModel(f *testing.F) {
	data := written(f, smallModel(f, 1))
	f.Add(data[modelHeader:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := parseModel(payload)
		if err != nil {
			if !errors.Is(err, ErrModel) {
				t.Fatal(err)
			}
			return
		}
		for p := range m.Lexicon(0) {
			m.Lookup(p.Source)
		}
		if _, err := ReadModel(bytes.NewReader(written(t, m))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTrain_Errors(t *testing.T) {
	table := defaultTable(t)
	if _, err := Train(context.Background(), table, pairsOf(nil), nil); !errors.Is(err, ErrNoPairs) {
		t.Errorf("no pairs: %v", err)
	}
	if _, err := Train(context.Background(), table, pairsOf([]Pair{{}}), nil); !errors.Is(err, ErrNoPairs) {
		t.Errorf("an empty pair: %v", err)
	}
	if _, err := Train(context.Background(), table, pairsOf(nil), &TrainOptions{Iterations: -1}); !errors.Is(err, ErrOption) {
		t.Errorf("iterations: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	pairs, _ := linked(t, "dev")
	if _, err := Train(ctx, table, pairsOf(pairs), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Train(context.Background(), table, func(yield func(Pair, error) bool) { yield(Pair{}, broken) }, nil); !errors.Is(err, broken) {
		t.Errorf("a broken sequence: %v", err)
	}
}

func TestTranslator(t *testing.T) {
	tok := newTokenizer(t)
	table := defaultTable(t)
	alone, taught := NewTranslator(table, nil), NewTranslator(table, smallModel(t, 2))
	best := func(tr *Translator, word string) []Candidate {
		text := Cut(tok, word)
		return tr.Candidates(&text.Tokens[0], 5)
	}
	for word, want := range map[string]string{"技能": "skills", "improve": "提高", "Treaty": "条约"} {
		found := false
		for _, c := range best(alone, word) {
			found = found || c.Word == want
		}
		if !found {
			t.Errorf("%s: %+v lacks %s", word, best(alone, word), want)
		}
	}
	// 警告 and warned were linked in one of the pairs, and nothing else.
	got := best(taught, "警告")
	if len(got) == 0 || got[0].Word != "warned" || got[0].Count != 1 || len(got[0].Examples) != 1 {
		t.Errorf("警告: %+v", got)
	}
	for _, word := range []string{"，", "42"} {
		if got := best(taught, word); got != nil {
			t.Errorf("%s: %+v", word, got)
		}
	}
}
