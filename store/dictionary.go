package store

import "fmt"

// dictionaryKey is the key of the user dictionary in bucket meta.
const dictionaryKey = "dictionary"

// MaxDictionaryBytes is the greatest length of a user dictionary: some two
// million words.
const MaxDictionaryBytes = 64 << 20

// Dictionary returns the user dictionary that documents are cut with, nil if
// there is none. Its form is the tokenizer's business.
func (tx *Tx) Dictionary() ([]byte, error) { return tx.Get(Metas, []byte(dictionaryKey)) }

// SetDictionary replaces the user dictionary; an empty one takes it away.
func (tx *Tx) SetDictionary(dict []byte) error {
	if len(dict) == 0 {
		return tx.Delete(Metas, []byte(dictionaryKey))
	}
	if len(dict) > MaxDictionaryBytes {
		return fmt.Errorf("store: user dictionary of %d bytes, at most %d", len(dict), MaxDictionaryBytes)
	}
	return tx.Put(Metas, []byte(dictionaryKey), dict)
}

// checkDictionary checks the only thing that the store knows of it.
func checkDictionary(value []byte) error {
	if len(value) == 0 || len(value) > MaxDictionaryBytes {
		return damaged("user dictionary of %d bytes", len(value))
	}
	return nil
}
