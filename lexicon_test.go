package ciyuan

import (
	"testing"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/store"
)

// A search on an older state can find the lexicon of a newer, larger one.
func TestNewLexicon_AfterALargerOne(t *testing.T) {
	table, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	newer, err := newLexicon(table, &store.Meta{NextCode: 5 * refsPerBlock}, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := &refBlock{}
	newer.blocks[0].Store(kept)
	older, err := newLexicon(table, &store.Meta{NextCode: refsPerBlock + 1}, newer)
	if err != nil {
		t.Fatal(err)
	}
	if older.blocks[0].Load() != kept {
		t.Error("a full block of both was not taken over")
	}
	if older.Len() != refsPerBlock+1 {
		t.Errorf("%d words", older.Len())
	}
}
