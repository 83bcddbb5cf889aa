package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// TestDB_Fold_CutShort ends a fold between two transactions, as a killed process
// would, and goes on with what it left: segments that are replaced and not
// deleted yet.
func TestDB_Fold_CutShort(t *testing.T) {
	ctx := context.Background()
	for _, point := range []string{"fold", "merge", "purge", "graph"} {
		t.Run(point, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			opts := &ciyuan.Options{GraphWords: -1}
			no := errors.New("no")
			reached := 0
			failpoint.Hook = func(name string, _ ...any) error {
				if name == point {
					reached++
					return no
				}
				return nil
			}
			defer func() { failpoint.Hook = nil }()
			for i := range 40 {
				db, err := ciyuan.Open(path, opts)
				if err != nil {
					t.Fatal(err)
				}
				doc := ciyuan.Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("number %d: word%d", i, i)}
				err = errors.Join(db.Add(ctx, doc), db.Fold(ctx))
				if err != nil && !errors.Is(err, no) {
					t.Fatal(err)
				}
				check(t, db)
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if reached == 0 {
				t.Fatal("the point was not reached")
			}
			failpoint.Hook = nil
			db := openAt(t, path, opts)
			if err := db.Fold(ctx); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				if got := ids(search(t, db, fmt.Sprintf("word%d", i), &ciyuan.SearchOptions{Exact: true, Score: ciyuan.ScoreBM25})); len(got) != 1 || got[0] != fmt.Sprint(i) {
					t.Errorf("word%d: found %v", i, got)
				}
			}
		})
	}
}
