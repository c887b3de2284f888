package play

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// stageWords says how a scene of words is played.
func (f *flow) stageWords() (driver string, drive func(*flow)) {
	switch f.w.Scene {
	case world.Vacant:
		if f.dice2.Chance(0.6) {
			return "do", (*flow).loosely
		}
	case world.Clipped:
		return "resume", (*flow).clipped
	case world.Overlapping:
		return "do", (*flow).do
	case world.Hinted, world.Zipped:
		if f.dice2.Chance(0.4) {
			return "do", (*flow).do
		}
	}
	return "exchange", (*flow).exchange
}

// policyOfWords changes what a policy may not have in a scene of words.
func (f *flow) policyOfWords(p *consistency.Policy) {
	switch f.w.Scene {
	case world.Concluded, world.Vacant, world.Hinted, world.Coded, world.Zipped, world.Clipped, world.Overlapping, world.Paged:
		p.Windows, p.Within, p.ReadTimeout, p.Resend = consistency.Windows{}, 0, 0, consistency.Resend{}
	}
	if f.w.Scene == world.Coded || f.w.Scene == world.Overlapping { // so that it is certain what comes of it
		p.Schedule = readback.Backoff{NoJitter: true}
	}
}

// clientOfWords makes the typed client of a scene of words.
func (f *flow) clientOfWords(p *consistency.Policy) {
	d, h := f.dice2, &f.client.habits
	switch f.w.Scene {
	case world.Hinted:
		h.manner = world.OneOf(d, byStatusCode, byHTTPStatus, byNothing)
		f.watch(true)
	case world.Zipped:
		h.manner = world.OneOf(d, byValue, byNothing)
		f.watch(true)
		f.wideRules(&p.Rules, false)
	}
}

func unzip(body []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(z)
	return string(text), err
}

// bodied is what a client returns whose answers give out what they say by methods.
type bodied struct {
	status int
	body   string
}

func (b *bodied) StatusCode() int { return b.status }
func (b *bodied) Body() []byte    { return []byte(b.body) }

// page is what a client makes of an answer whose members it knows.
type page struct {
	ID    string
	Made  time.Time // in a place of its own
	Items []json.RawMessage
	Data  *struct {
		ID   string
		Item *struct{ ID string }
	}
	Next map[string]any
	More json.RawMessage
}

// loosely runs a write whose reads return values of many types. All but one are pointers,
// for which the compiler makes the same code: each mutant is compiled anew.
func (f *flow) loosely() {
	switch f.dice2.IntN(6) {
	case 0:
		looselyAs(f, true, func(_ int, body string) (made map[string]any) {
			_ = json.Unmarshal([]byte(trimmed(body)), &made)
			return made
		})
	case 1:
		looselyAs(f, false, func(_ int, body string) *json.RawMessage { made := json.RawMessage(body); return &made })
	case 2:
		f.w.Empties = []string{world.OneOf(f.dice2, "[]", "[null]", "[null,null]")}
		looselyAs(f, true, func(_ int, body string) *[]*Shown {
			var made []*Shown
			if json.Unmarshal([]byte(trimmed(body)), &made) != nil && field(body, "id") != "" {
				made = []*Shown{{ID: field(body, "id")}}
			}
			return &made
		})
	case 3:
		looselyAs(f, false, func(status int, body string) *bodied { return &bodied{status, body} })
	case 4:
		looselyAs(f, true, func(_ int, body string) *map[string]json.RawMessage {
			var made map[string]json.RawMessage
			_ = json.Unmarshal([]byte(trimmed(body)), &made)
			return &made
		})
	default:
		place := time.FixedZone("here", 3600)
		looselyAs(f, true, func(_ int, body string) *page {
			made := &page{Items: []json.RawMessage{}}
			_ = json.Unmarshal([]byte(trimmed(body)), made)
			made.Made = made.Made.In(place)
			return made
		})
	}
}

func trimmed(body string) string { return string(bytes.TrimPrefix([]byte(body), []byte("\ufeff"))) }

// looselyAs runs a creation or a deletion whose reads return what made makes of an
// answer: an envelope, of which null is one that is empty, or the body itself.
func looselyAs[R any](f *flow, envelope bool, made func(status int, body string) R) {
	p := f.drawTyped()
	f.client.habits = habits{manner: byStatusCode}
	c := f.begin("Do", &p)
	c.typed, c.find, c.mine, c.envelope = true, true, f.w.Goal == world.Create, envelope
	read := func(ctx context.Context, ref Ref) (value R, err error) {
		resp, err := f.client.get(ctx, "/things/"+ref.ID, "")
		if err != nil {
			return value, err
		}
		body, err := shownIn(ctx, resp)
		if err == nil {
			err = f.client.fault(resp, body, false)
		}
		if err != nil {
			return value, err
		}
		return made(resp.StatusCode, body), nil
	}
	standing := Ref{ID: world.Standing}
	flow := consistency.Create("create", func(ctx context.Context) (Ref, error) {
		return f.client.write(ctx, http.MethodPost, "/things")
	}, read)
	if f.w.Goal == world.Delete {
		flow = consistency.Delete("delete", standing, func(ctx context.Context, _ Ref) error {
			_, err := f.client.write(ctx, http.MethodDelete, "/things/"+world.Standing)
			return err
		}, read)
	} else {
		flow.Find, flow.Mine = f.client.find, func(r Ref) bool { return world.Mine(r.ID) }
	}
	ctx, cancel := f.context(c)
	defer cancel()
	res, err := consistency.Do(ctx, c.policy, flow)
	c.handle = res.Pending
	c.end(res.Outcome, err, res.Written.ID, "")
}

// clip is a reference whose JSON leaves a part out, which its Equal tells.
type clip struct{ base, part string }

func (c clip) MarshalJSON() ([]byte, error) { return json.Marshal(c.base) }
func (c *clip) UnmarshalJSON(b []byte) error {
	c.part = ""
	return json.Unmarshal(b, &c.base)
}
func (c clip) Equal(other clip) bool { return c == other }

// openClip is one whose fields tell.
type openClip struct{ Base, Part string }

func (c openClip) MarshalJSON() ([]byte, error)  { return json.Marshal(c.Base) }
func (c *openClip) UnmarshalJSON(b []byte) error { c.Part = ""; return json.Unmarshal(b, &c.Base) }

// clipped runs a creation to which a reference leads only as a whole, and goes on from
// its handle.
func (f *flow) clipped() {
	switch f.dice2.IntN(3) {
	case 0:
		clippedAs(f, func(id string) clip { return clip{world.Foreign(0), id} }, func(c clip) string { return clippedID(c.base, c.part) })
	case 1:
		clippedAs(f, func(id string) openClip { return openClip{world.Foreign(0), id} }, func(c openClip) string { return clippedID(c.Base, c.Part) })
	default: // a number in an interface
		clippedAs(f, func(id string) []any { return []any{world.Foreign(0), int64(len(id)), id} }, func(c []any) string {
			if _, whole := c[1].(int64); !whole {
				return c[0].(string)
			}
			return c[2].(string)
		})
	}
}

func clippedID(base, part string) string {
	if part == "" {
		return base
	}
	return part
}

func clippedAs[W any](f *flow, clip func(id string) W, id func(W) string) {
	p := f.drawTyped()
	p.Within = f.dice2.Between(100*time.Millisecond, 4*time.Second)
	f.client.habits = habits{manner: byStatusCode}
	flow := consistency.Create("create", func(ctx context.Context) (W, error) {
		ref, err := f.client.write(ctx, http.MethodPost, "/things")
		if err != nil {
			var none W
			return none, err
		}
		return clip(ref.ID), nil
	}, func(ctx context.Context, w W) (*Shown, error) { return f.client.read(ctx, Ref{ID: id(w)}) })
	flow.Find = func(ctx context.Context) (all []W, err error) {
		refs, err := f.client.find(ctx)
		for _, ref := range refs {
			all = append(all, clip(ref.ID))
		}
		return all, err
	}
	flow.Mine = func(w W) bool { return world.Mine(id(w)) }
	play := func(call string, p consistency.Policy, run func(context.Context, consistency.Policy) (consistency.Result[W, *Shown], error)) *claim {
		c := f.begin(call, &p)
		c.typed, c.find, c.mine = true, true, true
		ctx, cancel := f.context(c)
		defer cancel()
		res, err := run(ctx, c.policy)
		c.handle = res.Pending
		found := "" // the zero reference is that of nothing
		if res.Outcome == consistency.Confirmed {
			found = id(res.Written)
		}
		value := ""
		if res.Value != nil {
			value = res.Value.ID + "=" + res.Value.Value
		}
		c.end(res.Outcome, err, found, value)
		return c
	}
	c := play("Do", p, func(ctx context.Context, p consistency.Policy) (consistency.Result[W, *Shown], error) {
		return consistency.Do(ctx, p, flow)
	})
	if c.outcome != consistency.Unconfirmed || c.handle.IsZero() {
		return
	}
	h, err := elsewhere(c.handle)
	if err != nil {
		f.violate(Misreport, "the handle is not JSON: %v", err)
		return
	}
	time.Sleep(f.dice2.Between(time.Millisecond, 20*time.Second))
	f.w.Recover()
	p.Within = 0
	class := c.class
	play("Resume", p, func(ctx context.Context, p consistency.Policy) (consistency.Result[W, *Shown], error) {
		f.claims[len(f.claims)-1].resumed, f.claims[len(f.claims)-1].class = true, class
		return consistency.Resume(ctx, p, flow, h)
	})
}

// judgeWords asks whether a write is confirmed whose service is calm for nearly all of the
// time, and which is read often enough that no reserve can be too small.
func (f *flow) judgeWords(c *claim) {
	switch f.w.Scene {
	case world.Coded, world.Overlapping:
	default:
		return
	}
	if c.outcome != consistency.Confirmed && c.deadline.IsZero() && c.cancelled.IsZero() {
		f.violate(Missed, "%s is %v, and nothing was in its way: %v", c.call, c.outcome, c.err)
	}
}
