package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

const module = "github.com/ciyuan-search/ciyuan"

// rooms says which packages of ours the code of a room may import directly.
// A room is a top-level folder with everything below it, "" the root package;
// an entry that ends in "/..." stands for a whole tree. Packages below
// internal are open to every room but scoring, and a room may import itself.
// Tests are free. .golangci.yml holds the same table for the linter.
var rooms = map[string][]string{
	"":          {"ask", "tokenizer", "encoder", "index", "scoring", "store"},
	"align":     {"encoder", "scoring", "tokenizer"},
	"ask":       {"tokenizer"},
	"bench":     {"", "align", "encoder/...", "eval", "index", "scoring", "tm", "tokenizer"}, // index, scoring: it measures the grades of stored vectors one by one
	"cmd":       {"", "align", "ask", "encoder/...", "eval", "extract/...", "server", "tm", "tokenizer/..."},
	"encoder":   {"scoring", "tokenizer/..."},
	"eval":      {"", "encoder/...", "tokenizer/..."},
	"extract":   {"tokenizer"},
	"index":     {"scoring"},
	"internal":  {""},
	"scoring":   {},
	"server":    {"", "align", "ask", "encoder/...", "eval", "extract/...", "tm", "tokenizer/..."},
	"store":     {},
	"tm":        {"", "align", "encoder/...", "tokenizer"},
	"tokenizer": {},
}

// owners names the one room that may import a library whose traps it handles.
var owners = map[string]string{
	"go.etcd.io/bbolt":         "store",
	"github.com/coder/hnsw":    "index",
	"github.com/go-ego/gse":    "tokenizer",
	"github.com/urfave/cli":    "cmd",
	"github.com/rogpeppe":      "no room: it is for tests",
	"github.com/google/go-cmp": "no room: it is for tests",
	"pgregory.net/rapid":       "no room: it is for tests",
	"go.uber.org/goleak":       "no room: it is for tests",
	"testing":                  "internal",
	module + "/encoder/remote": "cmd", // nothing else of ours speaks to a network
}

// unreachable lists packages that a room must not even reach through others.
var unreachable = map[string][]string{
	"scoring":   {"net", "os/exec"},
	"store":     {"net"},
	"index":     {"net"},
	"tokenizer": {"net"},
	"":          {"net", "github.com/urfave/cli/v2"},
}

type pkg struct {
	ImportPath string
	Name       string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports,Deps", "./...")
	cmd.Dir = testutil.Root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// ours returns the path of an import below the module; "" is the root package.
func ours(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func roomOf(rel string) string {
	room, _, _ := strings.Cut(rel, "/")
	return room
}

func allowed(room, rel string) bool {
	if roomOf(rel) == room {
		return true
	}
	if roomOf(rel) == "internal" {
		return room != "scoring"
	}
	return slices.ContainsFunc(rooms[room], func(entry string) bool {
		tree, whole := strings.CutSuffix(entry, "/...")
		return rel == tree || whole && strings.HasPrefix(rel, tree+"/")
	})
}

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		rel, ok := ours(p.ImportPath)
		if !ok {
			t.Fatalf("go list named %s, which is not below %s", p.ImportPath, module)
		}
		room := roomOf(rel)
		if _, ok := rooms[room]; !ok {
			t.Errorf("%s: no rule says what a room %q may import", p.ImportPath, room)
			continue
		}
		for _, path := range p.Imports {
			if other, ok := ours(path); ok && !allowed(room, other) {
				t.Errorf("%s imports %s, which room %q may not", p.ImportPath, path, room)
			}
			for library, owner := range owners {
				if within(path, library) && room != owner {
					t.Errorf("%s imports %s, which belongs to %s", p.ImportPath, path, owner)
				}
			}
		}
		if p.Name == "main" && room != "cmd" {
			// A generator is never linked into anything.
			continue
		}
		for _, path := range unreachable[room] {
			if slices.Contains(p.Deps, path) {
				t.Errorf("%s reaches %s, which room %q must not", p.ImportPath, path, room)
			}
		}
	}
}

// TestWholeDictionary fails where gse's own dictionaries would be linked: they
// add 30 MB to the binary and 1.2 s to the start of a process.
func TestWholeDictionary(t *testing.T) {
	forbidden := []string{"New", "NewEmbed", "LoadDict", "LoadDictEmbed", "LoadStopEmbed"}
	root := testutil.Root()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool {
			return spec.Path.Value == `"github.com/go-ego/gse"`
		}) {
			return nil
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.SelectorExpr)
			if !ok || !slices.Contains(forbidden, call.Sel.Name) {
				return true
			}
			// errors.New and the like are no business of this test.
			if x, ok := call.X.(*ast.Ident); ok && call.Sel.Name == "New" && x.Name != "gse" {
				return true
			}
			t.Errorf("%s: %s loads a whole dictionary", fset.Position(call.Pos()), call.Sel.Name)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
