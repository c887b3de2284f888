package readbackhttp_test

import (
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

// course is one exchange against a script: what was asked when, and how it ended.
type course struct {
	name   string
	give   readbackhttp.Exchange // without Client
	script script
	want   []string // requests
	end    consistency.Outcome
	says   string // in the error
}

func (c course) run(t *testing.T, policy consistency.Policy) {
	bubble(t, c.name, func(t *testing.T) {
		srv := serve(t, c.script.handler())
		c.give.Client = srv.Client
		res, err := consistency.Do(t.Context(), policy, c.give.Flow())
		assert.Equal(t, c.end, res.Outcome, "%v", err)
		assert.Equal(t, c.end, consistency.OutcomeOf(err))
		assert.Equal(t, c.want, srv.log())
		assert.Equal(t, 1, srv.writes())
		if c.end == consistency.Confirmed {
			assert.NoError(t, err)
			return
		}
		assert.ErrorContains(t, err, c.says)
	})
}

const (
	confirmed   = consistency.Confirmed
	failed      = consistency.Failed
	unconfirmed = consistency.Unconfirmed
)

// What most courses follow, want, read and send.
var (
	follow = &readbackhttp.Monitor{}
	v2     = readbackhttp.HasJSON("/v", 2)
	there  = []string{`200 | {"v":2}`}
)

func post() *http.Request { return send("POST", api+"/things", `{}`) }
func put() *http.Request  { return send("PUT", api+"/things/7", `{"v":2}`) }

// The operations of the services that people use, each with its requests and
// when they go out.
func TestMonitor_shapes(t *testing.T) {
	t.Parallel()
	at := func(template string) *readbackhttp.Monitor {
		return &readbackhttp.Monitor{At: readbackhttp.Template(template), State: "/action/status", Error: "/action/error"}
	}
	tests := []course{
		{
			"Operation-Location of a 202", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":"notStarted"}`, `200 | {"status":"running"}`, `200 | {"status":"succeeded"}`},
				"GET /things/7": {"404", there[0]},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "2s GET /things/7", "3s GET /things/7"},
			confirmed, "",
		},
		{
			"Operation-Location of a 202, which fails", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":   {`200 | {"status":"running"}`, `200 | {"status":"Failed","error":{"code":"InvalidInput","message":"no such model"}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			failed, `its state is "failed": InvalidInput: no such model`,
		},
		{
			"Azure-AsyncOperation of a 201", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {`201 | Azure-AsyncOperation: /ops/1 | {"v":2,"provisioningState":"Creating"}`},
				"GET /ops/1":    {`200 | {"status":"InProgress"}`, `200 | {"status":"Succeeded"}`},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"Azure-AsyncOperation of a 200, which fails while the thing is shown", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {`200 | Azure-AsyncOperation: /ops/1 | {"v":2}`},
				"GET /ops/1":    {`200 | {"status":"InProgress"}`, `200 | {"status":"Failed","error":{"code":"SkuNotAvailable","message":"not in this region"}}`},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1"},
			failed, "SkuNotAvailable: not in this region",
		},
		{
			"Azure-AsyncOperation of a 202, cancelled", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Azure-AsyncOperation: /ops/1 | Location: /ops/1/result"},
				"GET /ops/1":    {`200 | {"status":"Canceled"}`},
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1"},
			failed, `its state is "canceled"`,
		},
		{
			"a done state beside an error that is a number", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {`200 | {"status":"completed","error":17}`},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1"},
			failed, `its state is "completed": 17`,
		},
		{
			"a done state beside errors that are none", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {`200 | {"status":"completed","error":0}`},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "0s GET /things/7"},
			confirmed, "",
		},
		{
			"a state behind a byte order mark", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"200 | \ufeff" + `{"status":"running"}`, "200 | \ufeff" + `{"status":"failed"}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			failed, `its state is "failed"`,
		},
		{
			"Operation-Location: 204 at once", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {"204"},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "0s GET /things/7"},
			confirmed, "",
		},
		{
			"Google: done beside a response",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/v1/{+/name}")}},
			script{
				"POST /things":                    {`200 | {"name":"projects/p/operations/1"}`},
				"GET /v1/projects/p/operations/1": {`200 | {"name":"projects/p/operations/1","done":false}`, `200 | {"name":"projects/p/operations/1","done":true,"response":{"v":2}}`},
				"GET /things/7":                   there,
			},
			[]string{"0s POST /things", "0s GET /v1/projects/p/operations/1", "1s GET /v1/projects/p/operations/1", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"Google: done beside an error, though the thing was shown for a moment",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/v1/{+/name}")}},
			script{
				"POST /things":                    {`200 | {"name":"projects/p/operations/1"}`},
				"GET /v1/projects/p/operations/1": {`200 | {"name":"projects/p/operations/1","done":true,"error":{"code":8,"message":"quota exceeded"}}`},
				"GET /things/7":                   there,
			},
			[]string{"0s POST /things", "0s GET /v1/projects/p/operations/1"},
			failed, `8: quota exceeded`,
		},
		{
			"Compute: DONE beside an error",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/ops/{name}")}},
			script{
				"POST /things":  {`200 | {"name":"op-1","status":"PENDING"}`},
				"GET /ops/op-1": {`200 | {"status":"RUNNING"}`, `200 | {"status":"DONE","error":{"errors":[{"code":"QUOTA_EXCEEDED","message":"no more disks"}]}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/op-1", "1s GET /ops/op-1"},
			failed, "QUOTA_EXCEEDED",
		},
		{
			"Hetzner: an action in the body of a 201",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.Template("/things/{/server/id}"), Monitor: at("/actions/{/action/id}")},
			script{
				"POST /things":   {`201 | {"server":{"id":7},"action":{"id":1,"status":"running"}}`},
				"GET /actions/1": {`200 | {"action":{"id":1,"status":"running","error":null}}`, `200 | {"action":{"id":1,"status":"success","error":null}}`},
				"GET /things/7":  {"404", there[0]},
			},
			[]string{"0s POST /things", "0s GET /actions/1", "1s GET /actions/1", "1s GET /things/7", "2s GET /things/7"},
			confirmed, "",
		},
		{
			"Hetzner: an action that fails",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.Template("/things/{/server/id}"), Monitor: at("/actions/{/action/id}")},
			script{
				"POST /things":   {`201 | {"server":{"id":7},"action":{"id":1,"status":"running"}}`},
				"GET /actions/1": {`200 | {"action":{"id":1,"status":"error","error":{"code":"action_failed","message":"Action failed"}}}`},
			},
			[]string{"0s POST /things", "0s GET /actions/1"},
			failed, "action_failed: Action failed",
		},
		{
			"Meilisearch: a task in the body of a 202",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/tasks/{taskUid}")}},
			script{
				"POST /things":  {`202 | {"taskUid":0,"status":"enqueued"}`},
				"GET /tasks/0":  {`200 | {"uid":0,"status":"enqueued","error":null}`, `200 | {"uid":0,"status":"processing","error":null}`, `200 | {"uid":0,"status":"succeeded","error":null}`},
				"GET /things/7": there,
			},
			[]string{"0s POST /things", "0s GET /tasks/0", "1s GET /tasks/0", "2s GET /tasks/0", "2s GET /things/7"},
			confirmed, "",
		},
		{
			"Meilisearch: a task that fails",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/tasks/{taskUid}")}},
			script{
				"POST /things":  {`202 | {"taskUid":12,"status":"enqueued"}`},
				"GET /tasks/12": {`200 | {"status":"failed","error":{"message":"Index ` + "`movies`" + ` already exists.","code":"index_already_exists"}}`},
			},
			[]string{"0s POST /things", "0s GET /tasks/12"},
			failed, "index_already_exists: Index `movies` already exists.",
		},
		{
			"AWS: the state is in the thing itself",
			readbackhttp.Exchange{
				Write: post(), Read: readbackhttp.URL("/things/7"),
				Monitor: &readbackhttp.Monitor{At: readbackhttp.URL("/things/7"), State: "/DBCluster/Status", Done: []string{"available"}, Failed: []string{"incompatible-network"}},
			},
			script{
				"POST /things":  {`200 | {"DBCluster":{"Status":"creating"}}`},
				"GET /things/7": {"404", `200 | {"DBCluster":{"Status":"creating"}}`, `200 | {"DBCluster":{"Status":"Available"}}`},
			},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7", "2s GET /things/7", "2s GET /things/7"},
			confirmed, "",
		},
		{
			"AWS: the state in the thing itself is a failure",
			readbackhttp.Exchange{
				Write: post(), Read: readbackhttp.URL("/things/7"),
				Monitor: &readbackhttp.Monitor{At: readbackhttp.URL("/things/7"), State: "/Status", Done: []string{"ACTIVE"}, Failed: []string{"CREATE_FAILED"}, Error: "/StateReason"},
			},
			script{
				"POST /things":  {`200 | {"Status":"CREATING"}`},
				"GET /things/7": {`200 | {"Status":"CREATING"}`, `200 | {"Status":"CREATE_FAILED","StateReason":{"code":"NoCapacity","message":"none left"}}`},
			},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"},
			failed, "NoCapacity: none left",
		},
		{
			"plain statuses", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: &readbackhttp.Monitor{StatusOnly: true}},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {`202 | {"status":"failed"}`, "200 | running"},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		},
	}
	for _, tt := range tests {
		tt.run(t, everySecond)
	}
}

// What is done if the record of an operation is gone, or if an answer names no operation.
func TestMonitor_noRecord(t *testing.T) {
	t.Parallel()
	tests := []course{
		{
			"the record is gone with 410", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {`200 | {"status":"running"}`, "410"},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"the record of a deletion is gone with the thing", readbackhttp.Exchange{Write: send("DELETE", api+"/things/7", ""), Monitor: follow},
			script{
				"DELETE /things/7":    {"202 | Location: /things/7/ops/1"},
				"GET /things/7/ops/1": {`200 | {"status":"running"}`, "404"},
				"GET /things/7":       {"404"},
			},
			[]string{"0s DELETE /things/7", "0s GET /things/7/ops/1", "1s GET /things/7/ops/1", "2s GET /things/7/ops/1", "2s GET /things/7", "3s GET /things/7"},
			confirmed, "",
		},
		{
			"one 404 is lag, also once it has answered", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {"404", `200 | {"status":"running"}`, "404", "503", "404", `200 | {"status":"running"}`, `200 | {"status":"failed"}`},
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "3s GET /ops/1", "4s GET /ops/1", "5s GET /ops/1", "6s GET /ops/1"},
			failed, `its state is "failed"`,
		},
		{
			"never a record: 404s for ten seconds", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Operation-Location: /ops/1"},
				"GET /ops/1":    {"404"},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "3s GET /ops/1", "4s GET /ops/1", "5s GET /ops/1",
				"6s GET /ops/1", "7s GET /ops/1", "8s GET /ops/1", "9s GET /ops/1", "10s GET /ops/1", "10s GET /things/7"},
			confirmed, "",
		},
		{
			"no monitor, but another target", readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7")},
			script{
				"POST /things":  {"202 | Location: /ops/1"},
				"GET /things/7": {"404", there[0]},
			},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"the body that should name the operation is cut",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/tasks/{taskUid}")}},
			script{
				"POST /things":  {`202 | Content-Length: 99 | {"taskUid":1`},
				"GET /things/7": there,
			},
			[]string{"0s POST /things"},
			unconfirmed, "could not be read",
		},
		{
			"the body that should name the operation is no JSON",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/tasks/{taskUid}")}},
			script{
				"POST /things":  {`200 | <html>`},
				"GET /things/7": there,
			},
			[]string{"0s POST /things"},
			unconfirmed, "could not be read",
		},
		{
			"an answer that names no operation is what its status says",
			readbackhttp.Exchange{Write: post(), Read: readbackhttp.URL("/things/7"), Monitor: &readbackhttp.Monitor{At: readbackhttp.Template("/tasks/{taskUid}")}},
			script{
				"POST /things":  {`201 | {"id":7}`},
				"GET /things/7": {"404", there[0]},
			},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"},
			confirmed, "",
		},
	}
	for _, tt := range tests {
		tt.run(t, everySecond)
	}
}

// What went wrong with an operation is told in the service's words, with the
// status of the answer that said it.
func TestMonitor_words(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things": {"202 | Operation-Location: /ops/1 | Location: /things/7"},
			"GET /ops/1": {`200 | {"status":"running"}`,
				`200 | {"status":"failed","error":{"code":"SkuNotAvailable","message":"not here, see https://u:hunter2@h/?token=hunter2"}}`},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, 200, e.Status)
		assert.Equal(t, consistency.PhaseMonitor, e.Phase)
		assert.ErrorIs(t, err, consistency.ErrOperation)
		assert.Contains(t, err.Error(), `its state is "failed": SkuNotAvailable: not here`)
		assert.Contains(t, err.Error(), "last status 200 to a look at the operation")
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "202")
		var coded interface{ Code() string }
		require.ErrorAs(t, err, &coded)
		assert.Equal(t, "SkuNotAvailable", coded.Code())
		assert.Equal(t, 1, strings.Count(err.Error(), "SkuNotAvailable"), err.Error())
	})
}

// The Retry-After of the write's answer is heeded by the first look, as that of a
// look is by the next.
func TestMonitor_retryAfterOfWrite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"PUT /things/7": {"202 | Retry-After: 30 | Operation-Location: /ops/1"},
			"GET /ops/1":    {`200 | {"status":"done"}`},
			"GET /things/7": {`200 | {"v":2}`},
		}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2), Monitor: &readbackhttp.Monitor{},
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		require.Len(t, srv.reads(), 2)
		assert.GreaterOrEqual(t, srv.reads()[0].At, 30*time.Second)
		assert.LessOrEqual(t, srv.reads()[0].At, 33*time.Second)
	})
}
