// Package scoring turns similarities into scores and ranks by them.
//
// It has three layers, each usable without the ones above it:
//
//   - [Query] and [Rows]: exact integer dot products of one query vector with
//     rows packed at 4 or 8 bits a dimension. The AVX2 kernel and the portable
//     one are equal in every bit, so a ranking does not depend on the machine.
//   - [Params], [Scorer] and [Plan]: the score of a document for a query, from
//     running sums while postings are read and again from a document's tokens.
//   - [TopK]: ordering, with ties that never depend on arrival.
//
// The package imports nothing else of ciyuan.
package scoring
