package readbacktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// exchange is one that its client sends once.
type exchange = readbackhttp.Exchange

// One flow for each behaviour of the server, and the outcome that it must have.
// What the flow claims is held against what the server did.
func TestFlows(t *testing.T) {
	t.Parallel()
	const (
		post   = `POST /w {"name":"new"}`
		put    = `PUT /w/a {"name":"new"}`
		patch  = `PATCH /w/a {"name":"new"}`
		remove = `DELETE /w/a`

		confirmed   = consistency.Confirmed
		unconfirmed = consistency.Unconfirmed
		failed      = consistency.Failed

		s = time.Second
	)
	rules := func(r ...readbacktest.Rule) readbacktest.Script { return readbacktest.Script{Rules: r} }
	with := func(kind readbackhttp.Token) func(*exchange) { return func(ex *exchange) { ex.Token = kind } }
	replicas := func(lags ...time.Duration) (draws []readbacktest.Draw) {
		for _, lag := range lags {
			draws = append(draws, readbacktest.Fixed(lag))
		}
		return draws
	}
	tests := []struct {
		name     string
		script   readbacktest.Script
		write    string
		policy   func(*consistency.Policy)
		exchange func(*exchange)
		find     bool

		want    consistency.Outcome
		wantIs  error
		writes  int // zero is one
		unsent  bool
		reads   []time.Duration
		elapsed time.Duration
	}{
		// What reads show.
		{name: "no lag", write: post, want: confirmed, reads: at(0)},
		{name: "404, then 403, then 200", script: readbacktest.Script{Lag: 1500 * time.Millisecond, Forbidden: s}, write: post,
			want: confirmed, reads: at(0, s, 2*s, 3*s), elapsed: 3 * s},
		{name: "404 for too long", script: readbacktest.Script{Lag: time.Hour}, write: post,
			want: unconfirmed, elapsed: 30 * s},
		{name: "403 for too long", script: readbacktest.Script{Lag: s, Forbidden: time.Hour}, write: post,
			want: unconfirmed, elapsed: 11 * s},
		{name: "403 of a missing role", script: rules(readbacktest.Rule{On: "GET", Status: 403, Body: `{"code":403,"message":"Forbidden"}`}), write: post,
			want: unconfirmed, reads: at(0)},
		{name: "in part, then whole", script: readbacktest.Script{Partial: 2 * s}, write: `PUT /w/b {"name":"new"}`,
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "stale, then new", script: readbacktest.Script{Lag: 2 * s}, write: patch,
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "still there, then gone", script: readbacktest.Script{Lag: 2 * s}, write: remove,
			want: confirmed, reads: at(0, s, 2*s, 3*s), elapsed: 3 * s},
		{name: "still there, then 410", script: readbacktest.Script{Lag: 2 * s, Tombstone: readbacktest.Gone}, write: remove,
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "a tombstone that is a 200", script: readbacktest.Script{Tombstone: readbacktest.DeletedAt}, write: remove,
			want: unconfirmed, elapsed: 30 * s},
		{name: "replicas that flip", script: readbacktest.Script{Replicas: replicas(0, 4*s)}, write: post,
			policy: func(p *consistency.Policy) { p.Settle = 3 },
			want:   confirmed, reads: at(0, s, 2*s, 3*s, 4*s, 5*s, 6*s), elapsed: 6 * s},
		{name: "replicas that flip to the end", script: readbacktest.Script{Replicas: replicas(0, time.Hour)}, write: post,
			policy: func(p *consistency.Policy) { p.Settle = 3 },
			want:   unconfirmed, elapsed: 30 * s},
		{name: "a 404 that is cached", script: readbacktest.Script{Lag: 500 * time.Millisecond, NegativeCache: 5 * s}, write: post,
			want: confirmed, reads: at(0, s, 2*s, 3*s, 4*s, 5*s), elapsed: 5 * s},
		{name: "503 in between", script: rules(readbacktest.Rule{On: "GET", Times: 2, Status: 503}), write: post,
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "404 503 404 404 of what is gone", script: rules(readbacktest.Rule{On: "GET", Skip: 1, Times: 1, Status: 503}), write: remove,
			want: confirmed, reads: at(0, s, 2*s, 3*s, 4*s), elapsed: 4 * s},
		{name: "a read is cut", script: rules(readbacktest.Rule{On: "GET", Times: 1, Cut: readbacktest.CutAnswer}), write: post,
			want: confirmed, reads: at(0, s), elapsed: s},
		{name: "a read is slow", script: rules(readbacktest.Rule{On: "GET", Slow: 3 * s}), write: post,
			want: confirmed, reads: at(0), elapsed: 3 * s},
		{name: "a read hangs", script: rules(readbacktest.Rule{On: "GET", Times: 1, Delay: time.Hour}), write: post,
			want: confirmed, reads: at(0, 11*s), elapsed: 11 * s},
		{name: "a body breaks off", script: rules(readbacktest.Rule{On: "GET", Times: 1, Truncated: true}), write: post,
			want: confirmed, reads: at(0, s), elapsed: s},
		{name: "a body never ends", script: rules(readbacktest.Rule{On: "GET", Times: 1, Endless: true}), write: post,
			exchange: func(ex *exchange) { ex.MaxBody = 4 << 10 },
			want:     confirmed, reads: at(0, 1065*time.Millisecond), elapsed: 1065 * time.Millisecond},

		// What the write's answer proves.
		{name: "refused", script: rules(readbacktest.Rule{On: "POST", Status: 422}), write: post, want: failed},
		{name: "taken", script: readbacktest.Script{Unique: "name"}, write: `POST /w {"name":"old"}`, want: failed},
		{name: "429", script: rules(readbacktest.Rule{On: "POST", Times: 1, Status: 429, RetryAfter: 3 * s}), write: post, want: failed},
		{name: "429, and sent again", script: rules(readbacktest.Rule{On: "POST", Times: 2, Status: 429, RetryAfter: 3 * s}), write: post,
			policy: func(p *consistency.Policy) { p.Resend.OnRateLimited = true },
			want:   confirmed, writes: 3, reads: at(6 * s)},
		{name: "a parent that lags", script: rules(readbacktest.Rule{On: "POST", Until: 3 * s, Status: 404}), write: post,
			policy: func(p *consistency.Policy) { p.Resend.OnMissingParent = true },
			want:   confirmed, writes: 4, reads: at(3 * s)},
		{name: "503, executed", script: rules(readbacktest.Rule{On: "PUT", Status: 503, Execute: readbacktest.AtOnce()}), write: put,
			want: confirmed, reads: at(0)},
		{name: "504, executed later", script: rules(readbacktest.Rule{On: "PUT", Status: 504, Execute: readbacktest.Later(2 * s)}), write: put,
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "500, never executed", script: rules(readbacktest.Rule{On: "PUT", Status: 500}), write: put,
			want: unconfirmed, elapsed: 2 * time.Minute},
		{name: "502, executed too late", script: rules(readbacktest.Rule{On: "PUT", Status: 502, Execute: readbacktest.Later(time.Hour)}), write: put,
			want: unconfirmed, elapsed: 2 * time.Minute},
		{name: "201, and never executed", script: rules(readbacktest.Rule{On: "POST", Execute: readbacktest.NotAtAll()}), write: post,
			want: unconfirmed, elapsed: 30 * s},
		{name: "without a Location", script: rules(readbacktest.Rule{On: "POST", Header: http.Header{"Location": nil}}), write: post,
			want: unconfirmed},
		{name: "by the id in the body", script: rules(readbacktest.Rule{On: "POST", Header: http.Header{"Location": nil}}), write: post,
			exchange: func(ex *exchange) { ex.Read = readbackhttp.Template("/w/{id}") },
			want:     confirmed, reads: at(0)},
		{name: "303 to what was created", script: rules(readbacktest.Rule{On: "POST", Status: 303, Header: http.Header{"Location": {"/w/1"}}}), write: post,
			want: confirmed, reads: at(0)},
		{name: "lost, and nothing to find it by", script: rules(readbacktest.Rule{On: "POST", Cut: readbacktest.CutAnswer, Execute: readbacktest.AtOnce()}), write: post,
			want: unconfirmed, wantIs: consistency.ErrNoFind},
		{name: "lost, and found", script: rules(readbacktest.Rule{On: "POST", Cut: readbacktest.CutAnswer, Execute: readbacktest.Later(2 * s)}), write: post,
			find: true, want: confirmed, elapsed: 2 * s},
		{name: "lost, executed twice", script: rules(readbacktest.Rule{On: "POST", Cut: readbacktest.CutAnswer, Execute: readbacktest.Twice(0, 0)}), write: post,
			find: true, want: unconfirmed, wantIs: consistency.ErrNotProvablyMine, elapsed: 2 * time.Minute},
		{name: "cut before it was read", script: rules(readbacktest.Rule{On: "PUT", Cut: readbacktest.CutRequest}), write: put,
			want: unconfirmed, elapsed: 2 * time.Minute},
		{name: "never sent", script: rules(readbacktest.Rule{On: "POST", Cut: readbacktest.Unreachable}), write: post, find: true,
			want: failed, unsent: true},
		{name: "never sent, then sent", script: rules(readbacktest.Rule{On: "POST", Times: 2, Cut: readbacktest.Unreachable}), write: post,
			policy: func(p *consistency.Policy) { p.Resend.OnNotSent = true },
			want:   confirmed, reads: at(2 * s)},
		{name: "with a key, sent again", script: readbacktest.Script{IdempotencyKeys: true, Rules: []readbacktest.Rule{
			{On: "POST", Times: 1, Status: 503, Execute: readbacktest.AtOnce()},
		}}, write: `POST /w Idempotency-Key:k {"name":"new"}`,
			policy: func(p *consistency.Policy) { p.Resend.WithKey = time.Minute },
			want:   confirmed, writes: 2, reads: at(s)},
		{name: "202 without a monitor", script: rules(readbacktest.Rule{On: "POST", Status: 202, Execute: readbacktest.Later(2 * s)}), write: post,
			exchange: func(ex *exchange) { ex.LocationOfAccepted = true },
			want:     confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "202, and succeeded", script: rules(readbacktest.Rule{On: "POST", Operation: &readbacktest.Operation{Takes: 2 * s}}), write: post,
			exchange: func(ex *exchange) { ex.Monitor = new(readbackhttp.Monitor) },
			want:     confirmed, reads: at(0, s, 2*s, 2*s), elapsed: 2 * s},
		{name: "202, and 303", script: readbacktest.Script{Lag: s, Rules: []readbacktest.Rule{
			{On: "POST", Operation: &readbacktest.Operation{Takes: s, Header: "Location", SeeOther: true}}},
		}, write: post,
			exchange: func(ex *exchange) { ex.Monitor = new(readbackhttp.Monitor) },
			want:     confirmed, reads: at(0, s, s, 2*s), elapsed: 2 * s},
		{name: "202, and failed", script: rules(readbacktest.Rule{On: "POST", Operation: &readbacktest.Operation{Takes: s, Fails: true}}), write: post,
			exchange: func(ex *exchange) { ex.Monitor = new(readbackhttp.Monitor) },
			want:     failed, wantIs: consistency.ErrOperation, reads: at(0, s), elapsed: s},

		// Tokens.
		{name: "Mittwald", script: readbacktest.Script{Lag: 7 * s, Token: readbacktest.Mittwald()}, write: put, exchange: with(readbackhttp.Mittwald()),
			want: confirmed, reads: at(0), elapsed: 7 * s},
		{name: "Vault", script: readbacktest.Script{Lag: 2 * s, Token: readbacktest.Vault()}, write: put, exchange: with(readbackhttp.Vault()),
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "Cosmos", script: readbacktest.Script{Lag: 2 * s, Token: readbacktest.Cosmos()}, write: post, exchange: with(readbackhttp.Cosmos()),
			want: confirmed, reads: at(0, s, 2*s), elapsed: 2 * s},
		{name: "a token that no answer carries", script: readbacktest.Script{Rules: []readbacktest.Rule{{On: "PUT", Header: http.Header{"X-Vault-Index": nil}}}, Token: readbacktest.Vault()},
			write: put, exchange: func(ex *exchange) { ex.Token, ex.Match = readbackhttp.Vault(), nil },
			want: unconfirmed, wantIs: readbackhttp.ErrNoToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.script.Existing = map[string]string{"/w/a": `{"name":"old"}`}
			inWorld(t, tt.script, func(t *testing.T, w *world) {
				policy := consistency.Policy{Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true}}
				if tt.policy != nil {
					tt.policy(&policy)
				}
				ex := exchange{Client: w.client, Write: w.request(t, tt.write)}
				if method := ex.Write.Method; method == "PUT" || method == "PATCH" {
					ex.Match = readbackhttp.HasJSON("/name", "new")
				}
				if tt.exchange != nil {
					tt.exchange(&ex)
				}
				flow := ex.Flow()
				if tt.find {
					flow.Find, flow.Mine = w.find, func(readbackhttp.Ref) bool { return true }
				}
				res, err := consistency.Do(t.Context(), policy, flow)
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
				if tt.wantIs != nil {
					assert.ErrorIs(t, err, tt.wantIs)
				}
				assert.Equal(t, tt.elapsed, res.Elapsed)
				if tt.reads != nil {
					w.AssertAt(t, "GET", tt.reads...)
				}
				writes := max(1, tt.writes)
				if tt.unsent {
					writes = 0
				}
				w.AssertCount(t, ex.Write.Method, writes)
				w.assertTruth(t, res.Outcome)
			})
		})
	}
}

func at(times ...time.Duration) []time.Duration { return times }

// assertTruth holds an outcome against what was executed, also after it.
func (w *world) assertTruth(t *testing.T, outcome consistency.Outcome) {
	t.Helper()
	if outcome == consistency.Confirmed {
		w.AssertExecuted(t, "", 1)
	}
	if outcome == consistency.Failed {
		time.Sleep(24 * time.Hour)
		w.AssertExecuted(t, "", 0)
	}
}

// request makes a request of a method, a target, headers and a body.
func (w *world) request(t *testing.T, text string) *http.Request {
	t.Helper()
	head, body, has := strings.Cut(text, " {")
	if has {
		body = "{" + body
	}
	words := strings.Fields(head)
	req, err := http.NewRequest(words[0], w.url+words[1], strings.NewReader(body))
	require.NoError(t, err)
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, ":")
		req.Header.Set(name, value)
	}
	return req
}

// find lists what has the name that the flows give.
func (w *world) find(ctx context.Context) ([]readbackhttp.Ref, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/w?name=new", nil)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list []struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	var refs []readbackhttp.Ref
	for _, item := range list {
		refs = append(refs, readbackhttp.Ref{Location: w.url + "/w/" + item.ID})
	}
	return refs, nil
}

// A client over the Transport reads what it wrote from a server that lags.
func TestFlows_transport(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{Lag: 2 * time.Second, Forbidden: time.Second}, func(t *testing.T, w *world) {
		client := &http.Client{Transport: readbackhttp.NewTransport(w, readbackhttp.TransportOptions{
			Policy: consistency.Policy{Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true}},
		})}
		resp, err := client.Post(w.url+"/w", "application/json", strings.NewReader(`{"name":"new"}`))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		resp, err = client.Get(w.url + resp.Header.Get("Location"))
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, `200 {"id":"1","name":"new"}`, fmt.Sprint(resp.StatusCode, " ", string(body)))
		w.AssertAt(t, "GET", at(0, time.Second, 2*time.Second, 3*time.Second)...)
	})
}

// The same flow over real sockets, in real time.
func TestFlows_sockets(t *testing.T) {
	t.Parallel()
	w := overSockets(t, readbacktest.Script{Lag: 30 * time.Millisecond, Forbidden: 20 * time.Millisecond})
	ex := exchange{Client: w.client, Write: w.request(t, `POST /w {"name":"new"}`)}
	policy := consistency.Policy{Schedule: readback.Backoff{Initial: 5 * time.Millisecond, Max: 5 * time.Millisecond}}
	res, err := consistency.Do(t.Context(), policy, ex.Flow())
	require.NoError(t, err)
	assert.Equal(t, `{"id":"1","name":"new"}`, string(res.Value.Body))
	w.AssertCount(t, "POST", 1)
	made := w.Executed("POST /w")
	require.Len(t, made, 1)
	assert.Equal(t, made[0].At+50*time.Millisecond, made[0].Shown)
	for _, r := range w.Requests("GET") { // which of these there are is the machine's to say
		want := 404
		switch {
		case r.At >= made[0].Shown:
			want = 200
		case r.At >= made[0].At+30*time.Millisecond:
			want = 403
		}
		assert.Equal(t, want, r.Status, "%v", r)
	}
}

// Many clients at once.
func TestHandler_concurrent(t *testing.T) {
	t.Parallel()
	everyWay(t, readbacktest.Script{LagFrom: readbacktest.Uniform(0, time.Second), Rules: []readbacktest.Rule{
		{On: "PUT", Skip: 10, Times: 10, Status: 503, Execute: readbacktest.Later(time.Second)},
	}}, func(t *testing.T, w *world) {
		const clients = 40
		done := make(chan struct{})
		for i := range clients {
			go func() {
				w.send(t, fmt.Sprintf(`PUT /w/%d {"n":%d}`, i, i))
				w.send(t, "GET /w")
				w.Requests("")
				done <- struct{}{}
			}()
		}
		for range clients {
			<-done
		}
		w.AssertCount(t, "PUT", clients)
		w.AssertExecuted(t, "", clients-10)
		time.Sleep(3 * time.Second)
		w.AssertExecuted(t, "", clients)
		var all []any
		require.NoError(t, json.Unmarshal([]byte(w.send(t, "GET /w").body), &all))
		assert.Len(t, all, clients)
		synctest.Wait()
	})
}
