package consistency_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pipenet"
)

// site is an HTTP service in a bubble and the client for it.
type site struct {
	client *http.Client
	posts  atomic.Int32 // requests that are no GET, as the server saw them
	gets   atomic.Int32
}

func newSite(t *testing.T, handler http.HandlerFunc) *site {
	s := new(site)
	transport := pipenet.Serve(t, &http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				s.gets.Add(1)
			} else {
				s.posts.Add(1)
			}
			handler(w, r)
		}),
	})
	s.client = &http.Client{Transport: transport}
	return s
}

// post and get are those of a plain client: an answer that is no success is an
// error with its status.
func (s *site) post(ctx context.Context) (string, error) {
	return s.send(ctx, http.MethodPost, "http://service/items?key=hunter2")
}

func (s *site) get(ctx context.Context, id string) (string, error) {
	return s.send(ctx, http.MethodGet, "http://service/items/"+id)
}

func (s *site) send(ctx context.Context, method, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(method))
	if err != nil {
		return "", err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		return "", &fault{status: resp.StatusCode, body: string(body)}
	}
	if len(body) == 0 {
		return "1", err // the id of what is written, and something to read
	}
	return string(body), err
}

type httpFlow = consistency.Flow[string, string]

func (s *site) create() httpFlow { return consistency.Create("create item", s.post, s.get) }

// found says that f's write can be found as id.
func found(f httpFlow, id string) httpFlow {
	f.Find, f.Mine = consistency.Known(id), func(string) bool { return true }
	return f
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func lost(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// onPost answers what is no GET with post, and a GET with 200.
func onPost(post http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			_, _ = io.Copy(io.Discard, r.Body)
			post(w, r)
		}
	}
}
