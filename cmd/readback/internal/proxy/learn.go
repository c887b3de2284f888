package proxy

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

// lessons teach a schedule from the reads that were held.
//
// They are not the whole lag, as a flow of package consistency learns it. The proxy
// sees only the long lags: a read that shows the write at once is not held. But the
// schedule is used only for reads that are held, and its times count from the
// beginning of the wait. So it learns the remaining lag: the time from a first read
// that came too early until the write is visible. Every held read is such a sample
// and nothing else is, so the sample is complete.
//
// A hold that ends with the window or with the client is a censored sample: the
// remaining lag is longer than up to its last read. A hold that ends for another
// reason is no sample. Of clients that wait for the same read at the same time only
// one counts.
type lessons struct {
	learner readback.Learner
	seed    maphash.Seed

	mu     sync.Mutex
	taught map[uint64]time.Time // when a hold of that read was learned from
}

const mostTaught = 1024

func newLessons(learner readback.Learner) *lessons {
	return &lessons{learner: learner, seed: maphash.MakeSeed(), taught: make(map[uint64]time.Time)}
}

// learn learns from a read that was held.
func (l *lessons) learn(req *http.Request, r *readbackhttp.Report) {
	shown := r.Outcome == consistency.Confirmed
	cut := errors.Is(r.Err, poll.ErrDeadline) || errors.Is(r.Err, context.Canceled)
	if !shown && !cut || !l.alone(req, time.Now(), r.Elapsed) {
		return
	}
	lag := r.History.Lag()
	for first := range r.History.All() {
		lag.After = max(lag.After-first.Ended, 0)
		lag.By = max(lag.By-first.Ended, 0)
		lag.Deadline = r.Elapsed
		break
	}
	if !shown {
		lag.By = -1
	}
	l.learner.Observe(lag)
}

// alone reports whether no other hold of the same read was learned from since this
// one began, and notes this one.
func (l *lessons) alone(req *http.Request, now time.Time, waited time.Duration) bool {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(req.Method + " " + req.URL.RequestURI())
	for _, name := range [...]string{"Authorization", "Cookie"} {
		for _, value := range req.Header[name] {
			_, _ = h.WriteString("\n" + value)
		}
	}
	key := h.Sum64()
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.taught[key]; ok && now.Add(-waited).Before(at) {
		return false
	}
	if len(l.taught) >= mostTaught {
		clear(l.taught)
	}
	l.taught[key] = now
	return true
}
