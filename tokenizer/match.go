package tokenizer

// match cuts text[start:end] by maximum matching.
func (s *scanner) match(start, end int) {
	w := s.w
	r := &w.run
	r.set(w.t, s.text[start:end])
	r.find(w.t)
	var cuts []int32
	switch w.t.mode {
	case FMM:
		cuts = r.forward()
	case BMM:
		cuts = r.backward()
	default:
		cuts = better(r.forward(), r.backward())
	}
	for i, from := range cuts[:len(cuts)-1] {
		s.emit(start+int(r.at[from]), start+int(r.at[cuts[i+1]]), Word)
	}
}

// forward returns the boundaries of the words, in characters: from left to right
// the longest word that starts there, or one character.
func (r *run) forward() []int32 {
	n := int32(len(r.codes))
	cuts := []int32{0}
	k := 0
	for at := int32(0); at < n; {
		next := at + 1
		for ; k < len(r.found) && r.found[k].From <= at; k++ {
			if r.found[k].From == at {
				next = max(next, r.found[k].To)
			}
		}
		cuts = append(cuts, next)
		at = next
	}
	return cuts
}

// backward returns the boundaries of the words: from right to left the longest
// word that ends there, or one character.
func (r *run) backward() []int32 {
	n := int32(len(r.codes))
	first := make([]int32, n+1) // where the longest word that ends here starts
	for i := range first {
		first[i] = int32(i) - 1
	}
	for _, w := range r.found {
		first[w.To] = min(first[w.To], w.From)
	}
	var back []int32
	for at := n; at > 0; at = first[at] {
		back = append(back, at)
	}
	cuts := make([]int32, 0, len(back)+1)
	cuts = append(cuts, 0)
	for i := len(back) - 1; i >= 0; i-- {
		cuts = append(cuts, back[i])
	}
	return cuts
}

// better returns the cuts with fewer words, then those with fewer single
// characters, then the backward ones.
func better(forward, backward []int32) []int32 {
	if len(forward) != len(backward) {
		if len(forward) < len(backward) {
			return forward
		}
		return backward
	}
	if singles(forward) < singles(backward) {
		return forward
	}
	return backward
}

func singles(cuts []int32) int {
	n := 0
	for i, from := range cuts[:len(cuts)-1] {
		if cuts[i+1] == from+1 {
			n++
		}
	}
	return n
}
