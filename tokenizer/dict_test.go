package tokenizer

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// gseDict returns the path of gse's simplified Chinese dictionary.
func gseDict(tb testing.TB) string {
	tb.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-ego/gse").Output()
	if err != nil {
		tb.Skipf("needs the go command to find gse's dictionary: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "data", "dict", "zh", "s_1.txt")
}

// TestDictionary compares the embedded dictionary with the file it is made of,
// and with that the generator's folding with Fold.
func TestDictionary(t *testing.T) {
	file, err := os.Open(gseDict(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dict := builtin()
	missing := 0
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		word := strings.ToLower(fields[0])
		if isYear(word, 0) {
			continue // a number and 年
		}
		n, ok := dict.words.Find(Fold(word))
		if !ok {
			if Fold(word) == word {
				t.Fatalf("%s is missing", word)
			}
			missing++
			continue
		}
		if Fold(word) != fields[0] {
			continue // another line may have given the frequency
		}
		freq, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		if utf8.RuneCountInString(word) == 1 {
			freq = 2
		}
		if got := dict.words.Freq(n); int(got) != freq {
			t.Fatalf("%s has frequency %d, want %d", word, got, freq)
		}
		pos, known := ParsePOS(fields[2])
		if got, _ := dict.find(word); got != pos || !known {
			t.Fatalf("%s has tag %v, want %s", word, got, fields[2])
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if missing > 50 {
		t.Errorf("%d words are left out", missing)
	}
}

// TestFold_OpenCC compares the embedded table with OpenCC's list of characters.
func TestFold_OpenCC(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("internal", "gen", "opencc", "TSCharacters.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		want, _, _ := strings.Cut(to, " ")
		if got := Fold(from); got != Fold(want) {
			t.Errorf("%s folds to %s, want %s", from, got, want)
		}
	}
	if n < 4000 {
		t.Errorf("%d lines, want 4,000 and more", n)
	}
}

func TestBatch_EqualsTokenize(t *testing.T) {
	texts := append(sharedTexts(t, "xquad-zh"), sharedTexts(t, "xquad-en")...)
	tok := newTokenizer(t, Options{})
	for i, tokens := range tok.Batch(texts) {
		checkTokens(t, tok, texts[i], tokens)
		if diff := cmp.Diff(newTokenizer(t, Options{}).Tokenize(nil, texts[i]), tokens); diff != "" {
			t.Fatalf("%s:\n%s", texts[i], diff)
		}
	}
	if got := tok.Batch(nil); len(got) != 0 {
		t.Errorf("no texts give %v", got)
	}
}

// TestBatch_Bounded checks that what a worker remembers stays within its bounds.
func TestBatch_Bounded(t *testing.T) {
	tok := newTokenizer(t, Options{})
	var b strings.Builder
	for i := range 30000 {
		b.WriteString("中国人民")
		b.WriteRune(rune(0x4E00 + i%20000))
		b.WriteString("大学生")
		b.WriteRune(rune(0x5E00 + i%15000))
	}
	text := b.String()
	want := tok.Tokenize(nil, text)
	for range 3 {
		if !slices.Equal(want, tok.Tokenize(nil, text)) {
			t.Fatal("other tokens than the first time")
		}
	}
	tok.Tokenize(nil, "结束")
	for _, w := range tok.idle {
		if len(w.known) > maxKnown+1 || w.knownBytes > maxKnownBytes+100 {
			t.Errorf("a worker remembers %d pieces of %d bytes", len(w.known), w.knownBytes)
		}
	}
}

func TestTokenizer_Concurrent(t *testing.T) {
	texts := strings.SplitAfter(strings.Repeat("如何提高編程技能？他来到了网易杭研大厦。研究生命的起源GitHub；", 20), "；")
	for _, mode := range []Mode{Viterbi, HMM, Search} {
		tok := newTokenizer(t, Options{Mode: mode})
		want := tok.Batch(texts)
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				var got [][]Token
				if i%2 == 0 {
					got = tok.Batch(texts)
				} else {
					for _, text := range texts {
						got = append(got, tok.Tokenize(nil, text))
					}
				}
				if !slices.EqualFunc(got, want, slices.Equal[[]Token]) {
					t.Errorf("%v: other tokens than alone", mode)
				}
			})
		}
		wait.Wait()
	}
}

// TestBinary checks that a program with the tokenizer stays small: gse's embedded
// dictionaries, 30 MB, must not be reachable from it.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	path := filepath.Join(t.TempDir(), "tiny")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./testdata/tiny").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 12<<20 {
		t.Errorf("a program with the tokenizer has %d bytes, want less than 12 MB", info.Size())
	}
	out, err := exec.Command(path, "如何提高编程技能").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Fields(string(out)), []string{"如何", "提高", "编程", "技能"}; !slices.Equal(got, want) {
		t.Errorf("it prints %v, want %v", got, want)
	}
}
