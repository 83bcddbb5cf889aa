package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/ciyuan-search/ciyuan/extract"
)

// A place turns paths into the names that files have in an index and back. A
// file below the folder of the index is known by its path from there, any other
// by its absolute path, always with forward slashes: a folder can be moved
// together with its index, and it makes no difference from where a command is
// given.
type place struct {
	cwd  string
	base string // the folder of the index
	real string // base without symbolic links
	dirs map[string]string
}

// newPlace returns the place of the index with the given path.
func newPlace(index string) (*place, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	p := &place{cwd: cwd, dirs: map[string]string{}}
	p.base = filepath.Dir(p.absolute(index))
	p.real = resolve(p.base)
	return p, nil
}

func (p *place) absolute(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(p.cwd, name)
}

// resolve returns the path without symbolic links, or as it is where that
// cannot be found out.
func resolve(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	return path
}

// below returns the way from a folder to what lies in it; "." for itself.
func below(folder, name string) (string, bool) {
	rel, err := filepath.Rel(folder, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// key returns the name of a file in the index. The file need not exist.
func (p *place) key(name string) string {
	abs := p.absolute(name)
	if rel, ok := below(p.base, abs); ok {
		return rel
	}
	// The same folder can be reached in two ways when a link is on one of them.
	dir, file := filepath.Split(abs)
	actual, ok := p.dirs[dir]
	if !ok {
		actual = resolve(filepath.Clean(dir))
		p.dirs[dir] = actual
	}
	if rel, ok := below(p.real, filepath.Join(actual, file)); ok {
		return rel
	}
	return filepath.ToSlash(abs)
}

// file returns the absolute path of the file with a name.
func (p *place) file(key string) string {
	name := filepath.FromSlash(key)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.base, name)
}

// show returns a path that leads to the file from the current folder.
func (p *place) show(key string) string {
	if key == "" || strings.Contains(key, "://") {
		return key
	}
	file := p.file(key)
	if rel, ok := below(p.cwd, file); ok {
		return filepath.FromSlash(rel)
	}
	return file
}

// under reports whether a file is the root or lies below it, by their names in
// the index.
func (p *place) under(root, key string) bool {
	if root == key {
		return true
	}
	_, ok := below(p.file(root), p.file(key))
	return ok
}

// ids returns the ids that an argument of the command line can mean: the text
// itself and the name of the file that it leads to.
func (p *place) ids(arg string) []string {
	ids := []string{arg}
	if id := fileID(p.key(arg)); id != arg {
		ids = append(ids, id)
	}
	return ids
}

// fileID returns the id of the document that a file is.
func fileID(key string) string { return extract.Entry{Path: key}.ID() }

// isFile reports whether a document is a whole file, not a record of one.
func isFile(id, key string) bool { return key != "" && fileID(key) == id }

// name returns how a document is named on a terminal: by a path that can be
// opened if it is a file, else by its id.
func (p *place) name(id, key string) string {
	if isFile(id, key) {
		return p.show(key)
	}
	return id
}
