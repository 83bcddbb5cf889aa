// Package index finds things by code: the nearest codes of a vector (Graph) and
// the passages that hold a code (segments of postings).
//
// A code is a uint32 that stands for one distinct vector, with a static encoder
// one distinct word. Codes are dense, start at zero and are never reused, so
// every structure here is addressed by code and needs no map.
//
// The package knows neither files nor words. Vectors come in through Space and
// Probe, bytes come in and go out through Blocks and ChunkSource; whoever owns
// the bytes also owns their checksums. All decoders are strict nevertheless: bytes
// that were not written here give ErrCorruptGraph or ErrCorruptPostings, never a
// panic, a hang or an allocation that the bytes ask for.
//
// # Graphs
//
// HNSW is the default, Flat is the exact scan that the others are measured
// against, Coder is github.com/coder/hnsw over the links of an HNSW.
//
// # Postings
//
// SegmentWriter collects the postings of a range of passages and cuts them into
// chunks, SegmentReader finds a list in them, Merger joins segments.
package index
