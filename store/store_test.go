package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testMeta is the first Meta of test files.
var testMeta = Meta{
	Encoder: "default", EncoderFingerprint: "e5-128", Dim: 128,
	Tokenizer: "viterbi", TokenizerFingerprint: "abc", TokenizerVersion: 1,
	Options: []Pair{{"lang", "zh"}, {"mode", "viterbi"}},
}

// newStore makes a store in a temporary folder. When the test ends it is
// checked and closed.
func newStore(tb testing.TB) *Store {
	tb.Helper()
	return openStore(tb, filepath.Join(tb.TempDir(), "test.db"), Options{})
}

// openStore opens or makes the store at path, to be closed by the test's end.
func openStore(tb testing.TB, path string, o Options) *Store {
	tb.Helper()
	o.Create, o.Identity = &testMeta, 42
	s, err := Open(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// update and view fail the test if the transaction does.
func update(tb testing.TB, s *Store, fn func(*Tx) error) {
	tb.Helper()
	if err := s.Update(fn); err != nil {
		tb.Fatal(err)
	}
}

func view(tb testing.TB, s *Store, fn func(*Tx) error) {
	tb.Helper()
	if err := s.View(fn); err != nil {
		tb.Fatal(err)
	}
}

func TestStore_CreateAndReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := Open(path, Options{Create: &testMeta})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error { return tx.Put(Texts, []byte("k"), []byte("v")) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		s, err := Open(path, Options{ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		view(t, s, func(tx *Tx) error {
			v, err := tx.Get(Texts, []byte("k"))
			if string(v) != "v" {
				t.Errorf("got %q", v)
			}
			m, merr := tx.Meta()
			if diff := cmp.Diff(&testMeta, m); diff != "" {
				t.Error(diff)
			}
			if tx.Generation() != 1 {
				t.Errorf("generation %d", tx.Generation())
			}
			return errors.Join(err, merr)
		})
		err = s.Update(func(*Tx) error { return nil })
		if want := error(nil); readOnly {
			want = ErrReadOnly
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		} else if err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.View(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestStore_Words(t *testing.T) {
	s := newStore(t)
	var words []string
	for i := range 3000 {
		words = append(words, fmt.Sprintf("word%d", i*i))
	}
	update(t, s, func(tx *Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		return errors.Join(tx.AddWords(m, words[:700]), tx.AddWords(m, words[700:701]), tx.AddWords(m, words[701:]), tx.SetMeta(m))
	})
	view(t, s, func(tx *Tx) error {
		r := tx.WordReader()
		for i, w := range words {
			c, ok, err := r.Code(w)
			if err != nil || !ok || c != Code(i) {
				t.Fatalf("%q: %d %v %v", w, c, ok, err)
			}
			got, err := tx.Word(c)
			if got != w || err != nil {
				t.Fatalf("%d: %v %v", c, got, err)
			}
		}
		if _, ok, err := r.Code("other"); ok || err != nil {
			t.Error(ok, err)
		}
		n := 0
		for e, err := range tx.AllWords() {
			if err != nil || int(e.Code) != n || string(e.Word) != words[n] {
				t.Fatalf("word %d is %d, %.20q, %v", n, e.Code, e.Word, err)
			}
			n++
		}
		if n != len(words) {
			t.Errorf("%d of %d words", n, len(words))
		}
		return nil
	})
}
