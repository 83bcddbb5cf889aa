package index

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// roundCodes is the number of codes that look for their neighbours at once. It
	// is part of what decides about the graph, so it does not depend on the
	// number of workers. Comparing all codes of a round with each other costs a
	// node half of it in comparisons, much less than its walk.
	roundCodes = 256
	// stepCodes is the number of codes that a worker takes on at a time.
	stepCodes = 8
	// spread is how far a link keeps from a better one: a candidate is left out if
	// spread times its distance (1 - cosine) from a chosen one is less than its
	// distance from the node. The paper's 1 keeps a quarter more links, at the same
	// number of comparisons for the same recall, and compares more when building.
	spread = 0.9
)

// arrival is a code on its way into the graph.
type arrival struct {
	code  uint32
	level int
	probe Probe
	// For each layer of the code: the candidates, the best first, and of them
	// the links chosen.
	candidates [maxLevels][]rank
	links      [maxLevels][]rank
	err        error
}

// builder inserts codes for one call of Insert.
type builder struct {
	h       *HNSW
	space   Space
	reuse   Reprober // nil if the space is none
	workers int
	// Links on layer 0 that a node may have between rounds; at the end it has 2M
	// at most.
	room     int
	round    []arrival
	overfull map[uint32]bool // nodes with more than 2M

	selectors sync.Pool
}

// Insert extends the graph to the codes in [Len(), to): each that the space has a
// vector of gets a node. The result depends on the codes and on where earlier
// calls of Insert ended, not on workers, the number of goroutines to use.
//
// When ctx is done, a block cannot be read or turns out corrupt, it fails, and the
// graph must be thrown away. It panics if to is more than the codes of the space,
// or than 2^31.
func (h *HNSW) Insert(ctx context.Context, space Space, to uint32, workers int) error {
	if to > maxCodes || int(to) > space.Len() {
		panic("index: inserting codes that the space does not have")
	}
	if to <= h.count {
		return nil
	}
	b := builder{h: h, space: space, workers: max(1, workers), room: 3 * h.m, overfull: map[uint32]bool{}}
	b.reuse, _ = space.(Reprober)
	from := h.count
	h.grow(to)
	for from < to {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("index: inserting into the graph: %w", err)
		}
		n := 0
		for ; from < to && n < roundCodes; from++ {
			if !space.Has(from) {
				continue
			}
			if n == len(b.round) {
				b.round = append(b.round, arrival{})
			}
			a := &b.round[n]
			a.code, a.level, a.err = from, levelOf(from), nil
			n++
		}
		b.round = b.round[:n]
		if err := b.insertRound(); err != nil {
			return err
		}
	}
	return b.finish()
}

// grow extends the graph by codes that have no node yet.
func (h *HNSW) grow(to uint32) {
	blocks := make([]atomic.Pointer[nodeBlock], numBlocks(to))
	for n := range blocks {
		if n < len(h.blocks) {
			blocks[n].Store(h.blocks[n].Load())
		} else {
			b := newBlock()
			b.dirty = true
			blocks[n].Store(b)
		}
	}
	h.blocks = blocks
	h.count = to
}

// parallel calls f for the numbers below n, from all workers, and returns when all
// calls have returned.
func (b *builder) parallel(n int, f func(i int)) {
	if b.workers == 1 || n <= stepCodes {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(b.workers, (n+stepCodes-1)/stepCodes) {
		wg.Go(func() {
			for {
				from := int(next.Add(stepCodes)) - stepCodes
				for i := from; i < min(from+stepCodes, n); i++ {
					f(i)
				}
				if from >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}

func (b *builder) probe(old Probe, code uint32) Probe {
	if b.reuse != nil {
		return b.reuse.Reprobe(old, code)
	}
	return b.space.Probe(code)
}

func (b *builder) insertRound() error {
	b.parallel(len(b.round), b.search)
	for i := range b.round {
		if err := b.round[i].err; err != nil {
			return err
		}
	}
	return b.link()
}

// search finds the candidates of one code of the round and chooses its links.
func (b *builder) search(i int) {
	a := &b.round[i]
	a.probe = b.probe(a.probe, a.code)
	w := walks.Get().(*walk)
	defer walks.Put(w)
	s := b.selector()
	defer b.selectors.Put(s)
	w.pool = w.pool[:0]
	top := -1
	if b.h.nodes > 0 {
		top = levelOf(b.h.entry)
		if a.err = b.h.descend(w, a.probe, a.level); a.err != nil {
			return
		}
	}
	for level := a.level; level >= 0; level-- {
		a.candidates[level] = a.candidates[level][:0]
		if level > top {
			continue
		}
		if a.err = b.h.layer(w, a.probe, level, b.h.efc); a.err != nil {
			return
		}
		a.candidates[level] = append(a.candidates[level], w.pool...)
	}
	// The earlier codes of the round are not in the graph yet.
	w.codes = w.codes[:0]
	for j := range i {
		w.codes = append(w.codes, b.round[j].code)
	}
	w.compare(a.probe)
	for level := range a.level + 1 {
		w.pool = append(w.pool[:0], a.candidates[level]...)
		for j, sim := range w.sims {
			if b.round[j].level >= level && sim == sim {
				w.put(makeRank(w.codes[j], sim), b.h.efc)
			}
		}
		for j := range w.pool {
			w.pool[j] &^= 1
		}
		a.candidates[level] = append(a.candidates[level][:0], w.pool...)
		a.links[level] = append(a.links[level][:0], s.choose(b, w.pool, nil, b.h.m)...)
	}
}

// selector is the memory of one choice of links.
type selector struct {
	probe  Probe
	chosen []rank
	rest   []rank
	codes  []uint32
	sims   []float32
}

// selector returns one from the pool of the builder: its probe belongs to one
// space.
func (b *builder) selector() *selector {
	if s, ok := b.selectors.Get().(*selector); ok {
		return s
	}
	return new(selector)
}

// choose returns at most n of the candidates, which come the best first, so that
// none is much nearer to a better chosen one than to the node they are chosen for;
// see spread.
// Those in kept are chosen first and in any case, even more than n of them. The
// result is valid until the next call.
//
// Source: algorithm 4 of the paper, without keeping pruned connections.
func (s *selector) choose(b *builder, candidates, kept []rank, n int) []rank {
	s.chosen = s.chosen[:0]
	s.rest = append(s.rest[:0], candidates...)
	for len(s.rest) > 0 || len(kept) > 0 {
		var best rank
		if len(kept) > 0 {
			best, kept = kept[0], kept[1:]
		} else if len(s.chosen) < n {
			best, s.rest = s.rest[0], s.rest[1:]
		} else {
			break
		}
		s.chosen = append(s.chosen, best)
		if len(s.rest) == 0 || len(kept) == 0 && len(s.chosen) >= n {
			continue
		}
		s.codes = s.codes[:0]
		for _, r := range s.rest {
			s.codes = append(s.codes, r.code())
		}
		if cap(s.sims) < len(s.codes) {
			s.sims = make([]float32, 2*len(s.codes))
		}
		s.sims = s.sims[:len(s.codes)]
		s.probe = b.probe(s.probe, best.code())
		s.probe.Sim(s.codes, s.sims)
		far := s.rest[:0]
		for i, r := range s.rest {
			// A NaN keeps the candidate.
			if !(float32(spread*(1-s.sims[i])) < 1-r.sim()) {
				far = append(far, r)
			}
		}
		s.rest = far
	}
	return s.chosen
}

// link gives the codes of the round their nodes and links.
func (b *builder) link() error {
	h := b.h
	// Everything that changes blocks as a whole happens here, one code after the
	// other; what is left for several workers touches one node each.
	// Children from this round, which their parents do not link to yet.
	children := map[uint32][]uint32{}
	type edge struct{ to, from uint32 }
	var back, backUpper []edge
	for i := range b.round {
		a := &b.round[i]
		block, err := b.open(a.code)
		if err != nil {
			return err
		}
		slot := a.code % blockCodes
		links := a.links[0]
		if h.nodes > 0 {
			parent, linked, err := b.parent(a, children)
			if err != nil {
				return err
			}
			if !linked {
				links = append(links, parent)
				a.links[0] = links
			}
			block.parent[slot] = parent.code()
			children[parent.code()] = append(children[parent.code()], a.code)
		}
		block.degree[slot] = uint8(len(links))
		list := block.list(slot)
		for j, r := range links {
			list[j] = r.code()
			back = append(back, edge{r.code(), a.code})
		}
		for level := 1; level <= a.level; level++ {
			list := make([]uint32, len(a.links[level]))
			for j, r := range a.links[level] {
				list[j] = r.code()
				backUpper = append(backUpper, edge{r.code(), uint32(i)<<8 | uint32(level)})
			}
			block.setUpper(slot, level, list)
		}
		if h.nodes == 0 || a.level > levelOf(h.entry) {
			h.entry = a.code
		}
		h.nodes++
	}
	// Group the links back by the node that they start from. The sort is stable,
	// so they stay in the order of arrival.
	slices.SortStableFunc(back, func(x, y edge) int { return int(x.to) - int(y.to) })
	var starts []int
	for i, e := range back {
		if i == 0 || back[i-1].to != e.to {
			if _, err := b.open(e.to); err != nil {
				return err
			}
			starts = append(starts, i)
		}
	}
	full := make([]bool, len(starts))
	errs := make([]error, len(starts))
	b.parallel(len(starts), func(g int) {
		group := back[starts[g]:]
		if g+1 < len(starts) {
			group = group[:starts[g+1]-starts[g]]
		}
		code := group[0].to
		block := h.blocks[code/blockCodes].Load()
		slot := code % blockCodes
		s := b.selector()
		defer b.selectors.Put(s)
		s.codes = append(s.codes[:0], block.list(slot)...)
		for _, e := range group {
			s.codes = append(s.codes, e.from)
		}
		if len(s.codes) > b.room {
			if errs[g] = b.thin(s, code); errs[g] != nil {
				return
			}
		}
		block.setList(slot, s.codes)
		full[g] = len(s.codes) > 2*h.m
	})
	for g, start := range starts {
		if errs[g] != nil {
			return errs[g]
		}
		if full[g] {
			b.overfull[back[start].to] = true
		}
	}
	for _, e := range backUpper {
		if err := b.linkUpper(e.to, b.round[e.from>>8].code, int(e.from&0xff)); err != nil {
			return err
		}
	}
	return nil
}

// open returns the block of a code, ready to be changed.
func (b *builder) open(code uint32) (*nodeBlock, error) {
	block, err := b.h.block(code / blockCodes)
	if err != nil {
		return nil, err
	}
	block.widen(b.room)
	block.dirty = true
	return block, nil
}

// parent returns the node that is to keep a link to an arrival for good, and
// whether the arrival links to it already. It is the nearest that has fewer than M
// children, first among the links, then among the candidates, and if none has
// room, below the nearest: somewhere down there is a node without children.
func (b *builder) parent(a *arrival, children map[uint32][]uint32) (r rank, linked bool, err error) {
	room := func(r rank) bool {
		if err != nil {
			return false
		}
		var n int
		n, err = b.children(r.code())
		return err == nil && n+len(children[r.code()]) < b.h.m
	}
	if i := slices.IndexFunc(a.links[0], room); i >= 0 || err != nil {
		if err != nil {
			return 0, false, err
		}
		return a.links[0][i], true, nil
	}
	if i := slices.IndexFunc(a.candidates[0], room); i >= 0 || err != nil {
		if err != nil {
			return 0, false, err
		}
		return a.candidates[0][i], false, nil
	}
	if len(a.candidates[0]) == 0 {
		return 0, false, fmt.Errorf("%w: code %d is near no node", ErrCorruptGraph, a.code)
	}
	at := a.candidates[0][0].code()
	for {
		list, err := b.h.links(at, 0)
		if err != nil {
			return 0, false, err
		}
		down := ^uint32(0)
		for _, c := range list {
			if p, err := b.parentOf(c); err != nil {
				return 0, false, err
			} else if p == at {
				down = min(down, c)
			}
		}
		for _, c := range children[at] {
			down = min(down, c)
		}
		if down == ^uint32(0) || down <= at {
			return 0, false, fmt.Errorf("%w: code %d has lost its children", ErrCorruptGraph, at)
		}
		at = down
		r := makeRank(at, 0)
		if room(r) || err != nil {
			linked := slices.ContainsFunc(a.links[0], func(l rank) bool { return l.code() == at })
			return r, linked, err
		}
	}
}

// parentOf returns the parent of a node.
func (b *builder) parentOf(code uint32) (uint32, error) {
	block, err := b.h.block(code / blockCodes)
	if err != nil {
		return 0, err
	}
	return block.parent[code%blockCodes], nil
}

// children returns how many nodes that a node links to have it as their parent.
func (b *builder) children(code uint32) (n int, err error) {
	list, err := b.h.links(code, 0)
	if err != nil {
		return 0, err
	}
	for _, c := range list {
		p, err := b.parentOf(c)
		if err != nil {
			return 0, err
		}
		if p == code {
			n++
		}
	}
	return n, nil
}

// thin leaves at most 2M of the links of a node on layer 0 in s.codes, those to
// its parent and its children among them.
func (b *builder) thin(s *selector, code uint32) error {
	own, err := b.parentOf(code)
	if err != nil {
		return err
	}
	var kept, free []rank
	for _, r := range b.ranked(s, code) {
		c := r.code()
		parent, err := b.parentOf(c)
		if err != nil {
			return err
		}
		if parent == code || own == c {
			kept = append(kept, r)
		} else {
			free = append(free, r)
		}
	}
	if len(kept) > 2*b.h.m {
		return fmt.Errorf("%w: code %d has %d children", ErrCorruptGraph, code, len(kept))
	}
	chosen := s.choose(b, free, kept, 2*b.h.m)
	s.codes = s.codes[:0]
	for _, r := range chosen {
		s.codes = append(s.codes, r.code())
	}
	return nil
}

// ranked returns the links in s.codes by how near they are to a node.
func (b *builder) ranked(s *selector, code uint32) []rank {
	s.probe = b.probe(s.probe, code)
	sims := make([]float32, len(s.codes))
	s.probe.Sim(s.codes, sims)
	list := make([]rank, len(sims))
	for i, sim := range sims {
		if sim != sim {
			sim = NoSim
		}
		list[i] = makeRank(s.codes[i], sim)
	}
	slices.SortFunc(list, func(x, y rank) int {
		if x > y {
			return -1
		}
		return 1
	})
	return list
}

// linkUpper adds a link on a layer above 0 and thins out the links if they are
// more than M.
func (b *builder) linkUpper(from, to uint32, level int) error {
	block, err := b.open(from)
	if err != nil {
		return err
	}
	list := append(block.upperLinks(from%blockCodes, level), to)
	if len(list) > b.h.m {
		s := b.selector()
		defer b.selectors.Put(s)
		s.codes = append(s.codes[:0], list...)
		list = list[:0]
		for _, r := range s.choose(b, b.ranked(s, from), nil, b.h.m) {
			list = append(list, r.code())
		}
	}
	block.setUpper(from%blockCodes, level, list)
	return nil
}

// finish thins out the nodes that have too many links.
func (b *builder) finish() error {
	var codes []uint32
	for c := range b.overfull {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	errs := make([]error, len(codes))
	b.parallel(len(codes), func(i int) {
		block := b.h.blocks[codes[i]/blockCodes].Load()
		slot := codes[i] % blockCodes
		if int(block.degree[slot]) <= 2*b.h.m {
			return
		}
		s := b.selector()
		defer b.selectors.Put(s)
		s.codes = append(s.codes[:0], block.list(slot)...)
		if errs[i] = b.thin(s, codes[i]); errs[i] == nil {
			block.setList(slot, s.codes)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
