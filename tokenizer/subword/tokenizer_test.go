package subword

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

var fixtures = []string{"wordpiece", "bpe", "unigram"}

func fixture(t testing.TB, name string) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTokenize_Fixtures(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			tok := fixture(t, name)
			for _, want := range readCases(t, filepath.Join("testdata", name+".jsonl")) {
				compare(t, tok, want, 0)
			}
		})
	}
}

func TestTokenizer_Names(t *testing.T) {
	tok := fixture(t, "wordpiece")
	for id := range tok.Len() {
		piece := tok.Piece(uint32(id))
		if got, ok := tok.ID(piece); piece != "" && (!ok || got != uint32(id)) {
			t.Errorf("%d is %q, which is %d, %v", id, piece, got, ok)
		}
	}
	if _, ok := tok.ID("no such piece"); ok {
		t.Error("a piece that is not there has an id")
	}
	if got := tok.Piece(1 << 30); got != "" {
		t.Errorf("an id that is not there is %q", got)
	}
	if tok.Added() != 2 || tok.AddedToPair() != 3 {
		t.Errorf("%d and %d tokens are put in", tok.Added(), tok.AddedToPair())
	}
}

func TestTokenize_InvalidUTF8(t *testing.T) {
	for _, name := range fixtures {
		tok := fixture(t, name)
		for _, text := range []string{"\xff", "a\xe4\xb8", "\xf0\x9f", "词\x80元", strings.Repeat("\xc3", 300)} {
			checkSpans(t, name, tok, text)
		}
	}
}

// checkSpans checks what Tokenize promises of any text.
func checkSpans(t *testing.T, name string, tok *Tokenizer, text string) {
	t.Helper()
	for _, k := range tok.Tokenize(nil, text) {
		if k.Start < 0 || k.Start > k.End || k.End > len(text) {
			t.Fatalf("%s: %q: span %d to %d", name, text, k.Start, k.End)
		}
		if int(k.ID) >= tok.Len() {
			t.Fatalf("%s: %q: id %d of %d", name, text, k.ID, tok.Len())
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[k.Start:k.End]) {
			t.Fatalf("%s: %q: span %d to %d cuts a character", name, text, k.Start, k.End)
		}
	}
}

func TestTokenize_Appends(t *testing.T) {
	tok := fixture(t, "bpe")
	first := tok.Tokenize(nil, "one")
	both := tok.Tokenize(first, "one")
	if len(both) != 2*len(first) || both[0] != both[len(first)] {
		t.Errorf("%v, then %v", first, both)
	}
}

func TestTokenize_Concurrent(t *testing.T) {
	tok := fixture(t, "unigram")
	want := tok.Tokenize(nil, "词元是检索的最小单位 and more")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				got := tok.Tokenize(nil, "词元是检索的最小单位 and more")
				for i := range want {
					if got[i] != want[i] {
						t.Errorf("token %d is %v, want %v", i, got[i], want[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestTokenize_LongWord would take minutes if a merge looked at the whole word.
func TestTokenize_LongWord(t *testing.T) {
	for _, name := range fixtures {
		tok := fixture(t, name)
		text := strings.Repeat("tokenizer", 20_000)
		if n := len(tok.Tokenize(nil, text)); n == 0 || n > len(text) {
			t.Errorf("%s: %d tokens", name, n)
		}
	}
}

func TestParse_Errors(t *testing.T) {
	const vocab = `"vocab":{"[UNK]":0,"a":1}`
	tests := []struct {
		name, json string
		want       error
	}{
		{"nothing", ``, ErrFormat},
		{"cut short", `{"model":{"type":"WordPiece",` + vocab, ErrFormat},
		{"two values", `{"model":{"type":"WordPiece",` + vocab + `}}{}`, ErrFormat},
		{"no model", `{}`, ErrFormat},
		{"model twice", `{"model":{` + vocab + `},"model":{` + vocab + `}}`, ErrFormat},
		{"null model", `{"model":null}`, ErrFormat},
		{"no vocabulary", `{"model":{"type":"WordPiece"}}`, ErrFormat},
		{"vocabulary twice", `{"model":{` + vocab + `,` + vocab + `}}`, ErrFormat},
		{"wrong kind of vocabulary", `{"model":{"type":"Unigram",` + vocab + `}}`, ErrFormat},
		{"other model", `{"model":{"type":"WordLevel",` + vocab + `}}`, ErrUnsupported},
		{"unknown token missing", `{"model":{"type":"WordPiece","unk_token":"?",` + vocab + `}}`, ErrFormat},
		{"huge id", `{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":2000000000}}}`, ErrFormat},
		{"larger id", `{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":99999999999}}}`, ErrFormat},
		{"negative id", `{"model":{"type":"WordPiece","vocab":{"[UNK]":-1}}}`, ErrFormat},
		{"id as text", `{"model":{"type":"WordPiece","vocab":{"[UNK]":"0"}}}`, ErrFormat},
		{"unigram piece without score", `{"model":{"type":"Unigram","vocab":[["a"]]}}`, ErrFormat},
		{"unigram piece with three", `{"model":{"type":"Unigram","vocab":[["a",1,2]]}}`, ErrFormat},
		{"unigram unknown out of range", `{"model":{"type":"Unigram","unk_id":2,"vocab":[["a",-1]]}}`, ErrFormat},
		{"score overflows", `{"model":{"type":"Unigram","vocab":[["a",1e999]]}}`, ErrFormat},
		{"merge of one", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`, ErrFormat},
		{"merge of three", `{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","a","a"]]}}`, ErrFormat},
		{"merge of strangers", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`, ErrFormat},
		{"byte fallback", `{"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0},"merges":[]}}`, ErrUnsupported},
		{"normalizer", `{"normalizer":{"type":"Nmt"},"model":{` + vocab + `}}`, ErrUnsupported},
		{"normalizer of another type", `{"normalizer":7,"model":{` + vocab + `}}`, ErrFormat},
		{"look-ahead", `{"normalizer":{"type":"Replace","pattern":{"Regex":"a(?=b)"},"content":""},"model":{` + vocab + `}}`, ErrUnsupported},
		{"character map cut short", `{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"},"model":{` + vocab + `}}`, ErrFormat},
		{"character map that lies", `{"normalizer":{"type":"Precompiled","precompiled_charsmap":"/////w=="},"model":{` + vocab + `}}`, ErrFormat},
		{"pre-tokenizer", `{"pre_tokenizer":{"type":"UnicodeScripts"},"model":{` + vocab + `}}`, ErrUnsupported},
		{"metaspace of two", `{"pre_tokenizer":{"type":"Metaspace","replacement":"ab"},"model":{` + vocab + `}}`, ErrFormat},
		{"post-processor", `{"post_processor":{"type":"Other"},"model":{` + vocab + `}}`, ErrUnsupported},
		{"template without its token", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}]},"model":{` + vocab + `}}`, ErrFormat},
		{"template without its text", `{"post_processor":{"type":"TemplateProcessing","single":[],"pair":[]},"model":{` + vocab + `}}`, ErrFormat},
		{"id that is not there", `{"post_processor":{"type":"BertProcessing","sep":["a",1],"cls":["b",9]},"model":{` + vocab + `}}`, ErrFormat},
		{"added token with a huge id", `{"added_tokens":[{"id":4294967295,"content":"x"}],"model":{` + vocab + `}}`, ErrFormat},
		{"nested", `{"normalizer":` + strings.Repeat(`{"type":"Sequence","normalizers":[`, 100) + strings.Repeat(`]}`, 100) + `,"model":{` + vocab + `}}`, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.json)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestOpen_Missing(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestParse_Options goes through blocks that the fixtures do not have. The
// pieces that are expected were worked out by hand from the library's rules.
func TestParse_Options(t *testing.T) {
	const vocab = `"model":{"type":"Unigram","unk_id":0,"vocab":[["?",-9],["a",-1],["b",-1],["_",-1],["1",-1],["-",-1],["_a",-1],["__",-9]]}`
	tests := []struct{ name, blocks, text, want string }{
		{"none", ``, "a b", "a|?|b"},
		{"whitespace", `"pre_tokenizer":{"type":"Whitespace"},`, "a- b", "a|-|b"},
		{"punctuation", `"pre_tokenizer":{"type":"Punctuation"},`, "a--b", "a|-|-|b"},
		{"digits", `"pre_tokenizer":{"type":"Digits","individual_digits":true},`, "a11", "a|1|1"},
		{"metaspace always", `"pre_tokenizer":{"type":"Metaspace","replacement":"_"},`, "a a", "_a|_a"},
		{"metaspace never", `"pre_tokenizer":{"type":"Metaspace","replacement":"_","add_prefix_space":false},`, "a a", "a|_a"},
		{"metaspace first", `"added_tokens":[{"id":9,"content":"X"}],"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"first"},`, "aXa", "_a|X|a"},
		{"metaspace whole", `"pre_tokenizer":{"type":"Metaspace","replacement":"_","split":false},`, "  b", "_|_|b"},
		{"lower", `"normalizer":{"type":"Lowercase"},`, "AB", "a|b"},
		{"strip accents", `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"}]},`, "áb", "a|b"},
		{"prepend", `"normalizer":{"type":"Prepend","prepend":"_"},`, "a", "_a"},
		{"replace", `"normalizer":{"type":"Replace","pattern":{"String":"x"},"content":"ab"},`, "xa", "a|b|a"},
		{"split", `"pre_tokenizer":{"type":"Split","pattern":{"String":"_"},"behavior":"MergedWithPrevious"},`, "__ab_a", "_|_|a|b|_|a"},
		{"right strip", `"added_tokens":[{"id":9,"content":"X","rstrip":true}],`, "aX  b", "a|X|b"},
		{"single word", `"added_tokens":[{"id":9,"content":"a","single_word":true}],`, "ab a", "a|b|?|a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := Parse([]byte(`{` + tt.blocks + vocab + `}`))
			if err != nil {
				t.Fatal(err)
			}
			var pieces []string
			for _, k := range tok.Tokenize(nil, tt.text) {
				pieces = append(pieces, tok.Piece(k.ID))
			}
			if got := strings.Join(pieces, "|"); got != tt.want {
				t.Errorf("%q gives %s, want %s", tt.text, got, tt.want)
			}
		})
	}
}

// FuzzTokenize checks the promises about spans for any text.
func FuzzTokenize(f *testing.F) {
	var toks []*Tokenizer
	for _, name := range fixtures {
		toks = append(toks, fixture(f, name))
		for _, c := range readCases(f, filepath.Join("testdata", name+".jsonl")) {
			f.Add(c.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			checkSpans(t, fixtures[i], tok, text)
		}
	})
}

// FuzzParse checks that no file makes the reader or the tokenizer it gives
// panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"added_tokens":[{"id":3,"content":"X","lstrip":true,"rstrip":true,"normalized":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAAA"},{"type":"BertNormalizer","clean_text":true},{"type":"NFKC"},{"type":"Strip","strip_left":true}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"_"}]},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"s":{"ids":[1]}}},"model":{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["?",-9],["a",-1],["_a",-2e0]]}}`))
	f.Add([]byte(`{"pre_tokenizer":{"type":"ByteLevel"},"post_processor":{"type":"RobertaProcessing","sep":["a",0],"cls":["b",1]},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]],"unk_token":"a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("no sentinel: %v", err)
			}
			return
		}
		for _, text := range []string{"", "a ab X  b", "词元 e\u0301 ﬁ\x80"} {
			checkSpans(t, "fuzz", tok, text)
			tokens := tok.Tokenize(nil, text)
			tok.Assemble(tokens)
			tok.AssemblePair(tokens, nil)
		}
	})
}
