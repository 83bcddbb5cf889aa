// Package tokenizer cuts Chinese, English and mixed text into tokens with byte
// spans and parts of speech.
//
// # From text to tokens
//
// Text is folded first: NFKC, lower case, traditional characters to simplified
// ones, with a map back to the original bytes. A scanner then cuts everything
// that is not Chinese by rule: English words, numbers, identifiers, e-mail
// addresses, URLs, kana, Hangul, emoji, white space, punctuation. Runs of Han
// characters go to github.com/go-ego/gse, or to one of the simpler modes.
//
// Primary tokens tile the text: each starts where the one before it ends, the
// first at 0, the last ends at len(text). Tokens with a Parent are parts of a
// primary token (get, user and name of getUserName, 3000000 of 三百万) and lie inside its span.
// Word is folded, the span is that of the original.
//
// # The dictionary
//
// gse needs 1.2 s and 128 MB to load its dictionary. Here the dictionary is an
// embedded trie that is read in place, and gse is given only the words that occur
// in the text at hand, with one filler entry that keeps the total frequency: the
// segmentation is the one of the whole dictionary.
package tokenizer

//go:generate go run ./internal/gen
