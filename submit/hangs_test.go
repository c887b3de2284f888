package submit_test

import (
	"context"
	"fmt"
	"io"
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

// Code of the program that never returns as a job is taken over holds up no other job, neither those
// of the same holder nor those of one that dies later; it is told, and the job goes on when it returns.
func TestTakeOver_hangs(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"Lift", "Origin", "Flow of a list"} {
		bubble(t, in, func(t *testing.T) {
			w, store := &world{lag: time.Second}, newInbox()
			core, logs := observer.New(zap.WarnLevel)
			release := make(chan struct{})
			hangs := func(part, name string) {
				if part == in && name == "hang" {
					<-release
				}
			}
			s := w.on(t, store, everySecond, func(o *options) {
				o.Policy.Logger, o.Workers, o.JobVersion = zap.New(core), 1, 1
				o.Lift = func(_ int, data []byte) (job order, err error) {
					job.Name = string(data[len(`{"Name":"`) : len(data)-len(`"}`)])
					hangs("Lift", job.Name)
					return job, nil
				}
				o.Origin = func(job order) string { hangs("Origin", job.Name); return "" }
				if in == "Flow of a list" {
					flow := o.Flow
					o.Flow = func(key string, job order) consistency.Flow[string, *thing] {
						hangs(in, job.Name)
						return flow(key, job)
					}
					o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
						return w.list(ctx, nil, refs)
					}
				}
			})
			left := func(key, name string) {
				_, err := w.write(t.Context(), key, order{name})
				require.NoError(t, err)
				put(t, store, key, `{"submit":1,"state":"answered","holder":"`+key+`","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"`+name+
					`"},"pending":{"readback":2,"name":"create thing","goal":"present","class":"applied","written":"`+key+`"}}`)
			}
			for n := range 3 {
				left(fmt.Sprint("hang ", n), "hang")
				left(fmt.Sprint("good ", n), "x")
			}
			if in == "Lift" { // others hang as it is sent, and keep the worker
				d, err := w.on(t, store).Draft(t.Context(), "hangs in the outbox", order{"hang"})
				require.NoError(t, err)
				require.NoError(t, store.enter(t.Context(), d))
			}
			defer running(s)()
			time.Sleep(5 * time.Minute)
			left("good later", "x")
			require.NoError(t, w.on(t, store).Enqueue(t.Context(), "good, enqueued", order{"x"}))
			time.Sleep(20 * time.Minute)
			for _, key := range []string{"good 0", "good 1", "good 2", "good later", "good, enqueued"} {
				assert.Contains(t, valueOf(t, store, key), `"outcome":"confirmed"`, key)
			}
			assert.NotEmpty(t, logs.FilterMessageSnippet("does not return").All())
			assert.Less(t, logs.Len(), 10, "not again and again")
			close(release)
			time.Sleep(time.Minute)
			for n := range 3 {
				assert.Contains(t, valueOf(t, store, fmt.Sprint("hang ", n)), `"outcome":"confirmed"`)
			}
		})
	}
}

// A call of ReadMany that never returns keeps no job waiting, and is told.
func TestReadMany_hangs(t *testing.T) {
	t.Parallel()
	bubble(t, "for a while", func(t *testing.T) {
		w := &world{lag: 15 * time.Second}
		core, logs := observer.New(zap.WarnLevel)
		release := make(chan struct{})
		var calls atomic.Int32
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.Policy.Logger = zap.New(core)
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				calls.Add(1)
				<-release
				return w.list(ctx, nil, refs)
			}
		})
		defer running(s)()
		enqueue(t, s, 5)
		time.Sleep(time.Minute)
		assert.Equal(t, 5, s.Progress().Confirmed)
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 1, logs.FilterMessageSnippet("list").Len())
		close(release)
		require.NoError(t, s.Enqueue(t.Context(), "later", order{"x"}))
		time.Sleep(time.Minute)
		assert.Equal(t, 6, s.Progress().Confirmed)
		assert.Greater(t, calls.Load(), int32(1), "lists are used again")
	})
	bubble(t, "and returns when it was just left behind", func(t *testing.T) { // it must not race with what goes on
		w := &world{lag: 15 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(context.Context, string, []string) (func(string) (*thing, bool), error) {
				time.Sleep(11500 * time.Millisecond)
				return nil, errDown
			}
		})
		defer running(s)()
		enqueue(t, s, 5)
		time.Sleep(time.Minute)
		assert.Equal(t, 5, s.Progress().Confirmed)
	})
}

// An operator is told when every worker is kept by code that does not return.
func TestWorkers_allBusy(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"Write", "Read"} {
		bubble(t, in, func(t *testing.T) {
			w := &world{}
			core, logs := observer.New(zap.WarnLevel)
			release := make(chan struct{})
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.Policy.Logger, o.Workers = zap.New(core), 2
				wrap(o, func(_ string, f *consistency.Flow[string, *thing]) {
					write, read := f.Write, f.Read
					f.Write = func(ctx context.Context) (string, error) {
						if in == "Write" {
							<-release
						}
						return write(ctx)
					}
					f.Read = func(ctx context.Context, id string) (*thing, error) {
						if in == "Read" {
							<-release
						}
						return read(ctx, id)
					}
				})
			})
			defer running(s)()
			enqueue(t, s, 3)
			time.Sleep(150 * time.Second)
			assert.Equal(t, 2, logs.FilterMessageSnippet("all workers are busy").Len())
			close(release)
			time.Sleep(time.Hour)
			assert.Equal(t, 3, s.Progress().Confirmed+s.Progress().Unconfirmed)
			assert.Equal(t, 2, logs.FilterMessageSnippet("all workers are busy").Len())
		})
	}
}

// A logger that panics costs its entries, and neither the process nor a job.
func TestLog_panics(t *testing.T) {
	t.Parallel()
	bubble(t, "at every entry", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		var entries atomic.Int32
		core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.InfoLevel)
		log := zap.New(zapcore.RegisterHooks(core, func(zapcore.Entry) error {
			entries.Add(1)
			panic("a bug in the logger")
		}))
		put(t, store, "damaged", "{")
		s := w.on(t, store, everySecond, func(o *options) {
			o.Policy.Logger = log
			wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
				if key == "bad" {
					f.Write = func(context.Context) (string, error) { panic("a bug") }
				}
			})
		})
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "bad", order{"x"}))
		require.NoError(t, s.Enqueue(t.Context(), "good", order{"x"}))
		time.Sleep(time.Minute)
		job, err := s.Job(t.Context(), "bad")
		require.NoError(t, err)
		assert.Equal(t, submit.SetAside, job.State)
		ended(t, s, "good", confirmed)
		put(t, store, "left", `{"submit":1,"state":"queued","holder":"gone","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"}}`)
		time.Sleep(20 * time.Minute)
		assert.Contains(t, valueOf(t, store, "left"), `"outcome":"confirmed"`, "others are still taken over")
		assert.GreaterOrEqual(t, entries.Load(), int32(3))
		stop()
	})
}
