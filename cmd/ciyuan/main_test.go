package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"hash/crc32"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/bbolt"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

var update = flag.Bool("update", false, "write the output that scripts compare with into them")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){programName: main})
}

func TestScripts(t *testing.T) {
	shared := os.Getenv("CIYUAN_SHARED")
	if shared == "" {
		shared = filepath.Join(testutil.Root(), "..", "shared")
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SHARED", shared)
			env.Setenv("BERT", filepath.Join(testutil.Root(), "encoder", "transformer", "testdata", "bert"))
			// A program under the race detector sleeps a second when it ends.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		// [shared] holds where the evaluation data is there, [root] for the user
		// whom no permission stops.
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "shared":
				_, err := os.Stat(shared)
				return err == nil, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"age":       age,
			"hold":      hold,
			"sums":      sums,
			"explained": explained,
			"bytes":     writeBytes,
			"spoil":     spoil,
			"smash":     smash,
			"newer":     newer,
			"serve":     serve,
			"npy":       writeNPY,
			"chat":      chat,
		},
	})
}

// exits runs a program and checks its exit code: exits 2 ciyuan --bad.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program args...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("usage: exits code program args...: %v", err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// age gives files a time of change long past, the same for all: age file...
// Files that a script has just written would have to be read again by the next
// index run.
func age(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: age file...")
	}
	then := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, name := range args {
		ts.Check(os.Chtimes(ts.MkAbs(name), then, then))
	}
}

// writeBytes writes a file that is no text: bytes file '61 62 00'.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes file 'hex digits'")
	}
	data, err := hex.DecodeString(strings.ReplaceAll(args[1], " ", ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// spoil changes one bit of a file wherever a text stands in it, some of which
// may be pages that are not used any more: spoil file text.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil file text")
	}
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	spoilt := bytes.Clone([]byte(args[1]))
	spoilt[0] ^= 1
	if !bytes.Contains(data, []byte(args[1])) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	data = bytes.ReplaceAll(data, []byte(args[1]), spoilt)
	ts.Check(os.WriteFile(name, data, 0o600))
}

// smash fills a page of an index with ones: smash file page.
func smash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smash file page")
	}
	page, err := strconv.Atoi(args[1])
	ts.Check(err)
	const pageBytes = 4096
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xFF}, pageBytes), int64(page)*pageBytes)
	ts.Check(errors.Join(err, f.Close()))
}

// newer says in an index that it has format 99: newer file. docs/format.md has
// the layout of that record, which is the same in all formats.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer file")
	}
	db, err := bbolt.Open(ts.MkAbs(args[0]), 0o600, nil)
	ts.Check(err)
	value := append([]byte("ciyuan index\n\x63"), "identity"...)
	key := []byte("format")
	summed := append(make([]byte, 8), "meta\x00\x06format"...)
	value = binary.LittleEndian.AppendUint32(value, crc32.Checksum(append(summed, value...), crc32.MakeTable(crc32.Castagnoli)))
	ts.Check(db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put(key, value) }))
	ts.Check(db.Close())
}

// hold opens an index for writing, as another process would, until the script
// ends: hold file.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold file")
	}
	db, err := ciyuan.Open(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	ts.Defer(func() { ts.Check(db.Close()) })
}

// sums checks that the weights of tokens --pairs --json sum to 1, for each
// query token and over all rows: sums file.
func sums(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sums file")
	}
	var res ciyuan.TokensResult
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &res))
	total := 0.0
	for _, t := range res.Tokens {
		total += t.Score
	}
	weights := map[string]float64{"all rows": total}
	for _, p := range res.Pairs {
		weights[p.Query] += p.Weight
	}
	if len(weights) < 2 {
		ts.Fatalf("no pairs")
	}
	for query, sum := range weights {
		if math.Abs(sum-1) > 1e-9 {
			ts.Fatalf("the weights of %q sum to %v, not 1", query, sum)
		}
	}
}

// explained checks that the explanations of search --explain --json add up:
// explained file.
func explained(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: explained file")
	}
	var res ciyuan.Result
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &res))
	if len(res.Hits) == 0 {
		ts.Fatalf("no hits")
	}
	for _, h := range res.Hits {
		total := 0.0
		for _, w := range h.Explain.Words {
			for _, p := range w.Parts {
				total += p.Value
			}
		}
		if math.Abs(total-h.Score) > 1e-6 {
			ts.Fatalf("the parts of %s sum to %v, its score is %v", h.ID, total, h.Score)
		}
	}
}
