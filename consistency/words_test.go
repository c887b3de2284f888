package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// odd errors: of types that cannot be compared, and whose methods panic.
type (
	oddStruct  struct{ list []string }
	oddMap     map[string]string
	oddInside  struct{ in any } // of a type that can be compared, with a value that cannot
	nilPointer struct{ status int }
	nilMap     map[string]int
	panics     struct{}
	panicsAs   struct{}
	panicsIs   struct{}
	panicsWrap struct{}
)

func (oddStruct) Error() string       { return "odd struct" }
func (oddMap) Error() string          { return "odd map" }
func (oddInside) Error() string       { return "odd inside" }
func (p *nilPointer) Error() string   { return fmt.Sprint("nil pointer ", p.status) }
func (p *nilPointer) StatusCode() int { return p.status }
func (m nilMap) Error() string        { return "nil map" }
func (m nilMap) StatusCode() int      { m["a"]++; return 404 }
func (panics) Error() string          { panic("text") }
func (panics) StatusCode() int        { panic("status") }
func (panicsAs) Error() string        { return "panics in As" }
func (panicsAs) As(any) bool          { panic("as") }
func (panicsIs) Error() string        { return "panics in Is" }
func (panicsIs) Is(error) bool        { panic("is") }
func (panicsWrap) Error() string      { return "panics in Unwrap" }
func (panicsWrap) Unwrap() error      { panic("unwrap") }

var oddErrors = map[string]error{
	"struct with a slice":        oddStruct{[]string{"a"}},
	"map":                        oddMap{"a": "b"},
	"struct with any of a slice": oddInside{[]int{1}},
	"typed nil":                  (*nilPointer)(nil),
	"nil map":                    nilMap(nil),
	"panics":                     panics{},
	"panics in As":               panicsAs{},
	"panics in Is":               panicsIs{},
	"panics in Unwrap":           panicsWrap{},
	"wrapped":                    fmt.Errorf("wrapped: %w", oddStruct{[]string{"a"}}),
	"joined":                     errors.Join(oddStruct{}, (*nilPointer)(nil), oddInside{[]int{}}),
}

// Cases E1, E2: no error of a user's can panic in a comparison or a method,
// wherever it comes from.
func TestErrors_ofAnyMake(t *testing.T) {
	t.Parallel()
	use := func(t *testing.T, err error) {
		require.Error(t, err)
		_ = err.Error()
		_, _ = json.Marshal(err)
		for _, target := range []error{consistency.ErrFailed, consistency.ErrOperation, context.Canceled, oddStruct{}, oddInside{[]int{1}}} {
			_ = errors.Is(err, target)
		}
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
	}
	for name, odd := range oddErrors {
		places := map[string]func(t *testing.T, s *service, p *consistency.Policy, f *flow, ctx context.Context) context.Context{
			"write": func(_ *testing.T, s *service, _ *consistency.Policy, _ *flow, ctx context.Context) context.Context {
				s.writes = []reply{{err: odd}}
				return ctx
			},
			"read": func(_ *testing.T, s *service, _ *consistency.Policy, _ *flow, ctx context.Context) context.Context {
				s.reads = []reply{{err: odd}}
				return ctx
			},
			"stop": func(_ *testing.T, s *service, _ *consistency.Policy, _ *flow, ctx context.Context) context.Context {
				s.reads = []reply{{err: consistency.As(refused, odd)}}
				return ctx
			},
			"find": func(_ *testing.T, s *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				s.writes = answers(503)
				f.Find = func(context.Context) ([]ref, error) { return nil, odd }
				return ctx
			},
			"monitor": func(_ *testing.T, _ *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				f.Monitor = func(context.Context, *ref) (bool, error) { return false, odd }
				return ctx
			},
			"fault": func(_ *testing.T, s *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				s.reads = []reply{{status: 200, version: 1}}
				f.Fault = func(ref, *item) error { return odd }
				return ctx
			},
			"started": func(_ *testing.T, _ *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				f.Started = func(context.Context, consistency.Pending) error { return odd }
				return ctx
			},
			"not carried out": func(_ *testing.T, s *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				s.writes = answers(503)
				f.Find = func(context.Context) ([]ref, error) { return nil, consistency.NotCarriedOut(odd) }
				return ctx
			},
			"cause of the context": func(t *testing.T, _ *service, _ *consistency.Policy, _ *flow, ctx context.Context) context.Context {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(1500*time.Millisecond, func() { cancel(odd) })
				return ctx
			},
			"cause that a read returns": func(t *testing.T, s *service, _ *consistency.Policy, f *flow, ctx context.Context) context.Context {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(1500*time.Millisecond, func() { cancel(odd) })
				f.Read = func(ctx context.Context, _ ref) (*item, error) { <-ctx.Done(); return nil, context.Cause(ctx) }
				return ctx
			},
		}
		for place, put := range places {
			bubble(t, name+"/"+place, func(t *testing.T) {
				s := &service{writes: answers(201), reads: answers(404)}
				p, f := s.policy(), s.create()
				p.Within = 3 * time.Second
				ctx := put(t, s, &p, &f, t.Context())
				assert.NotPanics(t, func() {
					_, err := consistency.Do(ctx, p, f)
					use(t, err)
					for _, e := range s.events {
						_ = e.String()
					}
				})
			})
		}
	}
}

// Case E4: an error says the reason seen last, what was seen, and what ended the
// run and widens it.
func TestError_saysWhatWasSeen(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	tests := []struct {
		name   string
		goal   consistency.Goal
		reads  []reply
		set    func(*consistency.Policy)
		want   []string
		reason poll.Reason
	}{
		{"stale", consistency.ToMatch, []reply{{status: 200, version: 1}}, nil,
			[]string{`seen last: stale ({"Code":200,"Version":1})`, "Policy.Within is 30s"}, consistency.Stale},
		{"stale, in a window", consistency.ToMatch, []reply{{status: 200, version: 1}}, func(p *consistency.Policy) { p.Windows.Stale = 3 * time.Second },
			[]string{"seen last: stale", "Policy.Windows.Stale is 3s"}, consistency.Stale},
		{"still there", consistency.ToAbsent, []reply{{status: 200, version: 7}}, nil,
			[]string{`seen last: still there ({"Code":200,"Version":7})`, "Policy.Within is 30s"}, consistency.StillThere},
		{"forbidden", consistency.ToPresent, answers(403), nil,
			[]string{"seen last: forbidden", "Policy.Windows.Forbidden is 10s", "last status 403"}, consistency.Forbidden},
		{"not found", consistency.ToPresent, answers(404), nil,
			[]string{"seen last: not found", "Policy.Within is 30s", "last status 404"}, consistency.NotFound},
		{"not found, in a window", consistency.ToPresent, answers(404), func(p *consistency.Policy) { p.Windows.NotFound = 4 * time.Second },
			[]string{"Policy.Windows.NotFound is 4s"}, consistency.NotFound},
		{"unavailable", consistency.ToPresent, answers(503), nil,
			[]string{"seen last: unavailable", "last status 503"}, "unavailable"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(200), reads: tt.reads}
			p := s.policy()
			if tt.set != nil {
				tt.set(&p)
			}
			_, err := consistency.Do(t.Context(), p, s.to(tt.goal))
			for _, says := range tt.want {
				assert.ErrorContains(t, err, says)
			}
			var e *consistency.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.reason, e.Reason)
		})
	}
	bubble(t, "a closing read that is cut short hides nothing", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 503, took: 2 * time.Second}, {status: 503, took: 2 * time.Second}, {status: 200, took: time.Minute}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		last, _ := e.History.Last()
		require.Equal(t, poll.Reason("read cut short"), last.Reason)
		assert.Equal(t, poll.Reason("unavailable"), e.Reason)
	})
	bubble(t, "no more than 200 bytes, and no secrets", func(t *testing.T) {
		type account struct {
			Password string `json:"password"`
			Name     string
		}
		f := consistency.Update("change", func(context.Context) (int, error) { return 1, nil },
			func(context.Context, int) (account, error) { return account{"hunter2", long}, nil }, func(int, account) bool { return false })
		_, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		assert.NotEmpty(t, e.Seen)
		assert.LessOrEqual(t, len(e.Seen), 200)
		assert.NotContains(t, err.Error(), "hunter2")
	})
	bubble(t, "a value that cannot be shown", func(t *testing.T) {
		f := consistency.Update("change", func(context.Context) (int, error) { return 1, nil },
			func(context.Context, int) (chan int, error) { return make(chan int), nil }, func(int, chan int) bool { return false })
		_, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.ErrorContains(t, err, "seen last: stale:")
	})
	bubble(t, "that a cache answered", func(t *testing.T) { // case E5
		site := newSite(t, plain(header(404, "Age", "7", "X-Cache", "HIT")))
		_, err := consistency.Do(t.Context(), consistency.Policy{}, site.responses())
		assert.ErrorContains(t, err, "last status 404")
		assert.ErrorContains(t, err, "(cached, age 7 s, X-Cache: HIT)")
	})
}

// Case E6: what was not requested is not counted, and the JSON keeps the reasons.
func TestError_json(t *testing.T) {
	t.Parallel()
	bubble(t, "nothing was requested", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := &service{}
		_, err := consistency.Do(ctx, s.policy(), s.create())
		assert.EqualError(t, err, "readback: create item: failed; context: context canceled")
	})
	bubble(t, "unconfirmed", func(t *testing.T) {
		s := &service{writes: answers(503), reads: []reply{{status: 404}, {status: 401, body: `{"message":"who are you?"}`}}, found: [][]string{{"w1"}}}
		f := s.to(consistency.ToPresent)
		f.Started = func(context.Context, consistency.Pending) error { return errors.New("disk full") }
		_, err := consistency.Do(t.Context(), s.policy(), f)
		data, jerr := json.Marshal(map[string]any{"job": 7, "error": err})
		require.NoError(t, jerr)
		var got struct{ Error map[string]any }
		require.NoError(t, json.Unmarshal(data, &got))
		assert.Equal(t, map[string]any{
			"outcome": "unconfirmed", "name": "create item", "error": err.Error(), "reads": 2.0, "seconds": 1.0,
			"reason": "refused", "status": 401.0, "phase": "read", "body": `{"message":"who are you?"}`,
			"cause": "status 401", "write": "status 503", "last": "status 401", "started": "disk full",
		}, got.Error)
	})
	bubble(t, "failed", func(t *testing.T) {
		s := &service{writes: answers(422)}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		data, jerr := json.Marshal(err)
		require.NoError(t, jerr)
		assert.JSONEq(t, `{"outcome":"failed","name":"create item","error":"readback: create item: failed; write: status 422; last status 422 to the write",
			"reads":0,"seconds":0,"status":422,"phase":"write","write":"status 422"}`, string(data))
	})
	bubble(t, "what was counted, and a hint", func(t *testing.T) {
		s := &service{}
		f := s.create()
		f.Write = func(ctx context.Context) (ref, error) {
			consistency.CountTry(ctx)
			consistency.CountTry(ctx)
			return ref{}, &fault{status: 409}
		}
		_, err := consistency.Do(t.Context(), s.policy(), f)
		data, _ := json.Marshal(err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(data, &got))
		assert.Equal(t, "2 requests of the write were counted", got["counted"])
		assert.Contains(t, got["hint"], "Flow.Find")
	})
}

// Case E6: an event says what its phase has, and nothing else.
func TestEvent_String(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(404, 200)}
		_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		require.NoError(t, err)
		var lines []string
		for _, e := range s.events {
			lines = append(lines, e.String())
		}
		assert.Equal(t, []string{
			"create item: write 1 at 0s for 0s: accepted, status 202",
			"create item: monitor 1 at 0s for 0s: pending, running",
			"create item: monitor 2 at 1s for 0s: ready",
			"create item: read 3 at 1s for 0s: pending, not found, status 404: status 404",
			"create item: read 4 at 2s for 0s: ready, status 200",
			"create item: end 4 at 0s for 2s: confirmed, status 200",
		}, lines)
		for _, e := range s.events {
			assert.NotContains(t, e.String(), "invalid")
		}
	})
}

// Case D8: a match may want what is empty.
func TestAwait_wantsTheEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lists := [][]int{{1, 2}, {1}, {}}
		reads := 0
		got, err := consistency.Await(t.Context(), consistency.Policy{Schedule: everySecond}, "drained",
			func(context.Context) ([]int, error) { reads++; return nth(lists, reads), nil },
			func(list []int) bool { return len(list) == 0 })
		require.NoError(t, err)
		assert.Empty(t, got)
		assert.Equal(t, 3, reads)
	})
}

// Case D20: one read there always is, and a visit's own context is not the flow's.
func TestVisit_ownContext(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{time.Nanosecond, 900 * time.Microsecond, time.Millisecond, time.Second} {
		bubble(t, fmt.Sprint("a visit with ", left, " left"), func(t *testing.T) {
			s := &service{writes: answers(201), reads: answers(404, 404, 404, 404, 200)}
			f, p := s.create(), s.policy()
			var course consistency.Course
			h, err := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}, &course)
			require.NoError(t, err)
			for n := 1; ; n++ {
				time.Sleep(time.Until(course.Next()))
				ctx, cancel := context.WithTimeout(t.Context(), left)
				res, err := consistency.NewStepper(p, f).Visit(ctx, &h, &course, time.Time{})
				cancel()
				require.Len(t, s.readAt, n, "each visit reads")
				if n == 5 {
					require.NoError(t, err)
					assert.Equal(t, confirmed, res.Outcome)
					assert.Equal(t, seconds(0, 1, 2, 3, 4), s.readAt)
					return
				}
				require.NoError(t, err)
				require.Zero(t, res.Outcome)
			}
		})
	}
	for _, within := range []time.Duration{time.Nanosecond, time.Microsecond, 900 * time.Microsecond} {
		for _, shown := range []bool{true, false} {
			bubble(t, fmt.Sprint("a flow of ", within, ", shown: ", shown), func(t *testing.T) {
				s := &service{writes: answers(201), reads: answers(404)}
				p := s.policy()
				res, _ := consistency.Do(t.Context(), p, s.create())
				require.Equal(t, unconfirmed, res.Outcome)
				for name, resume := range map[string]func() (result, error){
					"Resume": func() (result, error) {
						return consistency.Resume(t.Context(), p, s.create(), res.Pending)
					},
					"Visit": func() (result, error) {
						return visitAll(t.Context(), p, s.create(), res.Pending, new(consistency.Course))
					},
				} {
					p.Within = within
					s.reads, s.readAt, s.events = answers(404), nil, nil
					if shown {
						s.reads = answers(200)
					}
					got, err := resume()
					assert.NotEmpty(t, s.readAt, name)
					assert.Equal(t, shown, got.Outcome == confirmed, "%s: %v", name, err)
				}
			})
		}
	}
	bubble(t, "a context with little left for a flow", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Microsecond)
		defer cancel()
		s := &service{writes: answers(201), reads: answers(200)}
		res, err := consistency.Do(ctx, s.policy(), s.create())
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
	})
}
