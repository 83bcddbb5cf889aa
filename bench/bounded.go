package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The goals for memory, whatever the size of the corpus.
const (
	maxIndexAnonymous  = 300 // 10^6 bytes
	maxSearchAnonymous = 100 // 10^6 bytes
)

// boundedPause lies between two looks at a process that runs for minutes.
const boundedPause = 2 * time.Millisecond

// measureBounded indexes much text, and many documents without any, and searches
// in both, each time in a process of its own, and reads from the system how much
// memory these have. It takes half an hour, so it has to be asked for.
func measureBounded(ctx context.Context, b *bench) error {
	if !b.chosen {
		fmt.Fprintln(os.Stderr, "bounded: left out, it takes half an hour; -run bounded has it done")
		return nil
	}
	c, err := b.corpus(allSets)
	if err != nil {
		return err
	}
	var sentences []string
	for _, d := range c.documents {
		for _, s := range sentencesOf(d.Text) {
			sentences = append(sentences, d.Text[s.Start:s.End])
		}
	}
	queries := c.sample(20)
	long := strings.Fields(strings.Join(c.queries, " "))
	queries = append(queries, strings.Join(long[:min(len(long), 1000)], " "))
	t := table{
		Part: "bounded", Title: "Memory of large indexes",
		Head: []string{"", "text, MB", "documents", "file, MB", "minutes", "RssAnon, MB", "RssFile, MB"},
		Note: "Peaks of RssAnon and RssFile in /proc/PID/status, read every 2 ms while the process runs. The text is made of random sentences of all sets, with a word that occurs nowhere else in every " +
			"1,000 bytes, and comes as JSON Lines on standard input; RssFile is the mapping of the index, which the system takes back when it needs room. " +
			fmt.Sprintf("Searches: %d questions and a query of %d words, each in a process of its own; the largest.", len(queries)-1, min(len(long), 1000)),
	}
	for _, w := range []workload{
		{name: "text", documents: b.textMB * 1e6 / textDocument, write: func(w *json.Encoder, n int) error { return writeTexts(w, n, sentences) }},
		{name: "documents without text", documents: b.empties, write: writeEmpty},
	} {
		if w.documents == 0 {
			continue
		}
		if err := w.measure(ctx, b, queries, &t); err != nil {
			return err
		}
	}
	b.report.table(t)
	return nil
}

// textDocument is the size of a document of text in bytes.
const textDocument = 2000

// workload is what is indexed.
type workload struct {
	name      string
	documents int
	write     func(w *json.Encoder, n int) error
}

// record is a line of JSON Lines.
type record struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// writeTexts writes n documents of random sentences, with words that occur once.
func writeTexts(w *json.Encoder, n int, sentences []string) error {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range n {
		var text strings.Builder
		for made := 0; text.Len() < textDocument; {
			text.WriteString(sentences[rng.IntN(len(sentences))])
			if text.Len() > 1000*made {
				fmt.Fprintf(&text, " %x%c", rng.Uint32(), 'g'+made)
				made++
			}
			text.WriteByte('\n')
		}
		if err := w.Encode(record{fmt.Sprintf("t%09d", i), text.String()}); err != nil {
			return err
		}
	}
	return nil
}

func writeEmpty(w *json.Encoder, n int) error {
	for i := range n {
		if err := w.Encode(record{ID: fmt.Sprintf("e%09d", i)}); err != nil {
			return err
		}
	}
	return nil
}

// measure indexes a workload, searches in it, and removes it.
func (w *workload) measure(ctx context.Context, b *bench, queries []string, t *table) (err error) {
	index := filepath.Join(b.dir, "bounded.db")
	in, out := io.Pipe()
	written := make(chan error, 1)
	counted := &counter{w: out}
	go func() {
		buffered := bufio.NewWriterSize(counted, 1<<16)
		err := errors.Join(w.write(json.NewEncoder(buffered), w.documents), buffered.Flush())
		written <- errors.Join(err, out.CloseWithError(err))
	}()
	indexing, err := b.start(ctx, command{args: []string{"--index", index, "index", "--format", "jsonl", "-"}, watch: true, pause: boundedPause, stdin: in})
	_ = in.Close() // the writer ends, whatever has become of the process
	if err := errors.Join(err, <-written); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(index)) }()
	info, err := os.Stat(index)
	if err != nil {
		return err
	}
	var searching process
	for _, q := range queries {
		p, err := b.start(ctx, command{args: []string{"--index", index, "search", "--", q}, watch: true, misses: true})
		if err != nil {
			return err
		}
		searching.anonymous = max(searching.anonymous, p.anonymous)
		searching.mapped = max(searching.mapped, p.mapped)
		searching.wall = max(searching.wall, p.wall)
	}
	on := fmt.Sprintf("%s: %d documents, %.0f MB of JSON Lines", w.name, w.documents, float64(counted.n)/1e6)
	b.report.atMost("bounded", "anonymous memory of indexing, peak", maxIndexAnonymous, "MB", exactly(round(float64(indexing.anonymous)/1e6)), on)
	b.report.atMost("bounded", "anonymous memory of a search, peak", maxSearchAnonymous, "MB", exactly(round(float64(searching.anonymous)/1e6)), on)
	row := func(what string, p process) []string {
		return []string{
			what + ", " + w.name, fmt.Sprintf("%.0f", float64(counted.n)/1e6), fmt.Sprint(w.documents), fmt.Sprintf("%.0f", float64(info.Size())/1e6),
			fmt.Sprintf("%.2f", p.wall.Minutes()), fmt.Sprintf("%.1f", float64(p.anonymous)/1e6), fmt.Sprintf("%.1f", float64(p.mapped)/1e6),
		}
	}
	t.Rows = append(t.Rows, row("indexing", indexing), row("search", searching))
	return nil
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
