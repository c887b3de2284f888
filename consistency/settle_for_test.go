package consistency_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

var ways = map[string]door{"Do": consistency.Do[ref, *item], "Send and Visit": visits}

// Case A12: a state that comes and goes is not settled by reads that follow each
// other quickly.
func TestSettleFor_statesThatComeAndGo(t *testing.T) {
	t.Parallel()
	for name, run := range ways {
		for _, settleFor := range []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second} {
			bubble(t, fmt.Sprint(name, " ", settleFor), func(t *testing.T) {
				s := &service{writes: answers(200)}
				f := s.to(consistency.ToMatch)
				succeeded := func() bool {
					at := time.Since(s.answered)
					return at < 1500*time.Millisecond || at >= 11500*time.Millisecond
				}
				f.Read = func(context.Context, ref) (*item, error) {
					s.readAt = append(s.readAt, time.Since(s.answered))
					if succeeded() {
						return &item{Version: wanted}, nil
					}
					return &item{Version: 1}, nil
				}
				p := consistency.Policy{Settle: 3, SettleFor: settleFor, Observer: s.observe}
				res, err := run(t.Context(), p, f)
				require.Equal(t, confirmed, res.Outcome, "%v", err)
				last := s.readAt[len(s.readAt)-1]
				assert.Equal(t, settleFor <= time.Second, last < 1500*time.Millisecond, "confirmed at %v", last)
				if settleFor > time.Second {
					assert.GreaterOrEqual(t, last, 11500*time.Millisecond+settleFor)
					assert.LessOrEqual(t, last, 11500*time.Millisecond+settleFor+15*time.Second)
				}
			})
		}
	}
}

// Neither no change nor a 410 overrides it.
func TestSettleFor_isNotOverridden(t *testing.T) {
	t.Parallel()
	for name, run := range ways {
		bubble(t, name+": no change", func(t *testing.T) {
			s := &service{writes: answers(200), reads: []reply{{status: 200, version: wanted}}}
			f := s.to(consistency.ToMatch)
			f.NoChange = func(ref) bool { return true }
			p := s.policy()
			p.SettleFor, p.Settle = 2500*time.Millisecond, 4
			res, err := run(t.Context(), p, f)
			require.Equal(t, confirmed, res.Outcome, "%v", err)
			assert.Equal(t, 2500*time.Millisecond, s.readAt[len(s.readAt)-1])
		})
		bubble(t, name+": 410", func(t *testing.T) {
			s := &service{writes: answers(204), reads: answers(410)}
			p := s.policy()
			p.SettleFor = 2500 * time.Millisecond
			res, err := run(t.Context(), p, s.to(consistency.ToAbsent))
			require.Equal(t, confirmed, res.Outcome, "%v", err)
			assert.Equal(t, 2500*time.Millisecond, s.readAt[len(s.readAt)-1])
		})
	}
}

// The second law with a span: what is shown so early before the deadline is
// confirmed, at every edge.
func TestSettleFor_edgeOfTheDeadline(t *testing.T) {
	t.Parallel()
	const (
		within    = 20 * time.Second
		took      = 100 * time.Millisecond
		settleFor = 3 * time.Second
	)
	for name, run := range ways {
		for _, goal := range goals {
			for settle := 1; settle <= 4; settle++ {
				for _, early := range []time.Duration{0, time.Millisecond, 333 * time.Millisecond, 2 * time.Second} {
					n := max(settle, 2)
					if goal == consistency.ToAbsent {
						n = max(n, 2)
					}
					visible := within - settleFor - time.Duration(2*(n+1))*2*took - early
					bubble(t, fmt.Sprintf("%s to %s, settle %d, visible at %v", name, goal, settle, visible), func(t *testing.T) {
						s := &service{writes: []reply{{status: 200, took: took}}}
						f := s.to(goal)
						var good []time.Duration // begins of good reads
						f.Read = func(context.Context, ref) (*item, error) {
							begun := time.Since(s.answered)
							time.Sleep(took)
							is := begun >= visible
							if is {
								good = append(good, begun)
							}
							switch {
							case is == (goal == consistency.ToAbsent):
								return nil, &fault{status: 404}
							default:
								return &item{Version: wanted}, nil
							}
						}
						p := consistency.Policy{Within: within, Settle: settle, SettleFor: settleFor, Observer: s.observe}
						res, err := run(t.Context(), p, f)
						require.Equal(t, confirmed, res.Outcome, "%v", err)
						assert.GreaterOrEqual(t, good[len(good)-1]-good[0]-took, settleFor)
						assert.LessOrEqual(t, res.Elapsed, within)
					})
				}
			}
		}
	}
}

// An operation that is followed leaves the span too.
func TestSettleFor_behindAMonitor(t *testing.T) {
	t.Parallel()
	for name, run := range ways {
		bubble(t, name, func(t *testing.T) {
			s := &service{writes: []reply{{status: 202, took: 10 * time.Millisecond}}, reads: answers(200)}
			f := s.to(consistency.ToPresent)
			f.Monitor = func(context.Context, *ref) (bool, error) { return time.Since(s.answered) >= 16*time.Second, nil }
			p := consistency.Policy{Within: 20 * time.Second, SettleFor: 3 * time.Second, Observer: s.observe}
			res, err := run(t.Context(), p, f)
			assert.Equal(t, confirmed, res.Outcome, "%v", err)
		})
	}
}
