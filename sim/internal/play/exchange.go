package play

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// exchange runs a write over net/http.
func (f *flow) exchange() {
	d := f.dice
	f.client = &client{http: f.fresh, goal: f.w.Goal, auth: alice}
	p := f.drawPolicy()
	if f.w.KeyFor > 0 && d.Chance(0.6) {
		p.Resend.WithKey = time.Duration(d.Float64() * float64(f.w.KeyFor))
	}
	if d.Chance(0.5) {
		p.OnForbidden = f.fresh.onForbidden(f.w)
	}
	p.Rules = f.drawRules(true, true)
	f.wideRules(&p.Rules, false)
	if f.widely(0.2) && len(f.w.Writes) == 0 && !f.w.Wrapped {
		p.Resend.When = func(a consistency.Answer) bool { return passes(a.Status) }
	}
	f.stagePolicy(&p)
	c := f.begin("Do of an exchange", &p)
	ex, flow := f.exchanged(c)
	ctx, cancel := f.context(c)
	defer cancel()
	write := flow.Write
	flow.Write = func(ctx context.Context) (readbackhttp.Ref, error) {
		began, sent := time.Now(), len(f.w.Tries)
		ref, err := write(ctx)
		made := callOf(began, ref.Answer().Status, err)
		made.status = f.w.Writes.Said(made.status)
		switch body := string(ref.Answer().Body); {
		case field(body, "ok") == "false":
			made.status, _ = strconv.Atoi(field(body, "code"))
		case f.w.Wrapped && made.status == http.StatusOK && !ref.Answer().Whole: // what did not come might have been a status
			made.status = 0
		}
		made.idle = len(f.w.Tries) == sent && ctx.Err() == nil
		f.client.writes = append(f.client.writes, made)
		return ref, err
	}
	res, err := consistency.Do(ctx, p, flow)
	c.handle = res.Pending
	id := idOf(res.Written.Location)
	if ex.Write.Method != http.MethodPost {
		id = world.Standing
	}
	value := ""
	if res.Value != nil && id != "" {
		value = field(string(res.Value.Body), "id") + "=" + field(string(res.Value.Body), "value")
	}
	c.end(res.Outcome, err, id, value)
}

// exchanged returns an exchange of the world's goal, and its flow.
func (f *flow) exchanged(c *claim) (readbackhttp.Exchange, consistency.Flow[readbackhttp.Ref, *readbackhttp.Document]) {
	d := f.dice
	ex := readbackhttp.Exchange{Client: &http.Client{Transport: f.fresh}}
	method, path := http.MethodPost, "/things"
	switch f.w.Goal {
	case world.Update:
		method, path = http.MethodPut, "/things/"+world.Standing
		if c.matches = !f.w.Token || d.Chance(0.5); c.matches {
			ex.Match = readbackhttp.HasJSON("/value", 1)
		}
	case world.Delete:
		method, path = http.MethodDelete, "/things/"+world.Standing
	}
	ex.Write, _ = http.NewRequestWithContext(context.Background(), method, origin+path, strings.NewReader("value=1"))
	ex.Write.Header.Set("Authorization", alice)
	if f.w.KeyFor > 0 {
		ex.Write.Header.Set("Idempotency-Key", "key")
	}
	if f.w.Token && (!c.matches || d.Chance(0.5)) {
		ex.Token = readbackhttp.Mittwald()
	}
	if f.noise == 0 && f.w.Goal == world.Create && f.oddly(0.3) { // a server of sockets has one address
		f.w.Elsewhere = true
		if c.refused = f.oddly(0.3); !c.refused {
			ex.AllowOrigin = func(at *url.URL) bool { return at.Host == "elsewhere.test" }
		} else if f.widely(0.5) {
			f.w.Foreign = 1 // that is all that is listed, as long as the lag lasts
		}
	}
	f.stageExchange(c, &ex)
	for i := range f.w.Fates {
		if f.w.Fates[i].Monitor {
			ex.Monitor = &readbackhttp.Monitor{}
			if f.w.Wide && f.w.ByTemplate {
				ex.Monitor.At = readbackhttp.Template("/operations/{task}")
			}
			ex.Monitor.StatusOnly = f.w.Wide && f.w.Shape == world.ByStatus && !f.w.Failing()
			c.monitor = true
		}
	}
	f.exchangeWidely(c, &ex)
	flow := ex.Flow()
	if f.w.Tells {
		flow.NoChange = func(ref readbackhttp.Ref) bool {
			return c.noChange(func() bool { return ref.Answer().Header.Get(world.Unchanged) != "" })()
		}
	}
	if f.w.Goal == world.Update && !c.matches {
		f.w.Rivals = nil // what comes after its position is no concern of a token
	}
	c.find = flow.Find != nil
	if f.w.Goal == world.Create {
		f.exchangeFinds(c, &flow)
	}
	return ex, flow
}

// exchangeFinds draws whether a creation can be found, and whose it is.
func (f *flow) exchangeFinds(c *claim, flow *consistency.Flow[readbackhttp.Ref, *readbackhttp.Document]) {
	if c.find = f.dice.Chance(0.6) || f.w.Scene == world.Barred; !c.find {
		return
	}
	flow.Find = func(ctx context.Context) ([]readbackhttp.Ref, error) {
		refs, err := f.client.find(ctx)
		var found []readbackhttp.Ref
		for _, ref := range refs {
			found = append(found, readbackhttp.Ref{Location: origin + "/things/" + ref.ID})
		}
		return found, err
	}
	if c.mine = f.dice.Chance(0.85) && !(c.refused && f.widely(0.7)) && f.w.Scene != world.Barred; c.mine {
		flow.Mine = func(ref readbackhttp.Ref) bool { return world.Mine(idOf(ref.Location)) }
	}
}

// exchangeWidely sets what few exchanges have.
func (f *flow) exchangeWidely(c *claim, ex *readbackhttp.Exchange) {
	if !f.w.Wide {
		return
	}
	if f.w.Goal == world.Create && len(f.w.Rivals) == 0 && f.widely(0.3) {
		ex.Match = readbackhttp.HasJSON("/value", 1)
	}
	if f.w.Goal == world.Update && c.matches && f.widely(0.5) {
		c.proves, ex.Mine = true, readbackhttp.HasJSON("/value", 1)
	}
	if f.w.Goal == world.Delete && !f.pages() && f.widely(0.6) {
		c.gone, ex.Gone = true, func(d *readbackhttp.Document) bool { return idIn(d) == "" }
	}
	if f.w.Goal != world.Delete && f.widely(0.7) {
		c.faults, ex.Fault = true, func(_ readbackhttp.Ref, d *readbackhttp.Document) error {
			if field(string(d.Body), "state") == "FAILED" && field(string(d.Body), "by") == "1" {
				return errors.New("it failed")
			}
			return nil
		}
	}
}

func idIn(d *readbackhttp.Document) string { return field(string(d.Body), "id") }
