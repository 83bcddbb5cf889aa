package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// The corpora that figures are taken on. The names of test sets, and of test
// sets cut into sentences, are corpora as well.
const (
	sentences10k = "10,000 sentences"
	allSets      = "all sets"
	sentenceMark = " sentences" // behind the name of a set
)

// sentenceCount is how many documents the figures of the first size are for.
const sentenceCount = 10_000

// testSets are those with judgements.
var testSets = []string{"cmrc2018-dev", "xquad-zh", "xquad-en", "cranfield"}

// sentenceSets are those whose queries have answers.
var sentenceSets = testSets[:3]

// corpus is a list of documents with questions.
type corpus struct {
	name      string
	documents []ciyuan.Document
	queries   []string
	set       *eval.Set // nil for a corpus without judgements
}

// megabytes returns the size of the texts and titles, 10^6 bytes.
func (c corpus) megabytes() float64 {
	n := 0
	for _, d := range c.documents {
		n += len(d.Title) + len(d.Text)
	}
	return float64(n) / 1e6
}

func (c corpus) all() iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for _, d := range c.documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// sample returns at most n of the queries, evenly spread.
func (c corpus) sample(n int) []string {
	if len(c.queries) <= n {
		return c.queries
	}
	out := make([]string, n)
	for i := range out {
		out[i] = c.queries[i*len(c.queries)/n]
	}
	return out
}

// sentencesOf cuts a text the way the tokenizer does.
func sentencesOf(text string) []eval.Span {
	spans := tokenizer.Sentences(text)
	out := make([]eval.Span, len(spans))
	for i, s := range spans {
		out[i] = eval.Span(s)
	}
	return out
}

// set loads a test set.
func (b *bench) set(name string) (*eval.Set, error) {
	return eval.Load(filepath.Join(b.shared, name))
}

// corpus makes a corpus, once.
func (b *bench) corpus(name string) (corpus, error) {
	if c, ok := b.corpora[name]; ok {
		return c, nil
	}
	c, err := b.makeCorpus(name)
	if err == nil {
		b.corpora[name] = c
	}
	return c, err
}

func (b *bench) makeCorpus(name string) (corpus, error) {
	switch name {
	case sentences10k:
		documents, err := eval.ChineseSentences(b.shared, sentenceCount, sentencesOf)
		if err != nil {
			return corpus{}, err
		}
		set, err := b.set(testSets[0])
		if err != nil {
			return corpus{}, err
		}
		return corpus{name: name, documents: documentsOf("", documents), queries: queriesOf(set)}, nil
	case allSets:
		c := corpus{name: name}
		for _, n := range testSets {
			set, err := b.set(n)
			if err != nil {
				return corpus{}, err
			}
			c.documents = append(c.documents, documentsOf(n+"/", set.Documents)...)
			c.queries = append(c.queries, queriesOf(set)...)
		}
		return c, nil
	}
	base, cut := strings.CutSuffix(name, sentenceMark)
	set, err := b.set(base)
	if err != nil {
		return corpus{}, err
	}
	if cut {
		set, _ = eval.SplitSentences(set, sentencesOf)
	}
	return corpusOf(name, set), nil
}

func corpusOf(name string, set *eval.Set) corpus {
	return corpus{name: name, documents: documentsOf("", set.Documents), queries: queriesOf(set), set: set}
}

func documentsOf(prefix string, documents []eval.Document) []ciyuan.Document {
	out := make([]ciyuan.Document, len(documents))
	for i, d := range documents {
		out[i] = ciyuan.Document{ID: prefix + d.ID, Title: d.Title, Text: d.Text}
	}
	return out
}

// queriesOf returns the different questions of a set.
func queriesOf(set *eval.Set) []string {
	var out []string
	seen := map[string]bool{}
	for _, q := range set.Queries {
		if !seen[q.Text] {
			seen[q.Text] = true
			out = append(out, q.Text)
		}
	}
	return out
}

// build adds a corpus to a new index at path.
func build(ctx context.Context, path string, c corpus, opts *ciyuan.Options) (ciyuan.BatchResult, error) {
	db, err := ciyuan.Open(path, opts)
	if err != nil {
		return ciyuan.BatchResult{}, err
	}
	res, err := db.AddBatch(ctx, c.all())
	if err == nil && res.Added != len(c.documents) {
		err = fmt.Errorf("%s: %d of %d documents were added", c.name, res.Added, len(c.documents))
	}
	if closing := db.Close(); err == nil {
		err = closing
	}
	return res, err
}

// everyWord, as ciyuan.Options.GraphWords, puts every word into the graph. The
// default compares the words of small indexes one by one, and they have none.
const everyWord = -1

// waysOf returns the values of ciyuan.Options.GraphWords that make different
// indexes of a corpus: a large one has every word in its graph anyway.
func waysOf(corpus string) []int {
	if corpus == allSets {
		return []int{0}
	}
	return []int{0, everyWord}
}

// withGraph stands behind the name of a corpus whose index was made so.
const withGraph = ", every word in the graph"

// label names the index of a corpus.
func label(c corpus, graphWords int) string {
	if graphWords == everyWord {
		return c.name + withGraph
	}
	return c.name
}

// indexKey tells the indexes that are made once apart.
type indexKey struct {
	corpus     string
	graphWords int
}

// index returns the path of an index of a corpus, made once as it comes out of
// adding all documents in one batch.
func (b *bench) index(ctx context.Context, c corpus, graphWords int) (string, error) {
	key := indexKey{c.name, graphWords}
	if path, ok := b.indexes[key]; ok {
		return path, nil
	}
	path := filepath.Join(b.dir, fmt.Sprintf("index-%d.db", len(b.indexes)))
	if _, err := build(ctx, path, c, &ciyuan.Options{GraphWords: graphWords}); err != nil {
		return "", err
	}
	b.indexes[key] = path
	return path, nil
}

// openIndex opens an index of a corpus for searching; a search is for one
// thread.
func (b *bench) openIndex(ctx context.Context, c corpus, graphWords int) (*ciyuan.DB, error) {
	path, err := b.index(ctx, c, graphWords)
	if err != nil {
		return nil, err
	}
	return ciyuan.Open(path, &ciyuan.Options{ReadOnly: true, Workers: 1, GraphWords: graphWords})
}

// wordsOf returns the number of distinct words of an index.
func wordsOf(ctx context.Context, index string) (int, error) {
	db, err := ciyuan.Open(index, &ciyuan.Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	s, err := db.Stats(ctx)
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	return s.Words, db.Close()
}
