package readbackhttp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

func TestExchange_confirmed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		give   readbackhttp.Exchange // without Client
		script script
		want   []string // requests
	}{
		{
			"create, Location",
			readbackhttp.Exchange{Write: send("POST", api+"/v1/things", `{"name":"a"}`)},
			script{
				"POST /v1/things":  {"201 | Location: /v1/things/7"},
				"GET /v1/things/7": {"404", "403", `200 | {"v":1}`},
			},
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7"},
		},
		{
			"create, an answer with nothing in it shows nothing",
			readbackhttp.Exchange{Write: send("POST", api+"/v1/things", "")},
			script{"POST /v1/things": {"201 | Location: things/7"}, "GET /v1/things/7": {"204", "200", `200 | {"v":1}`}},
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7"},
		},
		{
			"the answer to a create proves nothing",
			readbackhttp.Exchange{Write: send("POST", api+"/v1/things", `{}`)},
			script{
				"POST /v1/things":  {`201 | Location: /v1/things/7 | {"id":7,"name":"a"}`},
				"GET /v1/things/7": {"404", `200 | {"v":1}`},
			},
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7"},
		},
		{
			"create, 202 whose Location is what was written",
			readbackhttp.Exchange{Write: send("POST", api+"/v1/things", `{}`), LocationOfAccepted: true},
			script{
				"POST /v1/things":  {"202 | Location: /v1/things/7"},
				"GET /v1/things/7": {"404", "202", `200 | {"v":1}`},
			},
			[]string{"0s POST /v1/things", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7"},
		},
		{
			"create by PUT",
			readbackhttp.Exchange{Write: send("PUT", api+"/v1/things/7", `{}`), Goal: consistency.ToPresent},
			script{"PUT /v1/things/7": {"201"}, "GET /v1/things/7": {"404", `200 | {"v":1}`}},
			[]string{"0s PUT /v1/things/7", "0s GET /v1/things/7", "1s GET /v1/things/7"},
		},
		{
			"update by PUT",
			readbackhttp.Exchange{
				Write: send("PUT", api+"/v1/things/7", `{"name":"new"}`),
				Match: readbackhttp.HasJSON("/name", "new"),
			},
			script{
				"PUT /v1/things/7": {"204"},
				"GET /v1/things/7": {`200 | {"name":"old"}`, "404", `200 | {"name":"new"}`},
			},
			[]string{"0s PUT /v1/things/7", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7"},
		},
		{
			"update by PATCH, read elsewhere",
			readbackhttp.Exchange{
				Write: send("PATCH", api+"/v1/things/7?dry=no", `{"name":"new"}`),
				Read:  readbackhttp.URL("/v2/view?of=7"),
				Match: readbackhttp.HasJSON("/items/0/name", "new"),
			},
			script{
				"PATCH /v1/things/7": {`200 | {"name":"new"}`},
				"GET /v2/view":       {`200 | {"items":[]}`, `200 | {"items":[{"name":"new"}]}`},
			},
			[]string{"0s PATCH /v1/things/7?dry=no", "0s GET /v2/view?of=7", "1s GET /v2/view?of=7"},
		},
		{
			"update by POST",
			readbackhttp.Exchange{
				Write: send("POST", api+"/v1/things/7/rename", `{"name":"new"}`),
				Read:  readbackhttp.URL("../7"),
				Goal:  consistency.ToMatch,
				Match: readbackhttp.HasJSON("/name", "new"),
			},
			script{
				"POST /v1/things/7/rename": {"200"},
				"GET /v1/things/7":         {`200 | {"name":"old"}`, `200 | {"name":"new"}`},
			},
			[]string{"0s POST /v1/things/7/rename", "0s GET /v1/things/7", "1s GET /v1/things/7"},
		},
		{
			"delete, twice not found",
			readbackhttp.Exchange{Write: send("DELETE", api+"/v1/things/7?force=1", "")},
			script{"DELETE /v1/things/7": {"204"}, "GET /v1/things/7": {`200 | {"v":1}`, "404", `200 | {"v":1}`, "404", "404"}},
			[]string{"0s DELETE /v1/things/7?force=1", "0s GET /v1/things/7?force=1", "1s GET /v1/things/7?force=1",
				"2s GET /v1/things/7?force=1", "3s GET /v1/things/7?force=1", "4s GET /v1/things/7?force=1"},
		},
		{
			"delete, gone",
			readbackhttp.Exchange{Write: send("DELETE", api+"/v1/things/7", "")},
			script{"DELETE /v1/things/7": {"202"}, "GET /v1/things/7": {"410"}},
			[]string{"0s DELETE /v1/things/7", "0s GET /v1/things/7"},
		},
		{
			"delete, was not there",
			readbackhttp.Exchange{Write: send("DELETE", api+"/v1/things/7", "")},
			script{"DELETE /v1/things/7": {"404"}, "GET /v1/things/7": {"404"}},
			[]string{"0s DELETE /v1/things/7", "0s GET /v1/things/7", "1s GET /v1/things/7"},
		},
		{
			"delete, after an outage the next 404 does not count",
			readbackhttp.Exchange{Write: send("DELETE", api+"/v1/things/7", "")},
			script{"DELETE /v1/things/7": {"204"}, "GET /v1/things/7": {"503", "404", "404", "404"}},
			[]string{"0s DELETE /v1/things/7", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7", "3s GET /v1/things/7"},
		},
		{
			"delete by POST",
			readbackhttp.Exchange{
				Write: send("POST", api+"/v1/things/7/archive", ""),
				Read:  readbackhttp.URL("/v1/things/7"),
				Goal:  consistency.ToAbsent,
			},
			script{"POST /v1/things/7/archive": {"200"}, "GET /v1/things/7": {"410"}},
			[]string{"0s POST /v1/things/7/archive", "0s GET /v1/things/7"},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			tt.give.Client = srv.Client
			readbacktest.Confirm(t, everySecond, tt.give.Flow())
			assert.Equal(t, tt.want, srv.log())
			assert.EqualValues(t, 1, srv.conns.Load(), "connections")
		})
	}
}

// What the write asked for goes out as it was given, once.
func TestExchange_sendsTheWriteAsGiven(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /v1/things":  {"201 | Location: /v1/things/7"},
			"GET /v1/things/7": {`200 | X-Version: 3 | {"id":7,"name":"a"}`},
		}.handler())
		post := send("POST", api+"/v1/things?notify=no", `{"name":"a"}`)
		post.Header.Set("If-None-Match", "*")
		post.Header.Set("Idempotency-Key", "k1")

		res, err := consistency.Do(t.Context(), everySecond, readbackhttp.Exchange{Client: srv.Client, Write: post}.Flow())
		require.NoError(t, err)
		got := srv.requests()[0]
		assert.Equal(t, `{"name":"a"}`, got.Body)
		assert.Equal(t, "/v1/things?notify=no", got.Target)
		assert.Equal(t, "*", got.Header.Get("If-None-Match"))
		assert.Equal(t, "k1", got.Header.Get("Idempotency-Key"))
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		assert.Equal(t, 1, srv.writes())

		assert.Equal(t, api+"/v1/things/7", res.Written.Location)
		assert.Equal(t, 200, res.Value.Status)
		assert.Equal(t, "3", res.Value.Header.Get("X-Version"))
		assert.Equal(t, 200, res.Value.Answer().Status)
		var thing struct{ ID int }
		require.NoError(t, res.Value.Decode(&thing))
		assert.Equal(t, 7, thing.ID)
		assert.ErrorContains(t, res.Value.Decode(&[]string{}), "not the JSON expected")
	})
}

func TestExchange_refused(t *testing.T) {
	t.Parallel()
	for _, status := range []string{
		"400", "401", "402", "403", "404", "405", "406", "409", "410", "411", "412", "413", "414", "415", "416", "417",
		"422", "426", "428", "429", "431", "451", "501", "307", "308",
	} {
		bubble(t, status, func(t *testing.T) {
			srv := serve(t, script{"POST /v1/things": {status + ` | {"message":"no"}`}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`)}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Failed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			var answered *readbackhttp.StatusError
			require.ErrorAs(t, err, &answered)
			assert.Equal(t, "no", answered.Problem.Message)
			assert.Equal(t, []string{"0s POST /v1/things"}, srv.log())
			assert.Zero(t, time.Since(srv.start))
		})
	}
}

// After an ambiguous answer, a POST has nothing to read; what has a URL of its
// own is read there for two minutes.
func TestExchange_ambiguous(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"300", "304", "305", "408", "425", "500", "502", "503", "504", "522", "599", lost} {
		bubble(t, status, func(t *testing.T) {
			srv := serve(t, script{
				"POST /v1/things":     {status},
				"PUT /v1/things/7":    {status},
				"DELETE /v1/things/7": {status},
				"GET /v1/things/7":    {`200 | {"name":"old"}`, "404", `200 | {"name":"new"}`, "404"},
			}.handler())
			post := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`)}
			res, err := consistency.Do(t.Context(), everySecond, post.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNoFind)
			assert.Equal(t, []string{"0s POST /v1/things"}, srv.log())

			put := readbackhttp.Exchange{
				Client: srv.Client, Write: send("PUT", api+"/v1/things/7", `{}`), Match: readbackhttp.HasJSON("/name", "new"),
			}
			res, err = consistency.Do(t.Context(), everySecond, put.Flow())
			assert.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, []string{
				"0s PUT /v1/things/7", "0s GET /v1/things/7", "1s GET /v1/things/7", "2s GET /v1/things/7",
			}, srv.log()[1:])

			del := readbackhttp.Exchange{Client: srv.Client, Write: send("DELETE", api+"/v1/things/7", "")}
			res, err = consistency.Do(t.Context(), everySecond, del.Flow())
			assert.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, []string{"2s DELETE /v1/things/7", "2s GET /v1/things/7", "3s GET /v1/things/7"}, srv.log()[5:])
		})
	}
}

// A thing that is there after a lost answer may be another's.
func TestExchange_ambiguousCreate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"PUT /v1/things/7": {"503"},
			"GET /v1/things/7": {`200 | {"v":1}`},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/v1/things/7", `{}`), Goal: consistency.ToPresent}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)

		flow := ex.Flow()
		flow.Mine = func(readbackhttp.Ref) bool { return true } // the id is the caller's own
		res, err = consistency.Do(t.Context(), everySecond, flow)
		assert.NoError(t, err)
		assert.Equal(t, consistency.Confirmed, res.Outcome)
		assert.Equal(t, 2, srv.writes())
	})
}

// What a Location names that may not be read is what was made: a candidate that a list
// shows is another's.
func TestExchange_foreignLocation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /v1/things":  {"201 | Location: https://elsewhere.test/things/1"},
			"GET /v1/things/7": {`200 | {"v":1}`},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Goal: consistency.ToPresent}
		flow := ex.Flow()
		flow.Find = func(context.Context) ([]readbackhttp.Ref, error) {
			return []readbackhttp.Ref{{Location: api + "/v1/things/7"}}, nil
		}
		res, err := consistency.Do(t.Context(), everySecond, flow)
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		var refused *readbackhttp.TargetError
		assert.ErrorAs(t, err, &refused)
	})
}

func TestExchange_name(t *testing.T) {
	t.Parallel()
	ex := readbackhttp.Exchange{Write: send("PUT", "https://me:secret@api.test/v1/things/7?key=secret#top", "")}
	ex.Match = readbackhttp.HasJSON("", nil)
	assert.Equal(t, "PUT https://api.test/v1/things/{id}", ex.Flow().Name)
	ex.Name = "rename thing"
	assert.Equal(t, "rename thing", ex.Flow().Name)
	ex = readbackhttp.Exchange{Write: &http.Request{URL: ex.Write.URL}}
	assert.Equal(t, "GET https://api.test/v1/things/{id}", ex.Flow().Name)
}

func TestExchange_invalid(t *testing.T) {
	t.Parallel()
	match := readbackhttp.HasJSON("", nil)
	gone := func(*readbackhttp.Document) bool { return true }
	post, put, del := send("POST", api+"/things", ""), send("PUT", api+"/things/7", ""), send("DELETE", api+"/things/7", "")
	tests := []struct {
		name string
		give readbackhttp.Exchange
		want string // in the error
	}{
		{"zero", readbackhttp.Exchange{}, "no Write"},
		{"no URL", readbackhttp.Exchange{Write: &http.Request{Method: "POST"}}, "no URL"},
		{"no host", readbackhttp.Exchange{Write: send("POST", "/things", "")}, "no URL"},
		{"not HTTP", readbackhttp.Exchange{Write: send("POST", "ftp://api.test/things", "")}, "not an HTTP URL"},
		{"a request that a server got", readbackhttp.Exchange{Write: &http.Request{Method: "POST", URL: post.URL, RequestURI: "/things"}}, "RequestURI"},
		{"no method", readbackhttp.Exchange{Write: &http.Request{Method: "PO ST", URL: post.URL}}, `"PO ST" is not a method`},
		{"a method in lower case", readbackhttp.Exchange{Write: send("post", api+"/things", "")}, `the method is "POST", not "post"`},
		{"a deletion in lower case", readbackhttp.Exchange{Write: send("delete", api+"/things/7", "")}, `the method is "DELETE", not "delete"`},
		{"a header of two lines", readbackhttp.Exchange{Write: with(send("POST", api+"/things", ""), "X-Key", "a\nb")}, "X-Key has a value with control"},
		{"a header with a space", readbackhttp.Exchange{Write: post, Header: http.Header{"X Key": {"a"}}}, `begins with "X Key"`},
		{"a header without a name", readbackhttp.Exchange{Write: post, Header: http.Header{"": {"a"}}}, `begins with ""`},
		{"a trailer of two lines", readbackhttp.Exchange{Write: &http.Request{Method: "POST", URL: post.URL, Trailer: http.Header{"X-Sum": {"\r\n"}}}}, "X-Sum has a value"},
		{"a read's header of two lines", readbackhttp.Exchange{Write: post, Header: http.Header{"X-Key": {"a\x00"}}}, "X-Key has a value"},
		{"a token without a header to ask by", readbackhttp.Exchange{Write: post, Token: readbackhttp.HeaderToken{Answer: "Etag"}}, `"Etag" and ""`},
		{"negative MaxBody", readbackhttp.Exchange{Write: post, MaxBody: -1}, "MaxBody is negative: -1"},
		{"PUT without a match", readbackhttp.Exchange{Write: put}, "no match"},
		{"PATCH without a match", readbackhttp.Exchange{Write: send("PATCH", api+"/things/7", "")}, "no match"},
		{"a match that cannot be", readbackhttp.Exchange{Write: put, Match: readbackhttp.HasJSON("name", "a")}, "no match"},
		{"POST with a Gone", readbackhttp.Exchange{Write: post, Gone: gone}, "Gone has no use"},
		{"PUT with a Gone", readbackhttp.Exchange{Write: put, Match: match, Gone: gone}, "Gone has no use"},
		{"DELETE with a Mine", readbackhttp.Exchange{Write: del, Mine: match}, "Mine has no use"},
		{"Mine of what is not known before", readbackhttp.Exchange{Write: post, Mine: match}, "set Find and Mine of the flow"},
		{"Mine of a template", readbackhttp.Exchange{Write: post, Mine: match, Read: readbackhttp.Template("/things/{id}")}, "known before the write"},
		{"DELETE with a match", readbackhttp.Exchange{Write: del, Match: match}, "Match"},
		{"no such goal", readbackhttp.Exchange{Write: post, Goal: consistency.ToAbsent + 1}, "goal"},
		{"what is to be gone is not known", readbackhttp.Exchange{Write: del, Read: readbackhttp.Location()}, "must be known"},
		{"what is to be gone is a template", readbackhttp.Exchange{Write: del, Read: readbackhttp.Template("/{id}")}, "must be known"},
		{"state is no pointer", readbackhttp.Exchange{Write: post, Monitor: &readbackhttp.Monitor{State: "status"}}, `"status" is not a JSON pointer`},
		{"resource is no pointer", readbackhttp.Exchange{Write: post, Monitor: &readbackhttp.Monitor{Resource: "self"}}, `"self" is not a JSON pointer`},
		{"error is no pointer", readbackhttp.Exchange{Write: post, Monitor: &readbackhttp.Monitor{Error: "error"}}, `"error" is not a JSON pointer`},
		{"monitor at the Location", readbackhttp.Exchange{Write: post, Monitor: &readbackhttp.Monitor{At: readbackhttp.Location()}}, "Monitor.At needs a Template"},
		{"monitor at a broken template", readbackhttp.Exchange{Write: post, Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/ops/{id")}}, "has a { without a }"},
		{"no Write and no name", readbackhttp.Exchange{Goal: consistency.ToPresent}, "set Goal and Name"},
		{"no Write and no goal", readbackhttp.Exchange{Name: "create"}, "set Goal and Name"},
		{"no Write, and negative MaxBody", readbackhttp.Exchange{Name: "create", Goal: consistency.ToPresent, MaxBody: -1}, "MaxBody is negative"},
		{"no Write, and a header of two lines", readbackhttp.Exchange{Name: "create", Goal: consistency.ToPresent, Header: http.Header{"X-Key": {"a\nb"}}}, "X-Key has a value"},
		{"empty URL", readbackhttp.Exchange{Write: post, Read: readbackhttp.URL("")}, "not a URL"},
		{"URL that is none", readbackhttp.Exchange{Write: post, Read: readbackhttp.URL("http://[::1/x")}, "not a URL"},
		{"URL of another scheme", readbackhttp.Exchange{Write: post, Read: readbackhttp.URL("file:///etc/passwd")}, "not an HTTP URL"},
		{"URL of another origin", readbackhttp.Exchange{Write: post, Read: readbackhttp.URL("https://api.test/things/7")}, "AllowOrigin"},
		{"URL with user information", readbackhttp.Exchange{Write: post, Read: readbackhttp.URL("http://u@api.test/things/7")}, "user information"},
		{"template that is no URL", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("http://[::1/{id}")}, "not a URL"},
		{"template of another scheme", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("file:///etc/{id}")}, "not an HTTP URL"},
		{"template of another origin", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("https://other.test/things/{id}")}, "AllowOrigin"},
		{"template with user information", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("//u@api.test/things?id={id}")}, "user information"},
		{"empty template", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("")}, "is empty"},
		{"template without an end", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{id")}, `"/things/{id" has a { without a }`},
		{"template without a beginning", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/id}")}, "has a } without a {"},
		{"template, one in another", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{a{b}}")}, "which cannot be"},
		{"template without a name", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{}")}, "has the field {}, which cannot be"},
		{"template without a pointer", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{/}")}, "which cannot be"},
		{"template without a header", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{header:}")}, "which cannot be"},
		{"template with a space", readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/things/{the id}")}, "which cannot be"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{}.handler())
			tt.give.Client = srv.Client
			policy := everySecond
			policy.Resend = consistency.Resend{OnNotSent: true, When: func(consistency.Answer) bool { return true }}
			began := time.Now()
			res, err := consistency.Do(t.Context(), policy, tt.give.Flow())
			assert.Equal(t, consistency.Failed, res.Outcome)
			assert.Zero(t, time.Since(began), "it is not tried again")
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.ErrorContains(t, err, tt.want)
			assert.Empty(t, srv.log())
		})
	}
}

// A flow that cannot be neither sends nor reads when it is resumed.
func TestExchange_invalidResumed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {"404"}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Name: "create thing"}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		res, err := consistency.Do(ctx, everySecond, ex.Flow())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		seen := srv.log()

		ex.Read = readbackhttp.Template("/things/{id")
		res, err = consistency.Resume(t.Context(), everySecond, ex.Flow(), res.Pending)
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Zero(t, res.Elapsed)
		assert.Equal(t, seen, srv.log())
	})
}
