package play

import (
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// heldRead is what became of a read over the Transport.
type heldRead struct {
	at      time.Time // when its answer was handed on, but for what was to come of its body
	covered bool
	moved   bool // by a write that was redirected
	status  int  // handed on; 0 if none was
	err     error
	report  *readbackhttp.Report
	options *readbackhttp.TransportOptions
}

// bodyPatience is how long an answer waits for its own body.
const bodyPatience = time.Second

// judgeHeld judges one read over the Transport.
func (f *flow) judgeHeld(c *claim, looks []world.Look) {
	r := c.held
	if len(looks) == 0 {
		f.violate(Misreport, "a read was answered without a request")
		return
	}
	f.result.Outcome = consistency.Unconfirmed
	last := &looks[len(looks)-1]
	if r.status != 0 {
		given := false
		for i := range looks {
			given = given || looks[i].Status == r.status
		}
		if !given {
			f.violate(Misreport, "status %d was handed on, and the server has not given it", r.status)
		}
	}
	endless := last.How == world.Stalled || last.How == world.Endless
	if waited := r.at.Sub(last.Headed); endless && r.err == nil && len(looks) == 1 && waited > bodyPatience {
		f.violate(Leak, "a read waited %v for the body of its only answer", waited)
	}
	if !r.covered {
		if len(looks) > 1 {
			f.violate(Leak, "a read was held that no write covers: %d requests", len(looks))
		}
		return
	}
	if last.Status != 0 && last.Status == r.status && last.Shows {
		f.result.Outcome = consistency.Confirmed
	}
	if r.report.Outcome == consistency.Confirmed && f.result.Outcome != consistency.Confirmed && f.w.Goal != world.Delete && (f.w.Goal == world.Create || c.matches) {
		f.violate(FalseConfirmed, "the report says confirmed, and the last read does not show it")
	}
	if r.err == nil && f.result.Outcome != consistency.Confirmed {
		if why, promised := f.holdPromised(c, looks); promised {
			f.violate(Missed, "a held read was answered %d, and %s", r.status, why)
		}
	}
	f.judgeTimes(c, looks)
}

// holdPromised reports whether law 2 promised that a read that was held shows
// the write in the end. The hold ends a reserve before the context does, and its
// first request is the client's own, as long as that takes.
func (f *flow) holdPromised(c *claim, looks []world.Look) (why string, _ bool) {
	r := c.held
	if r.options.PollsPerSecond > 0 || r.moved {
		return "", false
	}
	if what, reason := tells(c.goal, &looks[0]); what != denied || looks[0].Status == 202 || looks[0].Status == 410 || reason == "stale" && !c.matches {
		return "", false
	}
	slowest := leastReserve
	for i := range looks {
		l := &looks[i]
		slowest = max(slowest, l.Ended.Sub(l.Began))
		if l.How != world.AtOnce { // what does not come at once may be handed on unheld
			return "", false
		}
		switch s := l.Status; {
		case s == 0, s == 408, s == 425, s == 429, s >= 500:
		case s == 404, s == 410, s == 403 && !l.Role, s == 412 && l.Token:
		case s >= 200 && s < 300 && s != 202 && !l.Broken:
		default: // handed on: nobody waits any longer
			return "", false
		}
	}
	shorter := *c
	shorter.deadline = c.deadline.Add(-2 * slowest)
	shorter.from = looks[0].Ended
	if f.w.Goal == world.Delete && (!r.options.HoldDeleted || c.class == consistency.Ambiguous) || f.w.Goal == world.Update && !c.matches && r.options.Token == nil {
		return "", false
	}
	return f.promised(&shorter, looks)
}

// inTime is a time that is not before the claim's own.
func (c *claim) inTime(v time.Time) time.Time { return later(later(v, c.zero), c.from) }
