package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// llama is a server with llama.cpp's two routes that cuts every text into the given
// pieces; vector i has the numbers i+1 and -1.
func llama(t *testing.T, pieces string, vectors int, nested bool) *Tokens {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request map[string]any
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request["model"] != "tiny" {
			t.Errorf("%v, %v", request, err)
		}
		switch r.URL.Path {
		case "/base/tokenize":
			if request["add_special"] != true || request["with_pieces"] != true {
				t.Errorf("asked for tokens by %v", request)
			}
			fmt.Fprintf(w, `{"tokens":[%s]}`, pieces)
		case "/base/embedding":
			var list []string
			for i := range vectors {
				list = append(list, fmt.Sprintf("[%d,-1]", i+1))
			}
			if nested {
				fmt.Fprintf(w, `[{"index":0,"embedding":[%s]}]`, strings.Join(list, ","))
			} else {
				fmt.Fprintf(w, `[{"index":0,"embedding":[0.5,1]}]`)
			}
		default:
			t.Errorf("path %s", r.URL.Path)
		}
	}))
	t.Cleanup(server.Close)
	tokens, err := NewTokens(Options{URL: server.URL + "/base/embedding/#tiny"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tokens.Close() })
	return tokens
}

func TestTokens(t *testing.T) {
	tokens := llama(t, `{"id":1,"piece":"[CLS]"},{"id":2,"piece":" embed"},{"id":3,"piece":"ding"},{"id":4,"piece":" 词"},{"id":5,"piece":[229]},{"id":6,"piece":[133,131]},{"id":7,"piece":"[SEP]"}`, 7, true)
	text := "Embedding  词元"
	got, err := tokens.Encode(context.Background(), text)
	want := []Token{{0, 5, []float32{2, -1}}, {5, 9, []float32{3, -1}}, {11, 14, []float32{4, -1}}, {14, 17, []float32{5, -1}}, {14, 17, []float32{6, -1}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, tokens (-want +got):\n%s", err, diff)
	}
	if got, err := tokens.Encode(context.Background(), " \n"); err != nil || got != nil {
		t.Errorf("an empty text: %v, %v", got, err)
	}
	if tokens.Name() != "http:tiny" {
		t.Errorf("name %q", tokens.Name())
	}
}

func TestTokens_Errors(t *testing.T) {
	for _, test := range []struct {
		name, pieces string
		vectors      int
		nested       bool
		message      string
	}{
		{"pooled", `{"piece":"a"}`, 0, false, "no array"},
		{"one vector for two", `{"piece":"a"},{"piece":"b"}`, 1, true, "--pooling none"},
		{"a piece of no kind", `{"piece":{}}`, 1, true, "neither a text nor"},
		{"a byte beyond", `{"piece":[300]}`, 1, true, "byte 300"},
	} {
		if _, err := llama(t, test.pieces, test.vectors, test.nested).Encode(context.Background(), "ab"); !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := NewTokens(Options{URL: "http://localhost/v1/embeddings"}); !errors.Is(err, ErrURL) {
		t.Errorf("another route: %v", err)
	}
	if !IsTokens("http://localhost:8080/embedding#m") || IsTokens("http://localhost:8080/v1/embeddings") {
		t.Error("routes are not told apart")
	}
}

func TestAlign(t *testing.T) {
	for _, test := range []struct {
		text   string
		pieces []string
		want   []string // what each piece stands for
	}{
		{"Hello wörld", []string{"<s>", "▁hello", "▁wor", "ld", "</s>"}, []string{"", "Hello", "wör", "ld", ""}},
		{"Hello world", []string{"Hello", "Ġworld"}, []string{"Hello", "world"}},
		{"playing 中国", []string{"[CLS]", "play", "##ing", "中", "国", "[SEP]"}, []string{"", "play", "ing", "中", "国", ""}},
		{"a ☃☃ b", []string{"a", "[UNK]", "b"}, []string{"a", "☃☃", "b"}},
		{"ＡＢＣ test", []string{"abc", " test"}, []string{"ＡＢＣ", "test"}},
		{"ﬁne", []string{"fi", "ne"}, []string{"ﬁ", "ne"}},
		{"## x", []string{"##", "x"}, []string{"##", "x"}},
		{"cafe\u0301s", []string{"cafe", "##s"}, []string{"cafe\u0301", "s"}},
		{"ab", []string{"a", "zzz", "b", "[SEP]"}, []string{"a", "", "b", ""}},
		{"", []string{"[CLS]", "[SEP]"}, []string{"", ""}},
	} {
		var got []string
		for _, s := range align(test.text, test.pieces) {
			got = append(got, test.text[s.start:s.end])
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

// FuzzAlign checks that parts are inside the text, in order and of whole characters.
func FuzzAlign(f *testing.F) {
	f.Add("Hello wörld ☃", "▁hello|▁wor|ld|[UNK]")
	f.Add("中国", "\xe4|\xb8\xad|国")
	f.Fuzz(func(t *testing.T, text, pieces string) {
		text = strings.ToValidUTF8(text, "?")
		last := 0
		for i, s := range align(text, strings.Split(pieces, "|")) {
			if s.start < 0 || s.end < s.start || s.end > len(text) || !utf8.ValidString(text[s.start:s.end]) {
				t.Fatalf("piece %d: %+v of %d bytes", i, s, len(text))
			}
			if s.end > s.start && s.start < last {
				t.Fatalf("piece %d: %+v begins before %d", i, s, last)
			}
			last = max(last, s.start)
		}
	})
}
