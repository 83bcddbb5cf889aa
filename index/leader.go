package index

import (
	"unsafe"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// LeaderProbe is one vector prepared for comparison with scattered leaders: what
// building and walking a graph over them does.
//
// It is safe for concurrent use as long as nobody calls Set or SetLeader.
type LeaderProbe struct {
	z       *Quantiser
	vector  scoring.Vector
	rotated []float32
}

// NewLeaderProbe returns a probe of zeros; Set or SetLeader gives it a vector.
func (z *Quantiser) NewLeaderProbe() *LeaderProbe {
	p := &LeaderProbe{z: z, rotated: make([]float32, z.padded)}
	p.vector.Set(p.rotated)
	return p
}

// Set makes p the probe of a vector of Dim columns.
func (p *LeaderProbe) Set(vec []float32) {
	clear(p.rotated[copy(p.rotated, vec[:p.z.dim]):])
	p.z.rotation.apply(p.rotated)
	p.vector.Set(p.rotated)
}

// SetLeader makes p the probe of what a leader's row stands for.
func (p *LeaderProbe) SetLeader(leader []byte) {
	p.vector.SetLevels(leader[exactHeader:], exactScale(leader))
}

// Sims sets sims[i] to the similarity of p with leader codes[i] of leaders, rows of
// LeaderBytes one after another. The same arguments give the same bits on every
// machine. It panics if a code is beyond leaders, or sims too short. Nothing is
// allocated.
func (p *LeaderProbe) Sims(sims []float32, leaders []byte, codes []uint32) {
	const piece = 64
	var sums [piece]int32
	stride := p.z.LeaderBytes()
	for len(codes) > 0 {
		n := min(piece, len(codes))
		p.vector.Sums(sums[:n], leaders[exactHeader:], stride, codes[:n])
		for i, code := range codes[:n] {
			scale := exactScale(leaders[int(code)*stride:])
			sims[i] = float32(float32(float32(sums[i])*scale) * p.vector.Scale())
		}
		sims, codes = sims[n:], codes[n:]
	}
}

// rowSims is Sims for leaders at the given addresses, which it replaces. There are as
// many as similarities.
func (p *LeaderProbe) rowSims(sims []float32, rows []*byte) {
	const piece = 64
	var sums [piece]int32
	for len(rows) > 0 {
		n := min(piece, len(rows))
		for i, row := range rows[:n] {
			rows[i] = (*byte)(unsafe.Add(unsafe.Pointer(row), exactHeader))
		}
		p.vector.RowSums(sums[:n], rows[:n])
		for i, row := range rows[:n] {
			// In front of what has just been read, so that it is near by now.
			scale := exactScale(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(row), -exactHeader)), exactHeader))
			sims[i] = float32(float32(float32(sums[i])*scale) * p.vector.Scale())
		}
		sims, rows = sims[n:], rows[n:]
	}
}
