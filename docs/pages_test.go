package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sources are the files whose code the pages show. Each belongs to a package that go
// test compiles, and whose tests, and examples with an output, it runs.
var sources = []string{
	"*_test.go",
	"../readbackgrpc/example_test.go",
	"../readbackotel/example_test.go",
	"../interop/kubernetes_example_test.go",
}

// programs are whole programs that pages show. A test runs each of them.
var programs = []string{"first/main.go"}

// needServers are those that go test only compiles, since they need a server, and
// the pages that say so.
var needServers = map[string]string{
	"postgresql.md": "../readbackpgx/example_test.go",
	"jobs.md":       "../pgstore/example_test.go",
}

var (
	indents = regexp.MustCompile(`(?m)^\t+`)
	fenced  = regexp.MustCompile("(?s)```.*?```")
	links   = regexp.MustCompile(`\]\(([^)#:]+)(?:#([^)]*))?\)`)
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
	pages := make(map[string]string)
	for _, pattern := range []string{"*.md", "*/*.md"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			if name != "command.md" {
				pages[name] = read(t, name)
			}
		}
	}
	return pages
}

// running returns the functions of the sources that go test runs: tests, and
// examples with an output.
func running(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for part := range strings.SplitSeq(read(t, sources...), "\nfunc ") {
		body, _, _ := strings.Cut(part, "\n}\n")
		if strings.HasPrefix(part, "Test") || strings.HasPrefix(part, "Example") && strings.Contains(body, "\t// Output:") {
			all.WriteString(body + "\n")
		}
	}
	return indents.ReplaceAllString(all.String()+read(t, programs...), "")
}

// Every block of Go code on a page is code that go test runs, whole, with its output
// if it shows one. What needs a server is compiled, and the page says so.
func TestPages_codeRuns(t *testing.T) {
	t.Parallel()
	code := running(t)
	for name, page := range guides(t) {
		compiled := ""
		if source := needServers[name]; source != "" {
			compiled = indents.ReplaceAllString(read(t, source), "")
			assert.Contains(t, page, "This code is compiled by", name)
		}
		for _, block := range blocks(page, "go") {
			if block = indents.ReplaceAllString(block, ""); compiled == "" || !strings.Contains(compiled, block) {
				assert.Contains(t, code, block, "%s shows code that does not run", name)
			}
		}
	}
}

// The first program prints what its page shows.
func TestPages_first(t *testing.T) {
	t.Parallel()
	output, err := exec.CommandContext(t.Context(), "go", "run", "./first").CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Contains(t, read(t, "first.md"), "```\n$ go run .\n"+string(output)+"```\n")
}

// A page shows code in a language, or what a terminal shows: code that is in no
// language would escape the tests.
func TestPages_codeHasALanguage(t *testing.T) {
	t.Parallel()
	for name, page := range guides(t) {
		for _, block := range fenced.FindAllString(page, -1) {
			if strings.HasPrefix(block, "```\n") {
				assert.NotRegexp(t, `:=|\bfunc\b|[a-z]\.[A-Z]\w+\(`, block, "%s shows Go code in no language", name)
			}
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
		if name != "README.md" && filepath.Dir(name) == "." {
			assert.Contains(t, index, "]("+name+")")
		}
		for _, link := range links.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			at := filepath.Join(filepath.Dir(name), strings.TrimSuffix(link[1], "/"))
			if assert.FileExists(t, at, "%s links to %s", name, link[1]) && link[2] != "" {
				heading := "# " + strings.ReplaceAll(link[2], "-", " ") + "\n"
				assert.True(t, strings.Contains(strings.ToLower(read(t, at)), heading), "%s links to %s", name, link[0])
			}
		}
	}
}
