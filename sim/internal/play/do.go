package play

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// typed is a flow over a typed client.
type typed = consistency.Flow[Ref, *Shown]

// do runs a write by a typed client.
func (f *flow) do() {
	p := f.drawTyped()
	c := f.begin("Do", &p)
	tf := f.typed(c)
	ctx, cancel := f.context(c)
	defer cancel()
	f.doTyped(ctx, c, tf)
}

func (f *flow) doTyped(ctx context.Context, c *claim, tf typed) {
	res, err := consistency.Do(ctx, c.policy, tf)
	value := ""
	if res.Value != nil {
		value = res.Value.ID + "=" + res.Value.Value
	}
	c.handle = res.Pending
	c.end(res.Outcome, err, res.Written.ID, value)
}

// drawTyped makes the typed client, and a policy that fits it.
func (f *flow) drawTyped() consistency.Policy {
	d := f.dice
	f.client = &client{http: f.fresh, goal: f.w.Goal, auth: alice}
	f.client.habits.manner = manner(d.IntN(int(manners)))
	if d.Chance(0.15) {
		f.client.habits.retries = 1 + d.IntN(3)
	}
	f.client.habits.follows = d.Chance(0.2)
	p := f.drawPolicy()
	if f.client.habits.retries == 0 && !f.client.habits.follows {
		p.SingleAttempt = d.Chance(0.3)
	}
	if f.w.KeyFor > 0 {
		f.client.key = "key"
		if d.Chance(0.6) {
			p.Resend.WithKey = time.Duration(d.Float64() * float64(f.w.KeyFor))
		}
	}
	if d.Chance(0.5) {
		p.OnForbidden = f.fresh.onForbidden(f.w)
	}
	f.drawOddly(&p)
	if f.w.Scene != world.NoScene {
		f.stageClient(&p)
		return p
	}
	f.drawWidely(&p)
	return p
}

// typed returns the flow of the world's goal, and draws what it can do besides.
func (f *flow) typed(c *claim) typed {
	if c.find = f.dice.Chance(0.7); c.find && f.w.Goal == world.Create {
		c.mine = f.dice.Chance(0.85)
	}
	f.stageFinding(c)
	c.matches, c.typed = f.w.Goal == world.Update, true
	c.monitor = f.w.Goal != world.Delete && f.w.Monitored() || f.w.Scene == world.Unnamed
	tf := f.client.flow(c)
	if f.client.habits.joins {
		// What changed nothing may be the echo of a try that nobody knows of.
	} else if f.w.Tells || f.w.Goal == world.Delete && f.oddly(0.5) {
		asked := c.noChange(func() bool { return f.client.unchanged })
		tf.NoChange = func(Ref) bool { return asked() }
	}
	f.flowWidely(c, &tf)
	f.stageFlow(c, &tf)
	return tf
}

// flow returns the flow of c's goal.
func (c *client) flow(cl *claim) (tf typed) {
	standing := Ref{Job: c.job, ID: world.Standing}
	switch c.goal {
	case world.Create:
		tf = consistency.Create("create", func(ctx context.Context) (Ref, error) {
			return c.write(ctx, http.MethodPost, "/things")
		}, c.read)
	case world.Update:
		tf = consistency.Update("update", func(ctx context.Context) (Ref, error) {
			return c.write(ctx, http.MethodPut, "/things/"+world.Standing)
		}, c.read, func(_ Ref, s *Shown) bool { return s != nil && s.Value == "1" })
	case world.Delete:
		tf = consistency.Delete("delete", standing, func(ctx context.Context, _ Ref) error {
			ref, err := c.write(ctx, http.MethodDelete, "/things/"+world.Standing)
			if err == nil && ref.Code >= 300 {
				return &statusError{code: ref.Code}
			}
			return err
		}, c.read)
	}
	if cl.find {
		tf.Find = consistency.Known(standing)
		if c.goal == world.Create {
			tf.Find = c.find
		}
	}
	if c.tokens {
		tf.Behind = func(a consistency.Answer) bool {
			return a.Status == http.StatusPreconditionFailed || a.Code == codeOf(http.StatusPreconditionFailed)
		}
	}
	if cl.mine {
		tf.Mine = func(r Ref) bool { return world.Mine(r.ID) }
	}
	if cl.monitor {
		tf.Monitor = c.monitor
	}
	return tf
}

// monitor follows the operation that a 202 began. A 303 says that it has ended
// well.
func (c *client) monitor(ctx context.Context, _ *Ref) (bool, error) {
	resp, err := c.sendOnce(ctx, http.MethodGet, "/operations/1", "")
	if err != nil {
		return false, err
	}
	body, err := take(resp)
	if err != nil && ctx.Err() != nil {
		return false, err
	}
	if err != nil {
		return false, &statusError{code: resp.StatusCode, text: err.Error()}
	}
	if resp.StatusCode == http.StatusSeeOther {
		return true, nil
	}
	if resp.StatusCode != http.StatusOK {
		return false, &statusError{code: resp.StatusCode}
	}
	if field(body, "id") == "x" {
		return true, nil // by its status alone
	}
	switch field(body, "status") + field(body, "done") {
	case "true":
		if strings.Contains(body, "E7") {
			return false, fmt.Errorf("%w: E7", consistency.ErrOperation)
		}
		return true, nil
	case "succeeded":
		return true, nil
	case "failed":
		return false, fmt.Errorf("%w: cancelled", consistency.ErrOperation)
	}
	return false, nil
}
