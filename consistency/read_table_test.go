package consistency_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

const roleMissing = `{"code":403,"message":"Forbidden"}`

// shown is what read n of a run meant.
type shown struct {
	verdict poll.Verdict
	reason  poll.Reason
}

var (
	notFound   = shown{poll.Pending, consistency.NotFound}
	forbidden  = shown{poll.Pending, consistency.Forbidden}
	stale      = shown{poll.Pending, consistency.Stale}
	stillThere = shown{poll.Pending, consistency.StillThere}
	ready      = shown{poll.Ready, ""}
	redirected = shown{poll.Unknown, "redirected or cached"}
	hidden     = shown{poll.Unknown, consistency.Forbidden}
	down       = shown{poll.Unknown, "unavailable"}
	no         = shown{poll.Stop, "refused"}
)

// The table "What a read's answer says", row by row and status by status. The
// first read gets the status, each later one what was asked for.
func TestDo_readTable(t *testing.T) {
	t.Parallel()
	const unlisted = 100
	tests := []struct {
		row      string
		statuses []int
		match    bool // the value is as wanted
		goal     consistency.Goal
		want     shown
		wantAt   []time.Duration
	}{
		{"2xx", []int{200, 201, 203, 204, 205, 206, 207, 226, 299}, false, consistency.ToPresent, ready, seconds(0)},
		{"2xx, match", []int{200, 201, 203, 206, 299}, true, consistency.ToMatch, ready, seconds(0)},
		{"2xx, no match", []int{200, 201, 203, 206, 299}, false, consistency.ToMatch, stale, seconds(0, 1)},
		{"2xx", []int{200, 201, 203, 204, 205, 206, 207, 226, 299}, false, consistency.ToAbsent, stillThere, seconds(0, 1, 2)},

		{"202", []int{202}, true, consistency.ToPresent, stale, seconds(0, 1)},
		{"202", []int{202}, true, consistency.ToMatch, stale, seconds(0, 1)},
		{"202", []int{202}, true, consistency.ToAbsent, stillThere, seconds(0, 1, 2)},

		{"404", []int{404}, false, consistency.ToPresent, notFound, seconds(0, 1)},
		{"404", []int{404}, false, consistency.ToMatch, notFound, seconds(0, 1)},
		{"404", []int{404}, false, consistency.ToAbsent, ready, seconds(0, 1)},

		{"410", []int{410}, false, consistency.ToPresent, notFound, seconds(0, 1)},
		{"410", []int{410}, false, consistency.ToMatch, notFound, seconds(0, 1)},
		{"410 settles at once", []int{410}, false, consistency.ToAbsent, ready, seconds(0)},

		{"403", []int{403}, false, consistency.ToPresent, forbidden, seconds(0, 1)},
		{"403", []int{403}, false, consistency.ToMatch, forbidden, seconds(0, 1)},
		{"403", []int{403}, false, consistency.ToAbsent, hidden, seconds(0, 1, 2)},

		{"3xx", []int{300, 301, 302, 303, 304, 305, 307, 308, 399}, true, consistency.ToPresent, redirected, seconds(0, 1)},
		{"3xx", []int{300, 301, 302, 303, 304, 305, 307, 308, 399}, true, consistency.ToMatch, redirected, seconds(0, 1)},
		{"3xx", []int{300, 301, 302, 303, 304, 305, 307, 308, 399}, true, consistency.ToAbsent, redirected, seconds(0, 1, 2)},

		{"says nothing", []int{0, 408, 425, 429, 499, 500, 501, 502, 503, 504, 520, 599, unlisted, 600}, true, consistency.ToPresent, down, seconds(0, 1)},
		{"says nothing", []int{0, 408, 425, 429, 499, 500, 501, 502, 503, 504, 520, 599, unlisted, 600}, true, consistency.ToMatch, down, seconds(0, 1)},
		{"is a setback", []int{0, 408, 425, 429, 499, 500, 501, 502, 503, 504, 520, 599, unlisted, 600}, true, consistency.ToAbsent, down, seconds(0, 1, 2, 3)},

		{"other 4xx", []int{400, 401, 402, 405, 406, 407, 409, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 426, 428, 431, 451}, false, consistency.ToPresent, no, seconds(0)},
		{"other 4xx", []int{400, 401, 402, 405, 406, 407, 409, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 426, 428, 431, 451}, false, consistency.ToMatch, no, seconds(0)},
		{"other 4xx", []int{400, 401, 402, 405, 406, 407, 409, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 426, 428, 431, 451}, false, consistency.ToAbsent, no, seconds(0)},
	}
	for _, tt := range tests {
		for _, status := range tt.statuses {
			bubble(t, fmt.Sprintf("%s/%d to %s", tt.row, status, tt.goal), func(t *testing.T) {
				s := &service{
					writes: answers(200),
					reads:  []reply{{status: status, asError: status < 200}, {status: 200, version: wanted}},
				}
				if tt.match {
					s.reads[0].version = wanted
				}
				if tt.goal == consistency.ToAbsent {
					s.reads[1] = reply{status: 404}
				}
				res, err := consistency.Do(t.Context(), s.policy(), s.to(tt.goal))
				s.onePlainWrite(t, res, err)
				verdict, reason := s.judged(1)
				assert.Equal(t, tt.want, shown{verdict, reason})
				assert.Equal(t, tt.wantAt, s.readAt)
				assert.Equal(t, tt.wantAt[len(tt.wantAt)-1], res.Elapsed)
				if tt.want.verdict == poll.Stop {
					assert.Equal(t, unconfirmed, res.Outcome, "the write stays what it was")
					var cause *fault
					require.ErrorAs(t, err, &cause)
					assert.Equal(t, status, cause.status)
				} else {
					assert.Equal(t, confirmed, res.Outcome, "%v", err)
				}
			})
		}
	}
}

// A status means the same whether it comes with an error or in a value without
// one, except that a success with an error was not read.
func TestDo_readTableByValue(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		bubble(t, goal.String(), func(t *testing.T) {
			for status := 100; status < 1000; status++ {
				if status >= 200 && status < 300 {
					continue
				}
				var got [2][]shown
				for i := range got {
					s := &service{writes: answers(200), reads: []reply{{status: status, asError: true}, {status: 401}}}
					f := s.to(goal)
					if i == 1 {
						f.Read = func(ctx context.Context, w ref) (*item, error) {
							_, err := s.read(ctx, w)
							return &item{Code: err.(*fault).status, Version: wanted}, nil
						}
					}
					res, err := consistency.Do(t.Context(), s.policy(), f)
					s.onePlainWrite(t, res, err)
					for n := range s.readAt {
						verdict, reason := s.judged(n + 1)
						got[i] = append(got[i], shown{verdict, reason})
					}
				}
				require.Equal(t, got[0], got[1], "%d", status)
			}
		})
	}
}

// A success with an error was not read, whatever came with it.
func TestDo_successWithAnErrorIsNotReady(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		for _, status := range []int{200, 201, 206} {
			bubble(t, fmt.Sprintf("%d to %s", status, goal), func(t *testing.T) {
				s := &service{writes: answers(201), reads: []reply{{status: status, asError: true}, {status: 401}}}
				f := s.to(goal)
				f.Read = func(ctx context.Context, w ref) (*item, error) {
					_, err := s.read(ctx, w)
					return &item{Version: wanted}, err
				}
				res, err := consistency.Do(t.Context(), s.policy(), f)
				s.onePlainWrite(t, res, err)
				assert.Equal(t, unconfirmed, res.Outcome)
				assert.Nil(t, res.Value)
				assert.Equal(t, seconds(0, 1), s.readAt)
				verdict, reason := s.judged(1)
				want := shown{poll.Unknown, "unreadable"}
				if goal == consistency.ToAbsent {
					want = stillThere
				}
				assert.Equal(t, want, shown{verdict, reason})
			})
		}
	}
}

func TestDo_readSequences(t *testing.T) {
	t.Parallel()
	const (
		present = consistency.ToPresent
		absent  = consistency.ToAbsent
	)
	tests := []struct {
		name   string
		goal   consistency.Goal
		settle int
		reads  []int
		wantAt []time.Duration
	}{
		{"404 403 200 is one road", present, 0, []int{404, 403, 200}, seconds(0, 1, 2)},
		{"pending resets a streak", present, 3, []int{200, 404, 200, 404, 200, 200, 200}, seconds(0, 1, 2, 3, 4, 5, 6)},
		{"unknown does not", present, 3, []int{200, 503, 200, 304, 200}, seconds(0, 1, 2, 3, 4)},
		{"403 resets a streak too", present, 2, []int{200, 403, 200, 200}, seconds(0, 1, 2, 3)},
		{"two 404 in a row", absent, 0, []int{404, 200, 404, 404}, seconds(0, 1, 2, 3)},
		{"one 404 if told so", absent, 1, []int{404}, seconds(0)},
		{"five 404 if told so", absent, 5, []int{404, 404, 404, 404, 404}, seconds(0, 1, 2, 3, 4)},
		{"503 404 404 404", absent, 0, []int{503, 404, 404, 404}, seconds(0, 1, 2, 3)},
		{"404 503 404 404 404", absent, 0, []int{404, 503, 404, 404, 404}, seconds(0, 1, 2, 3, 4)},
		{"503 503 404 404 404", absent, 0, []int{503, 503, 404, 404, 404}, seconds(0, 1, 2, 3, 4)},
		{"503 200 404 404", absent, 0, []int{503, 200, 404, 404}, seconds(0, 1, 2, 3)},
		{"404 403 404", absent, 0, []int{404, 403, 404}, seconds(0, 1, 2)},
		{"404 304 404", absent, 0, []int{404, 304, 404}, seconds(0, 1, 2)},
		{"410 after 503", absent, 0, []int{503, 410}, seconds(0, 1)},
		{"410 is enough for any settle", absent, 5, []int{410}, seconds(0)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(201), reads: answers(tt.reads...)}
			p := s.policy()
			p.Settle = tt.settle
			res, err := consistency.Do(t.Context(), p, s.to(tt.goal))
			require.NoError(t, err)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, tt.wantAt, s.readAt)
			assert.Equal(t, len(tt.wantAt), res.History.Reads())
		})
	}
}

func TestDo_roleMissing(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		bubble(t, goal.String(), func(t *testing.T) {
			s := &service{
				writes: answers(201),
				reads:  []reply{{status: 403, body: roleMissing}, {status: 401}},
			}
			p := s.policy()
			p.OnForbidden = func(context.Context) { t.Error("fresh credentials do not help") }
			if goal == consistency.ToAbsent {
				p.OnForbidden = nil
			}
			res, err := consistency.Do(t.Context(), p, s.to(goal))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, unconfirmed, res.Outcome)
			verdict, _ := s.judged(1)
			if goal == consistency.ToAbsent {
				assert.Equal(t, seconds(0, 1), s.readAt)
				assert.Equal(t, poll.Unknown, verdict)
				return
			}
			assert.Equal(t, seconds(0), s.readAt)
			assert.Equal(t, poll.Stop, verdict)
			var e *consistency.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, 403, e.Status)
			assert.Equal(t, roleMissing, e.Body)
		})
	}
	bubble(t, "an instance that is not visible is lag", func(t *testing.T) {
		s := &service{
			writes: answers(201),
			reads:  []reply{{status: 403, body: `{"status":403,"message":"Forbidden"}`}, {status: 200}},
		}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
}

func TestDo_behindToken(t *testing.T) {
	t.Parallel()
	behind := func(a consistency.Answer) bool { return a.Status == 412 }
	for _, goal := range goals {
		bubble(t, "with a token, to "+goal.String(), func(t *testing.T) {
			s := &service{writes: answers(200), reads: []reply{{status: 412}, {status: 412}, {status: 200, version: wanted}}}
			if goal == consistency.ToAbsent {
				s.reads[2].status = 404
			}
			f := s.to(goal)
			f.Behind = behind
			res, err := consistency.Do(t.Context(), s.policy(), f)
			require.NoError(t, err)
			s.onePlainWrite(t, res, err)
			verdict, reason := s.judged(1)
			assert.Equal(t, shown{poll.Pending, consistency.BehindToken}, shown{verdict, reason})
			assert.Equal(t, seconds(0, 1, 2), first(3, s.readAt))
		})
	}
	bubble(t, "a token is as good as a match", func(t *testing.T) {
		s := &service{writes: answers(200), reads: answers(412, 200)}
		f := s.update()
		f.Match, f.Behind = nil, behind
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
}

// Retry-After is a floor, spread by up to a tenth, and capped by the time left.
func TestDo_retryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 503, after: 10 * time.Second}, {status: 200}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		require.Len(t, s.readAt, 2)
		assert.GreaterOrEqual(t, s.readAt[1], 10*time.Second)
		assert.LessOrEqual(t, s.readAt[1], 11*time.Second)

		s = &service{writes: answers(201), reads: []reply{{status: 429, after: time.Hour}, {status: 200}}}
		res, err = consistency.Do(t.Context(), s.policy(), s.create())
		require.NoError(t, err, "the closing read begins in time")
		s.onePlainWrite(t, res, err)
		assert.Len(t, s.readAt, 2)
		assert.Less(t, res.Elapsed, 30*time.Second)
	})
}

func TestPolicy_rules(t *testing.T) {
	t.Parallel()
	bubble(t, "go before the tables", func(t *testing.T) {
		s := &service{writes: answers(409), reads: []reply{{status: 403}, {status: 418}, {status: 404}}}
		p := s.policy()
		p.Rules = consistency.Rules{
			Write: []consistency.WriteRule{
				{From: 409, Goal: consistency.ToPresent, Class: refused},
				{From: 400, To: 499, When: func(a consistency.Answer) bool { return a.Status == 409 }, Class: applied},
			},
			Read: []consistency.ReadRule{
				{From: 403, Goal: consistency.ToPresent, Verdict: poll.Stop},
				{From: 403, Method: "HEAD", Verdict: poll.Stop},
				{From: 403, Verdict: poll.Ready}, // counts as gone
				{From: 418, Verdict: poll.Unknown, Setback: true},
				{From: 404, Verdict: poll.Ready, Settled: true},
			},
		}
		res, err := consistency.Do(t.Context(), p, s.delete())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, applied, s.class())
		assert.Equal(t, seconds(0, 1, 2), s.readAt)
	})
	bubble(t, "know the method", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(200)}
		p := s.policy()
		p.Answer = func(_ consistency.Phase, _ any, err error) (consistency.Answer, bool) {
			return consistency.Answer{Method: "PUT", Status: 503}, err != nil
		}
		p.Rules.Write = []consistency.WriteRule{
			{From: 503, Method: "POST", Class: applied},
			{From: 503, Method: "PUT", Class: refused},
		}
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, failed, res.Outcome)
	})
	bubble(t, "a tombstone", func(t *testing.T) {
		s := &service{writes: answers(204), reads: []reply{{status: 404}, {status: 400, body: `{"deleted_at":1}`}}}
		p := s.policy()
		p.Settle = 3
		p.Rules.Read = []consistency.ReadRule{{
			From: 400, Goal: consistency.ToAbsent, Verdict: poll.Ready, Settled: true,
			When: func(a consistency.Answer) bool { return string(a.Body) == `{"deleted_at":1}` },
		}}
		res, err := consistency.Do(t.Context(), p, s.delete())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
}

// Without a match, an update is confirmed by a replica that has reached the
// position of the write's answer. If that was lost there is none, and whatever is
// read proves nothing.
func TestDo_behindWithoutMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answer  int
		outcome consistency.Outcome
	}{
		{"answered", 200, confirmed},
		{"not answered", 0, unconfirmed},
		{"503", 503, unconfirmed},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(tt.answer), reads: []reply{{status: 200, version: 1}}}
			f := s.update()
			f.Match, f.Behind = nil, func(consistency.Answer) bool { return false }
			f.Find = consistency.Known(ref{ID: "7"})
			res, err := consistency.Do(t.Context(), s.policy(), f)
			assert.Equal(t, tt.outcome, res.Outcome)
			assert.Equal(t, seconds(0), s.readAt)
			if tt.outcome == confirmed {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, consistency.ErrNotProvablyMine)
			res, err = consistency.Resume(t.Context(), s.policy(), f, res.Pending)
			assert.Equal(t, unconfirmed, res.Outcome)
			require.ErrorIs(t, err, consistency.ErrNotProvablyMine)
		})
	}
}
