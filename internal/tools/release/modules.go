package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// ours lists the modules of the workspace that are not released, since nobody imports them. All
// other modules are released.
var ours = []string{
	"bench",
	"docs",
	"examples/jobsubmitter",
	"examples/outbox",
	"examples/workspacesgrpc",
	"internal/tools",
	"interop",
	"natsstore/crashtest",
}

// aModule is a module of the workspace.
type aModule struct {
	folder string // below the workspace, "." for the root
	file   *modfile.File
}

func (m aModule) path() string { return m.file.Module.Mod.Path }

// tag returns the tag that gives the module a version.
func (m aModule) tag(version string) string {
	if m.folder == "." {
		return version
	}
	return m.folder + "/" + version
}

// readModules returns the modules of the go.work file in root, as it lists them.
func readModules(root string) ([]aModule, error) {
	name := filepath.Join(root, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(name, text, nil)
	if err != nil {
		return nil, err
	}
	var modules []aModule
	for _, use := range work.Use {
		folder := path.Clean(use.Path)
		name := filepath.Join(root, filepath.FromSlash(folder), "go.mod")
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := modfile.Parse(name, text, nil)
		if err != nil {
			return nil, err
		}
		modules = append(modules, aModule{folder, file})
	}
	return modules, nil
}

// releasable returns the released modules, each after the modules that it requires, and
// otherwise in the order of folders.
func releasable(modules []aModule) ([]aModule, error) {
	byPath := make(map[string]aModule)
	for _, m := range modules {
		byPath[m.path()] = m
	}
	const (
		begun = 1 + iota
		placed
	)
	var (
		order []aModule
		state = make(map[string]int)
		place func(m aModule, chain []string) error
	)
	place = func(m aModule, chain []string) error {
		chain = append(chain, m.folder)
		switch state[m.path()] {
		case placed:
			return nil
		case begun:
			return fmt.Errorf("modules require each other: %s", strings.Join(chain, " -> "))
		}
		state[m.path()] = begun
		for _, r := range m.file.Require {
			below, ok := byPath[r.Mod.Path]
			if !ok {
				continue
			}
			if slices.Contains(ours, below.folder) {
				return fmt.Errorf("%s is released, and requires %s, which is not", m.folder, below.folder)
			}
			if err := place(below, chain); err != nil {
				return err
			}
		}
		state[m.path()] = placed
		order = append(order, m)
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(modules), func(a, b aModule) int { return strings.Compare(a.folder, b.folder) })
	for _, m := range sorted {
		if slices.Contains(ours, m.folder) {
			continue
		}
		if err := place(m, nil); err != nil {
			return nil, err
		}
	}
	return order, nil
}
