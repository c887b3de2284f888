package measure_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

// What is wrong with the command line is said in one line before anything is
// sent.
func TestUsage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(file, []byte("hello"), 0o600))
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"no URL", nil, "there is no URL to write to"},
		{"a read", []string{"http://api.test/x"}, "GET is not a write: give a method with -X, or a body with -d"},
		{"no goal", []string{"-X", "PATCH", "http://api.test/x"}, "say what reads are to show"},
		{"another scheme", []string{"-X", "POST", "ftp://api.test/x"}, "the URL is not one of http or https"},
		{"count", create("--count", "10001"), "--count 10001: want 1 to 10000"},
		{"parallel", create("--parallel", "0"), "--parallel 0: want 1 to 1000"},
		{"within", create("--within", "0"), "--within 0s: want at least 1ms"},
		{"interval", create("--interval", "0"), "--interval 0s: want at least 1ms"},
		{"pause", create("--pause", "-1s"), "--pause -1s: want at least 0s"},
		{"watch", create("--settle-for", "1m"), "--settle-for 1m0s: want less than --within, which is 30s"},
		{"slo", create("--slo", "p99=2s"), `--slo "p99=2s": want a quantile, < or <=, and a time, such as p99<2s`},
		{"slo of nothing", create("--slo", "p0<2s"), "want a quantile"},
		{"slo without a unit", create("--slo", "p50<2"), "want a quantile"},
		{"watch without cleanup", []string{"-X", "POST", "http://api.test/x", "--watch"}, "it needs --cleanup, which takes back what it writes"},
		{"watch with an end", create("--watch", "--count", "5"), "--count is for a measurement that ends"},
		{"watch and objectives", create("--watch", "--slo", "p50<1s"), "--slo is for a measurement that ends"},
		{"too often", create("--watch", "--every", "10ms"), "--every 10ms: want at least 1s"},
		{"metrics of what ends", create("--metrics", "9464"), "--metrics is for --watch"},
		{"for", create("--for", "ever"), `--for "ever": want present, absent or match`},
		{"output", create("-o", "yaml"), "-o yaml: want json or text; measure keeps no bodies"},
		{"include", create("-i"), "-i has no use here: no answer is shown"},
		{"cleanup without a URL", []string{"-X", "POST", "http://api.test/x", "--cleanup"}, "--cleanup has no URL"},
		{"braces of cleanup", []string{"-X", "POST", "http://api.test/x", "--cleanup", "/x/{id"}, "--cleanup: the braces do not match"},
		{"cleanup elsewhere", []string{"-X", "POST", "http://api.test/x", "--cleanup", "http://other.test/{n}"}, "of another origin than the write"},
		{"connection of cleanup", []string{"-X", "POST", "http://api.test/x", "--cleanup", "/x", "-k"}, "stand before --then"},
		{"compare", create("--compare", "/nowhere"), "--compare: open /nowhere: no such file or directory"},
		{"compare with a text", create("--compare", file), "not a saved measurement"},
		{"load", []string{"--load", file}, "not a saved measurement"},
		{"load and measure", create("--load", file), "--load measures nothing: there is no use for a URL"},
		{"load and a count", []string{"--load", file, "--count", "5"}, "--load measures nothing: there is no use for --count"},
		{"load and a time", []string{"--load", file, "--within", "5s"}, "--load measures nothing: there is no use for --within"},
		{"save", create("--save", "/nowhere/x"), "--save: open /nowhere/x: no such file or directory"},
		{"report", create("--report", "/nowhere/x"), "--report: open /nowhere/x: no such file or directory"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, workspaces.Options{}, func(t *testing.T, w *world) {
			assert.Equal(t, 2, w.run(t.Context(), tt.args...))
			assert.Contains(t, w.Err.String(), tt.says)
			assert.Equal(t, 1, strings.Count(w.Err.String(), "\n"), w.Err.String())
			assert.Empty(t, w.Out.String())
			assert.Empty(t, w.seen)
		})
	}
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(kept))
}

// A file that the result goes to stays as it is until there is a result, and
// holds nothing else then.
func TestOutputs_stay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.json")
	before := strings.Repeat("before", 100_000)
	require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
	good := echo(201)
	against(t, "", func(w http.ResponseWriter, r *http.Request) {
		kept, err := os.ReadFile(file)
		assert.NoError(t, err)
		assert.True(t, string(kept) == before)
		good(w, r)
	}, func(t *testing.T, w *world) {
		require.Zero(t, w.run(t.Context(), "-X", "POST", "http://api.test/things", "--save", file, "--count", "1", "--settle-for", "0"))
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(now), "before")
		assert.True(t, strings.HasSuffix(string(now), "}\n"))
	})
}

// What is wrong leaves no file behind.
func TestOutputs_none(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.html")
	bubble(t, "", workspaces.Options{}, func(t *testing.T, w *world) {
		assert.Equal(t, 2, w.run(t.Context(), "http://api.test/x", "--report", file))
		assert.NoFileExists(t, file)
	})
}
