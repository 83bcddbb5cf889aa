package tm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

// memory returns the memories of an empty index.
func memory(tb testing.TB) *Memory {
	tb.Helper()
	db, err := ciyuan.Open(filepath.Join(tb.TempDir(), "tm.db"), nil)
	if errors.Is(err, ciyuan.ErrNoDefault) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	table, err := encoder.Default()
	if err != nil {
		tb.Fatal(err)
	}
	aligner, err := align.New(align.StaticVectors(table), nil)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := New(db, aligner)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func exported(tb testing.TB, m *Memory, name string) string {
	tb.Helper()
	var b bytes.Buffer
	if err := m.Export(context.Background(), name, &b); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// What tools have written comes out as it went in, in whatever encoding.
func TestRoundTrip(t *testing.T) {
	files, err := filepath.Glob("testdata/*.tmx")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	m := memory(t)
	ctx := context.Background()
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimPrefix(string(data), "\uFEFF")
		name := filepath.Base(path)
		done, err := m.ImportTMX(ctx, name, bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := strings.Count(text, "</tu>"); done.Units != want {
			t.Errorf("%s: %d units, wanted %d", name, done.Units, want)
		}
		if got := exported(t, m, name); got != text {
			t.Errorf("%s comes out as\n%s", name, got)
		}
		for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
			// A file that says utf-8 in small letters lies already.
			wide, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(strings.Replace(text, "UTF-8", "UTF-16", 1))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.ImportTMX(ctx, "wide", strings.NewReader(wide)); err != nil {
				t.Errorf("%s in UTF-16: %v", name, err)
				continue
			}
			if got := exported(t, m, "wide"); got != text {
				t.Errorf("%s in UTF-16 comes out as\n%s", name, got)
			}
		}
	}
}

// A file in another encoding comes out with its text, in UTF-8.
func TestImport_Encodings(t *testing.T) {
	m := memory(t)
	for name, enc := range encodings {
		word := map[bool]string{true: "文件", false: "abc"}[enc == simplifiedchinese.GB18030 || enc == traditionalchinese.Big5]
		text := `<?xml version='1.0' encoding='` + name + `'?><tmx version="1.4"><header srclang="en"/><body><tu><tuv xml:lang="en"><seg>` + word + `</seg></tuv></tu></body></tmx>`
		data, err := enc.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		load(t, m, name, data)
		if got, want := exported(t, m, name), strings.Replace(text, name, "UTF-8", 1); got != want {
			t.Errorf("%s comes out as %q", name, got)
		}
	}
}

const small = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
 <header creationtool="t" srclang="en-US" adminlang="en" segtype="sentence" datatype="xml" o-tmf="t"><note>n</note></header>
 <body>
  <!-- one -->
  <tu tuid="a" creationdate="20200101T000000Z" creationid="ann"><tuv xml:lang="en-US"><seg>Open the file.</seg></tuv><tuv xml:lang="zh-CN"><seg>打开文件。</seg></tuv></tu>
  <tu tuid="b" changedate="20240101T000000Z" changeid="bob"><tuv xml:lang="en-US"><seg>Save the <bpt i="1" x="1">&lt;b></bpt>red<ept i="1">&lt;/b></ept> file.</seg></tuv><tuv xml:lang="zh-CN"><seg>保存<bpt i="1" x="1">&lt;b></bpt>红色<ept i="1">&lt;/b></ept>文件。</seg></tuv></tu>
  <tu tuid="c"><prop type="x-context-pre">Before it.</prop><tuv xml:lang="en-US"><seg>Open the file.</seg></tuv><tuv xml:lang="zh-CN"><seg>开启文件。</seg></tuv></tu>
  <tu><tuv lang="en"><seg>Close<ph x="1"/> the <hi>window</hi>.</seg></tuv><tuv lang="zh"><seg>关闭<ph x="1"/><hi>窗口</hi>。</seg></tuv></tu>
 </body>
</tmx>
`

func load(tb testing.TB, m *Memory, name, text string) {
	tb.Helper()
	if _, err := m.ImportTMX(context.Background(), name, strings.NewReader(text)); err != nil {
		tb.Fatal(err)
	}
}

func marked(s *Side) string {
	var words []string
	for _, m := range s.Marks {
		words = append(words, s.Text[m.Start:m.End])
	}
	return strings.Join(words, "|")
}

func TestSearch(t *testing.T) {
	m := memory(t)
	ctx := context.Background()
	load(t, m, "small.tmx", small)
	empty, before := "", "Before it."
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		o          SearchOptions
		scores     []int
		unit       string
	}{
		{"the same text", "Open the file.", SearchOptions{Min: 100}, []int{100, 100}, "a"},
		{"white space does not count", " Open  the file. ", SearchOptions{Min: 100}, []int{100, 100}, "a"},
		{"in the context of a property", "Open the file.", SearchOptions{Min: 100, Before: &before}, []int{101, 100}, "c"},
		{"at the beginning of the memory", "Open the file.", SearchOptions{Min: 100, Before: &empty}, []int{101, 100}, "a"},
		{"another word", "Open the window.", SearchOptions{Min: 70}, []int{71, 71, 71}, "a"},
		{"another case", "open the file.", SearchOptions{Min: 90}, []int{97, 97}, "a"},
		{"inline codes that the text lacks", "Save the red file.", SearchOptions{Min: 90}, []int{99}, "b"},
		{"inline codes that it has", "Save the red file.", SearchOptions{Min: 90, Codes: 2}, []int{100}, "b"},
		{"from the other side", "打开文件。", SearchOptions{Min: 100, From: "zh"}, []int{100}, "a"},
		{"of another language", "Open the file.", SearchOptions{Min: 1, From: "fr"}, nil, ""},
		{"into another language", "Open the file.", SearchOptions{Min: 1, To: "fr"}, nil, ""},
		{"a memory's penalty", "Open the file.", SearchOptions{Min: 90, Penalty: map[string]float64{"small.tmx": 5}}, []int{95, 95}, "a"},
		{"an author's penalty", "Open the file.", SearchOptions{Min: 90, Penalty: map[string]float64{"ann": 5}}, []int{100, 95}, "c"},
		{"a penalty for age", "Open the file.", SearchOptions{Min: 80, AgePenalty: 1.5, Now: now}, []int{100, 92}, "c"},
		{"no words", "，", SearchOptions{Min: 1}, nil, ""},
	} {
		found, err := m.Search(ctx, c.text, &c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var scores []int
		for _, f := range found {
			scores = append(scores, f.Score)
		}
		if !slices.Equal(scores, c.scores) || len(found) > 0 && found[0].Unit != c.unit {
			t.Errorf("%s: %+v, wanted scores %v and unit %s first", c.name, found, c.scores, c.unit)
		}
	}
	found, err := m.Search(ctx, "Save the blue file.", &SearchOptions{K: 1})
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if got := marked(&found[0].Source); got != "red" {
		t.Errorf("marked in the source: %s", got)
	}
	if got := marked(&found[0].Targets[0]); got != "红色" {
		t.Errorf("marked in the target: %s", got)
	}
	if found[0].Edits != 1 || len(found[0].Query) != 1 || found[0].Author != "bob" || found[0].Date != "2024-01-01T00:00:00Z" {
		t.Errorf("%+v", found[0])
	}
	for _, o := range []SearchOptions{{K: -1}, {Min: 102}, {AgePenalty: -1}, {Penalty: map[string]float64{"x": 101}}} {
		if _, err := m.Search(ctx, "x", &o); !errors.Is(err, ErrOption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestConcordance(t *testing.T) {
	m := memory(t)
	ctx := context.Background()
	load(t, m, "small.tmx", small)
	for _, c := range []struct{ text, lang, source, target string }{
		{"文件", "", "文件", "file"},
		{"窗口", "zh", "窗口", "window"},
		{"FILE", "", "file", "文件"},
		{"file open", "en", "Open|file", "打开文件"},
	} {
		found, err := m.Concordance(ctx, c.text, &ConcordanceOptions{Lang: c.lang})
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %+v, %v", c.text, found, err)
			continue
		}
		if s, u := marked(&found[0].Source), strings.ReplaceAll(marked(&found[0].Targets[0]), "|", ""); s != c.source || u != c.target {
			t.Errorf("%s: %s in the source and %s in the target are marked, wanted %s and %s", c.text, s, u, c.source, c.target)
		}
	}
	for _, text := range []string{"ope", "", "，", `"`, "file cat"} {
		if found, err := m.Concordance(ctx, text, nil); err != nil || len(found) > 0 {
			t.Errorf("%q: %+v, %v", text, found, err)
		}
	}
}

func TestImport_Again(t *testing.T) {
	m := memory(t)
	ctx := context.Background()
	load(t, m, "x", small)
	done, err := m.ImportTMX(ctx, "x", strings.NewReader(small))
	if err != nil || done.Unchanged != 4 || done.Added != 0 || done.Updated != 0 || done.Deleted != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	at := strings.Index(small, "  <tu tuid=\"b\"")
	shorter := small[:at] + " </body>\n</tmx>\n"
	if done, err = m.ImportTMX(ctx, "x", strings.NewReader(shorter)); err != nil || done.Deleted != 3 || done.Units != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := exported(t, m, "x"); got != shorter {
		t.Errorf("exported\n%s", got)
	}
	// What did not end cannot be exported.
	broken := io.MultiReader(strings.NewReader(small[:at]), iotest.ErrReader(errors.New("broken")))
	if _, err := m.ImportTMX(ctx, "z", broken); err == nil {
		t.Error("a reader that breaks is no error")
	}
	if err := m.Export(ctx, "z", &bytes.Buffer{}); !errors.Is(err, ErrNoMemory) {
		t.Errorf("an import that did not end: %v", err)
	}
	if _, err := m.ImportTMX(ctx, "z", strings.NewReader("<tmx><body/></tmx>")); err != nil {
		t.Error(err)
	}
	if got := exported(t, m, "z"); got != "<tmx><body/></tmx>" {
		t.Errorf("an empty memory: %q", got)
	}
	if _, err := m.db.Delete(ctx, unitID("z", 0)); err != nil {
		t.Fatal(err)
	}
	load(t, m, "y", small)
	all, err := m.List(ctx)
	if err != nil || len(all) != 2 || all[0] != (Entry{"x", "en-US", 1}) || all[1] != (Entry{"y", "en-US", 4}) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := m.Export(ctx, "z", &bytes.Buffer{}); !errors.Is(err, ErrNoMemory) {
		t.Errorf("an unknown memory: %v", err)
	}
}

// A damaged file is an error that says where, and changes nothing.
func TestImport_Damaged(t *testing.T) {
	m := memory(t)
	ctx := context.Background()
	load(t, m, "x", small)
	bombs := `<!DOCTYPE tmx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>`
	for name, text := range map[string]string{
		"cut off":           small[:len(small)/2],
		"empty":             "",
		"another root":      "<html></html>",
		"no XML":            "a\tb\n",
		"entities":          strings.Replace(strings.Replace(small, `<!DOCTYPE tmx SYSTEM "tmx14.dtd">`, bombs, 1), "Open", "&c;", 1),
		"an outside file":   strings.Replace(small, "Open", "&xxe;", 1),
		"a deep unit":       strings.Replace(small, "Open", strings.Repeat("<hi>", 100)+strings.Repeat("</hi>", 100), 1),
		"a wrong nesting":   strings.Replace(small, "</tuv></tu>", "</tu></tuv>", 1),
		"an odd encoding":   strings.Replace(small, "UTF-8", "x-nonsense", 1),
		"bytes of no UTF-8": strings.Replace(small, "Open", "\xff\xfe", 1),
	} {
		if _, err := m.ImportTMX(ctx, "x", strings.NewReader(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := exported(t, m, "x"); got != small {
		t.Errorf("the memory has changed:\n%s", got)
	}
	for _, name := range []string{"", "a\nb", strings.Repeat("x", 300)} {
		if _, err := m.ImportTMX(ctx, name, strings.NewReader(small)); !errors.Is(err, ErrOption) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestImportTSV(t *testing.T) {
	m := memory(t)
	ctx := context.Background()
	done, err := m.ImportTSV(ctx, "t", "en", "zh", strings.NewReader("a <b> & \"c\"\t甲\tnote\r\n\nx\t\n\x01y\t乙\n"))
	if err != nil || done.Units != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	text := exported(t, m, "t")
	if !strings.Contains(text, `<seg>a &lt;b&gt; &amp; "c"</seg>`) || !strings.Contains(text, "<seg>\uFFFDy</seg>") {
		t.Error(text)
	}
	load(t, m, "again", text)
	if got := exported(t, m, "again"); got != text {
		t.Error(got)
	}
	for _, bad := range []string{"no tab\n", "a\tb\nno tab"} {
		if _, err := m.ImportTSV(ctx, "bad", "en", "zh", strings.NewReader(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := m.ImportTSV(ctx, "bad", "", "zh", strings.NewReader("a\tb")); !errors.Is(err, ErrOption) {
		t.Errorf("no language: %v", err)
	}
}

const xliff12 = `<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
 <file original="a" source-language="en-US" target-language="zh-CN" datatype="xml"><body>
  <trans-unit id="1">
   <source>Open the file.</source>
  </trans-unit>
  <trans-unit id="2"><source>Save the <g id="7">red</g> file.</source><target state="new" xml:lang="zh"/></trans-unit>
  <trans-unit id="3"><source>Open the file.</source><target>已有</target></trans-unit>
  <trans-unit id="4" translate="no"><source>Open the file.</source></trans-unit>
  <trans-unit id="5"><source>Save the <ph id="1">%s</ph> file.</source></trans-unit>
  <trans-unit id="6"><source>Nothing of the kind at all</source></trans-unit>
  <trans-unit id="7"><source>Open the file. Save it.</source><seg-source><mrk mtype="seg" mid="0">Open the file.</mrk> <mrk mtype="seg" mid="1">Nobody knows this.</mrk></seg-source></trans-unit>
 </body></file>
</xliff>
`

func TestPretranslate_XLIFF12(t *testing.T) {
	m := memory(t)
	load(t, m, "small.tmx", small)
	var out bytes.Buffer
	done, err := m.Pretranslate(context.Background(), strings.NewReader(xliff12), &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := xliff12
	exact, fuzzy := `<target state="translated" state-qualifier="exact-match">`, `<target state="needs-review-translation" state-qualifier="fuzzy-match">`
	for _, r := range [][2]string{
		{"   <source>Open the file.</source>\n", "   <source>Open the file.</source>\n   " + exact + "打开文件。</target>\n"},
		{`<target state="new" xml:lang="zh"/>`, `<target xml:lang="zh" state="translated" state-qualifier="exact-match">保存<g id="7">红色</g>文件。</target>`},
		{`<ph id="1">%s</ph> file.</source>`, `<ph id="1">%s</ph> file.</source>` + fuzzy + "保存红色文件。</target>"},
		{"</seg-source>", "</seg-source>" + fuzzy + `<mrk mtype="seg" mid="0">打开文件。</mrk> <mrk mtype="seg" mid="1"></mrk></target>`},
	} {
		want = strings.Replace(want, r[0], r[1], 1)
	}
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
	if *done != (Pretranslated{Segments: 5, Exact: 2, Fuzzy: 2, Kept: 2}) {
		t.Errorf("%+v", done)
	}
}

const xliff2 = `<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="zh">
 <file id="f"><unit id="u">
  <segment id="s1" state="initial"><source>Close<ph id="1"/> the <pc id="2">window</pc>.</source></segment>
  <segment><source>Open the door.</source></segment>
  <segment><source>Open the file.</source><target></target></segment>
 </unit></file>
</xliff>`

func TestPretranslate_XLIFF2(t *testing.T) {
	m := memory(t)
	load(t, m, "small.tmx", strings.ReplaceAll(strings.ReplaceAll(small, "<hi>", `<hi type="b">`), `xml:lang="en-US"`, `xml:lang="en"`))
	var out bytes.Buffer
	done, err := m.Pretranslate(context.Background(), strings.NewReader(xliff2), &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := xliff2
	for _, r := range [][2]string{
		{`state="initial"`, `state="translated"`},
		{"</pc>.</source>", `</pc>.</source><target>关闭<ph id="1"/><pc id="2">窗口</pc>。</target>`},
		{"door.</source>", "door.</source><target>打开文件。</target>"},
		{"<segment><source>Open the file.</source><target></target>", `<segment state="translated"><source>Open the file.</source><target>打开文件。</target>`},
	} {
		want = strings.Replace(want, r[0], r[1], 1)
	}
	got := strings.ReplaceAll(out.String(), "开启", "打开")
	if got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
	if *done != (Pretranslated{Segments: 3, Exact: 2, Fuzzy: 1}) {
		t.Errorf("%+v", done)
	}
}

func TestPretranslate_Table(t *testing.T) {
	m := memory(t)
	load(t, m, "small.tmx", small)
	table := "Open the file.\r\nOpen the file.\t\tnote\nOpen the file.\tdone\n\nunknown words here\t"
	var out bytes.Buffer
	done, err := m.Pretranslate(context.Background(), strings.NewReader(table), &out, &PretranslateOptions{From: "en", To: "zh", Min: 100})
	if err != nil {
		t.Fatal(err)
	}
	want := "Open the file.\t打开文件。\r\nOpen the file.\t打开文件。\tnote\nOpen the file.\tdone\n\nunknown words here\t"
	if got := strings.ReplaceAll(out.String(), "开启", "打开"); got != want {
		t.Errorf("got %q, wanted %q", got, want)
	}
	if *done != (Pretranslated{Segments: 3, Exact: 2, Kept: 1}) {
		t.Errorf("%+v", done)
	}
	for name, c := range map[string]struct {
		text string
		o    PretranslateOptions
		want error
	}{
		"no languages":       {"a\t", PretranslateOptions{}, ErrOption},
		"no target language": {strings.Replace(xliff12, ` target-language="zh-CN"`, "", 1), PretranslateOptions{}, ErrOption},
		"cut off":            {xliff12[:400], PretranslateOptions{}, ErrFormat},
		"another version":    {strings.Replace(xliff12, `version="1.2"`, `version="9"`, 1), PretranslateOptions{}, ErrFormat},
		"another root":       {"<html/>", PretranslateOptions{}, ErrFormat},
		"a low score":        {"a\t", PretranslateOptions{Min: -1}, ErrOption},
	} {
		if _, err := m.Pretranslate(context.Background(), strings.NewReader(c.text), &out, &c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// parallelTSV returns the sentences of the parallel set as a table.
func parallelTSV(tb testing.TB) (table string, sources []string) {
	tb.Helper()
	data, err := os.ReadFile(testutil.Shared(tb, "data/xquad-parallel/sentences.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var row struct{ En, Zh string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			tb.Fatal(err)
		}
		src := oneLine(row.En)
		fmt.Fprintf(&b, "%s\t%s\n", src, oneLine(row.Zh))
		sources = append(sources, src)
	}
	return b.String(), sources
}

// A sentence with one word changed finds its unit first.
func TestSearch_OneWordChanged(t *testing.T) {
	table, sources := parallelTSV(t)
	m := memory(t)
	ctx := context.Background()
	if _, err := m.ImportTSV(ctx, "x", "en", "zh", strings.NewReader(table)); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	first, asked := 0, 0
	for i, src := range sources {
		words := strings.Fields(src)
		k := r.IntN(len(words))
		other := strings.Fields(sources[r.IntN(len(sources))])
		word := other[r.IntN(len(other))]
		if word == words[k] {
			continue
		}
		words[k] = word
		asked++
		found, err := m.Search(ctx, strings.Join(words, " "), &SearchOptions{K: 1, Min: -1, From: "en"})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 && found[0].Source.Text == src {
			first++
		} else {
			t.Logf("unit %d: %s", i+1, strings.Join(words, " "))
		}
	}
	t.Logf("%d of %d found first", first, asked)
	if float64(first) < 0.99*float64(asked) {
		t.Errorf("%d of %d found first, wanted 99 %%", first, asked)
	}
}

// BenchmarkSearch is over the units of a table that $CIYUAN_TM names, for
// sentences of it with a word changed.
func BenchmarkSearch(b *testing.B) {
	path := os.Getenv("CIYUAN_TM")
	if path == "" {
		b.Skip("needs a table of units: CIYUAN_TM")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	m := memory(b)
	ctx := context.Background()
	if _, err := m.ImportTSV(ctx, "x", "en", "zh", bytes.NewReader(data)); err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	r := rand.New(rand.NewPCG(2, 2))
	var queries []string
	for range 400 {
		src, _, _ := strings.Cut(lines[r.IntN(len(lines)-1)], "\t")
		words := strings.Fields(src)
		words[r.IntN(len(words))] = "changed"
		queries = append(queries, strings.Join(words, " "))
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		if _, err := m.Search(ctx, queries[i%len(queries)], &SearchOptions{From: "en"}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}

// FuzzParse feeds anything to the readers of TMX and XLIFF: what is read as TMX is
// kept byte for byte, and what is filled stays well-formed.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(xliff12))
	f.Add([]byte(xliff2))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		if r, err := newTMXReader(bytes.NewReader(data)); err == nil {
			var all strings.Builder
			for {
				raw, err := r.next()
				if err != nil {
					if r.epilog != "" && bytes.HasPrefix(data, []byte("<tmx")) {
						if got := r.prolog + all.String() + r.epilog; got != string(data) {
							t.Fatalf("%q comes out as %q", data, got)
						}
					}
					break
				}
				all.WriteString(raw.text)
				if _, err := ParseUnit(raw.text, r.srcLang); err != nil && !errors.Is(err, ErrFormat) {
					t.Fatal(err)
				}
			}
		}
		places, err := readXLIFF(string(data))
		if err != nil {
			return
		}
		at := 0
		for i := range places {
			for _, s := range places[i].fill("x", true) {
				if s.from < at || s.to < s.from || s.to > len(data) {
					t.Fatalf("splice %+v of %q", s, data)
				}
				at = s.to
			}
		}
	})
}

// FuzzParseUnit reads anything as a unit, as it is read from an index: what is
// read has as many variants as the element has, and texts that are UTF-8.
func FuzzParseUnit(f *testing.F) {
	f.Add(`<tu tuid="1" changedate="20240102T030405Z"><prop type="x">y</prop><tuv xml:lang="en"><seg>a <bpt i="1">&lt;b></bpt>b</seg></tuv></tu>`, "en")
	f.Add("<tu><tuv><seg/></tuv><tuv xml:lang='zh'><seg>词<!-- -->元<![CDATA[<]]></seg></tuv></tu>", "zh")
	f.Fuzz(func(t *testing.T, raw, srcLang string) {
		u, err := ParseUnit(raw, srcLang)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if len(u.Variants) > strings.Count(raw, "tuv") {
			t.Errorf("%d variants in %q", len(u.Variants), raw)
		}
		for _, v := range u.Variants {
			if !utf8.ValidString(v.Segment.Text) {
				t.Errorf("segment %q", v.Segment.Text)
			}
		}
	})
}
