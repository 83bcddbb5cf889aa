package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/eval"
)

// text is a document or a question.
type text struct{ id, text string }

// Questions: those of xquad-en are about twelve tokens long, those of cranfield
// longer, of which the shortest are taken.
const (
	xquadQueries     = 220
	cranfieldQueries = 80
)

// smallSet returns the documents of small, and the questions and judgements of
// its two judged parts. Ids carry the name of their set.
func smallSet(data string) (documents, queries []text, qrels eval.Qrels, err error) {
	qrels = eval.Qrels{}
	for _, name := range []string{"xquad-en", "cranfield"} {
		set, err := eval.Load(filepath.Join(data, name))
		if err != nil {
			return nil, nil, nil, err
		}
		for _, d := range set.Documents {
			t := text{name + "/" + d.ID, d.Text}
			if d.Title != "" {
				t.text = strings.TrimSpace(d.Title) + ". " + d.Text
			}
			documents = append(documents, t)
		}
		for _, q := range set.Queries {
			id := name + "/" + q.ID
			queries = append(queries, text{id, q.Text})
			qrels[id] = map[string]int{}
			for doc, grade := range set.Qrels[q.ID] {
				qrels[id][name+"/"+doc] = grade
			}
		}
	}
	f, err := os.Open(filepath.Join(data, "pud-en-zh", "pairs.jsonl"))
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading: nothing is lost
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 0; n < smallSentences && lines.Scan(); n++ {
		var pair struct{ ID, En string }
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			return nil, nil, nil, fmt.Errorf("pud-en-zh: %w", err)
		}
		documents = append(documents, text{"pud/" + pair.ID, pair.En})
	}
	return documents, queries, qrels, lines.Err()
}

// shortest returns the questions to be asked: of xquad-en evenly spread ones, of
// cranfield those with the fewest tokens.
func (e *encoder) shortest(queries []text) ([]text, error) {
	var xquad, cranfield []text
	for _, q := range queries {
		if strings.HasPrefix(q.id, "xquad-en/") {
			xquad = append(xquad, q)
		} else {
			cranfield = append(cranfield, q)
		}
	}
	if len(xquad) < xquadQueries || len(cranfield) < cranfieldQueries {
		return nil, fmt.Errorf("only %d and %d questions", len(xquad), len(cranfield))
	}
	var kept []text
	for i := range xquadQueries {
		kept = append(kept, xquad[i*len(xquad)/xquadQueries])
	}
	tokens := func(t text) int { return len(e.model.Tokenizer().Tokenize(nil, t.text)) }
	slices.SortStableFunc(cranfield, func(a, b text) int { return cmp.Compare(tokens(a), tokens(b)) })
	return append(kept, cranfield[:cranfieldQueries]...), nil
}

// Comments shorter than minComment bytes say little; longer ones are cut at the
// first blank line beyond maxComment.
const (
	minComment = 120
	maxComment = 800
)

// goComments returns the comments of the standard library of Go, each once, in an
// order that has nothing to do with where they stand.
func goComments() ([]text, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src")
	var all []text
	seen := map[string]bool{}
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for n, part := range parts(group) {
				if !seen[part] {
					seen[part] = true
					line := files.Position(group.Pos()).Line
					all = append(all, text{fmt.Sprintf("go/%s:%d#%d", filepath.ToSlash(name), line, n), part})
				}
			}
		}
		return nil
	})
	hash := func(t text) uint64 {
		h := fnv.New64a()
		h.Write([]byte(t.text))
		return h.Sum64()
	}
	slices.SortFunc(all, func(a, b text) int {
		return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a.id, b.id))
	})
	return all, err
}

// parts returns what is worth reading of a comment, in pieces.
func parts(group *ast.CommentGroup) []string {
	whole := group.Text()
	if strings.Contains(whole, "Copyright") || strings.Contains(whole, "Code generated") {
		return nil
	}
	var kept []string
	var piece strings.Builder
	flush := func() {
		if s := strings.TrimSpace(piece.String()); len(s) >= minComment {
			kept = append(kept, s)
		}
		piece.Reset()
	}
	for paragraph := range strings.SplitSeq(whole, "\n\n") {
		piece.WriteString(paragraph + "\n\n")
		if piece.Len() > maxComment {
			flush()
		}
	}
	flush()
	return kept
}
