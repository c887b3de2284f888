package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licences matches the names of files that have the licence of a module.
var licences = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)([-.].*)?$`)

// notice returns the licences of everything that the binaries contain on any platform: the
// standard library and all modules. The same text is printed once.
func notice(ctx context.Context, root string) (string, error) {
	places := make(map[string][]string) // of modules with their versions: the module, then its packages
	for _, platform := range platforms {
		system, machine, _ := strings.Cut(platform, "/")
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{$p := .Dir}}{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}\t{{$p}}{{end}}", ".")
		cmd.Dir = filepath.Join(root, "cmd", "readback")
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+machine)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("go list: %w: %s", err, said.Bytes())
		}
		for line := range strings.Lines(string(out)) {
			name, folders, found := strings.Cut(strings.TrimSpace(line), "\t")
			if !found || strings.HasPrefix(name, "github.com/readback-go/readback") {
				continue
			}
			top, folder, _ := strings.Cut(folders, "\t")
			if places[name] == nil {
				places[name] = []string{top}
			}
			places[name] = append(places[name], folder)
		}
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	places["Go's standard library"] = []string{strings.TrimSpace(string(goroot))}
	return noticeOf(places)
}

// noticeOf returns the licences in some folders. Places has those of each module, by name, the top
// one first. A folder between it and another may have come from elsewhere, with a licence of its own.
func noticeOf(places map[string][]string) (string, error) {
	holders := make(map[string][]string) // of a text
	for name, folders := range places {
		found, seen := false, make(map[string]bool)
		for _, folder := range folders {
			for ; !seen[folder]; folder = filepath.Dir(folder) {
				texts, err := licencesIn(folder)
				if err != nil {
					return "", err
				}
				for _, text := range texts {
					holders[text] = append(holders[text], name)
					found = true
				}
				seen[folder] = true
				if folder == folders[0] {
					break
				}
			}
		}
		if !found {
			return "", fmt.Errorf("%s has no licence that could be found", name)
		}
	}
	var texts []string
	for text, names := range holders {
		slices.Sort(names)
		holders[text] = slices.Compact(names)
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int {
		return strings.Compare(strings.Join(holders[a], "\n")+"\n"+a, strings.Join(holders[b], "\n")+"\n"+b)
	})
	var all strings.Builder
	all.WriteString("The binaries of readback contain the following, under the licences that follow each list.\n")
	for _, text := range texts {
		fmt.Fprintf(&all, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 79), strings.Join(holders[text], "\n"), text)
	}
	return all.String(), nil
}

// licencesIn returns the texts of the licences that lie in a folder.
func licencesIn(folder string) (texts []string, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.IsDir() || !licences.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return texts, nil
}
