package eval

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func writeSet(t *testing.T, documents, queries, qrels string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{documentsFile: documents, queriesFile: queries, qrelsFile: qrels} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	tinyDocuments = "\ufeff" + `{"id":"d1","title":"T","text":"一。二三。 四"}` + "\r\n\n" + `{"id":"d2","text":"二三在这里。"}`
	tinyQueries   = `{"id":"q1","text":"哪里？","answers":["二三"]}` + "\n" + `{"id":"q2","text":"跨句？","answers":["三。 四"]}` + "\n" +
		`{"id":"q3","text":"无答案"}` + "\n"
	tinyQrels = "q1\t0\td1\t2\nq1 0 d2 0\nq2\t0\td1\t1\n"
)

// periods splits after each 。, as a stand-in for the tokenizer.
func periods(text string) []Span {
	var spans []Span
	start := 0
	for i, r := range text {
		if r == '。' {
			spans = append(spans, Span{start, i + len("。")})
			start = i + len("。")
		}
	}
	return append(spans, Span{start, len(text)})
}

func TestLoad(t *testing.T) {
	set, err := Load(writeSet(t, tinyDocuments, tinyQueries, tinyQrels))
	if err != nil {
		t.Fatal(err)
	}
	want := &Set{
		Name:      "tiny",
		Documents: []Document{{"d1", "T", "一。二三。 四"}, {"d2", "", "二三在这里。"}},
		Queries:   []Query{{"q1", "哪里？", []string{"二三"}}, {"q2", "跨句？", []string{"三。 四"}}, {"q3", "无答案", nil}},
		Qrels:     Qrels{"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1}},
	}
	if diff := cmp.Diff(want, set); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_Errors(t *testing.T) {
	tests := []struct {
		name, documents, queries, qrels string
		is                              error
		want                            string
	}{
		{"bad document", "{\"id\":\"a\",\"text\":\"\"}\n{", tinyQueries, tinyQrels, ErrSyntax, "docs.jsonl: eval: bad line: line 2"},
		{"document without id", `{"text":""}`, tinyQueries, tinyQrels, ErrSyntax, `docs.jsonl: eval: bad line: line 1: no "id"`},
		{"bad query", tinyDocuments, `{"id":3}`, tinyQrels, ErrSyntax, "queries.jsonl: eval: bad line: line 1"},
		{"bad judgement", tinyDocuments, tinyQueries, "q1 0 d1\n", ErrSyntax, "qrels.tsv: eval: bad line: line 1: 3 fields"},
		{"document twice", tinyDocuments + "\n" + `{"id":"d2","text":""}`, tinyQueries, tinyQrels, ErrMismatch, `document id "d2" occurs twice`},
		{"query twice", tinyDocuments, tinyQueries + tinyQueries, tinyQrels, ErrMismatch, `query id "q1" occurs twice`},
		{"unknown document", tinyDocuments, tinyQueries, "q1 0 d9 1", ErrMismatch, `document "d9"`},
		{"unknown query", tinyDocuments, tinyQueries, "q9 0 d1 1", ErrMismatch, `query "q9"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(writeSet(t, test.documents, test.queries, test.qrels))
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for _, name := range []string{documentsFile, queriesFile, qrelsFile} {
		dir := writeSet(t, tinyDocuments, tinyQueries, tinyQrels)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); !errors.Is(err, ErrNoSet) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestSplitSentences(t *testing.T) {
	set, err := Load(writeSet(t, tinyDocuments, tinyQueries, tinyQrels))
	if err != nil {
		t.Fatal(err)
	}
	got, stats := SplitSentences(set, periods)
	want := &Set{
		Name: "tiny-sentences",
		Documents: []Document{
			{"d1#0", "", "一。"}, {"d1#1", "", "二三。"}, {"d1#2", "", "四"},
			{"d2#0", "", "二三在这里。"},
		},
		Queries: set.Queries[:1],
		// d2 holds the answer too, but was judged not relevant.
		Qrels: Qrels{"q1": {"d1#1": 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := (SplitStats{Sentences: 4, Queries: 1, Unanswered: 2}); stats != want {
		t.Errorf("got %+v, want %+v", stats, want)
	}
}

func TestCross(t *testing.T) {
	documents, err := Load(writeSet(t, tinyDocuments, tinyQueries, tinyQrels))
	if err != nil {
		t.Fatal(err)
	}
	questions := &Set{Name: "en", Queries: []Query{{"q9", "none", nil}, {"q1", "Where?", []string{"here"}}}}
	got, err := Cross(questions, documents)
	if err != nil {
		t.Fatal(err)
	}
	want := &Set{
		Name:      "en-over-tiny",
		Documents: documents.Documents,
		Queries:   []Query{{"q1", "Where?", []string{"二三"}}},
		Qrels:     Qrels{"q1": {"d1": 2, "d2": 0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Cross(&Set{Name: "empty"}, documents); !errors.Is(err, ErrMismatch) {
		t.Errorf("nothing in common: %v", err)
	}
}

// TestLoad_Shared loads every shared set and makes its sentence level.
func TestLoad_Shared(t *testing.T) {
	for _, test := range []struct {
		name                       string
		documents, queries, judged int
	}{
		{"cmrc2018-dev", 848, 3219, 3219},
		{"xquad-zh", 240, 1190, 1190},
		{"xquad-en", 240, 1190, 1190},
		{"cranfield", 1400, 225, 1612},
	} {
		t.Run(test.name, func(t *testing.T) {
			set, err := Load(testutil.Shared(t, "data/"+test.name))
			if err != nil {
				t.Fatal(err)
			}
			judged := 0
			for _, grades := range set.Qrels {
				judged += len(grades)
			}
			if len(set.Documents) != test.documents || len(set.Queries) != test.queries || judged != test.judged {
				t.Errorf("%d documents, %d queries, %d judgements", len(set.Documents), len(set.Queries), judged)
			}
			sentences, stats := SplitSentences(set, periods)
			if stats.Queries+stats.Unanswered != len(set.Queries) || stats.Sentences != len(sentences.Documents) {
				t.Errorf("%+v does not add up", stats)
			}
			if err := sentences.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCross_Shared(t *testing.T) {
	zh, err := Load(testutil.Shared(t, "data/xquad-zh"))
	if err != nil {
		t.Fatal(err)
	}
	en, err := Load(testutil.Shared(t, "data/xquad-en"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Cross(zh, en)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Queries) != 1190 || set.Queries[0].Text != "黑豹队的防守丢了多少分？" || set.Queries[0].Answers[0] != "308" {
		t.Errorf("%d queries, first %+v", len(set.Queries), set.Queries[0])
	}
}

// marks splits at Chinese and Western sentence marks.
func marks(text string) []Span {
	var spans []Span
	start := 0
	for i, r := range text {
		if strings.ContainsRune("。！？!?\n", r) {
			end := i + len(string(r))
			spans = append(spans, Span{start, end})
			start = end
		}
	}
	return append(spans, Span{start, len(text)})
}

func TestChineseSentences(t *testing.T) {
	shared := testutil.Shared(t, "data")
	documents, err := ChineseSentences(shared, 10_000, marks)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ChineseSentences(shared, 10_000, marks)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(documents, again); diff != "" {
		t.Errorf("not deterministic:\n%s", diff)
	}
	ids, texts, bytes := map[string]bool{}, map[string]bool{}, 0
	for _, d := range documents {
		ids[d.ID], texts[d.Text] = true, true
		bytes += len(d.Text)
	}
	if len(ids) != 10_000 || len(texts) != 10_000 {
		t.Errorf("%d distinct ids, %d distinct texts", len(ids), len(texts))
	}
	t.Logf("%d bytes; last %s", bytes, documents[len(documents)-1].ID)
	if _, err := ChineseSentences(shared, 1_000_000, marks); !errors.Is(err, ErrTooFew) {
		t.Errorf("a million sentences: %v", err)
	}
}

func TestWriteFolder(t *testing.T) {
	dir := t.TempDir()
	var documents []Document
	for i := range 101 {
		documents = append(documents, Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("第%d句", i)})
	}
	if err := WriteFolder(dir, documents); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "0001", "0100.txt"))
	if err != nil || string(data) != "第100句\n" {
		t.Errorf("%q, %v", data, err)
	}
	info, err := os.Stat(filepath.Join(dir, "0000", "0099.txt"))
	if err != nil || time.Since(info.ModTime()) < time.Hour {
		t.Errorf("time of change %v, %v", info.ModTime(), err)
	}
}

// FuzzLoad reads anything as a set: errors are those that Load names.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"id":"d","text":"x","title":"t"}`+"\n"), []byte(`{"id":"q","text":"x","answers":["y"]}`+"\n"), []byte("q 0 d 1\n"))
	f.Add([]byte("\ufeff{}\n\n[]"), []byte("{"), []byte("q\t0\td\t-1"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, documents, queries, qrels []byte) {
		for name, data := range map[string][]byte{documentsFile: documents, queriesFile: queries, qrelsFile: qrels} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		set, err := Load(dir)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrMismatch) {
				t.Fatal(err)
			}
			return
		}
		for _, d := range set.Documents {
			if d.ID == "" {
				t.Error("a document without an id")
			}
		}
	})
}
