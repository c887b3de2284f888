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
// A flow of package consistency learns the lag, since it sees all of it. Here
// only the long lags are seen: what was visible by the client's first read is
// not held. But the schedule is asked only when a read is held, for times since
// the waiting began. So that is what it is taught: how much longer it takes once
// a first read came too early. Every held read tells it, and no other is asked
// for it: nothing is missing from the sample.
//
// A hold that the end of the window or the client cut short tells that it takes
// longer than up to its last miss. One that something else ended tells nothing.
// Of clients that waited for the same read together one tells.
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

// alone reports whether nobody else taught of the same read since this one began
// to wait.
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
