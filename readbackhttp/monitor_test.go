package readbackhttp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

func TestMonitor_confirmed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		monitor readbackhttp.Monitor
		read    readbackhttp.Target
		script  script
		want    []string
	}{
		{
			"Operation-Location, and Location is the resource", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":"Running"}`, `200 | {"status":"Succeeded"}`},
				"GET /things/7": {"404", `200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7", "2s GET /things/7"},
		},
		{
			"Azure-AsyncOperation", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":  {"201 | Location: /never"},
				"PUT /things/7": {"202 | azure-asyncoperation: http://api.test/ops/1?api-version=2 | Location: /ops/2"},
				"GET /ops/1":    {`200 | {"status":"InProgress"}`, `200 | {"status":"SUCCEEDED"}`},
				"GET /things/7": {`200 | {"v":2}`},
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1?api-version=2", "1s GET /ops/1?api-version=2", "1s GET /things/7"},
		},
		{
			"Operation-Location goes before the others", readbackhttp.Monitor{}, readbackhttp.URL("/things/7"),
			script{
				"POST /things":  {"202 | Location: /ops/3 | Azure-AsyncOperation: /ops/2 | Operation-Location: ops/1"},
				"GET /ops/1":    {`200 | {"status":"done"}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"},
		},
		{
			"Location is the monitor, which ends with 303", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":     {"202 | Location: /v1/ops/1"},
				"GET /v1/ops/1":    {"202 | {}", "202", "303 | Location: ../things/7"},
				"GET /v1/things/7": {"404", `200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /v1/ops/1", "1s GET /v1/ops/1", "2s GET /v1/ops/1", "2s GET /v1/things/7", "3s GET /v1/things/7"},
		},
		{
			"303 without a Location", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {"303"},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"},
		},
		{
			"303 to nowhere", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {"303 | Location: http://[::1"},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"},
		},
		{
			"the resource is in the answer", readbackhttp.Monitor{Resource: "/resource/href"}, readbackhttp.Target{},
			script{
				"POST /things":     {"202 | Location: /v1/ops/1"},
				"GET /v1/ops/1":    {`200 | {"status":"running","resource":{"href":"/wrong"}}`, `200 | {"status":"completed","resource":{"href":"../things/7"}}`},
				"GET /v1/things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /v1/ops/1", "1s GET /v1/ops/1", "1s GET /v1/things/7"},
		},
		{
			"the resource is not in the answer", readbackhttp.Monitor{Resource: "/href"}, readbackhttp.Target{},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":"success","href":null}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"},
		},
		{
			"states of its own", readbackhttp.Monitor{State: "/task/state", Done: []string{"Green", "2"}, Failed: []string{"red"}}, readbackhttp.URL("/things/7"),
			script{
				"POST /things":  {"202 | Location: /ops/1"},
				"GET /ops/1":    {`200 | {"task":{"state":"failed"}}`, `200 | {"task":{"state":"done"}}`, `200 | {"task":{"state":2}}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "2s GET /things/7"},
		},
		{
			"no states that end", readbackhttp.Monitor{Done: []string{}, Failed: []string{}}, readbackhttp.URL("/things/7"),
			script{
				"POST /things":  {"202 | Location: /ops/1"},
				"GET /ops/1":    {`200 | {"status":"failed"}`, `200 | {"status":"done"}`, "303"},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "2s GET /things/7"},
		},
		{
			"not there yet, unavailable, no JSON, no state", readbackhttp.Monitor{}, readbackhttp.URL("/things/7"),
			script{
				"POST /things": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1": {"404", "503", "200 | <html>done</html>", "200", `200 | {"phase":"done"}`, `200 | {"status":""}`,
					`200 | {"status":{"status":"done"}}`, `200 | ["done"]`, "304", `302 | Location: /things/7 | {"status":"done"}`, `200 | {"status":"done"}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "3s GET /ops/1", "4s GET /ops/1", "5s GET /ops/1",
				"6s GET /ops/1", "7s GET /ops/1", "8s GET /ops/1", "9s GET /ops/1", "10s GET /ops/1", "10s GET /things/7"},
		},
		{
			"no state is none of the states", readbackhttp.Monitor{Done: []string{"", "ok"}, Failed: []string{""}}, readbackhttp.URL("/things/7"),
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {`200 | {"v":1}`, `200 | {"status":""}`, `200 | {"status":"OK"}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "2s GET /things/7"},
		},
		{
			"202 that names none", readbackhttp.Monitor{}, readbackhttp.URL("/things/7"),
			script{"POST /things": {"202"}, "GET /things/7": {"404", `200 | {"v":1}`}},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"},
		},
		{
			"201 that names one", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"POST /things":  {"201 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":"running"}`, `200 | {"status":"done"}`},
				"GET /things/7": {`200 | {"v":1}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
		},
		{
			"201 that names none", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`}},
			[]string{"0s POST /things", "0s GET /things/7"},
		},
		{
			"redirect of the write", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{"POST /things": {"303 | Operation-Location: /ops/1 | Location: /things/7"}, "GET /things/7": {`200 | {"v":1}`}},
			[]string{"0s POST /things", "0s GET /things/7"},
		},
		{
			"of a delete", readbackhttp.Monitor{}, readbackhttp.Target{},
			script{
				"DELETE /things/7": {"202 | Location: /ops/1"},
				"GET /ops/1":       {`200 | {"status":"running"}`, `200 | {"status":"done"}`},
				"GET /things/7":    {"404"},
			},
			[]string{"0s DELETE /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7", "2s GET /things/7"},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, tt.script.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Monitor: &tt.monitor, Read: tt.read}
			switch tt.want[0] {
			case "0s PUT /things/7":
				ex.Write, ex.Match = send("PUT", api+"/things/7", `{}`), readbackhttp.HasJSON("/v", 2)
			case "0s DELETE /things/7":
				ex.Write = send("DELETE", api+"/things/7", "")
			default:
				ex.Write = send("POST", api+"/things", `{}`)
			}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, tt.want, srv.log())
		})
	}
}

// An operation that did not succeed was not carried out as asked; what the
// answer told is kept.
func TestMonitor_failed(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"failed", "Failed", "failure", "error", "canceled", "Cancelled", "aborted"} {
		bubble(t, state, func(t *testing.T) {
			srv := serve(t, script{
				"POST /things": {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":   {`200 | {"status":"running"}`, `200 | {"status":"` + state + `","error":{"message":"no quota"}}`},
			}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Failed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.ErrorIs(t, err, consistency.ErrOperation)
			assert.Equal(t, api+"/things/7", res.Written.Location)
			assert.Equal(t, api+"/ops/1", res.Written.Monitor)
			assert.True(t, res.Pending.IsZero())
			assert.Equal(t, []string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"}, srv.log())
		})
	}
}

// A monitor that cannot be read ends the flow unconfirmed.
func TestMonitor_unreadableIsUnconfirmed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer, monitor string
		want                  string
		reads                 int
	}{
		{"another origin", "202 | Location: http://other.test/ops/1", "200", "of another origin", 0},
		{"user information", "202 | Location: http://me:hunter2@api.test/ops/1", "200", "user information", 0},
		{"another scheme", "202 | Location: ftp://api.test/ops/1", "200", "not an HTTP URL", 0},
		{"role missing", "202 | Location: /ops/1", `403 | {"code":403,"message":"Forbidden"}`, "Forbidden", 1},
		{"unauthorized", "202 | Location: /ops/1", "401", "answered 401", 1},
		{"resource of another origin", "202 | Location: /ops/1", "303 | Location: http://other.test/things/7", "of another origin", 1},
		{"no resource", "202 | Location: /ops/1", `200 | {"status":"done"}`, "nothing names what was written", 1},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {tt.answer}, "GET /ops/1": {tt.monitor}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: withSecrets(api + "/things"), Monitor: &readbackhttp.Monitor{}}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, 1, srv.writes())
			assert.Len(t, srv.reads(), tt.reads)
		})
	}
}

// A monitor of another origin that is allowed gets no credentials.
func TestMonitor_allowedOrigin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {"202 | Operation-Location: http://ops.test/1 | Location: /things/7"},
			"GET /1":        {`200 | {"status":"done"}`},
			"GET /things/7": {`200 | {"v":1}`},
		}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: withSecrets(api + "/things"), Monitor: &readbackhttp.Monitor{},
			AllowOrigin: func(u *url.URL) bool { return u.Host == "ops.test" },
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, []string{"0s POST /things", "0s GET http://ops.test/1", "0s GET /things/7"}, srv.log())
		monitor := srv.requests()[1].Header
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key", "X-Tenant"} {
			assert.Empty(t, monitor.Get(name), name)
		}
		assert.Equal(t, "Bearer hunter2", srv.requests()[2].Header.Get("Authorization"))
	})
}

// What the answers of a monitor say is in the history.
func TestMonitor_history(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things": {"202 | Operation-Location: /ops/1"},
			"GET /ops/1": {"404 | Age: 3", `403 | {"status":403}`, "200 | <html>", `200 | {"phase":1}`, "200 | Content-Length: 99 | {", lost,
				`200 | {"status":"queued"}`, "202", "303 | Location: /things/7"},
			"GET /things/7": {`200 | {"v":1}`},
		}.handler())
		var monitored, read []string
		policy := everySecond
		policy.Observer = func(e consistency.Event) {
			line := e.Verdict.String() + " " + string(e.Reason) + " " + e.Note
			switch e.Phase {
			case consistency.PhaseMonitor:
				monitored = append(monitored, line)
			case consistency.PhaseRead:
				read = append(read, line)
			}
		}
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
		res, err := consistency.Do(t.Context(), policy, ex.Flow())
		assert.NoError(t, err)
		assert.Equal(t, 1, srv.writes())
		assert.Equal(t, []string{
			"pending not found cached, age 3 s", "pending forbidden ", "unknown unreadable ", "unknown unreadable ",
			"unknown unreadable ", "unknown unavailable ", "pending running ", "pending running ", "ready  ",
		}, monitored)
		assert.Equal(t, []string{"ready  "}, read)
		assert.Equal(t, 10, res.History.Reads())
		statuses := []int{}
		for r := range res.History.All() {
			statuses = append(statuses, r.Status)
		}
		assert.Equal(t, []int{404, 403, 200, 200, 200, 0}, statuses[:6])
	})
}

// Retry-After of a monitor is a floor too, whatever its status.
func TestMonitor_retryAfter(t *testing.T) {
	t.Parallel()
	for _, give := range []string{`200 | Retry-After: 5 | {"status":"running"}`, "202 | Retry-After: 5", "404 | Retry-After: 5", "503 | Retry-After: 5"} {
		bubble(t, give, func(t *testing.T) {
			srv := serve(t, script{
				"POST /things":  {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {give, "303 | Location: /things/7"},
				"GET /things/7": {`200 | {"v":1}`},
			}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, 1, srv.writes())
			require.Len(t, srv.reads(), 3)
			assert.GreaterOrEqual(t, srv.reads()[1].At, 5*time.Second)
			assert.LessOrEqual(t, srv.reads()[1].At, 5500*time.Millisecond)
		})
	}
}

// An operation that does not end is unconfirmed after ten minutes, and another
// process goes on with its monitor.
func TestMonitor_resumed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		operation, thing := "running", "404"
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/things":
				answer(w, "202 | Location: /ops/1")
			case "/ops/1":
				answer(w, `200 | {"status":"`+operation+`","self":"/things/7"}`)
			default:
				answer(w, thing)
			}
		}))
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{Resource: "/self"}, Name: "create thing",
		}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorIs(t, err, poll.ErrDeadline)
		assert.Equal(t, 10*time.Minute, res.Elapsed)
		handle, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		assert.JSONEq(t, `{"readback":2,"name":"create thing","goal":"present","class":"accepted","tries":1,"answered":946684800000,
			"written":{"monitor":"http://api.test/ops/1","byLocation":true,"noTarget":true,"wrote":"http://api.test/things"}}`, string(handle))

		operation = "done"
		before := len(srv.log())
		policy := everySecond
		policy.Within = 500 * time.Millisecond
		res, err = consistency.Resume(t.Context(), policy, ex.Flow(), res.Pending)
		assert.ErrorIs(t, err, poll.ErrDeadline)
		assert.Equal(t, []string{"10m0s GET /ops/1", "10m0s GET /things/7"}, srv.log()[before:before+2])

		// The end of the operation is kept: it is not asked for again.
		thing, before = `200 | {"v":1}`, len(srv.log())
		res, err = consistency.Resume(t.Context(), everySecond, ex.Flow(), res.Pending)
		assert.NoError(t, err)
		assert.Equal(t, consistency.Confirmed, res.Outcome)
		assert.Equal(t, []string{"10m0.5s GET /things/7"}, srv.log()[before:])
		assert.Equal(t, 1, srv.writes())
	})
}
