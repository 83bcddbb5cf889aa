package index

import (
	"fmt"
	"math"
	"slices"
)

// NearSteps is the number of steps that tell how near a vector is to its leader.
//
// Where a posting of a word says how often it occurs, a posting of a leader says how
// near the nearest of the passage's vectors is: the further away, the less of what a
// vector of the query has in common with the leader it has, too.
const NearSteps = 7

// The steps are of that width, in cosines, from nearFirst on. What is below belongs to
// the first.
const (
	nearFirst = 0.58
	nearWidth = 0.06
)

// nearTFs are what postings say for each step: the more frequent it is, the less, which
// takes fewer bits.
var nearTFs = [NearSteps]uint32{7, 4, 1, 2, 3, 5, 6}

// nearFactors are the cosines in the middle of the steps, in proportion to the most
// frequent one, by tf: that one is what is thought of postings that say nothing.
var nearFactors = func() (f [NearSteps + 1]float32) {
	frequent := slices.Index(nearTFs[:], 1)
	middle := func(step int) float64 { return nearFirst + (float64(step)+0.5)*nearWidth }
	for step, tf := range nearTFs {
		f[tf] = float32(middle(step) / middle(frequent))
	}
	return f
}()

// NearFactor returns what a similarity to a leader is to be multiplied by for a passage
// with that tf in the leader's posting.
func NearFactor(tf uint32) float32 {
	if tf == 0 || tf > NearSteps {
		tf = 1
	}
	return nearFactors[tf]
}

// MaxNearFactor is the largest that NearFactor returns.
var MaxNearFactor = slices.Max(nearFactors[:])

// Near computes how near stored rows are to their leaders. It is not safe for
// concurrent use.
type Near struct {
	leaders *Leaders
	probe   *LeaderProbe
	sims    [1]float32
}

// NewNear returns one for rows of the grade of the leaders' quantiser.
func NewNear(leaders *Leaders) *Near {
	return &Near{leaders: leaders, probe: leaders.z.NewLeaderProbe()}
}

// Step returns how near a stored row is to its leader: 0 at the radius, NearSteps - 1 at
// the leader itself. The error is that of reading the leader, or ErrCorruptGraph where
// there is none of that code.
func (n *Near) Step(row []byte, code uint32) (int, error) {
	if n.leaders.z.HasLeader() {
		return nearStepOf(factorOf(int8(row[0]))), nil // of the part along the leader
	}
	leader := n.leaders.Row(code)
	if leader == nil {
		if err := n.leaders.Err(); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%w: a vector of leader %d, there are %d", ErrCorruptGraph, code, n.leaders.Len())
	}
	n.probe.SetLeader(row)
	n.probe.Sims(n.sims[:], leader, []uint32{0})
	return nearStepOf(n.sims[0]), nil
}

func nearStepOf(cosine float32) int {
	return max(0, min(NearSteps-1, int(math.Floor((float64(cosine)-nearFirst)/nearWidth))))
}

// NearTF returns what the posting of a leader has in the place of tf for a step.
func NearTF(step int) uint32 { return nearTFs[step] }
