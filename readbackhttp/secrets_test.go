package readbackhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

const secretURL = "http://me:hunter2@api.test/things/7?api_key=hunter2&sig=hunter2#hunter2"

// However a flow ends, no secret of the write or of an answer is in what may be
// printed or kept.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const body = `{"access_token":"hunter2","message":"Bearer hunter2","url":"http://me:hunter2@h/?token=hunter2"}`
	tests := []struct {
		name    string
		method  string
		script  script
		change  func(*readbackhttp.Exchange)
		outcome consistency.Outcome
		writes  int
	}{
		{
			name: "confirmed", method: "PUT", outcome: consistency.Confirmed, writes: 1,
			script: script{"PUT /things/7": {"204"}, "GET /things/7": {"404 | " + body, `200 | {"v":2,"token":"hunter2"}`}},
		},
		{
			name: "refused", method: "PUT", outcome: consistency.Failed, writes: 1,
			script: script{"PUT /things/7": {"422 | Set-Cookie: s=hunter2 | Location: /?token=hunter2 | " + body}},
		},
		{
			name: "refused, no JSON", method: "PUT", outcome: consistency.Failed, writes: 1,
			script: script{"PUT /things/7": {"401 | Authorization: Bearer hunter2"}},
		},
		{
			name: "never shown", method: "PUT", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"PUT /things/7": {"503 | " + body}, "GET /things/7": {"404 | " + body, "503 | " + body, "302 | Location: /?code=hunter2 | " + body}},
		},
		{
			name: "read refused", method: "DELETE", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"DELETE /things/7": {"500 | " + body}, "GET /things/7": {"400 | " + body}},
		},
		{
			name: "unreadable", method: "PUT", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"PUT /things/7": {"200"}, "GET /things/7": {`200 | Content-Length: 999 | ` + body}},
		},
		{
			name: "lost", method: "POST", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"POST /things/7": {lost}},
		},
		{
			name: "never sent", method: "POST", outcome: consistency.Failed, writes: 0,
			change: func(ex *readbackhttp.Exchange) {
				ex.Client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					return nil, fmt.Errorf("%w: by http://me:hunter2@proxy.test/", errRefused)
				}}}
			},
		},
		{
			name: "invalid", method: "POST", outcome: consistency.Failed, writes: 0,
			change: func(ex *readbackhttp.Exchange) { ex.Read = readbackhttp.URL("http://you:hunter2@[::1/?key=hunter2") },
		},
		{
			name: "invalid, another user", method: "POST", outcome: consistency.Failed, writes: 0,
			change: func(ex *readbackhttp.Exchange) {
				ex.Read = readbackhttp.URL("http://you:hunter2@api.test/?key=hunter2")
			},
		},
		{
			name: "invalid template", method: "POST", outcome: consistency.Failed, writes: 0,
			change: func(ex *readbackhttp.Exchange) {
				ex.Read = readbackhttp.Template("http://me:hunter2@api.test/?key=hunter2&id={id")
			},
		},
		{
			name: "invalid relative template", method: "POST", outcome: consistency.Failed, writes: 0,
			change: func(ex *readbackhttp.Exchange) { ex.Read = readbackhttp.Template("/?key=hunter2&id={id") },
		},
		{
			name: "Location refused", method: "POST", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"POST /things/7": {"201 | Location: http://me:hunter2@other.test/"}},
		},
		{
			name: "Location is garbage", method: "POST", outcome: consistency.Unconfirmed, writes: 1,
			script: script{"POST /things/7": {"303 | Location: http://me:hunter2@[::1/?token=hunter2"}},
		},
		{
			name: "monitor", method: "POST", outcome: consistency.Failed, writes: 1,
			script: script{
				"POST /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":     {"404 | " + body, "200 | <token>hunter2</token>", `200 | {"status":"failed","token":"hunter2"}`},
			},
			change: func(ex *readbackhttp.Exchange) { ex.Monitor = &readbackhttp.Monitor{} },
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: withSecrets(secretURL)}
			if ex.Write.Method = tt.method; tt.method == "PUT" {
				ex.Match = readbackhttp.HasJSON("/v", 2)
			}
			if tt.change != nil {
				tt.change(&ex)
			}
			var shown strings.Builder
			show := func(what string, v any) { fmt.Fprintf(&shown, "%s: %v\n", what, v) }

			core, logs := observer.New(zapcore.DebugLevel)
			policy := everySecond
			policy.Within = 10 * time.Second
			policy.Logger = zap.New(core)
			policy.Observer = func(e consistency.Event) { show("event", e.Err) } // the text, for its members may hold secrets
			flow := ex.Flow()
			show("name", flow.Name)
			flow.Started = func(_ context.Context, h consistency.Pending) error { showJSON(t, &shown, h); return nil }
			res, err := consistency.Do(t.Context(), policy, flow)
			assert.Equal(t, tt.outcome, res.Outcome)
			assert.Equal(t, tt.writes, srv.writes())

			show("error", err)
			showJSON(t, &shown, res.Pending)
			for _, read := range history(res.History) {
				show("read", read.Err)
				show("note", read.Note)
			}
			encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
			for _, entry := range logs.All() {
				line, err := encoder.EncodeEntry(entry.Entry, entry.Context)
				require.NoError(t, err)
				show("log", line)
			}
			assert.NotContains(t, shown.String(), "hunter2")
			assert.Contains(t, shown.String(), `"msg":"readback end"`)
		})
	}
}

func showJSON(t *testing.T, to *strings.Builder, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	to.Write(text)
}

// The errors of an exchange show no secrets by themselves either.
func TestSecrets_errors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	answering := func(text string) *http.Client {
		return inMemory(func(w http.ResponseWriter, _ *http.Request) { answer(w, text) })
	}
	down := &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("no route to %s", req.URL)
	})}
	put := readbackhttp.Exchange{Write: withSecrets(secretURL), Goal: consistency.ToPresent, Read: readbackhttp.URL("/things/7?api_key=hunter2"), MaxBody: 1}
	post := readbackhttp.Exchange{Write: withSecrets(secretURL)}
	tests := []struct {
		name string
		give readbackhttp.Exchange
		over *http.Client
		want string
	}{
		{"status", put, answering("404 | Bearer hunter2"), "answered 404 Not Found: Bearer REDACTED"},
		{"body", put, answering("200 | long"), "GET http://api.test/things/7?api_key=REDACTED answered 200, but the body is too long"},
		{"transport", put, down, "no route to http://api.test/things/7?api_key=REDACTED"},
		{"target", post, nil, "will not read http://other.test/?token=REDACTED"},
		{"template", readbackhttp.Exchange{Write: post.Write, Read: readbackhttp.Template("http://me:hunter2@h/{")}, nil, "has a { without a }"},
	}
	for _, tt := range tests {
		tt.give.Client = tt.over
		_, err := tt.give.Flow().Read(ctx, readbackhttp.Ref{Location: "http://other.test/?token=hunter2"})
		assert.ErrorContains(t, err, tt.want, tt.name)
		assert.NotContains(t, err.Error(), "hunter2", tt.name)
	}
}
