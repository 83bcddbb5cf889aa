package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// benchWords is the vocabulary of the benchmarks.
const benchWords = 100_000

// benchStore makes a store with a vocabulary, texts, postings and passages.
func benchStore(b *testing.B) (*Store, []string) {
	b.Helper()
	s := newStore(b)
	words := make([]string, benchWords)
	for i := range words {
		words[i] = fmt.Sprintf("词%x", uint32(i)*2654435761)
	}
	update(b, s, func(tx *Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		if err := tx.AddWords(m, words); err != nil {
			return err
		}
		refs := make([]Ref, len(words))
		for i := range refs {
			refs[i] = Ref{Has: true, Row: uint32(i)}
		}
		if err := tx.AddRefs(0, refs); err != nil {
			return err
		}
		for c := Code(0); c < benchWords; c += 200 {
			if err := tx.PutChunk(ChunkKey{Code: c}, make([]byte, 8<<10)); err != nil {
				return err
			}
		}
		w := tx.ForwardWriter()
		for p := range PassageID(10_000) {
			if err := w.Add(p, make([]byte, 250)); err != nil {
				return err
			}
			if err := tx.PutText(p, Text{Text: make([]byte, 600)}); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return tx.SetMeta(m)
	})
	return s, words
}

func BenchmarkRead(b *testing.B) {
	s, words := benchStore(b)
	rng := rand.New(rand.NewPCG(1, 2))
	run := func(name string, fn func(tx *Tx) func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			view(b, s, func(tx *Tx) error {
				f := fn(tx)
				for b.Loop() {
					if err := f(); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	run("text", func(tx *Tx) func() error {
		return func() error { _, err := tx.Text(PassageID(rng.IntN(10_000))); return err }
	})
	run("code", func(tx *Tx) func() error {
		r := tx.WordReader()
		return func() error { _, _, err := r.Code(words[rng.IntN(benchWords)]); return err }
	})
	run("word", func(tx *Tx) func() error {
		r := tx.WordReader()
		return func() error { _, err := r.Word(Code(rng.IntN(benchWords))); return err }
	})
	run("word length", func(tx *Tx) func() error {
		r := tx.WordReader()
		return func() error { _, err := r.Len(Code(rng.IntN(benchWords))); return err }
	})
	run("ref", func(tx *Tx) func() error {
		r, buf := tx.RefReader(), make([]uint32, 0, 8)
		return func() error { _, err := r.Ref(buf, Code(rng.IntN(benchWords))); return err }
	})
	run("folded passage", func(tx *Tx) func() error {
		return func() error { _, err := tx.Folded(PassageID(rng.IntN(10_000))); return err }
	})
	run("chunk of 8 KiB", func(tx *Tx) func() error {
		return func() error { _, _, err := tx.Chunk(ChunkKey{Code: Code(rng.IntN(benchWords))}); return err }
	})
	run("cursor", func(tx *Tx) func() error {
		c := tx.Cursor(Texts)
		return func() error {
			k, _, err := c.Next()
			if k == nil {
				_, _, err = c.First()
			}
			return err
		}
	})
	b.Run("view", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			view(b, s, func(*Tx) error { return nil })
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Check(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	path := s.Path()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		b.Run(fmt.Sprintf("open readonly=%v", readOnly), func(b *testing.B) {
			for b.Loop() {
				s, err := Open(path, Options{ReadOnly: readOnly})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVectorReader reads the vectors of 400 passages of about 80 tokens,
// spread over a file of 20,000, as a re-rank does.
func BenchmarkVectorReader(b *testing.B) {
	const passages, rowBytes = 20_000, 66
	s, err := newStore(b).CreateTemp(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Discard() }()
	rng := rand.New(rand.NewPCG(1, 2))
	for p := PassageID(0); p < passages; {
		update(b, s, func(tx *Tx) error {
			w := tx.VectorWriter()
			for ; p < passages && tx.Written() < 8<<20; p++ {
				n := 48 + rng.IntN(64)
				if err := w.Add(p, AppendVectors(nil, make([]uint32, n), make([]TokenSpan, n), make([]byte, n*rowBytes))); err != nil {
					return err
				}
			}
			return w.Flush()
		})
	}
	b.ReportAllocs()
	view(b, s, func(tx *Tx) error {
		for b.Loop() {
			r, p := tx.VectorReader(), PassageID(0)
			for range 400 {
				p += PassageID(1 + rng.IntN(2*passages/400-1))
				record, err := r.Record(p % passages)
				if err == nil {
					_, err = DecodeVectors(record, rowBytes)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// benchPassages makes records of 200 tokens that are like those of Chinese text:
// a quarter of the words are frequent, a fifth follow a punctuation mark, few
// have parts.
func benchPassages() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var records [][]byte
	for range 2048 {
		var e PassageEncoder
		for range 200 {
			if rng.IntN(5) == 0 {
				e.Gap(3)
			}
			e.Token(Code(math.Pow(32_000, math.Pow(rng.Float64(), 0.5))), 0)
			if rng.IntN(200) == 0 {
				e.Parts([]Part{{1, 0, 3}, {2, 3, 3}})
			}
		}
		records = append(records, slices.Clone(e.Bytes()))
	}
	return records
}

func BenchmarkPassage(b *testing.B) {
	records := benchPassages()
	size := 0
	for _, r := range records {
		size += len(r)
	}
	tokens := float64(200 * len(records))
	run := func(name string, fn func(record []byte)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range records {
					fn(r)
				}
			}
			b.ReportMetric(float64(size)/tokens, "B/token")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tokens, "ns/token")
		})
	}
	run("tokens", func(record []byte) {
		d, t := DecodePassage(record), Token{}
		for d.Next(&t) {
			continue
		}
	})
	var codes []uint32
	run("codes", func(record []byte) {
		codes, _, _ = AppendCodes(codes[:0], record)
	})
}

// BenchmarkCommit measures adding one document durably, and beside it what the
// disk itself needs for a write of a page and a sync.
func BenchmarkCommit(b *testing.B) {
	quantiles := func(b *testing.B, times []time.Duration) {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
	}
	b.Run("document", func(b *testing.B) {
		s, _ := benchStore(b)
		var times []time.Duration
		p := PassageID(1 << 20)
		for b.Loop() {
			start := time.Now()
			update(b, s, func(tx *Tx) error {
				m, err := tx.Meta()
				if err != nil {
					return err
				}
				p++
				words := []string{fmt.Sprint("new", p), fmt.Sprint("word", p)}
				for _, err := range []error{
					tx.AddWords(m, words), tx.AddRefs(m.NextCode-2, make([]Ref, 2)), tx.SetMeta(m),
					tx.PutDoc(DocID(p), &Doc{External: fmt.Sprint(p), Passages: 1}), tx.PutSource(fmt.Sprint(p), Source{Doc: DocID(p)}),
					tx.PutText(p, Text{Text: make([]byte, 600)}), tx.PutPending(p, make([]byte, 300)),
				} {
					if err != nil {
						return err
					}
				}
				return nil
			})
			times = append(times, time.Since(start))
		}
		quantiles(b, times)
	})
	b.Run("bulk of 10000 texts", func(b *testing.B) {
		s := newStore(b)
		p := PassageID(0)
		for b.Loop() {
			update(b, s, func(tx *Tx) error {
				for range 10_000 {
					p++
					if err := tx.PutText(p, Text{Text: make([]byte, 600)}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		b.SetBytes(10_000 * 600)
	})
	// What a commit asks of the disk: scattered pages, a sync, a page, a sync.
	b.Run("disk alone", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "f"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 4096*pageBytes)); err != nil {
			b.Fatal(err)
		}
		rng, page := rand.New(rand.NewPCG(1, 2)), make([]byte, pageBytes)
		var times []time.Duration
		for b.Loop() {
			start := time.Now()
			for _, pages := range []int{15, 1} {
				for range pages {
					if _, err := f.WriteAt(page, rng.Int64N(4096)*pageBytes); err != nil {
						b.Fatal(err)
					}
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			times = append(times, time.Since(start))
		}
		quantiles(b, times)
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	})
}
