package submit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// dead lets p die at that point of the job "a", which it submits.
func dead(t *testing.T, p *process, at string, change ...func(*options)) {
	p.hook = func(what string) {
		if what == at {
			p.kill()
		}
	}
	s, stop := p.starts(t, change...)
	_, err := s.Submit(p.ctx, "a", order{"x"})
	require.Error(t, err)
	stop()
}

// With consent, a job that was being sent at the crash is sent again.
func TestResubmit_sendsAgainWithConsent(t *testing.T) {
	t.Parallel()
	resubmit := func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour }
	for _, where := range []string{"before write", "after write"} {
		for _, after := range []time.Duration{time.Minute, 59 * time.Minute, 61 * time.Minute} {
			bubble(t, fmt.Sprintf("died %s, restarted after %v", where, after), func(t *testing.T) {
				w := &world{lag: 2 * time.Hour, honours: true}
				if where == "after write" {
					w.lag = after + 30*time.Second // it shows later than the restart
				}
				store := submit.NewMemory()
				dead(t, newProcess(w, store), where)
				time.Sleep(after)

				w.mu.Lock()
				if where == "before write" {
					w.lag = 10 * time.Second
				}
				w.mu.Unlock()
				second, stop := newProcess(w, store).starts(t, resubmit)
				defer stop()
				res, _ := second.Submit(t.Context(), "a", order{"x"})
				sent := 0
				if where == "after write" {
					sent++
				}
				if after < time.Hour {
					sent++
				}
				assert.Equal(t, sent, w.sent("a"))
				assert.Equal(t, w.did("a"), res.Outcome == confirmed)
				assert.NotEqual(t, failed, res.Outcome)
				assert.LessOrEqual(t, w.seen().executed, 1, "the service honours the key")
			})
		}
	}
}

// A look comes first, and spares the second write.
func TestResubmit_looksFirst(t *testing.T) {
	t.Parallel()
	for _, first := range []time.Duration{0, 10 * time.Second} {
		bubble(t, fmt.Sprint("the first read after ", first), func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			dead(t, newProcess(w, store), "after write")
			second, stop := newProcess(w, store).starts(t, func(o *options) {
				o.Resubmit.KeyHonouredFor = time.Hour
				o.Policy.Schedule = readback.Backoff{FirstRead: first}
			})
			defer stop()
			_, err := second.Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// Nor is a write sent again that a look shows, though more are asked for, or that no
// look was answered for.
func TestResubmit_looksWell(t *testing.T) {
	t.Parallel()
	for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch, consistency.ToAbsent} {
		for _, unanswered := range []int{0, 1, 3} {
			bubble(t, fmt.Sprint(goal, ", unanswered ", unanswered), func(t *testing.T) {
				s := &thingOf{goal: goal, find: true}
				store := submit.NewMemory()
				first := newProcess(&world{}, store)
				dead(t, first, "after write", s.at(first))
				time.Sleep(2 * time.Hour)
				s.answer, s.down = 200, unanswered
				second := newProcess(&world{}, store)
				jobs, stop := second.starts(t, s.at(second), func(o *options) {
					o.Resubmit.KeyHonouredFor = 24 * time.Hour
					o.Policy.Settle = 3
				})
				defer stop()
				_, err := jobs.Submit(t.Context(), "a", order{"x"})
				require.NoError(t, err)
				assert.Zero(t, s.again)
			})
		}
	}
}

// After a crash that left the answer in doubt, a refusal of the second try does
// not prove that the first was not carried out.
func TestResubmit_neverFailed(t *testing.T) {
	t.Parallel()
	bubble(t, "refused the second time", func(t *testing.T) {
		w := &world{lag: time.Hour}
		store := submit.NewMemory()
		dead(t, newProcess(w, store), "after write")
		w.mu.Lock()
		w.refuse = status(422)
		w.mu.Unlock()
		second, stop := newProcess(w, store).starts(t, func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour })
		defer stop()
		res, _ := second.Submit(context.WithoutCancel(t.Context()), "a", order{"x"})
		assert.Equal(t, 2, w.sent("a"))
		assert.Equal(t, unconfirmed, res.Outcome)
	})
}

// Nor is it sent again later than consented, whatever the policy allows to repeat
// of a write that was sent just now.
func TestResubmit_neverLater(t *testing.T) {
	t.Parallel()
	for _, answer := range []int{503, 429} {
		bubble(t, fmt.Sprint(answer), func(t *testing.T) {
			w := &world{refuse: status(answer)}
			store := submit.NewMemory()
			start := time.Now()
			dead(t, newProcess(w, store), "after write")
			time.Sleep(time.Hour - 45*time.Second)
			p := newProcess(w, store)
			var sent []time.Duration
			p.hook = func(what string) {
				if what == "before write" {
					sent = append(sent, time.Since(start))
				}
			}
			s, stop := p.starts(t, func(o *options) {
				o.Resubmit.KeyHonouredFor = time.Hour
				o.Policy.Resend = consistency.Resend{OnRateLimited: true, WithKey: time.Hour}
				o.Policy.Schedule = readback.Backoff{Initial: 7 * time.Second, Max: 7 * time.Second, NoJitter: true}
			})
			defer stop()
			res, _ := s.Submit(t.Context(), "a", order{"x"})
			assert.Equal(t, unconfirmed, res.Outcome)
			require.Greater(t, len(sent), 2)
			assert.Less(t, sent[len(sent)-1], time.Hour)
		})
	}
}

// A second try that the end of its term kept from being sent is still to be made.
func TestResubmit_keptBack(t *testing.T) {
	t.Parallel()
	bubble(t, "by who gave up waiting", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		dead(t, newProcess(w, store), "before write")
		resubmit := func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour }

		ctx, cancel := context.WithCancel(t.Context())
		p := newProcess(w, store)
		changes := 0
		p.hook = func(what string) {
			if what == "after update job" {
				changes++
			}
		}
		s := w.on(t, p, resubmit, func(o *options) {
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				if changes == 2 && ctx.Err() == nil { // it was taken over and looked for, and is about to be sent
					cancel()
					time.Sleep(time.Second)
				}
				return p.flow(key, o)
			}
		})
		_, err := s.Submit(ctx, "a", order{"x"})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 2, changes)
		assert.Zero(t, w.sent("a"))

		_, err = w.on(t, store, resubmit).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Whatever the second try is answered after the first may have been carried out,
// the reads decide: a refusal proves nothing, nor does it matter which of the two
// had the effect.
func TestResubmit_answers(t *testing.T) {
	t.Parallel()
	for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch, consistency.ToAbsent} {
		for _, executed := range []bool{true, false} {
			for _, find := range []bool{true, false} {
				for _, answer := range []int{200, 404, 409, 410, 412, 422, 503} {
					bubble(t, fmt.Sprintf("%s, executed %v, find %v, %d", goal, executed, find, answer), func(t *testing.T) {
						s := &thingOf{goal: goal, find: find}
						store := submit.NewMemory()
						at := "before write"
						if executed {
							at = "after write"
						}
						first := newProcess(&world{}, store)
						dead(t, first, at, s.at(first))
						assert.Equal(t, executed, s.executed)
						s.answer = answer
						second := newProcess(&world{}, store)
						jobs, stop := second.starts(t, s.at(second), func(o *options) {
							o.Resubmit.KeyHonouredFor = time.Hour
							o.Policy.Within = 3 * time.Hour
						})
						defer stop()
						res, err := jobs.Submit(t.Context(), "a", order{"x"})
						assert.Equal(t, 1, s.again)
						want := unconfirmed
						if s.executed && (find || goal == consistency.ToAbsent || answer == 200) {
							want = confirmed
						}
						assert.Equal(t, want, res.Outcome, "%v", err)
						assert.Equal(t, want, consistency.OutcomeOf(err))
					})
				}
			}
		}
	}
}

// thingOf is a service with one thing, which is to be made, changed or deleted.
// It is used by one goroutine at a time.
type thingOf struct {
	goal     consistency.Goal
	find     bool
	answer   int // to the second try; 0 as long as it is the first
	again    int // tries after the first
	down     int // reads that are not answered
	executed bool
	shown    time.Time
}

func (s *thingOf) write(context.Context) error {
	if s.answer > 0 {
		s.again++
	}
	if !s.executed && (s.answer == 0 || s.answer == 200) {
		s.executed = true
	}
	if s.shown.IsZero() {
		s.shown = time.Now().Add(time.Hour) // later than a first look
	}
	if s.answer > 200 {
		return status(s.answer)
	}
	return nil
}

func (s *thingOf) read(context.Context, string) (*thing, error) {
	if s.down > 0 {
		s.down--
		return nil, status(503)
	}
	shows := s.executed && time.Now().After(s.shown)
	switch {
	case s.goal == consistency.ToMatch && shows:
		return &thing{Name: "new"}, nil
	case s.goal == consistency.ToMatch:
		return &thing{Name: "old"}, nil
	case shows == (s.goal == consistency.ToPresent):
		return &thing{Name: "a"}, nil
	}
	return nil, status(404)
}

func (s *thingOf) flow() (f consistency.Flow[string, *thing]) {
	write := func(ctx context.Context) (string, error) { return "a", s.write(ctx) }
	switch s.goal {
	case consistency.ToPresent:
		f = consistency.Create("a thing", write, s.read)
	case consistency.ToMatch:
		f = consistency.Update("a thing", write, s.read, func(_ string, found *thing) bool { return found.Name == "new" })
	default:
		f = consistency.Delete("a thing", "a", func(ctx context.Context, _ string) error { return s.write(ctx) }, s.read)
	}
	if s.find {
		f.Find = func(ctx context.Context) ([]string, error) {
			if s.goal != consistency.ToPresent {
				return []string{"a"}, nil
			}
			switch _, err := s.read(ctx, "a"); err {
			case nil:
				return []string{"a"}, nil
			case status(404):
				return nil, nil
			default:
				return nil, err
			}
		}
		f.Mine = func(string) bool { return true }
	}
	return f
}

// at lets p work for s.
func (s *thingOf) at(p *process) func(*options) {
	return func(o *options) {
		o.Flow = func(string, order) consistency.Flow[string, *thing] { return p.reach(s.flow()) }
	}
}

// A job that ended Unconfirmed is only read back when it goes on, also by who takes it over from who let it
// go on, and also if nothing is left of it but that it was sent.
func TestResubmit_notWhatHadEnded(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(*testing.T, *submitter){
		"retried": func(t *testing.T, s *submitter) { require.NoError(t, s.Retry(t.Context(), "a")) },
		"submitted again": func(t *testing.T, s *submitter) {
			_, err := s.Submit(within(t, time.Second), "a", order{"x"})
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			w, store := &world{honours: true}, submit.NewMemory()
			now := time.Now().UTC().Format(time.RFC3339Nano)
			put(t, store, "a", `{"submit":1,"state":"ended","holder":"gone","intent":"`+now+`","print":"","job":{"Name":"x"},"sent":"`+now+
				`","end":{"outcome":"unconfirmed","at":"`+now+`"}}`)
			honoured := func(o *options) { o.Resubmit.KeyHonouredFor = 24 * time.Hour }
			again(t, w.on(t, store, everySecond, honoured))
			runFor(w.on(t, store, everySecond, honoured), time.Hour)
			assert.Zero(t, w.sent("a"))
			assert.Contains(t, valueOf(t, store, "a"), `"outcome":"unconfirmed"`)
		})
	}
}
