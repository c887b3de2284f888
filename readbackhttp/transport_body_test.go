package readbackhttp_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const kept = 64 << 10 // bytes of a body that is held

// answering answers each GET with the next of the given handlers, and then the last
// one again and again.
func answering(gets ...http.HandlerFunc) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			n++
			gets[min(n, len(gets))-1](w, r)
		}
	})
}

func sized(status, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}
}

func declared(status, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		sized(status, size)(w, r)
	}
}

// endless writes a piece each time that has passed, for ever.
func endless(status int, every time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if every > 0 {
				select {
				case <-time.After(every):
				case <-r.Context().Done():
				}
			}
		}
	}
}

func broken(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestTransport_bodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		gets   []http.HandlerFunc
		status int
		size   int // of the body; -1 if it has no end
		at     time.Duration
		reads  int
	}{
		{"as much as is kept", []http.HandlerFunc{sized(404, kept), sized(200, 3)}, 200, 3, time.Second, 2},
		{"more than is kept", []http.HandlerFunc{sized(404, kept+1), sized(200, 3)}, 404, kept + 1, 0, 1},
		{"declared, as much as is kept", []http.HandlerFunc{declared(404, kept), sized(200, 3)}, 200, 3, time.Second, 2},
		{"declared, more than is kept", []http.HandlerFunc{declared(404, kept+1), sized(200, 3)}, 404, kept + 1, 0, 1},
		{"much more", []http.HandlerFunc{sized(404, 10*kept), sized(200, 3)}, 404, 10 * kept, 0, 1},
		{"endless and fast", []http.HandlerFunc{endless(404, 0), sized(200, 3)}, 404, -1, 0, 1},
		{"endless and slow", []http.HandlerFunc{endless(404, 400*time.Millisecond), sized(200, 3)}, 404, -1, time.Second, 1},
		{"a poll with more than is kept", []http.HandlerFunc{sized(404, 3), sized(404, 2*kept), sized(200, 3)}, 404, 2 * kept, time.Second, 2},
		{"a poll that is endless and fast", []http.HandlerFunc{sized(404, 3), endless(404, 0), sized(200, 3)}, 404, -1, time.Second, 2},
		{"a poll that is endless and slow", []http.HandlerFunc{sized(404, 3), endless(404, 3*time.Second), sized(200, 3)}, 200, 3, 12 * time.Second, 3},
		{"a poll that fails at length", []http.HandlerFunc{sized(404, 3), sized(503, 3*kept), sized(200, 3)}, 200, 3, 2 * time.Second, 3},
		{"a poll that fails without end", []http.HandlerFunc{sized(404, 3), endless(503, 0), sized(200, 3)}, 200, 3, 2 * time.Second, 3},
		{"a poll that breaks off", []http.HandlerFunc{sized(404, 3), broken(404), sized(200, 3)}, 200, 3, 2 * time.Second, 3},
		{"a long good answer", []http.HandlerFunc{sized(404, 3), sized(200, 20*kept)}, 200, 20 * kept, time.Second, 2},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, answering(tt.gets...))
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			start := time.Now()
			resp, err := client.Do(send("GET", api+"/a", ""))
			require.NoError(t, err)
			assert.Equal(t, tt.status, resp.StatusCode)
			assert.Equal(t, tt.at, time.Since(start).Round(100*time.Millisecond))
			if tt.size < 0 {
				_, err = io.CopyN(io.Discard, resp.Body, 3*kept)
				require.NoError(t, err)
			} else {
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, strings.Repeat("x", tt.size), string(body))
			}
			require.NoError(t, resp.Body.Close())
			assert.Len(t, s.reads(), tt.reads)
		})
	}
}

// A body that breaks off is handed on as it is.
func TestTransport_brokenBody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client := serve(t, answering(broken(404), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		resp, err := client.Do(send("GET", api+"/a", ""))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, "half", string(body))
		require.NoError(t, resp.Body.Close())
		_, err = resp.Body.Read(make([]byte, 1))
		require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
	})
}
