package readbackhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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
		t.Run(method, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
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
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				options, heard := listening()
				client := serve(t, answersThenLags(tt.answer)).over(options)
				method, path, _ := strings.Cut(tt.write, " ")
				_, err := do(client, send(method, api+path, tt.body))
				require.NoError(t, err)
				assert.Contains(t, heard(), "covers /")
				assert.NotContains(t, heard(), "hunter2")
				assert.True(t, held(t, client, api+tt.read))
			})
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
		t.Run(fmt.Sprint(token != nil), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
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
		})
	}
}

// A list waits for nothing that is gone with what lies above it, or that a POST has
// put an end to.
func TestTransport_listOfWhatIsGone(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /p/{project}/things", Lists: []string{"/p/{project}/things"}}}
	for _, write := range []string{"DELETE /p/1", "DELETE /p", "DELETE /p/1/things", "POST /p/1/things?delete", "POST /p/1"} {
		for _, text := range []string{"404", "200 | []"} {
			t.Run(write+" "+text, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := serve(t, script{
						"POST /p/1/things": {`201 | {"id":7}`, "204"}, "DELETE /p/1": {"204"}, "DELETE /p": {"204"},
						"DELETE /p/1/things": {"204"}, "POST /p/1": {"204"}, "GET /p/1/things": {text},
					}.handler())
					client := s.over(options)
					answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
					method, path, _ := strings.Cut(write, " ")
					answered(t, "204", client, method, api+path)
					answered(t, strings.Replace(text, " | ", " ", 1), client, "GET", api+"/p/1/things")
					assert.Zero(t, time.Since(s.start))
				})
			})
		}
	}
	t.Run("while it is held", func(t *testing.T) {
		for _, path := range []string{"/p/1", "/p/1/things/7"} {
			inBubbleOf(t, path, func(t *testing.T) {
				s := serve(t, script{
					"POST /p/1/things": {`201 | {"id":7}`}, "DELETE " + path: {"204"}, "GET /p/1/things": {"404"},
				}.handler())
				client := s.over(options)
				answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
				time.AfterFunc(1500*time.Millisecond, func() { _, _ = ask(t.Context(), client, "DELETE", api+path) })
				answered(t, "404", client, "GET", api+"/p/1/things")
				assert.Equal(t, 2*time.Second, time.Since(s.start))
			})
		}
	})
	t.Run("made anew", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"POST /p/1/things": {`201 | {"id":7}`}, "DELETE /p/1": {"204"}, "GET /p/1/things": {"404", "200 | [7]"}}.handler())
			client := s.over(options)
			answered(t, "204", client, "DELETE", api+"/p/1")
			answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
			answered(t, "200 [7]", client, "GET", api+"/p/1/things")
		})
	})
}

func inBubbleOf(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inBubble(t, test) })
}

// What was moved away is not to be found where it was.
func TestTransport_moved(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "MOVE /a": {"201"}, "GET /a": {"404", "200"}, "GET /a/b": {"404", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "201", client, "MOVE", api+"/a", "Destination: /b")
		assert.False(t, held(t, client, api+"/a"))
		assert.False(t, held(t, client, api+"/a/b"))
	})
}

// Who asks for a coding by itself gets the bytes of the server; what is judged is what
// they say.
func TestTransport_codedBodies(t *testing.T) {
	t.Parallel()
	gz := string(zipped(t, `[{"id":7}]`))
	empty := string(zipped(t, `[]`))
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	inBubbleOf(t, "a list", func(t *testing.T) {
		s := serve(t, script{
			"POST /things": {`201 | {"id":7}`},
			"GET /things":  {"200 | Content-Encoding: gzip | " + empty, "200 | Content-Encoding: gzip | " + gz},
		}.handler())
		client := s.over(options)
		answered(t, `201 {"id":7}`, client, "POST", api+"/things")
		answered(t, "200 "+gz, client, "GET", api+"/things", "Accept-Encoding: gzip")
		assert.Equal(t, time.Second, time.Since(s.start))
	})
	match := func(_ readbackhttp.Ref, doc *readbackhttp.Document) bool { return string(doc.Body) == `[{"id":7}]` }
	inBubbleOf(t, "a match", func(t *testing.T) {
		s := serve(t, script{
			"PUT /things": {"204"},
			"GET /things": {"200 | Content-Encoding: gzip | " + empty, "200 | Content-Encoding: gzip | " + gz},
		}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/things")
		req := send("GET", api+"/things", "").WithContext(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Match: match}))
		req.Header.Set("Accept-Encoding", "gzip")
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "200 "+gz, got)
		assert.Equal(t, time.Second, time.Since(s.start))
	})
	inBubbleOf(t, "a match that cannot read it", func(t *testing.T) {
		s := serve(t, script{"PUT /things": {"204"}, "GET /things": {"200 | Content-Encoding: br | ???"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/things")
		req := send("GET", api+"/things", "").WithContext(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Match: match}))
		req.Header.Set("Accept-Encoding", "br")
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "200 ???", got)
		assert.Zero(t, time.Since(s.start), "handed on unasked, as what is too long")
	})
}

// The rules of a policy see what a body says as well, of a write and in a flow.
func TestTransport_codedBodiesAndRules(t *testing.T) {
	t.Parallel()
	refused := "200 | Content-Encoding: gzip | " + string(zipped(t, `{"ok":false}`))
	rules := consistency.Rules{Write: []consistency.WriteRule{{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused}}}
	put := func(ctx context.Context, client *http.Client) (*http.Response, error) {
		req := send("PUT", api+"/a", "").WithContext(ctx)
		req.Header.Set("Accept-Encoding", "gzip")
		return client.Do(req)
	}
	inBubbleOf(t, "of a Transport", func(t *testing.T) {
		options := slowly
		options.Policy.Rules = rules
		s := serve(t, script{"PUT /a": {refused}, "GET /a": {"404 | none", "200"}}.handler())
		client := s.over(options)
		resp, err := put(t.Context(), client)
		require.NoError(t, err)
		_ = resp.Body.Close()
		answered(t, "404 none", client, "GET", api+"/a")
	})
	flows := func(wrap func(http.RoundTripper) http.RoundTripper, silent bool) func(t *testing.T) {
		return func(t *testing.T) {
			policy := everySecond
			policy.Rules = rules
			s := serve(t, script{"PUT /a": {refused}, "GET /a": {"404"}}.handler())
			client := &http.Client{Transport: wrap(s.Client.Transport)}
			_, err := consistency.Do(t.Context(), policy, consistency.Update("put",
				func(ctx context.Context) (any, error) {
					resp, err := put(ctx, client)
					if err == nil && silent { // a client that tells nothing
						return "a", resp.Body.Close()
					}
					return resp, err
				},
				func(context.Context, any) (string, error) { return "", consistency.Status(errRefused, 404) },
				func(any, string) bool { return true }))
			assert.ErrorIs(t, err, consistency.ErrFailed)
		}
	}
	inBubbleOf(t, "of a flow that is watched", flows(readbackhttp.Watch, true))
	inBubbleOf(t, "of a flow whose reference is the answer", flows(func(base http.RoundTripper) http.RoundTripper { return base }, false))
}

// A body that was held may be closed while it is read, as every body of net/http.
func TestTransport_closedWhileRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"kept": "some", "long": strings.Repeat("long", 20<<10)} {
		inBubbleOf(t, name, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | " + body}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			resp, err := client.Do(send("GET", api+"/a", ""))
			require.NoError(t, err)
			go func() { _ = resp.Body.Close() }()
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			n, err := resp.Body.Read(make([]byte, 10))
			assert.Zero(t, n)
			assert.Error(t, err)
		})
	}
}

// Nothing more comes of a body that was closed.
func TestTransport_readAfterClose(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"kept": "some", "long": strings.Repeat("long", 20<<10)} {
		inBubbleOf(t, name, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | " + body}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			resp, err := client.Do(send("GET", api+"/a", ""))
			require.NoError(t, err)
			_ = resp.Body.Close()
			n, err := resp.Body.Read(make([]byte, 10))
			assert.Zero(t, n)
			assert.Error(t, err)
		})
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// A POST that asks for another method by its header is taken for one of that method.
func TestTransport_methodOverride(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, method, answer string
		want                   bool // a read of what was made before is held
		route                  string
	}{
		{"X-HTTP-Method-Override", "DELETE", "204", false, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method", "DELETE", "204", false, "DELETE http://api.test/a/{id}"},
		{"X-Method-Override", "delete", "404", false, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "DELETE", "422", true, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "PUT", "200", true, "PUT http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "GET", "200 | []", true, "GET http://api.test/a/{id}"},
		{"X-HTTP-Method", "MERGE", "200", true, "PATCH http://api.test/a/{id}"},
		{"X-HTTP-Method", "BREW", "204", true, "POST http://api.test/a/b"},
		{"X-Method", "DELETE", "204", true, "POST http://api.test/a/b"},
	}
	for _, tt := range tests {
		inBubbleOf(t, tt.header+" "+tt.method+" "+tt.answer, func(t *testing.T) {
			var told []readbackhttp.Coverage
			options := slowly
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			s := serve(t, script{"PUT /a/b": {"201"}, "POST /a/b": {tt.answer}, "GET /a/b": {"404", "200"}, "GET /a/b/c": {"404", "200"}}.handler())
			client := s.over(options)
			answered(t, "201", client, "PUT", api+"/a/b")
			answered(t, strings.Replace(tt.answer, " | ", " ", 1), client, "POST", api+"/a/b", tt.header+": "+tt.method)
			assert.Equal(t, tt.want && tt.route[:4] != "POST", held(t, client, api+"/a/b/c"), "what lies below a nameless POST is forgotten")
			assert.Equal(t, tt.want, held(t, client, api+"/a/b"))
			assert.Equal(t, tt.route, told[1].Route)
		})
	}
}

// A text with many escapes in it costs what others of its length do.
func TestTransport_manyEscapes(t *testing.T) {
	t.Parallel()
	body := `{"id":7,"log":"` + strings.Repeat(`\\`, 1<<20) + `"}`
	rt := readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 201, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: req,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
		}, nil
	}), slowly)
	resp, err := rt.RoundTrip(send("POST", api+"/things", ""))
	require.NoError(t, err)
	began := time.Now()
	_, err = io.ReadFull(resp.Body, make([]byte, len(body)))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Less(t, time.Since(began), 5*time.Second)
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

// A deletion whose query says how, or which, forgets what was made all the same.
func TestTransport_deletedWithQuery(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, made, deleted, read string }{
		{"by force", "PUT /a/b", "DELETE /a/b?force=true", "/a/b"},
		{"read with another query", "POST /a", "DELETE /a/b?force=true", "/a/b?view=full"},
		{"written with another query", "PUT /a/b?v=1", "DELETE /a/b?v=2", "/a/b?v=1"},
		{"what lies below", "PUT /a/b", "DELETE /a?cascade=all", "/a/b"},
		{"below what was made", "PUT /a", "DELETE /a?cascade=all", "/a/b"},
		{"by a filter", "POST /a", "DELETE /a?name=b", "/a/b"},
	}
	for _, tt := range tests {
		inBubbleOf(t, tt.name, func(t *testing.T) {
			s := serve(t, script{
				"PUT /a": {"201"}, "PUT /a/b": {"201"}, "POST /a": {`201 | {"id":"b"}`}, "DELETE /a/b": {"204"}, "DELETE /a": {"204"},
				"GET /a/b": {"404", "404", "200"},
			}.handler())
			client := s.over(slowly)
			for _, step := range []string{tt.made, tt.deleted} {
				method, path, _ := strings.Cut(step, " ")
				_, err := ask(t.Context(), client, method, api+path)
				require.NoError(t, err)
			}
			assert.False(t, held(t, client, api+tt.read))
			method, path, _ := strings.Cut(tt.made, " ")
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			assert.True(t, held(t, client, api+tt.read), "it is made anew")
		})
	}
}
