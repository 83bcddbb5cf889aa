package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// references checks what buckets say of each other. Ascending buckets are walked
// side by side, so memory does not grow with the number of documents.
func (c *checker) references() error {
	m, err := c.tx.Meta()
	if err != nil {
		return c.tellErr(Metas, []byte(metaKey), err)
	}
	c.meta = m
	if c.vectorMeta, err = c.tx.VectorMeta(); err != nil {
		return c.tellErr(Metas, []byte(vectorMetaKey), err)
	}
	for _, check := range []func() error{c.words, c.refs, c.sources, c.documents, c.segments, c.graph, c.vectors} {
		err := check()
		// Damage was told by structure, or is by this.
		if errors.Is(err, ErrCorrupt) {
			err = c.tellErr(Metas, nil, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// words checks that bucket words holds the words of all codes and nothing else,
// and that lookup leads to each of them.
func (c *checker) words() error {
	next := Code(0)
	err := c.tx.each(Words, nil, func(key, value []byte) (bool, error) {
		b, err := parseWords(value)
		if err != nil || len(key) != 4 {
			return true, nil // told already
		}
		if no := binary.BigEndian.Uint32(key); uint64(no)*wordsPerBlock != uint64(next) {
			return false, c.tell(Words, key, "block holds the codes from %d on, wanted %d", uint64(no)*wordsPerBlock, next)
		}
		for i := range b.lengths {
			word := string(b.word(i))
			no, tag := lookupPlace(word)
			l, err := c.tx.lookup(no)
			if err != nil {
				return false, err
			}
			from, to := l.find(tag)
			found := false
			for j := from; j < to && !found; j++ {
				found = l.code(j) == next
			}
			if !found {
				k := lookupKey(no)
				if err := c.tell(Lookup, k[:], "word %q (code %d) is missing", word, next); err != nil {
					return false, err
				}
			}
			next++
		}
		return true, c.step(len(value))
	})
	if err != nil {
		return err
	}
	if next != c.meta.NextCode {
		return c.tell(Words, nil, "%d words, %d codes were given out", next, c.meta.NextCode)
	}
	entries := uint64(0)
	err = c.tx.each(Lookup, nil, func(_, value []byte) (bool, error) {
		if l, err := parseLookup(value); err == nil {
			entries += uint64(len(l.tags))
		}
		return true, c.step(len(value))
	})
	c.sound = err == nil
	if c.sound && entries != uint64(next) {
		err = c.tell(Lookup, nil, "%d entries for %d words", entries, next)
	}
	return err
}

// refs checks that there is a ref for each code, or none at all where there is
// no encoder.
func (c *checker) refs() error {
	next := uint64(0)
	err := c.tx.each(Refs, nil, func(key, value []byte) (bool, error) {
		b, err := parseRefs(value)
		if err != nil || len(key) != 4 {
			return true, nil // told already
		}
		if no := binary.BigEndian.Uint32(key); uint64(no)*refsPerBlock != next {
			return false, c.tell(Refs, key, "block holds the codes from %d on, wanted %d", uint64(no)*refsPerBlock, next)
		}
		next += uint64(len(b.rows) / refBytes)
		return true, c.step(len(value))
	})
	if err == nil && next != uint64(c.meta.NextCode) && !(next == 0 && c.meta.Encoder == "") {
		err = c.tell(Refs, nil, "refs of %d codes, there are %d", next, c.meta.NextCode)
	}
	return err
}

// sources checks that external ids and documents name each other.
func (c *checker) sources() error {
	return c.tx.each(IDs, nil, func(key, value []byte) (bool, error) {
		s, err := decodeSource(value)
		if err != nil {
			return true, nil // told already
		}
		d, err := c.tx.Doc(s.Doc)
		switch {
		case errors.Is(err, ErrNotFound):
			err = c.tell(IDs, key, "its document %d is missing", s.Doc)
		case err != nil:
		case d.External != string(key):
			err = c.tell(IDs, key, "its document %d has the id %q", s.Doc, d.External)
		}
		return true, errors.Join(err, c.step(len(value)))
	})
}

// documents walks documents, texts, passage records and tombs side by side.
func (c *checker) documents() error {
	texts := follower{c: c, cursor: c.tx.Cursor(Texts), bucket: Texts}
	records, err := c.follow(Pending, Forward)
	if err := errors.Join(err, texts.start()); err != nil {
		return err
	}
	lengths, err := c.wordLengths()
	if err != nil {
		return err
	}
	var docs, passages, words, next uint64
	for e, err := range c.tx.Docs(0) {
		if err != nil {
			return err
		}
		key := key64(uint64(e.ID))
		docs, passages, words = docs+1, passages+uint64(e.Passages), words+e.Words
		end := uint64(e.ID) + uint64(e.Passages)
		if uint64(e.ID) < next || end < uint64(e.ID) || end > uint64(c.meta.NextPassage) {
			return c.tell(Docs, key[:], "its passages %d to %d belong to others", e.ID, end-1)
		}
		next = end
		if s, ok, err := c.tx.Source(e.External); err != nil {
			return err
		} else if !ok || s.Doc != e.ID {
			if err := c.tell(Docs, key[:], "its id %q does not lead to it", e.External); err != nil {
				return err
			}
		}
		place := Text{} // where the next text has to say that it stands
		for p := uint64(e.ID); p < end; p++ {
			value, ok, err := texts.at(p)
			if err != nil {
				return err
			}
			text, bad := decodeText(value)
			if !ok {
				err, text = c.tell(Docs, key[:], "the text of its passage %d is missing", p), place
			} else if bad != nil {
				ok, text = false, place // told already
			} else if text.Offset != place.Offset || text.Line != place.Line {
				at := key64(p)
				err = c.tell(Texts, at[:], "it says that it stands at byte %d, line %d of its document, wanted %d, %d",
					text.Offset, text.Line, place.Offset, place.Line)
			}
			if err != nil {
				return err
			}
			place.Offset = text.Offset + uint64(len(text.Text))
			place.Line = text.Line + uint64(bytes.Count(text.Text, []byte("\n")))
			record, copies, err := records.at(p)
			if err != nil {
				return err
			}
			if copies != 1 {
				err = c.tell(Docs, key[:], "its passage %d has %d records of its words", p, copies)
			} else if ok && c.sound {
				err = c.tiling(p, record, text.Text, lengths)
			}
			if err != nil {
				return err
			}
			if dead, err := c.dead(p); err != nil {
				return err
			} else if dead {
				if err := c.tell(Docs, key[:], "its passage %d is marked as deleted", p); err != nil {
					return err
				}
			}
		}
		if place.Offset != e.TextBytes {
			if err := c.tell(Docs, key[:], "its text has %d bytes, wanted %d", place.Offset, e.TextBytes); err != nil {
				return err
			}
		}
		if err := c.step(int(place.Offset)); err != nil {
			return err
		}
	}
	if _, _, err := texts.at(1<<64 - 1); err != nil {
		return err
	}
	if _, _, err := records.at(1<<64 - 1); err != nil {
		return err
	}
	m := c.meta
	if docs != m.LiveDocs || passages != m.LivePassages || words != m.LiveWords {
		return c.tell(Metas, []byte(metaKey), "%d documents, %d passages, %d words are there, counted were %d, %d, %d",
			docs, passages, words, m.LiveDocs, m.LivePassages, m.LiveWords)
	}
	return nil
}

// dead reports whether passage p is marked as deleted.
func (c *checker) dead(p uint64) (bool, error) {
	t, err := c.tx.Tombs(p / TombsPerBlock)
	return t.Dead(int(p % TombsPerBlock)), err
}

// wordLengths returns the length of the word of each code, 255 for those of 255
// bytes and more.
func (c *checker) wordLengths() ([]byte, error) {
	var lengths []byte
	err := c.tx.each(Words, nil, func(_, value []byte) (bool, error) {
		b, err := parseWords(value)
		lengths = append(lengths, b.lengths...)
		return err == nil, err
	})
	return lengths, err
}

// tiling checks that the tokens of passage p are words, and that they and the
// gaps are as long as the text.
func (c *checker) tiling(p uint64, record, text, lengths []byte) error {
	key := key64(p)
	total, words := uint64(0), c.tx.WordReader()
	d, t := DecodePassage(record), Token{}
	for d.Next(&t) {
		if uint64(t.Code) >= uint64(len(lengths)) {
			return c.tell(Texts, key[:], "its record names code %d, there are %d", t.Code, len(lengths))
		}
		for part := range t.Parts() {
			if uint64(part.Code) >= uint64(len(lengths)) {
				return c.tell(Texts, key[:], "its record names code %d, there are %d", part.Code, len(lengths))
			}
		}
		if t.Title {
			continue
		}
		n := uint64(t.Length)
		if n == 0 {
			if n = uint64(lengths[t.Code]); n == longWord {
				long, err := words.Len(t.Code)
				if err != nil {
					return err
				}
				n = uint64(long)
			}
		}
		total += uint64(t.Gap) + n
	}
	if d.Err() != nil {
		return nil // told already
	}
	if total += uint64(d.Trailing()); total != uint64(len(text)) {
		return c.tell(Texts, key[:], "its tokens cover %d bytes of %d", total, len(text))
	}
	return nil
}

// segments checks postings, lengths and tombs against the list of segments.
func (c *checker) segments() error {
	known := make(map[uint32]*Segment, len(c.meta.Segments))
	blocks := make(map[uint32]uint32)
	for i := range c.meta.Segments {
		s := &c.meta.Segments[i]
		if known[s.ID] != nil {
			return c.tell(Metas, []byte(metaKey), "two segments %d", s.ID)
		}
		known[s.ID] = s
	}
	leaders := Code(0)
	if c.vectorMeta != nil {
		leaders = Code(c.vectorMeta.NextLeader)
	}
	if err := errors.Join(c.chunks(Postings, known, c.meta.NextCode), c.chunks(VPostings, known, leaders)); err != nil {
		return err
	}
	err := c.tx.each(LengthBlocks, nil, func(key, value []byte) (bool, error) {
		if len(key) != 8 {
			return true, nil // told already
		}
		id, block := binary.BigEndian.Uint32(key), binary.BigEndian.Uint32(key[4:])
		s := known[id]
		if s == nil {
			return true, c.tell(LengthBlocks, key, "there is no such segment")
		}
		start := uint64(block) * LengthsPerBlock
		if want := min(uint64(s.Span)-min(start, uint64(s.Span)), LengthsPerBlock); s.State == Live && uint64(len(value)/2) != want {
			return true, c.tell(LengthBlocks, key, "%d lengths, wanted %d", len(value)/2, want)
		}
		blocks[id]++
		return true, c.step(len(value))
	})
	if err != nil {
		return err
	}
	for _, s := range c.meta.Segments {
		if want := (uint64(s.Span) + LengthsPerBlock - 1) / LengthsPerBlock; s.State == Live && uint64(blocks[s.ID]) != want {
			if err := c.tell(LengthBlocks, nil, "segment %d has %d blocks, wanted %d", s.ID, blocks[s.ID], want); err != nil {
				return err
			}
		}
	}
	return c.tx.each(Tombs, nil, func(key, _ []byte) (bool, error) {
		if len(key) == 8 && binary.BigEndian.Uint64(key) > uint64(c.meta.NextPassage)/TombsPerBlock {
			return true, c.tell(Tombs, key, "there are only %d passages", c.meta.NextPassage)
		}
		return true, nil
	})
}

// chunks checks that the chunks of postings in bucket b are of segments that are
// known, and of codes below the given one.
func (c *checker) chunks(b Bucket, known map[uint32]*Segment, codes Code) error {
	return c.tx.each(b, nil, func(key, value []byte) (bool, error) {
		if len(key) != chunkKeyBytes {
			return true, nil // told already
		}
		var err error
		k := parseChunkKey(key)
		switch s := known[k.Segment]; {
		case s == nil:
			err = c.tell(b, key, "there is no such segment")
		case k.Code >= codes || k.Ordinal >= s.Span:
			err = c.tell(b, key, "there is no such code or ordinal")
		}
		return true, errors.Join(err, c.step(len(value)))
	})
}

// graph checks that blocks hold only codes that are in the graph.
func (c *checker) graph() error { return c.graphBlocks(Graph, c.meta.GraphNodes) }

// graphBlocks does it for the graph of so many nodes in bucket b.
func (c *checker) graphBlocks(b Bucket, nodes uint32) error {
	return c.tx.each(b, nil, func(key, value []byte) (bool, error) {
		if len(key) == 4 && uint64(binary.BigEndian.Uint32(key))*GraphNodesPerBlock >= uint64(nodes) {
			return true, c.tell(b, key, "the graph has only %d codes", nodes)
		}
		return true, c.step(len(value))
	})
}

// follower walks a bucket keyed by PassageID beside the documents.
type follower struct {
	c      *checker
	cursor *Cursor
	bucket Bucket
	key    []byte
	value  []byte
}

func (f *follower) start() (err error) {
	f.key, f.value, err = f.cursor.First()
	return err
}

// at moves to passage p and returns its value, telling of entries on the way,
// which belong to no document.
func (f *follower) at(p uint64) ([]byte, bool, error) {
	for f.key != nil {
		if len(f.key) == 8 {
			id, value := binary.BigEndian.Uint64(f.key), f.value
			if id == p {
				return value, true, f.next()
			}
			if id > p {
				return nil, false, nil
			}
			if err := f.c.tell(f.bucket, f.key, "it belongs to no document"); err != nil {
				return nil, false, err
			}
		}
		if err := f.next(); err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

func (f *follower) next() (err error) {
	f.key, f.value, err = f.cursor.Next()
	return err
}

// recordFollower does the same for records of passages, which are in one of two
// buckets.
type recordFollower struct {
	c       *checker
	loose   follower
	bucket  Bucket // of the folded ones
	forward *Cursor
	block   []Passage
	folded  bool // the record that at returned last is a folded one
}

// follow returns a follower of the records in two buckets.
func (c *checker) follow(pending, folded Bucket) (*recordFollower, error) {
	f := &recordFollower{
		c: c, loose: follower{c: c, cursor: c.tx.Cursor(pending), bucket: pending},
		bucket: folded, forward: c.tx.Cursor(folded),
	}
	key, value, err := f.forward.First()
	return f, errors.Join(err, f.load(key, value), f.loose.start())
}

// load unpacks a block of folded passages, skipping damaged ones.
func (f *recordFollower) load(key, value []byte) error {
	for f.block = nil; key != nil && len(f.block) == 0; {
		block, err := parseForwardAt(f.bucket, key, value)
		if err == nil {
			f.block = slices.Collect(block.All())
			return f.c.step(len(value))
		}
		if key, value, err = f.forward.Next(); err != nil {
			return err
		}
	}
	return nil
}

// at returns a record of passage p and how many there are.
func (f *recordFollower) at(p uint64) (record []byte, copies int, err error) {
	record, ok, err := f.loose.at(p)
	if err != nil {
		return nil, 0, err
	}
	f.folded = false
	if ok {
		copies++
	}
	for len(f.block) > 0 && uint64(f.block[0].ID) <= p {
		if got := f.block[0]; uint64(got.ID) == p {
			record, f.folded = got.Record, true
			copies++
		} else if dead, err := f.c.dead(uint64(got.ID)); err != nil {
			return nil, 0, err
		} else if !dead {
			key := key64(uint64(got.ID))
			if err := f.c.tell(f.bucket, key[:], "it belongs to no document"); err != nil {
				return nil, 0, err
			}
		}
		if f.block = f.block[1:]; len(f.block) == 0 {
			key, value, err := f.forward.Next()
			if err == nil {
				err = f.load(key, value)
			}
			if err != nil {
				return nil, 0, err
			}
		}
	}
	return record, copies, nil
}
