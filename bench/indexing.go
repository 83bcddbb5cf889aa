package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// minMegabytesASecond is the goal for text to index on one core.
const minMegabytesASecond = 1.5

// phases are the functions in which the time of indexing is spent, as a CPU
// profile names them. None calls another.
var phases = []phase{
	{"cutting into tokens", "tokenizer.(*Tokenizer).Batch"},
	{"codes of the words", "ciyuan.(*writer).codesOf"},
	{"passages and their records", "ciyuan.(*writer).addPassages"},
	{"writing, with postings", "ciyuan.(*writer).commit"},
	{"folding what is pending", "ciyuan.(*DB).fold"},
	{"graph", "ciyuan.(*DB).extendGraph"},
	{"garbage collection", "runtime.gcBgMarkWorker"},
}

// measureIndexing times text to index on one core: from the documents in memory
// to an index file that is closed, with the graph, on the disk.
func measureIndexing(ctx context.Context, b *bench) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t := table{
		Part: "index", Title: "Text to index on one core",
		Head: []string{"corpus", "MB", "documents", "tokens", "distinct words", "MB/s", "MB/s by processor time", "tokenizer alone, MB/s", "file, MB"},
		Note: "From documents in memory to a closed index file with postings and graph, every commit on the disk; one worker, GOMAXPROCS=1. " +
			"MB = 10^6 bytes of text and titles. Processor time is that of the whole process, with its garbage collection, and leaves waiting for the disk out.",
	}
	shares := table{Part: "index", Title: "Where the time of indexing goes", Head: []string{"corpus"},
		Note: "Per cent of the samples of a CPU profile of as many runs. The rest is the runtime and what is not named."}
	for _, p := range phases {
		shares.Head = append(shares.Head, p.name)
	}
	shares.Head = append(shares.Head, "rest")
	for _, name := range []string{testSets[0], sentences10k, allSets} {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		alone, err := tokenizerSpeed(c, b.runs)
		if err != nil {
			return err
		}
		for _, graphWords := range waysOf(name) {
			m := indexing{path: filepath.Join(b.dir, "speed.db"), corpus: c, graphWords: graphWords}
			for range b.runs {
				if err := m.once(ctx); err != nil {
					return err
				}
			}
			name := label(c, graphWords)
			if graphWords != everyWord {
				b.report.atLeast("index", "text to index, one core", minMegabytesASecond, "MB/s", spreadOf(m.wall),
					fmt.Sprintf("%s, %.1f MB, %d distinct words", name, c.megabytes(), m.words))
			}
			t.Rows = append(t.Rows, []string{
				name, fmt.Sprintf("%.2f", c.megabytes()), fmt.Sprint(len(c.documents)), fmt.Sprint(m.result.Words), fmt.Sprint(m.words),
				spreadOf(m.wall).String(), spreadOf(m.cpu).String(), alone.String(), fmt.Sprintf("%.1f", float64(m.size)/1e6),
			})
			prof, err := b.profile("index-"+fileName(name), func() error {
				for range b.runs {
					if err := m.once(ctx); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			row, err := prof.shares(ctx, phases)
			if err != nil {
				return err
			}
			shares.Rows = append(shares.Rows, append([]string{name}, row...))
		}
	}
	b.report.table(t)
	b.report.table(shares)
	return nil
}

// indexing is repeated indexing of one corpus.
type indexing struct {
	path       string
	corpus     corpus
	graphWords int

	wall, cpu []float64 // MB/s of each time
	result    ciyuan.BatchResult
	words     int   // distinct
	size      int64 // of the file
}

// once makes the index and removes it.
func (m *indexing) once(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, os.Remove(m.path)) }()
	runtime.GC()
	used, began := processTime(), time.Now()
	m.result, err = build(ctx, m.path, m.corpus, &ciyuan.Options{Workers: 1, GraphWords: m.graphWords})
	if err != nil {
		return err
	}
	m.wall = append(m.wall, m.corpus.megabytes()/time.Since(began).Seconds())
	m.cpu = append(m.cpu, m.corpus.megabytes()/(processTime()-used).Seconds())
	info, err := os.Stat(m.path)
	if err != nil {
		return err
	}
	m.size = info.Size()
	m.words, err = wordsOf(ctx, m.path)
	return err
}

// tokenizerSpeed returns how many megabytes a second are cut into tokens, in
// groups of 1 MiB as indexing does.
func tokenizerSpeed(c corpus, runs int) (spread, error) {
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		return spread{}, err
	}
	const groupBytes = 1 << 20
	var values []float64
	for range runs {
		began := time.Now()
		var group []string
		size := 0
		for i, d := range c.documents {
			group = append(group, d.Title, d.Text)
			size += len(d.Title) + len(d.Text)
			if size >= groupBytes || i == len(c.documents)-1 {
				tok.Batch(group)
				group, size = group[:0], 0
			}
		}
		values = append(values, c.megabytes()/time.Since(began).Seconds())
	}
	return spreadOf(values), nil
}
