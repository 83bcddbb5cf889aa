package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/static"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const (
	nearestWords = 10

	// defaultLicense is that of the embedded table, see NOTICE.
	defaultLicense = "MIT"

	// maxConfig bounds what is read of a folder's config.json.
	maxConfig = 1 << 20
)

func modelInfoCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "info",
		Usage:     "print what an encoder is, and the words nearest to a word",
		ArgsUsage: "FILE|DIR|default",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "near", Usage: "also the ten words nearest to this `WORD`, with their cosines; of a transformer the pieces, in the table that it begins with"},
			jsonFlag(),
		},
		Action: c.modelInfo,
	})
}

// modelDescription is the JSON form of model info.
type modelDescription struct {
	Path         string     `json:"path,omitempty"`
	Type         string     `json:"type"`
	Name         string     `json:"name,omitempty"`
	Architecture string     `json:"architecture,omitempty"`
	Head         string     `json:"head,omitempty"`
	Words        int        `json:"words"` // of a transformer: pieces
	Grams        int        `json:"ngrams,omitempty"`
	Dim          int        `json:"dim"`
	Bits         int        `json:"bits,omitempty"` // of a column of a table
	Layers       int        `json:"layers,omitempty"`
	Hidden       int        `json:"hidden,omitempty"`
	MaxTokens    int        `json:"max_tokens,omitempty"`
	Parameters   int64      `json:"parameters,omitempty"`
	Charset      string     `json:"charset,omitempty"`
	Bytes        int64      `json:"bytes"`
	License      string     `json:"license,omitempty"`
	Fingerprint  string     `json:"fingerprint,omitempty"`
	Near         []nearWord `json:"near,omitempty"`
}

type nearWord struct {
	Word   string  `json:"word"`
	Cosine float64 `json:"cosine"`
}

func (c *console) modelInfo(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("model info needs one FILE, DIR or default").hint("see: " + programName + " model info --help")
	}
	path := ctx.Args().First()
	if path == "" {
		return usagef("an empty FILE")
	}
	near := tokenizer.Fold(ctx.String("near"))
	if ctx.IsSet("near") && near == "" {
		return usagef("flag --near needs a WORD")
	}
	d, err := c.describe(ctx, path, near)
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.printJSON(d)
	}
	return c.printModel(d)
}

// describe finds out what a model is and, unless near is empty, which of its words
// are nearest to that.
func (c *console) describe(ctx *cli.Context, path, near string) (*modelDescription, error) {
	if path == encoderDefault {
		table, err := encoder.Default()
		if err != nil {
			return nil, err
		}
		d := describeTable(table)
		d.License = defaultLicense
		return d, d.addNearest(ctx, table, near)
	}
	ours, err := isOurTable(path)
	if err != nil {
		return nil, err
	}
	if ours {
		table, err := encoder.OpenTable(path)
		if err != nil {
			return nil, err
		}
		defer discard(table)
		if err := table.Verify(); err != nil {
			return nil, naming(path, err)
		}
		d := describeTable(table)
		d.Path = path
		if d.Bytes, err = fileBytes(path); err != nil {
			return nil, err
		}
		return d, d.addNearest(ctx, table, near)
	}
	foreign, err := isTransformer(path)
	if err != nil {
		return nil, err
	}
	if foreign {
		return describeTransformer(ctx, path)
	}
	return c.describeSource(ctx, path, near)
}

func describeTable(table *encoder.Table) *modelDescription {
	return &modelDescription{
		Type: "table", Name: table.Name(), Words: table.Len(), Grams: table.GramRows(), Dim: table.Dim(),
		Bits: int(table.Bits()), Bytes: table.Bytes(), License: table.License(), Fingerprint: table.Fingerprint(),
	}
}

// isTransformer tells a folder with a transformer from one with a vector for each piece.
func isTransformer(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false, err
	}
	data, err := readHead(filepath.Join(path, "config.json"), maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var config struct {
		Type string `json:"model_type"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return true, nil // the reader of transformers says what is wrong
	}
	return config.Type != "" && config.Type != "model2vec", nil
}

// describeTransformer finds the pieces that are nearest to a word in the table that a
// transformer begins with; it depends on the text around them what it ends with.
func describeTransformer(ctx *cli.Context, path string) (*modelDescription, error) {
	model, err := openTransformer(path, nil)
	if err != nil {
		return nil, err
	}
	defer discard(model)
	info := model.Info()
	d := &modelDescription{
		Path: path, Type: info.Type, Architecture: info.Architecture, Head: info.Head, Words: info.Vocabulary, Dim: info.Dim,
		Layers: info.Layers, Hidden: info.Hidden, MaxTokens: info.MaxTokens, Parameters: info.Parameters, Bytes: info.Bytes,
		License: info.License, Fingerprint: info.Fingerprint,
	}
	near := ctx.String("near")
	if near == "" {
		return d, nil
	}
	tok := model.Tokenizer()
	own := map[uint32]bool{}
	query, row := make([]float32, info.Hidden), []float32(nil)
	tokens := tok.Tokenize(nil, near)
	for _, t := range tokens {
		if piece := tok.Piece(t.ID); len(tokens) > 1 && (piece == "▁" || piece == "Ġ") {
			continue // the beginning of a word, by itself
		}
		own[t.ID] = true
		if row, err = model.Embedding(row[:0], t.ID); err != nil {
			return nil, err
		}
		for i, x := range row {
			query[i] += x
		}
	}
	if len(own) == 0 {
		return nil, noVector(near)
	}
	best := nearest10{}
	for id := range uint32(info.Vocabulary) {
		if id&0xfff == 0 && ctx.Context.Err() != nil {
			return nil, ctx.Context.Err()
		}
		piece := tok.Piece(id)
		if own[id] || piece == "" {
			continue
		}
		if row, err = model.Embedding(row[:0], id); err != nil {
			return nil, err
		}
		best.add(piece, cosine(query, row))
	}
	d.Near = best.words
	return d, nil
}

// describeSource reads a table of another program's. The fingerprint is that of the
// converted table, which is what an index would have.
func (c *console) describeSource(ctx *cli.Context, path, near string) (*modelDescription, error) {
	source, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer discard(source)
	info := source.Info()
	d := &modelDescription{Path: path, Type: info.Kind.String(), Name: tableName(path), Words: info.Rows, Dim: info.Dim, Charset: info.Charset, License: info.License}
	if d.Bytes, err = treeBytes(path); err != nil {
		return nil, err
	}
	if g, ok := source.(interface{ Grams() encoder.Grams }); ok {
		d.Grams = g.Grams().Buckets
	}
	pr := c.progress("reading", "words")
	defer pr.finish()
	sum, report, err := static.Fingerprint(ctx.Context, source, static.ConvertOptions{Name: d.Name, Progress: pr.rows})
	if err != nil {
		return nil, naming(path, err)
	}
	d.Fingerprint = sum
	if d.Words < 0 {
		d.Words = report.Words + report.Duplicates + report.Zeros + report.TooLong
	}
	if near == "" {
		return d, nil
	}
	query, err := sourceVector(ctx, source, near)
	if err != nil {
		return nil, naming(path, err)
	}
	if len(query) == 0 {
		return nil, noVector(near)
	}
	best := nearest10{}
	for row, err := range source.Rows() {
		if err == nil {
			err = ctx.Context.Err()
		}
		if err != nil {
			return nil, naming(path, err)
		}
		if tokenizer.Fold(row.Word) != near {
			best.add(row.Word, cosine(query, row.Vector))
		}
	}
	d.Near = best.words
	return d, nil
}

func noVector(word string) error {
	return withHint(fmt.Errorf("%q has no vector here", word), "take a word that is more frequent")
}

// sourceVector returns the vector of a folded word, composed of its parts where the
// format can do that, nil for a word that has none.
func sourceVector(ctx *cli.Context, source static.Source, word string) ([]float32, error) {
	if word == "" {
		return nil, nil
	}
	if s, ok := source.(interface {
		Vector(dst []float32, word string) ([]float32, bool, error)
	}); ok {
		v, known, err := s.Vector(nil, word)
		if err != nil || !known {
			return nil, err
		}
		return v, nil
	}
	for row, err := range source.Rows() {
		if err == nil {
			err = ctx.Context.Err()
		}
		if err != nil {
			return nil, err
		}
		if tokenizer.Fold(row.Word) == word {
			return slices.Clone(row.Vector), nil
		}
	}
	return nil, nil
}

// addNearest finds the rows of a table that are nearest to a folded word.
func (d *modelDescription) addNearest(ctx *cli.Context, table *encoder.Table, near string) error {
	if near == "" {
		return nil
	}
	vector := vectorOf(table, nil, near)
	if len(vector) == 0 {
		return noVector(near)
	}
	query := table.Query(vector)
	self, has := table.Row(near)
	best := nearest10{}
	for row := range uint32(table.Len()) {
		if row&0xffff == 0 && ctx.Context.Err() != nil {
			return ctx.Context.Err()
		}
		if has && row == self {
			continue
		}
		if z := float64(table.Dot(&query, row)); best.wants(z) {
			best.add(table.Word(row), z)
		}
	}
	for i := range best.words {
		// Rounded rows are not quite of length 1.
		w := &best.words[i]
		w.Cosine = max(-1, min(1, w.Cosine))
	}
	d.Near = best.words
	return nil
}

// nearest10 keeps the ten nearest words, by descending cosine, equal ones in the order in
// which they came.
type nearest10 struct{ words []nearWord }

func (n *nearest10) wants(z float64) bool {
	return len(n.words) < nearestWords && !math.IsNaN(z) || len(n.words) == nearestWords && z > n.words[nearestWords-1].Cosine
}

func (n *nearest10) add(word string, z float64) {
	if !n.wants(z) {
		return
	}
	at := len(n.words)
	for at > 0 && n.words[at-1].Cosine < z {
		at--
	}
	n.words = slices.Insert(n.words, at, nearWord{Word: word, Cosine: z})
	n.words = n.words[:min(len(n.words), nearestWords)]
}

// cosine returns 0 where either vector is zero or empty.
func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*bb)
}

func (c *console) printModel(d *modelDescription) error {
	t := newTable()
	row := func(name, value string) {
		if value != "" && value != "0" {
			t.row(name, printable(value))
		}
	}
	row("path", d.Path)
	row("type", d.Type)
	row("name", d.Name)
	row("architecture", d.Architecture)
	row("head", d.Head)
	words := "words"
	if d.Layers > 0 {
		words = "pieces"
	}
	row(words, strconv.Itoa(d.Words))
	row("n-grams", strconv.Itoa(d.Grams))
	row("dimensions", strconv.Itoa(d.Dim))
	row("bits a column", strconv.Itoa(d.Bits))
	row("layers", strconv.Itoa(d.Layers))
	row("hidden size", strconv.Itoa(d.Hidden))
	row("longest input", strconv.Itoa(d.MaxTokens))
	row("parameters", strconv.FormatInt(d.Parameters, 10))
	row("charset", d.Charset)
	row("size", sizeText(d.Bytes))
	t.row("licence", printable(cmp.Or(d.License, "not stated")))
	row("fingerprint", d.Fingerprint)
	if err := t.write(c.out); err != nil || len(d.Near) == 0 {
		return err
	}
	fmt.Fprintln(c.out)
	nearest := newTable(true)
	for _, w := range d.Near {
		nearest.row(fmt.Sprintf("%.4f", w.Cosine), printable(w.Word))
	}
	return nearest.write(c.out)
}
