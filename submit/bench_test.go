package submit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// What a job costs besides the store and the service: intent, answer and
// outcome, and one read.
func BenchmarkSubmit(b *testing.B) {
	w := &world{}
	s, err := submit.New(options{Store: submit.NewMemory(), Flow: w.flow})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	var run sync.WaitGroup
	run.Go(func() { s.Run(ctx) })
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Submit(ctx, fmt.Sprint(n.Add(1)), order{"x"}); err != nil {
				b.Error(err)
			}
		}
	})
	cancel()
	run.Wait()
}

// How long a process takes to take over 100,000 jobs from one that is gone, with
// a store in memory.
func BenchmarkTakeover(b *testing.B) {
	const jobs = 100_000
	for b.Loop() {
		b.StopTimer()
		w := &world{lag: 24 * time.Hour}
		store := submit.NewMemory()
		leftBehind(b, store, w, jobs)
		s, err := submit.New(options{Store: store, Flow: w.flow, Policy: consistency.Policy{
			Within: 48 * time.Hour, Schedule: readback.Backoff{FirstRead: time.Hour},
		}})
		require.NoError(b, err)
		ctx, cancel := context.WithCancel(b.Context())
		var run sync.WaitGroup
		b.StartTimer()
		run.Go(func() { s.Run(ctx) })
		require.True(b, reading(s, jobs))
		b.StopTimer()
		cancel()
		run.Wait()
		b.StartTimer()
	}
}
