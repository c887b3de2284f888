package submit_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// bug makes a part of the program panic for the job with the name "bad".
type bug struct {
	in    string
	goes  bool // it ends the goroutine instead
	mends atomic.Bool
}

func (b *bug) here(part, name string) {
	if part != b.in || name != "bad" || b.mends.Load() {
		return
	}
	if b.goes {
		runtime.Goexit()
	}
	panic("a bug in " + part)
}

func (b *bug) into(w *world) func(*options) {
	return func(o *options) {
		o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
			b.here("Flow", o.Name)
			f := w.flow(key, o)
			write, read, find := f.Write, f.Read, f.Find
			f.Write = func(ctx context.Context) (string, error) {
				b.here("Write", o.Name)
				id, err := write(ctx)
				b.here("Write, sent", o.Name)
				return id, err
			}
			f.Read = func(ctx context.Context, id string) (*thing, error) {
				b.here("Read", o.Name)
				return read(ctx, id)
			}
			f.Find = func(ctx context.Context) ([]string, error) {
				b.here("Find", o.Name)
				return find(ctx)
			}
			return f
		}
		o.Origin = func(o order) string {
			b.here("Origin", o.Name)
			return ""
		}
		if b.in == "Group" {
			o.Group = func(o order) string {
				b.here("Group", o.Name)
				return "one"
			}
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				return w.list(ctx, nil, refs)
			}
		}
	}
}

// A panic in the program's own code sets its job aside, with the stack; all others go
// on, here and wherever the job is taken over. Once the bug is mended the job goes on
// where it was, and nothing is sent twice.
func TestAside_panicSparesOtherJobs(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"Flow", "Write", "Write, sent", "Read", "Find", "Origin", "Group"} {
		for _, goes := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, goexit %v", in, goes), func(t *testing.T) {
				core, logs := observer.New(zapcore.ErrorLevel)
				w := &world{lag: 5 * time.Second}
				if in == "Find" {
					w.answer = errLost
				}
				b := &bug{in: in, goes: goes}
				store := submit.NewMemory()
				s := w.on(t, store, b.into(w), everySecond, func(o *options) { o.Workers = 2; o.Policy.Logger = zap.New(core) })
				stop := running(s)
				for i := range 5 {
					require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint("good ", i), order{"x"}))
					require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint("bad ", i), order{"bad"}))
				}
				time.Sleep(time.Minute)
				assert.Equal(t, 5, s.Progress().Confirmed)
				assert.Equal(t, 5, logs.Len())
				stats := s.Stats()
				assert.Zero(t, stats.Writes, "under way")
				assert.Zero(t, stats.Reads, "under way")
				assert.Contains(t, fmt.Sprint(logs.All()[0].ContextMap()), "aside_test.go", "the stack")
				stop()
				second := w.on(t, store, b.into(w), everySecond)
				defer running(second)()
				time.Sleep(time.Hour)
				assert.Zero(t, second.Progress().Confirmed, "nobody takes it over")

				if !strings.HasPrefix(in, "Write") && !(goes && in == "Flow") { // Write is not called again; Flow would end this goroutine too
					res, err := second.Submit(t.Context(), "bad 0", order{"bad"})
					assert.Equal(t, unconfirmed, res.Outcome)
					require.ErrorIs(t, err, submit.ErrSetAside)
					if !goes {
						assert.ErrorContains(t, err, "a bug in "+in)
					}
				}
				b.mends.Store(true)
				for i := range 5 {
					key := fmt.Sprint("bad ", i)
					res, _ := second.Submit(t.Context(), key, order{"bad"})
					w.agrees(t, key, res)
					assert.LessOrEqual(t, w.sent(key), 1)
					if in == "Write" { // nobody knows how far it came
						assert.Equal(t, unconfirmed, res.Outcome)
						continue
					}
					assert.Equal(t, confirmed, res.Outcome, key)
				}
			})
		}
	}
}

// The store may be down meanwhile.
func TestAside_outage(t *testing.T) {
	t.Parallel()
	bubble(t, "for a minute", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		b := &bug{in: "Read"}
		p := newProcess(w, submit.NewMemory())
		s, stop := p.starts(t, b.into(w))
		defer stop()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"bad"}))
		p.cutOff(true)
		time.Sleep(time.Minute)
		p.cutOff(false)
		_, err := s.Submit(within(t, 10*time.Minute), "a", order{"bad"})
		require.ErrorIs(t, err, submit.ErrSetAside)
		assert.LessOrEqual(t, w.sent("a"), 1)
	})
}

// A list that cannot be read since something panics is read job by job.
func TestAside_readMany(t *testing.T) {
	t.Parallel()
	bubble(t, "one by one", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(context.Context, string, []string) (func(string) (*thing, bool), error) {
				panic("a bug in ReadMany")
			}
		})
		defer running(s)()
		enqueueAndWait(t, s, 10, sameName)
		assert.Equal(t, 10, s.Progress().Confirmed)
	})
	bubble(t, "what shows one job", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				show, err := w.list(ctx, nil, refs)
				return func(id string) (*thing, bool) {
					if id == "3" {
						panic("a bug")
					}
					return show(id)
				}, err
			}
		})
		defer running(s)()
		enqueue(t, s, 10)
		time.Sleep(time.Minute)
		assert.Equal(t, 9, s.Progress().Confirmed)
	})
}

// A write that takes no notice of the end of its context is left behind, and told:
// a lease that was lost is followed by another one, and Run and Submit return.
func TestLeftBehind_runReturns(t *testing.T) {
	t.Parallel()
	deaf := func(w *world, release chan struct{}) func(*options) {
		return func(o *options) {
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				f := w.flow(key, o)
				if key == "deaf" {
					write := f.Write
					f.Write = func(context.Context) (string, error) {
						<-release
						return write(context.Background())
					}
				}
				return f
			}
		}
	}
	bubble(t, "the lease is lost", func(t *testing.T) {
		core, logs := observer.New(zapcore.WarnLevel)
		w := &world{}
		release := make(chan struct{})
		store := submit.NewMemory()
		s := w.on(t, store, everySecond, deaf(w, release), func(o *options) { o.Policy.Logger = zap.New(core) })
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "deaf", order{"x"}))
		time.Sleep(time.Second)
		for _, key := range leases(t, store) {
			r, err := store.Get(t.Context(), submit.KindLease, key)
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), r))
		}
		time.Sleep(time.Minute)
		_, err := s.Submit(within(t, time.Minute), "a", order{"x"})
		require.NoError(t, err)
		told := logs.FilterMessageSnippet("left behind").All()
		require.Len(t, told, 1)
		assert.Equal(t, "deaf", told[0].ContextMap()["key"])

		time.Sleep(10 * time.Minute)
		res, err := s.Lookup(t.Context(), "deaf")
		require.NoError(t, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		close(release)
		time.Sleep(time.Minute)
		again, err := s.Lookup(t.Context(), "deaf")
		require.NoError(t, err)
		assert.Equal(t, res.Ended, again.Ended, "what comes late says nothing")
		res, err = s.Submit(t.Context(), "deaf", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("deaf"))
	})
	bubble(t, "the end of Run", func(t *testing.T) {
		w := &world{}
		release := make(chan struct{})
		s := w.on(t, submit.NewMemory(), deaf(w, release))
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "deaf", order{"x"}))
		time.Sleep(time.Second)
		start := time.Now()
		stop()
		assert.LessOrEqual(t, time.Since(start), 10*time.Second)
		res, err := s.Lookup(t.Context(), "deaf")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome)
		close(release)
	})
	bubble(t, "nobody waits for Submit", func(t *testing.T) {
		w := &world{}
		release := make(chan struct{})
		s := w.on(t, submit.NewMemory(), deaf(w, release))
		start := time.Now()
		res, err := s.Submit(within(t, time.Second), "deaf", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.True(t, strings.Contains(err.Error(), "deadline"))
		assert.LessOrEqual(t, time.Since(start), 5*time.Second)
		close(release)
	})
}
