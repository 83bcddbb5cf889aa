package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func segmentCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "segment",
		Usage:     "cut texts into tokens",
		ArgsUsage: "TEXT... | -",
		Description: `Prints the tokens of the text, without white space, separated by spaces; with - one
line for each line of standard input. The mode search prints the words inside long
words too, behind each of them.`,
		Flags: []cli.Flag{
			modeFlag("how Chinese text is cut"),
			dictFlag(),
			&cli.BoolFlag{Name: "pos", Usage: "print the part of speech behind each token: TOKEN/TAG"},
			&cli.BoolFlag{Name: "upos", Usage: "print its Universal part of speech in this sentence: TOKEN/NOUN"},
			jsonFlag(),
		},
		Action: c.segment,
	})
}

// segmentation is the JSON form of one text.
type segmentation struct {
	Tokens []segment `json:"tokens"`
}

type segment struct {
	Token string `json:"token"`
	Start int    `json:"start"` // bytes
	End   int    `json:"end"`
	POS   string `json:"pos"`
	UPOS  string `json:"upos,omitempty"` // with --upos
}

func (c *console) segment(ctx *cli.Context) error {
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	tok, err := tokenizer.New(o)
	if err != nil {
		return err
	}
	var toks []tokenizer.Token
	var tags []tokenizer.UPOS
	show := func(text string) error {
		toks = tok.Tokenize(toks[:0], text)
		s := segments(text, toks, o.Mode == tokenizer.Search)
		if ctx.Bool("upos") {
			tags = tok.UPOS(tags[:0], toks)
			s.tag(toks, tags, o.Mode == tokenizer.Search)
		}
		return c.printSegments(s, ctx.Bool("pos"), ctx.Bool("json"))
	}
	if ctx.NArg() == 1 && c.isStdin(ctx) {
		return eachLine(ctx.Context, c.stdin(ctx.Context), "standard input", func(_ int, line string) error { return show(line) })
	}
	text, err := textArgs(ctx, "a TEXT, or - for standard input")
	if err != nil {
		return err
	}
	return show(text)
}

// segments returns the primary tokens but for white space, and with parts the
// words inside words.
func segments(text string, toks []tokenizer.Token, parts bool) segmentation {
	s := segmentation{Tokens: []segment{}}
	for i := range toks {
		t := &toks[i]
		if !isShown(t, parts) {
			continue
		}
		s.Tokens = append(s.Tokens, segment{Token: text[t.Start:t.End], Start: t.Start, End: t.End, POS: t.POS.String()})
	}
	return s
}

// isShown reports whether a token is printed.
func isShown(t *tokenizer.Token, parts bool) bool {
	return t.Kind != tokenizer.Space && (t.Primary() || parts)
}

// tag adds the Universal parts of speech of the tokens that s was made of.
func (s *segmentation) tag(toks []tokenizer.Token, tags []tokenizer.UPOS, parts bool) {
	at := 0
	for i := range toks {
		if isShown(&toks[i], parts) {
			s.Tokens[at].UPOS = tags[i].String()
			at++
		}
	}
}

func (c *console) printSegments(s segmentation, pos, asJSON bool) error {
	if asJSON {
		return c.printJSON(s)
	}
	words := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		words[i] = printable(t.Token)
		if pos {
			words[i] += "/" + t.POS
		}
		if t.UPOS != "" {
			words[i] += "/" + t.UPOS
		}
	}
	_, err := c.out.WriteString(strings.Join(words, " ") + "\n")
	return err
}
