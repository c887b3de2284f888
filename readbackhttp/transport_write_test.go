package readbackhttp_test

import (
	"context"
	"errors"
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

// Whatever it is answered, a write is sent once and its answer handed on.
func TestTransport_writesOnce(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "MKCOL"} {
		for _, status := range []string{"200", "202", "307", "401", "403", "404", "409", "412", "429", "500", "502", "503", "504"} {
			bubble(t, method+" "+status, func(t *testing.T) {
				s := serve(t, script{"PUT /a": {"204"}, method + " /a/b": {status + " | Retry-After: 1 | said"}}.handler())
				client := s.over(slowly)
				answered(t, "204", client, "PUT", api+"/a")
				got, err := do(client, send(method, api+"/a/b", "body"))
				require.NoError(t, err)
				assert.Equal(t, status+" said", got)
				assert.Equal(t, 2, s.writes())
				assert.Zero(t, time.Since(s.start))
			})
		}
	}
	bubble(t, "lost", func(t *testing.T) {
		s := serve(t, script{"POST /a": {lost}}.handler())
		_, err := do(s.over(slowly), send("POST", api+"/a", "body"))
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, 1, s.writes())
	})
}

var resending = readbackhttp.TransportOptions{Policy: consistency.Policy{
	Schedule: everySecond.Schedule, Resend: consistency.Resend{OnMissingParent: true},
}}

func TestTransport_missingParent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		method string
		path   string
		script script
		want   string
		at     time.Duration
		sent   int
	}{
		{"until the parent is there", "POST", "/a/parts",
			script{"POST /a/parts": {"404", hidden, "201 | made"}}, "201 made", 2 * time.Second, 3},
		{"until the window ends", "POST", "/a/parts",
			script{"POST /a/parts": {"404 | no parent"}}, "404 no parent", 30 * time.Second, 31},
		{"a role is missing", "POST", "/a/parts",
			script{"POST /a/parts": {denial}}, `403 {"code":403,"message":"Forbidden"}`, 0, 1},
		{"ambiguous after a 404", "POST", "/a/parts",
			script{"POST /a/parts": {"404", "503 | later"}}, "503 later", time.Second, 2},
		{"limited after a 404", "POST", "/a/parts",
			script{"POST /a/parts": {"404", "429 | later"}}, "429 later", time.Second, 2},
		{"on what was written", "PATCH", "/a",
			script{"PATCH /a": {"404", "200 | done"}}, "200 done", time.Second, 2},
		{"not below it", "POST", "/b/parts",
			script{"POST /b/parts": {"404 | none", "201"}}, "404 none", 0, 1},
		{"a DELETE that finds nothing", "DELETE", "/a/parts/1",
			script{"DELETE /a/parts/1": {"404 | none", "204"}}, "404 none", 0, 1},
		{"a DELETE that may not", "DELETE", "/a/parts/1",
			script{"DELETE /a/parts/1": {hidden, "204"}}, "204", time.Second, 2},
		{"Retry-After", "POST", "/a/parts",
			script{"POST /a/parts": {"404 | Retry-After: 5", "201"}}, "201", 5 * time.Second, 2},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			tt.script["PUT /a"] = []string{"201"}
			s := serve(t, tt.script.handler())
			client := s.over(resending)
			answered(t, "201", client, "PUT", api+"/a")
			got, err := do(client, send(tt.method, api+tt.path, "body"))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.InDelta(t, tt.at, time.Since(s.start), float64(500*time.Millisecond))
			for _, r := range s.requests()[1:] {
				assert.Equal(t, "body", r.Body)
				assert.Equal(t, tt.method, r.Method)
			}
			assert.Len(t, s.requests(), 1+tt.sent)
		})
	}
	bubble(t, "lost after a 404", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404", lost}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		_, err := do(client, send("POST", api+"/a/parts", "body"))
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, 3, s.writes())
	})
	bubble(t, "slow, and not cut short", func(t *testing.T) {
		n := 0
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "POST" {
				w.WriteHeader(201)
				return
			}
			if n++; n == 1 {
				w.WriteHeader(404)
				return
			}
			time.Sleep(2 * time.Minute)
			w.WriteHeader(201)
		}))
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "201", client, "POST", api+"/a/parts")
		assert.Equal(t, 2, n)
	})
	bubble(t, "cancelled", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404"}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2500*time.Millisecond, func() { cancel(errGone) })
		_, err := ask(ctx, client, "POST", api+"/a/parts")
		require.ErrorIs(t, err, errGone)
		require.ErrorIs(t, err, context.Canceled)
	})
	bubble(t, "a body that cannot be sent again", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404 | none", "201"}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		req := send("POST", api+"/a/parts", "")
		req.Body = io.NopCloser(strings.NewReader("body"))
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "404 none", got)
	})
	bubble(t, "a body that fails to be sent again", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404 | none", "201"}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		req := send("POST", api+"/a/parts", "body")
		req.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("no body") }
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "404 none", got)
	})
	bubble(t, "below what was deleted", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "DELETE /a": {"204"}, "POST /a/parts": {"404 | none", "201"}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "204", client, "DELETE", api+"/a")
		answered(t, "404 none", client, "POST", api+"/a/parts")
	})
	bubble(t, "the base sent it twice", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"503", "404 | no parent", "201"}}.handler())
		retrying := transport(func(req *http.Request) (*http.Response, error) {
			resp, err := s.Client.Transport.RoundTrip(req)
			if err != nil || resp.StatusCode != 503 {
				return resp, err
			}
			_ = resp.Body.Close()
			again := req.Clone(req.Context())
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
			return s.Client.Transport.RoundTrip(again)
		})
		client := &http.Client{Transport: readbackhttp.NewTransport(retrying, resending)}
		answered(t, "201", client, "PUT", api+"/a")
		got, err := do(client, send("POST", api+"/a/parts", "body"))
		require.NoError(t, err)
		assert.Equal(t, "404 no parent", got) // the 503 may still be carried out
		assert.Equal(t, 3, s.writes())
	})
	bubble(t, "off", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404 | none", "201"}}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		got, err := ask(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Off: true}), client, "POST", api+"/a/parts")
		require.NoError(t, err)
		assert.Equal(t, "404 none", got)
	})
	bubble(t, "its answer is remembered", func(t *testing.T) {
		s := serve(t, script{
			"PUT /a": {"201"}, "POST /a/parts": {"404", "201 | Location: /elsewhere/1"}, "GET /elsewhere/1": {"404", "200"},
		}.handler())
		client := s.over(resending)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "201", client, "POST", api+"/a/parts")
		answered(t, "200", client, "GET", api+"/elsewhere/1")
	})
	bubble(t, "told of", func(t *testing.T) {
		var classes []consistency.Class
		options := resending
		options.Policy.Observer = func(e consistency.Event) {
			assert.Equal(t, consistency.PhaseWrite, e.Phase)
			if e.Note == "" { // a try, and not what the write covers
				classes = append(classes, e.Class)
			}
		}
		s := serve(t, script{"PUT /a": {"201"}, "POST /a/parts": {"404", "201"}}.handler())
		client := s.over(options)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "201", client, "POST", api+"/a/parts")
		assert.Equal(t, []consistency.Class{consistency.Refused, consistency.Applied}, classes)
	})
}

// Another protocol is no answer to a write.
func TestTransport_anotherProtocolIsNoAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == "PUT" {
				return reply(req, 101, ""), nil
			}
			return reply(req, 404, ""), nil
		}), slowly)}
		start := time.Now()
		answered(t, "101", client, "PUT", api+"/a")
		answered(t, "404", client, "GET", api+"/a")
		assert.Zero(t, time.Since(start))
	})
}

// What a write proves can be ruled otherwise.
func TestTransport_rules(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		options.Policy.Rules.Write = []consistency.WriteRule{{From: 409, Class: consistency.Applied}, {From: 200, Class: consistency.Refused}}
		s := serve(t, script{
			"PUT /a": {"409"}, "PUT /b": {"200"},
			"GET /a": {"404", "200 | there"}, "GET /b": {"404 | none", "200"},
		}.handler())
		client := s.over(options)
		answered(t, "409", client, "PUT", api+"/a")
		answered(t, "200", client, "PUT", api+"/b")
		answered(t, "200 there", client, "GET", api+"/a")
		answered(t, "404 none", client, "GET", api+"/b")
	})
}
