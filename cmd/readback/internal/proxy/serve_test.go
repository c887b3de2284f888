package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// blocking is an upstream whose answers wait for a word.
type blocking struct{ came, goOn chan struct{} }

func newBlocking() *blocking { return &blocking{came: make(chan struct{}), goOn: make(chan struct{})} }

func (b *blocking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	b.came <- struct{}{}
	select {
	case <-b.goOn:
	case <-r.Context().Done():
	}
	_, _ = io.WriteString(w, "answered")
}

// stoppable returns a proxy before an upstream, and what stops it.
func stoppable(t *testing.T, h http.Handler, grace time.Duration) (url string, stop func() error) {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	p, err := proxy.New(proxy.Options{Upstream: parse(t, upstream.URL), Hold: quickly})
	require.NoError(t, err)
	url, stop = listenAndServe(t, p, grace)
	t.Cleanup(func() { _ = stop() })
	return url, stop
}

// What is in flight is answered; nobody else is let in.
func TestServe_stops(t *testing.T) {
	t.Parallel()
	clients := map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBlocking()
			url, stop := stoppable(t, b, time.Minute)
			answer := make(chan string, 1)
			go func() {
				resp, err := client.Post(url, "", http.NoBody)
				if err != nil {
					answer <- err.Error()
					return
				}
				body, _ := io.ReadAll(resp.Body)
				answer <- string(body)
			}()
			<-b.came
			stopped := make(chan error, 1)
			go func() { stopped <- stop() }()
			untilRefused(t, url)
			assert.Empty(t, stopped, "a request is in flight")
			b.goOn <- struct{}{}
			assert.Equal(t, "answered", <-answer)
			assert.NoError(t, <-stopped)
		})
	}
}

// A read that is held is in flight, too.
func TestServe_stopsAfterHold(t *testing.T) {
	t.Parallel()
	s := newService(time.Hour)
	url, stop := stoppable(t, s, time.Minute)
	at, err := post(newClient(t), url+"/things", "body")
	require.NoError(t, err)
	answer := make(chan error, 1)
	go func() { answer <- get(newClient(t), url+at, 200) }()
	require.Eventually(t, func() bool { return len(s.requests()) >= 2 }, time.Minute, time.Millisecond)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	untilRefused(t, url)
	s.show()
	assert.NoError(t, <-answer)
	assert.NoError(t, <-stopped)
}

// So are a thousand of them.
func TestServe_stopsAfterManyHolds(t *testing.T) {
	t.Parallel()
	const (
		many   = 1000
		longer = 10 * time.Minute // than any machine takes, however busy
	)
	s, meter := newService(time.Hour), proxy.NewMeter()
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	p, err := proxy.New(proxy.Options{Upstream: parse(t, upstream.URL), Meter: meter, Hold: readbackhttp.TransportOptions{
		Remember: longer,
		Policy:   consistency.Policy{Within: longer, Schedule: readback.Backoff{Initial: time.Second, Max: time.Second}},
	}})
	require.NoError(t, err)
	url, stop := listenAndServe(t, p, longer)
	client := newClient(t)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			at, err := post(client, url+"/things", fmt.Sprint("body ", i))
			if assert.NoError(t, err) {
				assert.NoError(t, get(client, url+at, 200))
			}
		})
	}
	require.Eventually(t, func() bool {
		return strings.Contains(metrics(t, meter), fmt.Sprintf("in_flight_requests %d\n", many)) && s.read() == many
	}, longer, 50*time.Millisecond)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	untilRefused(t, url)
	s.show()
	group.Wait()
	assert.NoError(t, <-stopped)
	assert.Contains(t, metrics(t, meter), fmt.Sprintf(`held_total{outcome="confirmed"} %d`, many))
}

// Grace has an end.
func TestServe_cutsOff(t *testing.T) {
	t.Parallel()
	b := newBlocking()
	url, stop := stoppable(t, b, 50*time.Millisecond)
	answer := make(chan error, 1)
	go func() { answer <- get(newClient(t), url, 200) }()
	<-b.came
	err := stop()
	assert.ErrorIs(t, err, proxy.ErrCutOff)
	assert.EqualError(t, err, "requests were cut off: 1 of them after 50ms")
	assert.Error(t, <-answer)
}

// Sockets never end by themselves: they are closed.
func TestServe_closesUpgraded(t *testing.T) {
	t.Parallel()
	url, stop := stoppable(t, http.HandlerFunc(echo), time.Minute)
	conn, in, resp := dialUpgrade(t, url, "websocket")
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	_, err := io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, stop())
	_, err = in.ReadString('\n')
	assert.ErrorIs(t, err, io.EOF)
}

// Clients that send one write after the other never lose one: each is answered,
// or no connection was made. Without Linux, connections that are made in the
// moment that the last is let in may be reset; then nothing was carried out. So may
// one that is silent for longer than it is waited for, as on a busy machine: that
// counts from the request before, or later.
func TestServe_losesNothing(t *testing.T) {
	t.Parallel()
	s := newService(0)
	url, stop := stoppable(t, s, time.Minute)
	var (
		group    sync.WaitGroup
		answered atomic.Int32
		late     atomic.Int32
		enough   = make(chan struct{})
	)
	const (
		farewell = 250 * time.Millisecond
		first    = 5 * time.Second // net/http waits so long for the first request
	)
	for n := range 16 {
		client := newClient(t)
		if n%4 == 0 {
			client = newH2Client(t)
		}
		client.Transport.(*http.Transport).DisableKeepAlives = n%4 == 1
		group.Go(func() {
			before := time.Now()
			for i := 0; ; i++ {
				begun := time.Now()
				_, err := post(client, url+"/things", fmt.Sprint(n, " ", i))
				if err != nil {
					var op *net.OpError
					switch {
					case errors.As(err, &op) && op.Op == "dial":
					case n%4 != 1 && time.Since(before) >= farewell, time.Since(begun) >= first:
						late.Add(1)
					default:
						assert.True(t, op != nil && runtime.GOOS != "linux", "client %d: request %d, after %v: %v", n, i, time.Since(before), err)
					}
					return
				}
				before = begun
				if answered.Add(1) == 500 {
					close(enough)
				}
			}
		})
	}
	<-enough
	require.NoError(t, stop())
	group.Wait()
	assert.GreaterOrEqual(t, len(s.written()), int(answered.Load()))
	assert.LessOrEqual(t, len(s.written()), int(answered.Load()+late.Load()))
}

// Nothing is left of a proxy that was stopped.
func TestServe_leavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	upstream := httptest.NewServer(newService(5 * time.Millisecond))
	p, err := proxy.New(proxy.Options{Upstream: parse(t, upstream.URL), Hold: quickly})
	require.NoError(t, err)
	url, stop := listenAndServe(t, p, time.Minute)
	client := newClient(t)
	at, err := post(client, url+"/things", "body")
	require.NoError(t, err)
	require.NoError(t, get(client, url+at, 200))
	require.NoError(t, stop())
	client.CloseIdleConnections()
	upstream.Close()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched()
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}
