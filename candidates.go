package ciyuan

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// windowPassages is how many passages are scored at a time: the sums of all of
// them lie in the cache and in bounded memory, however large the segment.
const windowPassages = 1 << 15

// window is the memory for scoring a range of passages.
type window struct {
	sums    []scoring.Sums[float64]
	scores  []float64
	touched []uint32 // passages with sums of the current query word
	hits    []uint32 // passages with a score

	ordinals, tfs [4 * index.PostingsBatch]uint32
}

var windowPool = sync.Pool{New: func() any { return new(window) }}

func (w *window) size(n int) {
	if len(w.sums) < n {
		w.sums = make([]scoring.Sums[float64], n)
		w.scores = make([]float64, n)
	}
}

// candidates returns the n best passages, best first, by the same formula as
// the exact score, from the postings of the words that stand for the query's.
func (s *searcher) candidates(r *ranking, n int) ([]scoring.Hit, error) {
	top := scoring.NewTopK(n)
	if s.opts.Exact {
		err := s.scanAll(r, top)
		return top.Hits(), err
	}
	for _, seg := range s.meta.Segments {
		if seg.State == store.Live && !s.late() {
			if err := s.scanSegment(r, top, seg); err != nil {
				return nil, s.damaged(seg, err)
			}
		}
	}
	for _, p := range s.pending {
		if score := r.score(p.codes, p.words); score > 0 {
			s.offer(top, p.id, score)
		}
	}
	return top.Hits(), s.failed()
}

// offer enters a passage among the best ones, unless its document is filtered out.
func (s *searcher) offer(top *scoring.TopK, id store.PassageID, score float64) {
	s.stats.Candidates++
	if worst, full := top.Threshold(); full && score*s.boost.most() < worst {
		return
	}
	if !s.filter.pass(id) {
		return
	}
	if score *= s.boost.of(id); score > 0 {
		top.Push(uint64(id), score)
	}
}

// scanSegment scores the passages of a segment that have a posting of a
// neighbour of a query word.
func (s *searcher) scanSegment(r *ranking, top *scoring.TopK, seg store.Segment) error {
	// Lists are looked up by ascending code, which reads each chunk once.
	var codes []uint32
	for _, plan := range r.plans {
		for t := range plan.Len() {
			for _, p := range plan.Postings(t) {
				codes = append(codes, p.Code)
			}
		}
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	lists := make([]index.Postings, len(codes))
	reader := index.NewSegmentReader(newChunkSource(s.tx, seg.ID))
	for i, code := range codes {
		var err error
		if lists[i], err = reader.Postings(code); err != nil {
			return err
		}
		s.stats.Postings += int(lists[i].DF())
	}
	w := windowPool.Get().(*window)
	defer windowPool.Put(w)
	for from := uint32(0); from < seg.Span; from += windowPassages {
		if s.late() {
			break
		}
		n := min(windowPassages, seg.Span-from)
		if err := s.scanWindow(r, top, seg, w, codes, lists, from, n); err != nil {
			clear(w.sums)
			clear(w.scores)
			w.touched, w.hits = w.touched[:0], w.hits[:0]
			return err
		}
	}
	return nil
}

func (s *searcher) scanWindow(r *ranking, top *scoring.TopK, seg store.Segment, w *window,
	codes []uint32, lists []index.Postings, from, n uint32) error {
	w.size(int(n))
	lengths, err := s.readLengths(seg.ID, from, n)
	if err != nil {
		return err
	}
	for _, plan := range r.plans {
		if err := w.sum(s, plan, r.share(), lengths, codes, lists, from, n); err != nil {
			return err
		}
	}
	return s.rankWindow(top, seg, w, from)
}

// sum adds the scores of a plan, times share, to those of the passages from an
// ordinal on.
func (w *window) sum(s *searcher, plan *scoring.Plan, share float64, lengths *windowLengths, codes []uint32, lists []index.Postings, from, n uint32) error {
	for t := range plan.Len() {
		for _, p := range plan.Postings(t) {
			// A list has at most as many postings here as the window passages, so
			// these checks come some tens of microseconds apart.
			if err := s.ctx.Err(); err != nil {
				return err
			}
			if s.late() {
				break
			}
			i, _ := slices.BinarySearch(codes, p.Code)
			list := lists[i] // a copy: another query word may have the same neighbour
			if list.DF() == 0 {
				continue
			}
			if from > 0 {
				list.SkipTo(from)
			}
		reading:
			for {
				got := list.Next(w.ordinals[:], w.tfs[:])
				if got == 0 {
					break
				}
				for j, o := range w.ordinals[:got] {
					if o < from {
						continue
					}
					if o-from >= n {
						break reading
					}
					sums := &w.sums[o-from]
					if sums.Num == 0 {
						w.touched = append(w.touched, o-from)
					}
					sums.Add(p.Weight, float64(w.tfs[j]))
				}
			}
			if err := list.Err(); err != nil {
				return err
			}
		}
		weight := share * plan.Weight(t)
		for _, o := range w.touched {
			if w.scores[o] == 0 {
				w.hits = append(w.hits, o)
			}
			w.scores[o] += float64(weight * plan.Value(t, w.sums[o], lengths.at(o)))
			w.sums[o] = scoring.Sums[float64]{}
		}
		w.touched = w.touched[:0]
	}
	return nil
}

// rankWindow offers the passages with a score and empties the window.
func (s *searcher) rankWindow(top *scoring.TopK, seg store.Segment, w *window, from uint32) error {
	// In the order of the passages, so that tombs and documents are read once.
	slices.Sort(w.hits)
	for _, o := range w.hits {
		score := w.scores[o]
		w.scores[o] = 0
		id := seg.Base + store.PassageID(from+o)
		if s.dead == nil || !s.dead.dead(id) {
			s.offer(top, id, score)
		}
	}
	w.hits = w.hits[:0]
	return s.failed()
}

// windowLengths gives the word counts of the passages of a window. Its blocks are
// read once: the passages of a query word come by its neighbours, so from all over
// the window, once and again.
type windowLengths [windowPassages / store.LengthsPerBlock]store.Lengths

// readLengths reads the word counts of n passages of a segment from an ordinal on,
// which is where a window begins.
func (s *searcher) readLengths(segment, from, n uint32) (*windowLengths, error) {
	var l windowLengths
	for i := range (n + store.LengthsPerBlock - 1) / store.LengthsPerBlock {
		var err error
		if l[i], err = s.tx.Lengths(segment, from/store.LengthsPerBlock+i); err != nil {
			return nil, err
		}
	}
	return &l, nil
}

// at returns the words of passage i of the window, 0 if none are stored.
func (l *windowLengths) at(i uint32) int {
	block, i := &l[i/store.LengthsPerBlock], i%store.LengthsPerBlock
	if int(i) >= block.Len() {
		return 0
	}
	return block.At(int(i))
}

// scanAll scores every passage from its stored tokens.
func (s *searcher) scanAll(r *ranking, top *scoring.TopK) error {
	var codes []uint32
	return s.eachPassage(func(id store.PassageID, record []byte) (err error) {
		var words int
		if codes, words, err = store.AppendCodes(codes[:0], record); err != nil {
			return fmt.Errorf("passage %d: %w", id, err)
		}
		if score := r.score(codes, words); score > 0 {
			s.offer(top, id, score)
		}
		return nil
	})
}
