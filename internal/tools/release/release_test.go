package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// clone returns a clean clone of a small workspace, whose files are given by name.
func clone(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "."},
		{"-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "all"},
	} {
		_, err := git(root, args...)
		require.NoError(t, err)
	}
	return root
}

// goMod is the go.mod file of a module in a folder that requires others, by their
// folders, and replaces them as all of ours do before a release.
func goMod(folder string, requires ...string) string {
	const house = "house.example/lib"
	at := func(folder string) string { return strings.TrimSuffix(house+"/"+folder, "/.") }
	text := "module " + at(folder) + "\n\ngo 1.25.0\n"
	for _, r := range requires {
		text += "\nrequire " + at(r) + " v0.0.0\n"
	}
	for _, r := range requires {
		to, _ := filepath.Rel(folder, r)
		if !strings.HasPrefix(to, ".") {
			to = "./" + to
		}
		text += "\nreplace " + at(r) + " => " + filepath.ToSlash(to) + "\n"
	}
	return text
}

func house() map[string]string {
	return map[string]string{
		"go.work":         "go 1.25.0\n\nuse (\n\t.\n\t./cmd\n\t./bench\n\t./examples\n)\n",
		"LICENSE":         "do as you like\n",
		"go.mod":          goMod("."),
		"lib.go":          "package lib\n",
		"cmd/go.mod":      goMod("cmd", ".", "examples"),
		"cmd/go.sum":      "a.example/a v1.0.0 h1:a=\na.example/a v1.0.0/go.mod h1:a=\nz.example/z v1.0.0 h1:z=\nz.example/z v1.0.0/go.mod h1:z=\n",
		"cmd/main.go":     "package main\n\nfunc main() {}\n",
		"examples/go.mod": goMod("examples", "."),
		"examples/go.sum": "",
		"examples/ex.go":  "package examples\n",
		"bench/go.mod":    goMod("bench", ".", "examples"),
		"bench/b.go":      "package bench\n",
	}
}

func folders(modules []aModule) (names []string) {
	for _, m := range modules {
		names = append(names, m.folder)
	}
	return names
}

// A module comes after those that it requires; what nobody imports stays out.
func TestReleasable_order(t *testing.T) {
	t.Parallel()
	modules, err := readModules(clone(t, house()))
	require.NoError(t, err)
	order, err := releasable(modules)
	require.NoError(t, err)
	assert.Equal(t, []string{".", "examples", "cmd"}, folders(order))
}

func TestReleasable_refused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(map[string]string){
		"modules require each other: cmd -> examples -> cmd": func(files map[string]string) { files["examples/go.mod"] = goMod("examples", "cmd") },
		"cmd is released, and requires bench, which is not":  func(files map[string]string) { files["cmd/go.mod"] = goMod("cmd", "bench") },
	} {
		files := house()
		change(files)
		modules, err := readModules(clone(t, files))
		require.NoError(t, err)
		_, err = releasable(modules)
		assert.EqualError(t, err, want)
	}
}

// The requirements have the version, the replaces are gone, and go.sum has the
// sums in its order. Nothing else changes.
func TestPrepare_changes(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	done, err := prepare(root, "v0.1.0")
	require.NoError(t, err)
	require.Len(t, done, 3)

	assert.NoError(t, onlyModuleFiles(root))
	got, err := os.ReadFile(filepath.Join(root, "cmd", "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, "module house.example/lib/cmd\n\ngo 1.25.0\n\nrequire house.example/lib v0.1.0\n\nrequire house.example/lib/examples v0.1.0\n", string(got))
	got, err = os.ReadFile(filepath.Join(root, "cmd", "go.sum"))
	require.NoError(t, err)
	assert.Equal(t, "a.example/a v1.0.0 h1:a=\na.example/a v1.0.0/go.mod h1:a=\n"+
		"house.example/lib v0.1.0 "+done[0].sum+"\nhouse.example/lib v0.1.0/go.mod "+done[0].goModSum+"\n"+
		"house.example/lib/examples v0.1.0 "+done[1].sum+"\nhouse.example/lib/examples v0.1.0/go.mod "+done[1].goModSum+"\n"+
		"z.example/z v1.0.0 h1:z=\nz.example/z v1.0.0/go.mod h1:z=\n", string(got))
	assert.Equal(t, []string{"v0.1.0", "examples/v0.1.0", "cmd/v0.1.0"},
		[]string{done[0].tag("v0.1.0"), done[1].tag("v0.1.0"), done[2].tag("v0.1.0")})
}

// The archive of a module is the one that is made of the commit, with the licence
// of the root.
func TestPrepare_archives(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	done, err := prepare(root, "v0.1.0")
	require.NoError(t, err)
	_, err = git(root, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-a", "-m", "release")
	require.NoError(t, err)
	for _, m := range done {
		folder := strings.TrimPrefix(m.folder, ".")
		var archive bytes.Buffer
		require.NoError(t, modzip.CreateFromVCS(&archive, module.Version{Path: m.path(), Version: "v0.1.0"}, root, "HEAD", folder))
		sum, err := zipSum(archive.Bytes())
		require.NoError(t, err)
		assert.Equal(t, sum, m.sum, m.folder)
	}
}

// What is prepared again, and committed, has the sums of the last time alone.
func TestPrepare_again(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	for _, version := range []string{"v0.1.0", "v0.1.1"} {
		done, err := prepare(root, version)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, "examples", "go.sum"))
		require.NoError(t, err)
		assert.Equal(t, "house.example/lib "+version+" "+done[0].sum+"\nhouse.example/lib "+version+"/go.mod "+done[0].goModSum+"\n", string(got))
		_, err = git(root, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-a", "-m", version)
		require.NoError(t, err)
	}
}

func TestPrepare_refused(t *testing.T) {
	t.Parallel()
	// The go command takes v0.0.0 for no release, and does not read a tag that looks like the name of a commit.
	for _, version := range []string{"", "0.1.0", "v0.1", "v2.0.0", "v0.1.0+meta", "v0.0.0", "v0.0.0-20260101000000-abcdefabcdef"} {
		_, err := prepare(t.TempDir(), version)
		assert.ErrorContains(t, err, "must be like v0.1.0", version)
	}
	for want, change := range map[string]func(root string) error{
		"the clone is not clean: commit or remove these first:\n?? note": func(root string) error {
			return os.WriteFile(filepath.Join(root, "note"), nil, 0o666)
		},
		"lib.go is not as git keeps it": func(root string) error {
			_, err := git(root, "config", "core.autocrlf", "true")
			if err == nil {
				err = os.Remove(filepath.Join(root, "lib.go"))
			}
			if err == nil {
				_, err = git(root, "checkout", "lib.go")
			}
			return err
		},
	} {
		root := clone(t, house())
		require.NoError(t, change(root))
		_, err := prepare(root, "v0.1.0")
		assert.ErrorContains(t, err, want)
	}
}

// What cannot be prepared to the end is left as it was.
func TestPrepare_undone(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(map[string]string){
		"cmd: replaces a.example/a by b.example/b, which users would not get": func(files map[string]string) {
			files["cmd/go.mod"] += "\nreplace a.example/a => b.example/b v1.0.0\n"
		},
		"other/go.mod is of no module of go.work": func(files map[string]string) { files["other/go.mod"] = goMod("other") },
	} {
		files := house()
		change(files)
		root := clone(t, files)
		_, err := prepare(root, "v0.1.0")
		assert.EqualError(t, err, want)
		changed, err := git(root, "status", "--porcelain")
		require.NoError(t, err)
		assert.Empty(t, string(changed))
	}
}

// A version that any module has already would mean two contents.
func TestUntagged(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	_, err := git(root, "tag", "cmd/v0.1.0")
	require.NoError(t, err)
	assert.EqualError(t, untagged(root, "v0.1.0"), "v0.1.0 is released already, by the tag cmd/v0.1.0")
	assert.NoError(t, untagged(root, "v0.1.1"))
}

// A module that replaces one that it does not require is rid of the line too.
func TestPrepare_replaceAlone(t *testing.T) {
	t.Parallel()
	files := house()
	files["examples/go.mod"] = goMod("examples") + "\nreplace house.example/lib => ..\n"
	root := clone(t, files)
	_, err := prepare(root, "v0.1.0")
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(root, "examples", "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, goMod("examples"), string(got))
}

// What replaces a module of others would be lost on the way to users.
func TestRequireReleased_foreignReplace(t *testing.T) {
	t.Parallel()
	file, err := modfile.Parse("go.mod", []byte("module m.example/m\n\nreplace a.example/a => b.example/b v1.0.0\n"), nil)
	require.NoError(t, err)
	_, err = requireReleased(file, nil)
	assert.EqualError(t, err, "replaces a.example/a by b.example/b, which users would not get")
}

// Anything but go.mod and go.sum is told.
func TestOnlyModuleFiles(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	assert.NoError(t, onlyModuleFiles(root), "nothing has changed")
	require.NoError(t, os.WriteFile(filepath.Join(root, "lib.go"), []byte("package other\n"), 0o666))
	assert.ErrorContains(t, onlyModuleFiles(root), "lib.go")
}

// The modules of this workspace can be put in order.
func TestReleasable_thisWorkspace(t *testing.T) {
	t.Parallel()
	modules, err := readModules("../../..")
	require.NoError(t, err)
	order, err := releasable(modules)
	require.NoError(t, err)
	assert.Equal(t, ".", order[0].folder)
	assert.Contains(t, folders(order), "cmd/readback")
	for _, private := range ours {
		assert.Contains(t, folders(modules), private)
		assert.NotContains(t, folders(order), private)
	}
}
