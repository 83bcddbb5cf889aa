package eval

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// maxJoined is how many documents of a set a file of Join has at most.
const maxJoined = 50

// Join makes files of very different length out of a set: of 1 to 50 of its documents
// each, as many of every order of magnitude, that follow each other in the set. A file
// is relevant to a query, by its best grade, if one of its documents is. Titles stand as
// headings in the text, which is Markdown. The same seed gives the same files; file has
// that of each document.
//
// How much worse the files are ranked than by their best documents in the ranking of the
// set as it is, see [Run.Files], says what a way of ranking makes of length.
func Join(set *Set, seed uint64) (joined *Set, file map[string]string) {
	rng := rand.New(rand.NewPCG(seed, maxJoined))
	out := &Set{Name: set.Name + "-joined", Queries: set.Queries, Qrels: Qrels{}}
	file = map[string]string{}
	for i := 0; i < len(set.Documents); {
		// 1, 2 to 3, 4 to 7, … are equally likely.
		least := 1 << rng.IntN(6)
		n := min(least+rng.IntN(least), maxJoined, len(set.Documents)-i)
		id := fmt.Sprintf("file-%04d", len(out.Documents)+1)
		var text strings.Builder
		for _, d := range set.Documents[i : i+n] {
			if text.Len() > 0 {
				text.WriteString("\n\n")
			}
			if d.Title != "" {
				text.WriteString("# " + d.Title + "\n\n")
			}
			text.WriteString(d.Text)
			file[d.ID] = id
		}
		out.Documents = append(out.Documents, Document{ID: id, Text: text.String()})
		i += n
	}
	for query, grades := range set.Qrels {
		best := map[string]int{}
		for id, grade := range grades {
			if old, ok := best[file[id]]; !ok || grade > old {
				best[file[id]] = grade
			}
		}
		out.Qrels[query] = best
	}
	return out, file
}

// Files returns a run over the files that documents were joined into: each stands where
// its best document does.
func (r Run) Files(file map[string]string) Run {
	out := make(Run, len(r))
	for query, ranking := range r {
		seen := map[string]bool{}
		files := make([]Scored, 0, len(ranking))
		for _, d := range ranking {
			if id := file[d.ID]; !seen[id] {
				seen[id] = true
				files = append(files, Scored{id, d.Score})
			}
		}
		out[query] = files
	}
	return out
}
