package extract

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func records(r io.Reader, maxLineBytes int) (good []Record, bad []string, err error) {
	for record, e := range Records(r, maxLineBytes) {
		switch {
		case e == nil:
			good = append(good, record)
		case errors.Is(e, ErrJSONL):
			bad = append(bad, strings.TrimPrefix(e.Error(), ErrJSONL.Error()+": "))
		default:
			err = e
		}
	}
	return good, bad, err
}

func TestRecords(t *testing.T) {
	const text = "\ufeff" + `{"id":"a","title":"标题","text":"正文\n二","meta":{"lang":"zh","n":1.50,"ok":true,"no":null,"list":[1, "二"],"o":{"b": {}}}}` + "\r\n" +
		"\n  \t\r\n" +
		`{"id":7,"text":"","other":[1,2],"title":null,"meta":null}` + "\n" +
		`{"id":12345678901234567890.5e3,"text":"x","meta":{}}` + "\n" +
		`{"id":"a","text":"twice \ud800 ` + "\xff" + `"}`
	want := []Record{
		{ID: "a", Title: "标题", Text: "正文\n二", Line: 1, Meta: map[string]string{
			"lang": "zh", "n": "1.50", "ok": "true", "list": `[1,"二"]`, "o": `{"b":{}}`,
		}},
		{ID: "7", Line: 4},
		{ID: "12345678901234567890.5e3", Text: "x", Line: 5},
		{ID: "a", Text: "twice \ufffd \ufffd", Line: 6},
	}
	for name, reader := range map[string]io.Reader{
		"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
	} {
		got, bad, err := records(reader, 0)
		if diff := cmp.Diff(want, got); diff != "" || bad != nil || err != nil {
			t.Errorf("%s: %v, %v\n%s", name, bad, err, diff)
		}
	}
	if got, bad, err := records(strings.NewReader(""), 0); got != nil || bad != nil || err != nil {
		t.Errorf("empty: %v, %v, %v", got, bad, err)
	}
}

func TestRecords_Errors(t *testing.T) {
	const good = `{"id":"x","text":"y"}`
	tests := []struct{ line, want string }{
		{`{"id":"a","text":"b"`, "line 2: column 20: unexpected end of JSON input"},
		{`{"id":"a","text":b}`, "line 2: column 18: invalid character 'b' looking for beginning of value"},
		{`{"id":"a","text":"b"} {}`, "line 2: column 23: invalid character '{' after top-level value"},
		{`[{"id":"a"}]`, "line 2: an array; expected one object a line"},
		{`"text"`, "line 2: a string; expected an object"},
		{`3`, "line 2: a number; expected an object"},
		{`null`, `line 2: no "id"`},
		{`{}`, `line 2: no "id"`},
		{`{"id":null,"text":""}`, `line 2: no "id"`},
		{`{"id":"","text":""}`, `line 2: "id" is empty`},
		{`{"id":true,"text":""}`, `line 2: "id" is neither a string nor a number`},
		{`{"id":["a"],"text":""}`, `line 2: "id" is neither a string nor a number`},
		{`{"id":{},"text":""}`, `line 2: "id" is neither a string nor a number`},
		{`{"id":"a","content":"b"}`, `line 2: no "text" in record "a"`},
		{`{"id":"a","text":null}`, `line 2: no "text" in record "a"`},
		{`{"id":"a","text":5}`, `line 2: "text" is a number`},
		{`{"id":"a","title":[],"text":""}`, `line 2: "title" is a array`},
		{`{"id":"a","text":"","meta":"x"}`, `line 2: "meta" is a string`},
		{`{"id":"a","text":"` + strings.Repeat("x", 100) + `"}`, "line 2: longer than 100 bytes"},
	}
	for _, test := range tests {
		// The lines around a bad one are still read.
		got, bad, err := records(strings.NewReader(good+"\n"+test.line+"\n"+good+"\n"), 100)
		if len(got) != 2 || got[1].Line != 3 || err != nil {
			t.Errorf("%s: records %v, error %v", test.line, got, err)
		}
		if len(bad) != 1 || bad[0] != test.want {
			t.Errorf("%s: got %q, want %q", test.line, bad, test.want)
		}
	}
}

func TestRecords_Stop(t *testing.T) {
	text := strings.Repeat("bad\n", 3) + strings.Repeat(`{"id":"x","text":"y"}`+"\n", 3)
	for stop := 1; stop <= 6; stop++ {
		n := 0
		for _, err := range Records(strings.NewReader(text), 0) {
			_ = err // either kind may come; stopping is what is tested
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d rounds, want %d", n, stop)
		}
	}
	for _, err := range Records(strings.NewReader(strings.Repeat("x", 100)), 10) {
		_ = err
		break
	}
}

func TestRecords_ReadError(t *testing.T) {
	broken := errors.New("broken pipe")
	reader := io.MultiReader(strings.NewReader(`{"id":"x","text":"y"}`+"\n{"), iotest.ErrReader(broken))
	got, bad, err := records(reader, 0)
	if len(got) != 1 || bad != nil || !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v, %v, %v", got, bad, err)
	}
}

// TestRecords_EndlessLine: a line over the limit is not kept in memory.
func TestRecords_EndlessLine(t *testing.T) {
	reader := io.MultiReader(strings.NewReader(`{"id":"x","text":"`), io.LimitReader(repeat("y"), 50<<20), strings.NewReader("\"}\n"+`{"id":"x","text":"y"}`))
	got, bad, err := records(reader, 1<<20)
	if len(got) != 1 || got[0].Line != 2 || len(bad) != 1 || err != nil {
		t.Errorf("%v, %v, %v", got, bad, err)
	}
}

func TestRecords_Shared(t *testing.T) {
	doc, err := Open(testutil.Shared(t, "data/cranfield/docs.jsonl"), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = doc.Close() }()
	got, bad, err := records(doc, 0)
	if len(got) != 1400 || bad != nil || err != nil {
		t.Errorf("%d records, %q, %v", len(got), bad, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"id":"a","title":"t","text":"x","meta":{"k":[1,{"a":null}]}}` + "\n{}\n"))
	f.Add([]byte("{\"id\":1,\"text\":\"\",\"meta\":{\"a\":[\"\xff\"]}}"))
	f.Add([]byte("\ufeff[1]\r\n{\"id\":1e5,\"text\":\"\\ud83d\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		last := 0
		for record, err := range Records(bytes.NewReader(data), 1000) {
			if record.Line <= last && err == nil {
				t.Fatalf("line %d after %d", record.Line, last)
			}
			if err != nil {
				if !errors.Is(err, ErrJSONL) {
					t.Fatal(err)
				}
				continue
			}
			last = record.Line
			if record.ID == "" || !utf8.ValidString(record.ID+record.Title+record.Text) {
				t.Fatalf("%+v", record)
			}
			for name, value := range record.Meta {
				if !utf8.ValidString(name + value) {
					t.Fatalf("meta %q: %q", name, value)
				}
			}
		}
	})
}
