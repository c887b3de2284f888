//go:build unix

package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Several things are waited for at once, each with its own goal, and told of in
// one table.
func TestSeveral(t *testing.T) {
	t.Parallel()
	a, b := inTurn(t, `404 | {}`, `{"n":1}`), inTurn(t, `{"state":"new"}`, `{"state":"done"}`)
	p := readback(t, append([]string{"wait", a.url + "/a", "-H", "X-A: 1", "--and", b.url + "/b", "--expect", `.state == "done"`, "--and", "--for", "absent", inTurn(t, "404 | {}").url, "--and"},
		append(fast, "--", "sh", "-c", "exit 0")...)...)
	assert.Equal(t, 0, p.status, p.stderr)
	lines := strings.Split(strings.TrimSuffix(p.stdout, "\n"), "\n")
	require.Len(t, lines, 4)
	assert.Regexp(t, `^1  confirmed  GET `+a.url+`/a +after 2 reads in [0-9.]+m?s: GET `+a.url+`/a answered 200$`, lines[0])
	assert.Regexp(t, `^2  confirmed  GET `+b.url+`/b +after 2 reads in `, lines[1])
	assert.Regexp(t, `^4  confirmed  sh +after 1 read in [0-9.]+m?s: exit status 0$`, lines[3])
	assert.Contains(t, p.stderr, "readback: 2: read 1 after ")
	assert.Equal(t, "1", a.requests()[0].header.Get("X-A"))
	assert.Empty(t, b.requests()[0].header.Get("X-A"), "each has its own headers")
}

// The worst decides, and what cannot be had ends the others.
func TestSeveral_worst(t *testing.T) {
	t.Parallel()
	good := func() string { return inTurn(t, `{"n":1}`).url }
	began := time.Now()
	p := readback(t, "wait", "-q", inTurn(t, `404 | {}`).url, "--within", "1m", "--and", inTurn(t, `401 | {}`).url, "--and", good())
	assert.Equal(t, 3, p.status)
	assert.Less(t, time.Since(began), 30*time.Second)
	assert.Contains(t, p.stdout, "another thing that is waited for cannot be confirmed any more")
	p = readback(t, "wait", "-q", good(), "--and", inTurn(t, `{"error":1}`).url, "--fail", ".error")
	assert.Equal(t, 1, p.status)
	assert.Regexp(t, "(?m)^2  failed ", p.stdout)
	p = readback(t, "wait", "-q", "--json", good(), "--and", inTurn(t, `404 | {}`).url, "--within", "300ms")
	assert.Equal(t, 124, p.status)
	var got struct {
		Outcome string
		Exit    int
		Items   []struct {
			Name, Outcome string
			Exit          int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(one(t, p.stdout)), &got))
	assert.Equal(t, "unconfirmed", got.Outcome)
	require.Len(t, got.Items, 2)
	assert.Equal(t, "confirmed", got.Items[0].Outcome)
	assert.Equal(t, 124, got.Items[1].Exit)
}

func TestSeveral_usage(t *testing.T) {
	t.Parallel()
	r := recording(t, func(http.ResponseWriter, int, *http.Request) {})
	for want, args := range map[string][]string{
		"there is no URL":            {"wait", r.url, "--and"},
		"--and takes no value":       {"wait", r.url, "--and=x", r.url},
		"takes a URL or a command":   {"wait", r.url, "--", "true"},
		"--and has 2 arguments":      {"wait", r.url, "--and", r.url, "http://h/"},
		"--print has no use":         {"wait", r.url, "--and", r.url, "--print", "{id}"},
		"this is not an expression":  {"wait", r.url, "--expect", ".a ==", "--and", r.url},
		"executable file not found":  {"wait", r.url, "--and", "--", "no-such-command"},
		"say what reads are to show": {"wait", r.url, "--and", r.url + "?q=1"},
	} {
		p := readback(t, args...)
		assert.Equal(t, 2, p.status, args)
		assert.Contains(t, one(t, p.stderr), want)
	}
	assert.Empty(t, r.requests())
}
