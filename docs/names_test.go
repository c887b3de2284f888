package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages are those that the pages speak of, and their folders.
var packages = map[string]string{
	"readback": "..", "poll": "../poll", "consistency": "../consistency", "readbackhttp": "../readbackhttp",
	"submit": "../submit", "submitui": "../submitui", "readbacktest": "../readbacktest", "readbackgrpc": "../readbackgrpc",
	"readbackpgx": "../readbackpgx", "readbackotel": "../readbackotel", "natsstore": "../natsstore", "pgstore": "../pgstore",
}

// exported returns the exported names of all packages: package.Name, and Type.Member
// of each type.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for name, folder := range packages {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files, name)
		for _, at := range files {
			if strings.HasSuffix(at, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range file.Decls {
				declared(all, name, decl)
			}
		}
	}
	return all
}

func declared(all map[string]bool, pkg string, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			all[pkg+"."+d.Name.Name] = true
			return
		}
		ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if ok {
				all[id.Name+"."+d.Name.Name] = true
			}
			return !ok
		})
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					all[pkg+"."+name.Name] = true
				}
			case *ast.TypeSpec:
				all[pkg+"."+s.Name.Name] = true
				if fields, ok := s.Type.(*ast.StructType); ok {
					for _, field := range fields.Fields.List {
						for _, name := range field.Names {
							all[s.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
	}
}

// spans are the words of a page that are code, and qualified finds names in them:
// package.Name, and Type.Member.
var spans = regexp.MustCompile("`[^`\n]*`")

var qualified = regexp.MustCompile(`\b([A-Za-z]+)\.([A-Z]\w*)`)

// What pages call by name is there.
func TestPages_namesExist(t *testing.T) {
	t.Parallel()
	known := exported(t)
	pages := guides(t)
	for _, name := range []string{"../README.md", "../SECURITY.md"} {
		pages[filepath.Base(name)+" above"] = read(t, name)
	}
	checked := 0
	for page, text := range pages {
		for _, span := range spans.FindAllString(fenced.ReplaceAllString(text, ""), -1) {
			for _, found := range qualified.FindAllStringSubmatch(span, -1) {
				of, name := found[1], found[2]
				if of == "flow" || of == "create" || of == "rename" {
					of = "Flow"
				}
				if of == "res" {
					of = "Result"
				}
				switch isType := of[0] >= 'A' && of[0] <= 'Z'; {
				case packages[of] != "" || isType && typeNamed(known, of):
					checked++
					assert.True(t, known[of+"."+name], "%s speaks of %s, which is not there", page, found[0])
				}
			}
		}
	}
	assert.Greater(t, checked, 60, "the pages speak of that many names")
}

// typeNamed reports whether some package has a type or another name like that.
func typeNamed(known map[string]bool, name string) bool {
	for pkg := range packages {
		if known[pkg+"."+name] {
			return true
		}
	}
	return false
}
