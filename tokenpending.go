package ciyuan

import (
	"slices"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// maxPendingLeaders bounds what is kept of pending passages: five bytes for each leader
// that one has.
const maxPendingLeaders = 1 << 20

// pendingLeaders are the leaders of the passages that are not folded yet, as postings
// would have them. One state of the index has one, made when it is first searched:
// reading the rows of all of these passages takes longer than many a search.
type pendingLeaders struct {
	snapshot store.Snapshot

	passages []store.PassageID
	ends     []int // of each, in the two that follow
	codes    []uint32
	tfs      []uint8
}

// pendingLeaders returns those of the state that is searched.
func (t *tokenSearch) pendingLeaders() (*pendingLeaders, error) {
	snapshot := t.tx.Snapshot()
	if p := t.db.pendingLeaders.Load(); p != nil && p.snapshot == snapshot {
		return p, nil
	}
	p := &pendingLeaders{snapshot: snapshot}
	steps := leaderSteps{near: index.NewNear(t.book.leaders), rowBytes: t.z.Bytes()}
	for e, err := range t.tx.PendingVectors(foldedEnd(t.searcher.meta)) {
		if err == nil {
			err = t.ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		err := steps.each(e, func(code, tf uint32) {
			p.codes, p.tfs = append(p.codes, code), append(p.tfs, uint8(tf))
		})
		if err != nil {
			return nil, err
		}
		p.passages, p.ends = append(p.passages, e.ID), append(p.ends, len(p.codes))
	}
	if len(p.codes) <= maxPendingLeaders {
		t.db.pendingLeaders.Store(p)
	}
	return p, nil
}

// gatherPending offers the passages that are not folded yet and have a vector of one of
// the leaders, codes, that the rows ask.
func (t *tokenSearch) gatherPending(rows []asker, codes []uint32, offer func(store.PassageID, float32)) error {
	pending, err := t.pendingLeaders()
	if err != nil || len(pending.passages) == 0 {
		return err
	}
	type asked struct{ row, near int }
	by := make([][]asked, len(codes))
	for i := range rows {
		for j, at := range rows[i].lists {
			by[at] = append(by[at], asked{i, j})
		}
	}
	// Most leaders of a passage are not asked.
	bits := make([]uint64, t.meta.NextLeader/64+1)
	for _, code := range codes {
		bits[code/64] |= 1 << (code % 64)
	}
	best := make([]float32, len(rows))
	from := 0
	for i, p := range pending.passages {
		clear(best)
		for k := from; k < pending.ends[i]; k++ {
			code := pending.codes[k]
			if code/64 >= uint32(len(bits)) || bits[code/64]&(1<<(code%64)) == 0 {
				continue
			}
			at, _ := slices.BinarySearch(codes, code)
			for _, a := range by[at] {
				row := &rows[a.row]
				best[a.row] = max(best[a.row], row.gain(row.near[a.near], index.NearFactor(uint32(pending.tfs[k]))))
			}
		}
		from = pending.ends[i]
		total := float32(0)
		for _, g := range best {
			total += g
		}
		t.stats.Pending++
		if total > 0 {
			offer(p, total)
		}
	}
	return nil
}
