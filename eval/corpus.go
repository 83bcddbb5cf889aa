package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrTooFew is returned when the data holds fewer sentences than were asked
// for.
var ErrTooFew = errors.New("eval: not enough sentences")

// minSentenceRunes leaves out fragments such as list numbers.
const minSentenceRunes = 4

// ChineseSentences returns the first n distinct Chinese sentences of the
// evaluation data, each a document: those of the passages of cmrc2018-dev and
// xquad-zh, of the treebank ud-zh-gsdsimp, of the parallel treebank pud-en-zh
// (in traditional characters), and last the questions of the first two. shared
// is the folder that holds the sets; split is as in SplitSentences. The order
// and the ids are the same at every call.
//
// The error wraps ErrTooFew when there are fewer than n.
func ChineseSentences(shared string, n int, split func(text string) []Span) ([]Document, error) {
	c := corpus{limit: n, seen: map[string]bool{}}
	var questions []Query
	for _, name := range []string{"cmrc2018-dev", "xquad-zh"} {
		set, err := Load(filepath.Join(shared, name))
		if err != nil {
			return nil, err
		}
		for _, d := range set.Documents {
			for i, span := range split(d.Text) {
				c.add(fmt.Sprintf("%s#%d", d.ID, i), d.Text[span.Start:span.End])
			}
		}
		for _, q := range set.Queries {
			questions = append(questions, Query{ID: name + "/" + q.ID, Text: q.Text})
		}
	}
	if err := c.addTreebank(filepath.Join(shared, "ud-zh-gsdsimp", "zh_gsdsimp-ud-test.conllu")); err != nil {
		return nil, err
	}
	if err := c.addPairs(filepath.Join(shared, "pud-en-zh", "pairs.jsonl")); err != nil {
		return nil, err
	}
	for _, q := range questions {
		c.add(q.ID, q.Text)
	}
	if len(c.documents) < n {
		return nil, fmt.Errorf("%w: %d of %d", ErrTooFew, len(c.documents), n)
	}
	return c.documents, nil
}

type corpus struct {
	limit     int
	seen      map[string]bool
	documents []Document
}

func (c *corpus) add(id, text string) {
	text = strings.TrimSpace(text)
	if len(c.documents) == c.limit || c.seen[text] || utf8.RuneCountInString(text) < minSentenceRunes {
		return
	}
	c.seen[text] = true
	c.documents = append(c.documents, Document{ID: id, Text: text})
}

// addTreebank adds the sentences of a CoNLL-U file, which stand in comments.
func (c *corpus) addTreebank(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	id := ""
	err = eachLine(file, func(line []byte) error {
		if name, ok := strings.CutPrefix(string(line), "# sent_id = "); ok {
			id = name
		}
		if text, ok := strings.CutPrefix(string(line), "# text = "); ok {
			c.add("ud-"+id, text)
		}
		return nil
	})
	return errors.Join(err, file.Close())
}

func (c *corpus) addPairs(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	err = eachLine(file, func(line []byte) error {
		var pair struct{ ID, Zh string }
		if err := json.Unmarshal(line, &pair); err != nil {
			return err
		}
		c.add("pud-"+pair.ID, pair.Zh)
		return nil
	})
	return errors.Join(err, file.Close())
}

// filesPerFolder keeps the folders of WriteFolder at a usual size.
const filesPerFolder = 100

// WriteFolder writes each document into a file of its own below dir, a hundred
// a folder: 0000/0000.txt, 0000/0001.txt, … All files carry the same time of
// change, long past: a file that changed within seconds of an index run would
// have to be read again by the next.
func WriteFolder(dir string, documents []Document) error {
	changed := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i, d := range documents {
		folder := filepath.Join(dir, fmt.Sprintf("%04d", i/filesPerFolder))
		if i%filesPerFolder == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		path := filepath.Join(folder, fmt.Sprintf("%04d.txt", i))
		if err := os.WriteFile(path, []byte(d.Text+"\n"), 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			return err
		}
	}
	return nil
}
