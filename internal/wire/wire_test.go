package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
)

// roundTripper is a RoundTripper that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// watch notes what goes through base, as readbackhttp.Watch does.
func watch(base http.RoundTripper) http.RoundTripper {
	_, direct := base.(*http.Transport)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		call := wire.From(r.Context())
		if call == nil {
			return base.RoundTrip(r)
		}
		return call.RoundTrip(base, r, direct)
	})
}

// watched returns a client of srv whose requests are noted.
func watched(srv *httptest.Server) *http.Client {
	client := *srv.Client()
	client.Transport = watch(client.Transport)
	return &client
}

func request(ctx context.Context, client *http.Client, method, url string) (int, string, error) {
	var body io.Reader
	if method != http.MethodGet {
		body = strings.NewReader(`{"name":"alpha"}`)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

func post(ctx context.Context, client *http.Client, url string) (int, error) {
	status, _, err := request(ctx, client, http.MethodPost, url)
	return status, err
}

// serve answers with handler until the test ends, and counts the requests.
func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	requests := new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, requests
}

// statuses answers one status after the other.
func statuses(t *testing.T, codes ...int) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	n := new(atomic.Int32)
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(codes[min(int(n.Add(1)), len(codes))-1])
	})
}

// A call is the context of what it notes, and of nothing beside or inside.
func TestFrom(t *testing.T) {
	t.Parallel()
	assert.Nil(t, wire.From(t.Context()))
	for _, call := range []*wire.Call{wire.Note(t.Context()), wire.Trace(t.Context())} {
		assert.Same(t, call, wire.From(call))
		below, cancel := context.WithCancel(call)
		defer cancel()
		assert.Same(t, call, wire.From(below))
		own := wire.Note(below)
		assert.Same(t, own, wire.From(own), "of the flow inside")
		assert.Nil(t, wire.From(wire.Silent(below)))
		assert.Nil(t, wire.From(context.WithoutCancel(wire.Silent(call))))
	}
	assert.Equal(t, t.Context(), wire.Silent(t.Context()), "there is nothing to silence")
}

// A call that is not noted says nothing.
func TestCall_nil(t *testing.T) {
	t.Parallel()
	call := wire.From(t.Context())
	call.CountTry()
	assert.Empty(t, call.Exchanges())
	assert.Zero(t, call.Tries().N())
	assert.False(t, call.NeverSent(io.EOF))
}

// What the caller traces goes on.
func TestTrace_composes(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 201)
	var wrote atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { wrote.Add(1) }})
	for _, client := range []*http.Client{srv.Client(), watched(srv)} {
		wrote.Store(0)
		_, err := post(wire.Trace(ctx), client, srv.URL)
		require.NoError(t, err)
		assert.EqualValues(t, 1, wrote.Load())
	}
}

// Concurrent requests of one call are all noted.
func TestCall_concurrently(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 5000))
	})
	for _, client := range []*http.Client{srv.Client(), watched(srv)} {
		call := wire.Trace(t.Context())
		call.Bodies = true
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := post(call, client, srv.URL)
				assert.NoError(t, err)
				call.CountTry()
				call.Exchanges()
				assert.False(t, call.NeverSent(io.EOF))
			})
		}
		wg.Wait()
		tries := call.Tries()
		assert.Equal(t, 8, tries.Counted)
		assert.Equal(t, 8, len(tries.Seen)+tries.Traced)
		assert.Zero(t, tries.Replayed)
	}
}
