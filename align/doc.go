// Package align finds which words of two texts in different languages stand for
// each other.
//
// Sentence aligns two sentences with what is in the program. An Aligner does so
// with other vectors, other methods, and with a Model that Train has learned
// from parallel text.
//
// # How
//
// The similarity z of two tokens is the cosine of their vectors, less what a
// word has with every other one (its background b): exp((z - b) / T) says how
// much more likely than by chance the one stands for the other. A hidden Markov
// model over the order of words (Vogel, Ney and Tillmann, 1996) turns these
// ratios into probabilities, from each side to the other, with a share of tokens
// that stand for nothing. The geometric mean of the two directions is the
// confidence of a pair, from which links are taken.
//
// A Model learns the ratios of words that occur together from the user's texts
// by expectation maximisation of the same two models, which have to agree
// (Liang, Taskar and Klein, 2006). What the vectors say is its prior, so that a
// word seen once is aligned by its vector and a frequent one by its use.
package align
