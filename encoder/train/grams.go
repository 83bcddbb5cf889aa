package train

import (
	"slices"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// gramIndex gives a row of the input matrix to each n-gram bucket that a word of
// the vocabulary falls into: behind the words, in ascending order of buckets.
type gramIndex struct {
	buckets []uint32 // ascending
	starts  []int    // where the rows of each word begin in list, and the end
	list    []int32  // rows: the word's own, then those of its n-grams
}

func newGramIndex(words []string, g encoder.Grams) *gramIndex {
	x := &gramIndex{starts: make([]int, 1, len(words)+1)}
	var all []uint32
	for _, word := range words {
		all = g.Append(all, word)
		x.starts = append(x.starts, len(all)+len(x.starts))
	}
	x.buckets = slices.Clone(all)
	slices.Sort(x.buckets)
	x.buckets = slices.Clip(slices.Compact(x.buckets))
	rowOf := make(map[uint32]int32, len(x.buckets))
	for i, bucket := range x.buckets {
		rowOf[bucket] = int32(len(words) + i)
	}
	x.list = make([]int32, 0, len(all)+len(words))
	for i := range words {
		x.list = append(x.list, int32(i))
		n := x.starts[i+1] - x.starts[i] - 1
		for _, bucket := range all[:n] {
			x.list = append(x.list, rowOf[bucket])
		}
		all = all[n:]
	}
	return x
}

// rows returns the rows whose mean is the vector of a word.
func (x *gramIndex) rows(word int32) []int32 { return x.list[x.starts[word]:x.starts[word+1]] }
