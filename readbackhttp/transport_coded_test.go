package readbackhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Who asks for a coding by itself gets the bytes of the server; what is judged is what
// they say.
func TestTransport_codedBodies(t *testing.T) {
	t.Parallel()
	gz := string(zipped(t, `[{"id":7}]`))
	empty := string(zipped(t, `[]`))
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	bubble(t, "a list", func(t *testing.T) {
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
	bubble(t, "a match", func(t *testing.T) {
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
	bubble(t, "a match that cannot read it", func(t *testing.T) {
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
	bubble(t, "of a Transport", func(t *testing.T) {
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
	bubble(t, "of a flow that is watched", flows(readbackhttp.Watch, true))
	bubble(t, "of a flow whose reference is the answer", flows(func(base http.RoundTripper) http.RoundTripper { return base }, false))
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
