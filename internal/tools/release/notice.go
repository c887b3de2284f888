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
	places := make(map[string]string) // of modules with their versions
	for _, platform := range platforms {
		system, machine, _ := strings.Cut(platform, "/")
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}", ".")
		cmd.Dir = filepath.Join(root, "cmd", "readback")
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+machine)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("go list: %w: %s", err, said.Bytes())
		}
		for line := range strings.Lines(string(out)) {
			name, place, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if name != "" && !strings.HasPrefix(name, "github.com/readback-go/readback") {
				places[name] = place
			}
		}
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	places["Go's standard library"] = strings.TrimSpace(string(goroot))
	return noticeOf(places)
}

// noticeOf returns the licences in some folders. Places has the folder of each module, by name.
func noticeOf(places map[string]string) (string, error) {
	holders := make(map[string][]string) // of a text
	for name, place := range places {
		files, err := os.ReadDir(place)
		if err != nil {
			return "", err
		}
		found := false
		for _, f := range files {
			if f.IsDir() || !licences.MatchString(f.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(place, f.Name()))
			if err != nil {
				return "", err
			}
			clean := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
			holders[clean] = append(holders[clean], name)
			found = true
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
