package proxy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// flows writes and reads n things through a proxy that learns, each read a while
// after the write, and returns the mean time that reads were held, and of polls.
func flows(t *testing.T, s *service, learned *readback.Learned, n int, later time.Duration) (waited time.Duration, reads float64) {
	t.Helper()
	p := before(t, s, proxy.Options{Learned: learned})
	held := 0
	for i := range n {
		at := fmt.Sprint("/things/", n, "-", i)
		ask(p, "PUT", at)
		time.Sleep(later)
		var r int
		var elapsed float64
		resp := ask(p, "GET", at)
		assert.Equal(t, 200, resp.StatusCode)
		if _, err := fmt.Sscanf(resp.Header.Get(proxy.Header), "confirmed; reads=%d; elapsed=%f", &r, &elapsed); err == nil {
			held++
			waited += time.Duration(elapsed * 1e9)
			reads += float64(r)
		}
	}
	return waited / time.Duration(max(held, 1)), reads / float64(max(held, 1))
}

// A proxy learns how long a read waits that came too early, from whenever it
// comes.
func TestProxy_learns(t *testing.T) {
	tests := []struct {
		name  string
		later time.Duration // reads than writes
		want  time.Duration // what is left of a lag of 2 s
	}{
		{"read at once", 0, 2 * time.Second},
		{"read late", 1500 * time.Millisecond, 500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(2 * time.Second)
				learned := readback.NewLearned(readback.LearnedOptions{Seed: 1})
				flows(t, s, learned, 100, tt.later)
				assert.InEpsilon(t, tt.want, learned.Quantile(0.5), 0.1)
				waited, reads := flows(t, s, learned, 50, tt.later)
				assert.Less(t, waited-tt.want, tt.want/10, "overshoot")
				assert.Less(t, reads, 4.0)
			})
		})
	}
}

// Reads that are not held teach nothing, and do not hide the others: half of the
// writes are visible at once.
func TestProxy_learnsOfHeldReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(0)
		n := 0
		s.lag = func() time.Duration { n++; return time.Duration(n%2) * 2 * time.Second }
		learned := readback.NewLearned(readback.LearnedOptions{Seed: 1})
		flows(t, s, learned, 200, 0)
		assert.InEpsilon(t, 2*time.Second, learned.Quantile(0.1), 0.1)
		assert.InEpsilon(t, 2*time.Second, learned.Quantile(0.9), 0.1)
	})
}

// Lags that end after the window are not taken for shorter ones.
func TestProxy_learnsOfLongLags(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(0)
		n := 0
		s.lag = func() time.Duration { n++; return time.Duration(1+n%2*9) * time.Second } // 1 or 10 s
		learned := readback.NewLearned(readback.LearnedOptions{Seed: 1})
		hold := everySecond
		hold.Policy.Within = 5 * time.Second
		p := before(t, s, proxy.Options{Learned: learned, Hold: hold})
		for i := range 300 {
			at := fmt.Sprint("/things/", i)
			ask(p, "PUT", at)
			ask(p, "GET", at)
		}
		assert.Less(t, learned.Quantile(0.4), 1500*time.Millisecond)
		assert.Greater(t, learned.Quantile(0.6), 4900*time.Millisecond)
	})
}

// Many who wait for one thing teach once.
func TestProxy_learnsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(0)
		lag := 20 * time.Second // of one slow write that fifty wait for
		s.lag = func() time.Duration { return lag }
		learned := readback.NewLearned(readback.LearnedOptions{Seed: 1})
		p := before(t, s, proxy.Options{Learned: learned})
		ask(p, "PUT", "/things/slow")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { assert.Equal(t, 200, ask(p, "GET", "/things/slow").StatusCode) })
		}
		all.Wait()
		lag = 200 * time.Millisecond
		flows(t, s, learned, 30, 0)
		assert.Less(t, learned.Quantile(0.8), time.Second)
	})
}

// Clients that go away teach that it takes longer than they waited.
func TestProxy_clientGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(2 * time.Second)
		learned := readback.NewLearned(readback.LearnedOptions{Seed: 1})
		meter := proxy.NewMeter()
		p := before(t, s, proxy.Options{Learned: learned, Meter: meter})
		for i := range 100 {
			at := fmt.Sprint("/things/", i)
			ask(p, "PUT", at)
			ctx, gone := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, gone)
			r := httptest.NewRequest("GET", at, strings.NewReader("")).WithContext(ctx)
			r.Host, r.Body = "localhost", http.NoBody
			start := time.Now()
			p.ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, time.Second, time.Since(start))
		}
		assert.Greater(t, learned.Quantile(0.1), 900*time.Millisecond)
		w := httptest.NewRecorder()
		meter.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		assert.Contains(t, w.Body.String(), `readback_proxy_held_total{outcome="unconfirmed"} 100`)
		assert.Contains(t, w.Body.String(), `readback_proxy_failures_total{kind="cancelled"} 100`)
	})
}
