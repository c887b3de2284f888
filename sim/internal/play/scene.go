package play

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// stage plays a scene, if the world is one, and reports whether it is.
func (f *flow) stage(o Options) bool {
	if o.Server != nil || o.Narrow {
		return false
	}
	f.w.Stage()
	driver, drive := "do", (*flow).do
	switch f.w.Scene {
	case world.NoScene:
		return false
	case world.Located, world.OneBody, world.Tagged, world.Barred:
		driver, drive = "exchange", (*flow).exchange
	case world.Nowhere, world.Old:
		driver, drive = "resume", (*flow).resume
	case world.Plainly, world.Endlessly:
		driver, drive = "transport", (*flow).transport
	case world.Reread, world.Leaving, world.Recalled, world.Hidden, world.Withdrawn, world.Crowded:
		driver, drive = "submit", (*flow).submitScene
	case world.Concluded, world.Vacant, world.Hinted, world.Coded, world.Zipped, world.Clipped, world.Overlapping, world.Paged:
		driver, drive = f.stageWords()
	case world.Forgetful, world.Impatient, world.Passing, world.Senseless, world.Broken:
	default:
		if f.dice2.Chance(0.2) {
			driver, drive = "visit", (*flow).visit
		}
	}
	f.result.Driver = driver
	f.guarded(drive)
	return true
}

// stageClient makes the typed client of a scene, and a policy that fits it.
func (f *flow) stageClient(p *consistency.Policy) {
	d, h := f.dice2, &f.client.habits
	*h = habits{manner: h.manner}
	f.stagePolicy(p)
	f.clientOfWords(p)
	switch f.w.Scene {
	case world.Beside:
		h.manner, h.bare, h.besides, h.looks = byNothing, true, true, true
		lost := f.w.Fates[0].Answer == world.Lost
		h.stale, h.missing, h.losesBy = lost || d.Chance(0.5), lost, max(d.IntN(4)-1, 0)
		p.SingleAttempt = d.Chance(0.5)
	case world.Failover:
		h.manner, h.bare, h.retries, h.joins, h.mingles = byStatusCode, true, 1, true, d.Chance(0.5)
	case world.Fields:
		h.manner, h.fields = byValue, true
		f.wideRules(&p.Rules, false)
	case world.Shards:
		p.SingleAttempt = d.Chance(0.5)
	case world.Old:
		h.retries = 1
		f.watch(d.Chance(0.5))
	case world.Mistaken:
		h.manner = byStatusCode
		for _, swap := range f.w.Reads {
			p.Rules.Read = append(p.Rules.Read, readRule(world.Create, swap.A, swap.B), readRule(world.Create, swap.B, swap.A))
		}
	case world.Unnamed:
		h.manner = byValue
	case world.Senseless:
		h.senseless = true
		p.Resend.OnNotSent = true
	case world.Overdue:
		h.manner, h.ahead = byAnswer, d.Between(time.Nanosecond, 100*time.Hour)
	case world.Led:
		h.follows = true
		f.watch(true)
		if h.manner = world.OneOf(d, byStatusCode, byPolicy, byStatus); h.manner == byPolicy {
			p.Answer = answerOf
		}
	}
}

// watch makes the library see what the client sends.
func (f *flow) watch(yes bool) {
	if f.client.habits.watched = yes; yes {
		f.client.http = readbackhttp.Watch(f.fresh)
	}
}

// stagePolicy changes what a policy may not have in a scene.
func (f *flow) stagePolicy(p *consistency.Policy) {
	d := f.dice2
	p.SingleAttempt = false
	f.policyOfWords(p)
	switch f.w.Scene {
	case world.Located, world.Overdue, world.Mistaken, world.Unnamed:
		p.Windows, p.Within, p.ReadTimeout = consistency.Windows{}, 0, 0
	case world.Nowhere, world.Old, world.Shards:
		p.Resend, p.Within = consistency.Resend{}, 0
	case world.OneBody:
		p.Resend = consistency.Resend{OnNotSent: true, OnRateLimited: true}
	case world.Broken:
		p.Within, p.Windows = d.Between(2*time.Second, 30*time.Second), consistency.Windows{}
	case world.Passing:
		p.Resend.WithKey, p.Within, p.OnForbidden, p.ReadTimeout = f.w.KeyFor, 0, nil, 0
		p.Windows = consistency.Windows{Forbidden: d.Between(time.Second, 5*time.Second)}
		every := d.Between(500*time.Millisecond, 2*time.Second)
		p.Schedule = readback.Backoff{Initial: every, Max: every, NoJitter: true}
	case world.Impatient:
		p.Resend.WithKey, p.Within, p.Windows, p.ReadTimeout = f.w.KeyFor, 0, consistency.Windows{}, 0
		p.Schedule = readback.Backoff{FirstRead: time.Millisecond, Initial: time.Minute, Max: time.Minute, NoJitter: true}
	case world.Forgetful:
		p.Resend.WithKey, p.Within, p.Settle, p.ReadTimeout = d.Between(time.Second, 10*time.Second), 0, d.IntN(2), 0
		p.Windows = consistency.Windows{}
	case world.Barred:
		p.Windows, p.Within, p.ReadTimeout = consistency.Windows{}, 0, 0
	case world.Tagged:
		p.Within = d.Between(50*time.Millisecond, 5*time.Second)
	}
}

// stageFinding says what the flow of a scene finds.
func (f *flow) stageFinding(c *claim) {
	switch f.w.Scene {
	case world.Beside:
		c.find = c.find || f.dice2.Chance(0.7)
		c.mine = c.find && f.w.Goal == world.Create && f.dice2.Chance(0.3)
	case world.Shards, world.Nowhere, world.Old, world.Passing, world.Impatient, world.Forgetful, world.Clipped, world.Overlapping:
		c.find, c.mine = true, f.w.Goal == world.Create
	}
}

// stageFlow sets what the flow of a scene has besides.
func (f *flow) stageFlow(c *claim, tf *typed) {
	find := tf.Find
	switch f.w.Scene {
	case world.Shards:
		c.mute = true // these failures are no reads
		order, asked := f.dice2.Chance(0.5), 0
		tf.Find = func(ctx context.Context) ([]Ref, error) {
			if asked++; asked > 3 {
				return find(ctx)
			}
			one, other := consistency.NotCarriedOut(errors.New("rolled back here")), error(&statusError{code: 503})
			if order {
				one, other = other, one
			}
			return nil, errors.Join(one, other)
		}
	case world.Nowhere:
		tf.Find = consistency.Known(Ref{ID: world.Foreign(7)})
	case world.Old:
		tf.Find = func(ctx context.Context) ([]Ref, error) {
			if f.w.LastNever() {
				return nil, consistency.NotCarriedOut(errors.New("rolled back"))
			}
			return find(ctx)
		}
	}
}

// stageExchange sets what the exchange of a scene has besides.
func (f *flow) stageExchange(c *claim, ex *readbackhttp.Exchange) {
	switch f.w.Scene {
	case world.Barred:
		c.refused = true
	case world.Tagged, world.Coded:
		ex.Match = readbackhttp.HasETag("")
		c.mute = f.w.Tag == "W/"
	case world.OneBody:
		ex.Write.GetBody = nil
	case world.Paged:
		ex.Write.Header.Set("Accept", "application/json")
	}
}

// beside returns what comes beside an error: nothing, unless that is the client's
// habit. Status is that of the answer, or 0 if that was lost.
func (c *client) beside(status int, err error) (ref Ref, _ error) {
	h := &c.habits
	switch {
	case !h.besides:
		return ref, err
	case status == 0:
		if h.stale {
			ref.Code = c.looked
		}
		//lint:ignore SA1019 what resets a stream is a type of net/http that nobody outside can make
		return ref, [...]error{&http.ProtocolError{ErrorString: "the stream was reset"}, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: err}}[h.losesBy]
	}
	if ref.Code = status; h.stale && c.looked < 300 {
		ref.Code = c.looked
	}
	return ref, err
}

// failure is an error of which nothing is known but its text.
type failure struct{ text string }

func (e *failure) Error() string { return e.text }

// provisioned makes looks at the operation of those at what it makes, until one shows
// how it ended.
func provisioned(looks []world.Look) []world.Look {
	looks = slices.Clone(looks)
	for i := range looks {
		looks[i].Kind = world.Operation
		if looks[i].Status == http.StatusOK {
			break
		}
	}
	return looks
}

// judgeOperation asks whether an operation was followed that an answer has named, to
// its end, and whether the failure that was seen of it is told.
func (f *flow) judgeOperation(c *claim, looks []world.Look) {
	if c.goal == 0 || c.resumed || c.held != nil || len(f.w.Tries) == 0 {
		return
	}
	named, ended := false, false
	for _, t := range f.w.Tries {
		named = named || t.Status/100 == 2
	}
	h := f.client.habitsOf()
	named = named || h.follows // by what a redirect led to
	sole := len(f.w.Tries) == 1 && c.sent == 1 && h.retries == 0 && !h.looks && !h.auths && !h.follows
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) {
			continue
		}
		if l.Kind == world.Operation && !named {
			f.violate(Leak, "%s looks at an operation, and no answer has named one", c.call)
			return
		}
		if l.Kind == world.Operation {
			ended = ended || l.Status != 0 && (l.Over || l.Status == 404 || l.Status == 410)
		} else if c.monitor && f.w.Scene == world.Mistaken && sole && !ended {
			f.violate(Leak, "%s reads %v after the start, and has seen no end of its operation", c.call, l.Began.Sub(f.w.Start))
			return
		}
		over := !c.cancelled.IsZero() && !c.cancelled.After(l.Ended) || !c.deadline.IsZero() && !c.deadline.After(l.Ended)
		if sole && l.Failing && l.Status == 200 && l.How == world.AtOnce && !l.Cut && !over && !errors.Is(c.err, consistency.ErrOperation) {
			f.violate(Misreport, "%s has seen that its operation failed, and is %v: %v", c.call, c.outcome, c.err)
			return
		}
	}
}

// judgeReason asks whether a read that was cut short hides what those before it said.
func (f *flow) judgeReason(c *claim, looks []world.Look) {
	var e *consistency.Error
	if !errors.As(c.err, &e) || e.Reason != "read cut short" {
		return
	}
	said := 0                                                    // by the last read that was not ready
	whole := c.call != "Visits" && len(c.policy.Rules.Read) == 0 // else what says nothing may have no reason
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) || l.Kind != world.Thing || l.Status == 0 || l.Cut || !l.Ended.Before(c.ended) {
			continue
		}
		switch what, _ := tells(c.goal, l); {
		case what == shown, what == settled, what == lie:
			said = 0
		case what == denied, whole && (l.Status == 503 || l.Status == 429):
			said = l.Status
		}
	}
	if said != 0 {
		f.violate(Misreport, "%s has been answered %d, and says that a read was cut short", c.call, said)
	}
}
