package readbackhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// An error of an exchange says what was wanted and what was seen, what ended the
// run, and which field widens it; secrets are hidden.
func TestExchange_words(t *testing.T) {
	t.Parallel()
	windows := everySecond
	windows.Windows = consistency.Windows{Stale: 4 * time.Second, NotFound: 4 * time.Second}
	tests := []struct {
		name   string
		policy consistency.Policy
		give   readbackhttp.Exchange
		script script
		says   []string
		hides  []string
	}{
		{
			"a stale update", everySecond, toward(consistency.ToMatch), scripted("200", `200 | {"v":1,"token":"hunter2"}`),
			[]string{"seen last: stale", "/v is 1, not 2", "Policy.Within is 30s", "last status 200"}, []string{"hunter2", "lost"},
		},
		{
			"a stale update, and its window", windows, toward(consistency.ToMatch), scripted("200", `200 | {"v":1}`),
			[]string{"seen last: stale", "Policy.Windows.Stale is 4s"}, nil,
		},
		{
			"a member that is missing", everySecond, toward(consistency.ToMatch), scripted("200", `200 | {"w":1}`),
			[]string{"/v is missing, not 2"}, nil,
		},
		{
			"a delete that still shows", everySecond, toward(consistency.ToAbsent), scripted("204", `200 | {"v":1,"password":"hunter2"}`),
			[]string{"seen last: still there", `{"v":1`, "Policy.Within is 30s"}, []string{"hunter2"},
		},
		{
			"a 403 that lasted", everySecond, toward(consistency.ToMatch), scripted("200", `403 | {"status":403,"message":"Forbidden"}`),
			[]string{"seen last: forbidden", "Policy.Windows.Forbidden is 10s", "last status 403", "Forbidden"}, nil,
		},
		{
			"not found, and its window", windows, toward(consistency.ToMatch), scripted("200", "404"),
			[]string{"seen last: not found", "Policy.Windows.NotFound is 4s", "last status 404"}, nil,
		},
		{
			"a 404 of a cache", everySecond, toward(consistency.ToMatch), scripted("200", "404 | Age: 17 | X-Cache: HIT"),
			[]string{"cached, age 17 s", "X-Cache: HIT"}, nil,
		},
		{
			"empty answers", everySecond, toward(consistency.ToAbsent), scripted("204", "200 | []"),
			[]string{"empty, which may be no answer", "last status 200"}, nil,
		},
		{
			"a look at an operation", everySecond, monitored(), script{"PUT /things/7": {"202 | Operation-Location: /ops/1"}, "GET /ops/1": {`200 | {"status":"running"}`}},
			[]string{"seen last: running", "last status 200 to a look at the operation", "Policy.Within is 10m0s"}, nil,
		},
		{
			"a refusal after a 503", everySecond, toward(consistency.ToMatch), scripted(`503 | {"message":"asleep"}`, `200 | {"v":1}`),
			[]string{"answered 503", "asleep", "/v is 1, not 2", "Policy.Within is 2m0s"}, nil,
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			tt.give.Client = srv.Client
			_, err := consistency.Do(t.Context(), tt.policy, tt.give.Flow())
			var e *consistency.Error
			require.ErrorAs(t, err, &e)
			encoded, bad := json.Marshal(e)
			require.NoError(t, bad)
			for _, want := range tt.says {
				assert.Contains(t, err.Error(), want)
				var kept struct{ Error string }
				require.NoError(t, json.Unmarshal(encoded, &kept))
				assert.Contains(t, kept.Error, want, "in JSON")
			}
			for _, secret := range tt.hides {
				assert.NotContains(t, err.Error(), secret)
				assert.NotContains(t, string(encoded), secret)
			}
			assert.LessOrEqual(t, len(e.Seen), 210)
			assert.Equal(t, 1, strings.Count(err.Error(), "last status"))
		})
	}
}

func monitored() readbackhttp.Exchange {
	ex := toward(consistency.ToMatch)
	ex.Monitor = &readbackhttp.Monitor{}
	return ex
}

// A refusal that proves nothing says what was counted; nothing that was not
// requested is called a read.
func TestExchange_wordsOfTries(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"503", "409"}, "GET /things/7": {"404"}}.handler())
		srv.Client.Transport = retrying(srv.Client.Transport)
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things?api_key=hunter2", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorContains(t, err, "2 requests of the write were counted")
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "after 1 read")
		assert.Zero(t, res.History.Reads())
		assert.ErrorIs(t, err, consistency.ErrNoFind)
	})
}

// Several candidates are counted and named.
func TestExchange_wordsOfCandidates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"503"}, "GET /a": {`200 | {"by":"me"}`}, "GET /b": {`200 | {"by":"me"}`}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		flow := ex.Flow()
		a, b := readbackhttp.Ref{Location: api + "/a"}, readbackhttp.Ref{Location: api + "/b"}
		flow.Find = known(a, b, a)
		flow.MineValue = readbackhttp.HasJSON("/by", "me")
		policy := everySecond
		policy.Within = 3 * time.Second
		_, err := consistency.Do(t.Context(), policy, flow)
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
		assert.ErrorContains(t, err, "of 2 found")
		assert.ErrorContains(t, err, "Mine proves 2")
		assert.ErrorContains(t, err, api+"/a")
	})
}

func known(refs ...readbackhttp.Ref) func(context.Context) ([]readbackhttp.Ref, error) {
	return func(context.Context) ([]readbackhttp.Ref, error) { return refs, nil }
}

// Rate limits on a 403 are waited for as those of a 429, and are no permission that
// lags.
func TestExchange_rateLimited(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]string{
		"Retry-After":               "403 | Retry-After: 60",
		"used up, and an epoch":     "403 | X-Ratelimit-Remaining: 0 | X-Ratelimit-Reset: 1764547260",
		"used up, and a delta":      "403 | Ratelimit-Remaining: 0 | Ratelimit-Reset: 60",
		"a 429, and nothing else":   "429 | Retry-After: 60",
		"a 429 and an epoch in ms":  "429 | Retry-After: 1764547260000",
		"a 503 that asks to wait":   "503 | Retry-After: 60",
		"a 429 and a date":          "429 | Retry-After: Mon, 01 Dec 2025 00:01:00 GMT",
		"a 429 and RateLimit's own": "429 | X-Ratelimit-Remaining: 0 | X-Ratelimit-Reset: 60",
	} {
		bubble(t, name, func(t *testing.T) {
			time.Sleep(time.Until(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC))) // an epoch is none before 2001
			srv := serve(t, scripted("200", give, `200 | {"v":2}`).handler())
			ex := toward(consistency.ToMatch)
			ex.Client = srv.Client
			policy := everySecond
			policy.Within = 3 * time.Minute
			readbacktest.Confirm(t, policy, ex.Flow())
			require.Len(t, srv.reads(), 2)
			assert.GreaterOrEqual(t, srv.times()[1], time.Minute)
			assert.LessOrEqual(t, srv.times()[1], 66*time.Second)
		})
	}
}

// A Retry-After beyond all measure neither overflows nor takes the closing read.
func TestExchange_retryAfterWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"1764460800000", "9223372036854775807", "99999999999999999999"} {
		bubble(t, after, func(t *testing.T) {
			srv := serve(t, scripted("200", "429 | Retry-After: "+after, `200 | {"v":2}`).handler())
			ex := toward(consistency.ToMatch)
			ex.Client = srv.Client
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Len(t, srv.reads(), 2)

			srv = serve(t, script{"POST /things": {"429 | Retry-After: " + after}}.handler())
			policy := everySecond
			policy.Resend.OnRateLimited = true
			post := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
			res, err := consistency.Do(t.Context(), policy, post.Flow())
			assert.Equal(t, failed, res.Outcome, "%v", err)
			assert.Equal(t, 1, srv.writes())
		})
	}
}

// An error of the caller's that cannot be compared does no harm.
func TestExchange_oddErrors(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, scripted("200", `200 | {"v":2}`).handler())
		ex := toward(consistency.ToMatch)
		ex.Client = srv.Client
		ex.Fault = func(readbackhttp.Ref, *readbackhttp.Document) error { return sliced{[]int{1}} }
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorIs(t, err, consistency.ErrOperation)
		var kept sliced
		assert.True(t, errors.As(err, &kept))
	})
}
