package extract

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern   string
		match, no string // paths, separated by spaces
	}{
		{"foo", "foo a/foo a/b/foo", "food a/foo/b"},
		{"*.log", "x.log .log a/b.log", "log x.log/a"},
		{"/foo", "foo", "a/foo"},
		{"a/b", "a/b", "x/a/b a/b/c"},
		{"a/*", "a/b", "a a/b/c"},
		{"**/foo", "foo a/foo a/b/foo", "foo/a"},
		{"a/**", "a/b a/b/c", "a b/a/c"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "a/x a/b/x x/a/b"},
		{"**", "a a/b", ""},
		{"**/**/a", "a b/a", "b"},
		{"a**b/c", "ab/c axxb/c", "a/b/c ax/b/c"},
		{"***", "a b/c", ""},
		{"a?c", "abc x/a.c", "ac a/c abbc"},
		{"[a-c]x", "ax cx", "dx x"},
		{"[!a-c]x", "dx", "ax"},
		{"[^a-c]x", "dx", "ax"},
		{"[]-]x", "]x -x", "ax"},
		{"[a\\]]x", "ax ]x", "bx"},
		{"[[:digit:]b-]x", "0x bx -x", "ax"},
		{"[[:alpha:][:punct:]]", "a Z !", "0"},
		{"[[a]x", "[x ax", "bx"},
		{"a[b/c]d", "", "a/d"},
		{"\\*", "*", "a"},
		{"a\\/b", "a/b", "ab"},
		{"词*", "词元 a/词", "元词"},
		{"[z-a]", "z", "a m"},
		{"[a-c-e]x", "ax -x ex", "dx"},
		{"*a*b*c", "abc xaxbxc a/abc", "acb abcd"},
		{"a/**/b/*/c", "a/b/x/c a/b/b/x/c a/q/b/b/c", "a/b/c a/x/c"},
	}
	for _, test := range tests {
		rules := parseRules([]byte(test.pattern), "f")
		if len(rules) != 1 {
			t.Errorf("%q: %d rules", test.pattern, len(rules))
			continue
		}
		for i, paths := range []string{test.match, test.no} {
			for _, path := range strings.Fields(paths) {
				if got := rules[0].pattern.match(path); got != (i == 0) {
					t.Errorf("%q matches %q: %v", test.pattern, path, got)
				}
			}
		}
	}
	for _, never := range []string{"", "#x", "/", "!", "!/", "a[", "a[b", "[[:nope:]]", "a\\", "[\\", "[a-\\", "[[:a", "\ufeff"} {
		if rules := parseRules([]byte(never), "f"); len(rules) != 0 {
			t.Errorf("%q gave a rule", never)
		}
	}
}

func TestParseRules(t *testing.T) {
	rules := parseRules([]byte("\ufeff# comment\r\n\r\n*.a  \r\n!b/\nc\\ \n\\!d\nx y \\\\ "), "dir/.gitignore")
	var got []string
	for _, r := range rules {
		got = append(got, fmt.Sprintf("%s neg=%v dir=%v", r.where, r.negated, r.dirOnly))
	}
	want := []string{
		"dir/.gitignore:3: *.a neg=false dir=false", "dir/.gitignore:4: !b/ neg=true dir=true",
		`dir/.gitignore:5: c\  neg=false dir=false`, `dir/.gitignore:6: \!d neg=false dir=false`,
		`dir/.gitignore:7: x y \\ neg=false dir=false`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPattern_Time: a pattern with many stars must not take exponential time.
func TestPattern_Time(t *testing.T) {
	name := strings.Repeat("a", 4000)
	start := time.Now()
	for _, text := range []string{strings.Repeat("*a", 60) + "*b", "/" + strings.Repeat("**/*a*/", 30) + "b"} {
		rules := parseRules([]byte(text), "f")
		for _, path := range []string{name, strings.Repeat("a/", 2000) + "a"} {
			if rules[0].pattern.match(path) {
				t.Errorf("%.20s… matches", text)
			}
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestRules_AgreeWithGit compares random ignore files with git itself.
func TestRules_AgreeWithGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skipf("needs git: %v", err)
	}
	random := rand.New(rand.NewPCG(4, 2))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	piece := func() string {
		return pick("a", "b", "ab", "*", "**", "?", "a*", "*b", "*a*", "[ab]", "[!a]", "[a-b]b", "\\a", "[[:alpha:]]", "a**b", "***", "[", "[]a]", "é", "[é]")
	}
	names := []string{"a", "b", "ab", "ba", "aab", "é", "c"}
	var paths []string
	for _, x := range names {
		paths = append(paths, x)
		for _, y := range names {
			paths = append(paths, x+"/"+y)
			for _, z := range []string{"a", "ab", "c"} {
				paths = append(paths, x+"/"+y+"/"+z)
			}
		}
	}
	dir := t.TempDir()
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(git, append([]string{"-c", "core.quotePath=false", "-c", "core.excludesFile=", "-c", "core.ignoreCase=false"}, args...)...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=", "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.Output()
		var exit *exec.ExitError // check-ignore exits with 1 when nothing is ignored
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("git %q: %v", args, err)
		}
		return string(out)
	}
	run("", "init", "-q", ".")
	compared := 0
	for range 60 {
		var text bytes.Buffer
		for range 1 + random.IntN(4) {
			text.WriteString(pick("", "", "!", "", "/", "!/"))
			for i := range 1 + random.IntN(3) {
				if i > 0 {
					text.WriteByte('/')
				}
				text.WriteString(piece())
			}
			text.WriteString(pick("", "", "", "/", " ", "\r") + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, gitIgnore), text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		set := &ruleSet{git: parseRules(text.Bytes(), gitIgnore)}
		// No path exists, so git takes each for a file, and what stands before
		// it for folders; a folder that is ignored takes all below with it.
		ignored := map[string]bool{}
		for line := range strings.Lines(run(strings.Join(paths, "\n"), "check-ignore", "--no-index", "--stdin")) {
			ignored[strings.TrimSuffix(line, "\n")] = true
		}
		for _, path := range paths {
			got := false
			for i := range path {
				if path[i] == '/' && !got {
					got, _ = set.ignored(path[:i], true)
				}
			}
			if !got {
				got, _ = set.ignored(path, false)
			}
			if got != ignored[path] {
				t.Errorf("%q ignored: %v, git says %v; rules:\n%s", path, got, ignored[path], text.String())
			}
			compared++
		}
	}
	t.Logf("%d comparisons", compared)
}

func FuzzRules(f *testing.F) {
	f.Add("a/**/[!b-c]*\n!x/\n", "a/b/c")
	f.Add("[[:alpha:]", "a")
	f.Fuzz(func(_ *testing.T, text, path string) {
		if path == "" {
			return
		}
		set := &ruleSet{git: parseRules([]byte(text), "f")}
		set.ignored(path, true)
		set.ignored(path, false)
	})
}
