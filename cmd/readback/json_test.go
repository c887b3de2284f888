package main_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// moving are the parts of a result that differ from run to run.
var moving = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`"(elapsed|began|ended)_ms": [0-9.e-]+`), `"${1}_ms": 0`},
	{regexp.MustCompile(`"answered": \d+`), `"answered": 0`},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), `127.0.0.1:80`},
	{regexp.MustCompile(`readback resume [A-Za-z0-9_-]+`), `readback resume HANDLE`},
	{regexp.MustCompile(`after [0-9.]+(µs|ms|s)\b`), `after 0s`},
	{regexp.MustCompile(`(reads?) in [0-9.]+(µs|ms|s)\b`), `${1} in 0s`},
}

// golden compares JSON with a file, but for what moves.
func golden(t *testing.T, name, got string) {
	t.Helper()
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, []byte(one(t, got)), "", "  "))
	text := pretty.String() + "\n"
	for _, m := range moving {
		text = m.find.ReplaceAllString(text, m.put)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o666))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

// The form of --json does not change by accident.
func TestJSON(t *testing.T) {
	t.Parallel()
	script := func(statuses ...int) string {
		return recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
			status := statuses[min(n, len(statuses))-1]
			if req.Method == http.MethodPost {
				w.Header().Set("Location", "/v1/things/7?token="+password)
			}
			w.WriteHeader(status)
			if status == http.StatusOK {
				_, _ = w.Write([]byte(`{"id":"7","tags":["a","b"],"you":"` + key + `"}`))
			}
		}).url + "/v1/things"
	}
	send := []string{"-H", authorization, "--json", "-q", "--interval", "1ms", "--max-interval", "1ms"}
	tests := []struct {
		name   string
		args   []string
		status int
	}{
		{"confirmed", append([]string{"run", "POST", script(201, 404, 403, 200), "--then", "/v1/things/7"}, send...), 0},
		{"failed", append([]string{"run", "POST", script(409)}, send...), 1},
		{"unconfirmed", append([]string{"run", "POST", script(201, 400)}, send...), 3},
		{"ambiguous", append([]string{"run", "POST", script(503), "-u", "me:" + password}, send...), 124},
		{"wait", []string{"wait", script(404, 200), "--json", "-q", "-H", authorization}, 0},
		{"command", []string{"wait", "--json", "-q", "--", "sh", "-c", "echo out; echo err >&2"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := readback(t, tt.args...)
			assert.Equal(t, tt.status, p.status, p.stderr)
			golden(t, tt.name, p.stdout)
			if tt.status < 3 {
				assert.Empty(t, p.stderr)
			}
			assert.Equal(t, 1, strings.Count(p.stdout, "\n"))
		})
	}
}
