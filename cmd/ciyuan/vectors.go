package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/static"
)

// Kinds of encoders in front of the colon of --encoder.
const (
	encoderDefault = "default"
	encoderStatic  = "static"
	encoderHF      = "hf"
	encoderHTTP    = "http"
)

const (
	// maxForeignBytes is the largest table of another program's that is read
	// whole at every start, which takes about a second for 30 MB.
	maxForeignBytes = 32 << 20

	// maxTableName is how many bytes of a file's name a table is named by.
	maxTableName = 63

	// maxLicense is how many bytes of a licence's name a table keeps.
	maxLicense = 43
)

func encoderFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "encoder", Value: encoderDefault, Usage: "where words or tokens have their vectors from: default, static:`FILE`, hf:DIR or http:URL#MODEL",
		EnvVars: []string{"CIYUAN_ENCODER"},
	}
}

// encoderKind takes a value of --encoder apart; an empty one is the default.
func encoderKind(spec string, kinds ...string) (kind, path string, err error) {
	if spec == "" {
		spec = encoderDefault
	}
	kind, path, ok := strings.Cut(spec, ":")
	switch {
	case kind == encoderHTTP && isURL(path): // http:http://...
	case isURL(spec):
		kind, path = encoderHTTP, spec
	case kind == encoderHTTP:
		path = "" // no address
	}
	for _, k := range kinds {
		switch {
		case kind != k:
		case k == encoderDefault && !ok, k != encoderDefault && path != "":
			return kind, path, nil
		}
	}
	forms := map[string]string{encoderDefault: "default", encoderStatic: "static:FILE", encoderHF: "hf:DIR", encoderHTTP: "http:URL"}
	var known []string
	for _, k := range kinds {
		known = append(known, forms[k])
	}
	bad := usagef("flag --encoder needs %s, not %q", strings.Join(known, " or "), spec)
	if kind == encoderHTTP && slices.Contains(kinds, encoderHTTP) {
		return "", "", bad.hint("a URL begins with http:// or https://, and ends in #MODEL where the server has several models")
	}
	if _, statErr := os.Stat(spec); statErr == nil {
		bad = bad.suggest(encoderStatic + ":" + spec)
	}
	return "", "", bad
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// vectors fills in the encoder for opening an index: the one that --encoder
// names or, in a command without that flag, any.
func (c *console) vectors(ctx *cli.Context, o *ciyuan.Options) (err error) {
	if findFlag(ctx.Command.Flags, "encoder") == nil {
		o.AnyEncoder = true
		return nil
	}
	c.encoderSpec = ctx.String("encoder")
	if findFlag(ctx.Command.Flags, "unit") != nil {
		if o.Unit, err = ciyuan.ParseUnit(ctx.String("unit")); err != nil {
			return err
		}
	}
	if findFlag(ctx.Command.Flags, "grade") != nil {
		if o.Grade, err = ciyuan.ParseGrade(ctx.String("grade")); err != nil {
			return err
		}
	}
	o.Encoder, err = c.wordEncoder(ctx.Context, c.encoderSpec)
	return err
}

// wordEncoder opens what --encoder names, which stays open until the command has
// ended; nil is the embedded table, or what an index holds itself.
func (c *console) wordEncoder(ctx context.Context, spec string) (encoder.Encoder, error) {
	kind, path, err := encoderKind(spec, encoderDefault, encoderStatic, encoderHF, encoderHTTP)
	if err != nil || kind == encoderDefault {
		return nil, err
	}
	switch kind {
	case encoderHTTP:
		return c.server(ctx, path)
	case encoderHF:
		model, err := openTransformer(path, nil)
		if err != nil {
			return nil, err
		}
		c.closers = append(c.closers, model)
		return model.Contextual(tableName(path)), nil
	}
	table, err := c.openTable(ctx, path)
	if err != nil {
		return nil, err
	}
	return table, nil
}

// staticEncoder opens a table of word vectors, which stays open until the command has
// ended; nil is the embedded one.
func (c *console) staticEncoder(ctx context.Context, spec string) (encoder.Static, error) {
	kind, path, err := encoderKind(spec, encoderDefault, encoderStatic)
	if err != nil || kind == encoderDefault {
		return nil, err
	}
	table, err := c.openTable(ctx, path)
	if err != nil {
		return nil, err
	}
	return table, nil
}

// openTable opens a table of our own, or reads one of another program's that is
// small enough.
func (c *console) openTable(ctx context.Context, path string) (*encoder.Table, error) {
	ours, err := isOurTable(path)
	if err != nil {
		return nil, err
	}
	if ours {
		table, err := encoder.OpenTable(path)
		if err != nil {
			return nil, err
		}
		c.closers = append(c.closers, table)
		return table, nil
	}
	size, err := treeBytes(path)
	if err != nil {
		return nil, err
	}
	if size > maxForeignBytes {
		return nil, withHint(fmt.Errorf("%s: %s of word vectors would have to be read at every start", path, sizeText(size)),
			"convert it once: "+programName+" model convert "+quoted(path)+" "+quoted(tableName(path)+".vectors"))
	}
	source, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer discard(source)
	var data bytes.Buffer
	if _, err := static.Convert(ctx, &data, source, static.ConvertOptions{Name: tableName(path)}); err != nil {
		return nil, naming(path, err)
	}
	return encoder.NewTable(data.Bytes())
}

// openSource opens a table of another program's.
func openSource(path string) (static.Source, error) {
	source, err := static.Open(path, nil)
	err = naming(path, err)
	if errors.Is(err, fs.ErrNotExist) {
		err = withHint(err, modelFolderHint)
	}
	return source, err
}

// naming returns err with the name of the file, where it lacks that.
func naming(path string, err error) error {
	if err != nil && !strings.Contains(err.Error(), path) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// isOurTable tells by the first bytes whether a file has our own form.
func isOurTable(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, withHint(&restated{text: "there is no file or folder " + path, err: err},
			"give the path of a file or folder of vectors, or default for those in the program")
	}
	if err != nil || info.IsDir() {
		return false, err
	}
	head, err := readHead(path, int64(len(encoder.Magic)))
	return string(head) == encoder.Magic, err
}

// treeBytes returns the size of a file, or of the files in a folder.
func treeBytes(path string) (int64, error) {
	var size int64
	err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(name) // of what a link leads to
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// tableName names a table after its file.
func tableName(path string) string {
	name := filepath.Base(filepath.Clean(path))
	if short := strings.TrimSuffix(name, filepath.Ext(name)); short != "" {
		name = short
	}
	name = strings.ToValidUTF8(name, "")
	for len(name) > maxTableName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}

// readHead returns the first bytes of a file, at most n.
func readHead(path string, n int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer discard(file)
	return io.ReadAll(io.LimitReader(file, n))
}
