package readbackhttp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Where an operation is, and what it answers, in forms that are odd: who made it is
// followed, and who leads nowhere ends nothing.
func TestMonitor_oddForms(t *testing.T) {
	t.Parallel()
	const made = "Location: /things/7"
	ops := func(path string, answers ...string) script {
		return script{"POST /v1/things": {"202 | " + made + " | Operation-Location: " + path}, "GET /ops/1": answers, "GET /things/7": {`200 | {"id":7}`}}
	}
	page := "200 | Content-Type: text/html | <!doctype html><title>Log in</title>"
	for _, tt := range []struct {
		name   string
		script script
		give   readbackhttp.Monitor
		want   consistency.Outcome
		says   string
		at     time.Duration
	}{
		{name: "relative", script: ops("../ops/1", `200 | {"status":"done"}`), want: confirmed},
		{name: "with a fragment", script: ops("/ops/1#state", `200 | {"status":"done"}`), want: confirmed},
		{name: "an empty answer says nothing", script: ops("/ops/1", "200", "200", `200 | {"status":"done"}`), want: confirmed, at: 2 * time.Second},
		{name: "a page says nothing", script: ops("/ops/1", page, page, `200 | {"status":"done"}`), want: confirmed, at: 2 * time.Second},
		{name: "404 first", script: ops("/ops/1", "404", "404", `200 | {"status":"done"}`), want: confirmed, at: 2 * time.Second},
		{name: "503 and 429 with a wait", script: ops("/ops/1", "503 | Retry-After: 3", "429 | Retry-After: 4", `200 | {"status":"done"}`), want: confirmed, at: 7 * time.Second},
		{name: "a 302 says nothing", script: ops("/ops/1", "302 | Location: /login", `200 | {"status":"done"}`), want: confirmed, at: time.Second},
		{name: "a 303 to itself names nothing else", script: ops("/ops/1", "303 | Location: /ops/1"), want: confirmed},
		{name: "the status in the body is no state", script: ops("/ops/1", `200 | {"status":200,"state":"running"}`, `200 | {"status":200,"state":"failed"}`), want: failed, says: `its state is "failed"`, at: time.Second},
		{name: "a number beside done", script: ops("/ops/1", `200 | {"state":2,"done":false}`, `200 | {"state":3,"done":true}`), want: confirmed, at: time.Second},
		{name: "a number alone is a state", script: ops("/ops/1", `200 | {"status":1}`, `200 | {"status":3}`), give: readbackhttp.Monitor{Done: []string{"3"}}, want: confirmed, at: time.Second},
		{name: "null, then done", script: ops("/ops/1", `200 | {"status":null,"done":false}`, `200 | {"status":null,"done":true}`), want: confirmed, at: time.Second},
		{name: "deep", script: ops("/ops/1", `200 | {"a":{"b":["running"]}}`, `200 | {"a":{"b":["ok"]}}`), give: readbackhttp.Monitor{State: "/a/b/0", Done: []string{"ok"}}, want: confirmed, at: time.Second},
		{name: "an object where a state is expected", script: ops("/ops/1", `200 | {"status":{"phase":"done"}}`, `200 | {"status":"done"}`), want: confirmed, at: time.Second},
		{name: "a list of operations is none", script: ops("/ops/1", `200 | [{"status":"done"}]`, `200 | {"status":"done"}`), want: confirmed, at: time.Second},
		{name: "a problem says nothing", script: ops("/ops/1", `200 | Content-Type: application/problem+json | {"title":"busy","status":503}`, `200 | {"status":"done"}`), want: confirmed, at: time.Second},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Monitor: &tt.give, LocationOfAccepted: true}
			policy := everySecond
			policy.Within = time.Minute
			res, err := consistency.Do(t.Context(), policy, ex.Flow())
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Less(t, res.Elapsed-tt.at, time.Second, "%s", strings.Join(srv.log(), "\n"))
			assert.GreaterOrEqual(t, res.Elapsed, tt.at)
			if tt.says != "" {
				assert.ErrorContains(t, err, tt.says)
			}
		})
	}
}

// An operation of another origin is not followed, and nothing is read, unless that is
// allowed.
func TestMonitor_ofAnotherOrigin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer(w, "202 | Operation-Location: https://elsewhere.test/ops/1 | Location: /things/7")
		}))
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Monitor: &readbackhttp.Monitor{}, LocationOfAccepted: true}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.ErrorContains(t, err, "AllowOrigin")
		assert.Empty(t, srv.reads())
	})
}
