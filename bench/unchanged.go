package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxAgainMS is the goal for indexing an unchanged folder of 10,000 files.
const maxAgainMS = 300

// measureUnchanged runs `ciyuan index` again over a folder in which nothing has
// changed.
func measureUnchanged(ctx context.Context, b *bench) error {
	dir, index, err := b.folder(ctx)
	if err != nil {
		return err
	}
	again := command{args: []string{"--index", index, "index", "--json", dir}, stdout: new(strings.Builder)}
	var wall, cpu latencies
	for range b.runs {
		again.stdout.Reset()
		p, err := b.start(ctx, again)
		if err != nil {
			return err
		}
		wall.add(p.wall)
		cpu.add(p.cpu)
	}
	on := fmt.Sprintf("%d files", sentenceCount)
	b.report.atMost("unchanged", "`ciyuan index` of an unchanged folder", maxAgainMS, "ms", spreadOf(wall), on)
	opened, err := b.countOpened(ctx, dir, again)
	if err != nil {
		return err
	}
	b.report.atMost("unchanged", "files opened by it", 0, "", exactly(float64(opened)), on+", counted by inotify")
	var said json.RawMessage
	if err := json.Unmarshal([]byte(again.stdout.String()), &said); err != nil {
		return fmt.Errorf("`ciyuan index --json` did not print JSON: %w", err)
	}
	b.report.table(table{
		Part: "unchanged", Title: "Indexing an unchanged folder of 10,000 files again",
		Head: []string{"", "median", "p95", "least", "largest"},
		Rows: [][]string{quantileRow("wall, ms", wall), quantileRow("user + system, ms", cpu)},
		Note: fmt.Sprintf("%d runs. The files' times lie in the past. That no file is read: inotify (IN_OPEN) watches each of the folders during one more run, "+
			"and is checked to see one opening by the benchmark itself.", b.runs),
	})
	return nil
}

// countOpened returns how many files below dir the command opens.
func (b *bench) countOpened(ctx context.Context, dir string, c command) (int, error) {
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return 0, err
	}
	watch, err := watchOpenings(append(folders, dir))
	if err != nil {
		return 0, err
	}
	defer func() { _ = watch.close() }()
	if _, err := os.ReadFile(filepath.Join(folders[0], "0000.txt")); err != nil {
		return 0, err
	}
	if seen, err := watch.count(); err != nil || seen != 1 {
		return 0, fmt.Errorf("inotify saw %d openings where there was 1: %w", seen, err)
	}
	c.stdout.Reset()
	if _, err := b.start(ctx, c); err != nil {
		return 0, err
	}
	return watch.count()
}
