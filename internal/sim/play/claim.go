package play

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/sim/world"
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
	matches             bool // an update has a match of its own, not only a token
	typed               bool // by a client that tells no status of what it could not read to the end
	refused             bool // to read elsewhere
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
		"  policy: within %v, settle %d, %s, read timeout %v, windows %+v, resend %+v, single attempt %v, on forbidden %v",
		c.call, c.client, what, c.ended.Sub(c.called), c.class, c.id,
		p.Within, p.Settle, scheduleOf(p.Schedule), p.ReadTimeout, p.Windows, p.Resend, p.SingleAttempt, p.OnForbidden != nil)
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
	p.Observer = func(e consistency.Event) {
		if e.Phase == consistency.PhaseWrite {
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
		must = must || f.w.Faults[i].Answer == world.Hung && f.client.habitsOf().follows
	}
	must = must || f.w.Bodies.Chance > 0
	if f.dice.Chance(0.3) || must {
		ctx, cancel = context.WithTimeout(ctx, f.dice.Between(5*time.Millisecond, 3*time.Minute))
		c.deadline, _ = ctx.Deadline()
	}
	if f.dice.Chance(0.08) {
		var stop context.CancelFunc
		outer, fired := cancel, make(chan struct{})
		ctx, stop = context.WithCancel(ctx)
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
	return again, json.Unmarshal(stored, &again)
}
