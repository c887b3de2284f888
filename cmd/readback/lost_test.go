package main_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A write that was answered with an error and carried out all the same is found
// again, and proven.
func TestLost(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	lost := []string{"-H", authorization, "-H", "X-Fault: 503 later 1s", "--interval", "20ms", "--max-interval", "40ms", "--within", "30s"}
	create := `{"workspaceName":"%","reference":"%"}`
	tests := []struct {
		name string
		args []string
	}{
		{"by a list", []string{"--find", "/v1/workspaces?reference=a", "--mine", "/reference=a", "--then", "GET", "/v1/workspaces/{id}"}},
		{"and its location", []string{"--find", s.url, "--mine", "/reference=b", "--mine", "owner=alice", "--found", "/v1/workspaces/{id}"}},
	}
	for i, tt := range tests {
		name := string(rune('a' + i))
		data := replace(create, name)
		p := readback(t, append(append([]string{"run", s.url, "-d", data}, lost...), tt.args...)...)
		assert.Equal(t, 0, p.status, p.stderr+p.stdout)
		assert.Regexp(t, "GET "+s.url+"/[a-z0-9]+ answered 200", p.stdout)
		assert.Contains(t, p.stderr, ": 503, ambiguous in ")
		assert.Contains(t, p.stderr, "no candidate is provably this write's")
	}
	assert.Equal(t, 2, s.sent("POST"))
}

func replace(text, name string) string {
	out := ""
	for _, r := range text {
		if r == '%' {
			out += name
		} else {
			out += string(r)
		}
	}
	return out
}

func TestLost_notMine(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"none":     `{"items":[]}`,
		"another":  `{"items":[{"id":1,"ref":"other"}]}`,
		"two":      `[{"id":1,"ref":"mine"},{"id":2,"ref":"mine"}]`,
		"a page":   `<html>`,
		"no field": `[{"ref":"mine"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
				if req.Method == http.MethodPost {
					w.WriteHeader(http.StatusBadGateway)
				}
				_, _ = w.Write([]byte(list))
			})
			p := readback(t, "run", r.url, "-d", "x", "--find", "/list", "--mine", "ref=mine", "--within", "50ms", "--then", "/{id}")
			assert.Equal(t, 124, p.status)
			assert.Contains(t, p.stderr, "may have been carried out, or may be later (answered 502)")
			for _, got := range r.requests()[1:] {
				assert.Equal(t, "GET /list", got.line)
			}
		})
	}
}

// What is known beforehand is found where it is; that it is there proves nothing
// of who wrote it, but what it says may.
func TestLost_known(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		if req.Method == http.MethodPut {
			w.WriteHeader(http.StatusGatewayTimeout)
		}
		_, _ = w.Write([]byte(`{"mark":"7f"}`))
	})
	put := []string{"run", "-q", "-X", "PUT", r.url + "/x", "--within", "2s"}
	p := readback(t, append(put, "--for", "present")...)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "no candidate is provably this write's")
	p = readback(t, append(put, "--for", "present", "--mine", "mark=7f")...)
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, append(put, "--for", "present", "--mine", "mark=7f", "--expect-status", "204")...)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "last status 200")
	p = readback(t, append(put, "--expect-json", "mark=7f")...)
	assert.Equal(t, 0, p.status, p.stdout)
}

// What is expected of reads is not expected of what --find names.
func TestLost_expectStatus(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		switch {
		case req.Method == http.MethodPost:
			w.WriteHeader(http.StatusServiceUnavailable)
		case req.URL.Path == "/list":
			_, _ = w.Write([]byte(`[{"id":7}]`))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	p := readback(t, "run", "-q", r.url, "-d", "x", "--find", "/list", "--mine", "id=7", "--expect-status", "204", "--then", "/{id}")
	assert.Equal(t, 0, p.status, p.stdout)
}

// The handle of a write that nothing can be read back of takes what finds it.
func TestLost_resume(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", s.url, "-H", authorization, "-H", "X-Fault: 504 at-once", "-d", `{"workspaceName":"a","reference":"a"}`)
	require.Equal(t, 124, p.status)
	p = readback(t, "resume", resumeLine(t, p.stderr), "--origin", s.url, "-H", authorization, "-H", "X-Fault:",
		"--find", "/v1/workspaces?reference=a", "--mine", "reference=a", "--found", "/v1/workspaces/{id}", "--print", "{location}")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, s.url+"/[a-z0-9]+\n", p.stdout)
	assert.Equal(t, 1, s.sent("POST"))
}

// What is expected of a thing does not prove who made it: a POST whose answer was
// lost needs --mine, unless it is said to be a change.
func TestLost_expected(t *testing.T) {
	t.Parallel()
	for _, expected := range [][]string{{"--expect", `.ref == "x"`}, {"--expect-json", "ref=x"}} {
		r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
			if req.Method == http.MethodPost {
				w.WriteHeader(http.StatusGatewayTimeout)
			}
			_, _ = w.Write([]byte(`{"ref":"x"}`))
		})
		args := append([]string{"run", "-q", r.url, "-d", "x", "--within", "2s", "--then", "/things/7"}, expected...)
		p := readback(t, args...)
		assert.Equal(t, 124, p.status, p.stdout)
		p = readback(t, append(args, "--mine", `.ref == "x"`)...)
		assert.Equal(t, 0, p.status, p.stdout)
		p = readback(t, append(args, "--for", "match")...)
		assert.Equal(t, 0, p.status, p.stdout)
	}
}
