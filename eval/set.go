package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// These errors are returned while a test set is read.
var (
	// ErrSyntax is returned for a line that is not what its file should hold.
	// The error text names the file and the line.
	ErrSyntax = errors.New("eval: bad line")

	// ErrMismatch is returned when the parts of a set do not fit together: an
	// id that occurs twice, a judgement of an unknown document or query, two
	// sets without a common query.
	ErrMismatch = errors.New("eval: parts do not fit together")

	// ErrNoSet is returned when a folder lacks one of the files of a set.
	ErrNoSet = errors.New("eval: not a test set")
)

// Document is a document of a test set.
type Document struct {
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
}

// Query is a question of a test set.
type Query struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Answers are strings that occur in a relevant document as they stand; nil
	// in sets that are not about answering questions.
	Answers []string `json:"answers,omitempty"`
}

// Qrels holds relevance judgements: query id, document id, grade. A grade of 1
// or more is relevant; what is not listed is not relevant.
type Qrels map[string]map[string]int

// Set is a test set.
type Set struct {
	// Name is the name of its folder.
	Name      string
	Documents []Document
	Queries   []Query
	Qrels     Qrels
}

// The files of a set.
const (
	documentsFile = "docs.jsonl"
	queriesFile   = "queries.jsonl"
	qrelsFile     = "qrels.tsv"
)

// Load reads the set in a folder: docs.jsonl ({"id","text","title"?} a line),
// queries.jsonl ({"id","text","answers"?}) and qrels.tsv (see ReadQrels).
//
// The error wraps ErrNoSet when a file is missing, ErrSyntax with file and line
// for a bad line, and ErrMismatch when ids repeat or judgements name what does
// not exist.
func Load(dir string) (*Set, error) {
	set := &Set{Name: filepath.Base(filepath.Clean(dir))}
	var err error
	if set.Documents, err = loadLines[Document](filepath.Join(dir, documentsFile)); err != nil {
		return nil, err
	}
	if set.Queries, err = loadLines[Query](filepath.Join(dir, queriesFile)); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, qrelsFile)
	file, err := openPart(path)
	if err != nil {
		return nil, err
	}
	set.Qrels, err = ReadQrels(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return set, set.check()
}

func openPart(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrNoSet, path)
	}
	return file, err
}

func (s *Set) check() error {
	documents, err := distinct(s.Documents, func(d Document) string { return d.ID }, "document")
	if err != nil {
		return err
	}
	queries, err := distinct(s.Queries, func(q Query) string { return q.ID }, "query")
	if err != nil {
		return err
	}
	for _, query := range sortedKeys(s.Qrels) {
		if !queries[query] {
			return fmt.Errorf("%w: %s judges query %q, which %s lacks", ErrMismatch, qrelsFile, query, queriesFile)
		}
		for _, document := range sortedKeys(s.Qrels[query]) {
			if !documents[document] {
				return fmt.Errorf("%w: %s judges document %q, which %s lacks", ErrMismatch, qrelsFile, document, documentsFile)
			}
		}
	}
	return nil
}

func distinct[T any](items []T, id func(T) string, what string) (map[string]bool, error) {
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		if seen[id(item)] {
			return nil, fmt.Errorf("%w: %s id %q occurs twice", ErrMismatch, what, id(item))
		}
		seen[id(item)] = true
	}
	return seen, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// loadLines reads a JSON Lines file of documents or queries.
func loadLines[T Document | Query](path string) ([]T, error) {
	file, err := openPart(path)
	if err != nil {
		return nil, err
	}
	var items []T
	err = eachLine(file, func(line []byte) error {
		var item T
		if err := json.Unmarshal(line, &item); err != nil {
			return err
		}
		id := ""
		switch item := any(item).(type) {
		case Document:
			id = item.ID
		case Query:
			id = item.ID
		}
		if id == "" {
			return errors.New(`no "id"`)
		}
		items = append(items, item)
		return nil
	})
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return items, nil
}

// eachLine calls f for each line that is not blank. An error of f is wrapped in
// ErrSyntax with the line's number.
func eachLine(r io.Reader, f func(line []byte) error) error {
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("eval: reading line %d: %w", n, err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if bad := f(line); bad != nil {
				return fmt.Errorf("%w: line %d: %w", ErrSyntax, n, bad)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// ReadQrels reads judgements in the TREC form: query id, iteration (not used),
// document id, grade, separated by tabs or spaces. A pair judged twice is an
// error, as it is for trec_eval.
func ReadQrels(r io.Reader) (Qrels, error) {
	qrels := Qrels{}
	err := eachLine(r, func(line []byte) error {
		fields := strings.Fields(string(line))
		if len(fields) != 4 {
			return fmt.Errorf("%d fields; expected query, iteration, document and grade", len(fields))
		}
		grade, err := strconv.Atoi(fields[3])
		if err != nil {
			return fmt.Errorf("grade %q is not a whole number", fields[3])
		}
		query, document := fields[0], fields[2]
		if _, again := qrels[query][document]; again {
			return fmt.Errorf("document %s is judged twice for query %s", document, query)
		}
		if qrels[query] == nil {
			qrels[query] = map[string]int{}
		}
		qrels[query][document] = grade
		return nil
	})
	return qrels, err
}

// WriteQrels writes judgements sorted by query, then document, separated by
// tabs.
func WriteQrels(w io.Writer, qrels Qrels) error {
	out := bufio.NewWriter(w)
	for _, query := range sortedKeys(qrels) {
		for _, document := range sortedKeys(qrels[query]) {
			fmt.Fprintf(out, "%s\t0\t%s\t%d\n", query, document, qrels[query][document])
		}
	}
	return out.Flush()
}
