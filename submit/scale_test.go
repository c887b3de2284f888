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
	h, err := consistency.Send(t.Context(), consistency.Policy{}, w.flow("a reference", order{}), consistency.Pending{}, &course)
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

// pendingBytes returns how much memory each of n pending jobs takes in the
// Submitter beyond its payload.
func pendingBytes(t testing.TB, n int) (each int64, goroutines int) {
	w := &world{lag: 24 * time.Hour}
	store := &frugal{Memory: submit.NewMemory()}
	leftBehind(t, store, w, n)
	s, err := submit.New(options{Store: store, Flow: w.flow, Workers: 8, Policy: consistency.Policy{
		Within:   48 * time.Hour,
		Schedule: readback.Backoff{Initial: 24 * time.Hour}, // one read each, then all is quiet
	}})
	require.NoError(t, err)
	before, others := heap(), runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var run sync.WaitGroup
	run.Go(func() { s.Run(ctx) })
	require.True(t, reading(s, n))
	for w.readsSoFar() < n {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond)
	goroutines = runtime.NumGoroutine() - others
	each = (heap()-before)/int64(n) - int64(payloadBytes)
	cancel()
	run.Wait()
	return each, goroutines
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
	each, goroutines := pendingBytes(t, 40_000)
	t.Log("bytes each:", each, "goroutines:", goroutines)
	assert.Less(t, each, int64(400))
	assert.Less(t, goroutines, 20)
}

// A million pending confirmations, in one process.
func BenchmarkPending(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint("jobs=", n), func(b *testing.B) {
			for b.Loop() {
				each, goroutines := pendingBytes(b, n)
				require.Less(b, each, int64(400))
				require.Less(b, goroutines, 20)
				b.ReportMetric(float64(each), "B/job")
				b.ReportMetric(float64(goroutines), "goroutines")
			}
		})
	}
}

// Thousands of jobs at once: all are sent once and confirmed.
func TestScale_many(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const jobs = 5_000
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
