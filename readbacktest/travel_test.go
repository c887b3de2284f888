package readbacktest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// everyWay runs a test in a bubble as a transport and over pipes.
func everyWay(t *testing.T, script readbacktest.Script, test func(t *testing.T, w *world)) {
	t.Helper()
	bubble(t, "transport", func(t *testing.T) { test(t, asTransport(t, script)) })
	bubble(t, "pipes", func(t *testing.T) { test(t, overPipes(t, script)) })
}

var long = `{"name":"` + strings.Repeat("x", 89) + `"}` // 100 bytes

// travels is a world whose answers travel as a rule says.
func travels(r readbacktest.Rule) readbacktest.Script {
	return readbacktest.Script{Existing: map[string]string{"/w/1": `{}`}, Rules: []readbacktest.Rule{r}}
}

func TestRule_Delay(t *testing.T) {
	t.Parallel()
	everyWay(t, travels(readbacktest.Rule{On: "/w/1", Delay: 300 * time.Millisecond}), func(t *testing.T, w *world) {
		var put seen
		var both sync.WaitGroup
		both.Go(func() { put = w.send(t, `PUT /w/1 {"v":2}`) })
		time.Sleep(100 * time.Millisecond)
		got := w.send(t, "GET /w/1")
		both.Wait()
		assert.Equal(t, 300*time.Millisecond, put.took)
		assert.Equal(t, 300*time.Millisecond, got.took)
		assert.Equal(t, `{"id":"1","v":2}`, got.body, "executed before it was answered")
	})
}

func TestRule_Slow(t *testing.T) {
	t.Parallel()
	everyWay(t, travels(readbacktest.Rule{On: "GET", Body: long, Delay: time.Second, Slow: time.Second}), func(t *testing.T, w *world) {
		resp, err := w.client.Get(w.url + "/w/1")
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, time.Second, time.Since(w.start), "the header comes first")
		assert.Equal(t, int64(100), resp.ContentLength)
		piece := make([]byte, 10)
		for i := range 10 {
			_, err := io.ReadFull(resp.Body, piece)
			require.NoError(t, err)
			assert.Equal(t, long[10*i:10*i+10], string(piece))
			assert.Equal(t, time.Second+time.Duration(i+1)*100*time.Millisecond, time.Since(w.start))
		}
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Empty(t, rest)
		assert.Equal(t, 2*time.Second, time.Since(w.start))
	})
}

// A body that is shorter than its pieces takes its time too, to the nanosecond.
func TestRule_SlowShort(t *testing.T) {
	t.Parallel()
	everyWay(t, travels(readbacktest.Rule{On: "GET", Body: `{}`, Slow: 13}), func(t *testing.T, w *world) {
		got := w.send(t, "GET /w/1")
		require.NoError(t, got.err)
		assert.Equal(t, `{}`, got.body)
		assert.Equal(t, 13*time.Nanosecond, got.took)
	})
}

func TestRule_Truncated(t *testing.T) {
	t.Parallel()
	for _, slow := range []time.Duration{0, time.Second} {
		t.Run(slow.String(), func(t *testing.T) {
			t.Parallel()
			everyWay(t, travels(readbacktest.Rule{On: "/w/1", Body: long, Truncated: true, Slow: slow}), func(t *testing.T, w *world) {
				got := w.send(t, "GET /w/1")
				assert.Equal(t, 200, got.status)
				assert.ErrorIs(t, got.err, io.ErrUnexpectedEOF)
				assert.Equal(t, long[:50], got.body)
				assert.Equal(t, slow, got.took)
				got = w.send(t, "HEAD /w/1")
				assert.NoError(t, got.err)
				assert.Zero(t, got.took, "what has no body takes no time for it")
			})
		})
	}
}

func TestRule_Endless(t *testing.T) {
	t.Parallel()
	everyWay(t, travels(readbacktest.Rule{On: "GET", Endless: true}), func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/w/1", nil)
		require.NoError(t, err)
		resp, err := w.client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, int64(-1), resp.ContentLength)
		head := make([]byte, 10)
		_, err = io.ReadFull(resp.Body, head)
		require.NoError(t, err)
		assert.Equal(t, `{"id":"1"}`, string(head))
		n, err := io.Copy(io.Discard, resp.Body)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(w.start))
		assert.InDelta(t, 4096*1000, n, 2*4096)
	})
}

// The same with sockets, where nothing may stay when the server is closed.
func TestServer_Close(t *testing.T) {
	t.Parallel()
	for _, rule := range []readbacktest.Rule{
		{Endless: true}, {Slow: time.Hour}, {Delay: time.Hour}, {Cut: readbacktest.CutRequest, Delay: time.Hour},
	} {
		srv := readbacktest.NewServer(t, travels(rule))
		answered := make(chan error)
		go func() {
			resp, err := srv.Client().Post(srv.URL+"/w", "application/json", strings.NewReader(long))
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			answered <- err
		}()
		for len(srv.Requests("")) == 0 {
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		srv.Close()
		srv.Close()
		assert.Error(t, <-answered)
		assert.Less(t, time.Since(began), 30*time.Second)
		srv.AssertCount(t, "POST /w", 1)
	}
}

// A client that reads nothing holds nobody up.
func TestServer_CloseUnread(t *testing.T) {
	t.Parallel()
	srv := readbacktest.NewServer(t, travels(readbacktest.Rule{Body: strings.Repeat("x", 32<<20)})) // more than buffers hold
	resp, err := srv.Client().Get(srv.URL + "/w/1")
	require.NoError(t, err)
	srv.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	assert.Error(t, err)
	require.NoError(t, resp.Body.Close())
}

// A read that waits for a token sees what is written meanwhile, and its client
// may go away.
func TestScript_tokenWaits(t *testing.T) {
	t.Parallel()
	everyWay(t, readbacktest.Script{Token: readbacktest.Mittwald()}, func(t *testing.T, w *world) {
		var got, left seen
		var all sync.WaitGroup
		all.Go(func() { got = w.send(t, "GET /w/1 If-Event-Reached:1") })
		all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errOwn)
			defer cancel()
			left = w.sendIn(t, ctx, "GET /w/2 If-Event-Reached:1")
		})
		time.Sleep(5 * time.Second)
		w.send(t, `PUT /w/1 {"v":1}`)
		all.Wait()
		assert.Equal(t, 200, got.status)
		assert.Equal(t, 10*time.Second, got.took, "it was not known to be on its way")
		assert.Equal(t, "own", cause(left.err))
		assert.Equal(t, time.Second, left.took)
		synctest.Wait()
		assert.Equal(t, "given up", w.Requests("GET /w/2")[0].Note)
		assert.Zero(t, w.Requests("GET /w/2")[0].Status)
	})
}

// What a real server makes of a cut, and that its client sends no write twice.
func TestServer_cut(t *testing.T) {
	t.Parallel()
	for _, cut := range []readbacktest.Cut{readbacktest.CutRequest, readbacktest.CutAnswer} {
		w := overSockets(t, readbacktest.Script{Rules: []readbacktest.Rule{{On: "POST", Cut: cut}}})
		require.Equal(t, 404, w.send(t, "GET /w").status) // so that a connection is there
		got := w.send(t, `POST /w {"name":"x"}`)
		assert.Contains(t, []string{"EOF", "reset"}, cause(got.err))
		w.AssertCount(t, "POST", 1)
		w.AssertExecuted(t, "", 0)
	}
}
