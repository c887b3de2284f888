package readbacktest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/readback-go/readback/readbacktest"
)

// What reads show of what was written, and when.
func TestScript_lag(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	alpha := map[string]string{"/w/a": `{"name":"alpha"}`}
	for _, s := range []story{
		{name: "404, then 403, then 200", script: readbacktest.Script{Lag: 80 * ms, Forbidden: 40 * ms}, lines: `
			0s POST /w {"name":"alpha"} = 201 {"id":"1","name":"alpha"}
			0s GET /w/1 = 404 {"message":"Not Found","status":404}
			79ms GET /w/1 = 404
			80ms GET /w/1 = 403 {"message":"Forbidden","status":403}
			80ms GET /w = 200 []
			119ms GET /w/1 = 403
			120ms GET /w/1 = 200 {"id":"1","name":"alpha"}
			120ms GET /w = 200 [{"id":"1","name":"alpha"}]`},
		{name: "partial", script: readbacktest.Script{Lag: 10 * ms, Forbidden: 10 * ms, Partial: 10 * ms}, lines: `
			0s POST /w {"name":"alpha"} = 201
			19ms GET /w/1 = 403
			20ms GET /w/1 = 200 Etag: {"id":"1"}
			20ms GET /w = 200 [{"id":"1"}]
			20ms GET /w?id=1 = 200 [{"id":"1"}]
			20ms GET /w?name=alpha = 200 []
			30ms GET /w/1 = 200 Etag:"1" {"id":"1","name":"alpha"}`},
		{name: "stale after an update", script: readbacktest.Script{Existing: alpha, Lag: 50 * ms, Forbidden: time.Second, Partial: time.Second}, lines: `
			0s PATCH /w/a {"name":"beta"} = 200 Etag:"2" {"id":"a","name":"beta"}
			49ms GET /w/a = 200 Etag:"1" {"id":"a","name":"alpha"}
			49ms GET /w = 200 [{"id":"a","name":"alpha"}]
			50ms GET /w/a = 200 Etag:"2" {"id":"a","name":"beta"}`},
		{name: "the write side is not behind", script: readbacktest.Script{Lag: time.Hour}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s PATCH /w/1 {"plan":"pro"} = 200 {"id":"1","name":"alpha","plan":"pro"}
			0s DELETE /w/1 If-Match:"2" = 204
			0s DELETE /w/1 = 404`},
		{name: "still there after a deletion", script: readbacktest.Script{Existing: alpha, Lag: 50 * ms}, lines: `
			0s DELETE /w/a = 204
			49ms GET /w/a = 200 {"id":"a","name":"alpha"}
			49ms GET /w = 200 [{"id":"a","name":"alpha"}]
			50ms GET /w/a = 404
			50ms GET /w = 200 []`},
		{name: "410", script: readbacktest.Script{Existing: alpha, Lag: 50 * ms, Tombstone: readbacktest.Gone}, lines: `
			0s DELETE /w/a = 204
			49ms GET /w/a = 200
			50ms GET /w/a = 410
			50ms DELETE /w/a = 410
			50ms GET /w = 200 []
			60ms PUT /w/a {"name":"beta"} = 201
			109ms GET /w/a = 410
			110ms GET /w/a = 200 {"id":"a","name":"beta"}`},
		{name: "deleted_at", script: readbacktest.Script{Existing: alpha, Lag: 50 * ms, Tombstone: readbacktest.DeletedAt, Skew: time.Hour}, lines: `
			2s DELETE /w/a = 204
			2.05s GET /w/a = 200 Etag: {"deleted_at":"2000-01-01T01:00:02Z","id":"a"}
			2.05s GET /w = 200 []`},
		{name: "replicas that flip", script: readbacktest.Script{Replicas: []readbacktest.Draw{
			readbacktest.Fixed(0), readbacktest.Fixed(time.Minute),
		}}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s GET /w/1 = 200
			0s GET /w/1 = 404
			0s GET /w/1 = 200
			0s GET /w/1 = 404
			0s GET /w/1 = 200
			0s GET /w = 200 []
			1m GET /w/1 = 200
			1m GET /w/1 = 200`},
		{name: "reads that reach no replica are no turn", script: readbacktest.Script{
			Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(time.Minute)},
			Rules: []readbacktest.Rule{
				{On: "GET", Skip: 1, Times: 2, Status: 503}, {On: "GET", Skip: 1, Times: 1, Cut: readbacktest.CutAnswer},
			},
		}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s GET /w/1 = 200
			0s GET /w/1 = 503
			0s GET /w/1 = 503
			1ms GET /w/1 = cut
			1ms GET /w/1 = 404
			1ms GET /w/1 = 200`},
		{name: "replicas as picked", script: readbacktest.Script{
			Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(time.Minute)},
			Pick:     func(n int) int { return min(1, n/2) },
		}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s GET /w/1 = 200
			0s GET /w/1 = 200
			0s GET /w/1 = 404
			0s GET /w/1 = 404`},
		{name: "each write has its lag", script: readbacktest.Script{
			LagFrom: func(r *rand.Rand) time.Duration { return 50*ms - time.Duration(r.IntN(10)) },
			Rules: []readbacktest.Rule{
				{On: "POST /w", Times: 1, Lag: readbacktest.Fixed(10 * ms), Forbidden: readbacktest.Fixed(5 * ms)},
				{On: "PATCH /w/{id}", Lag: readbacktest.Fixed(0)},
			},
		}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s POST /w {"name":"beta"} = 201
			9ms GET /w/1 = 404
			10ms GET /w/1 = 403
			15ms GET /w/1 = 200
			49ms GET /w/2 = 404
			50ms GET /w/2 = 200
			50ms PATCH /w/1 {"name":"gamma"} = 200
			50ms GET /w/1 = 200 {"id":"1","name":"gamma"}`},
		{name: "what was shown stays", script: readbacktest.Script{
			Existing: alpha,
			Rules: []readbacktest.Rule{
				{On: "PUT", Times: 1, Lag: readbacktest.Fixed(time.Second)},
				{On: "PUT", Times: 1, Lag: readbacktest.Fixed(10 * ms)},
			},
		}, lines: `
			0s PUT /w/a {"v":1} = 200
			0s PUT /w/a {"v":2} = 200
			9ms GET /w/a = 200 {"id":"a","name":"alpha"}
			10ms GET /w/a = 200 {"id":"a","v":2}
			1s GET /w/a = 200 {"id":"a","v":2}`},
		{name: "an update overtakes its creation", script: readbacktest.Script{
			Lag: 50 * ms, Forbidden: 50 * ms,
			Rules: []readbacktest.Rule{{On: "PATCH", Lag: readbacktest.Fixed(0)}},
		}, lines: `
			0s POST /w {"name":"alpha"} = 201
			10ms GET /w/1 = 404
			10ms PATCH /w/1 {"name":"beta"} = 200
			10ms GET /w/1 = 403
			99ms GET /w/1 = 403
			100ms GET /w/1 = 200 {"id":"1","name":"beta"}`},
		{name: "lists lag more", script: readbacktest.Script{Existing: alpha, Lag: 10 * ms, ListLag: 30 * ms}, lines: `
			0s GET /w = 200 [{"id":"a","name":"alpha"}]
			0s POST /w {"name":"beta"} = 201
			10ms GET /w/1 = 200
			39ms GET /w = 200 [{"id":"a","name":"alpha"}]
			40ms GET /w = 200 [{"id":"a","name":"alpha"},{"id":"1","name":"beta"}]`},
		{name: "a 404 that is cached", script: readbacktest.Script{Lag: 10 * ms, NegativeCache: 3 * time.Second}, lines: `
			0s POST /w {"name":"alpha"} = 201
			0s GET /w/1 = 404 Age: X-Cache:
			500ms GET /w/1 Cache-Control:no-cache = 404 Age:0 X-Cache:HIT {"message":"Not Found","status":404}
			500ms HEAD /w/1 = 404 X-Cache:HIT
			500ms GET /w/1?fresh=1 = 200 X-Cache:
			2.999s GET /w/1 = 404 Age:2
			3s GET /w/1 = 200 Age: X-Cache:
			5s GET /w/9 = 404 Age: X-Cache:
			7.5s GET /w/9 = 404 Age:2 X-Cache:HIT`},
		{name: "other answers are not cached", script: readbacktest.Script{Forbidden: 10 * ms, NegativeCache: time.Hour}, lines: `
			0s DELETE /w/1 = 404
			0s PUT /w/1 {"name":"alpha"} = 201
			0s GET /w/1 = 403
			10ms GET /w/1 = 200`},
	} {
		s.tell(t)
	}
}
