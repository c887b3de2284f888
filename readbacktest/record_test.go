package readbacktest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// A failed assertion says what it wanted and lists all that happened, without
// secrets.
func TestHandler_assertions(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{
		Lag: 100 * time.Millisecond, NegativeCache: 50 * time.Millisecond,
		Rules: []readbacktest.Rule{
			{On: "POST /w", Times: 1, Status: 503, Execute: readbacktest.Twice(0, 30*time.Millisecond)},
			{On: "DELETE", Cut: readbacktest.CutAnswer},
		},
	}
	const happened = `
requests:
  0s     POST    /w?api_key=REDACTED  503  rule 0, executed at once and after 30ms; Content-Type: application/json; {"name":"alpha","password":"REDACTED"}
  0s     GET     /w/1                 404
  40ms   GET     /w/1                 404  from the cache
  100ms  GET     /w/1                 200  Cache-Control: no-cache
  100ms  DELETE  /w/1                 -    rule 1, not executed, cut in place of an answer
  100ms  PATCH   /w/9                 404  refused; {"name":"beta"}
executed:
  0s    POST  /w?api_key=REDACTED  /w/1  shown from 100ms on
  30ms  POST  /w?api_key=REDACTED  /w/2  shown from 130ms on`
	inWorld(t, script, func(t *testing.T, w *world) {
		w.play(t, `
			0s POST /w?api_key=hunter2 Authorization:Bearer_hunter2 Cookie:id=hunter2 Content-Type:application/json {"name":"alpha","password":"hunter2"} = 503
			0s GET /w/1 = 404
			40ms GET /w/1 = 404
			100ms GET /w/1 Cache-Control:no-cache = 200
			100ms DELETE /w/1 = cut
			100ms PATCH /w/9 {"name":"beta"} = 404`)
		const ms = time.Millisecond
		tests := []struct {
			name   string
			assert func(t readbacktest.TestingT) bool
			want   string // empty if all is well
		}{
			{"count", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "POST /w", 1) }, ""},
			{"count by path", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "/w/{id}", 5) }, ""},
			{"count all", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "", 6) }, ""},
			{"count none", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "PUT", 0) }, ""},
			{"wrong count", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "POST /w", 2) }, "POST /w: 1 request, want 2" + happened},
			{"wrong count of all", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "", 1) }, "all: 6 requests, want 1" + happened},
			{"times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "GET /w/{id}", 0, 40*ms, 100*ms) }, ""},
			{"no times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "PUT") }, ""},
			{"wrong times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "GET", 0, 40*ms, 101*ms) }, "GET: requests at 0s, 40ms, 100ms, want 0s, 40ms, 101ms" + happened},
			{"too many times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "GET", 0, 40*ms, 100*ms, 100*ms) }, "GET: requests at 0s, 40ms, 100ms, want 0s, 40ms, 100ms, 100ms" + happened},
			{"too few times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "GET", 0, 40*ms) }, "GET: requests at 0s, 40ms, 100ms, want 0s, 40ms" + happened},
			{"times of nothing", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "PUT", 0) }, "PUT: requests at no time, want 0s" + happened},
			{"executed", func(t readbacktest.TestingT) bool { return w.AssertExecuted(t, "POST", 2) }, ""},
			{"wrongly executed", func(t readbacktest.TestingT) bool { return w.AssertExecuted(t, "POST", 1) }, "POST: 2 executions, want 1" + happened},
			{"no pattern", func(t readbacktest.TestingT) bool { return w.AssertCount(t, "post", 0) },
				`readbacktest: "post" begins with neither a method nor a slash; want it like "GET /workspaces/{id}"`},
			{"no pattern of times", func(t readbacktest.TestingT) bool { return w.AssertAt(t, "GET w") },
				`readbacktest: "GET w" is more than a method and a path; want it like "GET /workspaces/{id}"`},
			{"no pattern of executions", func(t readbacktest.TestingT) bool { return w.AssertExecuted(t, "GET /w?a=b", 0) },
				`readbacktest: "GET /w?a=b" has a query or a fragment; want it like "GET /workspaces/{id}"`},
		}
		for _, tt := range tests {
			fake := &fakeT{}
			assert.Equal(t, tt.want == "", tt.assert(fake), tt.name)
			assert.Equal(t, tt.want, fake.text(), tt.name)
			assert.False(t, fake.ended, tt.name)
		}
		for _, r := range w.Requests("") {
			assert.NotContains(t, fmt.Sprintf("%v %+v %s", r, r, r), "hunter2")
			assert.NotContains(t, r.String(), "\t")
		}
		assert.Equal(t, "0s POST /w?api_key=REDACTED /w/1 shown from 100ms on", w.Executed("")[0].String())
		assert.Panics(t, func() { w.Requests("post") })
		assert.Panics(t, func() { w.Executed("post") })
	})
}

// Of many requests a failure shows the first and the last.
func TestHandler_assertionsBounded(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{}, func(t *testing.T, w *world) {
		for i := range 100 {
			w.send(t, fmt.Sprintf("GET /w/%d", i))
		}
		fake := &fakeT{}
		w.AssertCount(fake, "", 0)
		lines := strings.Split(fake.text(), "\n")
		require.Len(t, lines, 2+40+1+40+1)
		assert.Contains(t, lines[41], "/w/39 ")
		assert.Equal(t, "  … 20 more", lines[42])
		assert.Contains(t, lines[43], "/w/60 ")
		assert.Equal(t, "executed: none", lines[83])
	})
}

// What is recorded is the caller's to change.
func TestHandler_Requests(t *testing.T) {
	t.Parallel()
	everyWay(t, readbacktest.Script{Rules: []readbacktest.Rule{{On: "PUT", Times: 1, Cut: readbacktest.CutRequest}}}, func(t *testing.T, w *world) {
		assert.NotNil(t, w.Requests(""))
		assert.NotNil(t, w.Executed(""))
		w.send(t, `PUT /w/1 {"name":"x"}`)
		time.Sleep(time.Second)
		w.send(t, `PUT /w/a%2Fb?x=1 X-Id:7 {"name":"x"}`)
		w.send(t, `DELETE /w/a%2Fb`)
		for range 2 {
			got := w.Requests("PUT /w/{id}")
			require.Len(t, got, 2)
			assert.Zero(t, got[0].Status)
			assert.Empty(t, got[0].Body)
			assert.Equal(t, "rule 0, cut before its body was read", got[0].Note)
			assert.Equal(t, time.Second, got[1].At)
			assert.Equal(t, "PUT", got[1].Method)
			assert.Equal(t, "/w/a%2Fb?x=1", got[1].Target)
			assert.Equal(t, []string{"7"}, got[1].Header["X-Id"])
			assert.Equal(t, `{"name":"x"}`, string(got[1].Body))
			assert.Equal(t, http.StatusCreated, got[1].Status)
			assert.Equal(t, "executed at once", got[1].Note)
			got[1].Header["X-Id"][0], got[1].Body[0] = "8", '-'

			made := w.Executed("/w/{id}")
			require.Len(t, made, 2)
			assert.Equal(t, time.Second, made[0].At)
			assert.Equal(t, time.Second, made[0].Shown)
			assert.Equal(t, "PUT", made[0].Method)
			assert.Equal(t, "/w/a%2Fb?x=1", made[0].Target)
			assert.Equal(t, "/w/a%2Fb", made[0].Path)
			assert.Equal(t, `{"id":"a/b","name":"x"}`, string(made[0].Body))
			assert.Nil(t, made[1].Body)
			made[0].Body[0] = '-'
		}
		w.AssertCount(t, "PUT /w/a%2Fb", 1)
		w.AssertCount(t, "PUT /w/a/b", 0)
	})
}

// From when on every replica shows a write is what reads show.
func TestExecuted_Shown(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	inWorld(t, readbacktest.Script{
		Replicas:  []readbacktest.Draw{readbacktest.Fixed(30 * ms), readbacktest.Fixed(70 * ms), readbacktest.Fixed(50 * ms)},
		Forbidden: 20 * ms, Partial: 10 * ms,
	}, func(t *testing.T, w *world) {
		shown := func(i int) time.Duration { return w.Executed("")[i].Shown }
		all := func(want int) (n int) {
			for range 3 {
				if w.send(t, "GET /w/1").status == want {
					n++
				}
			}
			return n
		}
		time.Sleep(ms)
		w.send(t, `POST /w {"name":"x"}`)
		w.send(t, `PATCH /w/1 {"name":"y"}`)
		assert.Equal(t, 101*ms, shown(0))
		assert.Equal(t, 101*ms, shown(1), "the creation holds it up")
		time.Sleep(99*ms + ms/2)
		const whole, part = `{"id":"1","name":"y"}`, `{"id":"1"}`
		for _, want := range []string{whole, part, whole} {
			assert.Equal(t, want, w.send(t, "GET /w/1").body)
		}
		time.Sleep(ms / 2)
		for range 3 {
			assert.Equal(t, whole, w.send(t, "GET /w/1").body)
		}
		deleted := time.Since(w.start)
		w.send(t, `DELETE /w/1`)
		assert.Equal(t, deleted+70*ms, shown(2))
		time.Sleep(70*ms - 1)
		assert.Equal(t, 2, all(404))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, 3, all(404))
	})
}

// What a read shows is of the time when it arrived.
func TestRequest_At(t *testing.T) {
	t.Parallel()
	everyWay(t, readbacktest.Script{Lag: 500 * time.Millisecond, NegativeCache: 2 * time.Second}, func(t *testing.T, w *world) {
		w.send(t, "PUT /w/1")
		body, late := io.Pipe()
		go func() {
			_, _ = late.Write([]byte("x"))
			time.Sleep(time.Second)
			_ = late.Close()
		}()
		req, err := http.NewRequest("GET", w.url+"/w/1", body)
		require.NoError(t, err)
		resp, err := w.client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, 404, resp.StatusCode)
		assert.Equal(t, time.Second, time.Since(w.start))
		w.AssertAt(t, "GET", 0)
		time.Sleep(time.Second - 1)
		assert.Equal(t, 404, w.send(t, "GET /w/1").status, "cached since then")
		time.Sleep(time.Nanosecond)
		assert.Equal(t, 200, w.send(t, "GET /w/1").status)
	})
}
