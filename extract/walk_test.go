package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new folder: a name that ends with a slash is a
// folder, other names have their content behind them.
func tree(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				tb.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// walk returns the paths below dir, relative to it, and what was skipped as
// "path: reason".
func walk(tb testing.TB, dir string, opts WalkOptions) (paths, skipped []string) {
	tb.Helper()
	prefix := filepath.ToSlash(dir) + "/"
	opts.Skipped = func(s Skip) {
		line := strings.TrimPrefix(s.Path, prefix) + ": " + s.Reason.String()
		if s.Detail != "" {
			line += " (" + strings.TrimPrefix(s.Detail, prefix) + ")"
		}
		skipped = append(skipped, line)
	}
	entries, err := Walk(context.Background(), []string{dir}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, strings.TrimPrefix(e.Path, prefix))
	}
	return paths, skipped
}

func TestWalk(t *testing.T) {
	files := map[string]string{
		"b.txt": "b", "a/z.md": "zz", "a.txt": "", "a-b": "", "空 格/文 件.txt": "", ".hidden": "", ".h/x": "",
		"photo.JPG": "", "big.txt": strings.Repeat("x", 100), "ciyuan.db": "index", "empty/": "",
		".gitignore": "*.log\nbuild/\n", "x.log": "", "build/out.txt": "", ".ignore": "!kept.log\n", "kept.log": "",
		"a/.gitignore": "/z*\n!z.md\n*.tmp\n", "a/zz.txt": "", "a/b/zz.txt": "", "a/b/x.tmp": "", ".git/config": "",
	}
	tests := []struct {
		name    string
		opts    WalkOptions
		want    []string
		skipped []string
	}{
		{"default", WalkOptions{}, []string{
			"a-b", "a.txt", "a/b/zz.txt", "a/z.md", "b.txt", "big.txt", "ciyuan.db2", "kept.log", "空 格/文 件.txt",
		}, []string{
			".git/: hidden", ".gitignore: hidden", ".h/: hidden", ".hidden: hidden", ".ignore: hidden",
			"a/.gitignore: hidden", "a/b/x.tmp: ignored (a/.gitignore:3: *.tmp)", "a/zz.txt: ignored (a/.gitignore:1: /z*)",
			"build/: ignored (.gitignore:2: build/)", "ciyuan.db: no text (by its name)", "photo.JPG: no text (by its name)",
			"x.log: ignored (.gitignore:1: *.log)",
		}},
		{"all", WalkOptions{Hidden: true, NoIgnore: true}, []string{
			".gitignore", ".h/x", ".hidden", ".ignore", "a-b", "a.txt", "a/.gitignore", "a/b/x.tmp", "a/b/zz.txt", "a/z.md",
			"a/zz.txt", "b.txt", "big.txt", "build/out.txt", "ciyuan.db2", "kept.log", "x.log", "空 格/文 件.txt",
		}, []string{".git/: hidden", "ciyuan.db: no text (by its name)", "photo.JPG: no text (by its name)"}},
		{"limits", WalkOptions{MaxBytes: 99, NoIgnore: true}, []string{
			"a-b", "a.txt", "a/b/x.tmp", "a/b/zz.txt", "a/z.md", "a/zz.txt", "b.txt", "build/out.txt", "ciyuan.db2",
			"kept.log", "x.log", "空 格/文 件.txt",
		}, []string{
			".git/: hidden", ".gitignore: hidden", ".h/: hidden", ".hidden: hidden", ".ignore: hidden", "a/.gitignore: hidden",
			"big.txt: too large", "ciyuan.db: no text (by its name)", "photo.JPG: no text (by its name)",
		}},
	}
	files["ciyuan.db2"] = "not the index"
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			paths, skipped := walk(t, tree(t, files), test.opts)
			if diff := cmp.Diff(test.want, paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.skipped, skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWalk_Exclude(t *testing.T) {
	dir := tree(t, map[string]string{"index": "i", "sub/index": "another", "a": ""})
	paths, skipped := walk(t, dir, WalkOptions{Exclude: []string{filepath.Join(dir, "sub", "..", "index"), filepath.Join(dir, "none")}})
	if diff := cmp.Diff([]string{"a", "sub/index"}, paths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"index: excluded"}, skipped); diff != "" {
		t.Error(diff)
	}
}

func TestWalk_Roots(t *testing.T) {
	dir := tree(t, map[string]string{
		".gitignore": "*\n", "docs/b.txt": "bb", "docs/.x/y": "", "photo.png": "", ".secret": "", "docs2/a": "",
	})
	t.Chdir(dir)
	changed := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	if err := os.Chtimes("docs/b.txt", changed, changed); err != nil {
		t.Fatal(err)
	}
	// Roots are taken whatever the rules say; overlapping ones give each path once.
	entries, err := Walk(context.Background(), []string{"docs2/", "./docs", "docs/b.txt", "photo.png", ".secret", "docs//.x"}, WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range entries {
		paths = append(paths, e.Path)
		if e.Path == "docs/b.txt" && (e.Size != 2 || !e.ModTime.Equal(changed)) {
			t.Errorf("got %+v", e)
		}
	}
	want := []string{".secret", "docs/.x/y", "docs/b.txt", "docs2/a", "photo.png"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
	entries, err = Walk(context.Background(), []string{"."}, WalkOptions{NoIgnore: true})
	if err != nil || len(entries) != 2 || entries[0].Path != "docs/b.txt" {
		t.Errorf("walking the present folder: %+v, %v", entries, err)
	}
}

// TestWalk_Repository walks a folder inside a git repository: the rules of the
// folders above hold too, up to the repository's root and not beyond.
func TestWalk_Repository(t *testing.T) {
	dir := tree(t, map[string]string{
		".gitignore": "*.md\n", "repo/.git/info/exclude": "*.txt\n!e.txt\n", "repo/.gitignore": "docs/in/*.log\n/a.c\n!c.txt\n",
		"repo/docs/.ignore": "/in/d\n", "repo/docs/in/a.c": "", "repo/docs/in/a.md": "", "repo/docs/in/b.log": "",
		"repo/docs/in/b.txt": "", "repo/docs/in/c.txt": "", "repo/docs/in/d": "", "repo/docs/in/e.txt": "", "repo/docs/in/x/f.log": "",
	})
	paths, skipped := walk(t, filepath.Join(dir, "repo", "docs", "in"), WalkOptions{})
	if diff := cmp.Diff([]string{"a.c", "a.md", "c.txt", "e.txt", "x/f.log"}, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if len(skipped) != 3 {
		t.Errorf("skipped %q", skipped)
	}
}

func TestWalk_RootErrors(t *testing.T) {
	dir := tree(t, map[string]string{"a": ""})
	skipped := 0
	opts := WalkOptions{Skipped: func(Skip) { skipped++ }}
	_, err := Walk(context.Background(), []string{dir, filepath.Join(dir, "gone")}, opts)
	if !errors.Is(err, ErrRootMissing) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v, want ErrRootMissing with the name", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Walk(ctx, []string{dir}, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if entries, err := Walk(context.Background(), nil, opts); len(entries) != 0 || err != nil {
		t.Errorf("no roots: %v, %v", entries, err)
	}
	if runtime.GOOS != "windows" {
		if _, err := Walk(context.Background(), []string{os.DevNull}, opts); !errors.Is(err, ErrNotRegular) {
			t.Errorf("a device: %v", err)
		}
	}
	if skipped != 0 {
		t.Errorf("%d things were skipped", skipped)
	}
}

func TestWalk_Symlinks(t *testing.T) {
	dir := tree(t, map[string]string{"a/file": "x", "outside/secret": "", "root/b": ""})
	for name, target := range map[string]string{
		"a/loop": "..", "a/self": "self", "a/out": "../outside", "a/link": "file", "a/broken": "nowhere", "a/.gitignore": "/dev/zero",
	} {
		if err := os.Symlink(filepath.FromSlash(target), filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	paths, skipped := walk(t, filepath.Join(dir, "a"), WalkOptions{})
	if diff := cmp.Diff([]string{"file"}, paths); diff != "" {
		t.Error(diff)
	}
	want := []string{
		".gitignore: hidden", "broken: symbolic link", "link: symbolic link", "loop: symbolic link", "out: symbolic link",
		"self: symbolic link",
	}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Error(diff)
	}
	// A root may be a link.
	if err := os.Symlink("root", filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	if paths, _ := walk(t, filepath.Join(dir, "alias"), WalkOptions{}); len(paths) != 1 || paths[0] != "b" {
		t.Errorf("through a link: %q", paths)
	}
}

func TestWalk_Unreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("needs a user whom permissions can keep out")
	}
	dir := tree(t, map[string]string{"a": "", "shut/x": "", "rules/.gitignore": "x", "rules/x": ""})
	for _, name := range []string{"shut", "rules/.gitignore"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "shut"), 0o700) })
	paths, skipped := walk(t, dir, WalkOptions{})
	if diff := cmp.Diff([]string{"a"}, paths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"rules/: unreadable", "shut/: unreadable"}, skipped); diff != "" {
		t.Error(diff)
	}
}

func TestWalk_HugeIgnoreFile(t *testing.T) {
	dir := tree(t, map[string]string{"a": "", "b/.ignore": strings.Repeat("#", maxIgnoreBytes+1), "b/x": ""})
	paths, skipped := walk(t, dir, WalkOptions{})
	if len(paths) != 1 || len(skipped) != 1 || skipped[0] != "b/: unreadable" {
		t.Errorf("%q, %q", paths, skipped)
	}
}

func TestEntry_ID(t *testing.T) {
	for path, want := range map[string]string{
		"a/b.txt": "a/b.txt", "词/元 1\n.md": "词/元 1\n.md", "a\xff\xe8\xaf/b": `a\xff\xe8\xaf/b`,
	} {
		if got := (Entry{Path: path}).ID(); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func TestReason_String(t *testing.T) {
	for r := Hidden; r <= Unreadable; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
	}
	if got := Reason(0).String(); got != "reason 0" {
		t.Errorf("got %q", got)
	}
}

func BenchmarkWalk(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		folder := filepath.Join(dir, fmt.Sprintf("%02d", i/100))
		if i%100 == 0 {
			if err := os.Mkdir(folder, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%02d.txt", i%100)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*.log\nbuild/\n*.o\n/dist\n**/tmp/*.x\n!keep.log\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		entries, err := Walk(context.Background(), []string{dir}, WalkOptions{})
		if err != nil || len(entries) != 10_000 {
			b.Fatal(len(entries), err)
		}
	}
}

// BenchmarkLstat is the floor of BenchmarkWalk: what the status of 10,000 files
// costs alone.
func BenchmarkLstat(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for range 10_000 {
			if _, err := os.Lstat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				b.Fatal(err)
			}
		}
	}
}
