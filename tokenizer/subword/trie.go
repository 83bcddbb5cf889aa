package subword

// trie maps strings to ids. Nodes are numbered level by level, so the children
// of a node have consecutive numbers, ascending by label, and one number tells
// where they begin.
type trie struct {
	first []uint32 // first[n]:first[n+1] are the children of node n
	label []byte   // of the edge that leads to a node
	value []int32  // id of the string that ends at a node, -1 for none
	roots [256]uint32
}

// newTrie returns the trie of the strings that key gives for 0 to n-1, which
// are their ids. Of equal strings the last one counts.
func newTrie(n int, key func(int) string) *trie {
	t := &trie{label: []byte{0}, value: []int32{-1}}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	// A node is built from the keys of a range of order, which all share its
	// depth bytes. Sorting each range by one more byte is a radix sort, a level
	// at a time.
	type work struct{ lo, hi int32 }
	const small = 16
	level, next := []work{{0, int32(n)}}, []work(nil)
	scratch := make([]int32, n)
	var count [256]int32
	for depth := 0; len(level) > 0; depth++ {
		base := len(t.value) - len(level)
		next = next[:0]
		for i, w := range level {
			t.first = append(t.first, uint32(len(t.value)))
			keys := order[w.lo:w.hi]
			rest := scratch[:0]
			for _, k := range keys {
				if len(key(int(k))) == depth {
					t.value[base+i] = k
				} else {
					rest = append(rest, k)
				}
			}
			lo := w.lo
			add := func(c byte, n int32) {
				t.label = append(t.label, c)
				t.value = append(t.value, -1)
				next = append(next, work{lo, lo + n})
				lo += n
			}
			if len(rest) == 0 {
				continue
			}
			if len(rest) == 1 {
				keys[0] = rest[0]
				add(key(int(rest[0]))[depth], 1)
				continue
			}
			if len(rest) <= small {
				// Insertion sort: counting would look at all 256 bytes.
				for i := 1; i < len(rest); i++ {
					k := rest[i]
					c, j := key(int(k))[depth], i
					for ; j > 0 && key(int(rest[j-1]))[depth] > c; j-- {
						rest[j] = rest[j-1]
					}
					rest[j] = k
				}
				copy(keys, rest)
				for i, j := 0, 1; j <= len(rest); j++ {
					c := key(int(rest[i]))[depth]
					if j == len(rest) || key(int(rest[j]))[depth] != c {
						add(c, int32(j-i))
						i = j
					}
				}
				continue
			}
			clear(count[:])
			for _, k := range rest {
				count[key(int(k))[depth]]++
			}
			var at [256]int32
			sum := int32(0)
			for c, n := range count {
				at[c] = sum
				if sum += n; n > 0 {
					add(byte(c), n)
				}
			}
			for _, k := range rest {
				c := key(int(k))[depth]
				keys[at[c]] = k
				at[c]++
			}
		}
		level, next = next, level
	}
	t.first = append(t.first, uint32(len(t.value)))
	for n := t.first[0]; n < t.first[1]; n++ {
		t.roots[t.label[n]] = n
	}
	return t
}

// child returns the node that c leads to from node n, 0 for none.
func (t *trie) child(n uint32, c byte) uint32 {
	if n == 0 {
		return t.roots[c]
	}
	lo, hi := t.first[n], t.first[n+1]
	for hi-lo > 8 {
		mid := (lo + hi) / 2
		if t.label[mid] <= c {
			lo = mid
		} else {
			hi = mid
		}
	}
	for ; lo < hi; lo++ {
		if t.label[lo] == c {
			return lo
		}
	}
	return 0
}

// walk follows s from node n and returns where it ends, false if it leaves the trie.
func (t *trie) walk(n uint32, s string) (uint32, bool) {
	for i := range len(s) {
		if n = t.child(n, s[i]); n == 0 {
			return 0, false
		}
	}
	return n, true
}

// find returns the id of s, -1 if it is not in the trie.
func (t *trie) find(s string) int32 {
	n, ok := t.walk(0, s)
	if !ok {
		return -1
	}
	return t.value[n]
}

// longest returns the id and the size of the longest string of the trie that
// begins s, walking from node n; -1 for none.
func (t *trie) longest(n uint32, s []byte) (id int32, size int) {
	id = -1
	for i, c := range s {
		if n = t.child(n, c); n == 0 {
			break
		}
		if v := t.value[n]; v >= 0 {
			id, size = v, i+1
		}
	}
	return id, size
}
