package consistency

import (
	"cmp"
	"context"
	"time"

	"github.com/readback-go/readback/poll"
)

// until returns when reason stops counting as lag, if a read told it at that time,
// after a write of that class; zero if that is not before the end of the flow. The
// argument zero is when the windows begin to count.
func (p *Policy) until(f *forbiddenRun, class Class, reason poll.Reason, zero, at time.Duration) time.Duration {
	if reason == Forbidden {
		f.forbid(p, at)
		return f.began + p.forbiddenWindow()
	}
	f.going = false
	var window time.Duration
	switch {
	case reason == BehindToken:
		window = p.Windows.BehindToken
	case class == Ambiguous:
		// Not lag of the read model alone: the write may not have run yet.
	case reason == NotFound:
		window = p.Windows.NotFound
	case reason == Stale:
		window = p.Windows.Stale
	case reason == StillThere:
		window = p.Windows.StillThere
	}
	if window == 0 {
		return 0
	}
	return zero + window
}

func (p *Policy) forbiddenWindow() time.Duration {
	return cmp.Or(p.Windows.Forbidden, forbiddenWindow)
}

// forbiddenRun is a run of reads that were answered with 403.
type forbiddenRun struct {
	began     time.Duration
	refreshed time.Duration // how long it had lasted when OnForbidden was last called; 0 if it was not
	going     bool
	refresh   bool // OnForbidden is due
}

// heard notes what a read told at that time. One that says nothing changes
// nothing.
func (f *forbiddenRun) heard(p *Policy, verdict poll.Verdict, reason poll.Reason, at time.Duration) {
	switch {
	case reason == Forbidden && verdict != poll.Stop:
		f.forbid(p, at)
	case verdict != poll.Unknown:
		f.going = false
	}
}

// forbid notes that a read was answered with 403 at that time.
func (f *forbiddenRun) forbid(p *Policy, at time.Duration) {
	if !f.going {
		*f = forbiddenRun{going: true, began: at, refresh: p.OnForbidden != nil}
		return
	}
	if p.OnForbidden != nil && f.refreshed > 0 && at-f.began >= 2*f.refreshed {
		f.refresh = true
	}
}

// renew asks for fresh credentials if a run of 403s has just begun, or lasts.
func (f *forbiddenRun) renew(ctx context.Context, p *Policy, zero time.Time) {
	if !f.refresh {
		return
	}
	f.refresh = false
	f.refreshed = max(time.Since(zero)-f.began, time.Millisecond)
	p.OnForbidden(ctx)
}
