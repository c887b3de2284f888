package measure_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// echo answers writes with that status and a Location, reads with what the
// write's path was, and deletes with the statuses given, the last one for ever.
func echo(status int, deletes ...int) http.HandlerFunc {
	var mu sync.Mutex
	tries := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.Method {
		case http.MethodGet:
			fmt.Fprintf(w, `{"put":%q}`, r.URL.Path)
		case http.MethodDelete:
			if len(deletes) > 0 {
				w.WriteHeader(deletes[min(tries, len(deletes)-1)])
				tries++
			}
		default:
			w.Header().Set("Location", "/things/7")
			w.WriteHeader(status)
			fmt.Fprint(w, `{"id":"seven"}`)
		}
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		deletes []int
		cleanup string
		want    string
		tries   int
	}{
		{"at once", []int{204}, "{location}", report.Cleaned, 1},
		{"by a member of the answer", []int{200}, "/things/{id}", report.Cleaned, 1},
		{"gone already", []int{404}, "{location}", report.Cleaned, 1},
		{"not known yet", []int{403, 409, 204}, "{location}", report.Cleaned, 3},
		{"never", []int{500}, "{location}", "DELETE http://api.test/things/7: 500 Internal Server Error", 3},
		{"refused", []int{400, 204}, "{location}", "DELETE http://api.test/things/7: 400 Bad Request", 1},
		{"no such member", nil, "/things/{key}", "the write's answer has no {key} to take back", 0},
		{"elsewhere", nil, "http://other.test{/id}", "--cleanup: its URL is of another origin than the write", 0},
	}
	for _, tt := range tests {
		against(t, tt.name, echo(201, tt.deletes...), func(t *testing.T, w *world) {
			status, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "-H", "Authorization: x", "--cleanup", tt.cleanup, "--count", "1", "--settle-for", "0")
			require.Zero(t, status, w.Err.String())
			require.Len(t, r.Flows, 1)
			assert.Equal(t, "confirmed", r.Flows[0].Outcome)
			deletes := w.asked("DELETE")
			require.Len(t, deletes, tt.tries)
			if tt.want == report.Cleaned {
				assert.Equal(t, report.Cleaned, r.Flows[0].Cleanup)
				assert.NotContains(t, w.Err.String(), "cleaned up")
			} else {
				assert.Equal(t, tt.want, r.Flows[0].Cleanup)
				assert.Contains(t, w.Err.String(), "readback: flow 1 was not cleaned up: "+tt.want)
			}
			for _, d := range deletes {
				assert.Equal(t, "x", d.Header.Get("Authorization"))
			}
		})
	}
}

// A cleanup may be another method with a body of its own; only what does no harm
// twice is tried again.
func TestCleanup_own(t *testing.T) {
	t.Parallel()
	handler := echo(201)
	archived := 0
	refuse := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/archive" {
			archived++
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler(w, r)
	}
	against(t, "", refuse, func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "-d", "x", "--cleanup", "-X", "POST", "-H", "X-Why: because", "-d", "gone {n}", "/archive", "--count", "1", "--settle-for", "0")
		assert.Equal(t, 1, archived)
		assert.Equal(t, "POST http://api.test/archive: 503 Service Unavailable", r.Flows[0].Cleanup)
		posts := w.asked("POST")
		require.Len(t, posts, 2)
		assert.Equal(t, "gone 1", posts[1].Body)
		assert.Equal(t, "because", posts[1].Header.Get("X-Why"))
	})
}

// What was refused is not there to be taken back; a write whose answer was lost
// may be.
func TestCleanup_without(t *testing.T) {
	t.Parallel()
	against(t, "refused", echo(422), func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "--cleanup", "{location}", "--count", "9", "--settle-for", "0")
		assert.Equal(t, 1, status)
		assert.Len(t, r.Flows, 3, "it ends early")
		assert.Contains(t, w.Err.String(), "readback: ended after 3 of 9 flows: no write was carried out\n")
		assert.Empty(t, w.asked("DELETE"))
		assert.Empty(t, r.Flows[0].Cleanup)
	})
	lost := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			panic(http.ErrAbortHandler)
		}
	}
	against(t, "lost", lost, func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "-d", "x", "--cleanup", "{location}", "--count", "1", "--settle-for", "0", "--within", "2s")
		assert.Equal(t, 124, status)
		assert.Equal(t, "the write's answer was lost, and with it what to take back", r.Flows[0].Cleanup)
		assert.Contains(t, w.Err.String(), "flow 1 was not cleaned up")
	})
	against(t, "lost, but known", lost, func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "-d", "x", "--cleanup", "/things/{n}", "--count", "1", "--settle-for", "0", "--within", "2s")
		assert.Equal(t, report.Cleaned, r.Flows[0].Cleanup)
		require.Len(t, w.asked("DELETE"), 1)
		assert.Equal(t, "/things/1", w.asked("DELETE")[0].Path)
	})
}

// A write that is never seen and never found is told to be there still.
func TestCleanup_unconfirmed(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			w.Header().Set("Location", "/things/7")
			w.WriteHeader(http.StatusCreated)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
	against(t, "", handler, func(t *testing.T, w *world) {
		began := time.Now()
		_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "--cleanup", "{location}", "--count", "1", "--settle-for", "0", "--within", "1s", "--pause", "0")
		assert.Equal(t, "DELETE http://api.test/things/7: 404 Not Found", r.Flows[0].Cleanup)
		assert.Len(t, w.asked("DELETE"), 3)
		assert.Equal(t, 4*time.Second, time.Since(began).Truncate(time.Second)-time.Second, "waits of one and three seconds")
	})
}
