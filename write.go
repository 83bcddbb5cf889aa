package ciyuan

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const (
	// groupBytes is how much text is cut into tokens at a time: enough that
	// gathering the dictionary of the text costs little, little enough that
	// its tokens (48 bytes each) take some tens of megabytes.
	groupBytes = 1 << 20

	// runBytes is how much text a transaction adds.
	runBytes = 8 << 20

	// groupCost and runCost are what a document counts in a group and in a run
	// beside its text: what is held for each, however short.
	groupCost, runCost = 64, 512

	// foldPassages is how many passages may be pending before they are folded.
	// A search scans pending passages: this many cost it half a millisecond.
	foldPassages = 1024

	// foldVectors is the same where passages have token vectors, some ten kilobytes of them
	// each, which a search reads to know their leaders.
	foldVectors = 256

	// knownWords bounds the memory of word look-ups while adding, about 100
	// bytes each.
	knownWords = 1 << 19
)

// BatchResult counts what a batch has done.
type BatchResult struct {
	Added     int   `json:"added"`
	Updated   int   `json:"updated"`
	Unchanged int   `json:"unchanged"`
	Passages  int   `json:"passages"`
	Words     int   `json:"words"` // word tokens of the documents added or updated
	Bytes     int64 `json:"bytes"` // their text
}

// Add adds one document, or replaces the one with the same id. It is on the
// disk, and found by every later search, when Add returns nil.
func (db *DB) Add(ctx context.Context, doc Document) error {
	_, err := db.AddBatch(ctx, func(yield func(Document, error) bool) { yield(doc, nil) })
	return err
}

// AddBatch adds documents, replacing those with the same id. Of several
// documents with one id in the batch the last counts. A document whose content
// is the same as what is stored is left alone.
//
// Documents are committed about 8 MiB at a time; those counted in the result
// are on the disk. If the sequence yields an error, what came before is
// committed and the error returned; the same when ctx ends, with its error.
func (db *DB) AddBatch(ctx context.Context, docs iter.Seq2[Document, error]) (BatchResult, error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	w, err := db.newWriter(ctx)
	if err != nil {
		return BatchResult{}, err
	}
	for doc, err := range docs {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = w.add(&doc)
		}
		if err != nil {
			return w.result, errors.Join(err, w.finish(context.WithoutCancel(ctx)))
		}
	}
	return w.result, w.finish(ctx)
}

// A writer adds documents. It is for one goroutine, which holds db.writing.
type writer struct {
	db     *DB
	ctx    context.Context
	result BatchResult

	group      []*Document // waiting to be cut into tokens
	groupBytes int
	inGroup    map[string]int // id -> index in group

	run   run
	known map[string]store.Code

	vec    *vectorWriter // nil: no token vectors
	inputs []encodeInput // passages that the contextual encoder has still to see

	next store.PassageID
	code store.Code
	pend uint32 // passages pending in the file
}

// A run is what the next commit writes.
type run struct {
	first    store.PassageID
	code     store.Code // first of words
	words    []string
	vectors  []wordVector
	docs     []runDoc
	ids      map[string]bool
	sources  []store.SourceEntry // unchanged documents whose file was touched
	passages []runPassage
	records  []byte
	bytes    int
	result   BatchResult

	vectorRecords []byte
	rows          int // token vectors
}

type runDoc struct {
	id      store.DocID
	doc     store.Doc
	source  store.Source
	lines   uint64 // line ends in the passages so far
	partial bool   // more passages follow in a later run
	resumed bool   // its first passages are in an earlier run
}

type runPassage struct {
	text   store.Text
	record Span // in records

	vectors Span // in vectorRecords
}

func (db *DB) newWriter(ctx context.Context) (*writer, error) {
	if db.opts.ReadOnly {
		return nil, ErrReadOnly
	}
	if db.noEnc != nil {
		return nil, db.noEnc
	}
	if db.noContextual != nil {
		return nil, db.noContextual
	}
	w := &writer{db: db, ctx: ctx, known: map[string]store.Code{}, inGroup: map[string]int{}}
	err := db.update(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		if err := db.adopt(tx, m); err != nil {
			return err
		}
		w.next, w.code = m.NextPassage, m.NextCode
		w.pend = pendingSpan(m)
		if db.vectorWriter != nil {
			db.vectorWriter.drop()
		}
		w.vec, err = db.vectorsFor(tx, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.startRun()
	return w, nil
}

func (w *writer) startRun() {
	w.run = run{first: w.next, code: w.code, ids: map[string]bool{}, records: w.run.records[:0], vectorRecords: w.run.vectorRecords[:0]}
}

// add takes a document in.
func (w *writer) add(doc *Document) error {
	if doc.ID == "" {
		return ErrNoID
	}
	if len(doc.ID) > store.MaxKeyBytes {
		return fmt.Errorf("%w: an id has at most %d bytes: %.40q…", ErrOption, store.MaxKeyBytes, doc.ID)
	}
	if doc.Vectors != nil {
		if err := w.checkVectors(doc); err != nil {
			return err
		}
	} else if doc.Body != nil || len(doc.Text) > chunkBytes {
		if err := w.cut(); err != nil {
			return err
		}
		return w.addLarge(doc)
	}
	d := *doc
	w.groupBytes += waitingBytes(&d)
	if i, ok := w.inGroup[d.ID]; ok {
		w.groupBytes -= waitingBytes(w.group[i])
		w.group[i] = &d
	} else {
		w.inGroup[d.ID] = len(w.group)
		w.group = append(w.group, &d)
	}
	if w.groupBytes >= w.groupLimit() {
		return w.cut()
	}
	return nil
}

// groupLimit returns how many bytes of documents are cut at a time, vectors that they
// come with included.
func (w *writer) groupLimit() int {
	switch {
	case w.db.contextual != nil:
		return encodeBytes
	case w.vec != nil:
		return vectorRunBytes
	}
	return groupBytes
}

// full reports whether the run is as much as a transaction adds.
func (w *writer) full() bool {
	return w.run.bytes >= runBytes || len(w.run.vectorRecords) >= vectorRunBytes || w.db.contextual != nil && w.run.bytes >= 8*encodeBytes
}

// finish commits what is left and brings the index into shape.
func (w *writer) finish(ctx context.Context) error {
	w.ctx = ctx
	if err := w.cut(); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	return w.db.tidy(ctx)
}

// cut turns the group into passages of the run.
func (w *writer) cut() error {
	group := w.group
	w.group, w.groupBytes = nil, 0
	clear(w.inGroup)
	if len(group) == 0 {
		return nil
	}
	for _, doc := range group {
		if w.run.ids[doc.ID] {
			// An earlier version is in this run: it has to be in the file
			// before it can be replaced.
			if err := w.commit(); err != nil {
				return err
			}
			break
		}
	}
	hashes := make([]uint64, len(group))
	changed := group[:0:0]
	err := w.db.view(func(tx *store.Tx) error {
		for i, doc := range group {
			hashes[i] = hashDocument(doc)
			old, ok, err := tx.Source(doc.ID)
			if err != nil {
				return err
			}
			if ok && old.Hash == hashes[i] {
				w.run.result.Unchanged++
				if s := sourceOf(doc, old.Doc, old.Hash); s != old {
					w.run.sources = append(w.run.sources, store.SourceEntry{External: doc.ID, Source: s})
					w.run.bytes += runCost
				}
				continue
			}
			hashes[len(changed)] = hashes[i]
			changed = append(changed, doc)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		return w.commitIfFull()
	}
	texts := make([]string, 0, 2*len(changed))
	for _, doc := range changed {
		texts = append(texts, doc.Title, doc.Text)
	}
	toks := w.tokenize(texts)
	codes, err := w.codesOf(toks)
	if err != nil {
		return err
	}
	var own []passageRows
	for i, doc := range changed {
		d := runDoc{id: store.DocID(w.next), doc: w.docOf(doc), source: sourceOf(doc, store.DocID(w.next), hashes[i])}
		first := len(w.run.passages)
		if doc.Vectors != nil {
			w.addWhole(&d, doc.Title, toks[2*i], codes[2*i], doc.Text, toks[2*i+1], codes[2*i+1])
			p, err := broughtRows(doc, first)
			if err != nil {
				return err
			}
			own = append(own, p)
		} else {
			w.addPassages(&d, doc.Title, toks[2*i], codes[2*i], doc.Text, toks[2*i+1], codes[2*i+1])
		}
		w.run.docs = append(w.run.docs, d)
		w.run.ids[doc.ID] = true
		w.run.bytes += fieldBytes(doc) + runCost
	}
	if len(own) > 0 {
		if err := w.keep(own); err != nil {
			return err
		}
	}
	if err := w.encode(); err != nil {
		return err
	}
	return w.commitIfFull()
}

func (w *writer) commitIfFull() error {
	if w.full() {
		return w.commit()
	}
	return nil
}

// waitingBytes returns what a document counts in a group.
func waitingBytes(doc *Document) int {
	n := len(doc.Text) + fieldBytes(doc) + groupCost
	if doc.Vectors != nil {
		n += 4 * len(doc.Vectors.Vectors)
	}
	return n
}

// fieldBytes returns the bytes of a document that are not its text.
func fieldBytes(doc *Document) int {
	n := len(doc.ID) + len(doc.Title)
	for name, value := range doc.Meta {
		n += len(name) + len(value)
	}
	return n
}

// addLarge adds a document piece by piece. It is marked incomplete, and not
// found, until its last piece is committed.
func (w *writer) addLarge(doc *Document) error {
	if w.run.ids[doc.ID] {
		if err := w.commit(); err != nil {
			return err
		}
	}
	id := store.DocID(w.next)
	d := runDoc{id: id, doc: w.docOf(doc)}
	h := fnv.New64a()
	hashFields(h, doc)
	chunks := newChunker(doc)
	title := w.tokenize([]string{doc.Title})
	titleCodes, err := w.codesOf(title)
	if err != nil {
		return err
	}
	for {
		if err := w.ctx.Err(); err != nil {
			return w.abandon(id, err)
		}
		text, last, err := chunks.next()
		if err != nil {
			return w.abandon(id, fmt.Errorf("document %q: %w", doc.ID, err))
		}
		_, _ = h.Write([]byte(text))
		if text != "" || d.doc.Passages == 0 {
			toks := w.tokenize([]string{text})
			codes, err := w.codesOf(toks)
			if err != nil {
				return err
			}
			w.addPassages(&d, doc.Title, title[0], titleCodes[0], text, toks[0], codes[0])
			if err := w.encode(); err != nil {
				return w.abandon(id, err)
			}
		}
		if last {
			break
		}
		if w.full() {
			d.partial = true
			w.run.docs = append(w.run.docs, d)
			if err := w.commit(); err != nil {
				return err
			}
			d.partial, d.resumed = false, true
		}
	}
	d.source = sourceOf(doc, id, h.Sum64())
	w.run.docs = append(w.run.docs, d)
	w.run.ids[doc.ID] = true
	w.run.bytes += fieldBytes(doc) + runCost
	return w.commitIfFull()
}

// abandon takes a document back of which a part may be committed.
func (w *writer) abandon(id store.DocID, err error) error {
	if id >= store.DocID(w.run.first) {
		// Nothing of it is in the file: forget its passages.
		n := int(id) - int(w.run.first)
		for _, p := range w.run.passages[n:] {
			w.run.bytes -= len(p.text.Text)
		}
		w.run.passages = w.run.passages[:n]
		w.next = store.PassageID(id)
		return err
	}
	w.startRun()
	return errors.Join(err, w.db.dropIncomplete())
}

func (w *writer) docOf(doc *Document) store.Doc {
	d := store.Doc{External: doc.ID, Title: strings.ToValidUTF8(doc.Title, "\uFFFD"), Path: doc.Source.Path}
	for _, name := range slices.Sorted(maps.Keys(doc.Meta)) {
		d.Meta = append(d.Meta, store.Pair{Name: name, Value: doc.Meta[name]})
	}
	return d
}

func sourceOf(doc *Document, id store.DocID, hash uint64) store.Source {
	s := store.Source{Doc: id, Size: doc.Source.Size, Hash: hash}
	if !doc.Source.ModTime.IsZero() {
		s.ModTime = doc.Source.ModTime.UnixNano()
	}
	return s
}

// hashDocument returns what tells two versions of a document apart.
func hashDocument(doc *Document) uint64 {
	h := fnv.New64a()
	hashFields(h, doc)
	_, _ = h.Write([]byte(doc.Text))
	if v := doc.Vectors; v != nil {
		hashVectors(h, v)
	}
	return h.Sum64()
}

// hashVectors adds token vectors to a hash.
func hashVectors(h hash.Hash, v *TokenVectors) {
	buf := make([]byte, 0, 4*len(v.Vectors)+16*len(v.Spans)+16)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(v.Dim))
	for _, x := range v.Vectors {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
	}
	for _, s := range v.Spans {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(s.Start))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(s.End))
	}
	_, _ = h.Write(buf)
}

func hashFields(h hash.Hash, doc *Document) {
	hashPair(h, []byte(doc.Title), []byte(doc.Source.Path))
	for _, name := range slices.Sorted(maps.Keys(doc.Meta)) {
		hashPair(h, []byte(name), []byte(doc.Meta[name]))
	}
}

// hashPair adds fields to a hash so that their borders count.
func hashPair(h hash.Hash, fields ...[]byte) {
	var length [binary.MaxVarintLen64]byte
	for _, f := range fields {
		// Writing to a hash never fails.
		_, _ = h.Write(binary.AppendUvarint(length[:0], uint64(len(f))))
		_, _ = h.Write(f)
	}
}

// tokenize cuts texts into tokens, in parallel, each worker taking a stretch of
// about the same number of bytes.
func (w *writer) tokenize(texts []string) [][]tokenizer.Token {
	total := 0
	for _, t := range texts {
		total += len(t)
	}
	workers := w.db.workers()
	if workers == 1 || total < 64<<10 {
		return w.db.tok.Batch(texts)
	}
	out := make([][]tokenizer.Token, len(texts))
	var wg sync.WaitGroup
	from, bytes, part := 0, 0, 0
	for i, t := range texts {
		bytes += len(t)
		if i == len(texts)-1 || bytes >= (part+1)*total/workers {
			lo, hi := from, i+1
			wg.Go(func() { copy(out[lo:hi], w.db.tok.Batch(texts[lo:hi])) })
			from = hi
			part = bytes * workers / max(total, 1)
		}
	}
	wg.Wait()
	return out
}

// codesOf returns the code of every counting token (0 for the others, which are
// not asked for). New words get codes by descending count, ties by word, so
// that frequent words have small codes.
func (w *writer) codesOf(toks [][]tokenizer.Token) ([][]store.Code, error) {
	type fresh struct {
		word  string
		tok   tokenizer.Token
		count int
		code  store.Code
	}
	var news []fresh
	seen := map[string]int{}
	total := 0
	for _, ts := range toks {
		total += len(ts)
	}
	flat := make([]store.Code, total)
	const isNew = 1 << 31
	if len(w.known) > knownWords {
		clear(w.known)
		for i, word := range w.run.words {
			w.known[word] = w.run.code + store.Code(i)
		}
	}
	err := w.db.view(func(tx *store.Tx) error {
		at := 0
		for _, ts := range toks {
			for i := range ts {
				t := &ts[i]
				if !t.Kind.Counts() {
					at++
					continue
				}
				if c, ok := w.known[t.Word]; ok {
					flat[at] = c
				} else if n, ok := seen[t.Word]; ok {
					news[n].count++
					flat[at] = store.Code(n) | isNew
				} else {
					c, ok, err := tx.Code(t.Word)
					if err != nil {
						return err
					}
					word := strings.Clone(t.Word)
					if ok {
						w.known[word] = c
						flat[at] = c
					} else {
						seen[word] = len(news)
						flat[at] = store.Code(len(news)) | isNew
						news = append(news, fresh{word: word, tok: *t, count: 1})
					}
				}
				at++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	order := make([]int, len(news))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(news[b].count, news[a].count), cmp.Compare(news[a].word, news[b].word))
	})
	vectors, err := w.wordVectors(len(news), func(i int) (string, tokenizer.Kind) { n := &news[order[i]]; return n.word, n.tok.Kind })
	if err != nil {
		return nil, err
	}
	w.run.vectors = append(w.run.vectors, vectors...)
	for _, i := range order {
		n := &news[i]
		n.code = w.code
		w.code++
		w.known[n.word] = n.code
		w.run.words = append(w.run.words, n.word)
	}
	out := make([][]store.Code, len(toks))
	at := 0
	for i, ts := range toks {
		out[i] = flat[at : at+len(ts)]
		for j, c := range out[i] {
			if c&isNew != 0 {
				out[i][j] = news[c&^isNew].code
			}
		}
		at += len(ts)
	}
	return out, nil
}

// addPassages adds the passages of a text, or of one piece of it, to the run.
func (w *writer) addPassages(d *runDoc, title string, titleToks []tokenizer.Token, titleCodes []store.Code,
	text string, toks []tokenizer.Token, codes []store.Code) {
	w.addCut(d, title, titleToks, titleCodes, text, toks, codes, tokenizer.Passages(text, toks))
}

// addWhole adds a text as one passage.
func (w *writer) addWhole(d *runDoc, title string, titleToks []tokenizer.Token, titleCodes []store.Code,
	text string, toks []tokenizer.Token, codes []store.Code) {
	w.addCut(d, title, titleToks, titleCodes, text, toks, codes, []int{0})
}

// addCut adds a text in passages that begin with the given tokens.
func (w *writer) addCut(d *runDoc, title string, titleToks []tokenizer.Token, titleCodes []store.Code,
	text string, toks []tokenizer.Token, codes []store.Code, cuts []int) {
	var e store.PassageEncoder
	for i, from := range cuts {
		to := len(toks)
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		start, end := 0, len(text)
		if i > 0 {
			start = toks[from].Start
		}
		if i+1 < len(cuts) {
			end = toks[to].Start
		}
		e.Reset()
		words := 0
		if title != "" {
			e.Title()
			words += encodeTokens(&e, titleToks, titleCodes, 0, 0, len(title))
			e.EndTitle()
		}
		words += encodeTokens(&e, toks[from:to], codes[from:to], from, start, end)
		if w.db.contextual != nil {
			w.queue(len(w.run.passages), title, titleToks, text[start:end], toks[from:to], start)
		}
		w.addPassage(d, text[start:end], e.Bytes(), words, len(title))
	}
}

// addPassage adds a passage to the run and counts it in its document.
func (w *writer) addPassage(d *runDoc, text string, record []byte, words, extra int) {
	from := len(w.run.records)
	w.run.records = append(w.run.records, record...)
	w.run.passages = append(w.run.passages, runPassage{
		text:   store.Text{Offset: d.doc.TextBytes, Line: d.lines, Text: []byte(text)},
		record: Span{from, len(w.run.records)},
	})
	w.run.bytes += len(text) + extra
	w.next++
	d.lines += uint64(countLines(text))
	d.doc.Passages++
	d.doc.Words += uint64(words)
	d.doc.TextBytes += uint64(len(text))
}

// encodeTokens writes the tokens of text[start:end] into the record and returns
// the number of primary words. What is no word becomes a gap. base is the index
// of the first token in the whole slice, which parents refer to.
func encodeTokens(e *store.PassageEncoder, toks []tokenizer.Token, codes []store.Code, base, start, end int) int {
	words := 0
	at := start
	var parts []store.Part
	for i := 0; i < len(toks); {
		t := &toks[i]
		if t.Kind.Counts() {
			e.Gap(t.Start - at)
			length := t.End - t.Start
			if length == len(t.Word) {
				length = 0
			}
			e.Token(codes[i], length)
			at = t.End
			words++
		}
		parent := int32(base + i)
		parts = parts[:0]
		j := i + 1
		for ; j < len(toks) && toks[j].Parent == parent; j++ {
			p := &toks[j]
			if t.Kind.Counts() && p.Kind.Counts() {
				parts = append(parts, store.Part{Code: codes[j], Start: uint32(p.Start - t.Start), Length: uint32(p.End - p.Start)})
			}
		}
		e.Parts(parts)
		i = j
	}
	e.Gap(end - at)
	return words
}
