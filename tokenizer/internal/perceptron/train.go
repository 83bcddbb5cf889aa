package perceptron

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// learner holds the weights while they are learned: those of now, and the sum
// over time that the average is taken of.
type learner struct {
	labels int
	w      []int32 // a row of labels a feature
	follow []int32 // from*labels + to
	fsum   []int64
	wsum   []int64
	step   int64
}

func newLearner(bits, labels int) *learner {
	n := labels << bits
	return &learner{
		labels: labels, w: make([]int32, n), wsum: make([]int64, n),
		follow: make([]int32, labels*labels), fsum: make([]int64, labels*labels), step: 1,
	}
}

// change adds by to the weight of a label for each of the features.
func (l *learner) change(feats []uint32, label int, by int32) {
	for _, f := range feats {
		at := int(f)*l.labels + label
		l.w[at] += by
		l.wsum[at] += int64(by) * l.step
	}
}

func (l *learner) changeFollow(from, to int, by int32) {
	at := from*l.labels + to
	l.follow[at] += by
	l.fsum[at] += int64(by) * l.step
}

// encode returns the averaged weights, times scale: two bytes for what follows
// what, one for each label of each feature.
func (l *learner) encode(magic string, scale float64) []byte {
	average := func(now int32, sum int64, limit float64) float64 {
		v := math.Round((float64(now) - float64(sum)/float64(l.step)) * scale)
		return max(-limit, min(limit, v))
	}
	out := []byte(magic)
	for i := range l.follow {
		v := int16(average(l.follow[i], l.fsum[i], math.MaxInt16))
		out = binary.LittleEndian.AppendUint16(out, uint16(v))
	}
	for i := range l.w {
		out = append(out, byte(int8(average(l.w[i], l.wsum[i], math.MaxInt8))))
	}
	return out
}

// learn goes through n examples in an order of its own, epochs times.
func (l *learner) learn(n, epochs int, example func(i int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range epochs {
		random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			example(i)
			l.step++
		}
	}
}

// CutExample is a run of characters as Run.Set takes it, with the right answer:
// where its words begin, and its length.
type CutExample struct {
	Chars  []rune
	Words  []Word
	Bounds []int32
}

// TrainBoundaries returns the bytes of a model. The same examples in the same
// order give the same bytes.
func TrainBoundaries(examples []CutExample, epochs int) []byte {
	l := newLearner(BoundaryBits, boundaryLabels)
	var r Run
	var follow [boundaryLabels][boundaryLabels]int32
	l.learn(len(examples), epochs, func(i int) {
		ex := &examples[i]
		r.Set(ex.Chars, ex.Words)
		for from := range follow {
			copy(follow[from][:], l.follow[from*boundaryLabels:])
		}
		r.back = cleared(r.back, r.n)
		score := [boundaryLabels]int32{middle: impossible, end: impossible}
		for i := range r.n {
			var own [boundaryLabels]int32
			for _, f := range r.features(i) {
				for label := range own {
					own[label] += l.w[int(f)*boundaryLabels+label]
				}
			}
			score = r.step(i, score, &own, &follow)
		}
		want, got := labelsOf(ex.Bounds), labelsOf(r.trace(score))
		for i := range want {
			if want[i] != got[i] {
				feats := r.features(i)
				l.change(feats, want[i], 1)
				l.change(feats, got[i], -1)
			}
			if i > 0 && (want[i-1] != got[i-1] || want[i] != got[i]) {
				l.changeFollow(want[i-1], want[i], 1)
				l.changeFollow(got[i-1], got[i], -1)
			}
		}
	})
	return l.encode(boundaryMagic, boundaryScale)
}

// boundaryScale and tagScale turn averaged weights into small integers: with
// more, too many are larger than a byte; with less, small ones vanish.
const (
	boundaryScale = 4
	tagScale      = 4
)

// labelsOf returns the labels of the characters of the words that begin at
// bounds, the last of which is where they end.
func labelsOf(bounds []int32) []int {
	var labels []int
	for k, from := range bounds[:max(len(bounds)-1, 0)] {
		to := bounds[k+1]
		if to == from+1 {
			labels = append(labels, single)
			continue
		}
		labels = append(labels, begin)
		for range to - from - 2 {
			labels = append(labels, middle)
		}
		labels = append(labels, end)
	}
	return labels
}

// TagExample is a sentence with the right tags.
type TagExample struct {
	Items []Item
	Tags  []uint8
}

// TrainTags returns the bytes of a model. The same examples in the same order
// give the same bytes.
func TrainTags(examples []TagExample, epochs int) []byte {
	l := newLearner(TagBits, MaxTags)
	var s Sentence
	var follow [MaxTags][MaxTags]int32
	l.learn(len(examples), epochs, func(i int) {
		ex := &examples[i]
		s.Set(ex.Items)
		for from := range follow {
			copy(follow[from][:], l.follow[from*MaxTags:])
		}
		n := len(ex.Items)
		s.back = cleared(s.back, n)
		var score [MaxTags]int32
		for i := range n {
			var own [MaxTags]int32
			for _, f := range s.features(i) {
				for t := range own {
					own[t] += l.w[int(f)*MaxTags+t]
				}
			}
			score = s.step(i, &score, &own, &follow)
		}
		got := s.trace(&score)
		for i, want := range ex.Tags {
			if want != got[i] {
				feats := s.features(i)
				l.change(feats, int(want), 1)
				l.change(feats, int(got[i]), -1)
			}
			if i > 0 && (ex.Tags[i-1] != got[i-1] || want != got[i]) {
				l.changeFollow(int(ex.Tags[i-1]), int(want), 1)
				l.changeFollow(int(got[i-1]), int(got[i]), -1)
			}
		}
	})
	return l.encode(tagMagic, tagScale)
}
