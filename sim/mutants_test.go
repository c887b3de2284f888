//go:build !race

package main_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mutant is a deliberate defect of the library, as a file in testdata/mutants
// describes it: what it is, the file, the kind of violation that must come of it,
// the driver that must see it if not any will do, and the text to replace.
type mutant struct {
	name, about, file, kind, driver string
	before, after                   string
}

func readMutant(t *testing.T, path string) mutant {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	head, patch, ok := strings.Cut(string(text), "-- old --\n")
	require.True(t, ok, path)
	m := mutant{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
	m.before, m.after, ok = strings.Cut(patch, "-- new --\n")
	require.True(t, ok, path)
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "file":
			m.file = value
		case "kind":
			m.kind = value
		case "driver":
			m.driver = value
		default:
			m.about += strings.TrimSpace(line)
		}
	}
	require.NotEmpty(t, m.about, path)
	require.NotEmpty(t, m.file, path)
	require.NotEmpty(t, m.kind, path)
	return m
}

// source returns the file of the mutant as it is, and its path.
func (m mutant) source(t *testing.T, root string) (text, path string) {
	t.Helper()
	path = filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), m.before), "%s: the text to replace must be in %s once", m.name, m.file)
	return string(source), path
}

// build builds the simulator with the mutant in it, and leaves the tree alone.
func (m mutant) build(t *testing.T, root string) (program string) {
	t.Helper()
	source, path := m.source(t, root)
	dir := t.TempDir()
	mutated := filepath.Join(dir, "mutated.go")
	require.NoError(t, os.WriteFile(mutated, []byte(strings.Replace(source, m.before, m.after, 1)), 0o600))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	program = filepath.Join(dir, "sim")
	quickly := []string{"-ldflags=-s -w", "-gcflags=github.com/readback-go/readback/...=-l -dwarf=0"} // few flows are played: building takes longer
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build"}, quickly...), "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./sim")...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// wrong runs a program that must exit with 1, and returns what it prints.
func wrong(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%v sees nothing wrong: %s", args, out)
	assert.Equal(t, 1, exit.ExitCode(), "%s", out)
	return string(out)
}

// find plays flows until one shows the mutant for what it is, and returns its seed.
// One defect can show in several ways, and not first in that.
func (m mutant) find(t *testing.T, program string) (seed string) {
	t.Helper()
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	cmd := exec.CommandContext(ctx, program, "-flows", "50000", "-stop", "20", "-workers", "1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		enough()
		_ = cmd.Wait()
	}()
	var all strings.Builder
	driven := false
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		all.WriteString(line)
		if _, next, begins := strings.Cut(line, "VIOLATION, replay it with -replay "); begins {
			seed, driven = strings.TrimSpace(next), false
		}
		driven = driven || strings.Contains(line, "driver "+m.driver)
		if driven && strings.Contains(line, "WRONG  "+m.kind+": ") {
			return seed
		}
		require.NoError(t, err, "%s: nothing of that kind is seen: %s", m.about, &all)
	}
}

// The program as it is sees nothing wrong, and says so in one line.
func TestProgram(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "sim")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./sim")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.CommandContext(t.Context(), program, "-flows", "1000", "-seed", "4").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `^flows=1000 confirmed=\d+ unconfirmed=\d+ failed=\d+ false-confirmed=0 false-failed=0 missed=0 double-writes=0 leaks=0 seconds=[\d.]+\n$`, string(out))
	for _, bad := range [][]string{{"-flows", "-1"}, {"-workers", "0"}, {"now"}} {
		_, err := exec.CommandContext(t.Context(), program, bad...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 2, exit.ExitCode())
	}
}

// everyMutant is the variable of the environment that asks for every mutant, and not
// for a tenth of them.
const everyMutant = "SIM_EVERY_MUTANT"

// mutantSeed is the variable that says which tenth. Without it the date does, so that
// ten days see most of them.
const mutantSeed = "SIM_MUTANT_SEED"

// tenth returns a tenth of the mutants, the same for a seed, and the seed.
func tenth(t *testing.T, names []string) (chosen map[string]bool, seed uint64) {
	t.Helper()
	text := cmp.Or(os.Getenv(mutantSeed), time.Now().UTC().Format("20060102"))
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, mutantSeed)
	order := rand.New(rand.NewPCG(seed, 0)).Perm(len(names))
	chosen = make(map[string]bool)
	for _, n := range order[:(len(names)+9)/10] {
		chosen[names[n]] = true
	}
	return chosen, seed
}

// A tenth is never empty, is the same for the same seed, and others see the rest.
func TestTenth(t *testing.T) {
	names := strings.Fields("a b c d e f g h i j k l m n o p q r s t u")
	all := make(map[string]bool)
	for seed := range 100 {
		t.Setenv(mutantSeed, strconv.Itoa(seed))
		chosen, got := tenth(t, names)
		again, _ := tenth(t, names)
		assert.Equal(t, chosen, again)
		assert.Len(t, chosen, 3)
		assert.EqualValues(t, seed, got)
		maps.Copy(all, chosen)
	}
	assert.Len(t, all, len(names))
}

// Each mutant is caught, for what it is: all of them if the environment says
// SIM_EVERY_MUTANT=1, and otherwise a tenth, which SIM_MUTANT_SEED or the date draws.
// What each replaces is there once in any case.
func TestMutants(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/mutants/*.txt")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 12)
	chosen, seed := tenth(t, paths)
	every := os.Getenv(everyMutant) != ""
	if !every {
		t.Logf("%d of %d mutants, drawn by %s=%d", len(chosen), len(paths), mutantSeed, seed)
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	kinds, drivers, defects := make(map[string]bool), make(map[string]bool), make(map[[3]string]string)
	for _, path := range paths {
		m := readMutant(t, path)
		kinds[m.kind], drivers[m.driver] = true, true
		m.source(t, root)
		defect := [...]string{m.file, m.before, m.after}
		require.Empty(t, defects[defect], "%s is the same defect", m.name)
		defects[defect] = m.name
		if !every && !chosen[path] {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			program := m.build(t, root)
			seed := m.find(t, program)
			assert.Contains(t, wrong(t, program, "-replay", seed), "WRONG  ")
			if m.name == "streak-survives-404" {
				assert.Contains(t, wrong(t, program, "-real", "-for", "5m", "-stop", "1"), "WRONG  "+m.kind)
			}
		})
	}
	for _, kind := range []string{"false-confirmed", "false-failed", "missed", "double-writes", "leaks", "misreports"} {
		assert.True(t, kinds[kind], "no mutant shows that %s are seen", kind)
	}
	for _, driver := range []string{"do", "exchange", "resume", "await", "transport", "submit"} {
		assert.True(t, drivers[driver], "no mutant is for driver %s", driver)
	}
}
