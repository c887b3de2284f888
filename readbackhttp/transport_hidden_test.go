package readbackhttp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// listening returns options whose observer, logger and Wrote keep all that they are
// told, in the words of whoever prints it.
func listening() (readbackhttp.TransportOptions, func() string) {
	var heard strings.Builder
	core, logs := observer.New(zap.DebugLevel)
	options := slowly
	options.Policy.Logger = zap.New(core)
	options.Policy.Observer = func(e consistency.Event) {
		_, _ = fmt.Fprintln(&heard, e, e.Flow, e.Instance, e.Note)
		if e.Err != nil {
			_, _ = fmt.Fprintln(&heard, e.Err.Error()) // not through what hides secrets
		}
	}
	options.Wrote = func(c readbackhttp.Coverage) { _, _ = fmt.Fprintf(&heard, "%+v\n", c) }
	return options, func() string {
		for _, e := range logs.All() {
			_, _ = fmt.Fprintln(&heard, e.Message, e.ContextMap())
		}
		return heard.String()
	}
}

// The error of a poll or of another try, whoever made it, shows no secret to those
// who watch.
func TestTransport_errorsHideSecrets(t *testing.T) {
	t.Parallel()
	const text = `GET http://me:hunter2@api.test/a?token=hunter2: Authorization: Bearer hunter2`
	for _, method := range []string{"GET", "POST"} {
		bubble(t, method, func(t *testing.T) {
			options, heard := listening()
			options.Policy.Resend.OnMissingParent = true
			s := serve(t, script{"PUT /a": {"201"}, "GET /a": {"404", "404", "404", "200"}, "POST /a/b": {"404", "404", "200"}}.handler())
			tries := 0
			client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
				if tries++; tries == 3 { // that of the PUT is the first
					return nil, fmt.Errorf("%s: %w", text, errRefused)
				}
				return s.Client.Transport.RoundTrip(req)
			}), options)}
			answered(t, "201", client, "PUT", api+"/a")
			var report readbackhttp.Report
			path := map[string]string{"GET": "/a", "POST": "/a/b"}[method]
			req := send(method, api+path, "").WithContext(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report}))
			_, err := do(client, req)
			if method == "POST" {
				require.ErrorIs(t, err, errRefused, "the caller's own is as it was")
			} else {
				require.NoError(t, err)
				for _, read := range history(report.History) {
					assert.NotContains(t, fmt.Sprint(read.Err), "hunter2")
				}
			}
			assert.Contains(t, heard(), "REDACTED")
			assert.NotContains(t, heard(), "hunter2")
		})
	}
}

// What a write covers is told without the secrets in it: parameters of a path, and
// ids whose member has a secret's name. It is covered all the same.
func TestTransport_coverageHidesSecrets(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, write, body, answer, read string }{
		{"a parameter of the path", "PUT /things;jsessionid=hunter2/7", "", "200", "/things;jsessionid=hunter2/7"},
		{"of a Location", "POST /things", "", "201 | Location: /things/7;token=hunter2", "/things/7;token=hunter2"},
		{"userinfo in a path", "PUT /fetch/http:%2F%2Fme:hunter2@h%2F", "", "200", "/fetch/http:%2F%2Fme:hunter2@h%2F"},
		{"a key", "POST /api_keys", "", `201 | {"id":7,"key":"hunter2"}`, "/api_keys/hunter2"},
		{"a key of its kind", "POST /licences", "", `201 | {"licence_key":"hunter2"}`, "/licences/hunter2"},
		{"a key of the request", "POST /api_keys", `{"key":"hunter2"}`, `204`, "/api_keys/hunter2"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			options, heard := listening()
			client := serve(t, answersThenLags(tt.answer)).over(options)
			method, path, _ := strings.Cut(tt.write, " ")
			_, err := do(client, send(method, api+path, tt.body))
			require.NoError(t, err)
			assert.Contains(t, heard(), "covers /")
			assert.NotContains(t, heard(), "hunter2")
			assert.True(t, held(t, client, api+tt.read))
		})
	}
}

// A POST whose answer names what it was sent to is an update, however that is
// escaped.
func TestTransport_updateWithEscapedSlash(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, answersThenLags(`200 | {"id":"a/b"}`))
		client := s.over(slowly)
		_, err := ask(t.Context(), client, "POST", api+"/things/a%2Fb")
		require.NoError(t, err)
		assert.True(t, held(t, client, api+"/things/a%2Fb"))
		assert.False(t, held(t, client, api+"/things/a%2Fb/a%2Fb"))
	})
}

// A read that nobody wants held shows what is there as others do, with a token as
// well.
func TestTransport_shownWithToken(t *testing.T) {
	t.Parallel()
	for _, token := range []readbackhttp.Token{nil, readbackhttp.HeaderToken{Answer: "X-Position", Request: "X-After"}} {
		bubble(t, fmt.Sprint(token != nil), func(t *testing.T) {
			options := slowly
			options.Token = token
			s := serve(t, script{"PUT /a": {"201"}, "GET /a": {"200"}, "GET /a/b": {"404", "200"}}.handler())
			client := s.over(options)
			answered(t, "201", client, "PUT", api+"/a")
			req := send("GET", api+"/a", "").WithContext(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Off: true}))
			_, err := do(client, req)
			require.NoError(t, err)
			assert.False(t, held(t, client, api+"/a/b"), "an honest 404")
		})
	}
}

// The name of a route is short, however long its paths are.
func TestTransport_routeIsShort(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told []readbackhttp.Coverage
		options := slowly
		options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
		client := serve(t, answersThenLags("200")).over(options)
		answered(t, "200", client, "POST", api+strings.Repeat("/a", 10_000))
		answered(t, "200", client, "POST", api+strings.Repeat("/a", 10_000)+"/b")
		answered(t, "200", client, strings.Repeat("A", 10_000), api+"/a")
		require.Len(t, told, 3)
		assert.Less(t, len(told[0].Route), 1000)
		assert.Equal(t, told[0].Route, told[1].Route)
		assert.Less(t, len(told[2].Route), 1000)
	})
}
