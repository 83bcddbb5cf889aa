package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

// maxDocsBytes bounds what tokens --docs reads: every token of it is held in
// memory, with its weight.
const maxDocsBytes = 64 << 20

func tokensCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "tokens",
		Usage:     "rank the tokens of documents by how near they are to a query",
		ArgsUsage: "QUERY...",
		Description: `cosine ranks a token by its largest cosine with a token of the query, softmax and
sum by its share of their attention: the weights of a query token over all tokens
of all documents sum to 1, and a token's score is the mean over the query's tokens.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "docs", Usage: "rank the tokens of this `FILE`, a document a line (- is standard input), instead of those of the index", TakesFile: true},
			choice("score", ciyuan.TokenCosine.String(), "how tokens are ranked", "cosine", "softmax", "sum"),
			&cli.BoolFlag{Name: "pairs", Usage: "print each pair of a query token and a document token"},
			&cli.BoolFlag{Name: "distinct", Usage: "print each word of the index once, with how often and in how many documents it occurs"},
			&cli.BoolFlag{Name: "query-vector", Usage: "compare with one vector for the whole query, the mean of its tokens'"},
			&cli.Float64Flag{Name: "temperature", Value: 1, Usage: "the `T` of the softmax"},
			&cli.IntFlag{Name: "k", Usage: "the `NUMBER` of rows; 0 is all of --docs, 20 of an index"},
			modeFlag("how --docs and the query are cut into words"),
			encoderFlag(),
			dictFlag(),
			jsonFlag(),
		},
		Action: c.tokens,
	})
}

func (c *console) tokens(ctx *cli.Context) error {
	query, err := textArgs(ctx, "a QUERY")
	if err != nil {
		return err
	}
	cut, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	o := &ciyuan.TokensOptions{
		Pairs: ctx.Bool("pairs"), Words: ctx.Bool("distinct"), QueryVector: ctx.Bool("query-vector"),
		Temperature: ctx.Float64("temperature"), K: ctx.Int("k"), Mode: cut.Mode, Dict: cut.Dict,
	}
	switch {
	case o.Words && o.Pairs:
		return usagef("either --distinct or --pairs")
	case o.Words && ctx.String("docs") != "":
		return usagef("flag --distinct is for an index, not for --docs")
	case o.Temperature <= 0 || o.Temperature > 100:
		return usagef("flag --temperature needs a number above 0, at most 100, not %g", o.Temperature)
	case o.K < 0 || o.K > ciyuan.MaxK:
		return usagef("flag -k needs a number from 0 to %d, not %d", ciyuan.MaxK, o.K)
	}
	if o.Score, err = ciyuan.ParseTokenScore(ctx.String("score")); err != nil {
		return err
	}
	var res *ciyuan.TokensResult
	if name := ctx.String("docs"); name != "" {
		if o.Encoder, err = c.wordEncoder(ctx.Context, ctx.String("encoder")); err != nil {
			return err
		}
		docs, err := c.readDocs(ctx, name)
		if err != nil {
			return err
		}
		if res, err = ciyuan.RankTokens(ctx.Context, query, docs, o); err != nil {
			return err
		}
	} else {
		if ctx.IsSet("mode") {
			return usagef("flag --mode goes with --docs; an index keeps the mode it was made with")
		}
		db, err := c.openReader(ctx)
		if err != nil {
			return err
		}
		defer discard(db)
		if res, err = db.Tokens(ctx.Context, query, o); err != nil {
			return err
		}
	}
	switch {
	case o.Words && ctx.Bool("json"):
		words := res.Words
		if words == nil {
			words = []ciyuan.RankedWord{}
		}
		err = c.printJSON(map[string][]ciyuan.RankedWord{"words": words})
	case o.Words:
		err = c.printWords(res.Words)
	case ctx.Bool("json"):
		err = c.printJSON(res)
	case len(res.Tokens) == 0:
	case o.Pairs:
		err = c.printPairs(res.Pairs)
	default:
		err = c.printTokens(res.Tokens)
	}
	if err == nil && len(res.Tokens) == 0 && len(res.Words) == 0 {
		c.note("no result: the documents have no words")
		err = errNoResult
	}
	return err
}

// readDocs reads documents, one a line.
func (c *console) readDocs(ctx *cli.Context, name string) ([]string, error) {
	in, shown := c.stdin(ctx.Context), "standard input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer discard(file)
		in, shown = file, name
	}
	var docs []string
	size := 0
	err := eachLine(ctx.Context, in, shown, func(_ int, line string) error {
		if size += len(line); size > maxDocsBytes {
			return withHint(fmt.Errorf("%s: more than %d MiB", shown, maxDocsBytes>>20),
				"index it and leave --docs out: "+programName+" index "+quoted(name))
		}
		docs = append(docs, line)
		return nil
	})
	return docs, err
}

func (c *console) printTokens(rows []ciyuan.RankedToken) error {
	t := newTable(true, true, false, false, false, true)
	t.row("rank", "score", "token", "query", "doc", "bytes")
	for _, r := range rows {
		t.row(strconv.Itoa(r.Rank), decimal(r.Score), printable(r.Token), orDash(r.Query), printable(r.Doc), fmt.Sprintf("%d-%d", r.Start, r.End))
	}
	return t.write(c.out)
}

func (c *console) printWords(rows []ciyuan.RankedWord) error {
	if len(rows) == 0 {
		return nil
	}
	t := newTable(true, true, false, false, true, true, false)
	t.row("rank", "score", "word", "query", "count", "documents", "in")
	for _, r := range rows {
		docs := make([]string, len(r.Docs))
		for i, id := range r.Docs {
			docs[i] = printable(id)
		}
		in := strings.Join(docs, ", ")
		if r.Documents > len(r.Docs) {
			in += ", …"
		}
		t.row(strconv.Itoa(r.Rank), decimal(r.Score), printable(r.Word), orDash(r.Query), strconv.Itoa(r.Count), strconv.Itoa(r.Documents), in)
	}
	return t.write(c.out)
}

func (c *console) printPairs(pairs []ciyuan.TokenPair) error {
	t := newTable(false, false, false, true, true, true)
	t.row("query", "token", "doc", "bytes", "cosine", "weight")
	for _, p := range pairs {
		t.row(orDash(p.Query), printable(p.Token), printable(p.Doc), fmt.Sprintf("%d-%d", p.Start, p.End), decimal(p.Similarity), decimal(p.Weight))
	}
	return t.write(c.out)
}

// decimal writes a score with as many figures as are worth comparing, also
// where a weight is spread over a large index.
func decimal(x float64) string {
	if x != 0 && x < 0.001 && x > -0.001 {
		return strconv.FormatFloat(x, 'e', 3, 64)
	}
	return strconv.FormatFloat(x, 'f', 4, 64)
}

// orDash stands in for a query that was compared as a whole.
func orDash(word string) string {
	if word == "" {
		return "-"
	}
	return printable(word)
}
