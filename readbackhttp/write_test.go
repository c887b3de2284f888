package readbackhttp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// A redirect of a write is not followed: it says where to read back.
func TestWrite_seeOther(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"301", "302", "303"} {
		bubble(t, status, func(t *testing.T) {
			srv := serve(t, script{
				"POST /v1/things":  {status + " | Location: /v1/things/7"},
				"GET /v1/things/7": {"404", `200 | {"v":1}`},
			}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`)}
			class := consistency.Class(0)
			policy := everySecond
			policy.Observer = func(e consistency.Event) { class = max(class, e.Class) }
			readbacktest.Confirm(t, policy, ex.Flow())
			assert.Equal(t, consistency.Accepted, class)
			assert.Equal(t, []string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7"}, srv.log())
		})
	}
}

// A redirect to what was there before shows nothing of a creation.
func TestWrite_seeWhatWasThere(t *testing.T) {
	t.Parallel()
	for location, leads := range map[string]bool{
		"/": false, "/v1": false, "/v1/": false, "/v1/things": false, "/v1/things/": false, "http://API.test:80/v1/things#top": false,
		"/v1/things/7": true, "/v1/thing": true, "/v1/things?id=7": true, "/v2": true,
	} {
		bubble(t, location, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, "303 | Location: "+location)
					return
				}
				answer(w, "200 | <h1>Home</h1>")
			}))
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`)}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			if leads {
				assert.Equal(t, confirmed, res.Outcome, "%v", err)
				return
			}
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorContains(t, err, "no Location of what was written")
			assert.Empty(t, srv.reads())
		})
	}
	bubble(t, "of an update", func(t *testing.T) {
		srv := serve(t, script{"POST /things/7/rename": {"303 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`, `200 | {"v":2}`}}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("POST", api+"/things/7/rename", `{}`), Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/v", 2), Read: readbackhttp.Location(),
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
	})
}

// What a redirect says of the write does not depend on where it leads.
func TestWrite_seeNowhere(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {"303 | Location: http://[::1"},
			"PUT /things/7": {"303 | Location: %zz"},
			"GET /things/7": {`200 | {"v":1}`, `200 | {"v":2}`},
		}.handler())
		var classes []consistency.Class
		policy := everySecond
		policy.Observer = func(e consistency.Event) {
			if e.Phase == consistency.PhaseWrite {
				classes = append(classes, e.Class)
			}
		}
		post := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		res, err := consistency.Do(t.Context(), policy, post.Flow())
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorContains(t, err, "no Location")
		put := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)}
		readbacktest.Confirm(t, policy, put.Flow())
		assert.Equal(t, []string{"0s POST /things", "0s PUT /things/7", "0s GET /things/7", "1s GET /things/7"}, srv.log())
		assert.Equal(t, []consistency.Class{consistency.Accepted, consistency.Accepted}, classes)
	})
}

// A write that was sent elsewhere is one try, and what the last answer says
// counts.
func TestWrite_moved(t *testing.T) {
	t.Parallel()
	body := `{"name":"a"}`
	tests := []struct {
		name   string
		write  *http.Request
		script script
		want   []string
		end    consistency.Outcome
		status int
	}{
		{
			"307, then applied", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /new/"}, "POST /new/": {"201 | Location: 7"}, "GET /new/7": {`200 | {"v":1}`}},
			[]string{"0s POST /old", "0s POST /new/", "0s GET /new/7"}, consistency.Confirmed, 0,
		},
		{
			"308 twice, then refused", send("POST", api+"/old", body),
			script{"POST /old": {"308 | Location: /mid"}, "POST /mid": {"308 | Location: http://API.test:80/new"}, "POST /new": {"422"}},
			[]string{"0s POST /old", "0s POST /mid", "0s POST http://API.test:80/new"}, consistency.Failed, 422,
		},
		{
			"307, then ambiguous", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /new"}, "POST /new": {"503"}},
			[]string{"0s POST /old", "0s POST /new"}, consistency.Unconfirmed, 503,
		},
		{
			"307, then lost", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /new"}, "POST /new": {lost}},
			[]string{"0s POST /old", "0s POST /new"}, consistency.Unconfirmed, 0,
		},
		{
			"307, then 303", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /new"}, "POST /new": {"303 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`}},
			[]string{"0s POST /old", "0s POST /new", "0s GET /things/7"}, consistency.Confirmed, 0,
		},
		{
			"no body to send again", send("POST", api+"/old", ""),
			script{"POST /old": {"307 | Location: /new"}, "POST /new": {"201 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`}},
			[]string{"0s POST /old", "0s POST /new", "0s GET /things/7"}, consistency.Confirmed, 0,
		},
		{
			"body that cannot be sent again", once("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /new"}},
			[]string{"0s POST /old"}, consistency.Failed, 307,
		},
		{
			"another host", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: http://other.test/new"}},
			[]string{"0s POST /old"}, consistency.Failed, 307,
		},
		{
			"another port", send("POST", api+"/old", body),
			script{"POST /old": {"308 | Location: http://api.test:8080/new"}},
			[]string{"0s POST /old"}, consistency.Failed, 308,
		},
		{
			"another scheme", send("POST", api+"/old", body),
			script{"POST /old": {"308 | Location: https://api.test/new"}},
			[]string{"0s POST /old"}, consistency.Failed, 308,
		},
		{
			"another user", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: http://you:pw@api.test/new"}},
			[]string{"0s POST /old"}, consistency.Failed, 307,
		},
		{
			"away in the second step", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: /mid"}, "POST /mid": {"307 | Location: http://other.test/new"}},
			[]string{"0s POST /old", "0s POST /mid"}, consistency.Failed, 307,
		},
		{
			"no user", send("POST", "http://me:pw@api.test/old", body),
			script{"POST /old": {"307 | Location: http://:@api.test/new"}},
			[]string{"0s POST /old"}, consistency.Failed, 307,
		},
		{
			"to nowhere", send("POST", api+"/old", body),
			script{"POST /old": {"307 | Location: http://[::1"}},
			[]string{"0s POST /old"}, consistency.Failed, 307,
		},
		{
			"without a Location", send("POST", api+"/old", body),
			script{"POST /old": {"308"}},
			[]string{"0s POST /old"}, consistency.Failed, 308,
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: tt.write}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, tt.end, res.Outcome)
			assert.Equal(t, tt.want, srv.log())
			var failure *readbackhttp.StatusError
			if errors.As(err, &failure); tt.status != 0 {
				require.Error(t, err)
				assert.Equal(t, tt.status, failure.Status)
			}
			for _, r := range srv.requests() {
				if r.Method == http.MethodPost && tt.write.ContentLength != 0 {
					assert.Equal(t, body, r.Body)
				}
			}
		})
	}
}

// A write that is sent around and around was never carried out.
func TestWrite_movedForEver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"307 | Location: /things"}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, consistency.Failed, res.Outcome)
		assert.ErrorContains(t, err, "answered 307")
		assert.Equal(t, 10, srv.writes())
	})
}

// The client's own CheckRedirect has the last word, and the credentials in the
// URL of the write go with it.
func TestWrite_movedByClient(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /old":     {"307 | Location: http://api.test/new"},
			"POST /new":     {"201 | Location: /things/7"},
			"GET /things/7": {`200 | {"v":1}`},
		}.handler())
		asked, errNo := 0, errors.New("not there")
		srv.Client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			asked++
			assert.Equal(t, "/new", req.URL.Path)
			assert.Len(t, via, 1)
			return errNo
		}
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", "http://me:pw@api.test/old", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, consistency.Failed, res.Outcome)
		assert.ErrorContains(t, err, "answered 307")
		assert.Equal(t, 1, asked)
		assert.Equal(t, 1, srv.writes())

		errNo = nil
		res, err = consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.NoError(t, err)
		assert.Equal(t, consistency.Confirmed, res.Outcome)
		assert.Equal(t, 2, asked)
		assert.Equal(t, []string{"0s POST /old", "0s POST /new", "0s GET /things/7"}, srv.log()[1:])
		for _, r := range srv.requests() {
			assert.Equal(t, "Basic bWU6cHc=", r.Header.Get("Authorization"), r.Target)
		}
		assert.Equal(t, api+"/things/7", res.Written.Location)
	})
}

// A connection that was never got proves that nothing was sent; one that was
// lost proves nothing.
func TestWrite_neverSentOrLost(t *testing.T) {
	t.Parallel()
	t.Run("never sent", func(t *testing.T) {
		t.Parallel()
		refused := closedAddress
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			ex := readbackhttp.Exchange{Write: send(method, refused+"/v1/things/7", "")}
			if method == "PUT" {
				ex.Match = readbackhttp.HasJSON("", nil)
			}
			res, err := consistency.Do(t.Context(), consistency.Policy{}, ex.Flow())
			assert.Equal(t, consistency.Failed, res.Outcome, method)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.ErrorContains(t, err, "connection refused")
			var op *net.OpError
			assert.ErrorAs(t, err, &op, "the error of the network is kept")
			assert.Zero(t, res.History.Reads())
		}
	})
	t.Run("no proof without the trace", func(t *testing.T) {
		t.Parallel()
		ex := readbackhttp.Exchange{Write: send("POST", closedAddress+"/v1/things", "")}
		res, err := consistency.Do(t.Context(), consistency.Policy{SingleAttempt: true}, ex.Flow())
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNoFind)
	})
	t.Run("lost", func(t *testing.T) {
		t.Parallel()
		srv := serveLoopback(t, script{"POST /v1/things": {lost}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", srv.URL+"/v1/things", `{}`)}
		res, err := consistency.Do(t.Context(), consistency.Policy{}, ex.Flow())
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNoFind)
		assert.ErrorIs(t, err, io.EOF, "the error of the network is kept")
		assert.Equal(t, 1, srv.writes())
	})
	t.Run("lost, found by its URL", func(t *testing.T) {
		t.Parallel()
		srv := serveLoopback(t, script{"PUT /v1/things/7": {lost}, "GET /v1/things/7": {`200 | {"name":"new"}`}}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("PUT", srv.URL+"/v1/things/7", `{}`), Match: readbackhttp.HasJSON("/name", "new"),
		}
		readbacktest.Confirm(t, consistency.Policy{}, ex.Flow())
		assert.Equal(t, 1, srv.writes())
		assert.Len(t, srv.reads(), 1)
	})
}

// The context ends while the answer is awaited: the write may be carried out.
func TestWrite_cutShort(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		for _, method := range []string{"POST", "DELETE"} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send(method, api+"/v1/things/7", "")}
			began := time.Now()
			res, err := consistency.Do(ctx, everySecond, ex.Flow())
			assert.Equal(t, 3*time.Second, time.Since(began))
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		assert.Equal(t, []string{"0s POST /v1/things/7", "3s DELETE /v1/things/7"}, srv.log())
	})
}

// Without consent a write is sent once; with it, as often as consented, with
// the whole body.
func TestWrite_resend(t *testing.T) {
	t.Parallel()
	consent := consistency.Resend{OnNotSent: true, OnRateLimited: true, OnMissingParent: true, WithKey: time.Minute}
	tests := []struct {
		name    string
		write   *http.Request
		consent consistency.Resend
		answers []string
		want    []string
		end     consistency.Outcome
	}{
		{"no consent", send("POST", api+"/things", "body"), consistency.Resend{}, []string{"429", "201"},
			[]string{"0s POST /things"}, consistency.Failed},
		{"rate limited", send("POST", api+"/things", "body"), consent, []string{"429 | Retry-After: 7", "201 | Location: /things/7"},
			[]string{"0s POST /things", "7s POST /things", "7s GET /things/7"}, consistency.Confirmed},
		{"missing parent", send("POST", api+"/things", "body"), consent, []string{"404", "403", "201 | Location: /things/7"},
			[]string{"0s POST /things", "1s POST /things", "2s POST /things", "2s GET /things/7"}, consistency.Confirmed},
		{"with a key", send("POST", api+"/things", "body"), consent, []string{"503", lost, "201 | Location: /things/7"},
			[]string{"0s POST /things", "1s POST /things", "2s POST /things", "2s GET /things/7"}, consistency.Confirmed},
		{"body that cannot be sent again", once("POST", api+"/things", "body"), consent, []string{"429", "201"},
			[]string{"0s POST /things"}, consistency.Failed},
		{"ambiguous, and cannot be sent again", once("POST", api+"/things", "body"), consent, []string{"503", "201"},
			[]string{"0s POST /things"}, consistency.Unconfirmed},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": tt.answers, "GET /things/7": {`200 | {"v":1}`}}.handler())
			policy := everySecond
			policy.Resend = tt.consent
			began := time.Now()
			res, err := consistency.Do(t.Context(), policy, readbackhttp.Exchange{Client: srv.Client, Write: tt.write}.Flow())
			assert.Equal(t, tt.end, res.Outcome)
			assert.Equal(t, tt.end == consistency.Confirmed, err == nil)
			assert.LessOrEqual(t, time.Since(began), 10*time.Second, "nothing is tried in vain")
			assert.Equal(t, tt.want, srv.log())
			for _, r := range srv.requests() {
				if r.Method == http.MethodPost {
					assert.Equal(t, "body", r.Body)
				}
			}
		})
	}
}

func TestWrite_resendNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`}}.handler())
		pipes, dials := srv.Client.Transport.(*http.Transport), 0
		dial := pipes.DialContext
		pipes.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials < 3 {
				return nil, errRefused
			}
			return dial(ctx, network, addr)
		}
		policy := everySecond
		policy.Resend.OnNotSent = true
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", "body")}
		readbacktest.Confirm(t, policy, ex.Flow())
		assert.Equal(t, []string{"2s POST /things", "2s GET /things/7"}, srv.log())
		assert.Equal(t, "body", srv.requests()[0].Body)
	})
}

// once returns a request whose body cannot be sent again.
func once(method, url, body string) *http.Request {
	req := send(method, url, "")
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return req
}

// closedAddress is the URL of a port where nobody listens.
const closedAddress = "http://127.0.0.1:1"
