package readbackhttp_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// zipping answers as h does, with every body zipped, whoever asked.
func zipping(t *testing.T, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z := &zipper{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(z, r)
		if z.body.Len() > 0 {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(z.status)
		if z.body.Len() > 0 {
			_, _ = w.Write(zipped(t, z.body.String()))
		}
	})
}

type zipper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (z *zipper) WriteHeader(status int)      { z.status = status }
func (z *zipper) Write(p []byte) (int, error) { return z.body.Write(p) }

// What answers say is judged without their coding, though the reads asked for one, and
// so net/http leaves it in them.
func TestExchange_zipped(t *testing.T) {
	t.Parallel()
	zip := http.Header{"Accept-Encoding": {"gzip"}}
	post := func() *http.Request {
		req := send("POST", api+"/v1/things", `{}`)
		req.Header.Set("Accept-Encoding", "gzip")
		return req
	}
	tests := []struct {
		name   string
		give   readbackhttp.Exchange
		rules  consistency.Rules
		script script
		want   consistency.Outcome
		log    []string
	}{
		{
			"a list with nothing in it shows nothing",
			readbackhttp.Exchange{Write: post(), Header: zip},
			consistency.Rules{},
			script{"POST /v1/things": {"201 | Location: /v1/things/7"}, "GET /v1/things/7": {"200 | []", "200 | null", `200 | {"id":7}`}},
			consistency.Confirmed,
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7"},
		},
		{
			"ids are in the answer to the write, values in those to reads",
			readbackhttp.Exchange{Write: post(), Header: zip, Read: readbackhttp.Template("/v1/things/{id}"), Match: readbackhttp.HasJSON("/v", 1)},
			consistency.Rules{},
			script{"POST /v1/things": {`201 | {"id":7}`}, "GET /v1/things/7": {`200 | {"v":0}`, `200 | {"v":1}`}},
			consistency.Confirmed,
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7"},
		},
		{
			"a rule sees what a good answer says",
			readbackhttp.Exchange{Write: post(), Header: zip},
			consistency.Rules{Write: []consistency.WriteRule{{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused}}},
			script{"POST /v1/things": {`200 | {"ok":false}`}},
			consistency.Failed,
			[]string{"0s POST /v1/things"},
		},
		{
			"an operation tells its state",
			readbackhttp.Exchange{Write: post(), Header: zip, Monitor: &readbackhttp.Monitor{}, Read: readbackhttp.URL("/v1/things/7")},
			consistency.Rules{},
			script{"POST /v1/things": {"202 | Operation-Location: /ops/1"}, "GET /ops/1": {`200 | {"status":"running"}`, `200 | {"status":"failed"}`}},
			consistency.Failed,
			[]string{"0s POST /v1/things", "0s GET /ops/1", "1s GET /ops/1"},
		},
		{
			"a 403 names a missing role",
			readbackhttp.Exchange{Write: post(), Header: zip},
			consistency.Rules{},
			script{"POST /v1/things": {"201 | Location: /v1/things/7"}, "GET /v1/things/7": {`403 | {"code":403}`}},
			consistency.Unconfirmed,
			[]string{"0s POST /v1/things", "0s GET /v1/things/7"},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, zipping(t, tt.script.handler()))
			tt.give.Client = srv.Client
			policy := everySecond
			policy.Rules = tt.rules
			res, err := consistency.Do(t.Context(), policy, tt.give.Flow())
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.log, srv.log())
		})
	}
}

// A body whose coding breaks off cannot be read, and one that is too long when it is
// undone is told to be; nothing of it shows anything.
func TestExchange_zippedBadly(t *testing.T) {
	t.Parallel()
	whole := zipped(t, `{"id":7,"name":"alpha and more"}`)
	for name, body := range map[string][]byte{"cut": whole[:len(whole)-6], "none": []byte("plain"), "long": zipped(t, "{"+string(bytes.Repeat([]byte(" "), 1<<16))+"}")} {
		bubble(t, name, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.Header().Set("Location", "/v1/things/7")
					w.WriteHeader(http.StatusCreated)
					return
				}
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(body)
			}))
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Header: http.Header{"Accept-Encoding": {"gzip"}}, MaxBody: 1 << 10}
			policy := everySecond
			policy.Within = 5 * time.Second
			_, err := consistency.Do(t.Context(), policy, ex.Flow())
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.ErrorContains(t, err, "unreadable")
		})
	}
}
