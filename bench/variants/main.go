// Command variants ranks the shared test sets by every score that was tried, and prints
// the table of docs/ranking.md.
//
//	go run ./bench/variants                         all of them, some minutes
//	go run ./bench/variants -run BM25 -sets zh      some of them
//	go run ./bench/variants -update docs/ranking.md
//	go run ./bench/variants -out DIR                the rankings too, in the TREC form
//	go run ./bench/variants -synonyms FILE          also questions with synonyms swapped in
//
// The data is looked for in $CIYUAN_SHARED, else in ../shared.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A column is a test set and the metrics that are shown of it.
type column struct {
	name    string
	set     *eval.Set
	metrics []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("variants", flag.ContinueOnError)
	pattern := flags.String("run", "", "only the variants whose names match `REGEXP`, and the default")
	sets := flags.String("sets", "", "only the sets whose names match `REGEXP`")
	update := flags.String("update", "", "put the table between the marks of `FILE` instead of printing it")
	swap := flags.String("synonyms", "", "also questions with synonyms swapped in, from a `FILE` with a group a line")
	folder := flags.String("out", "", "write the rankings into `DIR`, a file for each set and variant")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	wantedSet, err := regexp.Compile(*sets)
	if err != nil {
		return fmt.Errorf("-sets: %w", err)
	}
	shared := cmp.Or(os.Getenv("CIYUAN_SHARED"), filepath.Join("..", "shared"))
	if data := filepath.Join(shared, "data"); isFolder(data) {
		shared = data
	}
	columns, err := load(shared)
	if err != nil {
		return err
	}
	enc, err := encoder.Default()
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return err
	}
	if *swap != "" {
		others, err := synonyms(*swap)
		if err != nil {
			return err
		}
		for _, c := range columns {
			if c.name == "zh, s" {
				columns = append(columns, column{"zh, s, synonyms", swapped(c.set, tok, others), c.metrics})
			}
		}
	}
	t := table{cells: map[string][]string{}}
	for _, c := range columns {
		if !wantedSet.MatchString(c.name) {
			continue
		}
		began := time.Now()
		if err := t.measure(ctx, c, enc, tok, wanted, *folder); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %.1f s\n", c.name, time.Since(began).Seconds())
	}
	if *update != "" {
		return t.update(*update)
	}
	_, err = io.WriteString(out, t.markdown())
	return err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// load makes the columns: the sets as they are, cut into sentences, and with questions
// in the other language.
func load(shared string) ([]column, error) {
	sets := map[string]*eval.Set{}
	for _, name := range []string{"cmrc2018-dev", "xquad-zh", "xquad-en", "cranfield"} {
		set, err := eval.Load(filepath.Join(shared, name))
		if err != nil {
			return nil, err
		}
		sets[name] = set
	}
	zhEn, err := eval.Cross(sets["xquad-zh"], sets["xquad-en"])
	if err != nil {
		return nil, err
	}
	enZh, err := eval.Cross(sets["xquad-en"], sets["xquad-zh"])
	if err != nil {
		return nil, err
	}
	sentences := func(set *eval.Set) *eval.Set {
		out, _ := eval.SplitSentences(set, func(text string) []eval.Span {
			var spans []eval.Span
			for _, s := range tokenizer.Sentences(text) {
				spans = append(spans, eval.Span(s))
			}
			return spans
		})
		return out
	}
	const mrr, ndcg, success = "mrr@10", "ndcg@10", "success@10"
	return []column{
		{"cmrc", sets["cmrc2018-dev"], []string{mrr}},
		{"zh", sets["xquad-zh"], []string{mrr}},
		{"en", sets["xquad-en"], []string{mrr}},
		{"cranfield", sets["cranfield"], []string{mrr, ndcg}},
		{"cmrc, s", sentences(sets["cmrc2018-dev"]), []string{mrr}},
		{"zh, s", sentences(sets["xquad-zh"]), []string{mrr}},
		{"en, s", sentences(sets["xquad-en"]), []string{mrr}},
		{"zh→en, s", sentences(zhEn), []string{mrr}},
		{"en→zh, s", sentences(enZh), []string{mrr}},
		{"zh→en", zhEn, []string{success}},
		{"en→zh", enZh, []string{success}},
	}, nil
}

// table has a row a variant and a column a set.
type table struct {
	head  []string
	names []string
	cells map[string][]string
}

// measure adds a column.
func (t *table) measure(ctx context.Context, c column, enc encoder.Static, tok *tokenizer.Tokenizer, wanted *regexp.Regexp, folder string) error {
	s, grams := newSet(c.set, enc, tok, false), newSet(c.set, enc, tok, true)
	for _, metric := range c.metrics {
		t.head = append(t.head, c.name+" "+metric)
	}
	var base *eval.Evaluation
	for _, v := range variants(s, grams) {
		if base != nil && !wanted.MatchString(v.name) {
			continue
		}
		run, err := v.on.Run(ctx, v.score())
		if err != nil {
			return err
		}
		if folder != "" {
			if err := writeRun(folder, c.name, v.name, run); err != nil {
				return err
			}
		}
		e := eval.Evaluate(c.set.Qrels, run)
		if t.cells[v.name] == nil {
			t.names = append(t.names, v.name)
		}
		for _, metric := range c.metrics {
			t.cells[v.name] = append(t.cells[v.name], cell(e, base, metric))
		}
		base = cmp.Or(base, e)
	}
	return nil
}

// cell shows a metric, marked where it is significantly above or below the default's.
func cell(e, base *eval.Evaluation, metric string) string {
	value, _ := e.Mean.Get(metric)
	text := fmt.Sprintf("%.2f", 100*value)
	if base == nil || eval.RandomizationTest(e.Values(metric), base.Values(metric), eval.Permutations, 1) >= 0.05 {
		return text
	}
	if standard, _ := base.Mean.Get(metric); value > standard {
		return text + "+"
	}
	return text + "−"
}

var unsafe = regexp.MustCompile(`[^\p{L}\p{N}.]+`)

// writeRun writes a ranking in the TREC form.
func writeRun(folder, set, variant string, run eval.Run) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	name := strings.Trim(unsafe.ReplaceAllString(set+" "+variant, "-"), "-")
	f, err := os.Create(filepath.Join(folder, name+".run"))
	if err != nil {
		return err
	}
	err = eval.WriteRun(f, run, "ciyuan")
	return errors.Join(err, f.Close())
}

func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString("| |")
	for _, h := range t.head {
		fmt.Fprintf(&b, " %s |", h)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(t.head)) + "\n")
	for _, name := range t.names {
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(t.cells[name], " | "))
	}
	return b.String()
}

// The marks in a file between which update puts the table.
const begin, end = "<!-- variants: begin -->\n", "<!-- variants: end -->"

func (t *table) update(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q", path, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(path, []byte(string(before)+begin+"\n"+t.markdown()+"\n"+end+string(after)), 0o644)
}
