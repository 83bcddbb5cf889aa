package extract

import (
	"bytes"
	"path/filepath"
	"strings"
)

// Format says how a file is read.
type Format uint8

// The formats.
const (
	// Text: prose, its first line a title if it looks like one.
	Text Format = iota
	// Code: source code, tables, logs and everything else with an unknown
	// extension; no title.
	Code
	// Markdown: text kept as it is, title from the front matter or the first
	// heading.
	Markdown
	// HTML: title and visible text.
	HTML
	// JSONL: one record a line, see Records.
	JSONL
)

var formatText = [...]string{Text: "text", Code: "code", Markdown: "markdown", HTML: "html", JSONL: "jsonl"}

// String returns the format's name in lower case.
func (f Format) String() string {
	if int(f) >= len(formatText) {
		return "unknown"
	}
	return formatText[f]
}

// FormatOf returns the format that a file name stands for. A name without an
// extension is Text, one with an unknown extension is Code.
func FormatOf(name string) Format {
	switch ext := extension(name); ext {
	case "", "txt", "text", "rst":
		return Text
	case "md", "markdown", "mdown", "mkd", "mdx", "qmd":
		return Markdown
	case "html", "htm", "xhtml":
		return HTML
	case "jsonl", "ndjson":
		return JSONL
	}
	return Code
}

// FormatOfData returns the format of a stream without a name, from its first
// bytes: JSONL if the first character that is not white space opens an object,
// HTML if it starts with a doctype or an html tag, else Text.
func FormatOfData(head []byte) Format {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if len(head) > 0 && head[0] == '{' {
		return JSONL
	}
	for _, start := range []string{"<!doctype html", "<html"} {
		if len(head) >= len(start) && strings.EqualFold(string(head[:len(start)]), start) {
			return HTML
		}
	}
	return Text
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// binaryExtensions are formats that hold no text, or none that this package can
// read. Walk leaves them out by name, because opening each file of a folder of
// photographs at every run would cost more than everything else.
var binaryExtensions = setOf(`
	7z a aac ai aiff apk arrow avi avif bin bmp bz2 cab class db dll dmg doc docx dylib
	ear eot epub exe exr flac flv gif gz heic heif icns ico img iso jar jpeg jpg jxl
	lib lz4 m4a m4v mkv mobi mov mp3 mp4 mpeg mpg msi nes npy npz o odp ods
	odt ogg onnx opus otf pack parquet pdb pdf pickle pkl png ppt pptx psd pt pth pyc
	rar rlib rpm safetensors so sqlite sqlite3 swf tar tgz tif tiff ttf war wasm wav weba
	webm webp wma wmv woff woff2 xls xlsx xz zip zst`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

func binaryName(path string) bool { return binaryExtensions[extension(path)] }
