package readbackhttp_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// model is a service in memory whose reads show a write after a while.
type model struct {
	mu    sync.Mutex
	shown time.Time       // when reads show it
	takes time.Duration   // a read
	reads []time.Duration // when they began
	start time.Time
	fault int // status of polls in place of 404; 0 is none
}

func newModel(lag time.Duration) *model {
	now := time.Now()
	return &model{start: now, shown: now.Add(lag)}
}

func (m *model) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != "GET" {
		return reply(req, 204, ""), nil
	}
	m.mu.Lock()
	began := time.Now()
	m.reads = append(m.reads, began.Sub(m.start))
	m.mu.Unlock()
	if m.takes > 0 {
		select {
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		case <-time.After(m.takes):
		}
	}
	if began.Before(m.shown) {
		return reply(req, 404, "none"), nil
	}
	return reply(req, 200, "new"), nil
}

func (m *model) times() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Duration(nil), m.reads...)
}

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
			time.Sleep(0)
		}
		ask(20*time.Second, "200 new", 4050*time.Millisecond)
		time.Sleep(time.Millisecond)
		ask(2500*time.Millisecond, "404 none", 2471*time.Millisecond) // its own read, a reserve before its end
		ask(3700*time.Millisecond, "200 new", 3671*time.Millisecond)  // found what the leader had yet to see
		wg.Wait()
	})
}

// A panic in a function of the user's leaves nobody waiting for ever.
func TestTransport_panic(t *testing.T) {
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
func TestTransport_flapping(t *testing.T) {
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

// The limit holds for all polls to one origin, and only for those.
func TestTransport_pollsPerSecond(t *testing.T) {
	t.Parallel()
	t.Run("spaced", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			options := slowly
			options.PollsPerSecond = 2
			m := newModel(20500 * time.Millisecond)
			client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
			var wg sync.WaitGroup
			for _, u := range []string{"/a", "/b", "/c", "/d", "/e"} {
				answered(t, "204", client, "PUT", api+u)
				wg.Go(func() { answered(t, "200 new", client, "GET", api+u) })
			}
			wg.Wait()
			times := m.times()[5:]
			for i := range times[1:] {
				assert.GreaterOrEqual(t, times[i+1]-times[i], 500*time.Millisecond-time.Microsecond)
			}
			assert.Less(t, time.Since(m.start), 25*time.Second)
		})
	})
	t.Run("origins apart", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			options := slowly
			options.PollsPerSecond = 1
			m := newModel(500 * time.Millisecond)
			client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
			var wg sync.WaitGroup
			for _, host := range []string{"http://a.test/", "http://b.test/", "http://c.test/"} {
				answered(t, "204", client, "PUT", host)
				wg.Go(func() { answered(t, "200 new", client, "GET", host) })
			}
			wg.Wait()
			assert.Equal(t, time.Second, time.Since(m.start))
		})
	})
	t.Run("no room", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			options := slowly
			options.PollsPerSecond = 0.01 // one in 100 s
			m := newModel(time.Hour)
			client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
			var report readbackhttp.Report
			for _, u := range []string{"/a", "/b"} {
				answered(t, "204", client, "PUT", api+u)
				ctx := readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report})
				got, err := ask(ctx, client, "GET", api+u)
				require.NoError(t, err)
				assert.Equal(t, "404 none", got)
			}
			assert.Len(t, m.times(), 2+1)
			assert.Equal(t, consistency.Unconfirmed, report.Outcome)
			assert.NotContains(t, report.Err.Error(), "context deadline")
		})
	})
}

// While a read is held, it has no connection, and no goroutine but its own.
func TestTransport_mixed(t *testing.T) {
	const goroutines = 64
	m := newModel(0)
	var n atomic.Int32
	base := transport(func(req *http.Request) (*http.Response, error) {
		if req.Context().Err() != nil {
			return nil, context.Cause(req.Context())
		}
		switch {
		case req.Method == "POST":
			resp := reply(req, 201, "")
			resp.Header.Set("Location", req.URL.Path+"/7")
			return resp, nil
		case req.Method == "GET" && n.Add(1)%3 != 0:
			return reply(req, 404, "none"), nil
		}
		return m.RoundTrip(req)
	})
	options := readbackhttp.TransportOptions{MaxWrites: 8, Remember: 50 * time.Millisecond, PollsPerSecond: 1e6, HoldDeleted: true, Token: readbackhttp.Vault()}
	options.Policy.Within = 20 * time.Millisecond
	client := &http.Client{Transport: readbackhttp.NewTransport(base, options)}
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			methods := []string{"PUT", "GET", "GET", "POST", "GET", "DELETE", "GET", "PATCH", "HEAD"}
			for j := range 60 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+(i+j)%30)*time.Millisecond)
				if j%7 == 0 {
					time.AfterFunc(time.Millisecond, cancel)
				}
				path := api + "/" + string(rune('a'+(i*j)%12))
				got, err := ask(ctx, client, methods[(i+j)%len(methods)], path)
				if err != nil {
					assert.True(t, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded), "%v", err)
				} else {
					assert.NotEmpty(t, got)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}
