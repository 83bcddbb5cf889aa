// Package perceptron is two linear models that were learned from a treebank:
// Boundaries cuts a run of Chinese characters into words, Tags gives words
// their Universal parts of speech.
//
// Both are structured perceptrons with averaged weights (Collins, Discriminative
// Training Methods for Hidden Markov Models, 2002): the score of a labelling is the
// sum of the weights of its features, and the best one is found by Viterbi's
// algorithm. A feature's weights lie where its hash points to, one signed byte a
// label, so a model is one string that is read in place (Weinberger and others,
// Feature Hashing for Large Scale Multitask Learning, 2009); two features may share
// their weights, and were trained to. Scores are sums of small integers: equal on
// every machine.
package perceptron

import "errors"

// ErrFormat is returned for bytes that are no model of this version.
var ErrFormat = errors.New("perceptron: not a model")

// hash mixes a kind of feature and two values of at most 29 bits, and returns
// bits bits.
func hash(kind, a, b uint64, bits int) uint32 {
	h := (kind<<58 ^ a<<29 ^ b) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	return uint32(h * 0xd6e8feb86659fd93 >> (64 - bits))
}
