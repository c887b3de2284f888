package readbackhttp_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What lies below a creation is held for a while, and only until a read of the
// same caller has shown something at or below it.
func TestTransport_below(t *testing.T) {
	t.Parallel()
	bubble(t, "for 3 s", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}}.handler())
		client := s.over(slowly)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "404 none", client, "GET", api+"/a/b")
		assert.Equal(t, 3*time.Second, time.Since(s.start).Round(10*time.Millisecond))
		answered(t, "404 none", client, "GET", api+"/a/b")
		assert.Equal(t, 3*time.Second, time.Since(s.start).Round(10*time.Millisecond))
	})
	bubble(t, "as long as the option says", func(t *testing.T) {
		options := slowly
		options.Below = 10 * time.Second
		s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}}.handler())
		client := s.over(options)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "404 none", client, "GET", api+"/a/b")
		assert.Equal(t, 10*time.Second, time.Since(s.start).Round(10*time.Millisecond))
	})
	bubble(t, "not at all", func(t *testing.T) {
		options := slowly
		options.Below = -1
		s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}, "GET /a": {"404", "200"}}.handler())
		client := s.over(options)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "404 none", client, "GET", api+"/a/b")
		assert.Zero(t, time.Since(s.start))
		answered(t, "200", client, "GET", api+"/a")
	})
	for _, shows := range []string{"/a", "/a?x=1", "/a/other/deep"} {
		bubble(t, "until something is shown at "+shows, func(t *testing.T) {
			s := serve(t, script{
				"PUT /a": {"201"}, "GET /a/b": {"404 | none"}, "GET /a/other/deep": {"200"},
				"GET /a": {"200", "404", "200 | again"},
			}.handler())
			client := s.over(slowly)
			answered(t, "201", client, "PUT", api+"/a")
			answered(t, "200", client, "GET", api+shows)
			answered(t, "404 none", client, "GET", api+"/a/b")
			assert.Zero(t, time.Since(s.start))
			if shows != "/a/other/deep" {
				answered(t, "200 again", client, "GET", api+"/a") // it flips: the URL itself is held
			}
		})
	}
	bubble(t, "another's read shows nothing", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "GET /a": {"200"}, "GET /a/b": {"404", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "200", client, "GET", api+"/a", "Authorization: other")
		answered(t, "200", client, "GET", api+"/a/b")
	})
	bubble(t, "a read that began before the write shows nothing", func(t *testing.T) {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == "PUT":
				w.WriteHeader(201)
			case r.URL.Path == "/a":
				time.Sleep(time.Second)
			default:
				w.WriteHeader(404)
			}
		}))
		client := s.over(slowly)
		answered(t, "201", client, "PUT", api+"/other")
		done := make(chan struct{})
		go func() {
			defer close(done)
			answered(t, "200", client, "GET", api+"/a")
		}()
		time.Sleep(500 * time.Millisecond)
		answered(t, "201", client, "PUT", api+"/a")
		<-done
		start := time.Now()
		answered(t, "404", client, "GET", api+"/a/b")
		assert.Equal(t, 2500*time.Millisecond, time.Since(start).Round(10*time.Millisecond))
	})
}

// Check, then create: what is below something that is only updated is not there
// until it is made.
func TestTransport_checkThenCreate(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"PATCH", "PUT"} {
		bubble(t, method, func(t *testing.T) {
			s := serve(t, script{
				method + " /namespaces/a": {"200"}, "GET /namespaces/a/secrets/b": {"404 | none", "404", "200 | there"},
				"POST /namespaces/a/secrets": {`201 | {"metadata":{"name":"b"}}`},
			}.handler())
			client := s.over(slowly)
			answered(t, "200", client, method, api+"/namespaces/a")
			answered(t, "404 none", client, "GET", api+"/namespaces/a/secrets/b")
			assert.Zero(t, time.Since(s.start))
			_, err := ask(t.Context(), client, "POST", api+"/namespaces/a/secrets")
			require.NoError(t, err)
			answered(t, "200 there", client, "GET", api+"/namespaces/a/secrets/b")
		})
	}
}

// A POST that is done and names nothing may have deleted what lies below.
func TestTransport_forgetsBelow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, answer string
		read               bool
		want               string
	}{
		{"what lies below", "/bucket?delete", "200 | <DeleteResult/>", true, "404 none"},
		{"nothing to read", "/bucket?delete", "204", true, "404 none"},
		{"not read to its end", "/bucket?delete", "200 | " + strings.Repeat("<x/>", 50_000), false, "200"},
		{"something is named", "/bucket?delete", `200 | {"id":"other"}`, true, "200"},
		{"ambiguous", "/bucket?delete", "503", true, "200"},
		{"refused", "/bucket?delete", "403", true, "200"},
		{"at the root", "/", "200 | <x/>", true, "200"},
		{"elsewhere", "/bucket2?delete", "200 | <x/>", true, "200"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			u, err := url.Parse(tt.path)
			require.NoError(t, err)
			s := serve(t, script{
				"PUT /bucket/key": {"200"}, "POST " + u.Path: {tt.answer}, "GET /bucket/key": {"404 | none", "200"},
			}.handler())
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/bucket/key")
			resp, err := client.Do(send("POST", api+tt.path, ""))
			require.NoError(t, err)
			if tt.read {
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(t, err)
			}
			_ = resp.Body.Close()
			answered(t, tt.want, client, "GET", api+"/bucket/key")
		})
	}
}
