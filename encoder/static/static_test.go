package static

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// write puts contents into a file and returns its path.
func write(tb testing.TB, contents string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "table")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// entry is a Row that owns its vector.
type entry struct {
	Word   string
	Vector []float32
	Count  int64
}

// readAll parses contents and reads every row until the first error.
func readAll(tb testing.TB, contents string, opts *Options) (Info, []entry, Skipped, error) {
	tb.Helper()
	source, err := parse([]byte(contents), io.NopCloser(nil), opts)
	if err != nil {
		return Info{}, nil, Skipped{}, err
	}
	defer func() {
		if err := source.Close(); err != nil {
			tb.Error(err)
		}
	}()
	var entries []entry
	for row, err := range source.Rows() {
		if err != nil {
			return source.Info(), entries, source.Skipped(), err
		}
		entries = append(entries, entry{row.Word, append([]float32(nil), row.Vector...), row.Count})
	}
	return source.Info(), entries, source.Skipped(), nil
}

// word2vecFile returns a binary file with the header as given.
func word2vecFile(header string, newline bool, words []string, vectors ...[]float32) string {
	var b bytes.Buffer
	b.WriteString(header)
	for i, word := range words {
		b.WriteString(word + " ")
		for _, v := range vectors[i] {
			_ = binary.Write(&b, binary.LittleEndian, v) // a Buffer takes everything
		}
		if newline {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestOpen_Formats(t *testing.T) {
	want := []entry{{Word: "词元", Vector: []float32{1, -0.5, 0.25}}, {Word: "token", Vector: []float32{0, 2e-3, -1e9}}}
	words, a, b := []string{"词元", "token"}, want[0].Vector, want[1].Vector
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("词元 1 -0.5 0.25\ntoken 0 2e-3 -1e9\n")
	if err != nil {
		t.Fatal(err)
	}
	gbWord, _, _ := strings.Cut(gb, " ")
	for _, test := range []struct {
		name, contents string
		info           Info
		skipped        Skipped
	}{
		{"word2vec text", "2 3\n词元 1 -0.5 0.25\ntoken 0 2e-3 -1e9\n", Info{Word2VecText, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"no final newline", "2 3\n词元 1 -0.5 0.25\ntoken 0 2e-3 -1e9", Info{Word2VecText, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"fastText .vec", "2 3\n词元 1 -0.5 0.25 \ntoken 0 2e-3 -1e9 \n", Info{Word2VecText, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"tabs, CRLF, byte-order mark", "\xef\xbb\xbf2 3\r\n词元\t1\t-0.5\t0.25\r\ntoken  0 2e-3  -1e9\r\n", Info{Word2VecText, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"GloVe", "词元 1 -0.5 0.25\ntoken 0 2e-3 -1e9\n", Info{GloVe, 3, -1, charsetUTF8, 0, ""}, Skipped{}},
		{"blank lines", "\n词元 1 -0.5 0.25\n\n  \ntoken 0 2e-3 -1e9\n\n", Info{GloVe, 3, -1, charsetUTF8, 0, ""}, Skipped{Empty: 4}},
		{"empty word", "词元 1 -0.5 0.25\n 5 5 5\ntoken 0 2e-3 -1e9\n", Info{GloVe, 3, -1, charsetUTF8, 0, ""}, Skipped{Empty: 1}},
		{"a cut word", "词元 1 -0.5 0.25\na 1 1 1\n词\xe5 1 1 1\ntoken 0 2e-3 -1e9\n三 1 2 3\n四 1 2 3\n五 1 2 3\n", Info{GloVe, 3, -1, charsetUTF8, 0, ""}, Skipped{Invalid: 1}},
		{"GB 18030", gb, Info{GloVe, 3, -1, charsetGB18030, 0, ""}, Skipped{}},
		{"word2vec binary", word2vecFile("2 3\n", true, words, a, b), Info{Word2VecBinary, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"word2vec binary without newlines", word2vecFile("2 3\n", false, words, a, b), Info{Word2VecBinary, 3, 2, charsetUTF8, 0, ""}, Skipped{}},
		{"word2vec binary in GB 18030", word2vecFile("2 3\n", true, []string{gbWord, "token"}, a, b), Info{Word2VecBinary, 3, 2, charsetGB18030, 0, ""}, Skipped{}},
		{"word2vec binary, empty word", word2vecFile("3 3\n", true, []string{"词元", "", "token"}, a, a, b), Info{Word2VecBinary, 3, 3, charsetUTF8, 0, ""}, Skipped{Empty: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			info, got, skipped, err := readAll(t, test.contents, nil)
			if err != nil {
				t.Fatal(err)
			}
			if info != test.info {
				t.Errorf("info %+v, want %+v", info, test.info)
			}
			if len(got) > len(want) {
				got = got[:len(want)]
			}
			if diff := cmp.Diff(want, got); diff != "" && test.name != "a cut word" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if skipped != test.skipped {
				t.Errorf("skipped %+v, want %+v", skipped, test.skipped)
			}
		})
	}
}

func TestOpen_WordsWithSpaces(t *testing.T) {
	_, got, _, err := readAll(t, "the 1 2\n. . . 3 4\nto name@domain.com 5 6\n7 7 8\nNew\u00a0York 9 10\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range got {
		words = append(words, e.Word)
	}
	if diff := cmp.Diff([]string{"the", ". . .", "to name@domain.com", "7", "New\u00a0York"}, words); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestOpen_Errors(t *testing.T) {
	good := word2vecFile("2 3\n", true, []string{"a", "b"}, []float32{1, 2, 3}, []float32{4, 5, 6})
	nan := float32(math.NaN())
	for _, test := range []struct {
		name, contents string
		want           error
		message        string
	}{
		{"empty", "", ErrTruncated, "empty"},
		{"only blank lines", "\n\n \n", ErrTruncated, "blank"},
		{"prose", "Once upon a time\nthere was\n", ErrFormat, "line 1"},
		{"a bolt file", "\x00\x00\x00\x00\x00\xed\xda\x0c\xed", ErrFormat, "line 1"},
		{"header alone", "2 3", ErrTruncated, "header"},
		{"no dimension", "2 0\na\nb\n", ErrDimension, "line 1"},
		{"huge dimension", "2 99999999\na 1\n", ErrDimension, "line 1"},
		{"ten billion rows", "10000000000 300\na 1\n", ErrTruncated, "line 1"},
		{"rows beyond integers", "99999999999999999999999 300\na 1\n", ErrTruncated, "line 1"},
		{"column missing", "a 1 2 3\nb 1 2\n", ErrDimension, "line 2"},
		{"column too many", "a 1 2 3\nb 1 2 3 4\n", ErrDimension, "line 2"},
		{"not a number", "a 1 2 3\nb 1 x 3\n", ErrFormat, `line 2: word "b": column 2`},
		{"NaN", "a 1 2 3\n\nb 1 nan 3\n", ErrNotFinite, `line 3: word "b": column 2`},
		{"infinity", "a 1 2 3\nb 1 2 -Inf\n", ErrNotFinite, `line 2: word "b": column 3`},
		{"no float32", "a 1 2 3\nb 1e39 2 3\n", ErrNotFinite, `line 2: word "b": column 1`},
		{"NaN in the first row of GloVe", "a nan 2 3\nb 1 2 3\n", ErrNotFinite, `line 1: word "a": column 1`},
		{"NaN in the first row behind a header", "2 3\n词元 1 nan 3\nb 1 2 3\n", ErrNotFinite, `line 2: word "词元": column 2`},
		{"nothing but NaN behind a header", "2 3\na nan nan nan\nb nan nan nan\n", ErrNotFinite, `line 2: word "a"`},
		{"NaN as C prints it, behind a header", "2 2\na -nan -nan(ind)\nb 1 2\n", ErrNotFinite, `line 2: word "a": column 2`},
		{"NaN as C prints it, in GloVe", "a -NaN 1.#QNAN\nb 1 2\n", ErrNotFinite, `line 1: word "a": column 2`},
		{"a long file whose first row has no numbers", "99 3\na x y z\n" + strings.Repeat("b 1.5 2.5 3.5\n", 98), ErrFormat, `line 2: word "a": column 3`},
		{"infinity in the first row behind a header", "\ufeff2 3\r\na -inf 2 3\r\nb 1 2 3\r\n", ErrNotFinite, `line 2: word "a"`},
		{"no float32 in the first row behind a header", "2 3\na 1e999 2 3\nb 1 2 3\n", ErrNotFinite, `line 2: word "a"`},
		{"no number in the first row behind a header", "2 3\na 1 x 3\nb 1 2 3\n", ErrFormat, `line 2: word "a": column 2`},
		{"column missing in the first row behind a header", "2 3\na 1 2\nb 1 2 3\n", ErrDimension, `line 2: word "a"`},
		{"column too many in the first row behind a header", "2 3\na 1 2 3 4\nb 1 2 3\n", ErrDimension, `line 2: word "a"`},
		{"rows missing", "3 2\na 1 2\nb 1 2\n", ErrTruncated, "2 rows of the 3"},
		{"rows too many", "1 2\na 1 2\nb 1 2\n", ErrFormat, "line 3"},
		{"binary cut in a vector", good[:len(good)-3], ErrTruncated, "offset 19: "},
		{"binary cut in a word", word2vecFile("2 3\n", true, []string{"a"}, []float32{1, 2, 3}) + "bbbbbbbbbbbbb", ErrTruncated, "1 rows of 2"},
		{"binary with more", good + "c 123", ErrFormat, "after the last"},
		{"binary NaN", word2vecFile("1 3\n", true, []string{"a"}, []float32{1, nan, 3}), ErrNotFinite, `row 1: word "a": `},
		{"binary word without end", "2 1\n" + strings.Repeat("a\x01", 5000), ErrFormat, "no word ends"},
		{"no charset", "词\xff 1 2\n元\xfe 1 2\n", ErrCharset, "2 words beyond ASCII"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, _, err := readAll(t, test.contents, nil)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.message) {
				t.Errorf("error %q does not say %q", err, test.message)
			}
		})
	}
	if _, _, _, err := readAll(t, "a 1\n", &Options{Charset: "latin-1"}); !errors.Is(err, ErrCharset) {
		t.Errorf("unknown charset: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

// expected reads what fasttext print-word-vectors printed.
func expected(t *testing.T, name string) []entry {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []entry
	for scan := bufio.NewScanner(f); scan.Scan(); {
		fields := strings.Split(strings.TrimRight(scan.Text(), " "), " ")
		e := entry{Word: fields[0]}
		for _, field := range fields[1:] {
			v, err := strconv.ParseFloat(field, 32)
			if err != nil {
				t.Fatal(err)
			}
			e.Vector = append(e.Vector, float32(v))
		}
		entries = append(entries, e)
	}
	return entries
}

// closeTo reports whether b is a, rounded to the five digits that fasttext prints.
func closeTo(a, b float32) bool {
	if b == 0 {
		return math.Abs(float64(a)) < 1e-9
	}
	digit := math.Pow(10, math.Floor(math.Log10(math.Abs(float64(b))))-4)
	return math.Abs(float64(a)-float64(b)) <= 0.51*digit
}

// TestFastText_AgainstCommand compares with vectors that the fasttext command
// printed for words inside and outside of the dictionary.
func TestFastText_AgainstCommand(t *testing.T) {
	for _, test := range []struct {
		name           string
		grams          encoder.Grams
		labels         int
		inside, absent int // least number of words in the dictionary, number without a vector
	}{
		{"grams", encoder.Grams{Min: 2, Max: 5, Buckets: 1500}, 0, 75, 0},
		{"plain", encoder.Grams{}, 0, 75, 116},
		{"classifier", encoder.Grams{Min: 1, Max: 3, Buckets: 300}, 2, 75, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			source, err := Open(filepath.Join("testdata", test.name+".bin"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			f, ok := source.(*FastText)
			if !ok {
				t.Fatalf("opened as %v", source.Info())
			}
			if f.Grams() != test.grams || f.Labels() != test.labels {
				t.Errorf("grams %+v, labels %d", f.Grams(), f.Labels())
			}
			inside := map[string][]float32{}
			for row, err := range f.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				inside[row.Word] = append([]float32(nil), row.Vector...)
				if row.Count <= 0 {
					t.Errorf("%s: count %d", row.Word, row.Count)
				}
			}
			var known, absent int
			for _, want := range expected(t, test.name+".expected") {
				got, ok, err := f.Vector(nil, want.Word)
				if err != nil || len(got) != len(want.Vector) {
					t.Fatalf("%s: %d columns, %v", want.Word, len(got), err)
				}
				if !ok {
					absent++
				}
				for i := range got {
					if !closeTo(got[i], want.Vector[i]) {
						t.Errorf("%s: column %d is %g, fasttext has %g", want.Word, i, got[i], want.Vector[i])
					}
				}
				if v, ok := inside[want.Word]; ok {
					known++
					if diff := cmp.Diff(got, v); diff != "" {
						t.Errorf("%s: Vector and Rows differ: %s", want.Word, diff)
					}
				}
			}
			if known < test.inside || absent != test.absent {
				t.Errorf("%d words inside the dictionary, %d without vector", known, absent)
			}
		})
	}
}

// TestFastText_VecAgrees compares the model with the .vec file written with it.
func TestFastText_VecAgrees(t *testing.T) {
	model, err := Open("testdata/grams.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	contents, err := os.ReadFile("testdata/grams.vec")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _, err := readAll(t, string(contents), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for row, err := range model.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if row.Word != want[i].Word {
			t.Fatalf("row %d is %q, in .vec %q", i, row.Word, want[i].Word)
		}
		for c := range row.Vector {
			if !closeTo(row.Vector[c], want[i].Vector[c]) {
				t.Errorf("%s: column %d is %g, in .vec %g", row.Word, c, row.Vector[c], want[i].Vector[c])
			}
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d rows, .vec has %d", i, len(want))
	}
}

func TestFastText_Errors(t *testing.T) {
	good, err := os.ReadFile("testdata/grams.bin")
	if err != nil {
		t.Fatal(err)
	}
	patch := func(at int, value uint32) string {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[at:], value)
		return string(b)
	}
	ftz, err := os.ReadFile("testdata/classifier.ftz")
	if err != nil {
		t.Fatal(err)
	}
	// The first component of the last input row lies 8*4 bytes before the
	// output matrix of 76 x 8 with its 17 bytes of head.
	lastRow := len(good) - 76*8*4 - 17 - 8*4
	huge := bytes.Clone(good) // every component the largest float32
	for at := lastRow - (75+1500)*8*4; at < lastRow+8*4; at += 4 {
		binary.LittleEndian.PutUint32(huge[at:], 0x7f7fffff)
	}
	foreign := bytes.Clone(good) // words of bytes that are a character in GB 18030, in pairs, and none in UTF-8
	for at := 92; at < lastRow-(75+1500)*8*4; at++ {
		if foreign[at] >= 0x80 {
			foreign[at] = 0xb0
		}
	}
	for _, test := range []struct {
		name, contents string
		want           error
	}{
		{"words that are not UTF-8", string(foreign), ErrCharset},
		{"sums beyond float32", string(huge), ErrNotFinite},
		{"quantised", string(ftz), ErrQuantized},
		{"magic alone", string(good[:4]), ErrTruncated},
		{"newer version", patch(4, 13), ErrFormat},
		{"no columns", patch(8, 0), ErrDimension},
		{"too many columns", patch(8, 1<<17), ErrDimension},
		{"other columns", patch(8, 9), ErrDimension},
		{"negative buckets", patch(40, 1<<31), ErrFormat},
		{"other buckets", patch(40, 1501), ErrDimension},
		{"no buckets", patch(40, 0), ErrDimension},
		{"endless n-grams", patch(48, 1<<30), ErrFormat},
		{"two billion words", patch(64, 1<<31-1), ErrFormat},
		{"as many entries", string(append(append(bytes.Clone(good[:64]), "\xff\xff\xff\x7f\xff\xff\xff\x7f\x00\x00\x00\x00"...), good[76:]...)), ErrTruncated},
		{"pruned", patch(88, 0), ErrQuantized},
		{"NaN in a word's row", patch(lastRow-1499*8*4-8*4, 0x7fc00000), ErrNotFinite},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, _, err := readAll(t, test.contents, nil); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	for n := 4; n < len(good); n += max(1, len(good)/300) {
		if _, _, _, err := readAll(t, string(good[:n]), nil); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"grams.bin", "plain.bin", "classifier.ftz", "grams.vec"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 8192)])
		f.Add(b)
	}
	f.Add([]byte("the 1 2\n. . . 3 4\n"))
	f.Add([]byte("2 3\n词元 1 -0.5 0.25\ntoken 0 2e-3 -1e9\n"))
	f.Add([]byte(word2vecFile("2 3\n", true, []string{"a", "b"}, []float32{1, 2, 3}, []float32{4, 5, 6})))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, entries, _, err := readAll(t, string(data), nil)
		for i, e := range entries {
			if e.Word == "" || len(e.Vector) != info.Dim {
				t.Fatalf("row %d: %q with %d columns", i, e.Word, len(e.Vector))
			}
			for _, v := range e.Vector {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					t.Fatalf("row %d is not finite", i)
				}
			}
		}
		known := []error{ErrFormat, ErrTruncated, ErrDimension, ErrNotFinite, ErrCharset, ErrQuantized}
		if err != nil {
			for _, k := range known {
				if errors.Is(err, k) {
					return
				}
			}
			t.Fatalf("unknown error %v", err)
		}
		if info.Rows >= 0 && info.Kind != FastTextBin && len(entries) > info.Rows {
			t.Fatalf("%d rows of %d", len(entries), info.Rows)
		}
	})
}

func BenchmarkText(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "word%d", i)
		for c := range 300 {
			fmt.Fprintf(&text, " %.5f", float64(i*c%1000)/1000-0.5)
		}
		text.WriteByte('\n')
	}
	source, err := Open(write(b, text.String()), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		for _, err := range source.Rows() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
