package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sources are the files whose examples the pages show. Each belongs to a package
// that go test compiles, and an example with an output is run.
var sources = []string{
	"*_test.go",
	"../readme_test.go",
	"../readbackgrpc/example_test.go",
	"../readbackpgx/example_test.go",
	"../pgstore/example_test.go",
}

var (
	indents = regexp.MustCompile(`(?m)^\t+`)
	fenced  = regexp.MustCompile("(?s)```.*?```")
	links   = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// read returns the text of all files that fit.
func read(t *testing.T, patterns ...string) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			all.Write(text)
		}
	}
	return all.String()
}

// blocks returns the code of a page in that language.
func blocks(page, language string) (found []string) {
	for {
		_, rest, ok := strings.Cut(page, "\n```"+language+"\n")
		if !ok {
			return found
		}
		block, after, _ := strings.Cut(rest, "```")
		found = append(found, strings.TrimSpace(block))
		page = after
	}
}

// guides returns the pages by their names, without the reference of the command.
func guides(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	require.NoError(t, err)
	pages := make(map[string]string)
	for _, name := range names {
		if name != "command.md" {
			pages[name] = read(t, name)
		}
	}
	require.NotEmpty(t, pages)
	return pages
}

// Every block of Go code on a page stands in an example, whole, with its output if
// it shows one.
func TestPages_codeRuns(t *testing.T) {
	t.Parallel()
	code := indents.ReplaceAllString(read(t, sources...), "")
	for name, page := range guides(t) {
		for _, block := range blocks(page, "go") {
			assert.Contains(t, code, indents.ReplaceAllString(block, ""), "%s shows code that does not run", name)
		}
	}
}

// Every command on a page is one that the tests of the command run.
func TestPages_commandsRun(t *testing.T) {
	t.Parallel()
	run := strings.ReplaceAll(read(t, "command.md"), `\|`, "|")
	for name, page := range guides(t) {
		for _, block := range blocks(page, "sh") {
			for line := range strings.Lines(block) {
				assert.Contains(t, run, "`"+strings.TrimSpace(line)+"`", "%s shows a command that no test runs", name)
			}
		}
	}
}

// A page fits in two screens, its links lead somewhere, and the index has it.
func TestPages_short(t *testing.T) {
	t.Parallel()
	index := read(t, "README.md")
	for name, page := range guides(t) {
		assert.LessOrEqual(t, strings.Count(page, "\n"), 100, name)
		if name != "README.md" {
			assert.Contains(t, index, "]("+name+")")
		}
		for _, link := range links.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			assert.FileExists(t, strings.TrimSuffix(link[1], "/"), "%s links to %s", name, link[1])
		}
	}
}
