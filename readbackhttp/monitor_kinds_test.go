package readbackhttp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// An operation that is done says in many ways that nothing went wrong.
func TestMonitor_doneWithAnErrorThatSaysNothing(t *testing.T) {
	t.Parallel()
	for _, beside := range []string{
		`"error":{"code":null,"message":null}`,
		`"error":{"code":"","message":""}`,
		`"error":{"code":0,"message":""}`, // a Status of gRPC that is OK
		`"error":{"code":"","message":"","details":[],"inner":{"code":null}}`,
		`"error":[null]`,
		`"errors":[]`,
		`"errors":null`,
		`"error":null,"errors":{}`,
	} {
		course{
			strings.ReplaceAll(beside, "/", "\\"), readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":"Succeeded",` + beside + `}`},
				"GET /things/7": {`200 | {"v":2}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"},
			confirmed, "",
		}.run(t, everySecond)
	}
}

// Whatever the member is called that says what went wrong, its words are told.
func TestMonitor_whatWentWrong(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`{"status":"DONE","errors":[{"code":"QUOTA","message":"no more disks"}]}`:            "no more disks",
		`{"done":true,"errors":["no more disks"]}`:                                           "no more disks",
		`{"properties":{"provisioningState":"Succeeded","errors":{"a":"no more disks"}}}`:    "no more disks",
		`{"status":"completed","error":null,"errors":[{"code":"QUOTA"}]}`:                    "QUOTA",
		`{"status":"failed","errors":[{"detail":"no more disks"}]}`:                          "no more disks",
		`{"status":"failed","message":"no more disks"}`:                                      "no more disks",
		`{"state":"FAILED","stateMessage":"no more disks"}`:                                  "no more disks",
		`{"status":"failed","failureReason":"QUOTA_EXCEEDED"}`:                               "QUOTA_EXCEEDED",
		`{"status":"failed","result":{"title":"Quota","detail":"no more disks"}}`:            "no more disks",
		`{"status":"failed","error":{"code":"","message":"","innererror":{"code":"QUOTA"}}}`: "QUOTA",
		`{"status":"failed","error":null,"reason":"no more disks"}`:                          "no more disks",
		`{"status":"failed","message":"see https://u:hunter2@h/","token":"hunter2"}`:         "see https://h/",
	} {
		bubble(t, strings.ReplaceAll(body, "/", "\\"), func(t *testing.T) {
			srv := serve(t, script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {"200 | " + body},
				"GET /things/7": {`200 | {"v":2}`},
			}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			require.Equal(t, failed, res.Outcome, "%v", err)
			assert.True(t, errors.Is(err, consistency.ErrOperation))
			assert.ErrorContains(t, err, says)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// States are known however their words are put together.
func TestMonitor_statesOfAnySpelling(t *testing.T) {
	t.Parallel()
	there := []string{"0s POST /things", "0s GET /ops/1", "0s GET /things/7"}
	over := there[:2]
	tests := map[string]struct {
		end  consistency.Outcome
		want []string
	}{
		`"SUCCEEDED"`: {confirmed, there}, `"Complete"`: {confirmed, there}, `" done "`: {confirmed, there}, `true`: {confirmed, there},
		`"TIMED_OUT"`: {failed, over}, `"timedOut"`: {failed, over}, `"timed-out"`: {failed, over}, `"Timed out"`: {failed, over},
		`"Errored"`: {failed, over}, `"REJECTED"`: {failed, over}, `"Cancelled"`: {failed, over}, `"canceled"`: {failed, over},
	}
	for state, tt := range tests {
		course{
			state, readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":` + state + `}`},
				"GET /things/7": {`200 | {"v":2}`},
			},
			tt.want, tt.end, "the operation did not succeed",
		}.run(t, everySecond)
	}
	for _, state := range []string{`"canceling"`, `"partiallySucceeded"`, `"not_done"`, `"failing over"`, `7`, `false`} {
		c := course{
			"goes on: " + state, readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}},
			script{
				"POST /things":  {"202 | Operation-Location: /ops/1 | Location: /things/7"},
				"GET /ops/1":    {`200 | {"status":` + state + `}`, `200 | {"status":"done"}`},
				"GET /things/7": {`200 | {"v":2}`},
			},
			[]string{"0s POST /things", "0s GET /ops/1", "1s GET /ops/1", "1s GET /things/7"},
			confirmed, "",
		}
		c.run(t, everySecond)
	}
}
