package readbackhttp_test

import (
	"testing"

	"github.com/readback-go/readback/readbackhttp"
)

// The Location of a 202 is the operation, which may turn into what was made once it has ended.
// What shows a state or an error is no thing, unless the caller says that it is.
func TestMonitor_location(t *testing.T) {
	t.Parallel()
	tests := []course{
		{
			"Location: 202s, then the resource", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", "202", `200 | {"v":2}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "2s GET /ops/1", "2s GET /ops/1"},
			confirmed, "",
		},
		{
			"Location: 202s, then something with a state, which is no thing", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"status":"running"}`, `200 | {"status":"failed"}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: a 200 at once, which may be the operation", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {`200 | {"step":"two of five"}`, `200 | {"step":"broken"}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then a state in another spelling", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"Status":"Running"}`, `200 | {"Status":"Failed"}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then an error alone", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"error":{"code":"X"}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then a state deep inside", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"job":{"id":1,"status":"failed"}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then the state of an action that goes on", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things":   {"202 | Location: /actions/1"},
				"GET /actions/1": {"202", `200 | {"action":{"id":1,"status":"running","error":null}}`},
			},
			[]string{"0s POST /things", "0s GET /actions/1", "1s GET /actions/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then states in a list", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"steps":[{"name":"a","currentState":"broken"}]}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Azure: Location: 202s, then the resource, which has its state in its properties", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"id":"/things/7","properties":{"provisioningState":"Succeeded","powerState":"stopped"}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "1s GET /ops/1"},
			confirmed, "",
		},
		{
			"Azure: Location: 202s, then the resource, which failed", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"id":"/things/7","properties":{"provisioningState":"Failed","error":{"code":"SkuNotAvailable"}}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			failed, `its state is "failed": SkuNotAvailable`,
		},
		{
			"Azure: Location: 202s, then the resource, which something else changes", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"id":"/things/7","properties":{"provisioningState":"Updating"}}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Azure: the resource itself is the monitor", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Location: /things/7"},
				"GET /things/7": {`200 | {"v":2,"properties":{"provisioningState":"Updating"}}`, `200 | {"v":2,"properties":{"provisioningState":"Succeeded"}}`},
			},
			[]string{"0s PUT /things/7", "0s GET /things/7", "1s GET /things/7", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"Location: 202s, then plain text", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", "200 | failed"},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
		{
			"Location: 202s, then the thing with a state, as the caller knows", readbackhttp.Exchange{Write: post(), Monitor: follow, LocationOfAccepted: true},
			script{
				"POST /things":  {"202 | Location: /things/7"},
				"GET /things/7": {"202", `200 | {"v":2,"status":"active"}`},
			},
			[]string{"0s POST /things", "0s GET /things/7", "1s GET /things/7", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"Location: 202s, then the resource, whose state is that it failed", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {"202", `200 | {"v":2,"status":"Failed"}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1"},
			failed, `its state is "failed"`,
		},
		{
			"Location: 202s, then the resource of an update", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Location: /ops/1"},
				"GET /ops/1":    {"202", `200 | {"v":2}`},
				"GET /things/7": {`200 | {"v":1}`, there[0]},
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7", "2s GET /things/7"},
			confirmed, "",
		},
		{
			"Location: 303", readbackhttp.Exchange{Write: post(), Monitor: follow},
			script{
				"POST /things":  {"202 | Location: /ops/1"},
				"GET /ops/1":    {`200 | {"status":"running"}`, "303 | Location: /things/7"},
				"GET /things/7": there,
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"Location: 204 at the end", readbackhttp.Exchange{Write: put(), Match: v2, Monitor: follow},
			script{
				"PUT /things/7": {"202 | Location: /ops/1"},
				"GET /ops/1":    {"202", "204"},
				"GET /things/7": there,
			},
			[]string{"0s PUT /things/7", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		},
		{
			"no monitor: the Location of a 202 is no thing", readbackhttp.Exchange{Write: post()},
			script{
				"POST /things": {"202 | Location: /ops/1"},
				"GET /ops/1":   {`200 | {"status":"running"}`},
			},
			[]string{"0s POST /things"},
			unconfirmed, readbackhttp.ErrNoTarget.Error(),
		},
	}
	for _, tt := range tests {
		tt.run(t, everySecond)
	}
}
