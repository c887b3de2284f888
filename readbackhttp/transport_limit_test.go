package readbackhttp_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// The limit holds for all polls to one origin, and only for those.
func TestTransport_pollsPerSecond(t *testing.T) {
	t.Parallel()
	bubble(t, "spaced", func(t *testing.T) {
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
	bubble(t, "origins apart", func(t *testing.T) {
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
	bubble(t, "a turn that is waited for is no slow server", func(t *testing.T) {
		options := slowly
		options.PollsPerSecond = 0.2
		m := newModel(15 * time.Second)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		answered(t, "204", client, "PUT", api+"/a")
		answeredIn(within(t, 20*time.Second), t, "200 new", client, "GET", api+"/a")
		assert.Equal(t, 16*time.Second, time.Since(m.start)) // after polls at 1 s, 6 s and 11 s
	})
	bubble(t, "no room", func(t *testing.T) {
		options := slowly
		options.PollsPerSecond = 0.01 // one in 100 s
		m := newModel(time.Hour)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		var report readbackhttp.Report
		for _, u := range []string{"/a", "/b"} {
			answered(t, "204", client, "PUT", api+u)
			ctx := readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report})
			answeredIn(ctx, t, "404 none", client, "GET", api+u)
		}
		assert.Len(t, m.times(), 2+1)
		assert.Equal(t, consistency.Unconfirmed, report.Outcome)
		require.ErrorContains(t, report.Err, "the limit of polls per second left no room")
		assert.NotContains(t, report.Err.Error(), "context deadline")
	})
	bubble(t, "what was not sent does not count", func(t *testing.T) {
		options := slowly
		options.PollsPerSecond = 0.1
		m := newModel(time.Hour)
		client := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		ctx := readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Within: 2500 * time.Millisecond})
		for _, u := range []string{"/a", "/b", "/c"} { // only the first finds room, at 1 s
			answered(t, "204", client, "PUT", api+u)
			answeredIn(ctx, t, "404 none", client, "GET", api+u)
		}
		time.Sleep(2500 * time.Millisecond)
		answered(t, "204", client, "PUT", api+"/d")
		answeredIn(ctx, t, "404 none", client, "GET", api+"/d")
		times := m.times()
		assert.Len(t, times, 4+2)
		assert.Equal(t, 11*time.Second, times[5])
	})
}
