package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tm"
)

func tmCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "tm",
		Usage: "translation memories in the index",
		Subcommands: []*cli.Command{
			tmImportCommand(c), tmSearchCommand(c), tmConcordanceCommand(c), tmPretranslateCommand(c), tmExportCommand(c), tmListCommand(c),
		},
	})
}

// memory returns the memories of an index, whose words are aligned by the
// vectors of --encoder and, if one is named, by --model.
func (c *console) memory(ctx *cli.Context, db *ciyuan.DB) (*tm.Memory, error) {
	table, err := c.tableOr(ctx.Context, ctx.String("encoder"))
	if errors.Is(err, encoder.ErrNoDefault) {
		return tm.New(db, nil)
	}
	if err != nil {
		return nil, err
	}
	o := &align.Options{}
	if name := ctx.String("model"); name != "" {
		if o.Model, err = align.OpenModel(name); err != nil {
			return nil, err
		}
	}
	aligner, err := align.New(align.StaticVectors(table), o)
	if err != nil {
		return nil, err
	}
	return tm.New(db, aligner)
}

// withMemory calls work with the memories of the index, opened for reading.
func (c *console) withMemory(ctx *cli.Context, work func(*tm.Memory) error) error {
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	m, err := c.memory(ctx, db)
	if err != nil {
		return err
	}
	return work(m)
}

func alignModelFlag() cli.Flag {
	return &cli.StringFlag{Name: "model", Usage: "a `FILE` that dict --save or align --save has written, to mark words by", TakesFile: true}
}

func languageFlags(what string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "the `LANGUAGE` of " + what + ", such as en; en stands for en-US too"},
		&cli.StringFlag{Name: "to", Usage: "the `LANGUAGE` of the translations"},
	}
}

func tmImportCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "import",
		Usage:     "add the units of TMX files, or of tables with a tab between source and target",
		ArgsUsage: "FILE... | -",
		Description: `A memory has the name of its file; importing the file again replaces its units.
TMX 1.1 to 1.4b in UTF-8, UTF-16 or what the file names; a table needs --from and --to.`,
		Flags: append(languageFlags("the source"),
			&cli.StringFlag{Name: "name", Usage: "the `NAME` of the memory instead of that of the file"},
			encoderFlag(),
			jsonFlag(),
		),
		Action: c.tmImport,
	})
}

func (c *console) tmImport(ctx *cli.Context) error {
	names := ctx.Args().Slice()
	switch {
	case len(names) == 0:
		return usagef("tm import needs a FILE").hint("see: " + programName + " tm import --help")
	case ctx.String("name") != "" && len(names) > 1:
		return usagef("flag --name goes with one FILE")
	}
	var all []*tm.Imported
	err := c.withWriter(ctx, "importing", "units", func(db *ciyuan.DB, _ *progress) error {
		m, err := tm.New(db, nil)
		if err != nil {
			return err
		}
		for _, name := range names {
			done, err := c.tmImportFile(ctx, m, name)
			if err != nil {
				return naming(shownName(name), err)
			}
			all = append(all, done)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.printJSON(map[string]any{"memories": all})
	}
	for _, done := range all {
		c.note("%s: %s, %d added, %d updated, %d unchanged, %d deleted", printable(done.Name), count(done.Units, "unit", "units"),
			done.Added, done.Updated, done.Unchanged, done.Deleted)
	}
	return nil
}

func (c *console) tmImportFile(ctx *cli.Context, m *tm.Memory, name string) (*tm.Imported, error) {
	memory := ctx.String("name")
	var in io.Reader
	var head *bufio.Reader
	if name == "-" {
		if memory == "" {
			return nil, usagef("standard input has no name: --name NAME")
		}
		head = bufio.NewReader(c.stdin(ctx.Context))
		in = head
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer discard(file)
		if memory == "" {
			memory = filepath.Base(name)
		}
		head = bufio.NewReader(file)
		in = file
	}
	if tm.IsXML(head) {
		if file, ok := in.(*os.File); ok {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return m.ImportTMX(ctx.Context, memory, head) // a pipe
			}
		}
		return m.ImportTMX(ctx.Context, memory, in)
	}
	if ctx.String("from") == "" || ctx.String("to") == "" {
		return nil, usagef("a table of source and target needs --from and --to")
	}
	return m.ImportTSV(ctx.Context, memory, ctx.String("from"), ctx.String("to"), head)
}

// penaltyFlags say what makes a match worse; tmOptions reads them.
func penaltyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "penalty", Usage: "`NAME=PERCENT` that a memory, or an author, loses; may come again"},
		&cli.Float64Flag{Name: "age-penalty", Usage: "the `PERCENT` that a match loses for each year of its age, at most 20 in all"},
	}
}

func tmOptions(ctx *cli.Context) (*tm.SearchOptions, error) {
	o := &tm.SearchOptions{From: ctx.String("from"), To: ctx.String("to"), AgePenalty: ctx.Float64("age-penalty"), Penalty: map[string]float64{}}
	for _, text := range ctx.StringSlice("penalty") {
		at := strings.LastIndexByte(text, '=')
		if at < 1 {
			return nil, usagef("flag --penalty needs NAME=PERCENT, not %q", text)
		}
		p, err := strconv.ParseFloat(text[at+1:], 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return nil, usagef("flag --penalty needs a percentage from 0 to 100, not %q", text[at+1:])
		}
		o.Penalty[text[:at]] = p
	}
	if !(o.AgePenalty >= 0 && o.AgePenalty <= 100) {
		return nil, usagef("flag --age-penalty needs a percentage from 0 to 100, not %g", o.AgePenalty)
	}
	return o, nil
}

func checkPercent(name string, n int) error {
	if n < 1 || n > tm.InContext {
		return usagef("flag --%s needs a percentage from 1 to %d, not %d", name, tm.InContext, n)
	}
	return nil
}

func tmSearchCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "search",
		Usage:     "find units whose text is like a sentence",
		ArgsUsage: "TEXT...",
		Description: `The score is in per cent: 101 the same text in the same context, 100 the same text,
less for each word that differs. Words that differ are marked, in the translation those
that stand for them.`,
		Flags: append(append(languageFlags("the text"), penaltyFlags()...),
			&cli.IntFlag{Name: "k", Value: tm.DefaultK, Usage: "the `NUMBER` of matches"},
			&cli.IntFlag{Name: "min", Value: tm.DefaultMin, Usage: "the least score, in `PERCENT`"},
			&cli.StringFlag{Name: "before", Usage: "the `SENTENCE` before the text"},
			&cli.StringFlag{Name: "after", Usage: "the `SENTENCE` after it"},
			alignModelFlag(),
			encoderFlag(),
			jsonFlag(),
		),
		Action: c.tmSearch,
	})
}

func (c *console) tmSearch(ctx *cli.Context) error {
	text, err := textArgs(ctx, "a TEXT")
	if err != nil {
		return err
	}
	o, err := tmOptions(ctx)
	if err != nil {
		return err
	}
	if o.K = ctx.Int("k"); o.K < 1 || o.K > 1000 {
		return usagef("flag -k needs a number from 1 to 1000, not %d", o.K)
	}
	o.Min = ctx.Int("min")
	if err := checkPercent("min", o.Min); err != nil {
		return err
	}
	for flag, at := range map[string]**string{"before": &o.Before, "after": &o.After} {
		if ctx.IsSet(flag) {
			value := ctx.String(flag)
			*at = &value
		}
	}
	return c.withMemory(ctx, func(m *tm.Memory) error {
		found, err := m.Search(ctx.Context, text, o)
		if err != nil {
			return err
		}
		if ctx.Bool("json") {
			err = c.printJSON(foundMatches{text, found})
		} else {
			for i := range found {
				match := &found[i]
				fmt.Fprintf(c.out, "%3d %%  %s\n", match.Score, c.paint(stylePath, printable(match.ID)))
				c.printSide(&match.Source)
				for k := range match.Targets {
					c.printSide(&match.Targets[k])
				}
			}
		}
		return c.orNoResult(err, len(found), "no unit is so much like the text")
	})
}

// foundMatches and foundUses are the JSON forms of what is found.
type (
	foundMatches struct {
		Query   string     `json:"query"`
		Matches []tm.Match `json:"matches"`
	}
	foundUses struct {
		Query string   `json:"query"`
		Units []tm.Use `json:"units"`
	}
)

// orNoResult says that nothing was found.
func (c *console) orNoResult(err error, found int, why string) error {
	if err == nil && found == 0 {
		c.note("no result: %s", why)
		return errNoResult
	}
	return err
}

// printSide prints a text with its marks: in colour, else in brackets.
func (c *console) printSide(s *tm.Side) {
	var b strings.Builder
	at := 0
	for _, m := range s.Marks {
		b.WriteString(printable(s.Text[at:m.Start]))
		if word := printable(s.Text[m.Start:m.End]); c.color {
			b.WriteString(c.paint(styleMatch, word))
		} else {
			b.WriteString("[" + word + "]")
		}
		at = m.End
	}
	b.WriteString(printable(s.Text[at:]))
	fmt.Fprintf(c.out, "       %s: %s\n", printable(s.Lang), b.String())
}

func tmConcordanceCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "concordance",
		Usage:     "find units that have words in one of their languages",
		ArgsUsage: "WORDS...",
		Description: `Prints units with the words marked, and those that stand for them in the other
languages; units with the words side by side come first.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "lang", Usage: "the `LANGUAGE` of the words"},
			&cli.IntFlag{Name: "k", Value: tm.DefaultK, Usage: "the `NUMBER` of units"},
			alignModelFlag(),
			encoderFlag(),
			jsonFlag(),
		},
		Action: c.tmConcordance,
	})
}

func (c *console) tmConcordance(ctx *cli.Context) error {
	text, err := textArgs(ctx, "WORDS")
	if err != nil {
		return err
	}
	o := &tm.ConcordanceOptions{K: ctx.Int("k"), Lang: ctx.String("lang")}
	if o.K < 1 || o.K > 1000 {
		return usagef("flag -k needs a number from 1 to 1000, not %d", o.K)
	}
	return c.withMemory(ctx, func(m *tm.Memory) error {
		found, err := m.Concordance(ctx.Context, text, o)
		if err != nil {
			return err
		}
		if ctx.Bool("json") {
			err = c.printJSON(foundUses{text, found})
		} else {
			for i := range found {
				use := &found[i]
				fmt.Fprintln(c.out, c.paint(stylePath, printable(use.ID)))
				c.printSide(&use.Source)
				for k := range use.Targets {
					c.printSide(&use.Targets[k])
				}
			}
		}
		return c.orNoResult(err, len(found), "no unit has the words")
	})
}

func tmPretranslateCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "pretranslate",
		Usage:     "fill a bilingual file from the memories",
		ArgsUsage: "FILE | -",
		Description: `Prints the file with the translations of XLIFF 1.2 or 2 segments, or the second column
of a table, filled in where they are empty; all else stays as it is.`,
		Flags: append(append(languageFlags("the file, instead of what it says"), penaltyFlags()...),
			&cli.IntFlag{Name: "min", Value: tm.DefaultPretranslateMin, Usage: "the least score of a match that is taken, in `PERCENT`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write instead of standard output", TakesFile: true},
			encoderFlag(),
		),
		Action: c.tmPretranslate,
	})
}

func (c *console) tmPretranslate(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("tm pretranslate needs a FILE").hint("see: " + programName + " tm pretranslate --help")
	}
	so, err := tmOptions(ctx)
	if err != nil {
		return err
	}
	o := &tm.PretranslateOptions{Min: ctx.Int("min"), From: so.From, To: so.To, Search: *so}
	if err := checkPercent("min", o.Min); err != nil {
		return err
	}
	name := ctx.Args().First()
	in := c.stdin(ctx.Context)
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer discard(file)
		in = file
	}
	return c.withMemory(ctx, func(m *tm.Memory) error {
		var done *tm.Pretranslated
		write := func(w io.Writer) (err error) {
			done, err = m.Pretranslate(ctx.Context, in, w, o)
			return naming(shownName(name), err)
		}
		if out := ctx.String("output"); out != "" && out != "-" {
			err = writeFile(ctx.Context, out, write)
		} else {
			err = write(c.out)
		}
		if err == nil {
			c.note("%s to translate: %d exact, %d fuzzy, %d left; %d kept", count(done.Segments, "segment", "segments"),
				done.Exact, done.Fuzzy, done.Segments-done.Exact-done.Fuzzy, done.Kept)
		}
		return err
	})
}

func tmExportCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "export",
		Usage:     "write a memory as TMX, as it was imported",
		ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write instead of standard output", TakesFile: true},
			encoderFlag(),
		},
		Action: c.tmExport,
	})
}

func (c *console) tmExport(ctx *cli.Context) error {
	if ctx.NArg() > 1 {
		return usagef("tm export takes one NAME")
	}
	return c.withMemory(ctx, func(m *tm.Memory) error {
		name := ctx.Args().First()
		if name == "" {
			all, err := m.List(ctx.Context)
			switch {
			case err != nil:
				return err
			case len(all) == 0:
				return tm.ErrNoMemory
			case len(all) > 1:
				return usagef("the index has %d memories: give the NAME of one", len(all)).hint("list them: " + programName + " tm list")
			}
			name = all[0].Name
		}
		write := func(w io.Writer) error { return m.Export(ctx.Context, name, w) }
		if out := ctx.String("output"); out != "" && out != "-" {
			return writeFile(ctx.Context, out, write)
		}
		return write(c.out)
	})
}

func tmListCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:   "list",
		Usage:  "list the memories of the index",
		Flags:  []cli.Flag{encoderFlag(), jsonFlag()},
		Action: c.tmList,
	})
}

func (c *console) tmList(ctx *cli.Context) error {
	if err := noArgs(ctx); err != nil {
		return err
	}
	return c.withMemory(ctx, func(m *tm.Memory) error {
		all, err := m.List(ctx.Context)
		if err != nil {
			return err
		}
		if ctx.Bool("json") {
			if all == nil {
				all = []tm.Entry{}
			}
			err = c.printJSON(map[string]any{"memories": all})
		} else {
			t := newTable(true, false, false)
			for _, e := range all {
				t.row(strconv.Itoa(e.Units), orDash(e.Source), printable(e.Name))
			}
			err = t.write(c.out)
		}
		return c.orNoResult(err, len(all), "the index has no translation memory")
	})
}
