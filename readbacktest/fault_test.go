package readbacktest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/readback-go/readback/readbacktest"
)

// How writes are answered, and when they are executed all the same.
func TestRule_writes(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	alpha := map[string]string{"/w/a": `{"name":"alpha"}`}
	rules := func(r ...readbacktest.Rule) readbacktest.Script {
		return readbacktest.Script{Existing: alpha, Rules: r}
	}
	for _, s := range []story{
		{name: "503, and never executed", script: rules(readbacktest.Rule{On: "POST /w", Times: 1, Status: 503}), lines: `
			0s POST /w {"name":"beta"} = 503 Location: Etag: {"message":"Service Unavailable","status":503}
			0s GET /w = 200 [{"id":"a","name":"alpha"}]
			1h GET /w = 200 [{"id":"a","name":"alpha"}]
			1h POST /w {"name":"gamma"} = 201 Location:/w/2`},
		{name: "500, executed at once", script: rules(readbacktest.Rule{On: "POST /w", Status: 500, Execute: readbacktest.AtOnce()}), lines: `
			0s POST /w {"name":"beta"} = 500 Location: {"message":"Internal Server Error","status":500}
			0s GET /w/1 = 200 {"id":"1","name":"beta"}`},
		{name: "502, executed later", script: readbacktest.Script{Existing: alpha, Lag: 10 * ms, Rules: []readbacktest.Rule{
			{On: "PATCH /w/{id}", Status: 502, Execute: readbacktest.Later(2 * time.Second)},
		}}, lines: `
			0s PATCH /w/a {"name":"beta"} = 502
			2.009s GET /w/a = 200 {"id":"a","name":"alpha"}
			2.01s GET /w/a = 200 {"id":"a","name":"beta"}`},
		{name: "the lag counts from the execution", script: readbacktest.Script{Lag: 10 * ms, Rules: []readbacktest.Rule{
			{On: "POST", Status: 504, Execute: readbacktest.Later(2 * time.Second)},
		}}, lines: `
			0s POST /w {"name":"beta"} = 504
			1h GET /w/1 = 200
			1h PATCH /w/1 {"name":"gamma"} = 200
			3600.009s GET /w/1 = 200 {"id":"1","name":"beta"}
			3600.01s GET /w/1 = 200 {"id":"1","name":"gamma"}`},
		{name: "in order of execution", script: rules(
			readbacktest.Rule{On: "PUT /w/1", Times: 1, Status: 503, Execute: readbacktest.Later(2 * time.Second)},
			readbacktest.Rule{On: "PUT /w/1", Times: 1, Status: 503, Execute: readbacktest.Later(time.Second)},
			readbacktest.Rule{On: "PUT /w/1", Times: 1, Status: 503, Execute: readbacktest.Later(time.Second)},
		), lines: `
			0s PUT /w/1 {"v":1} = 503
			0s PUT /w/1 {"v":2} = 503
			0s PUT /w/1 {"v":3} = 503
			999ms GET /w/1 = 404
			1s GET /w/1 = 200 Etag:"2" {"id":"1","v":3}
			2s GET /w/1 = 200 Etag:"3" {"id":"1","v":1}`},
		{name: "a POST that is executed twice", script: rules(readbacktest.Rule{On: "POST /w", Status: 504, Execute: readbacktest.Twice(0, time.Second)}), lines: `
			0s POST /w {"name":"beta"} = 504
			999ms GET /w?name=beta = 200 [{"id":"1","name":"beta"}]
			1s GET /w?name=beta = 200 [{"id":"1","name":"beta"},{"id":"2","name":"beta"}]`},
		{name: "a PUT that is executed twice", script: rules(readbacktest.Rule{On: "PUT /w/a", Times: 1, Execute: readbacktest.Twice(0, time.Second)}), lines: `
			0s PUT /w/a {"name":"beta"} = 200 Etag:"2"
			500ms PUT /w/a {"name":"gamma"} = 200 Etag:"3"
			1s GET /w/a = 200 Etag:"4" {"id":"a","name":"beta"}`},
		{name: "answered as if it were executed", script: rules(
			readbacktest.Rule{On: "POST /w", Execute: readbacktest.Later(time.Second)},
			readbacktest.Rule{On: "PUT /w/{id}", Execute: readbacktest.NotAtAll()},
		), lines: `
			0s POST /w {"name":"beta"} = 201 Location:/w/1 Etag:"1" {"id":"1","name":"beta"}
			0s POST /w {"name":"gamma"} = 201 Location:/w/2
			0s GET /w/1 = 404
			1s GET /w/1 = 200 {"id":"1","name":"beta"}
			1s GET /w/2 = 200 {"id":"2","name":"gamma"}
			1s PUT /w/a {"name":"beta"} = 200 Etag:"2" {"id":"a","name":"beta"}
			1h GET /w/a = 200 {"id":"a","name":"alpha"}`},
		{name: "what is refused to the client is not executed later", script: rules(readbacktest.Rule{On: "PATCH", Execute: readbacktest.Later(time.Second)}), lines: `
			0s PATCH /w/b {"name":"beta"} = 404
			0s PUT /w/b {"name":"alpha"} = 201
			1s GET /w/b = 200 {"id":"b","name":"alpha"}`},
		{name: "what cannot be executed when its time has come", script: rules(readbacktest.Rule{On: "PATCH", Status: 503, Execute: readbacktest.Later(time.Second)}), lines: `
			0s PATCH /w/a {"name":"beta"} = 503
			0s DELETE /w/a = 204
			1s GET /w/a = 404`},
		{name: "what could be executed only later", script: rules(readbacktest.Rule{On: "PATCH", Status: 503, Execute: readbacktest.Later(time.Second)}), lines: `
			0s PATCH /w/b {"name":"beta"} = 503
			500ms PUT /w/b {"name":"alpha"} = 201
			1s GET /w/b = 200 {"id":"b","name":"beta"}`},
		{name: "429 in a burst", script: rules(readbacktest.Rule{On: "POST /w", Skip: 1, Times: 2, Status: 429, RetryAfter: 1500 * ms}), lines: `
			0s POST /w {"name":"1"} = 201 Location:/w/1
			0s POST /w {"name":"2"} = 429 Retry-After:2 Location:
			0s POST /w {"name":"3"} = 429 Retry-After:2
			0s POST /w {"name":"4"} = 201 Location:/w/4 Retry-After:
			0s GET /w?id=2 = 200 []`},
		{name: "one rule after the other", script: rules(
			readbacktest.Rule{On: "POST /w", Times: 1, Status: 500},
			readbacktest.Rule{On: "POST /w", Times: 1, Status: 502},
			readbacktest.Rule{On: "GET", Status: 418},
		), lines: `
			0s POST /w = 500
			0s POST /w = 502
			0s POST /w = 201
			0s GET /w = 418`},
		{name: "for some time", script: rules(readbacktest.Rule{On: "/w", From: time.Second, Until: 2 * time.Second, Status: 503}), lines: `
			999ms GET /w = 200
			1s GET /w = 503
			1.999s POST /w = 503
			2s GET /w = 200`},
		{name: "without a Location", script: rules(readbacktest.Rule{On: "POST /w", Header: http.Header{"Location": nil, "X-Id": {"7"}}}), lines: `
			0s POST /w {"name":"beta"} = 201 Location: X-Id:7 {"id":"1","name":"beta"}`},
		{name: "another body", script: rules(
			readbacktest.Rule{On: "POST /w", Body: `{"ok":true}`},
			readbacktest.Rule{On: "GET /w/{id}", Status: 403, Body: `{"code":403,"message":"Forbidden"}`},
		), lines: `
			0s POST /w {"name":"beta"} = 201 Location:/w/1 {"ok":true}
			0s GET /w/1 = 403 {"code":403,"message":"Forbidden"}`},
		{name: "another good status", script: rules(readbacktest.Rule{On: "POST /w", Status: 200}, readbacktest.Rule{On: "GET", Status: 202}), lines: `
			0s POST /w {"name":"beta"} = 200 Location:/w/1 {"id":"1","name":"beta"}
			0s GET /w/1 = 202 {"id":"1","name":"beta"}`},
		{name: "a redirect", script: rules(readbacktest.Rule{On: "POST /w", Status: 303, Header: http.Header{"Location": {"/w/1"}}}), lines: `
			0s POST /w {"name":"beta"} = 303 Location:/w/1 Etag: {"message":"See Other","status":303}
			0s GET /w/1 = 200`},
		{name: "cut before the request was read", script: rules(readbacktest.Rule{On: "POST /w", Times: 1, Cut: readbacktest.CutRequest}), lines: `
			0s POST /w {"name":"beta"} = cut
			0s POST /w {"name":"beta"} = 201 Location:/w/1`},
		{name: "cut after the request was read", script: rules(readbacktest.Rule{On: "POST /w", Times: 1, Cut: readbacktest.CutAnswer}), lines: `
			0s POST /w {"name":"beta"} = cut
			0s GET /w = 200 [{"id":"a","name":"alpha"}]`},
		{name: "cut after the execution", script: rules(readbacktest.Rule{On: "POST /w", Times: 1, Cut: readbacktest.CutAnswer, Execute: readbacktest.AtOnce()}), lines: `
			0s POST /w {"name":"beta"} = cut
			0s GET /w/1 = 200`},
		{name: "cut, and executed later", script: rules(readbacktest.Rule{On: "DELETE /w/a", Cut: readbacktest.CutAnswer, Execute: readbacktest.Later(time.Second)}), lines: `
			0s DELETE /w/a = cut
			999ms GET /w/a = 200
			1s GET /w/a = 404`},
	} {
		s.tell(t)
	}
}

// Idempotency keys, if the script says so.
func TestScript_idempotencyKeys(t *testing.T) {
	t.Parallel()
	keys := func(r ...readbacktest.Rule) readbacktest.Script {
		return readbacktest.Script{IdempotencyKeys: true, Rules: r}
	}
	for _, s := range []story{
		{name: "repeated", script: keys(), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1 Etag:"1" {"id":"1","name":"beta"}
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1 Etag:"1" {"id":"1","name":"beta"}
			0s POST /w Idempotency-Key:k {"name":"gamma"} = 422
			0s POST /v Idempotency-Key:k {"name":"beta"} = 201 Location:/v/2
			0s POST /w Idempotency-Key:l {"name":"beta"} = 201 Location:/w/3
			0s POST /w {"name":"beta"} = 201 Location:/w/4
			0s GET /w?name=beta = 200 [{"id":"1","name":"beta"},{"id":"3","name":"beta"},{"id":"4","name":"beta"}]`},
		{name: "repeated, with another rule", script: keys(readbacktest.Rule{On: "POST", Skip: 1, Times: 1, Header: http.Header{"X-Id": {"7"}}}), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 X-Id:
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 X-Id:7
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 X-Id:`},
		{name: "after a lost answer", script: keys(readbacktest.Rule{On: "POST /w", Times: 1, Status: 503, Execute: readbacktest.AtOnce()}), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 503
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1
			0s GET /w = 200 [{"id":"1","name":"beta"}]`},
		{name: "while it is pending", script: keys(readbacktest.Rule{On: "POST /w", Times: 1, Status: 503, Execute: readbacktest.Later(time.Second)}), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 503
			999ms POST /w Idempotency-Key:k {"name":"beta"} = 409
			1s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1
			1h GET /w = 200 [{"id":"1","name":"beta"}]`},
		{name: "never executed", script: keys(readbacktest.Rule{On: "POST /w", Times: 1, Status: 503}), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 503
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201
			0s GET /w?name=beta = 200 [{"id":"2","name":"beta"}]`},
		{name: "refused", script: keys(), lines: `
			0s PATCH /w/1 Idempotency-Key:k {"name":"beta"} = 404
			0s PUT /w/1 {"name":"alpha"} = 201
			0s PATCH /w/1 Idempotency-Key:k {"name":"beta"} = 200`},
		{name: "refused in the end", script: keys(readbacktest.Rule{On: "PATCH", Times: 1, Status: 503, Execute: readbacktest.Later(time.Second)}), lines: `
			0s PATCH /w/1 Idempotency-Key:k {"name":"beta"} = 503
			1s PUT /w/1 {"name":"alpha"} = 201
			1s PATCH /w/1 Idempotency-Key:k {"name":"beta"} = 200`},
		{name: "executed twice all the same", script: keys(readbacktest.Rule{On: "POST", Times: 1, Execute: readbacktest.Twice(0, time.Second)}), lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1
			1s GET /w = 200 [{"id":"1","name":"beta"},{"id":"2","name":"beta"}]
			1s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1`},
		{name: "not honoured", lines: `
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/1
			0s POST /w Idempotency-Key:k {"name":"beta"} = 201 Location:/w/2`},
	} {
		s.tell(t)
	}
}

// A 202, and what its monitor says.
func TestRule_operation(t *testing.T) {
	t.Parallel()
	exports := func(o readbacktest.Operation, r readbacktest.Rule) readbacktest.Script {
		r.On, r.Operation = "POST /exports", &o
		return readbacktest.Script{Lag: time.Second, Unique: "name", Rules: []readbacktest.Rule{r}}
	}
	for _, s := range []story{
		{name: "succeeds", script: exports(readbacktest.Operation{Takes: 5 * time.Second}, readbacktest.Rule{}), lines: `
			0s POST /exports {"name":"x"} = 202 Operation-Location:/operations/1 Location:/exports/1 {"status":"running"}
			4.999s GET /operations/1 = 200 {"status":"running"}
			5s GET /operations/1 = 200 {"resource":"/exports/1","status":"succeeded"}
			5.999s GET /exports/1 = 404
			6s GET /exports/1 = 200
			6s GET /operations/2 = 404
			6s GET /operations/x = 404`},
		{name: "by a redirect", script: exports(readbacktest.Operation{Takes: time.Second, Header: "Location", SeeOther: true}, readbacktest.Rule{}), lines: `
			0s POST /exports {"name":"x"} = 202 Operation-Location: Location:/operations/1
			0s GET /operations/1 = 200 {"status":"running"}
			1s GET /operations/1 = 303 Location:/exports/1`},
		{name: "fails", script: exports(readbacktest.Operation{Takes: time.Second, Fails: true}, readbacktest.Rule{}), lines: `
			0s POST /exports {"name":"x"} = 202
			999ms GET /operations/1 = 200 {"status":"running"}
			1s GET /operations/1 = 200 {"status":"failed"}
			1h GET /exports = 200 []`},
		{name: "fails, and was executed all the same", script: exports(readbacktest.Operation{Takes: time.Second, Fails: true}, readbacktest.Rule{Execute: readbacktest.AtOnce()}), lines: `
			0s POST /exports {"name":"x"} = 202
			1s GET /operations/1 = 200 {"status":"failed"}
			1s GET /exports/1 = 200`},
		{name: "succeeds before it is executed", script: exports(readbacktest.Operation{}, readbacktest.Rule{Execute: readbacktest.Later(time.Minute)}), lines: `
			0s POST /exports {"name":"x"} = 202
			0s GET /operations/1 = 200 {"resource":"/exports/1","status":"succeeded"}
			60s GET /exports/1 = 404
			61s GET /exports/1 = 200`},
		{name: "is refused at once", script: exports(readbacktest.Operation{}, readbacktest.Rule{}), lines: `
			0s POST /exports {"name":"x"} = 202
			0s POST /exports {"name":"x"} = 409`},
		{name: "is refused in the end", script: exports(readbacktest.Operation{Takes: time.Second}, readbacktest.Rule{}), lines: `
			0s POST /exports {"name":"x"} = 202 Operation-Location:/operations/1
			0s POST /exports {"name":"x"} = 202 Operation-Location:/operations/2
			1s GET /operations/1 = 200 {"resource":"/exports/1","status":"succeeded"}
			1s GET /operations/2 = 200 {"status":"failed"}`},
		{name: "without a Location", script: exports(readbacktest.Operation{}, readbacktest.Rule{Header: http.Header{"Location": nil}}), lines: `
			0s POST /exports {"name":"x"} = 202 Operation-Location:/operations/1 Location:`},
	} {
		s.tell(t)
	}
}

// Consistency tokens.
func TestScript_token(t *testing.T) {
	t.Parallel()
	kinds := func(kind readbacktest.Token) readbacktest.Script {
		return readbacktest.Script{Token: kind, Replicas: []readbacktest.Draw{readbacktest.Fixed(7 * time.Second), readbacktest.Fixed(20 * time.Second)}}
	}
	for _, s := range []story{
		{name: "mittwald", script: kinds(readbacktest.Mittwald()), lines: `
			0s POST /w {"name":"x"} = 201 Etag:1
			0s GET /w/1 = 404 +0s
			0s GET /w/1 = 404 +0s
			0s GET /w/1 If-Event-Reached:1 = 200 Etag:"1" +7s
			7s GET /w/1 If-Event-Reached:1 = 412 +10s
			17s GET /w/1 If-Event-Reached:1 = 200 +0s
			17s GET /w/1 If-Event-Reached:1 = 200 +3s
			20s GET /w/1 If-Event-Reached:2 = 412 +10s
			30s GET /w/1 If-Event-Reached:nonsense = 412 +10s`},
		{name: "what is executed while a read waits", script: kinds(readbacktest.Mittwald()), lines: `
			0s GET /w/1 If-Event-Reached:1 = 412 +10s
			10s PUT /w/1 {"name":"x"} = 201 Etag:1
			10s PATCH /w/1 {"name":"y"} = 200 Etag:2
			10s DELETE /w/1 = 204 Etag:3
			10s DELETE /w/1 = 404 Etag:`},
		{name: "Vault", script: kinds(readbacktest.Vault()), lines: `
			0s PUT /w/1 {"name":"x"} = 201 X-Vault-Index:1 Etag:"1"
			0s GET /w/1 X-Vault-Index:1 = 412 +0s
			7s GET /w/1 = 404
			7s GET /w/1 X-Vault-Index:1 = 200
			7s GET /w/1 X-Vault-Index:1 = 412
			7s GET /w X-Vault-Index:1 = 200 [{"id":"1","name":"x"}]
			20s GET /w/1 X-Vault-Index:1 = 200
			20s GET /w/1 X-Vault-Index:0 = 412
			20s GET /w/1 X-Vault-Index:2 = 412`},
		{name: "Cosmos", script: kinds(readbacktest.Cosmos()), lines: `
			0s PUT /w/1 {"name":"x"} = 201 X-Ms-Session-Token:0:-1#1
			0s GET /w/1 X-Ms-Session-Token:0:-1#1 = 404 X-Ms-Substatus:1002
			0s GET /w/1 = 404 X-Ms-Substatus:
			7s GET /w/1 X-Ms-Session-Token:0:-1#1 = 200
			7s GET /w/1 X-Ms-Session-Token:0:-1#1 = 404 X-Ms-Substatus:1002`},
		{name: "one's own", script: readbacktest.Script{Lag: time.Second, Token: readbacktest.Token{Answer: "X-At", Request: "X-Since", Behind: 503}}, lines: `
			0s PUT /w/1 {"name":"x"} = 201 X-At:1
			0s GET /w/1 X-Since:1 = 503
			1s GET /w/1 X-Since:1 = 200`},
		{name: "a position is reached when all before it is shown", script: readbacktest.Script{
			Token: readbacktest.Vault(), Forbidden: time.Second, Partial: time.Second,
			Rules: []readbacktest.Rule{{On: "PUT /w/slow", Lag: readbacktest.Fixed(time.Minute)}},
		}, lines: `
			0s PUT /w/1 {"name":"x"} = 201 X-Vault-Index:1
			0s PUT /w/slow {"name":"x"} = 201 X-Vault-Index:2
			0s PUT /w/2 {"name":"x"} = 201 X-Vault-Index:3
			1999ms GET /w/1 X-Vault-Index:1 = 412
			2s GET /w/1 X-Vault-Index:1 = 200 {"id":"1","name":"x"}
			2s GET /w/2 = 200
			61.999s GET /w/2 X-Vault-Index:3 = 412
			62s GET /w/2 X-Vault-Index:3 = 200`},
		{name: "behind is not cached", script: readbacktest.Script{Token: readbacktest.Cosmos(), Lag: time.Second, NegativeCache: time.Hour}, lines: `
			0s PUT /w/1 {"name":"x"} = 201
			0s GET /w/1 X-Ms-Session-Token:0:-1#1 = 404 X-Ms-Substatus:1002 X-Cache:
			0s GET /w/1 X-Ms-Session-Token:0:-1#1 = 404 X-Ms-Substatus:1002 X-Cache:
			1s GET /w/1 = 200`},
		{name: "no token without an execution", script: readbacktest.Script{Token: readbacktest.Vault(), Rules: []readbacktest.Rule{
			{On: "PUT", Times: 1, Execute: readbacktest.NotAtAll()}, {On: "PUT", Times: 1, Status: 503, Execute: readbacktest.AtOnce()},
		}}, lines: `
			0s PUT /w/1 {"name":"x"} = 201 X-Vault-Index:
			0s PUT /w/1 {"name":"x"} = 503 X-Vault-Index:
			0s PUT /w/1 {"name":"x"} = 200 X-Vault-Index:2`},
	} {
		s.tell(t)
	}
}
