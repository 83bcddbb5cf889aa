package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/npy"
)

func searchCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "search",
		Usage:     "find documents by the words of a query and words near to them",
		ArgsUsage: "QUERY...",
		Description: `On a terminal a hit is its path and line, its title, how much of the query it
answers (0 to 1), and the text around the matches. In a pipe it is one line,
PATH:LINE:TEXT, as grep prints it. Words of the query, and forms of them, are bold,
words with a meaning near to theirs underlined.

In a QUERY of one argument, and behind --, "a phrase" and +word must occur, -word and
-"a phrase" must not, FIELD:VALUE (id, title, path or one of meta) must hold the value.`,
		Flags: slices.Concat(queryFlags(), rankingFlags(), []cli.Flag{
			&cli.StringFlag{Name: "vectors", Usage: "search by the token vectors in `FILE.npy`, tokens x dimensions, instead of by words", TakesFile: true},
		}, depthFlags()),
		Action: c.search,
	})
}

// queryFlags are the flags that say how a query is read.
func queryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "prefix", Usage: "take the last word for the beginning of one, as while typing"},
		&cli.BoolFlag{Name: "fuzzy", Usage: "find words a slip of the keyboard away from any word, not only from unknown ones"},
		&cli.BoolFlag{Name: "no-fuzzy", Usage: "find no words a slip of the keyboard away"},
		&cli.StringFlag{Name: "synonyms", Usage: "a `FILE` of words that stand for one another: a group a line, separated by commas", EnvVars: []string{"CIYUAN_SYNONYMS"}, TakesFile: true},
		&cli.StringFlag{Name: "stop-words", Usage: "a `FILE` of words to leave out of the query, one a line", EnvVars: []string{"CIYUAN_STOP_WORDS"}, TakesFile: true},
	}
}

// rankingFlags are the flags that say which documents are found and in which order.
func rankingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "k", Value: ciyuan.DefaultK, Usage: "the `NUMBER` of hits"},
		&cli.IntFlag{Name: "offset", Usage: "leave out the first `NUMBER` of hits"},
		choice("score", ciyuan.ScoreDefault.String(), "how documents are ranked; the default suits the encoder", "default", "hybrid", "softmax", "maxsim", "sum", "bm25"),
		&cli.Float64Flag{Name: "temperature", Usage: "the `T` of the softmax score, small for the nearest words only; 0 is the encoder's own"},
		&cli.Float64Flag{Name: "min-score", Usage: "leave out hits below this share of the query, `0..1`"},
		&cli.BoolFlag{Name: "no-idf", Usage: "give every word of the query the same weight"},
		filterFlag(),
		newListFlag("boost", "count documents with the query's words in a field more, `FIELD=FACTOR`: title=2; may be repeated"),
		&cli.StringFlag{Name: "recency", Usage: "count new documents up to twice as much as old ones; the difference halves every `TIME`: 30d, 12h, 1y"},
		&cli.DurationFlag{Name: "budget", Usage: "look for documents no longer than this `TIME`, 20ms, and show what was found"},
		&cli.BoolFlag{Name: "explain", Usage: "say where each score comes from, word by word"},
		&cli.BoolFlag{Name: "exact", Usage: "compare every word and visit every document"},
		choice("graph", ciyuan.GraphHNSW.String(), "what finds the nearest words", "hnsw", "coder", "flat"),
		encoderFlag(),
		dictFlag(),
		jsonFlag(),
	}
}

// depthFlags say how far a search over token vectors looks.
func depthFlags() []cli.Flag {
	return []cli.Flag{
		choice("quality", ciyuan.QualityDefault.String(), "how far a search over token vectors looks", "fast", "default", "best"),
		&cli.IntFlag{Name: "probes", Usage: "the `NUMBER` of leaders that each token of the query asks; 0 leaves it to --quality"},
		&cli.IntFlag{Name: "rerank", Usage: "the `NUMBER` of passages with an exact score; 0 leaves it to --quality"},
	}
}

// readDepth reads depthFlags.
func readDepth(ctx *cli.Context, o *ciyuan.SearchOptions) (err error) {
	o.Quality, err = ciyuan.ParseQuality(ctx.String("quality"))
	o.Probes, o.Rerank = ctx.Int("probes"), ctx.Int("rerank")
	o.Workers = runtime.GOMAXPROCS(0)
	if o.Probes < 0 || o.Rerank < 0 {
		return usagef("flags --probes and --rerank need numbers from 0")
	}
	return err
}

func (c *console) search(ctx *cli.Context) error {
	vectors := ctx.String("vectors")
	var query string
	var err error
	if vectors == "" {
		if query, err = textArgs(ctx, "a QUERY"); err != nil {
			return err
		}
	} else if ctx.NArg() > 0 {
		return usagef("search takes either a QUERY or --vectors FILE.npy")
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	opts, err := searchOptions(ctx, place)
	if err != nil {
		return err
	}
	if err := c.readQueryFlags(ctx, opts); err != nil {
		return err
	}
	if err := readDepth(ctx, opts); err != nil {
		return err
	}
	spareCollections()
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	var res *ciyuan.Result
	if vectors != "" {
		res, err = searchVectors(ctx.Context, db, vectors, opts)
	} else {
		res, err = db.Search(ctx.Context, query, opts)
	}
	if errors.Is(err, ciyuan.ErrModelMismatch) {
		err = withHint(err, "search for the words alone: --score bm25")
	}
	if err != nil {
		return err
	}
	return c.printFound(ctx, res, place, opts)
}

// searchVectors answers the query in a file.
func searchVectors(ctx context.Context, db *ciyuan.DB, file string, o *ciyuan.SearchOptions) (*ciyuan.Result, error) {
	f, err := npy.Open(file)
	if err != nil {
		return nil, err
	}
	defer discard(f)
	if len(f.Shape) != 2 || f.DType == npy.Int64 {
		return nil, fmt.Errorf("%s: shape %v of %v, wanted tokens x dimensions of float16 or float32", file, f.Shape, f.DType)
	}
	res, err := db.SearchVectors(ctx, f.AppendFloat32(nil, 0, f.Len()), o)
	return res, naming(file, err)
}

// readQueryFlags reads queryFlags.
func (c *console) readQueryFlags(ctx *cli.Context, o *ciyuan.SearchOptions) (err error) {
	// The shell has taken the quotes of what was not quoted as a whole.
	o.Operators = ctx.NArg() == 1 || c.dashes
	o.Prefix = ctx.Bool("prefix")
	if o.Fuzzy, err = fuzzyOption(ctx); err != nil {
		return err
	}
	if name := ctx.String("synonyms"); name != "" {
		err := readFile(name, func(in io.Reader) (err error) {
			o.Synonyms, err = ciyuan.ParseSynonyms(in)
			return err
		})
		if err != nil {
			return err
		}
	}
	if name := ctx.String("stop-words"); name != "" {
		return readFile(name, func(in io.Reader) error {
			return eachLine(ctx.Context, in, name, func(_ int, line string) error {
				word, _, _ := strings.Cut(line, "#")
				if word = strings.TrimSpace(word); word != "" {
					o.StopWords = append(o.StopWords, word)
				}
				return nil
			})
		})
	}
	return nil
}

// readFile calls fn with an open file; its errors name the file.
func readFile(name string, fn func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer discard(file)
	if err := fn(file); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// printFound prints a result and says what there is to say about it.
func (c *console) printFound(ctx *cli.Context, res *ciyuan.Result, place *place, o *ciyuan.SearchOptions) (err error) {
	if n := res.Stats.Unknown; n > 0 {
		c.note("%s of the query new to the index, without a vector; --encoder http:URL asks for it", count(n, "word", "words"))
	}
	if ctx.Bool("json") {
		for i := range res.Hits {
			res.Hits[i].Path = place.show(res.Hits[i].Path)
		}
		err = c.printJSON(res)
	} else {
		err = c.printHits(res.Hits, place)
	}
	if err != nil {
		return err
	}
	if res.Stats.Partial {
		c.note("the time of %v was over: there may be more and better results", o.Budget)
	}
	if len(res.Hits) == 0 {
		c.note("%s", noHits(res, o))
		for _, s := range res.Suggestions {
			c.note("hint: for %s did you mean %s?", printable(s.Query), printable(strings.Join(s.Words, ", ")))
		}
		return errNoResult
	}
	return nil
}

// searchOptions reads the flags of search.
func searchOptions(ctx *cli.Context, place *place) (*ciyuan.SearchOptions, error) {
	o := &ciyuan.SearchOptions{
		K: ctx.Int("k"), Offset: ctx.Int("offset"), Temperature: ctx.Float64("temperature"),
		MinScore: ctx.Float64("min-score"), NoIDF: ctx.Bool("no-idf"), Exact: ctx.Bool("exact"),
		Explain: ctx.Bool("explain"),
	}
	switch {
	case o.K < 1 || o.K > ciyuan.MaxK:
		return nil, usagef("flag -k needs a number from 1 to %d, not %d", ciyuan.MaxK, o.K)
	case o.Offset < 0 || o.Offset > ciyuan.MaxK-o.K:
		return nil, usagef("flag --offset needs a number from 0 to %d - k, not %d", ciyuan.MaxK, o.Offset)
	case o.MinScore < 0 || o.MinScore > 1:
		return nil, usagef("flag --min-score needs a number from 0 to 1, not %g", o.MinScore)
	case o.Temperature < 0 || o.Temperature > 100:
		return nil, usagef("flag --temperature needs a number from 0 to 100, not %g", o.Temperature)
	}
	var err error
	if o.Score, err = ciyuan.ParseScore(ctx.String("score")); err != nil {
		return nil, err
	}
	if o.Graph, err = ciyuan.ParseGraph(ctx.String("graph")); err != nil {
		return nil, err
	}
	if err := readBoosts(ctx, o); err != nil {
		return nil, err
	}
	o.Filter, err = filterOption(ctx, place)
	return o, err
}

// filterOption reads --filter.
func filterOption(ctx *cli.Context, place *place) (map[string]string, error) {
	var filter map[string]string
	for _, text := range values(ctx, "filter") {
		field, value, ok := strings.Cut(text, "=")
		if !ok || field == "" {
			return nil, usagef("flag --filter needs FIELD=VALUE, not %q", text)
		}
		if _, twice := filter[field]; twice {
			return nil, usagef("flag --filter names the field %q twice; a document has one value", field)
		}
		if field == "path" {
			value = place.key(value)
		}
		if filter == nil {
			filter = map[string]string{}
		}
		filter[field] = value
	}
	return filter, nil
}

// readBoosts reads --boost, --recency and --budget.
func readBoosts(ctx *cli.Context, o *ciyuan.SearchOptions) error {
	for _, boost := range values(ctx, "boost") {
		field, value, ok := strings.Cut(boost, "=")
		factor, err := strconv.ParseFloat(value, 64)
		if !ok || field == "" || err != nil || !(factor >= 0 && factor <= 100) {
			return usagef("flag --boost needs FIELD=FACTOR with a factor from 0 to 100, not %q", boost)
		}
		if _, twice := o.Boost[field]; twice {
			return usagef("flag --boost names the field %q twice", field)
		}
		if o.Boost == nil {
			o.Boost = map[string]float64{}
		}
		o.Boost[field] = factor
	}
	if text := ctx.String("recency"); text != "" {
		var err error
		if o.Recency, err = parseTime(text); err != nil || o.Recency <= 0 {
			return usagef("flag --recency needs a time such as 12h, 30d, 4w or 1y, not %q", text)
		}
	}
	if o.Budget = ctx.Duration("budget"); o.Budget < 0 || ctx.IsSet("budget") && o.Budget == 0 {
		return usagef("flag --budget needs a time above 0 such as 20ms, not %v", o.Budget)
	}
	return nil
}

// parseTime reads a length of time; days, weeks and years are whole ones of 24 hours
// and 365 days.
func parseTime(text string) (time.Duration, error) {
	for unit, days := range map[string]float64{"d": 1, "w": 7, "y": 365} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err == nil && !(n > 0 && n*days < 100_000) {
				err = strconv.ErrRange
			}
			return time.Duration(n * days * 24 * float64(time.Hour)), err
		}
	}
	return time.ParseDuration(text)
}

// fuzzyOption reads --fuzzy and --no-fuzzy.
func fuzzyOption(ctx *cli.Context) (ciyuan.Fuzzy, error) {
	switch always, never := ctx.Bool("fuzzy"), ctx.Bool("no-fuzzy"); {
	case always && never:
		return 0, usagef("either --fuzzy or --no-fuzzy")
	case always:
		return ciyuan.FuzzyAlways, nil
	case never:
		return ciyuan.FuzzyNever, nil
	}
	return ciyuan.FuzzyAuto, nil
}

// noHits says why there may be no hit.
func noHits(res *ciyuan.Result, o *ciyuan.SearchOptions) string {
	switch {
	case res.Stats.Documents == 0:
		return "no result: the index is empty"
	case len(o.Filter) > 0:
		return "no result among the documents that pass the filter"
	case res.Stats.Conditions > 0:
		return "no result: no document fulfils all conditions of the query"
	case o.Offset > 0:
		return "no result at this offset"
	case o.MinScore > 0:
		return fmt.Sprintf("no result with a score of %g or more", o.MinScore)
	}
	return "no result"
}

func (c *console) printHits(hits []ciyuan.Hit, place *place) error {
	for i := range hits {
		h := &hits[i]
		name := c.paint(stylePath, printable(place.name(h.ID, h.Path)))
		line := c.paint(styleLine, strconv.Itoa(h.Line))
		snippet := c.highlight(h.Snippet, h.Marks)
		if !c.outTerminal {
			fmt.Fprintf(c.out, "%s:%s:%s\n", name, line, snippet)
			if err := c.printExplanation(h); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s:%s", name, line)
		if h.Title != "" {
			fmt.Fprintf(c.out, "  %s", c.paint(styleBold, printable(h.Title)))
		}
		fmt.Fprintf(c.out, "  %s\n    %s\n", c.paint(styleFaint, fmt.Sprintf("%.2f", h.Relative)), snippet)
		if err := c.printExplanation(h); err != nil {
			return err
		}
	}
	return nil
}

// highlight paints the marked parts of a text, which are in order.
func (c *console) highlight(text string, marks []ciyuan.Mark) string {
	if !c.color {
		return text
	}
	var b strings.Builder
	at := 0
	for _, m := range marks {
		b.WriteString(text[at:m.Start])
		style := styleMatch
		if m.Kind == ciyuan.MarkSemantic {
			style = styleNear
		}
		b.WriteString(c.paint(style, text[m.Start:m.End]))
		at = m.End
	}
	b.WriteString(text[at:])
	return b.String()
}
