package ciyuan

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// An asker is a row of the query with the leaders nearest to it.
type asker struct {
	near    []index.Neighbor // by descending similarity
	lists   []uint32         // of each, which of the leaders asked by any row it is
	weight  float32
	missing float32 // the similarity of a passage that has none of them
}

// gain returns what a passage gains by a leader over having none, by the factor that
// says how near to the leader it comes.
func (a *asker) gain(n index.Neighbor, factor float32) float32 {
	return max(0, a.weight*(n.Sim*factor-a.missing))
}

// most returns the most that a passage can gain by a leader.
func (a *asker) most(n index.Neighbor) float32 { return a.gain(n, index.MaxNearFactor) }

// bound returns the most that a passage can gain.
func (a *asker) bound() float32 {
	if len(a.near) == 0 {
		return 0
	}
	return a.most(a.near[0])
}

// askers finds the leaders nearest to each row of the query, in the graph and among
// those that are not in it yet, and puts the rows that matter most first.
func (t *tokenSearch) askers(probes int) ([]asker, error) {
	dim := t.z.Dim()
	list := make([]asker, len(t.query.weights))
	probe := t.z.NewLeaderProbe()
	book := index.CodeBook{Leaders: t.book.leaders, Graph: t.book.graph}
	for i := range list {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		a := &list[i]
		probe.Set(t.query.rows[i*dim : (i+1)*dim])
		var err error
		if a.near, err = book.Search(make([]index.Neighbor, 0, probes), probe, probes, probes); err != nil {
			return nil, err
		}
		if len(a.near) == 0 {
			continue
		}
		first, last := a.near[0].Sim, a.near[len(a.near)-1].Sim
		a.weight, a.missing = float32(t.query.weights[i]), last-missingShare*(first-last)-1e-3
		t.stats.Neighbors += len(a.near)
	}
	order.Stable(list, func(a, b *asker) int { return cmp.Compare(b.bound(), a.bound()) })
	return list, nil
}

// number sets the lists of the rows and returns the leaders that they ask, ascending.
func number(rows []asker) (codes []uint32) {
	var asked []uint64 // code, row, place in the row
	for i := range rows {
		rows[i].lists = make([]uint32, len(rows[i].near))
		for j, n := range rows[i].near {
			asked = append(asked, uint64(n.Code)<<32|uint64(i)<<16|uint64(j))
		}
	}
	slices.Sort(asked)
	for _, a := range asked {
		code, i, j := uint32(a>>32), a>>16&0xffff, a&0xffff
		if n := len(codes); n == 0 || codes[n-1] != code {
			codes = append(codes, code)
		}
		rows[i].lists[j] = uint32(len(codes) - 1)
	}
	return codes
}

// thresholdCost is how many postings for each passage that has gained there must be left
// for it to pay to look for those that still matter.
const thresholdCost = 4

// tokenWindowPassages is the largest range of passages that is gathered at once, in ten
// bytes for each. Short lists are read anew for every range.
const tokenWindowPassages = 1 << 17

// tokenWindow is the memory for gathering candidates of a range of passages.
type tokenWindow struct {
	gains   []float32
	last    []float32 // by passage: what of it is by the row that it has gained by last
	marks   []uint16  // by passage: that row, from 1
	touched []uint32
	lists   []index.Postings // of the leaders asked, while a segment is read
	order   []float32
	batch   [4 * index.PostingsBatch]uint32
	tfs     [4 * index.PostingsBatch]uint32
}

var tokenWindows = sync.Pool{New: func() any { return new(tokenWindow) }}

// candidates returns at least n passages that are likely to have the best scores, those
// that gain most first, and whether these are all that there are.
func (t *tokenSearch) candidates(probes, n int) (list []candidate, complete bool, err error) {
	if t.meta.Rows == 0 {
		return nil, true, nil
	}
	rows, err := t.askers(probes)
	if err != nil {
		return nil, false, err
	}
	codes := number(rows)
	filtered := t.filter.active() || t.boost != nil
	top := scoring.NewTopK(n)
	var every []scoring.Hit
	offer := func(id store.PassageID, gain float32) {
		t.stats.Candidates++
		if filtered {
			every = append(every, scoring.Hit{ID: uint64(id), Score: float64(gain)})
		} else {
			top.Push(uint64(id), float64(gain))
		}
	}
	least := func() float32 {
		if worst, full := top.Threshold(); full && !filtered {
			return float32(worst)
		}
		return 0
	}
	for _, seg := range t.searcher.meta.Segments {
		if seg.State == store.Live && !t.late() {
			if err := t.gatherSegment(seg, rows, codes, n, least, offer); err != nil {
				return nil, false, t.damaged(seg, err)
			}
		}
	}
	if err := t.gatherPending(rows, codes, offer); err != nil {
		return nil, false, err
	}
	var best []scoring.Hit
	if filtered {
		// Best first, so that no more documents are looked at than are needed.
		slices.SortFunc(every, func(a, b scoring.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
		for _, h := range every {
			if len(best) == n {
				break
			}
			if t.filter.pass(store.PassageID(h.ID)) {
				best = append(best, h)
			}
		}
	} else {
		best = top.Hits()
	}
	for _, h := range best {
		list = append(list, candidate{id: store.PassageID(h.ID), gain: float32(h.Score)})
	}
	// Passages that have nothing of the leaders asked are the last, but they are there.
	var more []store.PassageID
	if t.words != nil {
		r := &ranking{plans: []*scoring.Plan{t.words}, tallies: make([]scoring.Tally, 1)}
		literal, err := t.searcher.candidates(r, n)
		if err != nil {
			return nil, false, err
		}
		for _, h := range literal {
			more = append(more, store.PassageID(h.ID))
		}
	}
	if len(best) < n {
		have := slices.Clone(more)
		for _, c := range list {
			have = append(have, c.id)
		}
		slices.Sort(have)
		rest, err := t.all(n-len(best), have)
		if err != nil {
			return nil, false, err
		}
		complete = len(rest) < n-len(best)
		more = append(more, rest...)
	}
	if len(more) > 0 {
		have := make(map[store.PassageID]bool, len(list))
		for _, c := range list {
			have[c.id] = true
		}
		for _, p := range more {
			if !have[p] {
				list = append(list, candidate{id: p})
			}
		}
	}
	return list, complete, t.failed()
}

// gatherSegment offers the passages of a segment that have a vector of one of the
// leaders.
func (t *tokenSearch) gatherSegment(seg store.Segment, rows []asker, codes []uint32, n int, least func() float32, offer func(store.PassageID, float32)) error {
	w := tokenWindows.Get().(*tokenWindow)
	defer tokenWindows.Put(w)
	w.lists = slices.Grow(w.lists[:0], len(codes))[:len(codes)]
	defer func() { clear(w.lists) }() // what they read from does not outlive the transaction
	lists := w.lists
	// They are looked up by ascending code, which reads each chunk once.
	reader := t.book.chunks[seg.ID].Reader(vectorChunks(t.tx, seg.ID))
	for i, code := range codes {
		var err error
		if lists[i], err = reader.Postings(code); err != nil {
			return err
		}
	}
	if size := int(min(tokenWindowPassages, seg.Span)); len(w.gains) < size {
		w.gains, w.last, w.marks = make([]float32, size), make([]float32, size), make([]uint16, size)
	}
	for from := uint32(0); from < seg.Span; from += tokenWindowPassages {
		if t.late() {
			break
		}
		err := t.gatherWindow(w, rows, lists, from, min(tokenWindowPassages, seg.Span-from), n, least())
		if t.dead != nil {
			slices.Sort(w.touched) // dead is quick for ascending ones
		}
		for _, o := range w.touched {
			id, gain := seg.Base+store.PassageID(from+o), w.gains[o]
			w.gains[o], w.marks[o] = 0, 0
			if err == nil && (t.dead == nil || !t.dead.dead(id)) {
				offer(id, gain)
			}
		}
		w.touched = w.touched[:0]
		if err != nil {
			return err
		}
	}
	return nil
}

// gatherWindow adds up what the passages of a window gain. A passage that cannot come
// among the n best any more is not taken in, and where only few can, long lists are
// not read but looked into: rows come by descending bound, so that it is known how
// much is still to be gained. (MaxScore: Turtle and Flood, Query evaluation (1995).)
func (t *tokenSearch) gatherWindow(w *tokenWindow, rows []asker, lists []index.Postings, from, size uint32, n int, least float32) error {
	rest := float32(0) // what the rows still to come can give
	left := 0          // and the postings that they have
	for i := range rows {
		rest += rows[i].bound()
		for _, at := range rows[i].lists {
			left += int(lists[at].DF())
		}
	}
	for i := range rows {
		a, mark := &rows[i], uint16(i+1)
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if t.late() {
			break
		}
		// Finding out what it takes to be among the best costs as much as reading some
		// postings for each passage.
		if i > 0 && len(w.touched) > n && left > thresholdCost*len(w.touched) {
			least = max(least, w.nth(n, least, rest))
		}
		rest -= a.bound()
		var few []uint32 // the passages that can still come among the best, once they are all there
		known, sorted := false, false
		for j, at := range a.lists {
			if lists[at].DF() == 0 {
				continue
			}
			list := lists[at] // a copy: another row may have the same leader
			left -= int(list.DF())
			gain := a.most(a.near[j])
			closed := gain+rest < least
			var gains [index.NearSteps + 1]float32
			for tf := range gains {
				gains[tf] = a.gain(a.near[j], index.NearFactor(uint32(tf)))
			}
			long := closed && int(list.DF()) > 4*index.PostingsBatch
			if long && !known {
				known = true
				for _, o := range w.touched {
					if w.gains[o]+gain+rest >= least {
						few = append(few, o)
					}
				}
			}
			if long && int(list.DF()) > 8*len(few) {
				if !sorted {
					slices.Sort(few)
					sorted = true
				}
				t.lookInto(w, &list, few, from, mark, &gains)
			} else {
				t.read(w, &list, from, size, mark, &gains, closed)
			}
			if err := list.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// nth returns the n-th largest gain so far, or least if it is certain to be no more than
// what can still come.
func (w *tokenWindow) nth(n int, least, rest float32) float32 {
	w.order = w.order[:0]
	for _, o := range w.touched {
		if g := w.gains[o]; g > least && g >= rest {
			w.order = append(w.order, g)
		}
	}
	if len(w.order) < n {
		return least
	}
	slices.Sort(w.order)
	return w.order[len(w.order)-n]
}

// raise makes a passage gain by a row, if no other leader has given it more.
func (w *tokenWindow) raise(o uint32, mark uint16, gain float32) {
	if w.marks[o] != mark {
		w.marks[o], w.last[o] = mark, 0
	}
	if more := gain - w.last[o]; more > 0 {
		w.gains[o] += more
		w.last[o] = gain
	}
}

// read gives the passages of a list their gains, by tf; closed leaves out those that have
// none yet.
func (t *tokenSearch) read(w *tokenWindow, list *index.Postings, from, size uint32, mark uint16, gains *[index.NearSteps + 1]float32, closed bool) {
	if from > 0 {
		list.SkipTo(from)
	}
	for {
		got := list.Next(w.batch[:], w.tfs[:])
		if got == 0 {
			return
		}
		t.stats.Postings += got
		for i, o := range w.batch[:got] {
			if o < from {
				continue
			}
			if o -= from; o >= size {
				return
			}
			if w.marks[o] == 0 {
				if closed {
					continue
				}
				w.touched = append(w.touched, o)
			}
			w.raise(o, mark, gains[min(w.tfs[i], index.NearSteps)])
		}
	}
}

// lookInto gives those of few passages, ascending, that a list has their gains.
func (t *tokenSearch) lookInto(w *tokenWindow, list *index.Postings, few []uint32, from uint32, mark uint16, gains *[index.NearSteps + 1]float32) {
	var batch, tfs []uint32
	for _, o := range few {
		want := from + o
		for len(batch) == 0 || batch[len(batch)-1] < want {
			list.SkipTo(want)
			got := list.Next(w.batch[:index.PostingsBatch], w.tfs[:index.PostingsBatch])
			if got == 0 {
				return
			}
			t.stats.Postings += got
			batch, tfs = w.batch[:got], w.tfs[:got]
		}
		at, there := slices.BinarySearch(batch, want)
		if batch, tfs = batch[at:], tfs[at:]; there {
			w.raise(o, mark, gains[min(tfs[0], index.NearSteps)])
		}
	}
}
