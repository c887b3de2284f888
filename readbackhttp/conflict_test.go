package readbackhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// A 409 or a 412 may be the echo of a copy of this very write, which something in
// between has sent. Where Mine can tell, there is one look.
func TestExchange_conflict(t *testing.T) {
	t.Parallel()
	mine := readbackhttp.HasJSON("/by", "me")
	put := func() readbackhttp.Exchange {
		return readbackhttp.Exchange{
			Write: with(send("PUT", api+"/things/7", `{"by":"me","v":2}`), "If-Match", `"1"`),
			Match: readbackhttp.HasJSON("/v", 2), Mine: mine,
		}
	}
	create := func() readbackhttp.Exchange {
		return readbackhttp.Exchange{
			Write: with(send("PUT", api+"/things/7", `{"by":"me","v":2}`), "If-None-Match", "*"),
			Goal:  consistency.ToPresent, Mine: mine,
		}
	}
	ours, others, old := `200 | {"by":"me","v":2}`, `200 | {"by":"you","v":2}`, `200 | {"by":"you","v":1}`
	tests := []struct {
		name   string
		give   readbackhttp.Exchange
		answer string
		reads  []string
		end    consistency.Outcome
		says   string
	}{
		{"PUT with If-Match, ours", put(), "412", []string{ours}, confirmed, ""},
		{"PUT with If-Match, another's", put(), "412", []string{others}, failed, "answered 412"},
		{"PUT with If-Match, stale", put(), "412", []string{old, ours}, failed, "answered 412"},
		{"PUT with If-Match, not there", put(), "412", []string{"404"}, failed, "answered 412"},
		{"PUT with If-Match, unavailable, then ours", put(), "412", []string{"503", "503", ours}, confirmed, ""},
		{"PUT with If-Match, unavailable, then another's", put(), "412", []string{"503", others}, failed, "answered 412"},
		{"PUT with If-Match, hidden to the end of the window", put(), "412", []string{"403"}, unconfirmed, "403"},
		{"PUT with If-Match, unauthorized", put(), "412", []string{"401"}, unconfirmed, "401"},
		{"PUT, 409, ours", put(), "409", []string{ours}, confirmed, ""},
		{"PUT, 409, another's", put(), "409", []string{others}, failed, "answered 409"},
		{"create, 409, ours", create(), "409", []string{ours}, confirmed, ""},
		{"create, 412, ours", create(), "412", []string{ours}, confirmed, ""},
		{"create, 409, another's", create(), "409", []string{others}, failed, "answered 409"},
		{"create, 409, not there", create(), "409", []string{"404"}, failed, "answered 409"},
		{"create, 409, an empty answer", create(), "409", []string{"200 | {}"}, failed, "answered 409"},
		{"create, 409, ours, then it flips", create(), "409", []string{ours, "404", ours}, confirmed, ""},
		{"another refusal is no conflict", put(), "422", []string{ours}, failed, "answered 422"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"PUT /things/7": {tt.answer}, "GET /things/7": tt.reads}.handler())
			tt.give.Client = srv.Client
			res, err := consistency.Do(t.Context(), everySecond, tt.give.Flow())
			assert.Equal(t, tt.end, res.Outcome, "%v", err)
			assert.Equal(t, 1, srv.writes())
			if tt.end != confirmed {
				assert.ErrorContains(t, err, tt.says)
				assert.LessOrEqual(t, res.Elapsed, 10*time.Second, "the window of a 403")
			}
		})
	}
}

// Without a Mine nobody looks.
func TestExchange_conflictWithoutMine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"PUT /things/7": {"412"}, "GET /things/7": {`200 | {"v":2}`}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, failed, res.Outcome, "%v", err)
		assert.Empty(t, srv.reads())
	})
}

// After a lost answer Mine proves by the document whose the thing is.
func TestExchange_mineProvesWhoseItIs(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"503", lost} {
		for name, tt := range map[string]struct {
			reads []string
			end   consistency.Outcome
			want  error
		}{
			"ours, later": {[]string{"404", "200 | {}", `200 | {"by":"me"}`}, confirmed, nil},
			"another's":   {[]string{`200 | {"by":"you"}`}, unconfirmed, consistency.ErrNotProvablyMine},
			"never":       {[]string{"404"}, unconfirmed, consistency.ErrNotProvablyMine},
		} {
			bubble(t, answer+" "+name, func(t *testing.T) {
				srv := serve(t, script{"PUT /things/7": {answer}, "GET /things/7": tt.reads}.handler())
				ex := readbackhttp.Exchange{
					Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Goal: consistency.ToPresent, Mine: readbackhttp.HasJSON("/by", "me"),
				}
				res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
				assert.Equal(t, tt.end, res.Outcome, "%v", err)
				if tt.want != nil {
					assert.ErrorIs(t, err, tt.want)
				}
			})
		}
	}
}

// A creation may have a Match: what is made again under an old name shows the old
// one first, and what is there may not be as asked yet.
func TestExchange_createWithMatch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {`201 | Location: /things/7 | {"uid":"new"}`},
			"GET /things/7": {`200 | {"uid":"old"}`, "404", `200 | {"uid":"new"}`},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Match: readbackhttp.HasJSON("/uid", "new")}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.NoError(t, err)
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7", "2s GET /things/7"}, srv.log())
		assert.JSONEq(t, `{"uid":"new"}`, string(res.Value.Body))

		// It proves nothing of whose the thing is.
		srv = serve(t, script{"PUT /things/7": {"503"}, "GET /things/7": {`200 | {"uid":"new"}`}}.handler())
		ex = readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Goal: consistency.ToPresent, Match: readbackhttp.HasJSON("/uid", "new")}
		_, err = consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
	})
}

// The state of a thing may show that its creation failed.
func TestExchange_stateShowsThatItFailed(t *testing.T) {
	t.Parallel()
	broken := `200 | {"id":7,"status":"FAILED"}`
	tests := []struct {
		name   string
		answer string
		reads  []string
		settle int
		end    consistency.Outcome
		want   []time.Duration
	}{
		{"at once", "201", []string{broken}, 0, failed, seconds(0)},
		{"after a while", "201", []string{"404", `200 | {"id":7,"status":"BUILDING"}`, broken}, 0, failed, seconds(0, 1, 2)},
		{"settles", "201", []string{broken, broken, broken}, 3, failed, seconds(0, 1, 2)},
		{"a replica shows it alone", "201", []string{broken, `200 | {"id":7,"status":"ACTIVE"}`}, 2, confirmed, seconds(0, 1, 2)},
		{"after doubt", "503", []string{broken}, 0, unconfirmed, seconds(0, 0)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, scripted(tt.answer, tt.reads...).handler())
			ex := toward(consistency.ToPresent)
			ex.Client, ex.Fault = srv.Client, readbackhttp.FaultJSON("/status", "failed")
			ex.Match = readbackhttp.HasJSON("/status", "ACTIVE")
			policy := everySecond
			policy.Settle = tt.settle
			res, err := consistency.Do(t.Context(), policy, ex.Flow())
			assert.Equal(t, tt.end, res.Outcome, "%v", err)
			assert.Equal(t, tt.want, srv.times())
			if tt.end != confirmed {
				assert.ErrorIs(t, err, consistency.ErrOperation)
				assert.ErrorContains(t, err, `/status is "FAILED"`)
			}
		})
	}
	assert.Nil(t, readbackhttp.FaultJSON("status", "failed"))
	assert.Nil(t, readbackhttp.FaultJSON("/status"))
}

// What a deleted thing looks like is Gone's to say.
func TestExchange_goneIsForTheCallerToSay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"DELETE /things/7": {"204"},
			"GET /things":      {`200 | [{"id":7}]`, "200 | []", `200 | [{"id":7}]`, "200 | []", "200 | []"},
		}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("DELETE", api+"/things/7", ""), Read: readbackhttp.URL("/things?id=7"),
			Gone: func(d *readbackhttp.Document) bool { return strings.TrimSpace(string(d.Body)) == "[]" },
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, seconds(0, 1, 2, 3, 4), srv.times())
	})
}

// Entity tags are compared weakly, and that of the write is kept in the handle.
func TestExchange_etag(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		reads := []string{`200 | Etag: "old" | {"v":1}`}
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				answer(w, `200 | Etag: "9e31"`)
				return
			}
			answer(w, reads[0])
		}))
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasETag(""), Name: "put"}
		policy := everySecond
		policy.Within = 3 * time.Second
		res, err := consistency.Do(t.Context(), policy, ex.Flow())
		assert.ErrorContains(t, err, `the ETag is "old", not "9e31"`)
		kept, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		assert.Contains(t, string(kept), `9e31`)
		var pending consistency.Pending
		require.NoError(t, json.Unmarshal(kept, &pending))

		reads[0] = `200 | Etag: W/"9e31" | {"v":2}`
		_, err = consistency.Resume(t.Context(), policy, ex.Flow(), pending)
		assert.NoError(t, err)
	})
}

// An exchange goes on without its Write, in another process that knows only what
// to read.
func TestExchange_resumedWithoutWrite(t *testing.T) {
	t.Parallel()
	template := readbackhttp.Template("/views/{id}")
	tests := []struct {
		name   string
		first  readbackhttp.Exchange
		later  readbackhttp.Exchange // without Client and Name
		answer string
		shown  string
		want   string // that is read in the end
		end    consistency.Outcome
		says   string
	}{
		{
			"a creation by its Location", readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`)},
			readbackhttp.Exchange{Goal: consistency.ToPresent}, "201 | Location: /things/7", `200 | {"v":2}`, "/things/7", confirmed, "",
		},
		{
			"a creation by a template", readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`), Read: template},
			readbackhttp.Exchange{Goal: consistency.ToPresent, Read: template}, `201 | {"id":7}`, `200 | {"v":2}`, "/views/7", confirmed, "",
		},
		{
			"an update by its own URL", readbackhttp.Exchange{Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
			readbackhttp.Exchange{Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/v", 2)}, "200", `200 | {"v":2}`, "/things/7", confirmed, "",
		},
		{
			"a monitor", readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}},
			readbackhttp.Exchange{Goal: consistency.ToPresent, Monitor: &readbackhttp.Monitor{}}, "202 | Operation-Location: /ops/1 | Location: /things/7", `200 | {"v":2}`, "/things/7", confirmed, "",
		},
		{
			"a URL whose query the handle does not keep", readbackhttp.Exchange{Write: send("PUT", api+"/things/7?key=hunter2", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
			readbackhttp.Exchange{Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/v", 2)}, "200", `200 | {"v":2}`, "", unconfirmed, "set Write, or Read",
		},
		{
			"such a URL, and where to read", readbackhttp.Exchange{Write: send("PUT", api+"/things/7?key=hunter2", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
			readbackhttp.Exchange{Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/v", 2), Read: readbackhttp.URL("?key=hunter2")}, "200", `200 | {"v":2}`, "/things/7?key=hunter2", confirmed, "",
		},
		{
			"a deletion", readbackhttp.Exchange{Write: send("DELETE", api+"/things/7", "")},
			readbackhttp.Exchange{Goal: consistency.ToAbsent}, "204", "404", "/things/7", confirmed, "",
		},
		{
			"another origin", readbackhttp.Exchange{Write: send("POST", api+"/things", `{}`)},
			readbackhttp.Exchange{Goal: consistency.ToPresent, Read: readbackhttp.URL("http://other.test/")}, "201 | Location: /things/7", `200 | {"v":2}`, "", unconfirmed, "AllowOrigin",
		},
		{
			"a lost answer to an update", readbackhttp.Exchange{Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
			readbackhttp.Exchange{Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/v", 2)}, "503", `200 | {"v":2}`, "/things/7", confirmed, "",
		},
		{
			"a lost answer to a deletion", readbackhttp.Exchange{Write: send("DELETE", api+"/things/7", "")},
			readbackhttp.Exchange{Goal: consistency.ToAbsent}, "503", "404", "/things/7", confirmed, "",
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			shown := "503"
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method != http.MethodGet:
					answer(w, tt.answer)
				case r.URL.Path == "/ops/1" && shown != "503":
					answer(w, `200 | {"status":"done"}`)
				default:
					answer(w, shown)
				}
			}))
			policy := everySecond
			policy.Within = 3 * time.Second
			tt.first.Client, tt.first.Name = srv.Client, "job"
			res, err := consistency.Do(t.Context(), policy, tt.first.Flow())
			require.Equal(t, unconfirmed, res.Outcome, "%v", err)
			kept, err := json.Marshal(res.Pending)
			require.NoError(t, err)
			assert.NotContains(t, string(kept), "hunter2")
			var pending consistency.Pending
			require.NoError(t, json.Unmarshal(kept, &pending))
			before := len(srv.reads())

			shown = tt.shown
			tt.later.Client, tt.later.Name, tt.later.Header = srv.Client, "job", http.Header{"Authorization": {"Bearer hunter2"}}
			res, err = consistency.Resume(t.Context(), policy, tt.later.Flow(), pending)
			assert.Equal(t, tt.end, res.Outcome, "%v", err)
			assert.Equal(t, 1, srv.writes())
			if reads := srv.reads(); tt.want == "" {
				assert.ErrorContains(t, err, tt.says)
				assert.Len(t, reads, before)
			} else {
				assert.Equal(t, tt.want, reads[len(reads)-1].Target)
				assert.Equal(t, "Bearer hunter2", reads[len(reads)-1].Header.Get("Authorization"))
			}

			_, err = consistency.Do(t.Context(), policy, tt.later.Flow())
			assert.ErrorIs(t, err, consistency.ErrInvalid, "it has nothing to send")
			assert.Equal(t, 1, srv.writes())
		})
	}
}

// An idempotency key in the header is no consent for net/http to send the write
// again by itself.
func TestExchange_keyIsNoConsent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var posts atomic.Int32
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go func() { // answers one request, and dies of the next
					defer conn.Close()
					r := bufio.NewReader(conn)
					for n := range 2 {
						req, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, req.Body)
						if req.Method == http.MethodPost && req.Header.Get(name) == "k1" {
							posts.Add(1)
						}
						if n == 0 {
							_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
						}
					}
				}()
			}
		}()
		url := "http://" + listener.Addr().String()
		client := &http.Client{Transport: &http.Transport{}}
		resp, err := client.Get(url) // a connection that is used again
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())

		post := with(send("POST", url, `{}`), name, "k1")
		res, err := consistency.Do(context.Background(), consistency.Policy{}, readbackhttp.Exchange{Client: client, Write: post}.Flow())
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNoFind)
		assert.EqualValues(t, 1, posts.Load(), "%s: sent once", name)
		assert.Equal(t, "k1", post.Header.Get(name), "the caller's request is left alone")
		client.CloseIdleConnections()
		require.NoError(t, listener.Close())
	}
}
