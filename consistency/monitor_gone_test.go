package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Case D1: the record of an operation is gone. Then the target decides.
func TestMonitor_recordIsGone(t *testing.T) {
	t.Parallel()
	repeated := func(status, n int, then ...int) []reply {
		var replies []reply
		for range n {
			replies = append(replies, reply{status: status})
		}
		return append(replies, answers(then...)...)
	}
	tests := []struct {
		name      string
		goal      consistency.Goal
		monitored []reply
		reads     []reply
		want      consistency.Outcome
		wantAt    time.Duration // of the first read; negative if there is none
	}{
		{"404 for good, from the first on", consistency.ToAbsent, answers(404), answers(404), confirmed, 10 * time.Second},
		{"404 twice, once it was there", consistency.ToAbsent, answers(202, 404), answers(404), confirmed, 2 * time.Second},
		{"404 once, once it was there", consistency.ToPresent, answers(202, 404, 202, 200), answers(200), confirmed, 3 * time.Second},
		{"404 twice, but not in a row", consistency.ToPresent, answers(202, 404, 503, 404, 202, 200), answers(200), confirmed, 5 * time.Second},
		{"410", consistency.ToPresent, answers(410), answers(200), confirmed, 0},
		{"410, once it was there", consistency.ToPresent, answers(202, 410), answers(200), confirmed, time.Second},
		{"the target is not there", consistency.ToPresent, answers(410), answers(404), unconfirmed, 0},
		{"404 for 9 s is lag", consistency.ToPresent, repeated(404, 9, 202, 200), answers(200), confirmed, 10 * time.Second},
		{"unknown for 9 s, then 404", consistency.ToPresent, repeated(503, 12, 404), answers(200), confirmed, 12 * time.Second},
		{"403 is no answer of it", consistency.ToPresent, answers(403, 404, 404, 202, 200), answers(200), confirmed, 4 * time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			for _, way := range []func(context.Context, consistency.Policy, flow) (result, error){consistency.Do[ref, *item], visits} {
				s := &service{writes: answers(202), monitored: tt.monitored, reads: tt.reads}
				p := s.policy()
				p.Within = time.Minute
				res, err := way(t.Context(), p, s.to(tt.goal))
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
				require.NotEmpty(t, s.readAt)
				assert.Equal(t, tt.wantAt, s.readAt[0])
			}
		})
	}
}

// A wait that an adapter reckons to be over, as the time until a reset in the past, is
// none: by every door.
func TestPolicy_answerWithANegativeWait(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{-1, -time.Hour, math.MinInt64} {
		throughDoors(t, wait.String(), func(t *testing.T, d door) {
			s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(404, 503, 200)}
			p := s.policy()
			p.Answer = func(phase consistency.Phase, value any, err error) (consistency.Answer, bool) {
				var e *fault
				switch w, isRef := value.(ref); {
				case errors.As(err, &e):
					return consistency.Answer{Status: e.status, RetryAfter: wait}, true
				case isRef && err == nil:
					return consistency.Answer{Status: w.Code, RetryAfter: wait}, true
				}
				return consistency.Answer{}, false
			}
			_, err := d(t.Context(), p, s.to(consistency.ToPresent))
			require.NoError(t, err)
			assert.Equal(t, seconds(0, 1), s.monitorAt)
			assert.Equal(t, seconds(1, 2, 3), s.readAt)
			assert.Zero(t, s.events[0].RetryAfter)
		})
	}
}

// A deletion of what is not there has no operation to follow, and no more time than
// one that was applied.
func TestMonitor_notAfterA404(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410} {
		throughDoors(t, fmt.Sprint(status), func(t *testing.T, d door) {
			s := &service{writes: answers(status), monitored: answers(202), reads: answers(404)}
			res, err := d(t.Context(), s.policy(), s.to(consistency.ToAbsent))
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, applied, s.class())
			assert.Empty(t, s.monitorAt)
			assert.Equal(t, seconds(0, 1), s.readAt)

			s = &service{writes: answers(status), monitored: answers(202), reads: answers(200)}
			_, err = d(t.Context(), s.policy(), s.to(consistency.ToAbsent))
			assert.ErrorContains(t, err, "Policy.Within is 30s")
			assert.Empty(t, s.monitorAt)
		})
	}
}

// A redirect says where to read, and names no operation: as with an exchange.
func TestMonitor_notAfterARedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303} {
		throughDoors(t, fmt.Sprint(status), func(t *testing.T, d door) {
			s := &service{writes: answers(status), monitored: answers(202), reads: answers(404, 200)}
			res, err := d(t.Context(), s.policy(), s.to(consistency.ToPresent))
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Empty(t, s.monitorAt)
			assert.Equal(t, seconds(0, 1), s.readAt)
		})
	}
}

// The rules of the policy go before the table of a look, as before that of a read.
func TestMonitor_rules(t *testing.T) {
	t.Parallel()
	look := func(a consistency.Answer) bool { return a.Phase == consistency.PhaseMonitor }
	tests := []struct {
		name      string
		rule      consistency.ReadRule
		monitored []reply
		want      consistency.Outcome
		wantLooks []time.Duration
	}{
		{"a 404 that ends the run", consistency.ReadRule{From: 404, When: look, Verdict: poll.Stop}, answers(202, 404), unconfirmed, seconds(0, 1)},
		{"404s that are lag for ever", consistency.ReadRule{From: 404, When: look, Verdict: poll.Pending, Reason: consistency.NotFound}, answers(202, 404, 404, 404, 200), confirmed, seconds(0, 1, 2, 3, 4)},
		{"a 410 that says nothing", consistency.ReadRule{From: 410, When: look, Verdict: poll.Unknown}, answers(202, 410, 200), confirmed, seconds(0, 1, 2)},
		{"a 202 that ends the run", consistency.ReadRule{From: 202, When: look, Verdict: poll.Stop}, []reply{{status: 202, asError: true}}, unconfirmed, seconds(0)},
		{"a 404 that ends the operation", consistency.ReadRule{From: 404, When: look, Verdict: poll.Ready}, answers(404), confirmed, seconds(0)},
		{"of another goal", consistency.ReadRule{From: 410, Goal: consistency.ToAbsent, Verdict: poll.Stop}, answers(410), confirmed, seconds(0)},
	}
	for _, tt := range tests {
		throughDoors(t, tt.name, func(t *testing.T, d door) {
			s := &service{writes: answers(202), monitored: tt.monitored, reads: answers(200)}
			p := s.policy()
			p.Rules.Read = []consistency.ReadRule{tt.rule}
			res, err := d(t.Context(), p, s.to(consistency.ToPresent))
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.wantLooks, s.monitorAt)
		})
	}
}

// A resumed flow counts the 10 s of a record that was never there from the write's
// answer, which the handle keeps; what does not know it, from the resumption.
func TestMonitor_recordIsGoneResumed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		forget bool
		after  time.Duration
		want   time.Duration
	}{
		{"long after", false, time.Hour, 0},
		{"soon after", false, 4 * time.Second, 5 * time.Second},
		{"version 1", true, time.Hour, 10 * time.Second},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s := &service{writes: answers(202), monitored: answers(404), reads: answers(200)}
			res, _ := consistency.Do(ctx, s.policy(), s.to(consistency.ToPresent))
			require.Equal(t, unconfirmed, res.Outcome)
			time.Sleep(tt.after)
			h := stored(t, res.Pending)
			if tt.forget {
				h = unanswered(t, h, s.answered)
			}
			again := &service{answered: time.Now(), monitored: answers(404), reads: answers(200)}
			_, err := consistency.Resume(t.Context(), again.policy(), again.to(consistency.ToPresent), h)
			require.NoError(t, err)
			assert.Equal(t, seconds(tt.want.Seconds()), again.readAt)
		})
	}
}

// Case A5: any 2xx of a flow with a monitor is followed, if its answer names an
// operation.
func TestMonitor_afterAnyGoodAnswer(t *testing.T) {
	t.Parallel()
	operation := []reply{{status: 202}, {err: fmt.Errorf("%w: SkuNotAvailable: not in this region", consistency.ErrOperation)}}
	for _, status := range []int{200, 201, 202, 204} {
		for _, named := range []bool{true, false} {
			bubble(t, fmt.Sprintf("%d, named: %v", status, named), func(t *testing.T) {
				s := &service{writes: answers(status), monitored: operation, reads: answers(200)}
				f := s.to(consistency.ToPresent)
				f.Follows = func(ref) bool { return named }
				res, err := consistency.Do(t.Context(), s.policy(), f)
				s.onePlainWrite(t, res, err)
				if !named {
					require.NoError(t, err, "it has the class of its status, and nothing to follow")
					assert.Empty(t, s.monitorAt)
					assert.Equal(t, status == 202, s.class() == accepted)
					return
				}
				assert.Equal(t, accepted, s.class())
				assert.Equal(t, failed, res.Outcome)
				assert.ErrorIs(t, err, consistency.ErrOperation)
				assert.ErrorContains(t, err, "SkuNotAvailable: not in this region") // case E3
				assert.Equal(t, "w1", res.Written.ID)
				assert.Empty(t, s.readAt)
			})
		}
	}
	bubble(t, "a good answer that could not be read", func(t *testing.T) {
		s := &service{writes: []reply{{status: 200, asError: true}}, monitored: operation, reads: answers(200), found: [][]string{{"w1"}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorContains(t, err, "not known which operation to follow")
		assert.Empty(t, s.monitorAt)
		assert.Empty(t, s.readAt)
	})
}

// Case A8: of two flows the operation of one fails, and that is the cause of the
// other's context. Only its own monitor's answer counts.
func TestMonitor_siblingFails(t *testing.T) {
	t.Parallel()
	sibling := fmt.Errorf("flow 2: %w", consistency.ErrOperation)
	uncomparable := listedErrors{consistency.ErrOperation}
	tests := map[string]struct {
		cause error
		says  func(ctx context.Context) error // what the monitor returns then
	}{
		"the context's error":  {sibling, func(ctx context.Context) error { return ctx.Err() }},
		"the context's cause":  {sibling, context.Cause},
		"the cause, wrapped":   {sibling, func(ctx context.Context) error { return fmt.Errorf("get: %w", context.Cause(ctx)) }},
		"the sentinel alone":   {consistency.ErrOperation, context.Cause},
		"an *Error":            {&consistency.Error{Outcome: failed, Cause: sibling}, context.Cause},
		"uncomparable":         {uncomparable, context.Cause},
		"uncomparable, silent": {uncomparable, func(ctx context.Context) error { return ctx.Err() }},
	}
	for name, tt := range tests {
		for _, inRead := range []bool{false, true} {
			bubble(t, fmt.Sprint(name, ", while reading: ", inRead), func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(1500*time.Millisecond, func() { cancel(tt.cause) })
				s := &service{writes: answers(202), monitored: answers(202), reads: answers(404)}
				f := s.to(consistency.ToPresent)
				hang := func(ctx context.Context) error { <-ctx.Done(); return tt.says(ctx) }
				if inRead {
					s.monitored = answers(200)
					f.Read = func(ctx context.Context, _ ref) (*item, error) { return nil, hang(ctx) }
				} else {
					f.Monitor = func(ctx context.Context, _ *ref) (bool, error) { return false, hang(ctx) }
				}
				res, err := consistency.Do(ctx, s.policy(), f)
				assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
				assert.False(t, res.Pending.IsZero())
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
	}
}

// Cases D3, D19: the reads behind a monitor have their reserves and their windows.
func TestMonitor_leavesTimeForTheReads(t *testing.T) {
	t.Parallel()
	const took = 100 * time.Millisecond
	for settle := 1; settle <= 5; settle++ {
		for _, early := range []time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond} {
			// The second law: so early before the deadline it must not be missed.
			done := 20*time.Second - time.Duration(2*(settle+1))*2*took - early
			for _, way := range []func(context.Context, consistency.Policy, flow) (result, error){consistency.Do[ref, *item], visits} {
				bubble(t, fmt.Sprintf("settle %d, done at %v", settle, done), func(t *testing.T) {
					s := &service{writes: []reply{{status: 202, took: took}}}
					f := s.to(consistency.ToPresent)
					f.Monitor = func(context.Context, *ref) (bool, error) {
						begun := time.Since(s.answered)
						time.Sleep(took)
						return begun >= done, nil
					}
					f.Read = func(context.Context, ref) (*item, error) {
						time.Sleep(took)
						return &item{Version: 1}, nil
					}
					p := consistency.Policy{Within: 20 * time.Second, Settle: settle, Observer: s.observe}
					res, err := way(t.Context(), p, f)
					assert.Equal(t, confirmed, res.Outcome, "%v", err)
				})
			}
		}
	}
}

func TestMonitor_windowsCountFromItsEnd(t *testing.T) {
	t.Parallel()
	var running []reply
	for range 120 {
		running = append(running, reply{status: 202})
	}
	for _, way := range []func(context.Context, consistency.Policy, flow) (result, error){consistency.Do[ref, *item], visits} {
		bubble(t, "an operation of 2 min, then 5 s of lag", func(t *testing.T) {
			s := &service{writes: answers(202), monitored: append(running[:120:120], reply{status: 200}), reads: answers(404, 404, 404, 404, 404, 200)}
			p := s.policy()
			p.Windows.NotFound = time.Minute
			res, err := way(t.Context(), p, s.to(consistency.ToPresent))
			assert.Equal(t, confirmed, res.Outcome, "%v", err)
		})
		bubble(t, "and no longer than the window", func(t *testing.T) {
			s := &service{writes: answers(202), monitored: append(running[:120:120], reply{status: 200}), reads: answers(404)}
			p := s.policy()
			p.Windows.NotFound = 7 * time.Second
			res, err := way(t.Context(), p, s.to(consistency.ToPresent))
			assert.ErrorIs(t, err, poll.ErrWindow)
			assert.InDelta(t, 127*time.Second, res.Elapsed, float64(5*time.Millisecond))
			assert.ErrorContains(t, err, "Policy.Windows.NotFound is 7s") // case E4
		})
	}
}

// The Retry-After of the write's answer holds for the first look at the
// operation, and that of each look for the next.
func TestMonitor_retryAfter(t *testing.T) {
	t.Parallel()
	for _, way := range []func(context.Context, consistency.Policy, flow) (result, error){consistency.Do[ref, *item], visits} {
		bubble(t, "", func(t *testing.T) {
			s := &service{reads: answers(200), answered: time.Now()}
			f := s.to(consistency.ToPresent)
			f.Write = func(context.Context) (ref, error) { return ref{ID: "w1", Code: 202}, nil }
			var at []time.Duration
			f.Monitor = func(context.Context, *ref) (bool, error) {
				at = append(at, time.Since(s.answered).Round(time.Second))
				return len(at) == 3, nil
			}
			p := s.policy()
			p.Answer = func(phase consistency.Phase, _ any, _ error) (consistency.Answer, bool) {
				switch phase {
				case consistency.PhaseWrite:
					return consistency.Answer{Status: 202, RetryAfter: 20 * time.Second}, true
				case consistency.PhaseMonitor:
					return consistency.Answer{Status: 200, RetryAfter: 10 * time.Second}, true
				}
				return consistency.Answer{}, false
			}
			res, err := way(t.Context(), p, f)
			require.Equal(t, confirmed, res.Outcome, "%v", err)
			require.Len(t, at, 3)
			assert.GreaterOrEqual(t, at[0], 20*time.Second)
			assert.GreaterOrEqual(t, at[1]-at[0], 10*time.Second)
			assert.LessOrEqual(t, at[2], 42*time.Second+2*time.Second)
		})
	}
}

// A monitor that ends and leaves a reference that names nothing is looked for.
func TestMonitor_leavesNoReference(t *testing.T) {
	t.Parallel()
	for _, find := range []bool{false, true} {
		bubble(t, fmt.Sprint(find), func(t *testing.T) {
			f := consistency.Create("create", func(context.Context) (string, error) { return "op-1", nil },
				func(_ context.Context, id string) (string, error) { return id, nil })
			f.Monitor = func(_ context.Context, w *string) (bool, error) { *w = ""; return true, nil }
			if find {
				f.Find = consistency.Known("7")
			}
			res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
			if !find {
				assert.ErrorIs(t, err, consistency.ErrNoReference)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "7", res.Written)
		})
	}
}

// A failed operation after a doubtful try is no proof, however it is told.
func TestMonitor_failsInEveryWay(t *testing.T) {
	t.Parallel()
	bubble(t, "beside a status", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: []reply{{err: fmt.Errorf("%w: %w", consistency.ErrOperation, &fault{status: 200})}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrOperation)
		assert.ErrorContains(t, err, "last status 200 to a look at the operation")
	})
}
