package readbackhttp_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// Not parallel: these count what the whole process has.

// Many distinct paths, hosts and credentials fill a memory that has an end.
func TestTransport_memoryBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == "GET" {
				return reply(req, 404, ""), nil
			}
			return reply(req, 204, ""), nil
		})
		options := slowly
		options.PollsPerSecond = 1000
		tr := readbackhttp.NewTransport(base, options)
		before := heap()
		const writes = 50_000
		for i := range writes {
			host := fmt.Sprintf("http://%d.test/%d?x=%d", i, i, i)
			resp, err := tr.RoundTrip(with(send("PUT", host, ""), "Authorization", fmt.Sprint(i)))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			if i%100 == 0 {
				hold := readbackhttp.Hold{Within: 10 * time.Millisecond}
				req := with(send("GET", host, ""), "Authorization", fmt.Sprint(i))
				_, err = tr.RoundTrip(req.WithContext(readbackhttp.WithHold(t.Context(), hold)))
				require.NoError(t, err)
			}
		}
		grown := heap() - before
		t.Logf("%d bytes after %d writes", grown, writes)
		assert.Less(t, grown, int64(10_000*400))
		runtime.KeepAlive(tr)
	})
}

// The limit of polls keeps nothing of origins that are polled no more.
func TestTransport_limitBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == "GET" {
				return reply(req, 404, ""), nil
			}
			return reply(req, 204, ""), nil
		})
		tr := readbackhttp.NewTransport(base, readbackhttp.TransportOptions{MaxWrites: 1, PollsPerSecond: 1000})
		before := heap()
		for i := range 5000 {
			origin := fmt.Sprintf("http://%d.test", i)
			_, err := tr.RoundTrip(send("PUT", origin, ""))
			require.NoError(t, err)
			hold := readbackhttp.Hold{Within: 10 * time.Millisecond}
			_, err = tr.RoundTrip(send("GET", origin, "").WithContext(readbackhttp.WithHold(t.Context(), hold)))
			require.NoError(t, err)
		}
		assert.Less(t, heap()-before, int64(200_000))
		runtime.KeepAlive(tr)
	})
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// A read that waits has no goroutine but its own.
func TestTransport_noGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 200
		m := newModel(1500 * time.Millisecond)
		m.status = 201
		client := &http.Client{Transport: readbackhttp.NewTransport(m, slowly)}
		answered(t, "201", client, "PUT", api+"/a")
		before := goroutines()
		var wg sync.WaitGroup
		for i := range waiters {
			path := api + "/a"
			if i%2 == 0 {
				path += fmt.Sprint("/", i)
			}
			wg.Go(func() { answered(t, "200 new", client, "GET", path) })
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, before+waiters, goroutines())
		wg.Wait()
		synctest.Wait()
		assert.Equal(t, before, goroutines())
	})
}

// goroutines returns how many there are in bubbles, and so in the only one.
func goroutines() int {
	stacks := make([]byte, 8<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble ")
}

// A read that waits has no connection: others go on with it.
func TestTransport_freesConnection(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | not yet", "404 | not yet", "200 | new"}, "GET /b": {"200 | other"}}.handler())
		s.Client.Transport.(*http.Transport).MaxConnsPerHost = 1
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		var wg sync.WaitGroup
		wg.Go(func() { answered(t, "200 new", client, "GET", api+"/a") })
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		answered(t, "200 other", client, "GET", api+"/b")
		assert.Zero(t, time.Since(start))
		wg.Wait()
		assert.Equal(t, int32(1), s.conns.Load())
	})
}
