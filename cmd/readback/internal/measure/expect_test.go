package measure_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// jobs is a service whose things are new at their first read, and then as it is
// said.
func jobs(t *testing.T, then string) (url string, deleted func() int) {
	t.Helper()
	var mu sync.Mutex
	reads, gone := map[string]int{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch req.Method {
		case http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"id":"` + req.URL.Query().Get("n") + `"}`))
		case http.MethodDelete:
			gone++
		default:
			state := "new"
			if reads[req.URL.Path]++; reads[req.URL.Path] > 1 {
				state = then
			}
			_, _ = w.Write([]byte(`{"id":"` + req.URL.Path[1:] + `","state":"` + state + `"}`))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return gone
	}
}

// Expressions say what a flow's reads are to show, with one process that evaluates
// for all flows.
func TestExpressions(t *testing.T) {
	t.Parallel()
	for then, want := range map[string]string{"done": "confirmed", "failed": "failed"} {
		url, deleted := jobs(t, then)
		saved := filepath.Join(t.TempDir(), "run.json")
		cmd := exec.Command(os.Args[0], "measure", "-X", "POST", url+"/?n={n}", "--then", "GET", "/{id}",
			"--cleanup", "DELETE", "/{id}", "--count", "4", "--parallel", "2", "--pause", "1ms", "--settle-for", "10ms", "--interval", "2ms", "--within", "20s",
			"--expect", `.state == "done" and .id == $write.body.id`, "--fail", `.state == "failed"`, "--save", saved)
		cmd.Env = append(os.Environ(), asCommand+"=1")
		out, err := cmd.CombinedOutput()
		if want == "confirmed" {
			require.NoError(t, err, string(out))
		} else {
			assert.Equal(t, 1, cmd.ProcessState.ExitCode(), string(out))
			assert.Contains(t, string(out), `--fail '.state == "failed"' holds`)
		}
		text, err := os.ReadFile(saved)
		require.NoError(t, err)
		var run report.Run
		require.NoError(t, json.Unmarshal(text, &run))
		require.Len(t, run.Flows, 4)
		for _, f := range run.Flows {
			assert.Equal(t, want, f.Outcome)
			assert.Equal(t, "pending", f.Reads[0].Verdict, "it was new")
			_, told := f.Lag(run.For)
			assert.Equal(t, want == "confirmed", told, "what failed is not late")
		}
		assert.Equal(t, 4, deleted(), "what failed later is there all the same")
	}
	cmd := exec.Command(os.Args[0], "measure", "-X", "POST", "http://127.0.0.1:9/", "--expect", ".a =")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	out, _ := cmd.CombinedOutput()
	assert.Equal(t, 2, cmd.ProcessState.ExitCode(), string(out))
}
