// Package pause waits, unless a context ends first.
package pause

import (
	"context"
	"time"
)

// For waits for d, and not at all if that is not above zero. It returns false if ctx has
// ended, also if that was before.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}
