package readback_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/readback-go/readback"

// storeys lists the packages of the module from the ground up. A package
// imports only from storeys below its own; what is in internal lies below all.
var storeys = []string{".", "poll", "consistency", "readbackhttp", "submit", "submitui", "readbacktest"}

// modulesOf returns the modules, besides the standard library, whose packages
// are linked into a program that imports pkgs.
func modulesOf(t *testing.T, pkgs ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, pkgs...)...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	require.NoError(t, err)
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}

// Whoever uses the library downloads and links four modules, and one more with the
// packages that limit rates.
func TestHouse_linkedModules(t *testing.T) {
	t.Parallel()
	four := []string{
		"github.com/cenkalti/backoff/v4",
		module,
		"go.uber.org/multierr",
		"go.uber.org/zap",
	}
	assert.Equal(t, four, modulesOf(t, "./poll", "./consistency"))
	assert.Equal(t, append(four, "golang.org/x/time"), modulesOf(t, "./readbackhttp", "./submit", "./submitui"))
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir        string
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Name,Doc,GoFiles,Imports", "./...")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	require.NoError(t, err)
	var found []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		found = append(found, p)
	}
	require.NotEmpty(t, found)
	return found
}

// proof is the program that holds the house against its laws. It may look at
// all of it, and nothing rests on it. It is no part of the ground, which is all that
// lies in internal.
const proof = "sim"

// storey returns the number of the storey that a package of ours is on, and
// whether it is one that the house has.
func storey(path string) (int, bool) {
	rel := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	if rel == "" {
		rel = "."
	}
	if rel == proof || strings.HasPrefix(rel, proof+"/") {
		return len(storeys), true
	}
	if strings.HasPrefix(rel, "internal/") {
		return -1, true
	}
	n := slices.Index(storeys, rel)
	return n, n >= 0
}

// An import arrow only points down.
func TestHouse_importsPointDown(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{ // besides the standard library
		"github.com/cenkalti/backoff/v4": true,
		"go.uber.org/zap":                true,
		"go.uber.org/zap/zapcore":        true,
		"golang.org/x/time/rate":         true,
	}
	for _, p := range packages(t) {
		own, ok := storey(p.ImportPath)
		assert.True(t, ok, "%s has no place in the house", p.ImportPath)
		for _, imported := range p.Imports {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				host, _, _ := strings.Cut(imported, "/")
				if p.Name != "readbacktest" && strings.Contains(host, ".") {
					assert.True(t, allowed[imported], "%s imports %s", p.ImportPath, imported)
				}
				continue
			}
			below, ok := storey(imported)
			assert.True(t, ok, "%s has no place in the house", imported)
			if own == len(storeys) && below == own {
				continue // parts of the proof
			}
			if own < 0 {
				assert.Less(t, below, 0, "%s is shared inside, and imports %s", p.ImportPath, imported)
				continue
			}
			assert.Less(t, below, own, "%s imports %s", p.ImportPath, imported)
		}
	}
}

// Every package says what it is for, in one place.
func TestHouse_packageDocs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		begins := "Package " + p.Name + " "
		if p.Name == "main" {
			begins = "Command " + path.Base(p.ImportPath) + " "
		}
		assert.True(t, strings.HasPrefix(p.Doc, begins), "%s: package doc is %q", p.ImportPath, p.Doc)
		assert.True(t, strings.HasSuffix(p.Doc, "."), "%s: package doc is %q", p.ImportPath, p.Doc)
		docs := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			require.NoError(t, err)
			if hasDoc(f) {
				docs++
			}
		}
		assert.Equal(t, 1, docs, "%s: files with a package doc", p.ImportPath)
	}
}

func hasDoc(f *ast.File) bool {
	return f.Doc != nil && (strings.HasPrefix(f.Doc.Text(), "Package ") || strings.HasPrefix(f.Doc.Text(), "Command "))
}

// The order in which a variable and a call beside it are evaluated is not defined by the
// language. So no code returns a variable beside the call that fills it: it may return what
// was there before.
func TestHouse_returnsAreInOrder(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok {
				for _, result := range r.Results {
					if v := rootOf(result); v != "" && fills(r, v) {
						t.Errorf("%s: returns %s beside a call that fills it", files.Position(r.Pos()), v)
					}
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
}

// rootOf returns the name of the variable of which an expression is a part, or "".
func rootOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootOf(e.X)
	}
	return ""
}

// fills reports whether a call in a return statement gets the address of a variable, or of
// a part of it. Functions that are returned run later.
func fills(r *ast.ReturnStmt, variable string) (found bool) {
	ast.Inspect(r, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			for _, arg := range call.Args {
				if a, ok := arg.(*ast.UnaryExpr); ok && a.Op == token.AND && rootOf(a.X) == variable {
					found = true
				}
			}
		}
		_, later := n.(*ast.FuncLit)
		return !later
	})
	return found
}
