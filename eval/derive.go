package eval

import (
	"fmt"
	"strings"
)

// Span is a stretch of text, in bytes: text[Start:End].
type Span struct{ Start, End int }

// SplitStats tells what SplitSentences left out.
type SplitStats struct {
	// Sentences is the number of documents of the new set.
	Sentences int
	// Queries is the number of queries of the new set.
	Queries int
	// Unanswered counts the queries that were left out because none of their
	// answers occurs within one sentence of a relevant document.
	Unanswered int
}

// SplitSentences makes the set "find the answer's sentence" out of one that
// asks for passages. Each sentence becomes a document with the id docid#n, n
// counting from 0, the white space around it cut off, blank ones left out;
// titles are dropped, as they would mark all sentences of a passage alike.
// Relevant are the sentences of a relevant document that contain one of the
// query's answers as it stands, with the document's grade. Queries without such
// a sentence are left out.
//
// split returns the sentences of a text in ascending order.
func SplitSentences(set *Set, split func(text string) []Span) (*Set, SplitStats) {
	out := &Set{Name: set.Name + "-sentences", Qrels: Qrels{}}
	sentences := make(map[string][]Document, len(set.Documents))
	for _, d := range set.Documents {
		var parts []Document
		for _, span := range split(d.Text) {
			text := strings.TrimSpace(d.Text[span.Start:span.End])
			if text != "" {
				parts = append(parts, Document{ID: fmt.Sprintf("%s#%d", d.ID, len(parts)), Text: text})
			}
		}
		sentences[d.ID] = parts
		out.Documents = append(out.Documents, parts...)
	}
	stats := SplitStats{Sentences: len(out.Documents)}
	for _, q := range set.Queries {
		relevant := map[string]int{}
		for id, grade := range set.Qrels[q.ID] {
			for _, sentence := range sentences[id] {
				if grade > 0 && containsAny(sentence.Text, q.Answers) {
					relevant[sentence.ID] = grade
				}
			}
		}
		if len(relevant) == 0 {
			stats.Unanswered++
			continue
		}
		out.Queries = append(out.Queries, q)
		out.Qrels[q.ID] = relevant
	}
	stats.Queries = len(out.Queries)
	return out, stats
}

func containsAny(text string, answers []string) bool {
	for _, answer := range answers {
		if answer != "" && strings.Contains(text, answer) {
			return true
		}
	}
	return false
}

// Cross returns the set of questions in one language about documents in
// another: the question texts of questions, and documents, judgements and
// answers of documents. The two belong together by their query ids; queries
// that one of them lacks are left out. It returns ErrMismatch if none is left.
//
// For sentences, cross first and split then: the answers are those of the
// documents' language.
func Cross(questions, documents *Set) (*Set, error) {
	texts := make(map[string]string, len(questions.Queries))
	for _, q := range questions.Queries {
		texts[q.ID] = q.Text
	}
	out := &Set{
		Name:      questions.Name + "-over-" + documents.Name,
		Documents: documents.Documents,
		Qrels:     Qrels{},
	}
	for _, q := range documents.Queries {
		text, ok := texts[q.ID]
		if !ok {
			continue
		}
		q.Text = text
		out.Queries = append(out.Queries, q)
		if judged := documents.Qrels[q.ID]; judged != nil {
			out.Qrels[q.ID] = judged
		}
	}
	if len(out.Queries) == 0 {
		return nil, fmt.Errorf("%w: %s and %s have no query in common", ErrMismatch, questions.Name, documents.Name)
	}
	return out, nil
}
