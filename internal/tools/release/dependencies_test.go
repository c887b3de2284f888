package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// internal/tools/DEPENDENCIES.md tells of each module that one of ours asks for by itself,
// who asks, and why; and of each tool.
func TestDependencies_told(t *testing.T) {
	t.Parallel()
	modules, err := readModules("../../..")
	require.NoError(t, err)
	asked := make(map[string][]string)
	var tools []string
	for _, m := range modules {
		for _, r := range m.file.Require {
			if !r.Indirect && !strings.HasPrefix(r.Mod.Path, "github.com/readback-go/readback") {
				asked[r.Mod.Path] = append(asked[r.Mod.Path], "`"+m.folder+"`")
			}
		}
		for _, tool := range m.file.Tool {
			tools = append(tools, tool.Path)
		}
	}
	text, err := os.ReadFile("../DEPENDENCIES.md")
	require.NoError(t, err)
	told := make(map[string][]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (`.*`) \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		told[row[1]] = strings.Split(row[2], ", ")
		slices.Sort(told[row[1]])
	}
	for _, askers := range asked {
		slices.Sort(askers)
	}
	assert.Equal(t, asked, told)
	var toldTools []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|`]*(`[^`]+`)?[^|`]* \\|$").FindAllStringSubmatch(string(text), -1) {
		if _, module := told[row[1]]; !module {
			toldTools = append(toldTools, row[1])
		}
	}
	slices.Sort(tools)
	assert.Equal(t, tools, toldTools)
}
