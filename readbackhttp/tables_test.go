package readbackhttp_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

var goals = []consistency.Goal{consistency.ToPresent, consistency.ToMatch, consistency.ToAbsent}

// toward returns an exchange to goal on /things/7, which its reads show as
// {"v":2}.
func toward(goal consistency.Goal) readbackhttp.Exchange {
	ex := readbackhttp.Exchange{Read: readbackhttp.URL("/things/7"), Goal: goal}
	switch goal {
	case consistency.ToPresent:
		ex.Write = send("POST", api+"/things", `{}`)
		ex.Mine = func(readbackhttp.Ref, *readbackhttp.Document) bool { return true }
	case consistency.ToMatch:
		ex.Write = send("PUT", api+"/things/7", `{}`)
		ex.Match = readbackhttp.HasJSON("/v", 2)
	default:
		ex.Write = send("DELETE", api+"/things/7", "")
	}
	return ex
}

// scripted is a script for an exchange to goal.
func scripted(write string, reads ...string) script {
	return script{"POST /things": {write}, "PUT /things/7": {write}, "DELETE /things/7": {write}, "GET /things/7": reads}
}

// times returns when the reads went out.
func (s *server) times() []time.Duration {
	var at []time.Duration
	for _, r := range s.reads() {
		at = append(at, r.At)
	}
	return at
}

func seconds(n ...int) []time.Duration {
	var at []time.Duration
	for _, s := range n {
		at = append(at, time.Duration(s)*time.Second)
	}
	return at
}

// The table "What a write's answer proves", row by row and status by status, over
// an exchange, through every door. Each write is read back by 404, then what was asked
// for.
func TestExchange_writeTable(t *testing.T) {
	t.Parallel()
	toBe, gone := goals[:2], goals[2:]
	tests := []struct {
		row      string
		statuses []int
		goals    []consistency.Goal
		class    consistency.Class
		end      consistency.Outcome
	}{
		{"2xx but 202", []int{200, 201, 203, 204, 205, 206, 207, 226, 299}, goals, consistency.Applied, confirmed},
		{"202", []int{202}, goals, consistency.Accepted, confirmed},
		{"see elsewhere", []int{301, 302, 303}, goals, consistency.Accepted, confirmed},
		{"send elsewhere", []int{307, 308}, goals, consistency.NotExecuted, failed},
		{"404, 410 to a delete", []int{404, 410}, gone, consistency.Applied, confirmed},
		{"a no", []int{400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501}, goals, consistency.Refused, failed},
		{"404, 410 otherwise", []int{404, 410}, toBe, consistency.Refused, failed},
		{"403", []int{403}, goals, consistency.Refused, failed},
		{"409, 412 without a Mine", []int{409, 412}, goals[1:], consistency.Refused, failed},
		{"429", []int{429}, goals, consistency.Refused, failed},
		{"ambiguous", []int{408, 425, 500, 502, 503, 504, 520, 524, 529}, goals, consistency.Ambiguous, confirmed},
		{"any status not listed", []int{300, 304, 305, 306, 309, 399, 407, 418, 419, 421, 423, 424, 427, 430, 499, 505, 507, 511, 599, 600, 999}, goals, consistency.Ambiguous, confirmed},
		{"lost", []int{0}, goals, consistency.Ambiguous, confirmed},
	}
	for _, tt := range tests {
		for _, goal := range tt.goals {
			for _, status := range tt.statuses {
				throughDoors(t, fmt.Sprintf("%s/%d to %s", tt.row, status, goal), func(t *testing.T, d door) {
					write, wantReads := fmt.Sprint(status), seconds(0, 1)
					if status == 0 {
						write = lost
					}
					s := scripted(write, "404", `200 | {"v":2}`)
					if goal == consistency.ToAbsent {
						s = scripted(write, "404")
					}
					if tt.end == failed {
						wantReads = nil
					}
					srv := serve(t, s.handler())
					ex := toward(goal)
					ex.Client = srv.Client
					if goal == consistency.ToPresent && tt.end == confirmed && tt.class == consistency.Ambiguous {
						wantReads = seconds(0, 1, 1) // the candidate is read, and then the thing
					}
					var class consistency.Class
					policy := everySecond
					policy.Observer = func(e consistency.Event) {
						if e.Phase == consistency.PhaseWrite {
							class = e.Class
						}
					}
					res, err := d(t.Context(), policy, ex.Flow())
					assert.Equal(t, tt.class, class)
					assert.Equal(t, tt.end, res.Outcome, "%v", err)
					assert.Equal(t, wantReads, srv.times())
					assert.Equal(t, 1, srv.writes())
				})
			}
		}
	}
}

// The table "What a read's answer says", row by row and status by status, over an
// exchange, through every door. The first read gets the answer, each later one what was asked for.
func TestExchange_readTable(t *testing.T) {
	t.Parallel()
	const present, match, absent = consistency.ToPresent, consistency.ToMatch, consistency.ToAbsent
	type shown struct {
		verdict poll.Verdict
		reason  poll.Reason
	}
	var (
		ready     = shown{poll.Ready, ""}
		notFound  = shown{poll.Pending, consistency.NotFound}
		stale     = shown{poll.Pending, consistency.Stale}
		still     = shown{poll.Pending, consistency.StillThere}
		forbidden = shown{poll.Pending, consistency.Forbidden}
		hidden    = shown{poll.Unknown, consistency.Forbidden}
		moved     = shown{poll.Unknown, "redirected or cached"}
		down      = shown{poll.Unknown, "unavailable"}
		noAnswer  = shown{poll.Unknown, "empty, which may be no answer"}
		no        = shown{poll.Stop, "refused"}
		role      = shown{poll.Stop, "role missing"}
		one, two  = seconds(0), seconds(0, 1)
		three     = seconds(0, 1, 2)
		four      = seconds(0, 1, 2, 3)
	)
	good := []string{`200 | {"v":2}`, `201 | {"v":2}`, `203 | {"v":2}`, `206 | {"v":2}`, `299 | {"v":2}`}
	other := []string{`200 | {"v":1}`, `206 | {"v":1}`}
	nothing := []string{"200 | null", "200 |  null\n", "203 | null", "200 | false"}
	empty := []string{"200", "204", "200 |  \n", "200 | []", "200 | {}", "200 | [ ]", `200 | {"items":[]}`, `200 | {"total":0,"items":[],"next":""}`}
	redirects := []string{"300", "301 | Location: /x", "302 | Location: http://other.test/", "303 | Location: /x", "304", "305", "307 | Location: /x", "308 | Location: /x", "399"}
	silent := []string{"408", "425", "429", "499", "500", "501", "502", "503", "504", "520", "599", "600", "403 | Retry-After: 1", "403 | X-Ratelimit-Remaining: 0 | X-Ratelimit-Reset: 1", lost}
	stops := []string{"400", "401", "402", "405", "406", "407", "409", "411", "412", "413", "414", "415", "416", "417", "418", "421", "422", "423", "424", "426", "428", "431", "451"}
	missing := []string{`403 | {"code":403,"message":"Forbidden"}`}
	tests := []struct {
		row  string
		give []string
		goal consistency.Goal
		want shown
		at   []time.Duration
	}{
		{"something", good, present, ready, one},
		{"something that matches", good, match, ready, one},
		{"something that does not match", other, match, stale, two},
		{"something", good, absent, still, three},
		{"nothing", nothing, present, notFound, two},
		{"nothing", nothing, match, stale, two},
		{"nothing", nothing, absent, ready, two},
		{"empty", empty, present, notFound, two},
		{"empty", empty, match, stale, two},
		{"empty is a setback", empty, absent, noAnswer, four},
		{"202", []string{"202", `202 | {"v":2}`}, present, stale, two},
		{"202", []string{"202", `202 | {"v":2}`}, match, stale, two},
		{"202", []string{"202", `202 | {"v":2}`}, absent, still, three},
		{"404", []string{"404"}, present, notFound, two},
		{"404", []string{"404"}, match, notFound, two},
		{"404", []string{"404"}, absent, ready, two},
		{"410", []string{"410"}, present, notFound, two},
		{"410", []string{"410"}, match, notFound, two},
		{"410 settles at once", []string{"410"}, absent, ready, one},
		{"403", []string{"403", `403 | {"status":403}`}, present, forbidden, two},
		{"403", []string{"403", `403 | {"status":403}`}, match, forbidden, two},
		{"403", []string{"403", `403 | {"status":403}`, missing[0]}, absent, hidden, three},
		{"role missing", missing, present, role, one},
		{"role missing", missing, match, role, one},
		{"3xx", redirects, present, moved, two},
		{"3xx", redirects, match, moved, two},
		{"3xx", redirects, absent, moved, three},
		{"says nothing", silent, present, down, two},
		{"says nothing", silent, match, down, two},
		{"is a setback", silent, absent, down, four},
		{"other 4xx", stops, present, no, one},
		{"other 4xx", stops, match, no, one},
		{"other 4xx", stops, absent, no, one},
	}
	for _, tt := range tests {
		for _, give := range tt.give {
			throughDoors(t, fmt.Sprintf("%s/%s to %s", tt.row, give, tt.goal), func(t *testing.T, d door) {
				s := scripted("200", give, `200 | {"v":2}`)
				if tt.goal == absent {
					s = scripted("200", give, "404")
				}
				srv := serve(t, s.handler())
				ex := toward(tt.goal)
				ex.Client = srv.Client
				ex.Client.Transport.(*http.Transport).DisableKeepAlives = true // or net/http repeats what is lost
				policy, reads := judged(everySecond)
				res, err := d(t.Context(), policy, ex.Flow())
				if tt.want.verdict == poll.Stop {
					assert.Equal(t, unconfirmed, res.Outcome, "the write stays what it was")
				} else {
					assert.Equal(t, confirmed, res.Outcome, "%v", err)
				}
				require.NotEmpty(t, *reads)
				first := (*reads)[0]
				assert.Equal(t, tt.want, shown{first.Verdict, first.Reason})
				if first.Verdict == poll.Unknown && len(give) > 4 && give[:4] == "403 " && tt.want == down {
					return // a Retry-After is jittered
				}
				assert.Equal(t, tt.at, srv.times())
			})
		}
	}
}

// The table "What a monitor's answer says", by what a header's monitor, a
// Location's, and one by statuses alone make of each answer, through every door. Each is followed by an
// answer that ends the operation well.
func TestExchange_monitorTable(t *testing.T) {
	t.Parallel()
	const (
		goesOn = "goes on"
		ended  = "ended"
		bad    = "failed"
		unsure = "unknown"
		stop   = "stop"
	)
	tests := []struct {
		give                          string
		byHeader, byLocation, byState string
	}{
		{"202", goesOn, goesOn, goesOn},
		{`202 | {"status":"running"}`, goesOn, goesOn, goesOn},
		{`202 | {"status":"succeeded"}`, ended, ended, goesOn},
		{`202 | {"status":"failed"}`, bad, bad, goesOn},
		{`200 | {"status":"running"}`, goesOn, goesOn, ended},
		{`200 | {"status":"succeeded"}`, ended, ended, ended},
		{`200 | {"status":"succeeded","error":null}`, ended, ended, ended},
		{`200 | {"status":"succeeded","error":{}}`, ended, ended, ended},
		{`200 | {"status":"succeeded","error":{"code":"X"}}`, bad, bad, ended},
		{`200 | {"status":"succeeded","error":"X"}`, bad, bad, ended},
		{`200 | {"done":true,"error":{"code":5}}`, bad, bad, ended},
		{`200 | {"done":false}`, goesOn, goesOn, ended},
		{`200 | {"status":"failed"}`, bad, bad, ended},
		{`200 | {"v":1}`, unsure, ended, ended},
		{"200 | <html>", unsure, ended, ended},
		{"200", unsure, ended, ended},
		{"204", ended, ended, ended},
		{"303", ended, ended, ended},
		{"410", ended, ended, ended},
		{"404", goesOn, goesOn, goesOn},
		{"301 | Location: /x", unsure, unsure, unsure},
		{"304", unsure, unsure, unsure},
		{"403", goesOn, goesOn, goesOn},
		{`403 | {"code":403,"message":"Forbidden"}`, stop, stop, stop},
		{"401", stop, stop, stop},
		{"400", stop, stop, stop},
		{"500", unsure, unsure, unsure},
		{"503", unsure, unsure, unsure},
		{"429", unsure, unsure, unsure},
		{lost, unsure, unsure, unsure},
		{`200 | Content-Length: 99 | {"status":"failed"`, unsure, unsure, ended},
	}
	for _, tt := range tests {
		for _, kind := range []struct{ name, header, want string }{
			{"header", "Operation-Location", tt.byHeader},
			{"location", "Location", tt.byLocation},
			{"statuses", "Operation-Location", tt.byState},
		} {
			throughDoors(t, tt.give+" by "+kind.name, func(t *testing.T, d door) {
				srv := serve(t, script{
					"PUT /things/7": {"202 | " + kind.header + ": /ops/1"},
					"GET /ops/1":    {tt.give, "204"},
					"GET /things/7": {`200 | {"v":2}`},
				}.handler())
				srv.Client.Transport.(*http.Transport).DisableKeepAlives = true // or net/http repeats what is lost
				ex := toward(consistency.ToMatch)
				ex.Client, ex.Monitor = srv.Client, &readbackhttp.Monitor{StatusOnly: kind.name == "statuses"}
				policy, looks := judged(everySecond)
				res, err := d(t.Context(), policy, ex.Flow())
				require.NotEmpty(t, *looks)
				first := (*looks)[0]
				switch kind.want {
				case goesOn, unsure:
					assert.Equal(t, confirmed, res.Outcome, "%v", err)
					assert.Equal(t, seconds(0, 1, 1), srv.times())
					assert.Equal(t, kind.want == unsure, first.Verdict == poll.Unknown, "%v", first)
				case ended:
					assert.Equal(t, confirmed, res.Outcome, "%v", err)
					assert.Equal(t, seconds(0, 0), srv.times())
				case bad:
					assert.Equal(t, failed, res.Outcome)
					assert.ErrorIs(t, err, consistency.ErrOperation)
					assert.Equal(t, seconds(0), srv.times())
				case stop:
					assert.Equal(t, unconfirmed, res.Outcome)
					assert.NotErrorIs(t, err, consistency.ErrOperation)
					assert.Equal(t, seconds(0), srv.times())
				}
			})
		}
	}
}
