package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"

	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"k8s.io/apimachinery/pkg/util/wait"
)

// flows is how many wait at the same time.
const flows = 20000

// waiters each read once, find nothing, and wait for an hour. Each calls
// waiting after its first read.
var waiters = []struct {
	name string
	wait func(ctx context.Context, read func(context.Context) (*thing, error))
}{
	{"sleeping-goroutine", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		_, _ = read(ctx)
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}},
	{"readback-until", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		_, _ = poll.Until(ctx, read, found, poll.Options{Schedule: hourly, Within: 10 * time.Hour})
	}},
	{"readback-until-no-read-timeout", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		_, _ = poll.Until(ctx, read, found, poll.Options{Schedule: hourly, Within: 10 * time.Hour, ReadTimeout: poll.NoTimeout})
	}},
	{"readback-do", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		flow := consistency.Create("wait", func(context.Context) (string, error) { return "alpha", nil },
			func(ctx context.Context, _ string) (*thing, error) { return read(ctx) })
		_, _ = consistency.Do(ctx, consistency.Policy{Schedule: hourly, Within: 10 * time.Hour, SingleAttempt: true}, flow)
	}},
	{"readback-do-traced", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		flow := consistency.Create("wait", func(context.Context) (string, error) { return "alpha", nil },
			func(ctx context.Context, _ string) (*thing, error) { return read(ctx) })
		_, _ = consistency.Do(ctx, consistency.Policy{Schedule: hourly, Within: 10 * time.Hour}, flow)
	}},
	{"backoff-v4", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		b := backoff4.NewExponentialBackOff(backoff4.WithInitialInterval(time.Hour), backoff4.WithMaxInterval(time.Hour), backoff4.WithMaxElapsedTime(0))
		_, _ = backoff4.RetryWithData(func() (*thing, error) { return read(ctx) }, backoff4.WithContext(b, ctx))
	}},
	{"backoff-v5", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		b := backoff5.NewExponentialBackOff()
		b.InitialInterval, b.MaxInterval = time.Hour, time.Hour
		_, _ = backoff5.Retry(ctx, func() (*thing, error) { return read(ctx) }, backoff5.WithBackOff(b), backoff5.WithMaxElapsedTime(0))
	}},
	{"k8s-wait", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		_ = wait.PollUntilContextTimeout(ctx, time.Hour, 10*time.Hour, true, func(ctx context.Context) (bool, error) {
			_, err := read(ctx)
			return err == nil, nil
		})
	}},
	{"terraform", func(ctx context.Context, read func(context.Context) (*thing, error)) {
		state := retry.StateChangeConf{
			Target: []string{"there"}, Pending: []string{"missing"}, PollInterval: time.Minute, Timeout: time.Hour,
			Refresh: func() (any, string, error) { _, _ = read(ctx); return it, "missing", nil },
		}
		_, _ = state.WaitForStateContext(ctx)
	}},
}

var hourly readback.Schedule = readback.Backoff{Initial: time.Hour, Max: time.Hour, NoJitter: true}

// BenchmarkWaiting measures the memory of a flow that waits, stacks included,
// and how many goroutines it takes. A read that does nothing leaves the stack as
// small as the waiter itself needs it; one by net/http leaves it as it is in a
// program.
func BenchmarkWaiting(b *testing.B) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 4}}
	defer client.CloseIdleConnections()
	for _, read := range []struct {
		name string
		read func(context.Context) (*thing, error)
	}{
		{"no-read", func(context.Context) (*thing, error) { return nil, errStill }},
		{"http-read", func(ctx context.Context) (*thing, error) {
			req, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
			if err != nil {
				return nil, err
			}
			resp, err := client.Do(req)
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return nil, errStill
		}},
	} {
		for _, w := range waiters {
			b.Run(read.name+"/"+w.name, func(b *testing.B) {
				for b.Loop() {
					bytes, goroutines := measure(w.wait, read.read)
					b.ReportMetric(bytes, "B/flow")
					b.ReportMetric(goroutines, "goroutines/flow")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// settle returns when no goroutine but the caller's can run: those whose last read
// has returned wait.
func settle() {
	states := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
	}
	for quiet := 0; quiet < 100; quiet++ { // the counts are approximate
		runtime.Gosched()
		metrics.Read(states)
		if states[0].Value.Uint64() > 0 || states[1].Value.Uint64() > 1 {
			quiet = 0
		}
	}
}

func measure(waiter func(context.Context, func(context.Context) (*thing, error)), read func(context.Context) (*thing, error)) (bytes, goroutines float64) {
	ctx, cancel := context.WithCancel(context.Background())
	var all, reading sync.WaitGroup
	once := func(ctx context.Context) (*thing, error) {
		defer reading.Done()
		return read(ctx)
	}
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before, running := memory(), runtime.NumGoroutine()
	reading.Add(flows)
	for range flows {
		all.Go(func() { waiter(ctx, once) })
	}
	reading.Wait()
	settle()
	bytes = float64(memory()-before) / flows
	goroutines = float64(runtime.NumGoroutine()-running) / flows
	cancel()
	all.Wait()
	return bytes, goroutines
}
