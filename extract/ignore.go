package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names of ignore files. Patterns of ownIgnore win over those of gitIgnore
// (the convention of ripgrep, fd and ag).
const (
	gitIgnore = ".gitignore"
	ownIgnore = ".ignore"
)

// maxIgnoreBytes bounds an ignore file; git itself reads up to 100 MB, real
// ones have a few kB.
const maxIgnoreBytes = 1 << 20

// ruleSet holds the patterns of one folder and leads to those of the folders
// above. A nil ruleSet ignores nothing.
type ruleSet struct {
	parent *ruleSet
	// A path relative to the root of the walk becomes one relative to this
	// folder by cutting cut bytes off its front (a folder below the root) or
	// putting prefix there (a folder above it).
	cut    int
	prefix string
	git    []rule
	own    []rule
}

// rule is one line of an ignore file.
type rule struct {
	pattern pattern
	negated bool
	dirOnly bool
	where   string // file:line: text
}

// enter returns the rules that hold inside dir, whose children are given. cut
// is the length of the root of the walk with its separator.
func (s *ruleSet) enter(dir string, cut int, children []fs.DirEntry) (*ruleSet, error) {
	set := &ruleSet{parent: s, cut: len(join(dir, "x")) - 1 - cut}
	for _, child := range children {
		name := child.Name()
		// A link or a pipe of that name is disregarded, as git does.
		if name != gitIgnore && name != ownIgnore || !child.Type().IsRegular() {
			continue
		}
		rules, err := readRules(join(dir, name))
		if err != nil {
			return nil, err
		}
		if name == gitIgnore {
			set.git = rules
		} else {
			set.own = rules
		}
	}
	if set.git == nil && set.own == nil {
		return s, nil
	}
	return set, nil
}

// parentRules returns the rules that hold at root because of the folders above
// it, up to the root of the git repository that root lies in, and of that
// repository's info/exclude; nil outside a repository. What cannot be read is
// left out: it is not part of the tree that was asked for.
func parentRules(root string) *ruleSet {
	top, err := filepath.Abs(root)
	if err != nil {
		return nil
	}
	below := []string{} // names of the folders between top and root, innermost first
	for {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			break
		}
		parent := filepath.Dir(top)
		if parent == top {
			return nil
		}
		below = append(below, filepath.Base(top))
		top = parent
	}
	prefix := ""
	for i := len(below) - 1; i >= 0; i-- {
		prefix += below[i] + "/"
	}
	var set *ruleSet
	if rules := readParentRules(filepath.Join(top, ".git", "info", "exclude")); rules != nil {
		set = &ruleSet{prefix: prefix, git: rules}
	}
	dir := top
	for i := len(below) - 1; i >= 0; i-- {
		next := &ruleSet{parent: set, prefix: prefix}
		next.git = readParentRules(filepath.Join(dir, gitIgnore))
		next.own = readParentRules(filepath.Join(dir, ownIgnore))
		if next.git != nil || next.own != nil {
			set = next
		}
		dir = filepath.Join(dir, below[i])
		prefix = prefix[len(below[i])+1:]
	}
	return set
}

func readParentRules(path string) []rule {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	rules, err := readRules(path)
	if err != nil {
		return nil
	}
	return rules
}

func readRules(path string) ([]rule, error) {
	file, err := openRegular(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxIgnoreBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("extract: reading an ignore file: %w", err)
	}
	if len(data) > maxIgnoreBytes {
		return nil, fmt.Errorf("extract: ignore file %s is larger than %d bytes", path, maxIgnoreBytes)
	}
	return parseRules(data, filepath.ToSlash(path)), nil
}

// parseRules reads the text of an ignore file. name is used in Skip.Detail.
// Lines that can never match are left out, as git does silently.
func parseRules(data []byte, name string) []rule {
	var rules []rule
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		text := trimSpaces(line)
		r := rule{where: fmt.Sprintf("%s:%d: %s", name, n+1, text)}
		text, r.negated = strings.CutPrefix(text, "!")
		text, r.dirOnly = strings.CutSuffix(text, "/")
		var ok bool
		if r.pattern, ok = compile(text); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// trimSpaces drops spaces at the end, except one that a backslash protects.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// ignored tells whether a path (relative to the root of the walk, with forward
// slashes) is to be left out, and by which line. Later lines win over earlier
// ones, deeper folders over shallower ones, .ignore over .gitignore.
func (s *ruleSet) ignored(path string, dir bool) (bool, string) {
	for _, own := range [2]bool{true, false} {
		for set := s; set != nil; set = set.parent {
			rules := set.git
			if own {
				rules = set.own
			}
			if len(rules) == 0 {
				continue
			}
			rel := path[set.cut:]
			if set.prefix != "" {
				rel = set.prefix + path
			}
			for i := len(rules) - 1; i >= 0; i-- {
				if r := &rules[i]; (dir || !r.dirOnly) && r.pattern.match(rel) {
					return !r.negated, r.where
				}
			}
		}
	}
	return false, ""
}
