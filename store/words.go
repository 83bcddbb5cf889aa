package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// wordsPerBlock is the number of codes in a block of bucket words. Its values
// have about half a kilobyte, so that their pages are full.
const wordsPerBlock = 64

// longWord in the list of lengths stands for a length that follows the list.
const longWord = 255

// MaxWordBytes is the greatest length of a word. Longer ones are the
// tokenizer's business.
const MaxWordBytes = 1 << 20

// wordBlock is a view of the words of up to wordsPerBlock codes. Its value is
//
//	count, a length each (255: long), the lengths of long words, the words
//
// so that a length is one byte at a known place, and the place of a word a sum
// of bytes.
type wordBlock struct {
	lengths []byte
	long    []byte // lengths of long words
	text    []byte
}

func parseWords(value []byte) (wordBlock, error) {
	r := reader{b: value}
	n := r.count(1)
	if n == 0 || n > wordsPerBlock {
		r.fail("block of %d words", n)
	}
	b := wordBlock{lengths: r.take(uint64(n))}
	start, total := r.at, uint64(0)
	for _, l := range b.lengths {
		length := uint64(l)
		if l == longWord {
			if length = r.uvarint(); length < longWord || length > MaxWordBytes {
				r.fail("long word of %d bytes", length)
			}
		} else if l == 0 {
			r.fail("word of no bytes")
		}
		total += length
	}
	b.long = r.b[start:r.at]
	b.text = r.take(total)
	return b, r.end()
}

// find returns where word i, which must be below the count, starts and how
// long it is.
func (b *wordBlock) find(i int) (start, length int) {
	r := reader{b: b.long}
	for _, l := range b.lengths[:i] {
		if l == longWord {
			start += int(r.uvarint())
		} else {
			start += int(l)
		}
	}
	if length = int(b.lengths[i]); length == longWord {
		length = int(r.uvarint())
	}
	return start, length
}

// word returns word i.
func (b *wordBlock) word(i int) []byte {
	start, length := b.find(i)
	return b.text[start : start+length : start+length]
}

// encodeWords returns the value of a block.
func encodeWords(words []string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(words)))
	for _, w := range words {
		b = append(b, byte(min(len(w), longWord)))
	}
	for _, w := range words {
		if len(w) >= longWord {
			b = binary.AppendUvarint(b, uint64(len(w)))
		}
	}
	for _, w := range words {
		b = append(b, w...)
	}
	return b
}

// A WordReader gives the words of codes and the codes of words. It remembers the
// blocks that it has read, about a hundred bytes each, so that an access costs a
// look into a map. It is for one goroutine; words that the transaction adds
// later are not seen.
type WordReader struct {
	tx     *Tx
	blocks map[uint32]*wordBlock
}

// WordReader returns a reader of words.
func (tx *Tx) WordReader() *WordReader {
	return &WordReader{tx: tx, blocks: make(map[uint32]*wordBlock)}
}

// block returns the block that has code c, and the place of c in it.
func (w *WordReader) block(c Code) (*wordBlock, int, error) {
	no, i := uint32(c/wordsPerBlock), int(c%wordsPerBlock)
	b := w.blocks[no]
	if b == nil {
		parsed, err := w.tx.wordBlock(no)
		if err != nil {
			return nil, 0, err
		}
		b = &parsed
		w.blocks[no] = b
	}
	if i >= len(b.lengths) {
		key := key32(no)
		return nil, 0, notFound(Words, key[:], "word of code %d", c)
	}
	return b, i, nil
}

// wordBlock reads block no, which is empty if it is not there.
func (tx *Tx) wordBlock(no uint32) (wordBlock, error) {
	key := key32(no)
	value, err := tx.Get(Words, key[:])
	if err != nil || value == nil {
		return wordBlock{}, err
	}
	b, err := parseWords(value)
	if err != nil {
		return wordBlock{}, damagedAt(Words, key[:], err)
	}
	return b, nil
}

// Word returns the word of code c, or ErrNotFound. The bytes are valid until
// the end of the transaction.
func (w *WordReader) Word(c Code) ([]byte, error) {
	b, i, err := w.block(c)
	if err != nil {
		return nil, err
	}
	return b.word(i), nil
}

// Len returns the length in bytes of the word of code c, or ErrNotFound.
func (w *WordReader) Len(c Code) (int, error) {
	b, i, err := w.block(c)
	if err != nil {
		return 0, err
	}
	if n := b.lengths[i]; n != longWord {
		return int(n), nil
	}
	_, n := b.find(i)
	return n, nil
}

// Code returns the code of word, and whether it has one.
func (w *WordReader) Code(word string) (Code, bool, error) {
	no, tag := lookupPlace(word)
	l, err := w.tx.lookup(no)
	if err != nil {
		return 0, false, err
	}
	from, to := l.find(tag)
	for i := from; i < to; i++ {
		c := l.code(i)
		text, err := w.Word(c)
		if errors.Is(err, ErrNotFound) {
			key := lookupKey(no)
			return 0, false, damagedAt(Lookup, key[:], damaged("code %d has no word", c))
		}
		if err != nil {
			return 0, false, err
		}
		if string(text) == word {
			return c, true, nil
		}
	}
	return 0, false, nil
}

// Word returns the word of code c, or ErrNotFound. For many codes, use a
// WordReader.
func (tx *Tx) Word(c Code) (string, error) {
	r := WordReader{tx: tx, blocks: make(map[uint32]*wordBlock, 1)}
	text, err := r.Word(c)
	return string(text), err
}

// A WordEntry is a word with its code. The bytes are valid until the end of the
// transaction.
type WordEntry struct {
	Code Code
	Word []byte
}

// AllWords returns all words by ascending code. An error ends the sequence. It
// reads a few bytes a word and allocates nothing for one.
func (tx *Tx) AllWords() iter.Seq2[WordEntry, error] {
	return func(yield func(WordEntry, error) bool) {
		first := key32(0)
		err := tx.each(Words, first[:], func(key, value []byte) (bool, error) {
			if len(key) != 4 {
				return false, damagedAt(Words, key, damaged("key has %d bytes, wanted 4", len(key)))
			}
			b, err := parseWords(value)
			if err != nil {
				return false, damagedAt(Words, key, err)
			}
			code := Code(binary.BigEndian.Uint32(key)) * wordsPerBlock
			long, at := reader{b: b.long}, 0
			for i, l := range b.lengths {
				n := int(l)
				if l == longWord {
					n = int(long.uvarint())
				}
				if !yield(WordEntry{code + Code(i), b.text[at : at+n : at+n]}, nil) {
					return false, nil
				}
				at += n
			}
			return true, nil
		})
		if err != nil {
			yield(WordEntry{}, fmt.Errorf("listing words: %w", err))
		}
	}
}

// Code returns the code of word, and whether it has one. For many words, use a
// WordReader.
func (tx *Tx) Code(word string) (Code, bool, error) {
	return tx.WordReader().Code(word)
}

// AddWords gives words the codes from m.NextCode on, in their order, and
// advances m.NextCode; storing m is the caller's part. The words must be new and
// distinct, not empty and at most MaxWordBytes long. After an error the
// transaction must be abandoned.
func (tx *Tx) AddWords(m *Meta, words []string) error {
	for i := range words {
		if n := len(words[i]); n == 0 || n > MaxWordBytes {
			return fmt.Errorf("store: word of %d bytes, 1 to %d", n, MaxWordBytes)
		}
	}
	if uint64(m.NextCode)+uint64(len(words)) > 1<<32-1 {
		return errors.New("store: no codes left")
	}
	first := m.NextCode
	if err := tx.addLookup(first, words); err != nil {
		return err
	}
	for len(words) > 0 {
		no, have := uint32(m.NextCode/wordsPerBlock), int(m.NextCode%wordsPerBlock)
		old, err := tx.wordBlock(no)
		if err != nil {
			return err
		}
		key := key32(no)
		if len(old.lengths) != have {
			return damagedAt(Words, key[:], damaged("block has %d words, %d were given codes", len(old.lengths), have))
		}
		n := min(len(words), wordsPerBlock-have)
		block := make([]string, 0, have+n)
		for i := range have {
			block = append(block, string(old.word(i)))
		}
		if err := tx.Put(Words, key[:], encodeWords(append(block, words[:n]...))); err != nil {
			return err
		}
		m.NextCode += Code(n)
		words = words[n:]
	}
	return nil
}
