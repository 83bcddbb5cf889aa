package safetensors

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// file returns a file with that header and n bytes of values, 0, 1, 2 …
func file(header string, n int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	out = append(out, header...)
	for i := range n {
		out = append(out, byte(i))
	}
	return out
}

func TestParse(t *testing.T) {
	f, err := Parse(file(`{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]},"empty":{"dtype":"F16","shape":[0,7],"data_offsets":[2,2]},"one":{"dtype":"I64","shape":[],"data_offsets":[10,18]}}   `, 18))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "empty", "one"}, f.Names()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"format": "pt"}, f.Metadata()); diff != "" {
		t.Error(diff)
	}
	b, ok := f.Tensor("b")
	if !ok || b.DType != F32 || !slices.Equal(b.Shape, []int{2, 1}) || !slices.Equal(b.Bytes(), []byte{2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("b is %+v", b)
	}
	v, err := b.Float32()
	if want := math.Float32frombits(0x05040302); err != nil || len(v) != 2 || v[0] != want {
		t.Errorf("b holds %v, %v; want %v first", v, err, want)
	}
	one, _ := f.Tensor("one")
	if one.Len() != 1 || one.DType.String() != "I64" {
		t.Errorf("one is %+v", one)
	}
	if _, err := one.Float32(); !errors.Is(err, ErrDType) {
		t.Errorf("an I64 tensor as float32: %v", err)
	}
	if e, _ := f.Tensor("empty"); e.Len() != 0 {
		t.Errorf("empty has %d values", e.Len())
	}
	if _, ok := f.Tensor("c"); ok {
		t.Error("there is no c")
	}
}

func TestParse_Damaged(t *testing.T) {
	const a = `"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}`
	huge := binary.LittleEndian.AppendUint64(nil, 10<<30)
	tests := []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"seven bytes", make([]byte, 7)},
		{"header longer than the file", file(`{`+a+`}`, 4)[:20]},
		{"10 GB header", append(huge, "{}"...)},
		{"largest length", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...)},
		{"no header", file("", 0)},
		{"no JSON", file("safetensors", 4)},
		{"a list", file("[]", 0)},
		{"two values", file("{}{}", 0)},
		{"unfinished", file("{"+a, 4)},
		{"name twice", file("{"+a+","+a+"}", 4)},
		{"key twice", file(`{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4)},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0)},
		{"metadata key twice", file(`{"__metadata__":{"a":"1","a":"2"}}`, 0)},
		{"metadata no text", file(`{"__metadata__":{"a":1}}`, 0)},
		{"unknown key", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}`, 4)},
		{"unknown type", file(`{"a":{"dtype":"U7","shape":[4],"data_offsets":[0,4]}}`, 4)},
		{"no type", file(`{"a":{"shape":[4],"data_offsets":[0,4]}}`, 4)},
		{"no shape", file(`{"a":{"dtype":"U8","data_offsets":[0,4]}}`, 4)},
		{"null shape", file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1)},
		{"no offsets", file(`{"a":{"dtype":"U8","shape":[4]}}`, 4)},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}`, 4)},
		{"negative dimension", file(`{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}`, 4)},
		{"fractional offset", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4.5]}}`, 4)},
		{"behind the end", file(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}`, 4)},
		{"backwards", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}`, 4)},
		{"shape too large", file(`{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,4]}}`, 4)},
		{"shape too small", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4)},
		{"shape overflows", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0)},
		{"shape overflows with its type", file(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0)},
		{"too many dimensions", file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 32)+`1],"data_offsets":[0,1]}}`, 1)},
		{"overlap", file(`{`+a+`,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6)},
		{"same place", file(`{`+a+`,"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4)},
		{"gap", file(`{`+a+`,"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`, 6)},
		{"rest", file(`{`+a+`}`, 5)},
		{"late start", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, 5)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(tt.data); !errors.Is(err, ErrFormat) {
				t.Errorf("got %v, want ErrFormat", err)
			}
		})
	}
}

func TestParse_LyingHeaderCostsNoMemory(t *testing.T) {
	data := append(binary.LittleEndian.AppendUint64(nil, 99_000_000), "{}"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Parse(data); !errors.Is(err, ErrFormat) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<16 {
		t.Errorf("%d bytes allocated", used)
	}
}

func TestFloat32_Types(t *testing.T) {
	tests := []struct {
		dtype string
		bytes []byte
		want  float32
	}{
		{"F16", []byte{0x00, 0xc1}, -2.5},
		{"BF16", []byte{0x20, 0xc0}, -2.5},
		{"F32", []byte{0, 0, 0x20, 0xc0}, -2.5},
		{"F64", []byte{0, 0, 0, 0, 0, 0, 0x04, 0xc0}, -2.5},
	}
	for _, tt := range tests {
		// Headers of eight lengths in a row put the values at every alignment.
		for pad := range 8 {
			d := parseDType(tt.dtype)
			header := `{"a":{"dtype":"` + tt.dtype + `","shape":[1],"data_offsets":[0,` + string(rune('0'+d.Bytes())) + `]}}` + strings.Repeat(" ", pad)
			f, err := Parse(append(file(header, 0), tt.bytes...))
			if err != nil {
				t.Fatal(err)
			}
			a, _ := f.Tensor("a")
			if v, err := a.Float32(); err != nil || len(v) != 1 || v[0] != tt.want {
				t.Errorf("%s with %d spaces: %v, %v", tt.dtype, pad, v, err)
			}
		}
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenDir_Shards(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one.safetensors", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4))
	write(t, dir, "two.safetensors", file(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2))
	write(t, dir, indexName, []byte(`{"metadata":{"total_size":6},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}`))
	f, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := f.Tensor("b"); !ok || !slices.Equal(b.Bytes(), []byte{0, 1}) {
		t.Errorf("b is %v", b)
	}
	if parts := f.Parts(); len(parts) != 2 || parts[0].Name != "one.safetensors" || len(parts[0].Values) != 4 {
		t.Errorf("parts are %v", parts)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if names := f.Names(); len(names) != 0 {
		t.Errorf("names after Close: %v", names)
	}

	write(t, dir, indexName, []byte(`{"weight_map":{"a":"one.safetensors","c":"two.safetensors"}}`))
	if _, err := OpenDir(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("a tensor that no shard has: %v", err)
	}
	write(t, dir, indexName, []byte(`{"weight_map":{"a":"three.safetensors"}}`))
	if _, err := OpenDir(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("a shard that is not there: %v", err)
	}
	for _, name := range []string{"../one.safetensors", "/etc/passwd", `..\\one`, "..", "", "c:one", `a\u0000b`} {
		write(t, dir, indexName, []byte(`{"weight_map":{"a":"`+name+`"}}`))
		if _, err := OpenDir(dir); !errors.Is(err, ErrFormat) {
			t.Errorf("the shard name %q: %v", name, err)
		}
	}
}

func TestOpen_Errors(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenDir(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder was opened as a file")
	}
	write(t, dir, fileName, nil)
	if _, err := OpenDir(dir); !errors.Is(err, ErrFormat) {
		t.Errorf("empty file: %v", err)
	}
}

func TestOpenDir_Reference(t *testing.T) {
	models := testutil.Shared(t, "models/tiny")
	for name, tensors := range map[string]int{"bert-f16-legacy": 42, "gpt2-bf16": 32, "xlm-roberta-sharded": 55} {
		f, err := OpenDir(filepath.Join(models, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := len(f.Names()); got != tensors {
			t.Errorf("%s has %d tensors, want %d", name, got, tensors)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzParse checks that no file makes the reader panic, and that what it
// accepts can be read.
func FuzzParse(f *testing.F) {
	f.Add(file(`{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}`, 10))
	f.Add(file(`{"a":{"dtype":"F16","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("not ErrFormat: %v", err)
			}
			return
		}
		for _, name := range file.Names() {
			tensor, _ := file.Tensor(name)
			if len(tensor.Bytes()) != tensor.Len()*tensor.DType.Bytes() {
				t.Fatalf("%v: %d bytes", tensor.Shape, len(tensor.Bytes()))
			}
			if v, err := tensor.Float32(); err == nil && len(v) != tensor.Len() {
				t.Fatalf("%v: %d values", tensor.Shape, len(v))
			}
		}
	})
}

// FuzzIndex checks that an index never names a file outside its folder.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":6},"weight_map":{"a":"one.safetensors","b":"../two"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		shards, err := parseIndex("index", data)
		if err != nil {
			return
		}
		for shard := range shards {
			if filepath.Base(shard) != shard || filepath.Dir(filepath.Join("d", shard)) != "d" {
				t.Fatalf("shard %q", shard)
			}
		}
	})
}
