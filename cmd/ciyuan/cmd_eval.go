package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// runDepth is how many documents a query is answered with: as deep as the
// deepest metric looks.
const runDepth = 100

func evalCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "eval",
		Usage:     "measure how well a test set is answered",
		ArgsUsage: "DIR",
		Description: `DIR holds docs.jsonl, queries.jsonl and qrels.tsv. The documents are indexed into a
temporary file, unless --index names an index that has them.`,
		Flags: []cli.Flag{
			choice("score", ciyuan.ScoreDefault.String(), "how documents are ranked; the default suits the encoder", "default", "hybrid", "softmax", "maxsim", "sum", "bm25"),
			&cli.StringFlag{Name: "compare", Usage: "several `SCORES` or TREC run files, separated by commas, each tested against the first, instead of --score"},
			&cli.Float64Flag{Name: "temperature", Usage: "the `T` of the softmax score; 0 is the encoder's own"},
			&cli.Float64Flag{Name: "k1", Value: ciyuan.DefaultK1, Usage: "BM25's saturation, `K1`"},
			&cli.Float64Flag{Name: "b", Value: ciyuan.DefaultB, Usage: "BM25's normalisation by length, `B`"},
			&cli.BoolFlag{Name: "no-idf", Usage: "give every word of a query the same weight"},
			&cli.IntFlag{Name: "typos", Usage: "misspell a word of each question, chosen by this `SEED` above 0"},
			&cli.BoolFlag{Name: "fuzzy", Usage: "find words a slip of the keyboard away from any word of a question"},
			&cli.BoolFlag{Name: "no-fuzzy", Usage: "find no words a slip of the keyboard away"},
			&cli.BoolFlag{Name: "exact", Usage: "compare every word and visit every document"},
			choice("graph", ciyuan.GraphHNSW.String(), "what finds the nearest words", "hnsw", "coder", "flat"),
			&cli.BoolFlag{Name: "ask", Usage: "measure answers instead: their sentences, their words, and whether it is seen that there is none"},
			choice("split", "none", "what counts as a document", "none", "sentence"),
			&cli.IntFlag{Name: "join", Usage: "join 1 to 50 documents into files of different length, drawn by this `SEED` above 0"},
			&cli.StringFlag{Name: "queries", Usage: "take the questions from the set in this `DIR`, by their ids: the same questions in another language", TakesFile: true},
			&cli.StringFlag{Name: "run", Usage: "write the rankings to a `FILE` in the TREC form", TakesFile: true},
			&cli.StringFlag{Name: "qrels", Usage: "write the judgements of the set, as it was measured, to a `FILE` in the TREC form", TakesFile: true},
			modeFlag("how the documents are cut into words"),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.eval,
	})
}

func (c *console) eval(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("eval needs one DIR").hint("see: " + programName + " eval --help")
	}
	rankers, err := evalRankers(ctx)
	if err != nil {
		return err
	}
	opts, err := evalOptions(ctx)
	if err != nil {
		return err
	}
	set, err := c.loadSet(ctx)
	if err != nil {
		return err
	}
	pr := c.progress("evaluating", "queries")
	defer pr.finish()
	if ctx.Bool("ask") {
		return c.evalAnswers(ctx, set, pr)
	}
	db, stats, cleanup, err := c.evalIndex(ctx, set, pr)
	if err != nil {
		return err
	}
	defer cleanup()
	if name := ctx.String("qrels"); name != "" {
		if err := writeFile(ctx.Context, name, func(w io.Writer) error { return eval.WriteQrels(w, set.Qrels) }); err != nil {
			return err
		}
	}
	pr.expect(int64(len(set.Queries)*len(rankers)), 0)
	var systems []eval.System
	var results []eval.Result
	for _, r := range rankers {
		var took time.Duration
		if r.run == nil {
			opts.Score = r.score
			if r.run, took, err = answer(ctx.Context, db, set, opts, pr); err != nil {
				return err
			}
		}
		if name := ctx.String("run"); name != "" {
			if err := writeFile(ctx.Context, name, func(w io.Writer) error { return eval.WriteRun(w, r.run, programName+"-"+r.name) }); err != nil {
				return err
			}
		}
		e := eval.Evaluate(set.Qrels, r.run)
		systems = append(systems, eval.System{Name: r.name, Evaluation: e})
		results = append(results, eval.Result{
			Metrics: e.Mean, Queries: len(e.Queries), Documents: stats.Documents, Tokens: stats.Tokens,
			MsPerQuery: took.Seconds() * 1000 / float64(max(len(set.Queries), 1)), BytesPerToken: stats.BytesPerToken,
		})
	}
	pr.clear()
	if ctx.String("compare") != "" {
		return c.printComparison(ctx, systems, results)
	}
	if ctx.Bool("json") {
		return c.printJSON(results[0])
	}
	return c.printResult(&results[0])
}

// A ranker is what is measured: a score, or rankings made elsewhere.
type ranker struct {
	name  string
	score ciyuan.Score
	run   eval.Run // nil: by the score
}

// evalRankers returns what is to be measured.
func evalRankers(ctx *cli.Context) ([]ranker, error) {
	list := ctx.String("compare")
	if list == "" {
		score, err := ciyuan.ParseScore(ctx.String("score"))
		return []ranker{{name: score.String(), score: score}}, err
	}
	switch {
	case ctx.IsSet("score"):
		return nil, usagef("either --score or --compare")
	case ctx.String("run") != "":
		return nil, usagef("--run writes one ranking; leave --compare out")
	}
	var rankers []ranker
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		score, err := ciyuan.ParseScore(name)
		if err == nil {
			rankers = append(rankers, ranker{name: name, score: score})
			continue
		}
		if _, missing := os.Stat(name); missing != nil {
			return nil, usagef("flag --compare needs scores or files separated by commas: %v", plainError(err))
		}
		run, err := readRun(name)
		if err != nil {
			return nil, err
		}
		rankers = append(rankers, ranker{name: filepath.Base(name), run: run})
	}
	return rankers, nil
}

// readRun reads a TREC run file.
func readRun(name string) (eval.Run, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	run, _, err := eval.ReadRun(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return run, nil
}

func evalOptions(ctx *cli.Context) (*ciyuan.SearchOptions, error) {
	o := &ciyuan.SearchOptions{
		K: runDepth, Temperature: ctx.Float64("temperature"), NoIDF: ctx.Bool("no-idf"), Exact: ctx.Bool("exact"),
		K1: ctx.Float64("k1"), B: ctx.Float64("b"),
	}
	switch {
	case o.K1 <= 0:
		return nil, usagef("flag --k1 needs a number above 0, not %g", o.K1)
	case o.B < 0 || o.B > 1:
		return nil, usagef("flag --b needs a number from 0 to 1, not %g", o.B)
	case o.Temperature < 0 || o.Temperature > 100:
		return nil, usagef("flag --temperature needs a number from 0 to 100, not %g", o.Temperature)
	}
	var err error
	if o.Fuzzy, err = fuzzyOption(ctx); err != nil {
		return nil, err
	}
	if o.B == 0 {
		o.B = -1 // the library takes 0 for its default
	}
	o.Graph, err = ciyuan.ParseGraph(ctx.String("graph"))
	return o, err
}

// loadSet reads the test set in the form that the flags ask for.
func (c *console) loadSet(ctx *cli.Context) (*eval.Set, error) {
	set, err := eval.Load(ctx.Args().First())
	if err != nil {
		return nil, err
	}
	if dir := ctx.String("queries"); dir != "" {
		questions, err := eval.Load(dir)
		if err != nil {
			return nil, err
		}
		if set, err = eval.Cross(questions, set); err != nil {
			return nil, err
		}
	}
	if ctx.String("split") == "sentence" {
		split, stats := eval.SplitSentences(set, sentences)
		if stats.Queries == 0 {
			return nil, withHint(errors.New("no sentence holds an answer of any query"), "--split sentence needs a set with answers")
		}
		c.note("%s; %s without an answer in one sentence left out", count(stats.Sentences, "sentence", "sentences"), count(stats.Unanswered, "query", "queries"))
		set = split
	}
	switch seed := ctx.Int("join"); {
	case seed < 0:
		return nil, usagef("flag --join needs a number above 0, not %d", seed)
	case seed > 0:
		n := len(set.Documents)
		set, _ = eval.Join(set, uint64(seed))
		c.note("%s made of %s", count(len(set.Documents), "file", "files"), count(n, "document", "documents"))
	}
	switch seed := ctx.Int("typos"); {
	case seed < 0:
		return nil, usagef("flag --typos needs a number above 0, not %d", seed)
	case seed > 0:
		tok, err := tokenizer.New(tokenizer.Options{})
		if err != nil {
			return nil, err
		}
		changed := 0
		if set, changed = eval.Misspell(set, uint64(seed), func(text string) []eval.Span { return wordSpans(tok, text) }); changed == 0 {
			return nil, errors.New("no question has a word that could be misspelt")
		}
		c.note("%s misspelt", count(changed, "question", "questions"))
	}
	return set, nil
}

// wordSpans returns where the words of letters of a text are.
func wordSpans(tok *tokenizer.Tokenizer, text string) []eval.Span {
	var out []eval.Span
	for _, t := range tok.Tokenize(nil, text) {
		if t.Primary() && t.Kind == tokenizer.Word {
			out = append(out, eval.Span{Start: t.Start, End: t.End})
		}
	}
	return out
}

func sentences(text string) []eval.Span {
	var out []eval.Span
	for _, s := range tokenizer.Sentences(text) {
		out = append(out, eval.Span{Start: s.Start, End: s.End})
	}
	return out
}

// evalIndex returns an index with the documents of the set: the one named on
// the line, or one made for the time being, which cleanup removes.
func (c *console) evalIndex(ctx *cli.Context, set *eval.Set, pr *progress) (*ciyuan.DB, *ciyuan.Stats, func(), error) {
	if c.indexGiven {
		db, err := c.openReader(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		stats, err := db.Stats(ctx.Context)
		if err == nil {
			err = covers(ctx.Context, db, set)
		}
		if err != nil {
			return nil, nil, nil, errors.Join(err, db.Close())
		}
		return db, stats, func() { _ = db.Close() }, nil
	}
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	enc, err := c.wordEncoder(ctx.Context, ctx.String("encoder"))
	if err != nil {
		return nil, nil, nil, err
	}
	db, cleanup, err := c.scratchIndex(ctx.Context, set.Name, set.Documents, ciyuan.Options{Mode: o.Mode, Dict: o.Dict, Encoder: enc}, pr)
	if err != nil {
		return nil, nil, nil, err
	}
	stats, err := db.Stats(ctx.Context)
	if err != nil {
		cleanup()
		return nil, nil, nil, err
	}
	return db, stats, cleanup, nil
}

// scratchIndex returns an index of documents for the time being, which cleanup removes.
func (c *console) scratchIndex(ctx context.Context, name string, docs []eval.Document, o ciyuan.Options, pr *progress) (*ciyuan.DB, func(), error) {
	dir, err := os.MkdirTemp("", programName+"-eval-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) } // a leftover in the system's temporary folder is no failure
	o.Progress = func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) }
	db, err := ciyuan.Open(filepath.Join(dir, "eval.db"), &o)
	if err != nil {
		remove()
		return nil, nil, err
	}
	cleanup := func() {
		_ = db.Close() // nothing of it is kept
		remove()
	}
	pr.enter("indexing "+name, 0, 0, "")
	_, err = db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(ciyuan.Document{ID: d.ID, Title: d.Title, Text: d.Text}, nil) {
				return
			}
		}
	})
	// What compact leaves is what an index costs in the long run.
	if err == nil {
		err = db.Compact(ctx)
	}
	if err != nil {
		cleanup()
		return nil, nil, err
	}
	return db, cleanup, nil
}

// covers returns an error if the index lacks a document of the set.
func covers(ctx context.Context, db *ciyuan.DB, set *eval.Set) error {
	there := map[string]bool{}
	for e, err := range db.List(ctx, "") {
		if err != nil {
			return err
		}
		there[e.ID] = true
	}
	missing := 0
	for _, d := range set.Documents {
		if !there[d.ID] {
			missing++
		}
	}
	if missing > 0 {
		return withHint(fmt.Errorf("the index lacks %d of the %d documents of the set", missing, len(set.Documents)),
			"without --index they are indexed into a temporary file")
	}
	return nil
}

// answer searches for every query, one after the other, and returns the
// rankings and the time that the searches took.
func answer(ctx context.Context, db *ciyuan.DB, set *eval.Set, opts *ciyuan.SearchOptions, pr *progress) (eval.Run, time.Duration, error) {
	run := eval.Run{}
	var took time.Duration
	for _, q := range set.Queries {
		begun := time.Now()
		res, err := db.Search(ctx, q.Text, opts)
		took += time.Since(begun)
		if errors.Is(err, ciyuan.ErrEmptyQuery) {
			// It counts as a query that nothing was found for.
			pr.add(1, 0)
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("query %s: %w", q.ID, err)
		}
		ranking := make([]eval.Scored, len(res.Hits))
		for i, h := range res.Hits {
			ranking[i] = eval.Scored{ID: h.ID, Score: h.Score}
		}
		run[q.ID] = ranking
		pr.add(1, 0)
	}
	return run, took, nil
}

// evalAnswers measures answers.
func (c *console) evalAnswers(ctx *cli.Context, set *eval.Set, pr *progress) error {
	for _, flag := range []string{"score", "compare", "temperature", "k1", "b", "no-idf", "fuzzy", "no-fuzzy", "exact", "graph", "split", "run"} {
		if ctx.IsSet(flag) {
			return usagef("either --ask or --%s", flag)
		}
	}
	if c.indexGiven {
		return usagef("eval --ask makes indexes of its own; leave --index out")
	}
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	enc, err := c.wordEncoder(ctx.Context, ctx.String("encoder"))
	if err != nil {
		return err
	}
	index := func(ctx context.Context, docs []eval.Document) (*ciyuan.DB, func(), error) {
		db, done, err := c.scratchIndex(ctx, set.Name, docs, ciyuan.Options{Mode: o.Mode, Dict: o.Dict, Encoder: enc}, pr)
		pr.expect(int64(len(set.Queries)), 0)
		return db, done, err
	}
	res, err := eval.Answers(ctx.Context, set, index, ciyuan.AskOptions{}, func() { pr.add(1, 0) })
	if err != nil {
		return err
	}
	pr.clear()
	if ctx.Bool("json") {
		return c.printJSON(res)
	}
	t := newTable(false, true)
	m := &res.Metrics
	t.row("sentence@1", fmt.Sprintf("%.4f", m.Sentence1))
	t.row("f1", fmt.Sprintf("%.4f", m.F1))
	t.row("exact", fmt.Sprintf("%.4f", m.Exact))
	t.row("auc", fmt.Sprintf("%.4f", m.AUC))
	t.row("refused", fmt.Sprintf("%.4f", m.Refused))
	t.row("invented", fmt.Sprintf("%.4f", m.Invented))
	t.row("queries", strconv.Itoa(res.Queries))
	t.row("documents", strconv.Itoa(res.Documents))
	t.row("ms per query", fmt.Sprintf("%.2f", res.MsPerQuery))
	return t.write(c.out)
}

func (c *console) printResult(r *eval.Result) error {
	t := newTable(false, true)
	for _, name := range eval.MetricNames {
		value, _ := r.Metrics.Get(name)
		t.row(name, fmt.Sprintf("%.4f", value))
	}
	t.row("queries", strconv.Itoa(r.Queries))
	t.row("documents", strconv.Itoa(r.Documents))
	t.row("tokens", strconv.Itoa(r.Tokens))
	t.row("ms per query", fmt.Sprintf("%.2f", r.MsPerQuery))
	t.row("bytes per token", fmt.Sprintf("%.2f", r.BytesPerToken))
	return t.write(c.out)
}

// scored is a result of one of several scores.
type scored struct {
	Score string `json:"score"`
	eval.Result
}

func (c *console) printComparison(ctx *cli.Context, systems []eval.System, results []eval.Result) error {
	if ctx.Bool("json") {
		out := make([]scored, len(results))
		for i := range results {
			out[i] = scored{systems[i].Name, results[i]}
		}
		return c.printJSON(map[string][]scored{"scores": out})
	}
	text, err := eval.Table(systems, "mrr@10")
	if err != nil {
		return err
	}
	if _, err := c.out.WriteString(text); err != nil {
		return err
	}
	t := newTable(false, true)
	t.row("score", "ms per query")
	for i := range results {
		if results[i].MsPerQuery > 0 { // a file was not searched for
			t.row(systems[i].Name, fmt.Sprintf("%.2f", results[i].MsPerQuery))
		}
	}
	fmt.Fprintln(c.out)
	return t.write(c.out)
}
