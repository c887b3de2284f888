package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// released is a module with the version that it gets, and its sums as go.sum
// writes them.
type released struct {
	aModule
	version   string
	zip       []byte
	mod       []byte
	sum       string // of the archive
	goModSum  string // of its go.mod
	wholePath string // its folder
}

// prepare gives the released modules a version. In each it removes the lines that replace our
// own modules, requires these in the version, and adds their sums to go.sum. Nothing else
// changes. Modules are prepared after the modules that they require, since sums depend on
// content.
//
// Root must be a clean clone: files that git does not track are not released, and changed files
// would be released without a commit. If prepare fails, it is clean again.
func prepare(root, version string) (_ []released, err error) {
	if semver.Canonical(version) != version || semver.Major(version) != "v0" && semver.Major(version) != "v1" ||
		version == "v0.0.0" || module.IsPseudoVersion(version) { // the go command would not know such tags
		return nil, fmt.Errorf("-version is %q, but must be like v0.1.0 or v1.0.0-rc.1", version)
	}
	if err := clean(root); err != nil {
		return nil, err
	}
	modules, err := readModules(root)
	if err != nil {
		return nil, err
	}
	if err := whole(root, modules); err != nil {
		return nil, err
	}
	order, err := releasable(modules)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_, undo := git(root, "checkout", "-q", "--", ".")
			err = errors.Join(err, undo)
		}
	}()
	var done []released
	for _, m := range order {
		r := released{aModule: m, version: version, wholePath: filepath.Join(root, filepath.FromSlash(m.folder))}
		if err := r.rewrite(done); err != nil {
			return nil, fmt.Errorf("%s: %w", m.folder, err)
		}
		if err := r.pack(root); err != nil {
			return nil, fmt.Errorf("%s: %w", m.folder, err)
		}
		done = append(done, r)
	}
	return done, nil
}

// clean refuses a clone whose files are not, to the byte, what its commit has.
func clean(root string) error {
	changed, err := git(root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return fmt.Errorf("the clone is not clean: commit or remove these first:\n%s", changed)
	}
	// Git may write other ends of lines, and call that unchanged. The sums would be of files that nobody gets.
	files, err := git(root, "ls-files", "--eol")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(files)) {
		ends, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		kept, here, _ := strings.Cut(ends, " ")
		here = strings.Fields(here)[0]
		if strings.TrimPrefix(kept, "i/") != strings.TrimPrefix(here, "w/") {
			return fmt.Errorf("%s is not as git keeps it: clone with -c core.autocrlf=false -c core.eol=lf", name)
		}
	}
	return nil
}

// whole refuses a go.mod file whose module go.work does not name: it would be in no release.
func whole(root string, modules []aModule) error {
	files, err := git(root, "ls-files", "go.mod", "*/go.mod")
	if err != nil {
		return err
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSuffix(name, "\n")
		if !slices.ContainsFunc(modules, func(m aModule) bool { return m.folder == path.Dir(name) }) {
			return fmt.Errorf("%s is of no module of go.work", name)
		}
	}
	return nil
}

// tagged returns the tags that give modules a version.
func tagged(root, version string) ([]string, error) {
	tags, err := git(root, "tag", "--list", version, "*/"+version)
	return strings.Fields(string(tags)), err
}

// untagged refuses a version that some module has: what was had once stays in caches and proxies.
func untagged(root, version string) error {
	tags, err := tagged(root, version)
	if err == nil && len(tags) > 0 {
		err = fmt.Errorf("%s is released already, by the tag %s", version, tags[0])
	}
	return err
}

// rewrite writes go.mod and go.sum, given the modules that may be required.
func (r *released) rewrite(below []released) error {
	name := filepath.Join(r.wholePath, "go.mod")
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	replaces := len(r.file.Replace)
	required, err := requireReleased(r.file, below)
	if err != nil {
		return err
	}
	if len(required)+replaces == 0 {
		r.mod = before
		return nil
	}
	if r.mod, err = r.file.Format(); err != nil {
		return err
	}
	if err := os.WriteFile(name, r.mod, 0o666); err != nil {
		return err
	}
	if len(required) == 0 {
		return nil
	}
	name = filepath.Join(r.wholePath, "go.sum")
	sums, err := os.ReadFile(name)
	if err != nil { // a new one would not be known to git, and so not be in the archive
		return err
	}
	return os.WriteFile(name, addSums(sums, required), 0o666)
}

// requireReleased sets the versions of our modules that a go.mod file requires, drops the lines
// that replace them, and returns the modules that it requires.
func requireReleased(file *modfile.File, below []released) ([]released, error) {
	var required []released
	for _, b := range below {
		if !slices.ContainsFunc(file.Require, func(r *modfile.Require) bool { return r.Mod.Path == b.path() }) {
			continue
		}
		if err := file.AddRequire(b.path(), b.version); err != nil {
			return nil, err
		}
		required = append(required, b)
	}
	for _, replace := range slices.Clone(file.Replace) {
		if replace.New.Version != "" || !slices.ContainsFunc(below, func(b released) bool { return b.path() == replace.Old.Path }) {
			return nil, fmt.Errorf("replaces %s by %s, which users would not get", replace.Old.Path, replace.New.Path)
		}
		if err := file.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
			return nil, err
		}
	}
	file.Cleanup()
	return required, nil
}

// addSums returns a go.sum file with the sums of modules in it, in place of those that an earlier
// release left, in the order in which the go command writes them.
func addSums(file []byte, modules []released) []byte {
	lines := slices.DeleteFunc(slices.Collect(strings.Lines(string(file))), func(line string) bool {
		return slices.ContainsFunc(modules, func(m released) bool { return strings.HasPrefix(line, m.path()+" ") })
	})
	for _, m := range modules {
		lines = append(lines,
			fmt.Sprintf("%s %s %s\n", m.path(), m.version, m.sum),
			fmt.Sprintf("%s %s/go.mod %s\n", m.path(), m.version, m.goModSum))
	}
	version := func(line string) module.Version {
		fields := append(strings.Fields(line), "", "")
		return module.Version{Path: fields[0], Version: fields[1]}
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		pair := []module.Version{version(a), version(b)}
		if pair[0] == pair[1] {
			return 0
		}
		module.Sort(pair)
		if pair[0] == version(a) {
			return -1
		}
		return 1
	})
	return []byte(strings.Join(lines, ""))
}

// git returns what a git command prints. Nothing is signed, and no hook of the user runs.
func git(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("git", append([]string{"-c", "commit.gpgsign=false", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}
