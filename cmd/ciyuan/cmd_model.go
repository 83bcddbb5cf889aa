package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/encoder/static"
)

func modelCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:        "model",
		Usage:       "look at, convert, train and distil word vectors",
		Subcommands: []*cli.Command{modelInfoCommand(c), modelConvertCommand(c), modelTrainCommand(c), modelDistilCommand(c)},
	})
}

// bitsFlag is how tables are stored; tableOptions reads it and --name.
func bitsFlag() cli.Flag {
	return choice("bits", "8", "bits a number of a vector: 4 halves the file and costs some accuracy, 16 is float16", "4", "8", "16")
}

func licenseFlag() cli.Flag {
	return &cli.StringFlag{Name: "license", Usage: "the `NAME` of the licence of the vectors (at most 43 bytes), where the source does not state it"}
}

func nameFlag() cli.Flag {
	return &cli.StringFlag{Name: "name", Usage: "what the vectors call themselves (at most 63 bytes) instead of the `NAME` of the file"}
}

func tableOptions(ctx *cli.Context, path string) (static.ConvertOptions, error) {
	o := static.ConvertOptions{Name: ctx.String("name"), Bits: 8}
	switch ctx.String("bits") {
	case "4":
		o.Bits = 4
	case "16":
		o.Bits = 16
	}
	o.License = ctx.String("license")
	if len(o.License) > maxLicense || !utf8.ValidString(o.License) {
		return o, usagef("flag --license needs at most %d bytes of UTF-8, not %q", maxLicense, printable(o.License))
	}
	if o.Name == "" {
		o.Name = tableName(path)
	}
	if len(o.Name) > maxTableName {
		return o, usagef("flag --name needs at most %d bytes, not %d", maxTableName, len(o.Name))
	}
	return o, nil
}

func modelConvertCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "convert",
		Usage:     "write word vectors in the form that is opened without being read",
		ArgsUsage: "IN OUT",
		Description: `IN is a file of word2vec (text or binary), GloVe or fastText (.vec or .bin, with its
n-grams), or a folder of Model2Vec. OUT is for --encoder static:OUT.`,
		Flags: []cli.Flag{
			bitsFlag(),
			nameFlag(),
			licenseFlag(),
			&cli.IntFlag{Name: "max-words", Usage: "the `NUMBER` of words to keep, the first ones; 0 is all"},
			&cli.BoolFlag{Name: "no-grams", Usage: "leave out the n-grams of fastText"},
			jsonFlag(),
		},
		Action: c.convertModel,
	})
}

// conversion is the JSON form of what a new table holds.
type conversion struct {
	Path        string  `json:"path"`
	Name        string  `json:"name"`
	Words       int     `json:"words"`
	Grams       int     `json:"ngrams"`
	Dim         int     `json:"dim"`
	Bytes       int64   `json:"bytes"`
	Fingerprint string  `json:"fingerprint"`
	Background  float32 `json:"background"` // cosine of unrelated words
	Duplicates  int     `json:"duplicates"` // words left out
	Zeros       int     `json:"zeros"`
	TooLong     int     `json:"too_long"`
	Invalid     int     `json:"invalid"`
}

func (c *console) convertModel(ctx *cli.Context) error {
	if ctx.NArg() != 2 {
		return usagef("model convert needs IN and OUT").hint("see: " + programName + " model convert --help")
	}
	in, out := ctx.Args().Get(0), ctx.Args().Get(1)
	o, err := tableOptions(ctx, in)
	if err != nil {
		return err
	}
	if o.MaxWords = ctx.Int("max-words"); o.MaxWords < 0 {
		return usagef("flag --max-words needs a number from 0, not %d", o.MaxWords)
	}
	o.NoGrams = ctx.Bool("no-grams")
	ours, err := isOurTable(in)
	if err != nil {
		return err
	}
	if ours {
		return withHint(fmt.Errorf("%s: is converted already", in), "use it: --encoder "+quoted("static:"+in))
	}
	if isSame(in, out) {
		return usagef("IN and OUT are the same file")
	}
	source, err := openSource(in)
	if err != nil {
		return err
	}
	defer discard(source)
	pr := c.progress("reading", "words")
	defer pr.finish()
	o.Progress = pr.rows
	done, err := c.writeTable(ctx, out, source, o)
	if err != nil {
		return naming(in, err)
	}
	pr.clear()
	skipped := source.Skipped()
	done.Invalid = skipped.Empty + skipped.Invalid
	return c.reportTable(ctx, done)
}

func isSame(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// writeTable writes vectors to a file in our own form.
func (c *console) writeTable(ctx *cli.Context, out string, v static.Vectors, o static.ConvertOptions) (*conversion, error) {
	var report static.Report
	err := writeFile(ctx.Context, out, func(w io.Writer) (err error) {
		report, err = static.Convert(ctx.Context, w, v, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.describeTableFile(ctx, out, report)
}

// describeTableFile says what a table that was written to a file holds.
func (c *console) describeTableFile(ctx *cli.Context, out string, report static.Report) (*conversion, error) {
	table, err := c.openTable(ctx.Context, out)
	if err != nil {
		return nil, err
	}
	size, err := fileBytes(out)
	return &conversion{
		Path: out, Name: table.Name(), Words: report.Words, Grams: report.Grams, Dim: table.Dim(), Bytes: size,
		Fingerprint: table.Fingerprint(), Background: report.Background,
		Duplicates: report.Duplicates, Zeros: report.Zeros, TooLong: report.TooLong,
	}, err
}

func (c *console) reportTable(ctx *cli.Context, r *conversion) error {
	if ctx.Bool("json") {
		return c.printJSON(r)
	}
	grams := ""
	if r.Grams > 0 {
		grams = fmt.Sprintf(" and %d n-grams", r.Grams)
	}
	c.note("%s: %s%s, %d dimensions, %s", r.Path, count(r.Words, "word", "words"), grams, r.Dim, sizeText(r.Bytes))
	for _, left := range []struct {
		n   int
		why string
	}{
		{r.Duplicates, "that differ from another only in case, width or script, or are no words"},
		{r.Zeros, "whose vector is zero"},
		{r.TooLong, "of more than 255 bytes"},
		{r.Invalid, "that cannot be read"},
	} {
		if left.n > 0 {
			c.note("left out: %d %s", left.n, left.why)
		}
	}
	return nil
}
