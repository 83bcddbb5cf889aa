package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
)

func getCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:        "get",
		Usage:       "print the text of a document",
		ArgsUsage:   "ID",
		Description: "ID is the document's id, or a path that leads to its file.",
		Flags:       []cli.Flag{jsonFlag()},
		Action:      c.get,
	})
}

// documentInfo is the JSON form of a document. start and end of the other
// commands are byte offsets into its text.
type documentInfo struct {
	ID       string            `json:"id"`
	Title    string            `json:"title,omitempty"`
	Path     string            `json:"path,omitempty"`
	Meta     map[string]string `json:"meta,omitempty"`
	ModTime  *time.Time        `json:"mtime,omitempty"`
	Passages int               `json:"passages,omitempty"`
	Words    int               `json:"words,omitempty"`
	Bytes    int64             `json:"bytes"`
	Text     *string           `json:"text,omitempty"`
}

func (c *console) get(ctx *cli.Context) error {
	if ctx.NArg() != 1 {
		return usagef("get needs one ID").hint("list the ids: " + programName + " list")
	}
	place, err := newPlace(c.index)
	if err != nil {
		return err
	}
	db, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer discard(db)
	id, err := findDocument(ctx.Context, db, place, ctx.Args().First())
	if err != nil {
		return err
	}
	doc, err := db.Get(ctx.Context, id)
	if err != nil {
		return err
	}
	if !ctx.Bool("json") {
		_, err = c.out.WriteString(doc.Text)
		if err == nil && c.outTerminal && !strings.HasSuffix(doc.Text, "\n") {
			err = c.out.WriteByte('\n')
		}
		return err
	}
	return c.printJSON(documentInfo{
		ID: doc.ID, Title: doc.Title, Path: place.show(doc.Source.Path), Meta: doc.Meta,
		ModTime: orNil(doc.Source.ModTime), Bytes: int64(len(doc.Text)), Text: &doc.Text,
	})
}

// orNil leaves a time that is not known out of JSON.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// findDocument returns the id that an argument stands for. It is an error if it
// could be the id of one document and the path of another.
func findDocument(ctx context.Context, db *ciyuan.DB, place *place, arg string) (string, error) {
	var found []string
	for _, id := range place.ids(arg) {
		there, err := exists(ctx, db, id)
		if err != nil {
			return "", err
		}
		if there {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%w: %q", ciyuan.ErrNotFound, arg)
	case 1:
		return found[0], nil
	}
	return "", withHint(fmt.Errorf("%q is the id of one document and the path of another", arg),
		"for the path write "+quoted("./"+arg),
		"for the id write "+quoted(place.show(found[0])))
}

// exists reports whether the index has a document, without reading its text.
func exists(ctx context.Context, db *ciyuan.DB, id string) (bool, error) {
	for e, err := range db.List(ctx, id) {
		return err == nil && e.ID == id, err
	}
	return false, nil
}
