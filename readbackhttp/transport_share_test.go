package readbackhttp_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Many who wait for the same read cost the polls of one, and a read each.
func TestTransport_waitTogether(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const waiters = 1000
		m := newModel(4500 * time.Millisecond)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		for range waiters {
			wg.Go(func() {
				got, err := ask(t.Context(), client, "GET", api+"/a")
				assert.NoError(t, err)
				assert.Equal(t, "200 new", got)
			})
		}
		wg.Wait()
		assert.Equal(t, 5*time.Second, time.Since(m.start))
		counts := map[time.Duration]int{}
		for _, at := range m.times() {
			counts[at]++
		}
		assert.Equal(t, map[time.Duration]int{
			0:               waiters, // the reads that found nothing
			1 * time.Second: 1, 2 * time.Second: 1, 3 * time.Second: 1, 4 * time.Second: 1,
			5 * time.Second: 1 + waiters - 1, // the last poll, and a read for each of the others
		}, counts)
	})
}

// The answers are not shared: each has its own, and what differs is not the same
// read.
func TestTransport_waitApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newModel(1500 * time.Millisecond)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, slowly)}
		urls := []string{"/a", "/a?x=1", "/b"}
		for _, u := range urls {
			answered(t, "204", client, "PUT", api+u)
		}
		var wg sync.WaitGroup
		for _, u := range urls {
			wg.Go(func() { answered(t, "200 new", client, "GET", api+u) })
			wg.Go(func() {
				hold := readbackhttp.Hold{Match: func(readbackhttp.Ref, *readbackhttp.Document) bool { return true }}
				got, err := ask(readbackhttp.WithHold(t.Context(), hold), client, "GET", api+u)
				assert.NoError(t, err)
				assert.Equal(t, "200 new", got)
			})
		}
		wg.Wait()
		assert.Len(t, m.times(), 6*3)
	})
}

// A leader that leaves hands over, and the plan goes on as if nothing had
// happened.
func TestTransport_handOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newModel(6500 * time.Millisecond)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		for i := range 5 { // they leave after 1.5 s, 2.5 s, 3.5 s and 4.5 s
			ctx, cancel := context.WithCancelCause(t.Context())
			wg.Go(func() {
				got, err := ask(ctx, client, "GET", api+"/a")
				if i < 4 {
					assert.ErrorIs(t, err, errGone)
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, "200 new", got)
				cancel(nil)
			})
			if i < 4 {
				time.AfterFunc(time.Duration(i)*time.Second+1500*time.Millisecond, func() { cancel(errGone) })
			}
			time.Sleep(time.Millisecond) // so that the first leads
		}
		wg.Wait()
		times := m.times()[5:]
		want := []time.Duration{1, 2, 3, 4, 5, 6, 7}
		for i := range want {
			want[i] *= time.Second
		}
		assert.Equal(t, want, times)
	})
}

// Who has less time reads once before it is over, and leaves.
func TestTransport_shorterDeadlines(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newModel(3500 * time.Millisecond)
		m.takes = 10 * time.Millisecond
		client := &http.Client{Transport: readbackhttp.NewTransport(m, slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		ask := func(within time.Duration, want string, at time.Duration) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				got, err := ask(ctx, client, "GET", api+"/a")
				assert.NoError(t, err)
				assert.Equal(t, want, got)
				assert.Equal(t, at, time.Since(m.start), "within %v", within)
			})
		}
		ask(20*time.Second, "200 new", 4050*time.Millisecond)
		time.Sleep(time.Millisecond)
		ask(2500*time.Millisecond, "404 none", 2471*time.Millisecond) // its own read, a reserve before its end
		ask(3700*time.Millisecond, "200 new", 3671*time.Millisecond)  // found what the leader had yet to see
		wg.Wait()
	})
}

// A panic in a function of the user's leaves nobody waiting for ever.
func TestTransport_panicLeavesNobodyWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		panicked := false
		options.Policy.Observer = func(e consistency.Event) {
			if e.N == 2 && !panicked {
				panicked = true
				panic("observer")
			}
		}
		m := newModel(1500 * time.Millisecond)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.PanicsWithValue(t, "observer", func() { _, _ = ask(t.Context(), client, "GET", api+"/a") })
		})
		time.Sleep(time.Millisecond)
		wg.Go(func() { answered(t, "200 new", client, "GET", api+"/a") })
		wg.Wait()
	})
}

// A server that flips for ever ends nothing and is polled no faster.
func TestTransport_flappingIsPolledNoFaster(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var n atomic.Int32
		start := time.Now()
		base := transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == "GET" && n.Add(1)%2 == 1 {
				return reply(req, 404, ""), nil
			}
			return reply(req, 200, ""), nil
		})
		client := &http.Client{Transport: readbackhttp.NewTransport(base, slowly)}
		answered(t, "200", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				got, err := ask(t.Context(), client, "GET", api+"/a")
				assert.NoError(t, err)
				assert.Contains(t, []string{"200", "404"}, got)
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, time.Since(start), 30*time.Second)
		assert.LessOrEqual(t, n.Load(), int32(600))
	})
}

// What one replica shows, another may not: whose own read finds nothing waits on.
func TestTransport_replicas(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		reads := map[string]int{}
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			who := req.Header.Get("X-Who")
			mu.Lock()
			defer mu.Unlock()
			reads[who]++
			if req.Method == "GET" && (reads[who] == 1 || who == "second" && time.Since(start) < 3500*time.Millisecond) {
				return reply(req, 404, ""), nil
			}
			return reply(req, 200, ""), nil
		}), slowly)}
		answered(t, "200", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		for _, who := range []string{"first", "second"} {
			wg.Go(func() { answered(t, "200", client, "GET", api+"/a", "X-Who: "+who) })
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		// At once, with the first at 1 s, and then a poll each second.
		assert.Equal(t, map[string]int{"": 1, "first": 2, "second": 5}, reads)
		assert.Equal(t, 4*time.Second, time.Since(start))
	})
}

// Who comes when the others are about to leave waits anew, and polls no faster.
func TestTransport_lateComer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start := time.Now()
		reads := map[string]int{}
		var mu sync.Mutex
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			if req.Method != "GET" {
				return reply(req, 204, ""), nil
			}
			who := req.Header.Get("X-Who")
			mu.Lock()
			reads[who]++
			n := reads[who]
			mu.Unlock()
			switch {
			case n == 1 || who == "late" && time.Since(start) < 4*time.Second:
				return reply(req, 404, ""), nil // by a replica that is behind
			case who == "second":
				time.Sleep(5 * time.Second)
			}
			return reply(req, 200, ""), nil
		}), slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		for _, who := range []string{"first", "second", "late"} {
			wg.Go(func() { answered(t, "200", client, "GET", api+"/a", "X-Who: "+who) })
			time.Sleep(time.Millisecond)
			if who == "second" {
				time.Sleep(1500 * time.Millisecond)
			}
		}
		wg.Wait()
		assert.Equal(t, map[string]int{"first": 2, "second": 2, "late": 4}, reads)
	})
}
