package ciyuan_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

var askedDocs = []ciyuan.Document{
	{ID: "railway", Title: "广茂铁路", Text: "广茂铁路由三茂铁路股份有限公司管理运营，全长364.6公里。\n\n它的第一段于1903年筑成，由詹天佑主持勘测。"},
	{ID: "canal", Title: "Panama Canal", Text: "The canal was opened on 15 August 1914. It is 82 kilometres long.\n\n" +
		"Ferdinand de Lesseps started the first attempt in 1881, which failed because too many workers fell ill."},
	{ID: "bread", Text: "# When does the bakery open?\n\nThe bakery opens at seven in the morning. Why so early? Nobody\nknows."},
}

func TestDB_Ask(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, askedDocs)
	for _, c := range []struct{ question, expects, doc, want string }{
		{"广茂铁路全长多少公里？", "number", "railway", "364.6公里"},
		{"广茂铁路的第一段是哪一年筑成的？", "time", "railway", "1903年"},
		{"谁主持了广茂铁路的勘测？", "person", "railway", "詹天佑"},
		{"When was the Panama Canal opened?", "time", "canal", "15 August 1914"},
		{"How long is the Panama Canal?", "number", "canal", "82"},
		{"Who started the first attempt at the Panama Canal?", "person", "canal", "Ferdinand de Lesseps"},
		{"Why did the first attempt at the canal fail?", "reason", "canal", "because too many workers fell ill"},
		{"When does the bakery open?", "time", "bread", "seven"},
	} {
		got, err := db.Ask(t.Context(), c.question, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Answers) == 0 || got.Expects != c.expects {
			t.Errorf("%s: %+v", c.question, got)
			continue
		}
		a := got.Answers[0]
		if a.Doc != c.doc || !strings.Contains(a.Text, c.want) {
			t.Errorf("%s: %q from %s, want %q from %s", c.question, a.Text, a.Doc, c.want, c.doc)
		}
		checkAnswers(t, got)
	}
	for _, question := range []string{"谁发明了电话？", "What is the capital of France?", "qwzx?"} {
		got, err := db.Ask(t.Context(), question, nil)
		if err != nil || got.Answers == nil || len(got.Answers) != 0 {
			t.Errorf("%s: %+v, %v", question, got, err)
		}
	}
}

// checkAnswers compares answers with the documents that they are from.
func checkAnswers(t *testing.T, got *ciyuan.Answers) {
	t.Helper()
	last := 1.0
	for _, a := range got.Answers {
		for _, d := range askedDocs {
			if d.ID != a.Doc {
				continue
			}
			if d.Text[a.Start:a.End] != a.Text || !strings.HasPrefix(d.Text[a.SentenceStart:], a.Sentence) ||
				a.Start < a.SentenceStart || a.End > a.SentenceStart+len(a.Sentence) {
				t.Errorf("%+v lies elsewhere in the document", a)
			}
			if want := 1 + strings.Count(d.Text[:a.Start], "\n"); a.Line != want {
				t.Errorf("%q is in line %d, want %d", a.Text, a.Line, want)
			}
		}
		if !(a.Score >= 0 && a.Score <= last) {
			t.Errorf("score %v behind %v", a.Score, last)
		}
		last = a.Score
	}
}

func TestDB_Ask_Options(t *testing.T) {
	db := open(t, nil)
	if got, err := db.Ask(t.Context(), "谁？", nil); err != nil || len(got.Answers) != 0 {
		t.Errorf("an empty index answers %+v, %v", got, err)
	}
	addAll(t, db, askedDocs)
	got, err := db.Ask(t.Context(), "How long is the Panama Canal?", &ciyuan.AskOptions{K: 5, MinScore: -1, Passages: 1})
	if err != nil || len(got.Answers) < 2 || len(got.Passages) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	checkAnswers(t, got)
	got, err = db.Ask(t.Context(), "How long is the Panama Canal?", &ciyuan.AskOptions{Filter: map[string]string{"id": "bread"}})
	if err != nil || len(got.Answers) != 0 {
		t.Errorf("the filter lets through %+v, %v", got, err)
	}
	// Words that only ask are looked for where there are no others.
	if _, err := db.Ask(t.Context(), "what?", nil); err != nil {
		t.Error(err)
	}
	if _, err := db.Ask(t.Context(), "？！", nil); !errors.Is(err, ciyuan.ErrEmptyQuery) {
		t.Errorf("a question without words: %v", err)
	}
	for _, o := range []ciyuan.AskOptions{{K: -1}, {Passages: ciyuan.MaxK + 1}, {MinScore: 1.5}, {MinScore: math.NaN()}} {
		if _, err := db.Ask(t.Context(), "a", &o); !errors.Is(err, ciyuan.ErrOption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Ask(ended, "How long is the Panama Canal?", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// readerFunc is a Reader.
type readerFunc func(question, passage string) (ciyuan.Reading, bool, error)

func (f readerFunc) Read(_ context.Context, question, passage string) (ciyuan.Reading, bool, error) {
	return f(question, passage)
}

func TestDB_Ask_Reader(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, askedDocs)
	const question = "How long is the Panama Canal?"
	ask := func(f readerFunc) (*ciyuan.Answers, error) {
		return db.Ask(t.Context(), question, &ciyuan.AskOptions{Reader: f, MinScore: 0.01})
	}
	got, err := ask(func(_, passage string) (ciyuan.Reading, bool, error) {
		// Across the end of a sentence.
		at := strings.Index(passage, "1914. It is")
		return ciyuan.Reading{Start: at, End: at + len("1914. It is"), Margin: 5}, at >= 0, nil
	})
	if err != nil || len(got.Answers) != 1 || got.Answers[0].Text != "1914. It is" ||
		got.Answers[0].Sentence != "The canal was opened on 15 August 1914. It is 82 kilometres long." {
		t.Errorf("%+v, %v", got, err)
	}
	checkAnswers(t, got)
	got, err = ask(func(string, string) (ciyuan.Reading, bool, error) {
		return ciyuan.Reading{Start: 0, End: 3, Margin: -50}, true, nil
	})
	if err != nil || len(got.Answers) != 0 {
		t.Errorf("an answer that the reader does not believe in: %+v, %v", got, err)
	}
	for _, bad := range []ciyuan.Reading{{}, {Start: -1, End: 2}, {Start: 3, End: 1 << 20}, {End: 3, Margin: math.NaN()}} {
		if _, err := ask(func(string, string) (ciyuan.Reading, bool, error) { return bad, true, nil }); !errors.Is(err, ciyuan.ErrOption) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	broken := errors.New("broken")
	if _, err := ask(func(string, string) (ciyuan.Reading, bool, error) { return ciyuan.Reading{}, false, broken }); !errors.Is(err, broken) {
		t.Errorf("an error of the reader: %v", err)
	}
}

// TestDB_Ask_Sample asks the questions of testdata of their paragraphs: the answering
// sentence comes from the right one. The floors are some points below what is reached.
func TestDB_Ask_Sample(t *testing.T) {
	for lang, floor := range map[string]float64{"en": 0.95, "zh": 0.95} {
		docs, questions := sample(t, lang)
		db := open(t, nil)
		addAll(t, db, docs)
		right := 0
		for _, q := range questions {
			got, err := db.Ask(t.Context(), q.Text, &ciyuan.AskOptions{K: 1, MinScore: -1})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Answers) > 0 && got.Answers[0].Doc == q.Doc {
				right++
			}
		}
		if share := float64(right) / float64(len(questions)); share < floor {
			t.Errorf("%s: %.3f of %d questions are answered from their paragraph, want %v", lang, share, len(questions), floor)
		}
	}
}
