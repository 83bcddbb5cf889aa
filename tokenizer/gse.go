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
	// user's: whether its word is in words. The words of a query are few, and
	// looked through one by one as long as there are no bits.
	seen, users []uint64
}

// maxFew is how many words are looked through one by one.
const maxFew = 48

// entry is a word for gse's dictionary.
type entry struct {
	text string
	trie.Match
}

// add gathers the words found in the run.
func (g *gathered) add(t *Tokenizer, r *run) {
	for _, m := range r.found {
		if !g.has(t, m) {
			g.words = append(g.words, entry{r.text[r.at[m.From]:r.at[m.To]], m})
		}
	}
}

// has reports whether the word is gathered already, and notes that it is now.
func (g *gathered) has(t *Tokenizer, m trie.Match) bool {
	if g.seen == nil {
		for i := range g.words {
			if w := &g.words[i]; w.Node == m.Node && w.Source == m.Source {
				return true
			}
		}
		if len(g.words) < maxFew {
			return false
		}
		g.seen = make([]uint64, builtin().words.Slots()/64+1)
		if t.user != nil {
			g.users = make([]uint64, t.user.words.Slots()/64+1)
		}
		for i := range g.words {
			g.note(g.words[i].Match)
		}
	}
	return !g.note(m)
}

// note sets the bit of a word and reports whether it was not set before.
func (g *gathered) note(m trie.Match) bool {
	bits := g.seen
	if m.Source == fromUser {
		bits = g.users
	}
	word, bit := &bits[m.Node/64], uint64(1)<<(m.Node%64)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}

// forget empties g.
func (g *gathered) forget() {
	for i := range g.words {
		if m := &g.words[i]; g.seen == nil {
			break
		} else if m.Source == fromUser {
			g.users[m.Node/64] = 0
		} else {
			g.seen[m.Node/64] = 0
		}
	}
	clear(g.words)
	g.words = g.words[:0]
}

// segmenter returns gse with a dictionary of the gathered words, and forgets
// them.
func (g *gathered) segmenter(t *Tokenizer) *gse.Segmenter {
	seg := &gse.Segmenter{Dict: gse.NewDict(), Load: true, NotLoadHMM: true, SkipLog: true}
	words := [...]*trie.Trie{fromBuiltin: &builtin().words, fromUser: nil}
	total := float64(words[fromBuiltin].Total())
	if t.user != nil {
		words[fromUser] = &t.user.words
		total += float64(t.user.words.Total())
	}
	for i := range g.words {
		total -= float64(words[g.words[i].Source].Freq(g.words[i].Node))
	}
	// Something is always left: the built-in dictionary has words with letters,
	// which are never gathered.
	must(seg.AddToken(filler, total))
	for i := range g.words {
		must(seg.AddToken(g.words[i].text, float64(words[g.words[i].Source].Freq(g.words[i].Node))))
	}
	g.forget()
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
