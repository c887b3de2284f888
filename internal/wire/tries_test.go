package wire_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
)

// counted is what is known of tries, for tables.
type counted struct {
	seen                       string // methods and statuses
	replayed, traced, byCaller int
}

func count(call *wire.Call) counted {
	tries := call.Tries()
	var seen []string
	for _, ex := range tries.Seen {
		seen = append(seen, fmt.Sprint(ex.Method, " ", ex.Status))
	}
	return counted{strings.Join(seen, ", "), tries.Replayed, tries.Traced, tries.Counted}
}

// Every request that asks for a change is a try, by whichever witness.
func TestTries(t *testing.T) {
	t.Parallel()
	type requests [][2]string // method and path
	tests := []struct {
		name   string
		give   requests
		traced counted // where only a trace of net/http tells
		seen   counted // where a RoundTripper does
	}{
		{"one", requests{{"POST", "/201"}}, counted{traced: 1}, counted{seen: "POST 201"}},
		{"one that is refused", requests{{"POST", "/422"}}, counted{traced: 1}, counted{seen: "POST 422"}},
		{"two", requests{{"POST", "/503"}, {"POST", "/409"}}, counted{traced: 2}, counted{seen: "POST 503, POST 409"}},
		{"all that is unsafe", requests{{"PUT", "/200"}, {"PATCH", "/200"}, {"DELETE", "/204"}, {"MKCOL", "/201"}},
			counted{traced: 4}, counted{seen: "PUT 200, PATCH 200, DELETE 204, MKCOL 201"}},
		{"a look-up before", requests{{"GET", "/200"}, {"PUT", "/400"}}, counted{traced: 2}, counted{seen: "PUT 400"}},
		{"all that is safe", requests{{"GET", "/200"}, {"HEAD", "/200"}, {"OPTIONS", "/200"}, {"POST", "/200"}},
			counted{traced: 4}, counted{seen: "POST 200"}},
		{"look-ups of WebDAV", requests{{"PROPFIND", "/207"}, {"REPORT", "/207"}, {"SEARCH", "/207"}, {"QUERY", "/200"}, {"PUT", "/409"}},
			counted{traced: 5}, counted{seen: "PUT 409"}},
		{"a look-up after", requests{{"POST", "/201"}, {"GET", "/404"}}, counted{traced: 2}, counted{seen: "POST 201"}},
		{"nothing", nil, counted{}, counted{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				var status int
				_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
				w.WriteHeader(status)
			})
			for _, watching := range []bool{false, true} {
				client, want := srv.Client(), tt.traced
				if watching {
					client, want = watched(srv), tt.seen
				}
				call := wire.Trace(t.Context())
				for _, r := range tt.give {
					_, _, err := request(call, client, r[0], srv.URL+r[1])
					require.NoError(t, err)
				}
				assert.Equal(t, want, count(call), "watching: %v", watching)
				assert.False(t, call.NeverSent(io.EOF))

				note := wire.Note(t.Context()) // where nothing is traced
				for _, r := range tt.give {
					_, _, err := request(note, client, r[0], srv.URL+r[1])
					require.NoError(t, err)
				}
				want.traced = 0
				assert.Equal(t, want, count(note), "watching: %v", watching)
			}
		})
	}
}

// Each write has its own trace, however its connection came about.
func TestTries_reusedConnection(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 201)
	for range 3 {
		call := wire.Trace(t.Context())
		_, err := post(call, srv.Client(), srv.URL)
		require.NoError(t, err)
		assert.Equal(t, counted{traced: 1}, count(call))
	}
}

func TestTries_http2(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, 2, r.ProtoMajor)
		w.WriteHeader(409) // before the body has come
		_, _ = io.Copy(w, r.Body)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	for range 20 {
		call := wire.Trace(t.Context())
		_, err := post(call, srv.Client(), srv.URL)
		require.NoError(t, err)
		assert.Equal(t, counted{traced: 1}, count(call))

		call = wire.Trace(t.Context())
		_, err = post(call, watched(srv), srv.URL)
		require.NoError(t, err)
		assert.Equal(t, counted{seen: "POST 409"}, count(call), "the trace and the RoundTripper saw the same request")
		assert.False(t, call.NeverSent(io.EOF))
	}
}

// A client that retries by itself hides an ambiguous try behind the answer to
// the next. Outside of it nobody sees the first; inside, or in a trace, it is seen.
func TestTries_hiddenRetry(t *testing.T) {
	t.Parallel()
	retrying := func(base http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(r)
			if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
				return resp, err
			}
			_ = resp.Body.Close()
			again := r.Clone(r.Context())
			again.Body, _ = r.GetBody()
			return base.RoundTrip(again)
		})
	}
	tests := []struct {
		name string
		make func(base http.RoundTripper) http.RoundTripper
		want counted
	}{
		{"not watched", retrying, counted{traced: 2}},
		{"watched inside", func(base http.RoundTripper) http.RoundTripper { return retrying(watch(base)) }, counted{seen: "POST 503, POST 409"}},
		{"watched outside", func(base http.RoundTripper) http.RoundTripper { return watch(retrying(base)) }, counted{seen: "POST 409", replayed: 1}},
		{"watched twice", func(base http.RoundTripper) http.RoundTripper { return watch(retrying(watch(base))) }, counted{seen: "POST 503, POST 409"}},
		{"watched twice in a row", func(base http.RoundTripper) http.RoundTripper { return retrying(watch(watch(base))) }, counted{seen: "POST 503, POST 409"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, requests := statuses(t, 503, 409)
			call := wire.Trace(t.Context())
			status, err := post(call, &http.Client{Transport: tt.make(srv.Client().Transport)}, srv.URL)
			require.NoError(t, err)
			assert.Equal(t, http.StatusConflict, status, "all that the caller sees")
			assert.EqualValues(t, 2, requests.Load())
			assert.Equal(t, tt.want, count(call))
		})
	}
}

// Package net/http itself sends a request again if its reused connection was
// closed and the request has an idempotency key.
func TestTries_replayByTransport(t *testing.T) {
	t.Parallel()
	for _, watching := range []bool{false, true} {
		t.Run(fmt.Sprint("watching: ", watching), func(t *testing.T) {
			n := new(atomic.Int32)
			srv, requests := serve(t, func(http.ResponseWriter, *http.Request) {
				if n.Add(1) == 2 {
					panic(http.ErrAbortHandler)
				}
			})
			client, want := srv.Client(), counted{traced: 2}
			if watching {
				client, want = watched(srv), counted{seen: "POST 200", replayed: 1}
			}
			do := func(ctx context.Context) error {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, strings.NewReader("{}"))
				require.NoError(t, err)
				req.Header.Set("Idempotency-Key", "1")
				resp, err := client.Do(req)
				if err != nil {
					return err
				}
				return resp.Body.Close()
			}
			require.NoError(t, do(t.Context()), "leaves a connection to reuse")
			call := wire.Trace(t.Context())
			require.NoError(t, do(call))
			assert.EqualValues(t, 3, requests.Load())
			assert.Equal(t, want, count(call))
		})
	}
}

func TestTries_redirect(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("POST /elsewhere", http.RedirectHandler("/here", http.StatusTemporaryRedirect))
	mux.Handle("POST /see", http.RedirectHandler("/made", http.StatusSeeOther))
	mux.HandleFunc("POST /here", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	mux.HandleFunc("GET /made", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	tests := []struct {
		path           string
		traced, seen   counted
		wantFollowed   []bool
		wantLastStatus int
	}{
		{"/elsewhere", counted{traced: 2}, counted{seen: "POST 307, POST 201"}, []bool{true, false}, 201},
		{"/see", counted{traced: 2}, counted{seen: "POST 303"}, []bool{true, false}, 404},
	}
	for _, tt := range tests {
		call := wire.Trace(t.Context())
		status, err := post(call, srv.Client(), srv.URL+tt.path)
		require.NoError(t, err)
		assert.Equal(t, tt.wantLastStatus, status)
		assert.Equal(t, tt.traced, count(call))

		call = wire.Trace(t.Context())
		_, err = post(call, watched(srv), srv.URL+tt.path)
		require.NoError(t, err)
		assert.Equal(t, tt.seen, count(call))
		var followed []bool
		for _, ex := range call.Exchanges() {
			followed = append(followed, ex.Followed)
		}
		assert.Equal(t, tt.wantFollowed, followed)
	}
}

// A token that was fetched from another origin, and read to its end, is no try of
// the write that follows.
func TestTries_token(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		same   bool // origin
		unread bool
		want   string
	}{
		{name: "fetched", status: 200, want: "POST 409"},
		{name: "refused", status: 401, want: "POST 401, POST 409"},
		{name: "unavailable", status: 503, want: "POST 503, POST 409"},
		{name: "of the same origin", status: 200, same: true, want: "POST 200, POST 409"},
		{name: "not read to its end", status: 200, unread: true, want: "POST 200, POST 409"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.Repeat("t", 8<<10))
			}
			issuer, _ := serve(t, token)
			srv, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/token" {
					token(w, r)
					return
				}
				w.WriteHeader(409)
			})
			from := issuer.URL
			if tt.same {
				from = srv.URL
			}
			call := wire.Trace(t.Context())
			client := watched(srv)
			req, err := http.NewRequestWithContext(call, http.MethodPost, from+"/token", strings.NewReader("grant_type=client_credentials"))
			require.NoError(t, err)
			resp, err := client.Do(req)
			require.NoError(t, err)
			if !tt.unread {
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(t, err)
			}
			_, err = post(call, client, srv.URL+"/things")
			require.NoError(t, err)
			_ = resp.Body.Close()
			assert.Equal(t, counted{seen: tt.want}, count(call))
		})
	}
	t.Run("one behind the write", func(t *testing.T) {
		t.Parallel()
		issuer, _ := statuses(t, 200)
		srv, _ := statuses(t, 503)
		call := wire.Trace(t.Context())
		for _, url := range []string{srv.URL, issuer.URL} {
			_, err := post(call, watched(srv), url)
			require.NoError(t, err)
		}
		assert.Equal(t, counted{seen: "POST 503, POST 200"}, count(call), "nobody knows which of them is the write")
	})
}

// Two witnesses of one call do not count a request twice, and what one of them
// does not see the other does.
func TestTries_twoWitnesses(t *testing.T) {
	t.Parallel()
	srv, _ := statuses(t, 503, 503, 409)
	call := wire.Trace(t.Context())
	_, err := post(call, srv.Client(), srv.URL)
	require.NoError(t, err)
	call.CountTry()
	_, err = post(call, watched(srv), srv.URL)
	require.NoError(t, err)
	assert.Equal(t, counted{seen: "POST 503", traced: 1, byCaller: 1}, count(call))
	assert.Equal(t, 3, call.Tries().N())
	assert.Equal(t, 2, call.Tries().Unseen())
	_, err = post(wire.Silent(call), watched(srv), srv.URL)
	require.NoError(t, err)
	assert.Equal(t, 2, call.Tries().Traced, "the trace is no secret of the call's")
}

func (k kind) Error() string { return string(k) }

func (f *failure) Error() string { return f.why }
