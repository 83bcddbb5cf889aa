// Package train makes word vectors from the user's own text: word2vec
// (skip-gram with negative sampling) and fastText (the same with vectors of
// character n-grams, so that unknown words have vectors too).
//
// [Train] reads the text once, as sequences of words that the caller has cut, and
// returns a [Model], which is a source of rows for a table and can be written
// as a .vec file.
//
// # Workers
//
// With one worker the same text, options and machine give the same vectors in
// every bit. More workers share the vectors: each row has a lock of its own, held
// for the time of one update, so that no update is lost and no read is torn, but
// their order, and with it the last digits, differ from run to run.
//
// Sources: Mikolov et al., Distributed Representations of Words and Phrases and
// their Compositionality (2013); Bojanowski et al., Enriching Word Vectors with
// Subword Information (2017).
package train
