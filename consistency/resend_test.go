package consistency_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// writesAt returns when writes were sent, counted from the first.
func (s *service) writesAt() []time.Duration {
	var at []time.Duration
	for _, w := range s.writeAt {
		at = append(at, w.Sub(s.writeAt[0]))
	}
	return at
}

var resendAll = consistency.Resend{OnNotSent: true, OnRateLimited: true, OnMissingParent: true, WithKey: time.Minute}

// Which option lets which answer be sent again, for every answer there is.
func TestResend_options(t *testing.T) {
	t.Parallel()
	options := []struct {
		name     string
		resend   consistency.Resend
		statuses func(status int) bool // sent again
	}{
		{"zero", consistency.Resend{}, func(int) bool { return false }},
		{"not sent", consistency.Resend{OnNotSent: true}, func(int) bool { return false }},
		{"rate limited", consistency.Resend{OnRateLimited: true}, func(s int) bool { return s == 429 }},
		{"missing parent", consistency.Resend{OnMissingParent: true}, func(s int) bool { return s == 404 || s == 403 }},
		{"with key", consistency.Resend{WithKey: time.Minute}, func(s int) bool {
			return s < 200 || s == 300 || s >= 304 && s != 307 && s != 308 && s < 400 ||
				s == 407 || s == 408 || s >= 418 && s != 422 && s != 426 && s != 428 && s != 429 && s != 431 && s != 451 && s != 501
		}},
	}
	for _, tt := range options {
		bubble(t, tt.name, func(t *testing.T) {
			for status := range 600 {
				s := &service{
					writes: []reply{{status: status, asError: true}, {status: 201}},
					reads:  answers(200),
					found:  [][]string{nil, {"w1"}}, // not between the tries
				}
				p := s.policy()
				p.Resend = tt.resend
				res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
				s.told(t, res, err)
				if tt.statuses(status) {
					require.Equal(t, seconds(0, 1), s.writesAt(), "%d", status)
					require.Equal(t, confirmed, res.Outcome, "%d", status)
				} else {
					require.Len(t, s.writeAt, 1, "%d", status)
				}
			}
		})
	}
}

func TestResend_deleteIsDone(t *testing.T) {
	t.Parallel()
	bubble(t, "a 404 is the goal and no missing parent", func(t *testing.T) {
		s := &service{writes: answers(404), reads: answers(404)}
		p := s.policy()
		p.Resend = resendAll
		res, err := consistency.Do(t.Context(), p, s.delete())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
	})
}

func TestResend_waits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		writes   []reply
		resend   consistency.Resend
		within   time.Duration
		schedule readback.Schedule
		want     []time.Duration
		outcome  consistency.Outcome
	}{
		{
			name: "by the schedule", writes: answers(429, 429, 429, 201),
			resend: resendAll, schedule: readback.Backoff{Initial: 100 * time.Millisecond, Multiplier: 2, NoJitter: true},
			want: seconds(0, 0.1, 0.3, 0.7), outcome: confirmed,
		},
		{
			name: "Retry-After", writes: []reply{{status: 429, after: 7 * time.Second}, {status: 201}},
			resend: resendAll, want: seconds(0, 7), outcome: confirmed,
		},
		{
			name: "Retry-After is too long", writes: []reply{{status: 429, after: time.Hour}, {status: 201}},
			resend: resendAll, want: seconds(0), outcome: failed,
		},
		{
			name: "no longer than Within", writes: answers(429), within: 3500 * time.Millisecond,
			resend: resendAll, want: seconds(0, 1, 2, 3), outcome: failed,
		},
		{
			name: "no longer than the key is good", writes: answers(503),
			resend: consistency.Resend{WithKey: 2500 * time.Millisecond}, want: seconds(0, 1, 2), outcome: confirmed,
		},
		{
			name: "not when the key has expired", writes: answers(503),
			resend: consistency.Resend{WithKey: 2 * time.Second}, want: seconds(0, 1), outcome: confirmed,
		},
		{
			name: "the key expires during the write", writes: []reply{{status: 503, took: 2 * time.Second}},
			resend: consistency.Resend{WithKey: 2 * time.Second}, want: seconds(0), outcome: confirmed,
		},
		{
			name: "a schedule without waits", writes: answers(429, 429, 201),
			resend: resendAll, schedule: every(0), want: seconds(0, 0.01, 0.02), outcome: confirmed,
		},
		{
			name: "a schedule that gives up", writes: answers(429, 201),
			resend: resendAll, schedule: every(-1), want: seconds(0), outcome: failed,
		},
		{
			name: "one answer after the other", writes: answers(404, 429, 503, 201),
			resend: resendAll, want: seconds(0, 1, 2, 3), outcome: confirmed,
		},
		{
			name: "a refusal ends it", writes: answers(429, 429, 422, 201),
			resend: resendAll, want: seconds(0, 1, 2), outcome: failed,
		},
		{
			name: "a missing role is no missing parent", writes: []reply{{status: 403, body: roleMissing}},
			resend: resendAll, want: seconds(0), outcome: failed,
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: tt.writes, reads: answers(200), found: [][]string{nil, nil, {"w1"}}}
			p := s.policy()
			p.Resend, p.Within = tt.resend, tt.within
			if tt.schedule != nil {
				p.Schedule = tt.schedule
			}
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			s.told(t, res, err)
			assert.Equal(t, tt.want, s.writesAt())
			assert.Equal(t, tt.outcome, res.Outcome, "%v", err)
		})
	}
}

// Once a try was ambiguous, a refusal of a later one may be the echo of its
// success: what is there decides.
func TestResend_refusalAfterAmbiguousTry(t *testing.T) {
	t.Parallel()
	const keyTime = 1500 * time.Millisecond // enough for two tries
	for _, last := range []int{409, 412, 422, 404, 403, 400, 307} {
		bubble(t, fmt.Sprintf("%d, ours is there", last), func(t *testing.T) {
			s := &service{writes: answers(503, last), reads: answers(200), found: [][]string{nil, {"x", "w1"}}}
			p := s.policy()
			p.Resend.WithKey = keyTime
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			require.NoError(t, err)
			s.told(t, res, err)
			assert.Len(t, s.writeAt, 2)
			assert.Equal(t, "w1", res.Written.ID)
			assert.Len(t, s.findAt, 2)
		})
		bubble(t, fmt.Sprintf("%d, another's is there", last), func(t *testing.T) {
			s := &service{writes: answers(503, last), reads: answers(200), found: [][]string{{"x"}}}
			p := s.policy()
			p.Resend.WithKey = keyTime
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			s.told(t, res, err)
			assert.Len(t, s.writeAt, 2)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
			assert.Equal(t, 2*time.Minute, res.Elapsed, "in the ambiguous window")
		})
		bubble(t, fmt.Sprintf("%d, without a Find", last), func(t *testing.T) {
			s := &service{writes: answers(503, last)}
			p := s.policy()
			p.Resend.WithKey = keyTime
			res, err := consistency.Do(t.Context(), p, s.create())
			s.told(t, res, err)
			assert.Len(t, s.writeAt, 2)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNoFind)
		})
	}
	bubble(t, "429 after an ambiguous try", func(t *testing.T) {
		s := &service{writes: answers(503, 429, 201), reads: answers(200)}
		p := s.policy()
		p.Resend = resendAll
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.told(t, res, err)
		assert.Len(t, s.writeAt, 3)
	})
}

func TestResend_contextEndsWhileWaiting(t *testing.T) {
	t.Parallel()
	bubble(t, "429", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &service{writes: answers(429)}
		p := s.policy()
		p.Resend = resendAll
		began := time.Now()
		res, err := consistency.Do(ctx, p, s.to(consistency.ToPresent))
		s.told(t, res, err)
		assert.Equal(t, seconds(0, 1), s.writesAt())
		assert.Equal(t, 1500*time.Millisecond, time.Since(began))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, failed, res.Outcome)
		assert.Empty(t, s.readAt)
	})
	bubble(t, "cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
		s := &service{writes: answers(503), reads: answers(200), found: [][]string{nil}}
		p := s.policy()
		p.Resend = resendAll
		began := time.Now()
		res, err := consistency.Do(ctx, p, s.to(consistency.ToPresent))
		s.told(t, res, err)
		assert.Equal(t, 1500*time.Millisecond, time.Since(began))
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Empty(t, s.readAt)
	})
}

// An ambiguous write that cannot be sent again before the context's deadline is
// read back in the time that is left.
func TestResend_noTimeLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &service{writes: answers(503), reads: answers(200), found: [][]string{nil, {"w1"}}}
		p := s.policy()
		p.Resend = resendAll
		began := time.Now()
		res, err := consistency.Do(ctx, p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.told(t, res, err)
		assert.Equal(t, seconds(0, 1), s.writesAt())
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// No try is waited for that would leave too little time for the reads.
func TestResend_leavesTimeForTheReads(t *testing.T) {
	t.Parallel()
	bubble(t, "before the context's deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		slow := reply{status: 200, took: 900 * time.Millisecond}
		s := &service{writes: []reply{{status: 503, took: time.Second}}, reads: []reply{slow}, found: [][]string{{"w1"}}}
		p := s.policy()
		p.Schedule = readback.Every(5 * time.Second)
		p.Resend = resendAll
		res, err := consistency.Do(ctx, p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Len(t, s.writeAt, 1)
	})
	bubble(t, "that span a time, before the end of Within", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(200), found: [][]string{{"w1"}}}
		p := s.policy()
		p.Schedule, p.Within, p.SettleFor = readback.Every(6*time.Second), 8*time.Second, 4*time.Second
		p.Resend = resendAll
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Len(t, s.writeAt, 1)
	})
}

func TestResend_onNotSent(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{true, false} {
		bubble(t, fmt.Sprint(allowed), func(t *testing.T) {
			site := newSite(t, onPost(status(201)))
			dial := unreachable(site, 2)
			var s service
			p := s.policy()
			p.Resend.OnNotSent = allowed
			_, err := consistency.Do(t.Context(), p, site.create())
			if !allowed {
				assert.ErrorIs(t, err, consistency.ErrFailed)
				assert.Equal(t, 1, *dial)
				assert.Zero(t, site.posts.Load())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 3, *dial)
			assert.EqualValues(t, 1, site.posts.Load())
		})
	}
	bubble(t, "is no word for what was sent and lost", func(t *testing.T) {
		site := newSite(t, onPost(lost))
		var s service
		p := s.policy()
		p.Resend.OnNotSent = true
		_, err := consistency.Do(t.Context(), p, site.create())
		assert.ErrorIs(t, err, consistency.ErrNoFind)
		assert.EqualValues(t, 1, site.posts.Load())
	})
	bubble(t, "nor for what was sent elsewhere", func(t *testing.T) {
		s := &service{writes: answers(307)}
		p := s.policy()
		p.Resend.OnNotSent = true
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, failed, res.Outcome)
	})
}

// unreachable makes the first n dials of site fail, and counts all.
func unreachable(site *site, n int) *int {
	transport := site.client.Transport.(*http.Transport)
	dial, dials := transport.DialContext, new(int)
	transport.DialContext = func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		if *dials++; *dials <= n {
			return nil, errLost
		}
		return dial(ctx, network, addr)
	}
	return dials
}
