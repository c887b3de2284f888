package submit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// leftBehind puts n jobs into store whose writes were answered by a process that
// is gone.
func leftBehind(t testing.TB, store submit.Store, w *world, n int) {
	var course consistency.Course
	h, err := consistency.NewStepper(consistency.Policy{}, w.flow("a reference", order{})).Send(t.Context(), consistency.Pending{}, &course)
	require.NoError(t, err)
	pending, err := json.Marshal(h)
	require.NoError(t, err)
	for i := range n {
		value := fmt.Appendf(nil, `{"submit":1,"state":"answered","holder":"gone","intent":%q,"print":"","job":{"Name":"a thing of a certain length"},"pending":%s}`,
			time.Now().Format(time.RFC3339Nano), pending)
		_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprintf("job %012d", i), Value: value})
		require.NoError(t, err)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// reading waits until s reads n jobs back.
func reading(s *submitter, n int) bool {
	for range 60_000 {
		if s.Progress().Reading >= n {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// payloadBytes is how long a key, a job and a reference are that leftBehind makes.
const payloadBytes = len("job 000000000000") + len(`{"Name":"a thing of a certain length"}`) + len(`"a reference"`)

// crowd is a Submitter that holds many pending jobs.
type crowd struct {
	*submitter
	world      *world
	each       int64 // bytes that a job takes beyond its payload
	goroutines int
	stop       func()
}

// newCrowd returns a crowd of n jobs, each of which was read once and is read
// again a day later.
func newCrowd(t testing.TB, n int) *crowd {
	before, others := heap(), runtime.NumGoroutine()
	c, taken := takeOver(t, n, 0)
	for c.world.readsSoFar() < n {
		time.Sleep(10 * time.Millisecond)
	}
	for range 6000 { // those of the last reads end
		if c.goroutines = runtime.NumGoroutine() - others; c.goroutines < 20 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.each = (heap()-before-taken)/int64(n) - int64(payloadBytes)
	return c
}

// takeOver returns a crowd of n jobs from one that is gone, and how much memory
// its store takes.
func takeOver(t testing.TB, n int, readsPerSecond float64) (c *crowd, taken int64) {
	c = &crowd{world: &world{lag: 24 * time.Hour}}
	before := heap()
	store := &frugal{Memory: submit.NewMemory()}
	leftBehind(t, store, c.world, n)
	taken = heap() - before
	var err error
	c.submitter, err = submit.New(options{
		Store: store, Flow: c.world.flow, Workers: 8, ReadsPerSecond: readsPerSecond,
		Policy: consistency.Policy{
			Within:   48 * time.Hour,
			Schedule: readback.Backoff{Initial: 24 * time.Hour}, // one read each, then all is quiet
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx) })
	c.stop = func() {
		cancel()
		run.Wait()
	}
	require.True(t, reading(c.submitter, n))
	return c, taken
}

func (w *world) readsSoFar() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readAt = nil
	return w.reads
}

// frugal is a store that forgets at once what becomes of jobs: its own memory is
// not to be taken for the Submitter's.
type frugal struct{ *submit.Memory }

func (f *frugal) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Kind == submit.KindJob {
		return r.Revision + 1, nil
	}
	return f.Memory.Update(ctx, r)
}

func TestScale_memory(t *testing.T) {
	c := newCrowd(t, 20_000)
	defer c.stop()
	t.Log("bytes each:", c.each, "goroutines:", c.goroutines)
	assert.Less(t, c.each, int64(360))
	assert.Less(t, c.goroutines, 20)
}

// Thousands of jobs at once: all are sent once and confirmed.
func TestScale_many(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const jobs = 2_000
		w := &world{lag: 5 * time.Second}
		s := w.on(t, submit.NewMemory())
		defer running(s)()
		var all sync.WaitGroup
		for i := range jobs {
			all.Go(func() { assert.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"})) })
		}
		all.Wait()
		require.True(t, until(time.Minute, func() bool { return s.Progress().Confirmed == jobs }))
		assert.Equal(t, jobs, w.seen().executed)
		assert.LessOrEqual(t, w.seen().most, 64)
	})
}
