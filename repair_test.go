package ciyuan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// exportDocs returns the documents of the index at path in the order in which
// they were added.
func exportDocs(tb testing.TB, db *ciyuan.DB) (order []string, docs map[string]ciyuan.Document) {
	tb.Helper()
	var out bytes.Buffer
	if err := db.Export(context.Background(), &out); err != nil {
		tb.Fatal(err)
	}
	docs = map[string]ciyuan.Document{}
	for line := range strings.Lines(out.String()) {
		_, rest, _ := strings.Cut(line, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		doc, err := db.Get(context.Background(), id)
		if err != nil {
			tb.Fatal(err)
		}
		order = append(order, id)
		docs[id] = doc
	}
	return order, docs
}

// repaired repairs the index at path, of which want were the documents in the
// given order, and checks everything that Repair promises. It returns the result,
// nil if nothing could be read at all.
func repaired(t *testing.T, path string, order []string, want map[string]ciyuan.Document) *ciyuan.RepairResult {
	t.Helper()
	ctx := context.Background()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	res, err := ciyuan.Repair(ctx, path, &ciyuan.Options{GraphWords: -1, Workers: 1})
	if err != nil {
		if !damageError(err) {
			t.Errorf("repair: %v", err)
		}
		after, rerr := os.ReadFile(path)
		if rerr != nil || !bytes.Equal(before, after) {
			t.Errorf("a failed repair changed the file: %v", rerr)
		}
		return nil
	}
	kept, err := os.ReadFile(res.Damaged)
	if err != nil || !bytes.Equal(kept, before) {
		t.Errorf("%s is not the damaged file: %v", res.Damaged, err)
	}
	if err := os.Remove(res.Damaged); err != nil {
		t.Error(err)
	}
	db, err := ciyuan.Open(path, &ciyuan.Options{GraphWords: -1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	check(t, db)
	got, docs := exportDocs(t, db)
	if len(got) != res.Saved {
		t.Errorf("%d documents, %d were saved", len(got), res.Saved)
	}
	var wanted []string
	for _, id := range order {
		if _, ok := docs[id]; ok {
			wanted = append(wanted, id)
		}
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("documents %q, want %q", got, wanted)
	}
	fresh, err := ciyuan.Open(filepath.Join(t.TempDir(), "fresh.db"), &ciyuan.Options{GraphWords: -1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	var list []ciyuan.Document
	for _, id := range got {
		if diff := cmp.Diff(want[id], docs[id], cmpopts.IgnoreFields(ciyuan.Document{}, "Source")); diff != "" {
			t.Errorf("%s (-before +after):\n%s", id, diff)
		}
		list = append(list, docs[id])
	}
	addAll(t, fresh, list)
	for _, query := range damageQueries {
		if diff := cmp.Diff(search(t, fresh, query, nil).Hits, search(t, db, query, nil).Hits); diff != "" {
			t.Errorf("%s (-fresh +repaired):\n%s", query, diff)
		}
	}
	lost := map[string]bool{}
	for _, l := range res.Lost {
		if _, there := docs[l.ID]; there || want[l.ID].ID == "" || l.Reason == "" {
			t.Errorf("lost: %+v", l)
		}
		lost[l.ID] = true
	}
	if len(res.Notes) == 0 && res.Saved+len(lost)+res.Unknown != len(order) {
		t.Errorf("%d saved, %d lost, %d unknown, there were %d", res.Saved, len(lost), res.Unknown, len(order))
	}
	return res
}

// TestRepair_Random damages a small index in many ways and repairs it.
// CIYUAN_DAMAGE=full does it 5,000 times instead of 36.
func TestRepair_Random(t *testing.T) {
	path := damageIndex(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	order, want := exportDocs(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	runs := uint64(36)
	switch {
	case os.Getenv("CIYUAN_DAMAGE") == "full":
		runs = 5000
	case testing.Short() || raceEnabled:
		runs = 12
	}
	pages := len(data) / damagePage
	saved, refused := 0, 0
	for seed := range runs {
		rng := rand.New(rand.NewPCG(seed, 7))
		bad := bytes.Clone(data)
		what := ""
		switch seed % 6 {
		case 0: // a few bits
			for range 1 + rng.IntN(8) {
				at := rng.IntN(len(bad))
				bad[at] ^= 1 << rng.IntN(8)
				what += fmt.Sprintf("bit at %d ", at)
			}
		case 1: // a page of zeros
			p := rng.IntN(pages)
			clear(bad[p*damagePage : (p+1)*damagePage])
			what = fmt.Sprintf("page %d", p)
		case 2: // several pages of noise
			for range 4 {
				p := rng.IntN(pages)
				for i := range damagePage {
					bad[p*damagePage+i] = byte(rng.Uint32())
				}
				what += fmt.Sprintf("page %d ", p)
			}
		case 3: // pages exchanged
			p, q := rng.IntN(pages), rng.IntN(pages)
			page := bytes.Clone(bad[p*damagePage : (p+1)*damagePage])
			copy(bad[p*damagePage:], bad[q*damagePage:(q+1)*damagePage])
			copy(bad[q*damagePage:], page)
			what = fmt.Sprintf("pages %d and %d", p, q)
		case 4: // cut off
			bad = bad[:rng.IntN(len(bad))]
			what = fmt.Sprintf("cut to %d", len(bad))
		case 5: // sectors
			for range 6 {
				at := rng.IntN(len(bad)/512) * 512
				clear(bad[at : at+512])
				what += fmt.Sprintf("sector at %d ", at)
			}
		}
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if res := repaired(t, path, order, want); res != nil {
			saved += res.Saved
		} else {
			refused++
		}
		if t.Failed() {
			t.Fatalf("damage %d: %s", seed, what)
		}
	}
	t.Logf("%d damages, %.1f of %d documents saved on average, %d files without anything to read", runs, float64(saved)/float64(runs), len(order), refused)
}

// TestRepair_OtherMetaPage repairs a file with a meta page of another that is a commit
// ahead: what is lost with the page is named, or there is a note.
func TestRepair_OtherMetaPage(t *testing.T) {
	path, other := damageIndex(t), damageIndex(t)
	db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	order, want := exportDocs(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	commitOnce(t, other)
	ours, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 0; at < 2*damagePage; at += damagePage {
		if err := os.WriteFile(path, slices.Concat(ours[:at], theirs[at:at+damagePage], ours[at+damagePage:]), 0o644); err != nil {
			t.Fatal(err)
		}
		db, err := ciyuan.Open(path, &ciyuan.Options{ReadOnly: true})
		if err == nil {
			_ = db.Close()
			continue // the page of the commit before
		}
		if refused++; repaired(t, path, order, want) == nil {
			t.Errorf("page %d: nothing was saved: %v", at/damagePage, err)
		}
	}
	if refused == 0 {
		t.Error("neither page was noticed")
	}
}

// TestRepair_Large repairs an index with a user dictionary, another mode and
// documents larger than what is read at once, of which one has lost a passage.
func TestRepair_Large(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.db")
	dict, err := tokenizer.ParseDict(strings.NewReader("一种技能 100 n\n"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ciyuan.Open(path, &ciyuan.Options{Mode: tokenizer.Search, Dict: dict})
	if err != nil {
		t.Fatal(err)
	}
	text := func(word string) string {
		return strings.Repeat("编程是一种技能，要有耐心。Patience needs time.\n", 6000) + word
	}
	addAll(t, db, []ciyuan.Document{{ID: "a", Text: text("alpha")}, {ID: "b", Text: text("omega")}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("omega"))
	if at < 0 {
		t.Fatal("the text is not in the file")
	}
	data[at] ^= 1
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
	res, err := ciyuan.Repair(context.Background(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Saved != 1 || len(res.Lost) != 1 || res.Lost[0].ID != "b" || !strings.Contains(res.Lost[0].Reason, "bucket text, key ") {
		t.Errorf("got %+v", res)
	}
	db = openAt(t, path, nil)
	if doc, err := db.Get(context.Background(), "a"); err != nil || doc.Text != text("alpha") {
		t.Errorf("%d bytes, %v", len(doc.Text), err)
	}
	if stats, err := db.Stats(context.Background()); err != nil || stats.Mode != tokenizer.Search.String() {
		t.Errorf("mode %s, %v", stats.Mode, err)
	}
	if got := search(t, db, "一种技能", nil).Stats.Terms; got != 1 {
		t.Errorf("a word of the user dictionary is cut into %d", got)
	}
	if got := ids(search(t, db, "alpha", nil)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q", got)
	}
}

// TestRepair_Refused gives Repair what it cannot repair: the file stays.
func TestRepair_Refused(t *testing.T) {
	ctx := context.Background()
	path := damageIndex(t)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := ciyuan.Repair(cancelled, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ciyuan.Repair(ctx, path, nil); !errors.Is(err, ciyuan.ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ciyuan.Repair(ctx, path+"x", nil); !errors.Is(err, ciyuan.ErrNoIndex) {
		t.Errorf("no file: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("a text\n", 2000)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ciyuan.Repair(ctx, text, nil); !errors.Is(err, ciyuan.ErrNotIndex) {
		t.Errorf("a text: %v", err)
	}
	left, err := filepath.Glob(path + "?*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
	openAt(t, path, nil)
}
