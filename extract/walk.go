package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
)

// Entry is a file found by Walk.
type Entry struct {
	// Path is the root as given, cleaned, and the way from there, with forward
	// slashes. Its bytes are those of the file system and need not be UTF-8.
	Path string
	// Size is in bytes.
	Size int64
	// ModTime is the time of the last change, in the resolution of the file
	// system.
	ModTime time.Time
}

// ID returns the path as valid UTF-8, fit to be a document's id: each byte that
// is not part of valid UTF-8 is written as \xNN.
func (e Entry) ID() string {
	if utf8.ValidString(e.Path) {
		return e.Path
	}
	var b strings.Builder
	for i := 0; i < len(e.Path); {
		r, n := utf8.DecodeRuneInString(e.Path[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, e.Path[i])
		} else {
			b.WriteString(e.Path[i : i+n])
		}
		i += n
	}
	return b.String()
}

// Reason says why Walk left something out.
type Reason uint8

// The reasons. The zero Reason is not used.
const (
	// Hidden: the name starts with a dot, or has the hidden attribute on
	// Windows.
	Hidden Reason = iota + 1
	// Ignored: a pattern of an ignore file matches. Skip.Detail names it.
	Ignored
	// Symlink: a symbolic link. Links are never followed, so a walk can neither
	// leave its roots nor run in circles.
	Symlink
	// Special: a named pipe, a socket or a device.
	Special
	// TooLarge: larger than WalkOptions.MaxBytes.
	TooLarge
	// BinaryName: the extension belongs to a format without readable text.
	BinaryName
	// Excluded: one of WalkOptions.Exclude, usually the index itself.
	Excluded
	// Unreadable: the folder, its ignore file or the file's status could not be
	// read. Nothing is known about what lies below, so whoever mirrors the
	// folder must not treat it as deleted. Skip.Err says what happened.
	Unreadable
)

var reasonText = [...]string{
	Hidden:     "hidden",
	Ignored:    "ignored",
	Symlink:    "symbolic link",
	Special:    "not a regular file",
	TooLarge:   "too large",
	BinaryName: "no text (by its name)",
	Excluded:   "excluded",
	Unreadable: "unreadable",
}

// String returns the reason in a few plain words.
func (r Reason) String() string {
	if r == 0 || int(r) >= len(reasonText) {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return reasonText[r]
}

// Skip is a file or folder that Walk left out.
type Skip struct {
	// Path is written like Entry.Path. A folder's path ends with a slash; it
	// stands for everything below it.
	Path   string
	Reason Reason
	// Detail is the place and text of the pattern for Ignored
	// ("docs/.gitignore:3: *.log"), else empty.
	Detail string
	// Err is set for Unreadable.
	Err error
}

// WalkOptions says what Walk looks at. The zero value is the default: no hidden
// files, ignore files honoured, no size limit.
//
// A root that the caller named is always taken, even if it is hidden, ignored
// or has the name of a binary format; MaxBytes and Exclude do apply to it.
type WalkOptions struct {
	// Hidden includes hidden files and folders (but never a folder called .git).
	Hidden bool
	// NoIgnore disregards .gitignore, .ignore and .git/info/exclude.
	NoIgnore bool
	// MaxBytes leaves out larger files; 0 means no limit.
	MaxBytes int64
	// Exclude lists files that are left out wherever they turn up under their
	// own name, such as the index that is being written. They need not exist.
	Exclude []string
	// Skipped, unless nil, is called for everything that is left out, in the
	// order in which it is met: sorted inside a folder, a folder's skipped
	// content at the folder's place.
	Skipped func(Skip)
}

// Walk returns the files below the roots (each a file or a folder), sorted by
// path in byte order, each path once. It opens no file except ignore files and
// asks for the status of each file once.
//
// .gitignore and .ignore files are honoured as git does, at every level and in
// the folders between the root and the root of the git repository that holds
// it; .ignore wins over .gitignore, a deeper file over a shallower one.
// Symbolic links are not followed, except when a root is one.
//
// A folder that cannot be read is reported to Skipped and left out. The error
// wraps ErrRootMissing when a root does not exist, ErrNotRegular when a root is
// a pipe or a device, and is ctx.Err() after a cancellation.
func Walk(ctx context.Context, roots []string, opts WalkOptions) ([]Entry, error) {
	w := walker{ctx: ctx, opts: opts}
	for _, path := range opts.Exclude {
		if info, err := os.Stat(path); err == nil {
			w.excluded = append(w.excluded, excluded{filepath.Base(path), info})
		}
	}
	infos := make([]fs.FileInfo, len(roots))
	for i, root := range roots {
		info, err := os.Stat(root)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%w: %s", ErrRootMissing, root)
		case err != nil:
			return nil, fmt.Errorf("extract: reading a root: %w", err)
		case !info.IsDir() && !info.Mode().IsRegular():
			return nil, fmt.Errorf("%w: %s", ErrNotRegular, root)
		}
		infos[i] = info
	}
	for i, root := range roots {
		root = filepath.Clean(root)
		if !infos[i].IsDir() {
			w.file(filepath.ToSlash(root), infos[i], false)
			continue
		}
		w.cut = len(join(root, "x")) - 1
		var rules *ruleSet
		if !opts.NoIgnore {
			rules = parentRules(root)
		}
		if err := w.folder(root, rules); err != nil {
			return nil, err
		}
	}
	order.Stable(w.entries, func(a, b *Entry) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(w.entries, func(a, b Entry) bool { return a.Path == b.Path }), nil
}

type excluded struct {
	name string
	info fs.FileInfo
}

type walker struct {
	ctx      context.Context
	opts     WalkOptions
	excluded []excluded
	entries  []Entry
	cut      int // length of the present root with its separator
}

func (w *walker) skip(s Skip) {
	if w.opts.Skipped != nil {
		w.opts.Skipped(s)
	}
}

// folder walks one folder, of which rules are the patterns of all folders
// above.
func (w *walker) folder(dir string, rules *ruleSet) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	children, err := os.ReadDir(dir)
	if err != nil {
		// What could be listed before the error is not used: a half-read folder
		// would look like one that lost files.
		w.skip(Skip{Path: slashed(dir) + "/", Reason: Unreadable, Err: err})
		return nil
	}
	if !w.opts.NoIgnore {
		rules, err = rules.enter(dir, w.cut, children)
		if err != nil {
			w.skip(Skip{Path: slashed(dir) + "/", Reason: Unreadable, Err: err})
			return nil
		}
	}
	for _, child := range children {
		path := join(dir, child.Name())
		if reason, detail := w.refuse(child, path, rules); reason != 0 {
			name := slashed(path)
			if child.IsDir() {
				name += "/"
			}
			w.skip(Skip{Path: name, Reason: reason, Detail: detail})
			continue
		}
		if child.IsDir() {
			if err := w.folder(path, rules); err != nil {
				return err
			}
			continue
		}
		info, err := child.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Deleted since the folder was listed: as if it had never been.
		case err != nil:
			w.skip(Skip{Path: slashed(path), Reason: Unreadable, Err: err})
		default:
			w.file(slashed(path), info, true)
		}
	}
	return nil
}

// refuse tells why a child is left out, as far as that shows without its
// status; 0 if it is not.
func (w *walker) refuse(child fs.DirEntry, path string, rules *ruleSet) (Reason, string) {
	name := child.Name()
	if name == ".git" || !w.opts.Hidden && (name[0] == '.' || hiddenAttribute(child)) {
		return Hidden, ""
	}
	switch mode := child.Type(); {
	case mode&fs.ModeSymlink != 0:
		return Symlink, ""
	case !mode.IsRegular() && !mode.IsDir():
		return Special, ""
	}
	if ignored, detail := rules.ignored(filepath.ToSlash(path[w.cut:]), child.IsDir()); ignored {
		return Ignored, detail
	}
	return 0, ""
}

func (w *walker) file(path string, info fs.FileInfo, byName bool) {
	switch {
	case w.isExcluded(info):
		w.skip(Skip{Path: path, Reason: Excluded})
	case byName && binaryName(path):
		w.skip(Skip{Path: path, Reason: BinaryName})
	case w.opts.MaxBytes > 0 && info.Size() > w.opts.MaxBytes:
		w.skip(Skip{Path: path, Reason: TooLarge})
	default:
		w.entries = append(w.entries, Entry{Path: path, Size: info.Size(), ModTime: info.ModTime()})
	}
}

func (w *walker) isExcluded(info fs.FileInfo) bool {
	for _, e := range w.excluded {
		// The name is compared first because SameFile opens the file on Windows.
		if strings.EqualFold(e.name, info.Name()) && os.SameFile(e.info, info) {
			return true
		}
	}
	return false
}

// join is filepath.Join for a clean folder and a single name, without cleaning
// again.
func join(dir, name string) string {
	switch {
	case dir == ".":
		return name
	case os.IsPathSeparator(dir[len(dir)-1]):
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// slashed is filepath.ToSlash; a root "/" does not get a second slash from
// callers that add one.
func slashed(path string) string {
	path = filepath.ToSlash(path)
	if path == "/" {
		return ""
	}
	return path
}
