package play

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// claim is what one call of the library claims, and what it was given.
type claim struct {
	call    string
	outcome consistency.Outcome
	err     error
	id      string // of what it claims to have written
	value   string // of what it claims to have read
	goal    world.Goal
	policy  consistency.Policy

	called, zero, ended time.Time
	deadline            time.Time     // of the context; zero if there is none
	cancelled           time.Time     // zero if never
	took                time.Duration // the write; 0 if there was none
	class               consistency.Class
	client              int // its number
	writes              int // calls of Write before the call
	resumed             bool
	find, mine, monitor bool
	matches             bool          // an update has a match of its own, not only a token
	typed               bool          // by a client that tells no status of what it could not read to the end
	refused             bool          // to read elsewhere
	proves, gone        bool          // the flow tells by the value whose it is, and what is gone
	envelope            bool          // what a read returns is one, of which null is an empty one
	faults              bool          // the flow sees failures in values
	mute                bool          // no status is known
	lost                time.Duration // by visits that were cut short, so that the next came late
	looked              bool          // after a refusal, whose it was
	ends                consistency.Class
	sent                int  // writes
	unchanged           bool // the flow said that the write changed nothing
	handle              consistency.Pending
	from                time.Time // law 2 speaks of what happens from then on
	held                *heldRead // by the Transport
}

// String tells all that matters, and nothing that differs from run to run.
func (c *claim) String() string {
	p, what := c.policy, c.outcome.String()
	if c.held != nil {
		what = fmt.Sprintf("status %d", c.held.status)
	}
	return fmt.Sprintf("claim  %s by client %d: %s after %v, class %v, id %q\n"+
		"  policy: within %v, settle %d for %v, %s, read timeout %v, windows %+v, resend %+v, single attempt %v, on forbidden %v",
		c.call, c.client, what, c.ended.Sub(c.called), c.class, c.id,
		p.Within, p.Settle, p.SettleFor, scheduleOf(p.Schedule), p.ReadTimeout, p.Windows, resendOf(p.Resend), p.SingleAttempt, p.OnForbidden != nil)
}

// resendOf tells what a policy consents to.
func resendOf(r consistency.Resend) string {
	when := r.When != nil
	r.When = nil
	return fmt.Sprintf("%+v when %v", r, when)
}

// scheduleOf names a schedule.
func scheduleOf(s readback.Schedule) string {
	if b, ok := s.(readback.Backoff); ok {
		return fmt.Sprintf("%+v", b)
	}
	return fmt.Sprintf("%T", s)
}

// begin notes the beginning of a call. Its observer tells the class of the write.
func (f *flow) begin(call string, p *consistency.Policy) *claim {
	c := &claim{call: call, goal: f.w.Goal, called: time.Now(), client: len(f.claims) + 1}
	c.zero = c.called
	if f.client != nil {
		c.writes = len(f.client.writes)
	}
	f.spanned(p)
	f.lookSeldom(p)
	p.Observer = func(e consistency.Event) {
		if e.RetryAfter < 0 {
			f.violate(Misreport, "%s tells of a wait of %v", call, e.RetryAfter)
		}
		if e.Phase == consistency.PhaseEnd {
			c.ends = e.Class
		}
		if e.Phase == consistency.PhaseWrite {
			c.sent++
			c.class, c.took, c.zero = e.Class, -e.Began, time.Now()
		}
	}
	c.policy = *p
	f.claims = append(f.claims, c)
	return c
}

// end notes what a call claims.
func (c *claim) end(outcome consistency.Outcome, err error, id, value string) {
	c.outcome, c.err, c.id, c.value, c.ended = outcome, err, id, value, time.Now()
	if c.class == consistency.Refused && (outcome != consistency.Failed && c.sent == 1 || c.ends == consistency.Applied) {
		if c.looked = true; c.ends == consistency.Applied {
			c.class = c.ends
		}
	}
	if outcome != consistency.Failed && (c.class == consistency.Refused || c.class == consistency.NotExecuted) {
		c.class = consistency.Ambiguous // there was more than one try
	}
}

// context draws when the caller loses patience.
func (f *flow) context(c *claim) (context.Context, func()) {
	ctx, cancel := world.As(context.Background(), c.client), context.CancelFunc(func() {})
	must := false // or a write would wait for ever
	for i := range f.w.Fates {
		must = must || f.w.Fates[i].Answer == world.Hung
	}
	for i := range f.w.Faults {
		must = must || f.w.Faults[i].Answer == world.Hung && (f.client.habitsOf().follows || f.client.habitsOf().looks)
	}
	must = must || f.w.Bodies.Chance > 0
	if f.dice.Chance(0.3) || must {
		ctx, cancel = context.WithTimeout(ctx, max(f.dice.Between(5*time.Millisecond, 3*time.Minute), 5*c.policy.SettleFor))
		c.deadline, _ = ctx.Deadline()
	}
	if f.w.Scene == world.Impatient {
		cancel()
		ctx, cancel = context.WithTimeout(world.As(context.Background(), c.client), f.dice2.Between(4*time.Second, 30*time.Second))
		c.deadline, _ = ctx.Deadline()
		return ctx, cancel
	}
	if f.dice.Chance(0.08) {
		var end context.CancelCauseFunc
		outer, fired := cancel, make(chan struct{})
		ctx, end = context.WithCancelCause(ctx)
		stop := func() { end(nil) }
		if f.widely(0.8) {
			why := f.causes()
			stop = func() { end(why) }
		}
		timer := time.AfterFunc(f.dice.Between(time.Millisecond, 30*time.Second), func() {
			defer close(fired)
			c.cancelled = time.Now()
			stop()
		})
		cancel = func() {
			if !timer.Stop() {
				<-fired
			}
			stop()
			outer()
		}
	}
	return ctx, cancel
}

// elsewhere takes a handle to another process.
func elsewhere(h consistency.Pending) (consistency.Pending, error) {
	stored, err := json.Marshal(h)
	if err != nil {
		return h, err
	}
	var again consistency.Pending
	err = json.Unmarshal(stored, &again)
	return again, err
}
