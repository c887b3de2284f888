package submit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Bugs in what else the program hands in cost no process, and no other job.
func TestAside_policy(t *testing.T) {
	t.Parallel()
	for name, into := range map[string]func(o *options, strikes func(key string) bool){
		"Mine": func(o *options, strikes func(string) bool) {
			wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
				f.Mine = func(string) bool { return !strikes(key) }
			})
		},
		"Match": func(o *options, strikes func(string) bool) {
			wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
				f.Match = func(string, *thing) bool { return !strikes(key) }
			})
		},
		"Fault": func(o *options, strikes func(string) bool) {
			wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
				f.Fault = func(string, *thing) error { strikes(key); return nil }
			})
		},
		"Observer of writes": func(o *options, strikes func(string) bool) {
			o.Policy.Observer = func(e consistency.Event) { _ = e.Phase == consistency.PhaseWrite && strikes(e.Instance) }
		},
		"Observer of reads": func(o *options, strikes func(string) bool) {
			o.Policy.Observer = func(e consistency.Event) { _ = e.Phase == consistency.PhaseRead && strikes(e.Instance) }
		},
		"Observer of the end": func(o *options, strikes func(string) bool) {
			o.Policy.Observer = func(e consistency.Event) { _ = e.Phase == consistency.PhaseEnd && strikes(e.Instance) }
		},
		"Answer": func(o *options, strikes func(string) bool) {
			o.Policy.Answer = func(_ consistency.Phase, _ any, err error) (a consistency.Answer, ok bool) {
				if err != nil && strings.Contains(err.Error(), "bad") {
					strikes("bad")
				}
				return a, false
			}
			wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
				read := f.Read
				f.Read = func(ctx context.Context, id string) (*thing, error) {
					got, err := read(ctx, id)
					if err != nil {
						err = fmt.Errorf("%s: %w", key, err)
					}
					return got, err
				}
			})
		},
		"Ended": func(o *options, strikes func(string) bool) {
			o.Ended = func(key string, _ order, _ result) { strikes(key) }
		},
	} {
		for _, goes := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, goexit %v", name, goes), func(t *testing.T) {
				w := &world{lag: 5 * time.Second, answer: errLost}
				if name == "Answer" {
					w.answer = nil
				}
				var mended, struck atomic.Bool
				store := newInbox()
				s := w.on(t, store, everySecond, func(o *options) {
					o.Workers = 1
					into(o, func(key string) bool {
						if key != "bad" || mended.Load() {
							return false
						}
						struck.Store(true)
						if goes {
							runtime.Goexit()
						}
						panic("a bug")
					})
				})
				defer running(s)()
				require.NoError(t, s.Enqueue(t.Context(), "bad", order{"x"}))
				require.NoError(t, s.Enqueue(t.Context(), "good", order{"x"}))
				time.Sleep(time.Minute)
				assert.True(t, struck.Load())
				res, err := s.Lookup(t.Context(), "good")
				require.NoError(t, err)
				assert.Equal(t, confirmed, res.Outcome)
				mended.Store(true)
				require.NoError(t, ignore(s.Retry(t.Context(), "bad"), submit.ErrWrongState))
				res, err = s.Submit(within(t, time.Hour), "bad", order{"x"})
				require.NoError(t, err)
				assert.Equal(t, confirmed, res.Outcome)
				assert.Equal(t, 1, w.sent("bad"))
				assert.Zero(t, s.Progress().Recording, "nothing is left over")
			})
		}
	}
}

func wrap(o *options, how func(string, *consistency.Flow[string, *thing])) {
	flow := o.Flow
	o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
		f := flow(key, o)
		how(key, &f)
		return f
	}
}

// ignore returns err unless it is that one.
func ignore(err, but error) error {
	if err == but {
		return nil
	}
	return err
}

// badSchedule has a bug as it plans the wait after a try.
type badSchedule struct {
	readback.Schedule
	mended *atomic.Bool
}

func (s badSchedule) Plan() readback.Plan {
	if !s.mended.Load() {
		panic("a bug")
	}
	return s.Schedule.Plan()
}

// What was tried when the program's schedule panics is set aside too, as what may have
// been sent.
func TestAside_schedule(t *testing.T) {
	t.Parallel()
	bubble(t, "panics", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Minute)}
		var mended atomic.Bool
		s := w.on(t, submit.NewMemory(), u.before(w), func(o *options) {
			o.Policy.Schedule = badSchedule{every(time.Second), &mended}
		})
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(2 * time.Minute)
		assert.Equal(t, 1, s.Stats().SetAside)
		mended.Store(true)
		res, err := s.Submit(within(t, time.Hour), "a", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
		assert.Zero(t, w.sent("a"))
	})
}

// trap is a job whose decoding has a bug.
type trap struct{ Name string }

var trapMends sync.Map // by name

func (j *trap) UnmarshalJSON(data []byte) error {
	type plain trap
	if err := json.Unmarshal(data, (*plain)(j)); err != nil {
		return err
	}
	if how, ok := trapMends.Load(j.Name); ok {
		if how == "goexit" {
			runtime.Goexit()
		}
		panic("a bug in UnmarshalJSON")
	}
	return nil
}

// A job that the program panics over as it decodes it is left alone, by whoever takes it
// over; the process goes on, and so does the job in one without the bug.
func TestAside_decoding(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "goexit"} {
		bubble(t, how, func(t *testing.T) {
			w, store := &world{}, newInbox()
			first := jobsOf[trap](t, w, store)
			name := "decoding " + how
			require.NoError(t, first.Enqueue(t.Context(), "a", trap{name})) // nobody runs
			d, err := first.Draft(t.Context(), "b", trap{name})
			require.NoError(t, err)
			require.NoError(t, store.enter(t.Context(), d))
			require.NoError(t, first.Enqueue(t.Context(), "good", trap{"good, " + how}))

			trapMends.Store(name, how)
			second := jobsOf[trap](t, w, store)
			ctx, cancel := context.WithCancel(t.Context())
			over := make(chan struct{})
			go func() { second.Run(ctx); close(over) }()
			time.Sleep(5 * time.Minute)
			assert.Equal(t, 1, w.sent("good"))
			assert.Zero(t, w.sent("a")+w.sent("b"))
			if how == "panic" {
				job, err := second.Job(t.Context(), "a")
				require.NoError(t, err)
				require.ErrorIs(t, job.Unreadable, submit.ErrUnreadable)
			}
			cancel()
			<-over

			trapMends.Delete(name)
			ctx, cancel = context.WithCancel(t.Context())
			over = make(chan struct{})
			third := jobsOf[trap](t, w, store)
			go func() { third.Run(ctx); close(over) }()
			time.Sleep(5 * time.Minute)
			assert.Equal(t, 1, w.sent("a"))
			assert.Equal(t, 1, w.sent("b"))
			cancel()
			<-over
		})
	}
}

// snare is a reference whose decoding has a bug, once a deploy has brought it.
type snare struct{ ID string }

var snared atomic.Bool

func (r *snare) UnmarshalJSON(data []byte) error {
	if snared.Load() {
		panic("a bug in UnmarshalJSON")
	}
	type plain snare
	return json.Unmarshal(data, (*plain)(r))
}

// A reference that the program panics over as it decodes it is one that cannot be read: whoever asks
// for the job, or follows the feed, gets its outcome and goes on.
func TestReference_decoding(t *testing.T) {
	bubble(t, "panic", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		s := jobsWith(t, w, store, func(id string) snare { return snare{id} }, func(r snare) string { return r.ID }, nil)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		runFor(s, time.Minute)
		snared.Store(true)
		defer snared.Store(false)
		ctx := within(t, time.Minute)
		for way, ask := range map[string]func() submit.Result[snare]{
			"Lookup": func() submit.Result[snare] { res, _ := s.Lookup(ctx, "a"); return res },
			"Submit": func() submit.Result[snare] { res, _ := s.Submit(ctx, "a", order{"x"}); return res },
			"Job":    func() submit.Result[snare] { job, _ := s.Job(ctx, "a"); return job.Result },
			"Wait": func() (res submit.Result[snare]) {
				for _, res = range s.Wait(ctx, "a") {
				}
				return res
			},
			"Jobs": func() (res submit.Result[snare]) {
				for job := range s.Jobs(ctx, submit.Filter{}) {
					res = job.Result
				}
				return res
			},
			"Feed": func() (res submit.Result[snare]) {
				for job := range s.Feed(ctx, 0) {
					return job.Result
				}
				return res
			},
		} {
			res := ask()
			assert.Equal(t, confirmed, res.Outcome, way)
			assert.ErrorContains(t, res.Err, "a bug in UnmarshalJSON", way)
		}
	})
}

// A list that ends its goroutine is read job by job, as one that panics.
func TestAside_readManyGoes(t *testing.T) {
	t.Parallel()
	bubble(t, "one by one", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(context.Context, string, []string) (func(string) (*thing, bool), error) {
				runtime.Goexit()
				return nil, nil
			}
		})
		defer running(s)()
		enqueue(t, s, 10)
		time.Sleep(time.Minute)
		assert.Equal(t, 10, s.Progress().Confirmed)
	})
}

// Retry of a job that meets its bug again returns.
func TestRetry_ofTheSameBugReturns(t *testing.T) {
	t.Parallel()
	for _, goes := range []bool{false, true} {
		bubble(t, fmt.Sprint("goexit ", goes), func(t *testing.T) {
			w := &world{}
			b := &bug{in: "Origin", goes: goes}
			s := w.on(t, submit.NewMemory(), b.into(w), everySecond)
			defer running(s)()
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"bad"}))
			time.Sleep(time.Minute)
			start := time.Now()
			require.NoError(t, s.Retry(within(t, time.Hour), "a"))
			assert.Less(t, time.Since(start), time.Minute)
			time.Sleep(time.Minute)
			assert.Equal(t, 2, s.Stats().SetAside)
		})
	}
}

// Whatever function of the program takes no notice of the end of its context is left
// behind: Run returns, and the job goes on elsewhere.
func TestLeftBehind_anyFunction(t *testing.T) {
	t.Parallel()
	for _, deaf := range []string{"Write", "Read", "Find", "ReadMany"} {
		bubble(t, deaf, func(t *testing.T) {
			w := &world{lag: 5 * time.Second}
			if deaf == "Find" {
				w.answer = errLost
			}
			release := make(chan struct{})
			hangs := func(what string) {
				if what == deaf {
					<-release
				}
			}
			store := submit.NewMemory()
			s := w.on(t, store, everySecond, func(o *options) {
				wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
					write, read, find := f.Write, f.Read, f.Find
					f.Write = func(ctx context.Context) (string, error) { hangs("Write"); return write(ctx) }
					f.Read = func(ctx context.Context, id string) (*thing, error) { hangs("Read"); return read(ctx, id) }
					f.Find = func(ctx context.Context) ([]string, error) { hangs("Find"); return find(ctx) }
				})
				if deaf == "ReadMany" {
					o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
						hangs("ReadMany")
						return w.list(ctx, nil, refs)
					}
				}
			})
			stop := running(s)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(10 * time.Second)
			start := time.Now()
			stop()
			assert.LessOrEqual(t, time.Since(start), 10*time.Second)
			second := w.on(t, store, everySecond)
			defer running(second)()
			res, err := second.Submit(within(t, time.Hour), "a", order{"x"})
			if deaf == "Write" {
				assert.Equal(t, unconfirmed, res.Outcome)
			} else {
				require.NoError(t, err)
			}
			close(release)
			time.Sleep(time.Minute)
			assert.LessOrEqual(t, w.sent("a"), 1)
		})
	}
}
