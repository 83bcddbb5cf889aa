package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lines = `{"engine":"a","data":"small","recall@10":0.95,"cpu_ms":3.5,"value":4}
{"engine":"a","data":"small","recall@10":1,"cpu_ms":12}
{"engine":"<b>","data":"small","recall@10":0.7,"cpu_ms":400}
{"engine":"a","data":"large","recall@10":0.99,"cpu_ms":20}
{"something":"else"}
`

func TestRun(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.svg")
	if err := os.WriteFile(in, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-o", out, in}); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	for dec := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	// A circle for each of four points, and for each engine of each panel.
	if elements["g"] != 2 || elements["circle"] != 4+3 {
		t.Errorf("%d panels, %d circles", elements["g"], elements["circle"])
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") || strings.Contains(string(svg), "%!") {
		t.Errorf("bad numbers: %s", svg)
	}
}

func TestRun_Errors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := filepath.Join(dir, "out.svg")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "no file"},
		{[]string{filepath.Join(dir, "absent")}, "absent"},
		{[]string{write("empty", "")}, "no line"},
		{[]string{write("broken", `{"engine":`)}, "broken"},
	} {
		err := run(append([]string{"-o", out}, tt.args...))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got error %v, want one with %q", tt.args, err, tt.want)
		}
	}
}
