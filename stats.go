package ciyuan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// Stats describe an index and its file.
type Stats struct {
	Documents  int    `json:"documents"`
	Passages   int    `json:"passages"`
	Pending    int    `json:"pending"`  // passages not folded yet, at most
	Segments   int    `json:"segments"` // of postings
	Tokens     int    `json:"tokens"`   // word tokens of all documents, titles once a passage
	Words      int    `json:"words"`    // distinct words ever seen since the last compact
	GraphWords int    `json:"graph_words"`
	Generation uint64 `json:"generation"` // commits so far
	Format     int    `json:"format"`

	Encoder              string `json:"encoder"`
	EncoderFingerprint   string `json:"encoder_fingerprint"`
	Dim                  int    `json:"dim"`
	Tokenizer            string `json:"tokenizer"`
	TokenizerFingerprint string `json:"tokenizer_fingerprint"`
	Mode                 string `json:"mode"`

	// Vectors describe the token vectors; nil if there are none.
	Vectors *VectorStats `json:"vectors,omitempty"`

	FileBytes int64  `json:"file_bytes"`
	FreeBytes int64  `json:"free_bytes"` // pages to be used again
	Parts     []Part `json:"parts"`

	// IndexBytes are the bytes of everything that is kept for searching: codes,
	// spans, postings, lengths, words, vectors and graph; not the texts and the
	// documents' own fields. BytesPerToken is IndexBytes over Tokens.
	IndexBytes    int64   `json:"index_bytes"`
	BytesPerToken float64 `json:"bytes_per_token"`
}

// VectorStats describe the token vectors of an index.
type VectorStats struct {
	Encoder            string  `json:"encoder,omitempty"` // empty where they were made elsewhere
	EncoderFingerprint string  `json:"encoder_fingerprint,omitempty"`
	Unit               string  `json:"unit,omitempty"`
	Dim                int     `json:"dim"`
	Grade              string  `json:"grade"`
	Rows               int     `json:"rows"`
	Leaders            int     `json:"leaders"`
	GraphLeaders       int     `json:"graph_leaders"`
	Narrowed           int     `json:"narrowed"`      // leaders with long postings, which take only what is very near to them
	BytesPerRow        float64 `json:"bytes_per_row"` // of everything that is kept for them
}

// Part is a part of the file: a bucket.
type Part struct {
	Name     string  `json:"name"`
	Keys     int     `json:"keys"`
	Bytes    int64   `json:"bytes"`     // of its pages
	Used     int64   `json:"used"`      // of these, not empty
	PerToken float64 `json:"per_token"` // Bytes over the number of tokens
}

// searched are the buckets that exist for searching.
var searched = map[store.Bucket]bool{
	store.Pending: true, store.Forward: true, store.Words: true, store.Lookup: true, store.Refs: true,
	store.Graph: true, store.Postings: true, store.LengthBlocks: true, store.Tombs: true,
	store.VPending: true, store.Vectors: true, store.Leaders: true, store.VGraph: true, store.VPostings: true,
}

// vectorBuckets are those of token vectors.
var vectorBuckets = map[store.Bucket]bool{
	store.VPending: true, store.Vectors: true, store.Leaders: true, store.VGraph: true, store.VPostings: true,
}

// Stats counts what the index holds and what its parts take in the file. It
// reads every page.
func (db *DB) Stats(ctx context.Context) (*Stats, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var s *Stats
	err := db.view(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		file, err := tx.Stats()
		if err != nil {
			return err
		}
		s = &Stats{
			Documents: int(m.LiveDocs), Passages: int(m.LivePassages), Pending: int(pendingSpan(m)), Tokens: int(m.LiveWords),
			Words: int(m.NextCode), GraphWords: int(m.GraphNodes), Generation: tx.Generation(), Format: int(db.store.Format()),
			Encoder: m.Encoder, EncoderFingerprint: m.EncoderFingerprint, Dim: int(m.Dim),
			Tokenizer: m.Tokenizer, TokenizerFingerprint: m.TokenizerFingerprint, Mode: option(m, optionMode),
			FileBytes: int64(file.FileBytes), FreeBytes: int64(file.FreeBytes),
		}
		for _, seg := range m.Segments {
			if seg.State == store.Live {
				s.Segments++
			}
		}
		vm, err := tx.VectorMeta()
		if err != nil {
			return err
		}
		if vm != nil {
			s.Vectors = &VectorStats{
				Encoder: vm.Encoder, EncoderFingerprint: vm.EncoderFingerprint, Unit: pairOf(vm.Options, optionUnit), Dim: int(vm.Dim),
				Grade: index.Grade(vm.Grade).String(), Rows: int(vm.Rows), Leaders: int(vm.NextLeader), GraphLeaders: int(vm.GraphNodes),
			}
			for block := range (vm.NextLeader + uint32(store.LeadersPerBlock(int(vm.LeaderBytes))) - 1) / uint32(store.LeadersPerBlock(int(vm.LeaderBytes))) {
				b, err := tx.LeaderBlock(vm, block)
				if err != nil {
					return err
				}
				s.Vectors.Narrowed += len(b.States) - bytes.Count(b.States, []byte{0})
			}
		}
		tokens := float64(max(s.Tokens, 1))
		for _, b := range file.Buckets {
			s.Parts = append(s.Parts, Part{
				Name: b.Bucket.String(), Keys: int(b.Keys), Bytes: int64(b.Allocated), Used: int64(b.InUse),
				PerToken: float64(b.Allocated) / tokens,
			})
			if searched[b.Bucket] {
				s.IndexBytes += int64(b.Allocated)
			}
			if s.Vectors != nil && vectorBuckets[b.Bucket] {
				s.Vectors.BytesPerRow += float64(b.Allocated) / float64(max(s.Vectors.Rows, 1))
			}
		}
		s.BytesPerToken = float64(s.IndexBytes) / tokens
		return nil
	})
	return s, err
}

// Digest returns a hash of all that the index holds, in hexadecimal: two indexes
// that were given the same documents in the same batches have the same, whatever
// the number of workers and whenever they were made. It reads every value.
func (db *DB) Digest(ctx context.Context) (string, error) {
	h := sha256.New()
	err := db.view(func(tx *store.Tx) error {
		m, err := tx.Meta()
		if err != nil {
			return err
		}
		for _, b := range store.Buckets() {
			if err := ctx.Err(); err != nil {
				return err
			}
			c := tx.Cursor(b)
			for k, v, err := c.First(); k != nil || err != nil; k, v, err = c.Next() {
				if err != nil {
					return err
				}
				if b != store.Metas {
					hashPair(h, []byte{byte(b)}, k, v)
				}
			}
		}
		hashPair(h, []byte(m.EncoderFingerprint), []byte(m.TokenizerFingerprint), m.GraphHeader)
		if vm, err := tx.VectorMeta(); err != nil {
			return err
		} else if vm != nil {
			hashPair(h, []byte(vm.EncoderFingerprint), []byte{vm.Grade}, vm.GraphHeader)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
