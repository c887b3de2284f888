package wire_test

import (
	"context"
	"io"
	"log"
	"net"
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

// post sends one POST under a trace and reports how its client saw it.
func post(t *testing.T, client *http.Client, url string) (*wire.Tries, int, error) {
	t.Helper()
	ctx, tries := wire.Trace(t.Context())
	status, err := send(ctx, client, url)
	return tries, status, err
}

func send(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// statuses answers one status after the other, and counts the requests.
func statuses(t *testing.T, codes ...int) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	requests := new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1))
		w.WriteHeader(codes[min(n, len(codes))-1])
	}))
	t.Cleanup(srv.Close)
	return srv, requests
}

func TestTries_one(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 404, 503} {
		srv, _ := statuses(t, status)
		tries, got, err := post(t, srv.Client(), srv.URL)
		require.NoError(t, err)
		assert.Equal(t, status, got)
		assert.False(t, tries.NeverSent())
		assert.False(t, tries.Repeated())
	}
}

// A reused connection is got like a new one.
func TestTries_reusedConnection(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 201)
	for range 3 {
		tries, _, err := post(t, srv.Client(), srv.URL)
		require.NoError(t, err)
		assert.False(t, tries.NeverSent())
		assert.False(t, tries.Repeated(), "each write has its own trace")
	}
}

func TestTries_http2(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, 2, r.ProtoMajor)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	for range 2 {
		tries, _, err := post(t, srv.Client(), srv.URL)
		require.NoError(t, err)
		assert.False(t, tries.NeverSent())
		assert.False(t, tries.Repeated())
	}
}

// Without a connection nothing was sent: that is a proof.
func TestTries_neverSent(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake
	untrusted.StartTLS()
	defer untrusted.Close()

	tests := []struct {
		name string
		url  string
	}{
		{"connection refused", "http://127.0.0.1:1"},
		{"no port", "http://127.0.0.1:0"},
		{"certificate not trusted", untrusted.URL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{}}
			tries, _, err := post(t, client, tt.url)
			require.Error(t, err)
			assert.True(t, tries.NeverSent())
			assert.False(t, tries.Repeated())
		})
	}
}

// An answer that is lost after a connection was got proves nothing.
func TestTries_answerLost(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	tries, _, err := post(t, srv.Client(), srv.URL)
	require.Error(t, err)
	assert.False(t, tries.NeverSent())
	assert.False(t, tries.Repeated())
}

// A client that tells the trace nothing gives no proof that nothing was sent.
func TestTries_silentClient(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, net.ErrClosed
	})}
	tries, _, err := post(t, client, "http://api.test")
	require.ErrorIs(t, err, net.ErrClosed)
	assert.False(t, tries.NeverSent())
	assert.False(t, tries.Repeated())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A client that retries by itself hides an ambiguous try behind the answer to
// the next; the trace does not.
func TestTries_hiddenRetry(t *testing.T) {
	t.Parallel()
	srv, requests := statuses(t, 503, 409)
	retrying := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := srv.Client().Transport.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
			return resp, err
		}
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
		again := r.Clone(r.Context())
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		return srv.Client().Transport.RoundTrip(again)
	})}
	tries, status, err := post(t, retrying, srv.URL)
	require.NoError(t, err)
	assert.Equal(t, http.StatusConflict, status, "all that the caller sees")
	assert.EqualValues(t, 2, requests.Load())
	assert.True(t, tries.Repeated())
	assert.False(t, tries.NeverSent())
}

// A first try that got a connection, and a second that got none.
func TestTries_retryWithoutConnection(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 503)
	ctx, tries := wire.Trace(t.Context())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, err := send(ctx, client, srv.URL)
	require.NoError(t, err)
	srv.Close()
	_, err = send(ctx, client, srv.URL)
	require.Error(t, err)
	assert.False(t, tries.NeverSent(), "something was sent")
	assert.False(t, tries.Repeated(), "once")
}

// Package net/http itself sends a request again if its reused connection was
// closed and the request has an idempotency key.
func TestTries_replayByTransport(t *testing.T) {
	t.Parallel()
	requests := new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	do := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, strings.NewReader("{}"))
		require.NoError(t, err)
		req.Header.Set("Idempotency-Key", "1")
		resp, err := srv.Client().Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	require.NoError(t, do(t.Context()), "leaves a connection to reuse")
	ctx, tries := wire.Trace(t.Context())
	require.NoError(t, do(ctx))
	assert.EqualValues(t, 3, requests.Load())
	assert.True(t, tries.Repeated())
}

func TestTries_redirect(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /here", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	t.Run("followed", func(t *testing.T) {
		tries, status, err := post(t, srv.Client(), srv.URL+"/moved")
		require.NoError(t, err)
		assert.Equal(t, http.StatusCreated, status)
		assert.True(t, tries.Repeated(), "nothing says that the first was not executed")
	})
	t.Run("void", func(t *testing.T) {
		client := *srv.Client()
		client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			wire.From(r.Context()).Void()
			return nil
		}
		tries, status, err := post(t, &client, srv.URL+"/moved")
		require.NoError(t, err)
		assert.Equal(t, http.StatusCreated, status)
		assert.False(t, tries.Repeated(), "the first was answered with 307")
		assert.False(t, tries.NeverSent())
	})
}

func TestFrom(t *testing.T) {
	t.Parallel()
	ctx, tries := wire.Trace(t.Context())
	assert.Same(t, tries, wire.From(ctx))
	inner, own := wire.Trace(ctx)
	assert.Same(t, own, wire.From(inner))
	assert.NotSame(t, tries, own)

	none := wire.From(t.Context())
	assert.Nil(t, none)
	assert.False(t, none.NeverSent(), "no trace, no proof")
	assert.False(t, none.Repeated())
	assert.NotPanics(t, none.Void)
}

// The caller's own trace goes on.
func TestTrace_composes(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 201)
	var wrote atomic.Int32
	outer := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { wrote.Add(1) }})
	ctx, tries := wire.Trace(outer)
	_, err := send(ctx, srv.Client(), srv.URL)
	require.NoError(t, err)
	assert.EqualValues(t, 1, wrote.Load())
	assert.False(t, tries.NeverSent())
}

func TestTries_concurrently(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 201)
	ctx, tries := wire.Trace(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := send(ctx, srv.Client(), srv.URL)
			assert.NoError(t, err)
			assert.False(t, tries.NeverSent())
			tries.Void()
		})
	}
	wg.Wait()
	assert.False(t, tries.Repeated(), "all void")
}
