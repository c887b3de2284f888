package readbackhttp

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/readback-go/readback/internal/recent"
)

// errLimited is the error of a poll that was not sent, since its turn would come
// too late.
var errLimited = errors.New("readbackhttp: the limit of polls per second left no room for this one")

// limits spaces the polls of each origin.
type limits struct {
	perSecond float64 // 0 is no limit

	mu     sync.Mutex
	origin map[recent.Space]*rate.Limiter
}

// wait returns nil when a poll of the origin may be sent, and errLimited if that
// is not before ctx ends or for longer than most: at once if it is known at once.
func (l *limits) wait(ctx context.Context, origin recent.Space, most time.Duration) error {
	if l.perSecond == 0 {
		return nil
	}
	now := time.Now()
	// Locked until the turn is taken: before that, the limiter may be forgotten.
	// Not Wait, whose early error has no type.
	l.mu.Lock()
	turn := l.of(origin, now).ReserveN(now, 1)
	l.mu.Unlock()
	delay := turn.DelayFrom(now)
	if end, bounded := ctx.Deadline(); delay > max(most, 0) || bounded && delay > end.Sub(now) {
		turn.CancelAt(now)
		return errLimited
	}
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return context.Cause(ctx)
	}
}

// of returns the limiter of an origin. The lock is the caller's.
func (l *limits) of(origin recent.Space, now time.Time) *rate.Limiter {
	limiter := l.origin[origin]
	if limiter == nil {
		// A limiter that is full knows nothing that a new one would not.
		for other, idle := range l.origin {
			if idle.TokensAt(now) >= 1 {
				delete(l.origin, other)
			}
		}
		if l.origin == nil {
			l.origin = make(map[recent.Space]*rate.Limiter)
		}
		limiter = rate.NewLimiter(rate.Limit(l.perSecond), 1)
		l.origin[origin] = limiter
	}
	return limiter
}
