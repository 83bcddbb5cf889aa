package extract

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestOpen(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.md": "# 标题\r\n\r\n正文\r\n", "b.txt": "Notes\n\nbody\n", "c.go": "package c\n\nvar x int\n", "d.html": "<title>t</title>x",
		"e": "", "f.bin": "\x00\x01", "README": "词元\n====\n\nbody\n", "g.JSONL": `{"id":1}`,
	})
	tests := []struct {
		name, title, text string
		format            Format
	}{
		{"a.md", "标题", "# 标题\r\n\r\n正文\r\n", Markdown},
		{"b.txt", "Notes", "Notes\n\nbody\n", Text},
		{"c.go", "", "package c\n\nvar x int\n", Code},
		{"d.html", "t", "x", HTML},
		{"e", "", "", Text},
		{"README", "词元", "词元\n====\n\nbody\n", Text},
		{"g.JSONL", "", `{"id":1}`, JSONL},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, test.name)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := Open(path, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			text, err := doc.Text()
			if err != nil {
				t.Fatal(err)
			}
			if doc.Title != test.title || text != test.text || doc.Format != test.format {
				t.Errorf("%v, %q, %q", doc.Format, doc.Title, text)
			}
			if doc.Size != info.Size() || !doc.ModTime.Equal(info.ModTime()) {
				t.Errorf("size %d, time %v", doc.Size, doc.ModTime)
			}
			if err := doc.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := Open(filepath.Join(dir, "f.bin"), ReadOptions{}); !errors.Is(err, ErrBinary) || !strings.Contains(err.Error(), "f.bin") {
		t.Errorf("binary: %v", err)
	}
	if _, err := Open(dir, ReadOptions{}); !errors.Is(err, ErrNotRegular) && runtime.GOOS != "windows" {
		t.Errorf("a folder: %v", err)
	}
	// A file may vanish between the walk and the read.
	if _, err := Open(filepath.Join(dir, "gone.txt"), ReadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that has gone: %v", err)
	}
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		if err := os.Chmod(filepath.Join(dir, "b.txt"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(filepath.Join(dir, "b.txt"), ReadOptions{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("an unreadable file: %v", err)
		}
	}
}

// TestDocument_LongLine reads lines of 100 MB in small, constant memory.
func TestDocument_LongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB a case")
	}
	const size = 100 << 20
	for name, char := range map[string]string{"Chinese": "词", "ASCII": "a", "invalid": "\xff", "GBK": "\xb4\xca"} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			doc, err := NewDocument(io.LimitReader(repeat(char), size), ReadOptions{Format: Text, Set: true})
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 32<<10)
			total := 0
			for {
				n, err := doc.Read(p)
				if !utf8.Valid(p[:n]) {
					t.Fatal("half a character")
				}
				total += n
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
				t.Errorf("%d bytes allocated for %d bytes of text", allocated, total)
			}
		})
	}
}

func TestDocument_ReadError(t *testing.T) {
	broken := errors.New("broken disk")
	for name, ahead := range map[string]string{"at once": "", "later": strings.Repeat("词", peekBytes)} {
		for _, format := range []Format{Text, HTML} {
			reader := io.MultiReader(strings.NewReader(ahead), iotest.ErrReader(broken))
			doc, err := NewDocument(reader, ReadOptions{Format: format, Set: true})
			if err == nil {
				_, err = doc.Text()
			}
			if !errors.Is(err, broken) {
				t.Errorf("%s, %v: %v", name, format, err)
			}
		}
	}
}

func TestDocument_SmallReads(t *testing.T) {
	doc, err := NewDocument(strings.NewReader("a词b"), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := doc.Read(nil); n != 0 || err != nil {
		t.Errorf("an empty read: %d, %v", n, err)
	}
	// Smaller than a character: it is split, but nothing is lost.
	got, err := io.ReadAll(iotest.OneByteReader(doc))
	if string(got) != "a词b" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := doc.Close(); err != nil {
		t.Error(err)
	}
}

func TestFormat(t *testing.T) {
	for name, want := range map[string]Format{
		"a.MD": Markdown, "a/b.c/README": Text, "x.txt": Text, "x.HTM": HTML, "x.ndjson": JSONL, "main.go": Code, "x.csv": Code,
	} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for head, want := range map[string]Format{
		"": Text, "词": Text, "\ufeff\r\n {\"id\"": JSONL, "[1]": Text, " <!DOCTYPE HTML>": HTML, "<html lang=zh>": HTML, "<p>": Text,
	} {
		if got := FormatOfData([]byte(head)); got != want {
			t.Errorf("%q: %v, want %v", head, got, want)
		}
	}
	if Format(99).String() != "unknown" || Charset(99).String() != "unknown" || HTML.String() != "html" || Big5.String() != "big5" {
		t.Error("names")
	}
}

func BenchmarkDocument(b *testing.B) {
	text := strings.Repeat("词元是 embedded 检索引擎，", 1<<15)
	for _, format := range []Format{Text, HTML} {
		b.Run(format.String(), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				doc, err := NewDocument(strings.NewReader(text), ReadOptions{Format: format, Set: true})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen is what reading a small file costs.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("词元是检索引擎。", 20)), 0o644); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		doc, err := Open(path, ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := doc.Text(); err != nil {
			b.Fatal(err)
		}
		if err := doc.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
