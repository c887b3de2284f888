package submit

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// functions returns the names of the functions and methods in the files of a folder.
func functions(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	names := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names[f.Name.Name] = true
			}
		}
	}
	require.NotEmpty(t, names, folder)
	return names
}

// The steps of the model are steps of the code: each is named after the function that
// takes it. The model has those on which the protocol rests, and the same states.
func TestModel(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("model", "protocol.pml"))
	require.NoError(t, err)
	here := functions(t, ".")
	var outbox map[string]bool
	if _, err := os.Stat(filepath.Join("..", "pgstore")); err == nil { // a module of its own, which not all who have this one have
		outbox = functions(t, filepath.Join("..", "pgstore"))
	}

	steps := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^(?:inline|proctype) (\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		name := m[1]
		if strings.HasPrefix(name, "world_") || name == "forget" || name == "wipe" { // what is around, and what clears variables
			continue
		}
		steps[name] = true
		if name == "EnqueueTx" {
			assert.True(t, outbox == nil || outbox[name], "pgstore has no %s", name)
			continue
		}
		assert.True(t, here[name], "package submit has no %s: what the model does is not what the code does", name)
	}
	looks, _, found := strings.Cut(string(text), "#define proc(")
	require.True(t, found)
	_, looks, found = strings.Cut(looks, "/* ---- looks ---- */")
	require.True(t, found)
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+)\(`).FindAllStringSubmatch(looks, -1) {
		steps[m[1]] = true
		assert.True(t, here[m[1]] || m[1] == "open" || m[1] == "ours", "package submit has no %s", m[1])
	}
	for _, name := range []string{
		"newTerm", "renew", "renewing", "valid", "sight", "watching", "dead", "takeOver", "claim", "letGo", "resign",
		"change", "one", "compare", "save", "record", "send", "resend", "write", "unsent", "tryLater", "visit", "mayResend",
		"conclude", "finish", "setAside", "leaveAside", "step", "dispatching", "enter", "leave",
		"Cancel", "dropQueued", "Retry", "revive", "Enqueue", "enqueue", "stored", "submit", "ask", "newJob", "EnqueueTx",
	} {
		assert.True(t, steps[name], "the model has no step %s", name)
	}

	var table []string
	for _, m := range regexp.MustCompile(`:: from == (\w+) && e == (\w+) -> from = (\w+)`).FindAllStringSubmatch(string(text), -1) {
		table = append(table, strings.Join(m[1:], " "))
	}
	states := [...]string{"unborn", "queued", "sending", "lost", "answered", "ended", "aside"}
	events := [...]string{"enqueues", "begins", "spares", "replies", "orphans", "concludes", "rereads", "breaks"}
	require.Len(t, moves, len(states))
	require.Len(t, moves[0], len(events))
	var want []string
	for from, row := range moves {
		for e, to := range row {
			if to != unborn {
				want = append(want, fmt.Sprint(states[from], " ", events[e], " ", states[to]))
			}
		}
	}
	assert.ElementsMatch(t, want, table)
}
