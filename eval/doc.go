// Package eval measures retrieval: it loads test sets, computes the usual
// metrics, compares systems with significance tests, reads and writes TREC
// files and makes the corpora that the benchmarks run on.
//
// It knows nothing of how documents are searched. Whoever does the searching
// takes the documents and queries of a Set, makes a Run of it and hands that to
// Evaluate.
//
// The metrics agree with trec_eval, of which ndcg_cut, recip_rank, recall and
// success are the models; the tests compare with recorded values of it.
package eval
