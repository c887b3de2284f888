package readbackhttp_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

// The window of the first answer counts from the first poll on, also if that
// says nothing.
func TestTransport_windowOfFirstAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "503", "503", "200"}}.handler())
		client := s.over(readbackhttp.TransportOptions{Policy: consistency.Policy{
			Schedule: readback.Backoff{Initial: time.Second, Multiplier: 10, Max: time.Hour, NoJitter: true},
			Windows:  consistency.Windows{NotFound: 2500 * time.Millisecond},
		}})
		answered(t, "204", client, "PUT", api+"/a")
		var report readbackhttp.Report
		began := time.Now()
		got, err := ask(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report}), client, "GET", api+"/a")
		require.NoError(t, err)
		assert.Equal(t, "404", got)
		assert.Equal(t, 2500*time.Millisecond, time.Since(began))
		assert.ErrorIs(t, report.Err, poll.ErrWindow)
		for _, read := range s.reads() {
			assert.Less(t, read.At, 2500*time.Millisecond)
		}
	})
}

// A 404 after a 403 has the time that a 404 has, not what is left of a 403's.
func TestTransport_windowGrows(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client := serve(t, script{"PUT /a": {"204"}, "GET /a": {"403", "404", "404", "404", "404", "200"}}.handler()).over(
			readbackhttp.TransportOptions{Policy: consistency.Policy{
				Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true},
				Windows:  consistency.Windows{Forbidden: 2500 * time.Millisecond},
			}})
		answered(t, "204", client, "PUT", api+"/a")
		answered(t, "200", client, "GET", api+"/a")
	})
}

// One who waits for another's poll looks once at the end of the window, and waits
// on if what it finds is another reason.
func TestTransport_windowGrowsForFollower(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var reads atomic.Int32
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPut {
				return reply(req, 204, ""), nil
			}
			n := reads.Add(1)
			time.Sleep(time.Millisecond)
			switch {
			case n <= 2: // the reads that find nothing
				return reply(req, 403, ""), nil
			case n <= 4: // the closing ones of the 403
				return reply(req, 404, ""), nil
			}
			return reply(req, 200, "new"), nil
		}), readbackhttp.TransportOptions{Policy: consistency.Policy{
			Schedule: readback.Backoff{Initial: time.Minute, Max: time.Minute, NoJitter: true},
			Windows:  consistency.Windows{Forbidden: time.Second},
		}})}
		answered(t, "204", client, "PUT", api+"/a")
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { answered(t, "200 new", client, "GET", api+"/a") })
		}
		both.Wait()
	})
}

// One who has waited for another's poll, and whose own read then hangs, gives that
// up in time for one more: as any poll, after 10 s if the policy says nothing else,
// and before the window ends.
func TestTransport_followerHangs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		within time.Duration
		takes  time.Duration
	}{
		{"to the end of its timeout", 0, 12*time.Second + 3*time.Millisecond}, // 1 s, the 10 s, the next poll, and its reads
		{"until the window ends", 10 * time.Second, 10*time.Second - time.Millisecond},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			start := time.Now()
			var reads atomic.Int32
			options := slowly
			options.Policy.Within = tt.within
			client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPut {
					return reply(req, 204, ""), nil
				}
				switch time.Sleep(time.Millisecond); reads.Add(1) {
				case 1, 2: // the reads that find nothing
					return reply(req, 404, ""), nil
				case 4: // the follower's own
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				return reply(req, 200, "new"), nil
			}), options)}
			answered(t, "204", client, "PUT", api+"/a")
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { answered(t, "200 new", client, "GET", api+"/a") })
			}
			both.Wait()
			assert.EqualValues(t, 5, reads.Load())
			assert.Equal(t, tt.takes, time.Since(start))
		})
	}
}
