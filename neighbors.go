package ciyuan

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// neighbors finds, for every query word, the words of the index that are nearest
// to it: in the graph, and among the words that are not in it yet.
func (s *searcher) neighbors() error {
	probes := make([]*probe, 0, len(s.terms))
	terms := make([]*queryTerm, 0, len(s.terms))
	for i := range s.terms {
		t := &s.terms[i]
		switch {
		case t.direction != nil:
			probes = append(probes, s.lex.probe(s.lex.enc.Query(t.direction)))
		case len(t.vector.rows) > 0:
			probes = append(probes, s.lex.probe(s.enc.Query(t.vector.vector(s.enc, nil))))
		default:
			continue
		}
		terms = append(terms, t)
	}
	if len(probes) == 0 || s.lex.n == 0 {
		return nil
	}
	var g index.Graph
	from := uint32(0)
	if !s.opts.Exact && s.opts.Graph != GraphFlat {
		var err error
		if g, err = s.lex.graph(s.opts.Graph); err != nil {
			return err
		}
		from = uint32(g.Len())
	}
	scanned, err := s.scanned(terms, probes, from)
	if err != nil {
		return err
	}
	for i, t := range terms {
		if s.late() {
			break
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.choose(t, probes[i], g, scanned[i]); err != nil {
			return err
		}
	}
	return nil
}

// scanned returns what scanWords does, for words that were looked for before from
// memory: who searches at every key stroke looks for the same words again and again.
func (s *searcher) scanned(terms []*queryTerm, probes []*probe, from uint32) ([][]index.Neighbor, error) {
	all := make([][]index.Neighbor, len(terms))
	var missing []*probe
	var at []int
	for i, t := range terms {
		known := false
		if t.direction == nil {
			all[i], known = s.lex.near.get(t.word, from)
		}
		if !known {
			missing, at = append(missing, probes[i]), append(at, i)
		}
	}
	if len(missing) == 0 {
		return all, nil
	}
	found, err := s.scanWords(missing, from)
	if err != nil {
		return nil, err
	}
	whole := s.lex.failed() == nil && !s.partial.Load()
	for j, i := range at {
		all[i] = found[j]
		if t := terms[i]; whole && t.direction == nil {
			s.lex.near.put(t.word, from, found[j])
		}
	}
	return all, nil
}

// maxNear is how many query words a nearCache knows, and maxNearWords how many words
// of the index near to one: some megabytes.
const (
	maxNear      = 256
	maxNearWords = 2048
)

// A nearCache remembers which words of one state of an index are near to the latest
// words that were looked for. The zero value is ready; it is safe for concurrent use.
type nearCache struct {
	mu    sync.Mutex
	known map[nearKey][]index.Neighbor
	order []nearKey // the oldest first
}

type nearKey struct {
	word string
	from uint32 // the first word that was compared
}

// get returns what is known. The slice is shared.
func (c *nearCache) get(word string, from uint32) ([]index.Neighbor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	near, ok := c.known[nearKey{word, from}]
	return near, ok
}

// put remembers a slice, which must not be changed any more.
func (c *nearCache) put(word string, from uint32, near []index.Neighbor) {
	key := nearKey{strings.Clone(word), from}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[key]; ok || len(near) > maxNearWords || len(word) > maxNear {
		return
	}
	if c.known == nil {
		c.known = make(map[nearKey][]index.Neighbor)
	}
	if len(c.order) == maxNear {
		delete(c.known, c.order[0])
		c.order = append(c.order[:0], c.order[1:]...)
	}
	c.known[key] = near
	c.order = append(c.order, key)
}

// choose sets the neighbourhood of a query word: the nearest live words of those
// that were scanned and those that the graph, which may be nil, finds.
func (s *searcher) choose(t *queryTerm, p *probe, g index.Graph, scanned []index.Neighbor) error {
	params := s.enc.Params()
	k := params.Neighbors
	if t.df == 0 {
		// A word that the corpus does not have is mostly of another language,
		// where neighbours are more and farther.
		k = params.CrossNeighbors
	}
	for ask := k + 1; ; ask *= 2 {
		found := slices.Clone(scanned)
		more := false
		if g != nil {
			walked, err := g.Search(p, ask, max(graphEf, 4*ask))
			if err != nil {
				return err
			}
			more = len(walked) >= ask && walked[len(walked)-1].Sim >= params.MinSim
			for _, n := range walked {
				if n.Sim >= params.MinSim {
					found = append(found, n)
				}
			}
		}
		slices.SortFunc(found, func(a, b index.Neighbor) int {
			return cmp.Or(cmp.Compare(b.Sim, a.Sim), cmp.Compare(a.Code, b.Code))
		})
		t.near = t.near[:0]
		for _, n := range found {
			if len(t.near) == k {
				return nil
			}
			if t.df > 0 && n.Code == uint32(t.code) {
				continue
			}
			if live, err := s.live(n.Code); err != nil {
				return err
			} else if live {
				t.near = append(t.near, scoring.Neighbor{Code: n.Code, Sim: min(n.Sim, 1)})
			}
		}
		if !more {
			return nil
		}
	}
}

// scanCodes is how many words are compared with all query words in turn: their
// rows stay in the nearest cache meanwhile.
const scanCodes = 128

// scanWords compares every probe with every word from a code on and returns,
// for each probe, the words that are near enough, in no order.
func (s *searcher) scanWords(probes []*probe, from uint32) ([][]index.Neighbor, error) {
	least := s.enc.Params().MinSim
	// A worker is worth its start for some thousands of words.
	workers := max(1, min(s.db.workers(), int(s.lex.n-from)/4096))
	parts := make([][][]index.Neighbor, workers)
	var wg sync.WaitGroup
	step := (s.lex.n - from + uint32(workers) - 1) / uint32(workers)
	for w := range parts {
		lo := min(s.lex.n, from+uint32(w)*step)
		hi := min(s.lex.n, lo+step)
		parts[w] = make([][]index.Neighbor, len(probes))
		work := func() {
			for at := lo; at < hi && s.ctx.Err() == nil && !s.late(); {
				block := s.lex.block(at)
				if block == nil {
					return // failed says why
				}
				to := min(hi, at-at%refsPerBlock+refsPerBlock)
				for ; at < to; at += scanCodes {
					n := min(scanCodes, to-at)
					for i, p := range probes {
						parts[w][i] = p.near(parts[w][i], block, at, n, least)
					}
				}
				at = to
			}
		}
		if w == workers-1 {
			work()
		} else {
			wg.Go(work)
		}
	}
	wg.Wait()
	all := parts[0]
	for _, part := range parts[1:] {
		for i := range part {
			all[i] = append(all[i], part[i]...)
		}
	}
	return all, s.ctx.Err()
}

// live reports whether any document has a word. Words stay when their last
// document goes, until the index is compacted; they must not take the place of
// others in a neighbourhood. Where nothing was ever deleted every word is live.
func (s *searcher) live(code uint32) (bool, error) {
	if option(s.meta, optionDeleted) == "" {
		return true, nil
	}
	df, err := s.frequency(store.Code(code))
	return df > 0, err
}
