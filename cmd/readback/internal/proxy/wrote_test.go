package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/readbackhttp"
)

// What each write covers is counted, and a route of which nothing is known is told
// once.
func TestProxy_wrote(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"/named": `{"id":7}`, "/nameless": `{"ok":true}`, "/things/1/nameless": `{}`, "/things/2/nameless": `{}`}
	mux := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != "POST":
			w.WriteHeader(204)
		case r.URL.Path == "/refused":
			w.WriteHeader(422)
		case r.URL.Path == "/away":
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(303)
		default:
			_, _ = io.WriteString(w, answers[r.URL.Path])
		}
	})
	var mu sync.Mutex
	var told []string
	meter := proxy.NewMeter()
	url, _ := online(t, mux, proxy.Options{Meter: meter, Tell: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, line)
	}})
	client := newClient(t)
	for _, at := range []string{"POST /named", "POST /nameless?key=s3cret", "POST /nameless", "POST /things/1/nameless",
		"POST /things/2/nameless", "POST /refused", "POST /away", "POST /things/1/delete", "PUT /a", "DELETE /a"} {
		method, path := at[:4], at[5:]
		switch at[0] {
		case 'D':
			method, path = "DELETE", "/a"
		case 'P':
			if at[1] == 'U' {
				method, path = "PUT", "/a"
			}
		}
		req, err := http.NewRequest(method, url+path, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		_ = text(t, resp)
	}
	metrics := func() string {
		w := httptest.NewRecorder()
		meter.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	got := metrics()
	for _, line := range []string{
		`readback_proxy_writes_total{covers="something",why=""} 2`,
		`readback_proxy_writes_total{covers="forgets",why=""} 2`,
		`readback_proxy_writes_total{covers="nothing",why="no Location, no link and no id found"} 4`,
		`readback_proxy_writes_total{covers="nothing",why="it was refused"} 1`,
		`readback_proxy_writes_total{covers="nothing",why="it was redirected to what it did not make"} 1`,
		`readback_proxy_writes_remembered_total 2`,
	} {
		assert.Contains(t, got, line+"\n")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, told, 3)
	assert.Regexp(t, `^warning: POST http://127\.0\.0\.1:\d+/nameless covers nothing: no Location, no link and no id found; its reads are not held, unless --covers says which \(told once\)$`, told[0])
	assert.Contains(t, told[1], "/things/{id}/nameless covers nothing")
	assert.Contains(t, told[2], "/away covers nothing: it was redirected")
}

// What --covers says is held.
func TestProxy_covers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		base := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == "POST":
				_, _ = io.WriteString(w, `{"ref":{"key_id":"k"},"other":1}`)
			case time.Since(start) < 1500*time.Millisecond:
				w.WriteHeader(404)
			}
		})
		hold := everySecond
		hold.Routes = []readbackhttp.Route{{Write: "POST /p/{p}/keys", Covers: []string{"/keys/{p}"}}}
		p := before(t, handled{base}, proxy.Options{Hold: hold})
		_ = text(t, ask(p, "POST", "/p/7/keys"))
		assert.Equal(t, 200, ask(p, "GET", "/keys/7").StatusCode)
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}

// An id that stands in the request alone is known as well, however the body is sent.
func TestProxy_requestIDs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == "POST":
			w.WriteHeader(202)
			_, _ = io.WriteString(w, `{"taskUid":1}`)
		case !seen[r.URL.Path]:
			seen[r.URL.Path] = true
			w.WriteHeader(404)
		}
	}), proxy.Options{})
	for name, client := range map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)} {
		for _, chunked := range []bool{false, true} {
			id := fmt.Sprintf("%c%v", name[5], chunked)
			var body io.Reader = strings.NewReader(`{"uid":"` + id + `"}`)
			if chunked {
				body = io.MultiReader(body)
			}
			resp, err := client.Post(url+"/indexes", "application/json", body)
			require.NoError(t, err)
			_ = text(t, resp)
			resp, err = client.Get(url + "/indexes/" + id)
			require.NoError(t, err)
			_ = text(t, resp)
			assert.Equal(t, 200, resp.StatusCode, "%s, chunked %v", name, chunked)
		}
	}
}

// handled answers by a handler without a socket.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}
