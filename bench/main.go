// Command bench measures ciyuan on the shared evaluation data and prints what
// docs/benchmarks.md records: speed, memory, size on disk and quality of the
// ranking, each beside its goal, with the machine that it ran on.
//
//	go run ./bench                    everything
//	go run ./bench -run 'warm|add'    some parts; -list names them
//	go run ./bench -json              for programs
//
// The data is looked for in $CIYUAN_SHARED, else in ../shared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

// A part measures one thing.
type part struct {
	name  string
	about string
	run   func(ctx context.Context, b *bench) error
}

// parts in the order in which they run: what is timed comes first, while the
// process is small.
var parts = []part{
	{"cold", "a search as a whole process over 10,000 documents", measureCold},
	{"unchanged", "indexing an unchanged folder of 10,000 files again", measureUnchanged},
	{"binary", "size of the program", measureBinary},
	{"index", "from text to an index on one core", measureIndexing},
	{"add", "adding one document to 10,000", measureAdd},
	{"warm", "searches one after another in one process", measureWarm},
	{"typing", "searches at every key stroke, and their end", measureTyping},
	{"size", "bytes a token in the file", measureSize},
	{"recall", "the graph against the exact search", measureRecall},
	{"ranking", "quality of the ranking against BM25", measureRanking},
	{"length", "files of very different length", measureLength},
	{"segmentation", "words and parts of speech against a treebank, beside jieba", measureSegmentation},
	{"grades", "storage grades of token vectors against float32", measureGrades},
	{"cross", "questions in one language about texts in another", measureCross},
	{"answers", "questions answered from an index", measureAnswers},
	{"align", "words of two languages against links made by hand", measureAlignment},
	{"bounded", "memory of a process that indexes or searches 2 GB of text, or 10 million documents", measureBounded},
	{"memory", "fuzzy matches in a translation memory", measureMemory},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		var h hinted
		if errors.As(err, &h) {
			fmt.Fprintln(os.Stderr, "hint:", h.hint)
		}
		os.Exit(2)
	}
}

// hinted is an error that says what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// bench is what the parts share.
type bench struct {
	options
	shared string // folder of the sets
	dir    string // for scratch files, removed at the end
	report report

	program string              // path of the ciyuan program, once it is built
	indexes map[indexKey]string // -> path
	corpora map[string]corpus
}

type options struct {
	runs     int
	queries  int
	profiles string
	vectors  string // folder of make benchdata
	textMB   int    // text of the part bounded
	empties  int    // documents of the part bounded
	chosen   bool   // -run says which parts
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("run", "", "only the parts whose names match `REGEXP`")
	update := flags.String("update", "", "put the Markdown between the marks of `FILE` instead of printing it")
	asJSON := flags.Bool("json", false, "print JSON instead of Markdown")
	names := flags.Bool("list", false, "name the parts and end")
	b := &bench{indexes: map[indexKey]string{}, corpora: map[string]corpus{}}
	flags.IntVar(&b.runs, "runs", 5, "repeat what is timed `N` times")
	flags.IntVar(&b.queries, "queries", 150, "at most `N` queries of a set where not all of them are needed")
	flags.StringVar(&b.profiles, "profiles", "", "write CPU profiles of indexing and searching into `DIR`")
	flags.StringVar(&b.vectors, "vectors", filepath.Join("..", "benchdata"), "`DIR` of the token vectors that make benchdata makes")
	flags.IntVar(&b.textMB, "text", 2000, "index `MB` of text in the part bounded")
	flags.IntVar(&b.empties, "empty", 10_000_000, "index `N` documents without text in the part bounded")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b.chosen = *pattern != ""
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if b.runs < 1 || b.queries < 1 || b.textMB < 0 || b.empties < 0 {
		return errors.New("-runs and -queries must be at least 1, -text and -empty at least 0")
	}
	wanted, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if *names {
		for _, p := range parts {
			fmt.Fprintf(out, "%-10s %s\n", p.name, p.about)
		}
		return nil
	}
	if b.shared, err = sharedData(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "ciyuan-bench-"); err != nil {
		return err
	}
	err = b.measure(ctx, wanted)
	if err = errors.Join(err, os.RemoveAll(b.dir)); err != nil {
		return err
	}
	if *asJSON {
		return b.report.writeJSON(out)
	}
	if *update != "" {
		return b.report.update(*update)
	}
	return b.report.writeMarkdown(out)
}

// measure runs the parts that are wanted.
func (b *bench) measure(ctx context.Context, wanted *regexp.Regexp) error {
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o755); err != nil {
			return err
		}
	}
	var err error
	if b.report.Machine, err = describeMachine(b.dir); err != nil {
		return err
	}
	ran := false
	for _, p := range parts {
		if !wanted.MatchString(p.name) {
			continue
		}
		ran = true
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, p.about)
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %.1f s\n", p.name, time.Since(began).Seconds())
	}
	if !ran {
		return errors.New("-run matches no part; -list names them")
	}
	return nil
}

// sharedData returns the folder that holds the sets.
func sharedData() (string, error) {
	dir := os.Getenv("CIYUAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "shared")
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "cmrc2018-dev")); err != nil {
		return "", hinted{
			fmt.Errorf("the evaluation data is not there: %w", err),
			"set CIYUAN_SHARED to the folder that holds data/cmrc2018-dev, data/xquad-zh, data/xquad-en, data/cranfield, data/ud-zh-gsdsimp and data/pud-en-zh",
		}
	}
	return filepath.Abs(data)
}
