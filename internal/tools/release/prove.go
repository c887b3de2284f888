package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// programs are programs of a new user: one with all adapters, and the frame around the first code
// of the README.
//
//go:embed testdata/adapters testdata/readme.txt
var programs embed.FS

// workbench is a temporary folder in which a release is tried and built.
type workbench struct {
	ctx     context.Context
	folder  string   // all that is written
	clone   string   // the prepared clone
	env     []string // with the proxy of the release before the usual one
	modules []released
}

// prove releases the last commit of root into a temporary folder, and checks that a new user can
// use it. The version is one that nobody else has, so that the usual module cache and build cache
// can be used, also while another proof is under way.
func prove(ctx context.Context, root string) error {
	return onBench(ctx, root, "v0.1.0-proof.g"+strings.ToLower(rand.Text()), workbench.prove)
}

// onBench releases the last commit of root into a temporary folder, and calls do. At the end it
// removes the modules from the module cache, since later content may have the same version.
func onBench(ctx context.Context, root, version string, do func(workbench) error) (err error) {
	folder, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	clone := filepath.Join(folder, "clone")
	if _, err := git(root, "clone", "-q", "-c", "core.autocrlf=false", "-c", "core.eol=lf", root, clone); err != nil {
		return err
	}
	modules, err := prepare(clone, version)
	if err != nil {
		return err
	}
	if err := onlyModuleFiles(clone); err != nil {
		return err
	}
	// gorelease reads only commits.
	if _, err := git(clone, "-c", "user.name=proof", "-c", "user.email=proof@stranger.example", "commit", "-q", "-a", "--allow-empty", "-m", version); err != nil {
		return err
	}
	if err := asTagged(clone, version); err != nil {
		return err
	}
	proxy := filepath.Join(folder, "proxy")
	if err := writeProxy(proxy, modules); err != nil {
		return err
	}
	env, cache, err := settings(ctx, proxy, modules[0].path())
	if err != nil {
		return err
	}
	if err := forget(cache, modules); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget(cache, modules)) }()
	env = append(env, "GOBIN="+filepath.Join(folder, "bin"), "TMPDIR="+folder) // also what is killed leaves nothing
	return do(workbench{ctx: ctx, folder: folder, clone: clone, modules: modules, env: env})
}

// settings returns the environment of all that is run, and the folder of the module cache. Where
// modules come from and are kept is as usual, but for the modules below the path house, which come
// from a proxy in a folder. All else is as it is for somebody who has set nothing, or else it
// would be seen in the binaries.
func settings(ctx context.Context, proxy, house string) (env []string, cache string, err error) {
	text, err := exec.CommandContext(ctx, "go", "env", "-json", "GOPROXY", "GOSUMDB", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		return nil, "", err
	}
	var usual map[string]string
	if err := json.Unmarshal(text, &usual); err != nil {
		return nil, "", err
	}
	proxy = "/" + strings.TrimPrefix(filepath.ToSlash(proxy), "/") // on Windows, a volume comes first
	from := url.URL{Scheme: "file", Path: proxy}
	usual["GOPROXY"] = from.String() + "," + usual["GOPROXY"]
	env = append(os.Environ(), "GOENV=off", "GOWORK=off", "GOFLAGS=-mod=mod", "GONOSUMDB="+house+","+house+"/*",
		"GOPRIVATE=", "GONOPROXY=", "GOEXPERIMENT=", "GOFIPS140=off")
	for name, value := range usual {
		env = append(env, name+"="+value)
	}
	return env, usual["GOMODCACHE"], nil
}

func (b workbench) prove() error {
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"each module is tidy and whole by itself", b.tidy},
		{"the API of each module, compared", b.compare},
		{"each module can be had, and passes vet", b.get},
		{"the README's first program", b.readme},
		{"the first page of the guides", b.guide},
		{"a program with the adapters", b.adapters},
		{"the command", b.command},
	} {
		start := time.Now()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%4.0f s  %s\n", time.Since(start).Seconds(), step.name)
	}
	return nil
}

// onlyModuleFiles refuses a prepared clone in which anything else has changed.
func onlyModuleFiles(clone string) error {
	changed, err := git(clone, "status", "--porcelain", "-z")
	if err != nil {
		return err
	}
	for entry := range strings.SplitSeq(string(changed), "\x00") {
		if entry == "" {
			continue // the end
		}
		name, modified := strings.CutPrefix(entry, " M ")
		if !modified || path.Base(name) != "go.mod" && path.Base(name) != "go.sum" {
			return fmt.Errorf("something else has changed: %q", entry)
		}
	}
	return nil
}

// asTagged refuses a commit that has other files than the tags of its version, if there are any.
func asTagged(clone, version string) error {
	tags, err := tagged(clone, version)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		changed, err := git(clone, "diff", "--name-only", "refs/tags/"+tag, "HEAD")
		if err != nil {
			return err
		}
		if len(changed) > 0 {
			return fmt.Errorf("the tag %s has something else in:\n%s", tag, changed)
		}
	}
	return nil
}

// run runs a command and returns what it prints on stdout.
func (b workbench) run(dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir, cmd.Env = dir, b.env
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, said.Bytes())
	}
	return string(out), nil
}

func (b workbench) tidy() error {
	for _, m := range b.modules {
		if _, err := b.run(m.wholePath, "go", "mod", "tidy", "-diff"); err != nil {
			return fmt.Errorf("%s: %w", m.folder, err)
		}
	}
	return nil
}

// compare runs gorelease. There is no earlier release yet, so it checks only the modules
// themselves.
func (b workbench) compare() error {
	tool, err := exec.CommandContext(b.ctx, "go", "tool", "-n", "gorelease").Output()
	if err != nil {
		return fmt.Errorf("go tool gorelease: %w", err)
	}
	for _, m := range b.modules {
		if _, err := b.run(m.wholePath, strings.TrimSpace(string(tool)), "-base=none", "-version="+m.version); err != nil {
			return fmt.Errorf("%s: %w", m.folder, err)
		}
	}
	return nil
}

// empty returns the folder of a new module that requires some modules.
func (b workbench) empty(name string, requires ...string) (string, error) {
	dir := filepath.Join(b.folder, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if _, err := b.run(dir, "go", "mod", "init", "stranger.example/"+name); err != nil {
		return "", err
	}
	if len(requires) > 0 {
		if _, err := b.run(dir, "go", append([]string{"get"}, requires...)...); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func (b workbench) all() (requires []string) {
	for _, m := range b.modules {
		requires = append(requires, m.path()+"@"+m.version)
	}
	return requires
}

// get vets each module where it alone is required: as it is had, with its tests, and compiled but
// once for all that follows.
func (b workbench) get() error {
	for i, require := range b.all() {
		dir, err := b.empty(fmt.Sprintf("get%d", i), require)
		if err != nil {
			return err
		}
		if _, err := b.run(dir, "go", "vet", b.modules[i].path()+"/..."); err != nil {
			return err
		}
	}
	return nil
}

// readme runs the first Go code of the README in a frame with a client.
func (b workbench) readme() error {
	text, err := os.ReadFile(filepath.Join(b.modules[0].wholePath, "README.md"))
	if err != nil {
		return err
	}
	frame, err := programs.ReadFile("testdata/readme.txt")
	if err != nil {
		return err
	}
	_, code, found := strings.Cut(string(text), "```go\n")
	code, _, closed := strings.Cut(code, "```\n")
	if !found || !closed {
		return errors.New("the README shows no Go code")
	}
	program := strings.Replace(string(frame), "// README\n", code, 1)
	return b.typed("readme", string(text), program, "the read model shows alpha\n")
}

// guide does what the first page of the guides says.
func (b workbench) guide() error {
	page, err := os.ReadFile(filepath.Join(b.clone, "docs", "first.md"))
	if err != nil {
		return err
	}
	_, rest, found := strings.Cut(string(page), "```go\n")
	program, rest, closed := strings.Cut(rest, "```\n")
	_, output, shown := strings.Cut(rest, "$ go run .\n")
	output, _, _ = strings.Cut(output, "```\n")
	if !found || !closed || !shown {
		return errors.New("docs/first.md shows no program with its output")
	}
	return b.typed("first", string(page), program, output)
}

// typed runs a program as a new user does: in an empty module, after the go get that the
// page shows first, and after no other command.
func (b workbench) typed(name, page, program, want string) error {
	_, rest, found := strings.Cut(page, "\ngo get ")
	path, _, _ := strings.Cut(rest, "\n")
	if !found {
		return errors.New("the page shows no go get")
	}
	b.env = append(slices.Clip(b.env), "GOFLAGS=") // what is missing in go.mod stays missing
	dir, err := b.empty(name, path+"@"+b.modules[0].version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o666); err != nil {
		return err
	}
	got, err := b.run(dir, "go", "run", ".")
	if err == nil && got != want {
		err = fmt.Errorf("it prints %q, not %q", got, want)
	}
	return err
}

func (b workbench) adapters() error {
	dir, err := b.empty("adapters", b.all()...)
	if err != nil {
		return err
	}
	source, err := fs.Sub(programs, "testdata/adapters")
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(source, "main.go")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), text, 0o666); err != nil {
		return err
	}
	return b.runProgram(dir, "confirmed workspace-1\n")
}

// runProgram vets and runs the program in dir, and compares what it prints.
func (b workbench) runProgram(dir, want string) error {
	for _, args := range [][]string{{"mod", "tidy"}, {"vet", "./..."}} {
		if _, err := b.run(dir, "go", args...); err != nil {
			return err
		}
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if bytes.Contains(mod, []byte("replace")) {
		return fmt.Errorf("it needs a replace:\n%s", mod)
	}
	got, err := b.run(dir, "go", "run", ".")
	if err == nil && got != want {
		err = fmt.Errorf("it prints %q, not %q", got, want)
	}
	return err
}

func (b workbench) command() error {
	version := b.modules[0].version
	if _, err := b.run(b.folder, "go", "install", b.modules[0].path()+"/cmd/readback@"+version); err != nil {
		return err
	}
	got, err := b.run(b.folder, filepath.Join(b.folder, "bin", "readback"), "--version")
	if want := "readback " + version + "\n"; err == nil && got != want {
		err = fmt.Errorf("it prints %q, not %q", got, want)
	}
	return err
}

// forget takes the modules out of the module cache.
func forget(cache string, modules []released) error {
	var errs []error
	for _, m := range modules {
		escaped, err := module.EscapePath(m.path())
		if err != nil {
			return err
		}
		errs = append(errs, removeAll(filepath.Join(cache, filepath.FromSlash(escaped)+"@"+m.version)))
		files, err := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped), "@v", m.version+".*"))
		errs = append(errs, err)
		for _, name := range files {
			errs = append(errs, os.Remove(name))
		}
	}
	return errors.Join(errs...)
}

// removeAll removes a folder of the module cache, which is kept read-only.
func removeAll(folder string) error {
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(name, 0o777)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(folder)
}
