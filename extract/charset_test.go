package extract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	textunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

const (
	simplified  = "词元是嵌入式的检索引擎。\r\n它把文档切成词，每个词都有一个向量。"
	traditional = "詞元是嵌入式的檢索引擎。\r\n它把文件切成詞，每個詞都有一個向量。"
)

// written returns text in another character set.
func written(tb testing.TB, e encoding.Encoding, text string) string {
	tb.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

var (
	utf16le = textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM)
	utf16be = textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM)
)

func TestNewDocument_Charset(t *testing.T) {
	long := strings.Repeat("plain ASCII words ahead of the rest. ", 4000) // beyond the buffers
	mixed := "Go 语言 (golang) 的并发模型 goroutine 和 channel。"
	tests := []struct {
		name, data string
		charset    Charset
		want       string
	}{
		{"empty", "", UTF8, ""},
		{"ASCII", "hello\r\nworld", UTF8, "hello\r\nworld"},
		{"UTF-8", simplified, UTF8, simplified},
		{"UTF-8 with mark", "\ufeff" + simplified, UTF8, simplified},
		{"mark alone", "\ufeff", UTF8, ""},
		{"one character", "词", UTF8, "词"},
		{"GBK", written(t, simplifiedchinese.GBK, simplified), GB18030, simplified},
		{"GBK, two characters", written(t, simplifiedchinese.GBK, "你好"), GB18030, "你好"},
		{"GBK, mixed", written(t, simplifiedchinese.GBK, mixed), GB18030, mixed},
		{"GBK after much ASCII", long + written(t, simplifiedchinese.GBK, simplified), GB18030, long + simplified},
		{"GB18030, four bytes", written(t, simplifiedchinese.GB18030, simplified+"𠀀😀"), GB18030, simplified + "𠀀😀"},
		{"Big5", written(t, traditionalchinese.Big5, traditional), Big5, traditional},
		{"Big5 after much ASCII", long + written(t, traditionalchinese.Big5, traditional), Big5, long + traditional},
		{"rare names, GBK", written(t, simplifiedchinese.GBK, "翁帆、瞿秋白"), GB18030, "翁帆、瞿秋白"},
		{"UTF-16LE with mark", "\xff\xfe" + written(t, utf16le, simplified), UTF16LE, simplified},
		{"UTF-16BE with mark", "\xfe\xff" + written(t, utf16be, simplified), UTF16BE, simplified},
		{"UTF-16LE", written(t, utf16le, simplified), UTF16LE, simplified},
		{"UTF-16BE", written(t, utf16be, simplified), UTF16BE, simplified},
		{"UTF-16LE, English", written(t, utf16le, "hello\r\n"), UTF16LE, "hello\r\n"},
		{"UTF-32LE with mark", "\xff\xfe\x00\x00" + written(t, utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "词A"), UTF32LE, "词A"},
		{"UTF-32BE with mark", "\x00\x00\xfe\xff" + written(t, utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "词A"), UTF32BE, "词A"},
		{"windows-1252", written(t, charmap.Windows1252, "Le café “crème” à Orléans – naïve"), Windows1252, "Le café “crème” à Orléans – naïve"},
		{"windows-1252 after much ASCII", long + "caf\xe9", Windows1252, long + "café"},
		{"a broken byte in UTF-8", simplified + "\xff" + simplified, UTF8, simplified + "\ufffd" + simplified},
		{"broken bytes alone", "\xff\xff\xff", UTF8, "\ufffd"},
		{"cut off UTF-8", simplified[:len(simplified)-1], UTF8, strings.TrimSuffix(simplified, "。") + "\ufffd"},
		{"broken bytes after ASCII", "hello \xff\x80 world", UTF8, "hello \ufffd world"},
		{"NUL after the first 8 kB", strings.Repeat("a", 9000) + "\x00词", UTF8, strings.Repeat("a", 9000) + "\x00词"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, reader := range map[string]io.Reader{
				"whole":         strings.NewReader(test.data),
				"byte by byte":  iotest.OneByteReader(strings.NewReader(test.data)),
				"end with data": iotest.DataErrReader(strings.NewReader(test.data)),
			} {
				doc, err := NewDocument(reader, ReadOptions{Format: Code, Set: true})
				if err != nil {
					t.Fatal(err)
				}
				got, err := doc.Text()
				if err != nil {
					t.Fatal(err)
				}
				if doc.Charset() != test.charset || got != test.want {
					t.Errorf("%s: %v, %.200q; want %v, %.200q", name, doc.Charset(), got, test.charset, test.want)
				}
			}
		})
	}
}

// TestGuessCharset_Shared encodes the beginnings of real passages.
func TestGuessCharset_Shared(t *testing.T) {
	tests := []struct {
		set, member string
		encoding    encoding.Encoding
		want        Charset
	}{
		{"cmrc2018-dev/docs.jsonl", "text", simplifiedchinese.GBK, GB18030},
		{"xquad-zh/queries.jsonl", "text", simplifiedchinese.GBK, GB18030},
		{"pud-en-zh/pairs.jsonl", "zh", traditionalchinese.Big5, Big5},
	}
	for _, test := range tests {
		for _, runes := range []int{4, 8, 16, 64} {
			total, right := 0, 0
			for _, text := range members(t, testutil.Shared(t, "data/"+test.set), test.member) {
				if r := []rune(text); len(r) > runes {
					text = string(r[:runes])
				}
				data, err := test.encoding.NewEncoder().String(text)
				if err != nil || firstHigh([]byte(data)) < 0 {
					continue // a character that the set lacks
				}
				total++
				doc, err := NewDocument(strings.NewReader(data), ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := doc.Text()
				if err != nil {
					t.Fatal(err)
				}
				if doc.Charset() == test.want && got == text {
					right++
				}
			}
			share := float64(right) / float64(total)
			t.Logf("%s, %d characters: %d of %d (%.2f %%)", test.set, runes, right, total, 100*share)
			if floor := map[int]float64{4: .90, 8: .97, 16: .99, 64: .999}[runes]; share < floor {
				t.Errorf("%s, %d characters: %.4f recognised, floor %.4f", test.set, runes, share, floor)
			}
		}
	}
}

func members(t *testing.T, path, name string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var out []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var object map[string]any
		if err := json.Unmarshal(lines.Bytes(), &object); err != nil {
			t.Fatal(err)
		}
		out = append(out, object[name].(string))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNewDocument_Binary(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x01\x00\x08\x06\x00\x00\x00"
	for name, data := range map[string]string{
		"png": png, "elf": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9), "a NUL": "text\x00text",
		"NULs": strings.Repeat("\x00", 100), "a NUL in Chinese": simplified + "\x00",
	} {
		if _, err := NewDocument(strings.NewReader(data), ReadOptions{}); err != ErrBinary {
			t.Errorf("%s: %v, want ErrBinary", name, err)
		}
	}
	doc, err := NewDocument(strings.NewReader("a\x00词"), ReadOptions{Binary: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := doc.Text(); got != "a\x00词" || err != nil {
		t.Errorf("forced: %q, %v", got, err)
	}
}

func FuzzNewDocument(f *testing.F) {
	for _, format := range []Format{Text, Markdown, HTML} {
		for _, data := range []string{
			simplified, written(f, simplifiedchinese.GBK, simplified), written(f, traditionalchinese.Big5, traditional),
			written(f, utf16le, simplified), "\xff\xfe\x00", "---\ntitle: x\n---\n# y", "<p>a<script>b</script>\n&#10;<title>t",
			"<svg><svg></svg>x</svg>\r\n<pre> a\n b</pre>", "~~~\n# no\n~~~\nyes\n===\n", "caf\xe9",
		} {
			f.Add([]byte(data), uint8(format), uint8(7))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, format, step uint8) {
		opts := ReadOptions{Format: Format(format % 5), Set: format < 128, Binary: step%2 == 0}
		doc, err := NewDocument(bytes.NewReader(data), opts)
		if err != nil {
			if err != ErrBinary {
				t.Fatal(err)
			}
			return
		}
		if !utf8.ValidString(doc.Title) || utf8.RuneCountInString(doc.Title) > maxTitleRunes {
			t.Fatalf("title %q", doc.Title)
		}
		var text []byte
		p := make([]byte, utf8.UTFMax+int(step))
		for {
			n, err := doc.Read(p)
			if !utf8.Valid(p[:n]) {
				t.Fatalf("a read gave %q", p[:n])
			}
			text = append(text, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if doc.Charset() == UTF8 {
			if got, want := bytes.Count(text, []byte{'\n'}), bytes.Count(data, []byte{'\n'}); got != want {
				t.Fatalf("%d line ends, the file has %d: %q", got, want, text)
			}
			clean := strings.ToValidUTF8(string(bytes.TrimPrefix(data, []byte("\ufeff"))), "\ufffd")
			if doc.Format != HTML && string(text) != clean {
				t.Fatalf("got %q, want %q", text, clean)
			}
		}
		whole, err := NewDocument(iotest.OneByteReader(bytes.NewReader(data)), opts)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := whole.Text(); again != string(text) || err != nil || whole.Title != doc.Title {
			t.Fatalf("read byte by byte: %q, %v; want %q", again, err, text)
		}
	})
}
