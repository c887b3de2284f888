package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestDo_result(t *testing.T) {
	t.Parallel()
	bubble(t, "confirmed", func(t *testing.T) {
		s := &service{
			writes: []reply{{status: 201, took: time.Second}},
			reads:  []reply{{status: 404}, {status: 403}, {status: 200, version: 7}},
		}
		p := s.policy()
		p.Schedule = readback.Backoff{Initial: 100 * time.Millisecond, Multiplier: 2, NoJitter: true}
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, ref{ID: "w1", Code: 201}, res.Written)
		assert.Equal(t, &item{Code: 200, Version: 7}, res.Value)
		assert.Equal(t, seconds(0, 0.1, 0.3), s.readAt)
		assert.Equal(t, 300*time.Millisecond, res.Elapsed)
		assert.Equal(t, []string{"w1", "w1", "w1"}, s.readIDs)
		var statuses []int
		for read := range res.History.All() {
			statuses = append(statuses, read.Status)
		}
		assert.Equal(t, []int{404, 403, 200}, statuses)
	})
	bubble(t, "unconfirmed keeps what was written and what was read", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 200, version: 1}, {status: 503}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.update())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Equal(t, "w1", res.Written.ID)
		assert.Equal(t, &item{Code: 200, Version: 1}, res.Value)
		assert.Equal(t, "update item", res.Pending.Name())
		assert.ErrorIs(t, err, poll.ErrDeadline)
	})
	bubble(t, "failed", func(t *testing.T) {
		s := &service{writes: answers(422)}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, failed, res.Outcome)
		assert.Zero(t, res.Written)
		assert.Zero(t, res.Value)
		assert.Zero(t, res.Elapsed)
		assert.Zero(t, res.History.Reads())
	})
	bubble(t, "a first read that is not at once", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(200)}
		p := s.policy()
		p.Schedule = readback.Backoff{FirstRead: 3 * time.Second}
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(3), s.readAt)
	})
}

// A hung replica that comes back late must still be seen, whatever the goal.
func TestDo_promptAfterHungReads(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		for _, back := range []time.Duration{5 * time.Second, 20 * time.Second, 26 * time.Second} {
			bubble(t, fmt.Sprintf("back at %v to %s", back, goal), func(t *testing.T) {
				s := &service{writes: []reply{{status: 200, took: 100 * time.Millisecond}}}
				f := s.to(goal)
				f.Read = func(ctx context.Context, _ ref) (*item, error) {
					if time.Since(s.answered) < back {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					time.Sleep(50 * time.Millisecond)
					if goal == consistency.ToAbsent {
						return nil, &fault{status: 404}
					}
					return &item{Version: wanted}, nil
				}
				res, err := consistency.Do(t.Context(), s.policy(), f)
				require.NoError(t, err)
				s.onePlainWrite(t, res, err)
				assert.LessOrEqual(t, res.Elapsed, 30*time.Second)
			})
		}
	}
}

func TestDo_readTimeout(t *testing.T) {
	t.Parallel()
	bubble(t, "of the policy", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 200, took: time.Hour}, {status: 200}}}
		p := s.policy()
		p.ReadTimeout = 2 * time.Second
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 3), s.readAt)
		verdict, reason := s.judged(1)
		assert.Equal(t, down, shown{verdict, reason})
	})
	bubble(t, "10 s if not set", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 200, took: time.Hour}, {status: 200}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 11), s.readAt)
	})
	bubble(t, "is a setback for what is to be gone", func(t *testing.T) {
		s := &service{writes: answers(204), reads: []reply{{status: 404}, {took: time.Hour}, {status: 404}}}
		p := s.policy()
		p.ReadTimeout = 2 * time.Second
		res, err := consistency.Do(t.Context(), p, s.delete())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1, 4, 5, 6), s.readAt)
	})
}

func TestDo_noChange(t *testing.T) {
	t.Parallel()
	for _, unchanged := range []bool{true, false} {
		bubble(t, fmt.Sprint(unchanged), func(t *testing.T) {
			s := &service{writes: answers(200), reads: []reply{{status: 404}, {status: 200, version: 1}, {status: 200, version: wanted}, {status: 503}}}
			f := s.update()
			f.NoChange = func(w ref) bool { return w.ID == "w1" && unchanged }
			p := s.policy()
			p.Settle = 3
			res, err := consistency.Do(t.Context(), p, f)
			s.onePlainWrite(t, res, err)
			if unchanged {
				require.NoError(t, err)
				assert.Equal(t, seconds(0, 1, 2), s.readAt, "one good read is enough, if the match accepts it")
			} else {
				assert.Equal(t, unconfirmed, res.Outcome)
			}
		})
	}
	for _, status := range []int{202, 503} {
		bubble(t, fmt.Sprintf("is not asked after %d", status), func(t *testing.T) {
			s := &service{writes: answers(status), reads: answers(404, 404, 401)}
			f := s.delete()
			f.NoChange = func(ref) bool { t.Error("nobody knows yet"); return true }
			res, err := consistency.Do(t.Context(), s.policy(), f)
			require.NoError(t, err)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, seconds(0, 1), s.readAt)
		})
	}
}

// A write that was carried out at its first try changes nothing at the second:
// that is the echo of its success, which the read model may not show yet.
func TestDo_noChangeOfAnEcho(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		writes []reply
		hidden bool // the client sent the write twice by itself
		resend consistency.Resend
	}{
		{"sent again with a key", answers(503, 200), false, consistency.Resend{WithKey: time.Minute}},
		{"sent again after a lost answer", answers(0, 200), false, consistency.Resend{WithKey: time.Minute}},
		{"sent twice by the client", answers(200), true, consistency.Resend{}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: tt.writes, reads: []reply{{status: 200, version: 1}, {status: 200, version: wanted}}}
			f := s.update()
			if tt.hidden {
				send := f.Write
				f.Write = func(ctx context.Context) (ref, error) {
					trace(ctx, true)
					trace(ctx, true)
					return send(ctx)
				}
			}
			f.NoChange = func(ref) bool { return true }
			p := s.policy()
			p.Resend, p.Settle = tt.resend, 2
			res, err := consistency.Do(t.Context(), p, f)
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, seconds(0, 1, 2), s.readAt, "the stale read does not count, and two others are asked for")
		})
	}
	bubble(t, "but a try that was refused leaves none", func(t *testing.T) {
		s := &service{writes: answers(429, 200), reads: []reply{{status: 200, version: wanted}}}
		f := s.update()
		f.NoChange = func(ref) bool { return true }
		p := s.policy()
		p.Resend, p.Settle = consistency.Resend{OnRateLimited: true}, 3
		_, err := consistency.Do(t.Context(), p, f)
		require.NoError(t, err)
		assert.Equal(t, seconds(0), s.readAt)
	})
}

func TestDo_contextEndsWhileReading(t *testing.T) {
	t.Parallel()
	errStop := errors.New("shutting down")
	bubble(t, "its cause and its error are both kept", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errStop) })
		s := &service{writes: answers(201), reads: answers(404)}
		res, err := consistency.Do(ctx, s.policy(), s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Equal(t, 1500*time.Millisecond, res.Elapsed)
		assert.Equal(t, seconds(0, 1), s.readAt)
		assert.ErrorIs(t, err, errStop)
		assert.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		var last *fault
		require.ErrorAs(t, err, &last)
		assert.Equal(t, 404, last.status)
	})
	bubble(t, "its deadline bounds the flow", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := &service{writes: []reply{{status: 201, took: time.Second}}, reads: answers(404)}
		res, err := consistency.Do(ctx, s.policy(), s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Equal(t, 4*time.Second, res.Elapsed)
		assert.Equal(t, seconds(0, 1), first(2, s.readAt))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
	bubble(t, "a read that it cuts short says nothing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &service{writes: answers(201), reads: []reply{{status: 404}, {status: 200, took: time.Hour}}}
		res, err := consistency.Do(ctx, s.policy(), s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		var last *fault
		require.ErrorAs(t, err, &last, "the last whole read's error stays")
		assert.Equal(t, 404, last.status)
	})
}

// A call without an error may still have found nothing: a nil or empty value, or
// a 404 that only the value tells.
func TestDo_valuesThatAreNothing(t *testing.T) {
	t.Parallel()
	var (
		noItem     *item
		noResponse *http.Response
	)
	never(t, "nil pointer", (*item)(nil))
	never(t, "nil response", noResponse)
	never(t, "nil slice", []int(nil))
	never(t, "empty slice", []int{})
	never(t, "nil map", map[string]int(nil))
	never(t, "empty map", map[string]int{})
	never(t, "nil interface", any(nil))
	never(t, "nil pointer in an interface", any(noItem))
	never(t, "nil response in an interface", any(noResponse))
	never(t, "empty slice in an interface", any([]int{}))
	never(t, "empty map in an interface", any(map[string]int{}))
	never[fmt.Stringer](t, "nil pointer in a smaller interface", (*time.Location)(nil))
	never(t, "404 of a struct", byStruct{404})
	never(t, "404 of a pointer", &byStruct{404})
	never(t, "404 of an interface", any(byStruct{404}))
	never(t, "404 of a pointer method", byPointer{404})
	never(t, "404 by another name", byOtherName{404})
	never(t, "404 by an answer", byAnswer{404})
	never(t, "404 of a response", &http.Response{StatusCode: 404, Body: http.NoBody})
	never(t, "404 of a response without a body", &http.Response{StatusCode: 404})
	never(t, "pointer to an empty slice", &[]int{})
	never(t, "struct of zeros, without a status", byStruct{0})
	never(t, "200 of a response without a body", &http.Response{StatusCode: 200, Body: http.NoBody})

	present(t, "struct", struct{}{})
	present(t, "zero number", 0)
	present(t, "empty text", "")
	present(t, "slice of one", []int{0})
	present(t, "empty array", [0]int{})
	present(t, "200 of a struct", byStruct{200})
	present(t, "200 of a pointer method", byPointer{200})
	present(t, "200 of a response", &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("7"))})
}

type (
	byStruct    struct{ code int }
	byPointer   struct{ code int }
	byOtherName struct{ code int }
	byAnswer    struct{ code int }
)

func (v byStruct) StatusCode() int            { return v.code }
func (v *byPointer) StatusCode() int          { return v.code }
func (v byOtherName) HTTPStatusCode() int     { return v.code }
func (v byAnswer) Answer() consistency.Answer { return consistency.Answer{Status: v.code} }

func readOnce[R any](t *testing.T, value R) (shown, error) {
	t.Helper()
	var s service
	writes := 0
	p := s.policy()
	p.Within = time.Second
	_, err := consistency.Do(t.Context(), p, consistency.Create("create",
		func(context.Context) (int, error) { writes++; return 1, nil },
		func(context.Context, int) (R, error) { return value, nil }))
	assert.Equal(t, 1, writes)
	verdict, reason := s.judged(1)
	return shown{verdict, reason}, err
}

func never[R any](t *testing.T, name string, value R) {
	t.Helper()
	bubble(t, name, func(t *testing.T) {
		got, err := readOnce(t, value)
		assert.Equal(t, notFound, got)
		assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
	})
}

func present[R any](t *testing.T, name string, value R) {
	t.Helper()
	bubble(t, name, func(t *testing.T) {
		got, err := readOnce(t, value)
		assert.Equal(t, ready, got)
		assert.NoError(t, err)
	})
}

// body counts how it is used.
type body struct {
	io.Reader
	closed  *int
	drained *int
	atEnd   bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && !b.atEnd {
		b.atEnd = true
		*b.drained++
	}
	return n, err
}

func (b *body) Close() error { *b.closed++; return nil }

// The body of every response is drained and closed, so that connections are
// reused: those of pending, unknown and last reads.
func TestDo_responsesAreReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var closed, drained, writes, reads int
		respond := func(status int) *http.Response {
			return &http.Response{StatusCode: status, Body: &body{Reader: strings.NewReader("a body"), closed: &closed, drained: &drained}}
		}
		statuses := []int{404, 403, 503, 304, 202, 200}
		f := consistency.Create("create",
			func(context.Context) (string, error) { writes++; return "1", nil },
			func(context.Context, string) (*http.Response, error) {
				assert.Equal(t, reads, closed, "all before this one")
				reads++
				return respond(statuses[reads-1]), nil
			})
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		assert.Equal(t, 200, res.Value.StatusCode)
		assert.Equal(t, 1, writes)
		assert.Equal(t, 6, reads)
		assert.Equal(t, 6, closed)
		assert.Equal(t, 6, drained)
	})
}

func TestDo_concurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := consistency.Policy{Schedule: readback.Backoff{}}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				s := &service{writes: answers(201), reads: answers(404, 403, 503, 200)}
				res, err := consistency.Do(t.Context(), p, s.create())
				assert.NoError(t, err)
				s.onePlainWrite(t, res, err)
			})
		}
		wg.Wait()
	})
}

// A panic of the caller's passes through.
func TestDo_panicsPassThrough(t *testing.T) {
	t.Parallel()
	boom := func() { panic("boom") }
	s := &service{writes: answers(201), reads: answers(200)}
	f := s.create()
	f.Read = func(context.Context, ref) (*item, error) { boom(); return nil, nil }
	assert.PanicsWithValue(t, "boom", func() { _, _ = consistency.Do(t.Context(), consistency.Policy{}, f) })
	assert.Len(t, s.writeAt, 1)
}
