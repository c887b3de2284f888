package readbacktest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pipenet"
	"github.com/readback-go/readback/readbacktest"
)

// world is a server with a script and a client of it.
type world struct {
	*readbacktest.Handler
	url    string
	client *http.Client
	start  time.Time
}

// asTransport makes a world without a network, for bubbles.
func asTransport(_ *testing.T, script readbacktest.Script) *world {
	h := readbacktest.NewHandler(script)
	return &world{h, "http://api.test", &http.Client{Transport: h, CheckRedirect: noRedirect}, time.Now()}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// overPipes makes a world of net/http over pipes, for bubbles.
func overPipes(t *testing.T, script readbacktest.Script) *world {
	h := readbacktest.NewHandler(script)
	transport := pipenet.Serve(t, &http.Server{Handler: h})
	transport.DisableKeepAlives = true
	return &world{h, "http://api.test", &http.Client{Transport: transport, CheckRedirect: noRedirect}, time.Now()}
}

// overSockets makes a world on the local machine, for real time.
func overSockets(t *testing.T, script readbacktest.Script) *world {
	s := readbacktest.NewServer(t, script)
	client := *s.Client()
	client.CheckRedirect = noRedirect
	return &world{s.Handler, s.URL, &client, time.Now()}
}

// seen is what came of a request.
type seen struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading its body
	took   time.Duration
}

// send sends a request: a method, a target, headers such as If-Match:"1", and
// perhaps a JSON body.
func (w *world) send(t *testing.T, text string) seen {
	t.Helper()
	return w.sendIn(t, t.Context(), text)
}

func (w *world) sendIn(t *testing.T, ctx context.Context, text string) seen {
	t.Helper()
	head, body, has := strings.Cut(text, " {")
	if has {
		body = "{" + body
	}
	words := strings.Fields(head)
	req, err := http.NewRequestWithContext(ctx, words[0], w.url+words[1], strings.NewReader(body))
	require.NoError(t, err)
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, ":")
		req.Header.Add(name, value)
	}
	began := time.Now()
	resp, err := w.client.Do(req)
	if err != nil {
		return seen{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return seen{resp.StatusCode, resp.Header, string(got), err, time.Since(began)}
}

// play plays a story. Each of its lines is when to send a request, the request,
// and what is to come of it: "cut", or a status, headers such as Age:1, how long
// it took such as +50ms, and perhaps the whole body.
//
//	80ms GET /workspaces/1 = 200 Etag:"1" {"id":"1"}
func (w *world) play(t *testing.T, story string) {
	t.Helper()
	for line := range strings.Lines(story) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		when, rest, _ := strings.Cut(line, " ")
		at, err := time.ParseDuration(when)
		require.NoError(t, err, line)
		text, want, _ := strings.Cut(rest, " = ")
		time.Sleep(time.Until(w.start.Add(at)))
		got := w.send(t, text)
		head, body, hasBody := want, "", false
		if i := strings.IndexAny(want, "{["); i >= 0 {
			head, body, hasBody = want[:i], want[i:], true
		}
		words := strings.Fields(head)
		if words[0] == "cut" {
			assert.Error(t, got.err, line)
			assert.Zero(t, got.status, line)
			continue
		}
		if !assert.NoError(t, got.err, line) {
			continue
		}
		assert.Equal(t, words[0], strconv.Itoa(got.status), line)
		for _, word := range words[1:] {
			if took, ok := strings.CutPrefix(word, "+"); ok {
				assert.Equal(t, took, got.took.String(), line)
				continue
			}
			name, value, _ := strings.Cut(word, ":")
			assert.Equal(t, value, got.header.Get(name), "%s: %s", line, name)
		}
		if strings.HasPrefix(text, "HEAD ") {
			assert.Empty(t, got.body, line)
		}
		if hasBody {
			assert.Equal(t, body, got.body, line)
		}
	}
}

// story is a script and what is to be seen of it.
type story struct {
	name   string
	script readbacktest.Script
	lines  string
}

// tell plays a story in a bubble as a transport and over pipes, and, if it takes
// no time, over sockets.
func (s story) tell(t *testing.T) {
	t.Run(s.name, func(t *testing.T) {
		t.Parallel()
		for _, way := range []struct {
			name string
			make func(*testing.T, readbacktest.Script) *world
		}{{"transport", asTransport}, {"pipes", overPipes}} {
			bubble(t, way.name, func(t *testing.T) { way.make(t, s.script).play(t, s.lines) })
		}
		for line := range strings.Lines(s.lines) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "0s ") || strings.Contains(line, " +") {
				return
			}
		}
		t.Run("sockets", func(t *testing.T) {
			t.Parallel()
			overSockets(t, s.script).play(t, s.lines)
		})
	})
}

// inWorld runs a test in a bubble of its own, in a world without a network.
func inWorld(t *testing.T, script readbacktest.Script, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, asTransport(t, script)) })
}

var errOwn = errors.New("own cause")
