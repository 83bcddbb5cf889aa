package store

import "fmt"

// Text returns the text of passage p, or ErrNotFound.
func (tx *Tx) Text(p PassageID) ([]byte, error) {
	key := key64(uint64(p))
	value, err := tx.Get(Texts, key[:])
	if err == nil && value == nil {
		err = fmt.Errorf("text of passage %d: %w", p, ErrNotFound)
	}
	return value, err
}

// PutText stores the text of passage p.
func (tx *Tx) PutText(p PassageID, text []byte) error {
	key := key64(uint64(p))
	return tx.Put(Texts, key[:], text)
}

// DeleteText removes the text of passage p.
func (tx *Tx) DeleteText(p PassageID) error {
	key := key64(uint64(p))
	return tx.Delete(Texts, key[:])
}
