package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func benchCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "bench",
		Usage: "measure an index of token vectors: building, searching, recall",
		Description: `Makes an index of the token vectors of NAME in DIR, as import-vectors reads them, and
answers the queries of queries.vec.npy and queries.len.npy with it. Recall is the share
of the documents of an exact search that are found: with --exact-from index of one that
compares all vectors as they are stored, with float32 of one that compares those of the
files. Times of queries are of one thread; where the machine does other things,
processor time is what counts.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "vectors", Usage: "the `DIR` with the token vectors"},
			&cli.StringFlag{Name: "name", Usage: "the `NAME` of the files, where DIR has those of several"},
			gradeFlag(),
			choice("exact-from", "index", "what recall is measured against", "index", "float32"),
			&cli.IntFlag{Name: "documents", Usage: "only the first `NUMBER` documents; 0 is all"},
			&cli.IntFlag{Name: "queries", Usage: "the `NUMBER` of queries, evenly spread; 0 is all"},
			&cli.StringFlag{Name: "depths", Usage: "how far to look, `PROBES/PASSAGES`, separated by commas, instead of fast, default and best"},
			&cli.IntFlag{Name: "add", Value: 20, Usage: "the `NUMBER` of documents to add again, one by one, at the end"},
			&cli.StringFlag{Name: "keep", Usage: "keep the index as `FILE`; one that is there is used as it is", TakesFile: true},
			jsonFlag(),
		},
		Action: c.bench,
	})
}

// benchResult is what bench has measured. Times are seconds or milliseconds, memory and
// files bytes.
type benchResult struct {
	Name      string       `json:"name"`
	Grade     string       `json:"grade"`
	Documents int          `json:"documents"`
	Tokens    int          `json:"tokens"`
	Leaders   int          `json:"leaders"`
	Build     *benchBuild  `json:"build,omitempty"`
	File      int64        `json:"file_bytes"`
	PerToken  float64      `json:"bytes_per_token"`
	First     benchTimes   `json:"open_and_first_query_ms"`
	Queries   int          `json:"queries"`
	Exact     float64      `json:"exact_cpu_ms"` // of a query
	Search    []benchDepth `json:"search"`
	Anon      int64        `json:"search_peak_anon_bytes"`
	Mapped    int64        `json:"search_peak_file_bytes"`
	Add       benchTimes   `json:"add_ms"`
}

type benchBuild struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Rate    float64 `json:"tokens_per_cpu_second"`
	Anon    int64   `json:"peak_anon_bytes"`
	Mapped  int64   `json:"peak_file_bytes"`
}

type benchDepth struct {
	Depth     string  `json:"depth"`
	CPU       float64 `json:"cpu_ms"` // mean of a query
	Mean      float64 `json:"mean_ms"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	Recall10  float64 `json:"recall@10"`
	Recall100 float64 `json:"recall@100"`
	Postings  float64 `json:"postings"`
}

type benchTimes struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

func timesOf(ms []float64) benchTimes {
	if len(ms) == 0 {
		return benchTimes{}
	}
	slices.Sort(ms)
	return benchTimes{ms[len(ms)/2], ms[min(len(ms)-1, len(ms)*95/100)]}
}

func (c *console) bench(ctx *cli.Context) (err error) {
	dir := ctx.String("vectors")
	if dir == "" || ctx.NArg() > 0 {
		return usagef("bench needs --vectors DIR").hint("see: " + programName + " bench --help")
	}
	options, err := benchOptions(ctx.String("depths"))
	if err != nil {
		return err
	}
	set, err := openVectorSet(dir, ctx.String("name"))
	if err != nil {
		return err
	}
	defer func() { _ = set.close() }() // only read
	if n := ctx.Int("documents"); n > 0 {
		set.cut(n)
	}
	queries, err := openVectorSet(dir, "queries")
	if err != nil {
		return err
	}
	defer func() { _ = queries.close() }() // only read
	if queries.dim != set.dim {
		return fmt.Errorf("%s: queries of %d dimensions, documents of %d", dir, queries.dim, set.dim)
	}
	file := ctx.String("keep")
	if file == "" {
		temp, err := os.MkdirTemp("", programName+"-bench")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
		file = filepath.Join(temp, "bench.db")
	}
	b := &benching{con: c, ctx: ctx.Context, set: set, queries: queries, file: file, result: benchResult{Name: ctx.String("name"), Documents: set.len(), Tokens: set.total()}}
	if _, err := os.Stat(file); err != nil {
		if err := b.build(ctx.String("grade")); err != nil {
			return err
		}
	}
	if err := b.search(options, ctx.Int("queries"), ctx.String("exact-from") == "float32"); err != nil {
		return err
	}
	if err := b.add(ctx.Int("add")); err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.printJSON(b.result)
	}
	return c.printBench(&b.result)
}

// benchOptions reads --depths.
func benchOptions(depths string) ([]ciyuan.SearchOptions, error) {
	if depths == "" {
		return []ciyuan.SearchOptions{{Quality: ciyuan.QualityFast}, {}, {Quality: ciyuan.QualityBest}}, nil
	}
	var list []ciyuan.SearchOptions
	for _, depth := range strings.Split(depths, ",") {
		probes, rerank, ok := strings.Cut(depth, "/")
		p, err1 := strconv.Atoi(probes)
		r, err2 := strconv.Atoi(rerank)
		if !ok || err1 != nil || err2 != nil || p < 1 || r < 1 {
			return nil, usagef("flag --depths needs PROBES/PASSAGES, such as 32/200, not %q", depth)
		}
		list = append(list, ciyuan.SearchOptions{Probes: p, Rerank: r})
	}
	return list, nil
}

// benching is one run of bench.
type benching struct {
	con     *console
	ctx     context.Context
	set     *vectorSet
	queries *vectorSet
	file    string
	result  benchResult
}

// build makes the index with one worker.
func (b *benching) build(grade string) error {
	g, err := ciyuan.ParseGrade(grade)
	if err != nil {
		return err
	}
	pr := b.con.progress("building", "documents")
	defer pr.finish()
	pr.expect(int64(b.set.len()), 0)
	memory := watchMemory()
	began, cpu := time.Now(), processorTime()
	db, err := ciyuan.Open(b.file, &ciyuan.Options{Grade: g, Workers: 1})
	if err != nil {
		return err
	}
	begun := false
	_, err = db.AddBatch(b.ctx, b.set.documents(&begun, func() { pr.add(1, 0) }))
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	used := (processorTime() - cpu).Seconds()
	anon, mapped := memory()
	b.result.Build = &benchBuild{Seconds: time.Since(began).Seconds(), CPU: used, Rate: float64(b.set.total()) / max(used, 1e-9), Anon: anon, Mapped: mapped}
	return nil
}

// search answers the queries.
func (b *benching) search(options []ciyuan.SearchOptions, most int, float32s bool) error {
	var list [][]float32
	step := 1.0
	if most > 0 && most < b.queries.len() {
		step = float64(b.queries.len()) / float64(most)
	}
	for i := 0.0; int(i) < b.queries.len(); i += step {
		list = append(list, b.queries.at(nil, int(i)))
	}
	b.result.Queries = len(list)
	open := func() (*ciyuan.DB, error) { return ciyuan.Open(b.file, &ciyuan.Options{ReadOnly: true}) }
	// The first query of a process that has just opened the index.
	var first []float64
	for i := range min(20, len(list)) {
		began := time.Now()
		db, err := open()
		if err != nil {
			return err
		}
		_, err = db.SearchVectors(b.ctx, list[i], nil)
		if err = errors.Join(err, db.Close()); err != nil {
			return err
		}
		first = append(first, time.Since(began).Seconds()*1e3)
	}
	b.result.First = timesOf(first)

	db, err := open()
	if err != nil {
		return err
	}
	defer discard(db)
	stats, err := db.Stats(b.ctx)
	if err != nil {
		return err
	}
	if stats.Vectors == nil {
		return fmt.Errorf("%s: no token vectors", b.file)
	}
	b.result.Grade, b.result.Leaders, b.result.File = stats.Vectors.Grade, stats.Vectors.Leaders, stats.FileBytes
	b.result.PerToken = float64(stats.FileBytes) / float64(max(stats.Vectors.Rows, 1))

	memory := watchMemory()
	ten, hundred := make([][][]string, len(options)), make([][][]string, len(options))
	for o := range options {
		d := benchDepth{Depth: depthName(&options[o])}
		var wall []float64
		var cpu time.Duration
		for _, q := range list {
			began, used := time.Now(), processorTime()
			res, err := db.SearchVectors(b.ctx, q, &options[o])
			if err != nil {
				return err
			}
			cpu += processorTime() - used
			wall = append(wall, time.Since(began).Seconds()*1e3)
			d.Postings += float64(res.Stats.Postings) / float64(len(list))
			ten[o] = append(ten[o], idsOf(res.Hits))
			more := options[o]
			more.K = 100
			if res, err = db.SearchVectors(b.ctx, q, &more); err != nil {
				return err
			}
			hundred[o] = append(hundred[o], idsOf(res.Hits))
		}
		for _, ms := range wall {
			d.Mean += ms / float64(len(wall))
		}
		t := timesOf(wall)
		d.CPU, d.P50, d.P95 = cpu.Seconds()*1e3/float64(len(list)), t.P50, t.P95
		b.result.Search = append(b.result.Search, d)
	}
	b.result.Anon, b.result.Mapped = memory()

	pr := b.con.progress("comparing all vectors", "queries")
	defer pr.finish()
	pr.expect(int64(len(list)), 0)
	var exact time.Duration
	for i, q := range list {
		used := processorTime()
		truth, err := b.truth(db, q, float32s)
		if err != nil {
			return err
		}
		exact += processorTime() - used
		for o := range options {
			d := &b.result.Search[o]
			d.Recall10 += overlapOf(truth, ten[o][i], 10) / float64(len(list))
			d.Recall100 += overlapOf(truth, hundred[o][i], 100) / float64(len(list))
		}
		pr.add(1, 0)
	}
	b.result.Exact = exact.Seconds() * 1e3 / float64(len(list))
	return nil
}

// truth returns the hundred best documents of a query.
func (b *benching) truth(db *ciyuan.DB, query []float32, float32s bool) ([]string, error) {
	if float32s {
		return b.set.maxSim(b.ctx, query, 100)
	}
	res, err := db.SearchVectors(b.ctx, query, &ciyuan.SearchOptions{K: 100, Exact: true})
	if err != nil {
		return nil, err
	}
	return idsOf(res.Hits), nil
}

func idsOf(hits []ciyuan.Hit) []string {
	ids := make([]string, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	return ids
}

// overlapOf returns the share of the first k of truth that are among the first k of got.
func overlapOf(truth, got []string, k int) float64 {
	truth, got = truth[:min(k, len(truth))], got[:min(k, len(got))]
	if len(truth) == 0 {
		return 1
	}
	same := 0
	for _, id := range truth {
		if slices.Contains(got, id) {
			same++
		}
	}
	return float64(same) / float64(len(truth))
}

// depthName names how far a search looks.
func depthName(o *ciyuan.SearchOptions) string {
	if o.Probes > 0 {
		return fmt.Sprintf("%d/%d", o.Probes, o.Rerank)
	}
	return o.Quality.String()
}

// add adds copies of documents one by one, each durable and found before the next.
func (b *benching) add(n int) (err error) {
	if n <= 0 {
		return nil
	}
	db, err := ciyuan.Open(b.file, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var times []float64
	for i := range min(n, b.set.len()) {
		at := i * b.set.len() / n
		rows := b.set.at(nil, at)
		began := time.Now()
		if err := db.AddVectors(b.ctx, fmt.Sprintf("bench copy %d", i), nil, rows, b.set.dim); err != nil {
			return err
		}
		times = append(times, time.Since(began).Seconds()*1e3)
	}
	b.result.Add = timesOf(times)
	return nil
}

func (c *console) printBench(r *benchResult) error {
	t := newTable()
	t.row("documents, token vectors, leaders", fmt.Sprintf("%d, %d, %d", r.Documents, r.Tokens, r.Leaders))
	t.row("grade", r.Grade)
	if r.Build != nil {
		t.row("build", fmt.Sprintf("%.1f s, %.1f s of processor time, %.0f tokens a second of it", r.Build.Seconds, r.Build.CPU, r.Build.Rate))
		t.row("  peak memory", fmt.Sprintf("%s anonymous, %s of files", sizeText(r.Build.Anon), sizeText(r.Build.Mapped)))
	}
	t.row("file", fmt.Sprintf("%s, %.1f bytes a token", sizeText(r.File), r.PerToken))
	t.row("open and first query", fmt.Sprintf("%.1f ms, 95th percentile %.1f", r.First.P50, r.First.P95))
	t.row("search, peak memory", fmt.Sprintf("%s anonymous, %s of files", sizeText(r.Anon), sizeText(r.Mapped)))
	t.row("exact search", fmt.Sprintf("%.1f ms of processor time", r.Exact))
	t.row("add a document", fmt.Sprintf("%.1f ms, 95th percentile %.1f", r.Add.P50, r.Add.P95))
	if err := t.write(c.out); err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	d := newTable()
	d.row("depth", "cpu ms", "p50 ms", "p95 ms", "recall@10", "recall@100", "postings")
	for _, s := range r.Search {
		d.row(s.Depth, fmt.Sprintf("%.2f", s.CPU), fmt.Sprintf("%.2f", s.P50), fmt.Sprintf("%.2f", s.P95),
			fmt.Sprintf("%.4f", s.Recall10), fmt.Sprintf("%.4f", s.Recall100), fmt.Sprintf("%.0f", s.Postings))
	}
	return d.write(c.out)
}
