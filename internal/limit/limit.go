// Package limit spaces polls: no more of each key, such as an origin, than so many a
// second.
package limit

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Err is the error of a poll that is not to be sent, since its turn would come too late.
var Err = errors.New("the limit of polls per second left no room for this one")

// Limits spaces the polls of each key. The zero value spaces none. It is safe for
// concurrent use.
type Limits[K comparable] struct {
	PerSecond float64 // 0 is no limit; to be set before the first Wait

	mu    sync.Mutex
	of    map[K]*rate.Limiter
	swept int // how many the last sweep left
}

// Wait returns nil when a poll may be sent, and [Err] if that is not before ctx ends or
// for longer than most: at once if it is known at once. If ctx ends while it waits, it
// returns the cause.
func (l *Limits[K]) Wait(ctx context.Context, key K, most time.Duration) error {
	if l.PerSecond == 0 {
		return nil
	}
	now := time.Now()
	// Locked until the turn is taken: before that, the limiter may be forgotten.
	// Not rate's Wait, whose early error has no type.
	l.mu.Lock()
	turn := l.limiter(key, now).ReserveN(now, 1)
	l.mu.Unlock()
	delay := turn.DelayFrom(now)
	if end, bounded := ctx.Deadline(); delay > max(most, 0) || bounded && delay > end.Sub(now) {
		turn.CancelAt(now)
		return Err
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

// sweepFrom is the number of limiters below which there is no sweep.
const sweepFrom = 100

// limiter returns the limiter of a key. The lock is the caller's.
func (l *Limits[K]) limiter(key K, now time.Time) *rate.Limiter {
	limiter := l.of[key]
	if limiter != nil {
		return limiter
	}
	// A sweep runs only when their number has doubled, so that its cost is shared by as
	// many keys. A limiter that is full knows nothing that a new one would not.
	if len(l.of) >= max(sweepFrom, 2*l.swept) {
		for other, idle := range l.of {
			if idle.TokensAt(now) >= 1 {
				delete(l.of, other)
			}
		}
		l.swept = len(l.of)
	}
	if l.of == nil {
		l.of = make(map[K]*rate.Limiter)
	}
	limiter = rate.NewLimiter(rate.Limit(l.PerSecond), 1)
	l.of[key] = limiter
	return limiter
}
