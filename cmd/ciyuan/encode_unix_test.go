//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// TestEncode_Reference compares what the command prints of a transformer, raw, with the
// hidden states and byte offsets of the library that the models come from.
func TestEncode_Reference(t *testing.T) {
	const tolerance = 1e-4 // of models/tiny
	for _, name := range []string{"bert", "roberta", "xlm-roberta", "gpt2", "distilbert"} {
		dir := testutil.Shared(t, filepath.Join("models/tiny", name))
		data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var expected struct {
			Cases []struct {
				Name    string      `json:"name"`
				Text    string      `json:"text"`
				Offsets [][2]int    `json:"byte_offsets"`
				Special []int       `json:"special_tokens_mask"`
				Hidden  [][]float64 `json:"last_hidden_state"`
			} `json:"cases"`
		}
		if err := json.Unmarshal(data, &expected); err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, c := range expected.Cases {
			if c.Name != "zh" && c.Name != "en" && c.Name != "mixed" {
				continue
			}
			var got encoding
			out := wantOK(t, t.TempDir(), "encode", "--encoder", "hf:"+dir, "--unit", "piece", "--raw", "--json", "--", c.Text)
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			at := 0
			for i, special := range c.Special {
				if special != 0 {
					continue
				}
				if at == len(got.Tokens) {
					t.Fatalf("%s, %s: %d tokens, more wanted", name, c.Name, at)
				}
				token := got.Tokens[at]
				at++
				if token.Start != c.Offsets[i][0] || token.End != c.Offsets[i][1] || len(token.Vector) != len(c.Hidden[i]) {
					t.Fatalf("%s, %s, token %d: %d to %d, %d columns; want %v", name, c.Name, i, token.Start, token.End, len(token.Vector), c.Offsets[i])
				}
				for k, want := range c.Hidden[i] {
					if math.Abs(float64(token.Vector[k])-want) > tolerance {
						t.Errorf("%s, %s, token %d, column %d: %g, want %g", name, c.Name, i, k, token.Vector[k], want)
					}
				}
				compared++
			}
			if at != len(got.Tokens) {
				t.Errorf("%s, %s: %d tokens, want %d", name, c.Name, len(got.Tokens), at)
			}
			// By words, every token is a word of the text, with a vector of length 1.
			out = wantOK(t, t.TempDir(), "encode", "--encoder", "hf:"+dir, "--json", "--", c.Text)
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			for _, token := range got.Tokens {
				var square float64
				for _, x := range token.Vector {
					square += float64(x) * float64(x)
				}
				if token.Token != c.Text[token.Start:token.End] || math.Abs(square-1) > 1e-4 && len(token.Vector) > 0 {
					t.Errorf("%s, %s: word %+v", name, c.Name, token)
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s: nothing was compared", name)
		}
	}
}

// TestEncode_Lines computes several lines at a time and prints them in their order.
func TestEncode_Lines(t *testing.T) {
	dir := testutil.Shared(t, "models/tiny/bert")
	var in strings.Builder
	for i := range 200 {
		fmt.Fprintf(&in, "line %d %s\n", i, strings.Repeat("词元 token ", i%7*(i%5)))
	}
	var first string
	for _, threads := range []string{"1", "2", "7"} {
		cmd := exec.Command(programName, "encode", "-", "--encoder", "hf:"+dir, "--json", "--threads", threads)
		cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(in.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(out)
		}
		if string(out) != first {
			t.Errorf("%s threads print something else than one", threads)
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(first), "\n") {
		var e encoding
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.Tokens) < 2 || e.Tokens[1].Token != strconv.Itoa(i) {
			t.Fatalf("line %d: %+v", i, e.Tokens)
		}
	}
}
