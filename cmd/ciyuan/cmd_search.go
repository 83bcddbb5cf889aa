package main

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
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
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "k", Value: ciyuan.DefaultK, Usage: "the `NUMBER` of hits"},
			&cli.IntFlag{Name: "offset", Usage: "leave out the first `NUMBER` of hits"},
			choice("score", ciyuan.ScoreHybrid.String(), "how documents are ranked", "hybrid", "softmax", "maxsim", "sum", "bm25"),
			&cli.Float64Flag{Name: "temperature", Usage: "the `T` of the softmax score, small for the nearest words only; 0 is the encoder's own"},
			&cli.Float64Flag{Name: "min-score", Usage: "leave out hits below this share of the query, `0..1`"},
			&cli.BoolFlag{Name: "no-idf", Usage: "give every word of the query the same weight"},
			newListFlag("filter", "only documents whose `FIELD=VALUE`: id, title, path or one of meta; may be repeated"),
			&cli.BoolFlag{Name: "explain", Usage: "say where each score comes from, word by word"},
			&cli.BoolFlag{Name: "exact", Usage: "compare every word and visit every document"},
			choice("graph", ciyuan.GraphHNSW.String(), "what finds the nearest words", "hnsw", "coder", "flat"),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.search,
	})
}

func (c *console) search(ctx *cli.Context) error {
	query, err := textArgs(ctx, "a QUERY")
	if err != nil {
		return err
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	opts, err := searchOptions(ctx, place)
	if err != nil {
		return err
	}
	// The shell has taken the quotes of what was not quoted as a whole.
	opts.Operators = ctx.NArg() == 1 || c.dashes
	// One search takes some megabytes: collecting them would only cost time.
	debug.SetGCPercent(400)
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	res, err := db.Search(ctx.Context, query, opts)
	if err != nil {
		return err
	}
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
	if err == nil && len(res.Hits) == 0 {
		c.note("%s", noHits(res, opts))
		err = errNoResult
	}
	return err
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
	for _, filter := range values(ctx, "filter") {
		field, value, ok := strings.Cut(filter, "=")
		if !ok || field == "" {
			return nil, usagef("flag --filter needs FIELD=VALUE, not %q", filter)
		}
		if _, twice := o.Filter[field]; twice {
			return nil, usagef("flag --filter names the field %q twice; a document has one value", field)
		}
		if field == "path" {
			value = place.key(value)
		}
		if o.Filter == nil {
			o.Filter = map[string]string{}
		}
		o.Filter[field] = value
	}
	return o, nil
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
