package readbackhttp_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// asking returns a POST of JSON whose answers, and those to its reads, are to be of
// that type.
func asking(accept string) *http.Request {
	req := send("POST", api+"/v1/things", `{}`)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	return req
}

// What comes with a good status and is not what was asked for shows nothing: a page for
// people where JSON was asked for, or a problem.
func TestExchange_notWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	const (
		page    = `200 | Content-Type: text/html; charset=utf-8 | <!doctype html><title>Log in</title>`
		bare    = "200 |  \n<HTML><body>Down for maintenance</body></HTML>"
		problem = `200 | Content-Type: application/problem+json | {"type":"about:blank","title":"Not Found","status":404}`
		thing   = `200 | Content-Type: application/json | {"id":7}`
		made    = "201 | Location: /v1/things/7"
	)
	posts := []string{"0s POST /v1/things", "0s GET /v1/things/7"}
	waits := append(posts, "1s GET /v1/things/7", "2s GET /v1/things/7")
	put := func(header, value string) *http.Request {
		req := send("PUT", api+"/v1/things/7", `{}`)
		req.Header.Set(header, value)
		req.Header.Set("Accept", "application/json")
		return req
	}
	puts := []string{"0s PUT /v1/things/7", "0s GET /v1/things/7"}
	tests := []struct {
		name   string
		give   readbackhttp.Exchange
		answer string // to the write
		reads  []string
		want   []string // requests
	}{
		{"a page where JSON was asked for", readbackhttp.Exchange{Write: asking("application/json")}, made, []string{page, page, thing}, waits},
		{"a page of no type", readbackhttp.Exchange{Write: asking("application/vnd.api+json")}, made, []string{bare, page, thing}, waits},
		{"by the header of the reads", readbackhttp.Exchange{Write: asking(""), Header: http.Header{"Accept": {"application/json"}}}, made, []string{page, page, thing}, waits},
		{"an update by its token", readbackhttp.Exchange{Write: put("X-A", "b"), Token: readbackhttp.Mittwald()}, `204 | Etag: "a:1"`, []string{page, page, thing}, append(puts, "1s GET /v1/things/7", "2s GET /v1/things/7")},
		{"pages suit as well", readbackhttp.Exchange{Write: asking("application/json, text/html;q=0.5")}, made, []string{page}, posts},
		{"anything suits as well", readbackhttp.Exchange{Write: asking("application/json, */*")}, made, []string{page}, posts},
		{"nobody said what to answer", readbackhttp.Exchange{Write: asking("")}, made, []string{page}, posts},
		{"what was written is a page", readbackhttp.Exchange{Write: put("Content-Type", "text/html"), Goal: consistency.ToPresent}, "201", []string{page}, puts},
		{"what was written is a text", readbackhttp.Exchange{Write: put("Content-Type", "text/plain"), Goal: consistency.ToPresent}, "201", []string{"200 | Content-Type: text/plain | <3"}, puts},
		{"a problem with a good status", readbackhttp.Exchange{Write: asking("")}, made, []string{problem, problem, thing}, waits},
		{"a problem that a match wants", readbackhttp.Exchange{Write: asking(""), Match: func(readbackhttp.Ref, *readbackhttp.Document) bool { return true }}, made, []string{problem}, posts},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := script{"POST /v1/things": {tt.answer}, "PUT /v1/things/7": {tt.answer}, "GET /v1/things/7": tt.reads}
			srv := serve(t, s.handler())
			tt.give.Client = srv.Client
			res, err := consistency.Do(t.Context(), everySecond, tt.give.Flow())
			assert.Equal(t, consistency.Confirmed, res.Outcome, "%v", err)
			assert.Equal(t, tt.want, srv.log())
		})
	}
	bubble(t, "it is told", func(t *testing.T) {
		srv := serve(t, script{"POST /v1/things": {made}, "GET /v1/things/7": {page}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: asking("application/json")}
		policy := everySecond
		policy.Within = 3 * time.Second
		_, err := consistency.Do(t.Context(), policy, ex.Flow())
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.ErrorContains(t, err, "is a page for people, and JSON was asked for")
	})
	bubble(t, "to be gone", func(t *testing.T) {
		srv := serve(t, script{"DELETE /v1/things/7": {"204"}, "GET /v1/things/7": {page, "404"}}.handler())
		req := send("DELETE", api+"/v1/things/7", "")
		req.Header.Set("Accept", "application/json")
		readbacktest.Confirm(t, everySecond, readbackhttp.Exchange{Client: srv.Client, Write: req}.Flow())
		assert.Len(t, srv.reads(), 3)
	})
}

// A place that surely is not what was made names nothing: it is above where it was posted
// to, or it is where to log in.
func TestExchange_leadsElsewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		named        bool
	}{
		{"made, and the home page", "201 | Location: /", false},
		{"made, and what is above", "201 | Location: /v1", true},           // as of POST /orders/7/confirm
		{"made, and the list itself", "201 | Location: /v1/things/", true}, // a thing that there is one of
		{"made, and beside it", "201 | Location: /v1/other/7", true},
		{"a redirect to the list", "303 | Location: /v1/things", false},
		{"a redirect to a login", "302 | Location: /login?next=%2Fv1%2Fthings", false},
		{"a redirect to a login further down", "303 | Location: /accounts/Sign_In/", false},
		{"a redirect to single sign-on", "302 | Location: /sso/start", false},
		{"a redirect to a thing of that name", "303 | Location: /v1/things/login", true},
		{"a redirect to the thing", "303 | Location: /elsewhere/7", true},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, tt.answer)
					return
				}
				answer(w, `200 | {"id":7}`)
			}))
			ex := readbackhttp.Exchange{Client: srv.Client, Write: asking("")}
			_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			if tt.named {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.Empty(t, srv.reads())
		})
	}
}
