package main

import (
	"hash/fnv"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// maxGroup is how many words a group of synonyms has at most: longer ones are lists of
// kinds of things.
const maxGroup = 6

// synonyms reads groups of synonyms, a line each with spaces between them, and returns
// the other words of the group of each word, Chinese words of two characters or more.
// A word of several groups has several senses and is left out.
func synonyms(path string) (map[string][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	others := map[string][]string{}
	groups := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var group []string
		for word := range strings.FieldsSeq(tokenizer.Fold(line)) {
			if isHan(word) {
				group = append(group, word)
			}
		}
		for i, word := range group {
			groups[word]++
			if len(group) > maxGroup || utf8.RuneCountInString(word) < 2 {
				continue
			}
			for j, other := range group {
				if j != i && other != word && utf8.RuneCountInString(other) >= 2 {
					others[word] = append(others[word], other)
				}
			}
		}
	}
	for word, n := range groups {
		if n > 1 {
			delete(others, word)
		}
	}
	return others, nil
}

// swapped returns a set whose questions have another word of its group, drawn by the word
// itself, for each word that has one. Questions without such a word are left out.
func swapped(set *eval.Set, tok *tokenizer.Tokenizer, others map[string][]string) *eval.Set {
	out := *set
	out.Queries, out.Qrels = nil, eval.Qrels{}
	for _, q := range set.Queries {
		var text strings.Builder
		at := 0
		for _, t := range tok.Tokenize(nil, q.Text) {
			choice := others[t.Word]
			if !t.Primary() || len(choice) == 0 {
				continue
			}
			h := fnv.New32a()
			h.Write([]byte(t.Word))
			text.WriteString(q.Text[at:t.Start])
			text.WriteString(choice[h.Sum32()%uint32(len(choice))])
			at = t.End
		}
		if at == 0 {
			continue
		}
		q.Text = text.String() + q.Text[at:]
		out.Queries = append(out.Queries, q)
		if judged, ok := set.Qrels[q.ID]; ok {
			out.Qrels[q.ID] = judged
		}
	}
	return &out
}
