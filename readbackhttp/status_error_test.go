package readbackhttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

// refusal returns the error of a POST that was given that answer.
func refusal(t *testing.T, answer string) *readbackhttp.StatusError {
	t.Helper()
	srv := serveLoopback(t, script{"POST /things": {answer}}.handler())
	ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", srv.URL+"/things?api_key=hunter2&q=1", `{}`)}
	_, err := ex.Flow().Write(t.Context())
	assert.Equal(t, 1, srv.writes())
	var failure *readbackhttp.StatusError
	require.ErrorAs(t, err, &failure)
	assert.True(t, strings.HasPrefix(failure.URL, srv.URL), failure.URL)
	failure.URL = strings.TrimPrefix(failure.URL, srv.URL) // its port is another each time
	return failure
}

func TestStatusError(t *testing.T) {
	t.Parallel()
	const head = "POST /things?api_key=REDACTED&q=1 answered "
	tests := []struct {
		name    string
		give    string
		want    string // behind head
		problem readbackhttp.Problem
		body    string
	}{
		{
			"schema",
			`400 | {"status":400,"instancePath":"/status","schemaPath":"#/enum","keyword":"enum","params":{"allowedValues":["A","B"]},"message":"must be one of the allowed values"}`,
			"400 Bad Request: must be one of the allowed values at /status (allowed: A, B)",
			readbackhttp.Problem{
				Status: 400, InstancePath: "/status", SchemaPath: "#/enum", Keyword: "enum",
				Params: map[string]any{"allowedValues": []any{"A", "B"}}, Message: "must be one of the allowed values",
			},
			`{"status":400,"instancePath":"/status","schemaPath":"#/enum","keyword":"enum","params":{"allowedValues":["A","B"]},"message":"must be one of the allowed values"}`,
		},
		{
			"problem details",
			`422 | Content-Type: application/problem+json | {"type":"https://h/p","title":"Invalid.","detail":"No name","balance":30}`,
			"422 Unprocessable Entity: Invalid: No name",
			readbackhttp.Problem{Type: "https://h/p", Title: "Invalid.", Detail: "No name", Extensions: map[string]any{"balance": number("30")}},
			`{"type":"https://h/p","title":"Invalid.","detail":"No name","balance":30}`,
		},
		{"status and message", `401 | {"status":401,"message":"Unauthorized"}`, "401 Unauthorized: Unauthorized",
			readbackhttp.Problem{Status: 401, Message: "Unauthorized"}, `{"status":401,"message":"Unauthorized"}`},
		{"other JSON", `409 | {"reason":"taken"}`, `409 Conflict: {"reason":"taken"}`, readbackhttp.Problem{}, `{"reason":"taken"}`},
		{"HTML", "502 | <html>\r\n<h1>Bad\tGateway</h1>\x00</html>", "502 Bad Gateway: <html> <h1>Bad Gateway</h1> </html>",
			readbackhttp.Problem{}, "<html> <h1>Bad Gateway</h1> </html>"},
		{"no UTF-8", "500 | \xff\xfe", "500 Internal Server Error: \ufffd", readbackhttp.Problem{}, "\ufffd"},
		{"nothing", "503", "503 Service Unavailable", readbackhttp.Problem{}, ""},
		{"a status without a name", "599 | x", "599: x", readbackhttp.Problem{}, "x"},
		{"moved", "307", "307 Temporary Redirect", readbackhttp.Problem{}, ""},
		{"secrets", `400 | {"token":"hunter2","message":"bad Bearer hunter2"}`, "400 Bad Request: bad Bearer REDACTED",
			readbackhttp.Problem{Message: "bad Bearer hunter2", Extensions: map[string]any{"token": "hunter2"}},
			`{"token":"REDACTED","message":"bad Bearer REDACTED"}`},
		{"long", "500 | " + strings.Repeat("ab ", 10_000), "500 Internal Server Error: " + strings.Repeat("ab ", 169) + "ab…",
			readbackhttp.Problem{}, strings.Repeat("ab ", 169) + "ab…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, tt.give)
			assert.Equal(t, head+tt.want, got.Error())
			assert.Equal(t, "POST", got.Method)
			assert.Equal(t, tt.give[:3], fmt.Sprint(got.Status))
			assert.Equal(t, got.Status, got.StatusCode())
			assert.Equal(t, tt.problem, got.Problem)
			assert.Equal(t, tt.body, got.Body)
			assert.LessOrEqual(t, len(got.Body), 512)
			assert.NotContains(t, got.Error(), "\n")
		})
	}
}

// Of the header that is kept which explains and is no secret.
func TestStatusError_header(t *testing.T) {
	t.Parallel()
	got := refusal(t, "429 | Retry-After: 7 | X-Request-Id: r1 | Etag: w1 | X-RateLimit-Remaining: 0 | RateLimit-Reset: 3 | Age: 9 | Via: cdn"+
		" | Set-Cookie: s=hunter2 | X-Api-Key: hunter2 | Www-Authenticate: hunter2 | X-Powered-By: go | Location: http://u:hunter2@h/?token=hunter2 | x")
	assert.NotEmpty(t, got.Header.Get("Date"))
	got.Header.Del("Date")
	assert.Equal(t, http.Header{
		"Retry-After": {"7"}, "X-Request-Id": {"r1"}, "Etag": {"w1"}, "X-Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"3"},
		"Age": {"9"}, "Via": {"cdn"}, "Location": {"http://h/?token=REDACTED"}, "Content-Type": {"text/plain; charset=utf-8"},
	}, got.Header)
}

// The rules get the whole beginning of the body, as it was, and more than is
// printed.
func TestStatusError_Answer(t *testing.T) {
	t.Parallel()
	body := `{"token":"hunter2","pad":"` + strings.Repeat("x", 20<<10) + `"}`
	got := refusal(t, "503 | Retry-After: 7 | Age: 9 | "+body)
	a := got.Answer()
	assert.Equal(t, "POST", a.Method)
	assert.Equal(t, 503, a.Status)
	assert.Equal(t, 7*time.Second, a.RetryAfter)
	assert.Equal(t, "cached, age 9 s", a.Note)
	assert.Equal(t, body[:16<<10], string(a.Body))

	var made consistency.Answer = (&readbackhttp.StatusError{Method: "PUT", Status: 409}).Answer()
	assert.Equal(t, consistency.Answer{Method: "PUT", Status: 409}, made)
	assert.Equal(t, "PUT http://h/ answered 409 Conflict", (&readbackhttp.StatusError{Method: "PUT", URL: "http://h/", Status: 409}).Error())
}

// A rule of the application's sees the body of an error.
func TestStatusError_rules(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {`409 | {"code":"already-done"}`},
			"GET /things/7": {`400 | {"code":"not-indexed"}`, `200 | {"v":1}`},
		}.handler())
		policy := everySecond
		policy.Rules.Write = []consistency.WriteRule{{Method: "POST", From: 409, When: contains("already-done"), Class: consistency.Applied}}
		policy.Rules.Read = []consistency.ReadRule{{Method: "GET", From: 400, When: contains("not-indexed"), Verdict: poll.Pending, Reason: "not indexed"}}
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Read: readbackhttp.URL("/things/7")}
		flow := ex.Flow()
		flow.Mine = func(readbackhttp.Ref) bool { return true }
		res, err := consistency.Do(t.Context(), policy, flow)
		assert.NoError(t, err)
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"}, srv.log())
		assert.Equal(t, poll.Reason("not indexed"), history(res.History)[0].Reason)
	})
}

// Every error along the way is found: the one that ended the flow, the write's
// and the last read's.
func TestStatusError_found(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"PUT /things/7": {`503 | {"message":"asleep"}`}, "GET /things/7": {"404", `400 | {"message":"no view"}`}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("", 1)}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		var whole *consistency.Error
		require.ErrorAs(t, err, &whole)
		assert.Equal(t, consistency.Unconfirmed, whole.Outcome)
		assert.Equal(t, 400, whole.Status)
		assert.Equal(t, `{"message":"no view"}`, whole.Body)
		var write, cause *readbackhttp.StatusError
		require.True(t, errors.As(whole.Write, &write))
		require.True(t, errors.As(whole.Cause, &cause))
		assert.Equal(t, "asleep", write.Problem.Message)
		assert.Equal(t, "no view", cause.Problem.Message)
		assert.Equal(t, "readback: PUT http://api.test/things/{id} (/things/7): unconfirmed after 2 reads in 1s, seen last: refused: "+
			"GET http://api.test/things/7 answered 400 Bad Request: no view; "+
			"write: PUT http://api.test/things/7 answered 503 Service Unavailable: asleep; last status 400: "+`{"message":"no view"}`, err.Error())
		assert.Equal(t, 1, srv.writes())
	})
}

func contains(text string) func(consistency.Answer) bool {
	return func(a consistency.Answer) bool { return strings.Contains(string(a.Body), text) }
}
