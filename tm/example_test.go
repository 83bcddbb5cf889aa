package tm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tm"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "tm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := ciyuan.Open(filepath.Join(dir, "tm.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	table, err := encoder.Default()
	if err != nil {
		log.Fatal(err)
	}
	aligner, err := align.New(align.StaticVectors(table), nil)
	if err != nil {
		log.Fatal(err)
	}
	memory, err := tm.New(db, aligner)
	if err != nil {
		log.Fatal(err)
	}
	units := "Save the red file.\t保存红色文件。\nClose the window.\t关闭窗口。\n"
	if _, err := memory.ImportTSV(ctx, "demo", "en", "zh", strings.NewReader(units)); err != nil {
		log.Fatal(err)
	}
	matches, err := memory.Search(ctx, "Save the blue file.", &tm.SearchOptions{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range matches {
		target := m.Targets[0]
		fmt.Printf("%d %%: %s\n", m.Score, target.Text)
		for _, mark := range target.Marks {
			fmt.Println("differs:", target.Text[mark.Start:mark.End])
		}
	}
	// Output:
	// 77 %: 保存红色文件。
	// differs: 红色
}
