package readbackgrpc

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// errLimited is the error of a poll that was not sent, since its turn would come
// too late.
var errLimited = errors.New("readbackgrpc: the limit of polls per second left no room for this one")

// limit spaces polls. Its zero value does not.
type limit struct{ of *rate.Limiter }

func (l *limit) set(perSecond float64) {
	if perSecond > 0 {
		l.of = rate.NewLimiter(rate.Limit(perSecond), 1)
	}
}

// wait returns nil when a poll may be sent, and errLimited if that is not before
// ctx ends: at once if it is known at once.
func (l *limit) wait(ctx context.Context) error {
	if l.of == nil {
		return nil
	}
	now := time.Now()
	turn := l.of.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if end, bounded := ctx.Deadline(); bounded && delay > end.Sub(now) {
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
