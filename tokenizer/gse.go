package tokenizer

import (
	"github.com/go-ego/gse"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/trie"
)

// filler is the entry that gives gse's dictionary the total frequency of the
// whole one. It never occurs in a run of Han characters.
const filler = "filler"

// gathered is the words that occur in the pieces that gse has still to cut.
type gathered struct {
	words []entry
	// seen has a bit for each node of the built-in trie, and users one for the
	// user's: whether its word is in words.
	seen, users []uint64
}

// entry is a word for gse's dictionary.
type entry struct {
	text string
	freq uint32
	node trie.Node
	user bool
}

// add gathers the words found in the run.
func (g *gathered) add(t *Tokenizer, r *run) {
	if g.seen == nil {
		g.seen = make([]uint64, (builtin().words.Slots()+63)/64)
		if t.user != nil {
			g.users = make([]uint64, (t.user.words.Slots()+63)/64)
		}
	}
	for _, w := range r.found {
		seen, words := g.seen, &builtin().words
		if w.user {
			seen, words = g.users, &t.user.words
		}
		if seen[w.node/64]>>(w.node%64)&1 != 0 {
			continue
		}
		seen[w.node/64] |= 1 << (w.node % 64)
		g.words = append(g.words, entry{text: r.text[r.at[w.from]:r.at[w.to]], freq: words.Freq(w.node), node: w.node, user: w.user})
	}
}

// segmenter returns gse with a dictionary of the gathered words, and forgets
// them.
func (g *gathered) segmenter(t *Tokenizer) *gse.Segmenter {
	seg := &gse.Segmenter{Dict: gse.NewDict(), Load: true, NotLoadHMM: true, SkipLog: true}
	total := float64(builtin().words.Total())
	if t.user != nil {
		total += float64(t.user.words.Total())
	}
	for _, w := range g.words {
		total -= float64(w.freq)
	}
	// A user's word that is in both dictionaries counts in both totals, so there
	// is always something left for the filler.
	must(seg.AddToken(filler, total))
	for _, w := range g.words {
		must(seg.AddToken(w.text, float64(w.freq)))
		if w.user {
			g.users[w.node/64] = 0
		} else {
			g.seen[w.node/64] = 0
		}
	}
	clear(g.words)
	g.words = g.words[:0]
	seg.CalcToken()
	return seg
}

// must panics if gse refuses a word, which it does only for numbers of words
// that no text can have.
func must(err error) {
	if err != nil {
		panic("tokenizer: gse: " + err.Error())
	}
}
