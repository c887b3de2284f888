package readbackhttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// slowly polls once a second.
var slowly = readbackhttp.TransportOptions{Policy: everySecond}

// over returns a client that sends to s over a Transport with these options.
func (s *server) over(options readbackhttp.TransportOptions) *http.Client {
	return &http.Client{Transport: readbackhttp.NewTransport(s.Client.Transport, options), CheckRedirect: stay}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// ask sends a request and returns the status and the body of the answer, such as
// "200 fresh". Headers are "Name: value".
func ask(ctx context.Context, client *http.Client, method, url string, headers ...string) (string, error) {
	req := send(method, url, "").WithContext(ctx)
	for _, h := range headers {
		m := headerLine.FindStringSubmatch(h)
		req.Header.Add(m[1], m[2])
	}
	return do(client, req)
}

func do(client *http.Client, req *http.Request) (string, error) {
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if resp.Request.Header.Get("Cache-Control") != req.Header.Get("Cache-Control") {
		return "", fmt.Errorf("the answer is that to another request")
	}
	text := fmt.Sprint(resp.StatusCode)
	if len(body) > 0 {
		text += " " + string(body)
	}
	return text, err
}

// answered sends a request, as ask does, and expects the answer.
func answered(t *testing.T, want string, client *http.Client, method, url string, headers ...string) {
	t.Helper()
	answeredIn(t.Context(), t, want, client, method, url, headers...)
}

func answeredIn(ctx context.Context, t *testing.T, want string, client *http.Client, method, url string, headers ...string) {
	t.Helper()
	got, err := ask(ctx, client, method, url, headers...)
	require.NoError(t, err)
	assert.Equal(t, want, got, "%s %s", method, url)
}

const (
	made   = "201 | Location: /things/7"
	denial = `403 | {"code":403,"message":"Forbidden"}`   // of a role
	hidden = `403 | {"status":403,"message":"Forbidden"}` // of an instance
)

// What is held, until when, and what is handed on.
func TestTransport_hold(t *testing.T) {
	t.Parallel()
	post := []string{"POST", "/things"}
	get := []string{"GET", "/things/7"}
	tests := []struct {
		name   string
		script script
		write  []string
		read   []string
		want   string
		at     time.Duration // when the answer was handed on
		sent   int           // reads
	}{
		{"not found, then there",
			script{"POST /things": {made}, "GET /things/7": {"404 | old", "404 | old", "200 | new"}},
			post, get, "200 new", 2 * time.Second, 3},
		{"there at once",
			script{"POST /things": {made}, "GET /things/7": {"200 | new"}},
			post, get, "200 new", 0, 1},
		{"the instance is hidden, then there",
			script{"POST /things": {made}, "GET /things/7": {hidden, hidden, "200 | new"}},
			post, get, "200 new", 2 * time.Second, 3},
		{"not found, hidden, there",
			script{"POST /things": {made}, "GET /things/7": {"404", hidden, "200 | new"}},
			post, get, "200 new", 2 * time.Second, 3},
		{"a role is missing",
			script{"POST /things": {made}, "GET /things/7": {denial}},
			post, get, `403 {"code":403,"message":"Forbidden"}`, 0, 1},
		{"not found, then a role is missing",
			script{"POST /things": {made}, "GET /things/7": {"404", denial}},
			post, get, `403 {"code":403,"message":"Forbidden"}`, time.Second, 2},
		{"below the Location",
			script{"POST /things": {made}, "GET /things/7/parts/1": {"404", "200 | part"}},
			post, []string{"GET", "/things/7/parts/1?x=1"}, "200 part", time.Second, 2},
		{"a view of the Location",
			script{"POST /things": {made}, "GET /things/7": {"404", "200 | part"}},
			post, []string{"GET", "/things/7?x=1"}, "200 part", time.Second, 2},
		{"HEAD",
			script{"POST /things": {made}, "HEAD /things/7": {"404", "200"}},
			post, []string{"HEAD", "/things/7"}, "200", time.Second, 2},
		{"PUT",
			script{"PUT /things/7": {"204"}, "GET /things/7": {"404", "200 | new"}},
			[]string{"PUT", "/things/7"}, get, "200 new", time.Second, 2},
		{"below an update",
			script{"PUT /things/7": {"204"}, "GET /things/7/parts": {"404 | none", "200"}},
			[]string{"PUT", "/things/7"}, []string{"GET", "/things/7/parts?x=1"}, "404 none", 0, 1},
		{"below a PATCH that is answered with 201",
			script{"PATCH /things/7": {"201"}, "GET /things/7/parts": {"404 | none", "200"}},
			[]string{"PATCH", "/things/7"}, []string{"GET", "/things/7/parts"}, "404 none", 0, 1},
		{"below a PUT",
			script{"PUT /things/7": {"201"}, "GET /things/7/parts": {"404", "200 | new"}},
			[]string{"PUT", "/things/7"}, []string{"GET", "/things/7/parts?x=1"}, "200 new", time.Second, 2},
		{"PATCH with a query, the same",
			script{"PATCH /things/7": {"200"}, "GET /things/7": {"404", "200 | new"}},
			[]string{"PATCH", "/things/7?v=1"}, []string{"GET", "/things/7?v=1"}, "200 new", time.Second, 2},
		{"PATCH with a query, another",
			script{"PATCH /things/7": {"200"}, "GET /things/7": {"404 | none", "200 | new"}},
			[]string{"PATCH", "/things/7?v=1"}, get, "404 none", 0, 1},
		{"PUT, read with a query",
			script{"PUT /things/7": {"200"}, "GET /things/7": {"404 | none", "200 | new"}},
			[]string{"PUT", "/things/7"}, []string{"GET", "/things/7?tagging"}, "404 none", 0, 1},
		{"ambiguous PUT",
			script{"PUT /things/7": {"503"}, "GET /things/7": {"404", "200 | new"}},
			[]string{"PUT", "/things/7"}, get, "200 new", time.Second, 2},
		{"below an ambiguous PUT",
			script{"PUT /things/7": {"503"}, "GET /things/7/parts": {"404 | none", "200 | new"}},
			[]string{"PUT", "/things/7"}, []string{"GET", "/things/7/parts"}, "404 none", 0, 1},
		{"ambiguous POST",
			script{"POST /things": {"503 | Location: /things/7"}, "GET /things/7": {"404 | none", "200"}},
			post, get, "404 none", 0, 1},
		{"refused POST",
			script{"POST /things": {"422 | Location: /things/7"}, "GET /things/7": {"404 | none", "200"}},
			post, get, "404 none", 0, 1},
		{"refused PUT",
			script{"PUT /things/7": {"409"}, "GET /things/7": {"404 | none", "200"}},
			[]string{"PUT", "/things/7"}, get, "404 none", 0, 1},
		{"accepted POST",
			script{"POST /things": {"202 | Location: /things/7"}, "GET /things/7": {"404", "200 | new"}},
			post, get, "200 new", time.Second, 2},
		{"POST that redirects",
			script{"POST /things": {"303 | Location: /things/7"}, "GET /things/7": {"404", "200 | new"}},
			post, get, "200 new", time.Second, 2},
		{"POST without a Location",
			script{"POST /things": {"201"}, "GET /things": {"404 | none", "200"}},
			post, []string{"GET", "/things"}, "404 none", 0, 1},
		{"above the Location",
			script{"POST /things": {made}, "GET /things": {"404 | none", "200"}},
			post, []string{"GET", "/things"}, "404 none", 0, 1},
		{"beside the Location",
			script{"POST /things": {made}, "GET /things/77": {"404 | none", "200"}},
			post, []string{"GET", "/things/77"}, "404 none", 0, 1},
		{"the method of an unknown kind",
			script{"MKCOL /things/7": {"201"}, "GET /things/7": {"404 | none", "200"}},
			[]string{"MKCOL", "/things/7"}, get, "404 none", 0, 1},
		{"a poll that says nothing",
			script{"POST /things": {made}, "GET /things/7": {"404", "499", "429", "500", "503", "408", "425", "200 | new"}},
			post, get, "200 new", 7 * time.Second, 8},
		{"credentials that are no longer good",
			script{"POST /things": {made}, "GET /things/7": {"404", "401 | who", "200 | new"}},
			post, get, "401 who", time.Second, 2},
		{"a tombstone of what was there before",
			script{"POST /things": {made}, "GET /things/7": {"410", "410", "200 | new"}},
			post, get, "200 new", 2 * time.Second, 3},
		{"a rate limit in a 403",
			script{"POST /things": {made}, "GET /things/7": {"403 | Retry-After: 60 | limited", "200 | new"}},
			post, get, "403 limited", 0, 1},
		{"answered otherwise",
			script{"POST /things": {made}, "GET /things/7": {"404", "405 | no"}},
			post, get, "405 no", time.Second, 2},
		{"redirected",
			script{"POST /things": {made}, "GET /things/7": {"404", "307 | Location: http://other.test/ | there"}},
			post, get, "307 there", time.Second, 2},
		{"the window ends",
			script{"POST /things": {made}, "GET /things/7": {"404 | first", "404 | later"}},
			post, get, "404 later", 30 * time.Second, 31},
		{"the window of an accepted write ends with the memory of it",
			script{"POST /things": {"202 | Location: /things/7"}, "GET /things/7": {"404 | first", "404 | later"}},
			post, get, "404 later", 2 * time.Minute, 121},
		{"the window of a hidden instance ends",
			script{"POST /things": {made}, "GET /things/7": {hidden + "1", hidden + "2"}},
			post, get, `403 {"status":403,"message":"Forbidden"}2`, 10 * time.Second, 11},
		{"nothing better comes",
			script{"POST /things": {made}, "GET /things/7": {"404 | first", "503"}},
			post, get, "404 first", 30 * time.Second, 31},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, tt.script.handler())
			client := s.over(slowly)
			_, err := ask(t.Context(), client, tt.write[0], api+tt.write[1])
			require.NoError(t, err)
			start := time.Now()
			answered(t, tt.want, client, tt.read[0], api+tt.read[1])
			assert.Equal(t, tt.at, time.Since(start).Round(time.Millisecond*10), "handed on after")
			assert.Len(t, s.requests(), 1+tt.sent)
			assert.LessOrEqual(t, s.conns.Load(), int32(2), "connections") // one more where one was lost
		})
	}
}

// Polls ask caches to stay out of it, unless the request says what it wants.
func TestTransport_noCache(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "200", "404", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		answered(t, "200", client, "GET", api+"/a")
		answered(t, "200", client, "GET", api+"/a", "Cache-Control: max-age=5")
		var sent []string
		for _, r := range s.reads() {
			sent = append(sent, r.Header.Get("Cache-Control"))
		}
		assert.Equal(t, []string{"", "no-cache", "max-age=5", "max-age=5"}, sent)
	})
}
