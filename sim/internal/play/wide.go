package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// wideStream is the stream of dice that is thrown in wide worlds only.
const wideStream = 7

// widely draws with dice of its own what few flows do: never in a world that is
// not wide.
func (f *flow) widely(p float64) bool { return f.w.Wide && f.w.Scene == 0 && f.dice2.Chance(p) }

// widen makes the world wider, if it is one of those, and returns how it is played.
func (f *flow) widen(drive func(*flow)) func(*flow) {
	f.w.Widen(1)
	if f.w.Monitored() {
		for i := range f.w.Fates {
			f.w.Fates[i].Monitor = f.w.Fates[i].Monitor || f.w.Wide && f.w.Fates[i].Answer == 202
		}
	}
	switch {
	case !f.w.Wide:
	case f.widely(0.2):
		f.result.Driver = "visit"
		return (*flow).visit
	}
	return drive
}

// drawWidely changes what the typed client does by itself and how it tells what it
// was answered.
func (f *flow) drawWidely(p *consistency.Policy) {
	if !f.w.Wide {
		return
	}
	h := &f.client.habits
	f.client.wraps = f.w.Wrapped
	dialects := len(f.w.Writes)+len(f.w.Reads) > 0
	if h.manner < manners && !(h.manner == byAnswer && f.w.Odd) { // there may be rules for its methods
		switch {
		case f.widely(0.2):
			h.manner = byNothing
		case f.widely(0.2) && !dialects && !f.w.Wrapped:
			h.manner = byCode
		case f.widely(0.15):
			h.manner = byStatus
		}
	}
	switch {
	case h.manner == byNothing, h.manner == byValue, f.w.Wrapped, h.follows, f.widely(0.4):
		h.watched = true
		f.client.http = readbackhttp.Watch(f.fresh)
	case f.widely(0.6):
		h.bare, h.retries, p.SingleAttempt = true, 0, f.widely(0.2)
		if f.widely(0.6) && !p.SingleAttempt {
			h.retries = 1 + f.dice2.IntN(3)
			h.counts = f.widely(0.6)
			h.joins = !h.counts
		}
	}
	if h.bare && h.manner < manners && f.widely(0.2) && !dialects && h.retries == 0 {
		h.manner = byWord
	}
	if h.watched && f.w.Odd { // then the method is known
		p.Rules.Write = slices.DeleteFunc(p.Rules.Write, func(r consistency.WriteRule) bool { return r.Method == methods[f.w.Goal] && r.From == 100 })
	}
	h.auths, h.looks = !p.SingleAttempt && !h.bare && f.widely(0.15), !h.bare && f.widely(0.15)
	f.wideRules(&p.Rules, h.manner == byCode)
	if f.widely(0.2) && !dialects && !f.w.Wrapped && h.manner != byCode {
		p.Resend.When = func(a consistency.Answer) bool { return passes(a.Status) }
	}
}

// passes reports whether a refusal is known to pass.
func passes(status int) bool { return status == 400 || status == 409 || status == 422 || status == 428 }

func codeOf(status int) string { return "C" + strconv.Itoa(status) }

// coded are the statuses that there are rules for where a client has codes of its
// own; what all others mean is in no table.
var coded = slices.Concat([]int{202, 301, 302, 303, 304, 307, 308, 403, 404, 410, 418, 423, 424}, refusedCodes)

var refusedCodes = []int{400, 401, 402, 405, 406, 409, 411, 412, 413, 414, 415, 416, 417, 422, 426, 428, 429, 431, 451, 501}

// wideRules adds the rules for wrapped answers, and for codes.
func (f *flow) wideRules(rules *consistency.Rules, codes bool) {
	goal := f.w.Goal
	add := func(status int, read consistency.ReadRule) {
		if status == 403 {
			role := read
			role.When, role.Verdict, role.Reason = roleMissing, 3, ""
			if goal != world.Delete {
				rules.Read = append(rules.Read, role)
			}
		}
		rules.Read = append(rules.Read, read)
	}
	if f.w.Wrapped {
		for _, status := range world.WrappedWrites {
			rules.Write = append(rules.Write, consistency.WriteRule{From: 200, Body: consistency.JSON("/code", status), Class: proof(goal, status)})
		}
		for _, status := range world.WrappedReads {
			rule := readRule(goal, 200, status)
			rule.Body = consistency.JSON("/code", status)
			add(status, rule)
		}
	}
	if !codes {
		return
	}
	for _, status := range coded {
		rules.Write = append(rules.Write, consistency.WriteRule{Code: codeOf(status), Class: proof(goal, status)})
		rule := readRule(goal, 0, status)
		rule.Code = codeOf(status)
		if status == 429 || status == 501 || status == 412 && f.client.tokens {
			continue
		}
		if goal == world.Delete { // operations and candidates are there, or not
			there := readRule(world.Create, 0, status)
			there.Code, there.Goal = rule.Code, consistency.ToPresent
			add(status, there)
		}
		add(status, rule)
	}
}

// prepare is what a client does before it writes.
func (c *client) prepare(ctx context.Context, path string) error {
	if c.habits.looks {
		if c.habits.besides && c.habits.missing && c.goal == world.Create {
			path = "/things/ours-1"
		}
		resp, err := c.sendOnce(ctx, http.MethodGet, path, "")
		if err != nil {
			return err
		}
		_, _ = take(resp)
		c.looked = resp.StatusCode
	}
	if !c.habits.auths {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://auth.test/token", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = take(resp)
	if err == nil && resp.StatusCode != http.StatusOK {
		return &statusError{code: resp.StatusCode}
	}
	return err
}

// flowWidely sets what few flows have.
func (f *flow) flowWidely(c *claim, tf *typed) {
	if !f.w.Wide {
		return
	}
	calm := len(f.w.Rivals) == 0 && f.w.Foreign == 0
	switch goal := f.w.Goal; {
	case goal == world.Update && c.find && f.widely(0.5):
		c.proves = true
		tf.MineValue = func(_ Ref, s *Shown) bool { return s != nil && s.Value == "1" }
	case goal == world.Create && c.mine && calm && f.widely(0.4):
		c.proves = true
		tf.Mine, tf.MineValue = nil, func(_ Ref, s *Shown) bool { return world.Mine(s.ID) }
	}
	if f.w.Goal == world.Create && len(f.w.Rivals) == 0 && f.widely(0.3) {
		tf.Match = func(_ Ref, s *Shown) bool { return s != nil && s.Value == "1" }
	}
	if f.w.Goal == world.Delete && !f.pages() && f.widely(0.6) {
		c.gone = true
		tf.Gone = func(s *Shown) bool { return s.ID == "" }
	}
	if f.w.Goal != world.Delete && f.widely(0.7) {
		c.faults = true
		tf.Fault = func(_ Ref, s *Shown) error {
			if s != nil && s.State == "FAILED" && s.By == "1" {
				return errors.New("it failed")
			}
			return nil
		}
	}
	if find := tf.Find; find != nil && f.widely(0.3) {
		tf.Find = func(ctx context.Context) ([]Ref, error) {
			if f.w.LastNever() {
				return nil, consistency.NotCarriedOut(errors.New("rolled back"))
			}
			return find(ctx)
		}
	}
	if tf.Started == nil && f.widely(0.2) {
		tf.Started = func(context.Context, consistency.Pending) error { return errors.New("the disk is full") }
	}
}

// pages reports whether some good answer is a page with nothing in it.
func (f *flow) pages() bool {
	return slices.ContainsFunc(f.w.Faults, func(fault world.Fault) bool { return fault.Page != "" })
}

// spanned draws how long a streak must span.
func (f *flow) spanned(p *consistency.Policy) {
	if room := within(p, consistency.Applied) / 3; room > 10*time.Millisecond && f.widely(0.2) {
		p.SettleFor = f.dice2.Between(time.Millisecond, room)
	}
}

// seldomStream is the stream of dice for flows that look seldom.
const seldomStream = 11

// lookSeldom makes a flow that follows an operation look for the last time just
// before the end, when many reads are needed besides.
func (f *flow) lookSeldom(p *consistency.Policy) {
	if d := world.NewDice(f.w.Seed, seldomStream); f.w.Wide && f.w.Monitored() && d.Chance(0.4) {
		p.Settle, p.SettleFor, p.Windows, p.ReadTimeout = 3+d.IntN(3), 0, consistency.Windows{}, 0
		p.Schedule = planned{0, func(world.Dice, readback.Step) time.Duration { return -1 }}
	}
}

// causes are why others may end a context.
func (f *flow) causes() error {
	inner := world.OneOf[error](f.dice2,
		consistency.ErrOperation,
		consistency.ErrFailed,
		&statusError{code: world.OneOf(f.dice2, 200, 400, 404, 409, 410, 503)},
		consistency.As(world.OneOf(f.dice2, consistency.Refused, consistency.NotExecuted, consistency.Applied), errors.New("a sibling's")),
		consistency.Status(errors.New("a sibling's"), 422),
		consistency.NotCarriedOut(errors.New("a sibling's")),
		&consistency.Error{Outcome: consistency.Failed, Cause: consistency.ErrOperation},
		errors.New("it is enough"),
	)
	if f.dice2.Chance(0.5) {
		return fmt.Errorf("the group ends: %w", inner)
	}
	return inner
}

// old makes a handle one of version 1, which names what was written or does not.
func old(h consistency.Pending, nameless bool) (consistency.Pending, error) {
	stored, err := json.Marshal(h)
	if err != nil {
		return h, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(stored, &fields); err != nil {
		return h, err
	}
	fields["readback"] = json.RawMessage("1")
	delete(fields, "tries")
	delete(fields, "answered")
	if nameless {
		fields["written"] = json.RawMessage("null")
	}
	if stored, err = json.Marshal(fields); err != nil {
		return h, err
	}
	var again consistency.Pending
	err = json.Unmarshal(stored, &again)
	return again, err
}

// heads reports whether the library sees the headers of an answer to c. A client
// that could not read the body tells the status alone.
func (f *flow) heads(c *claim, l *world.Look) bool {
	h := f.client.habitsOf()
	unread := l.How == world.Cut || l.How == world.Endless
	return !c.typed && l.Kind != world.List || h.watched ||
		l.Kind == world.Thing && !unread && (h.manner == byAnswer || h.manner == byPolicy)
}

// plain returns looks as they would be in a world that is not wide, and mean the
// same.
func (f *flow) plain(c *claim, looks []world.Look) []world.Look {
	looks = slices.Clone(looks)
	for i := range looks {
		l := &looks[i]
		if l.Limited && l.Status == 403 && f.heads(c, l) && (l.Kind != world.Thing || f.client.habitsOf().manner != byCode) && f.w.Reads.Said(403) == 403 {
			l.Status = 429
		}
		if f.w.Wrapped && l.Kind == world.Thing && (l.How == world.Cut || l.How == world.Stalled || l.How == world.Endless) && slices.Contains(world.WrappedReads, l.Status) {
			l.Status, l.Broken, l.Shows = 200, true, false // what it means is in a body that cannot be read
			if c.goal == world.Delete && l.How != world.Cut {
				l.Status, l.Answered = 0, time.Time{} // all of it came, but not its end: not still there, and not gone
			}
		}
		if l.Kind != world.Thing || l.Status != 200 || l.Cut || l.Broken || l.Empty == world.Full {
			continue
		}
		switch {
		case l.Empty == world.Page:
			l.Broken = true // it says nothing
		case c.goal == world.Create, c.goal == world.Update && !c.matches:
			l.Status, l.Shows = 404, false
		case c.goal == world.Update:
			l.Shows = false
		case l.Empty == world.Nothing || c.gone:
			l.Status = 404
		default:
			l.Status = 503
		}
	}
	return looks
}

// tellsFault reports whether a look shows that the write failed, to a claim that
// sees it.
func (c *claim) tellsFault(l *world.Look) bool { return c.faults && l.Spoilt && l.Status == 200 }

// judgeFault judges a claim that failed, since what was written shows that it did,
// and reports whether it is one.
func (f *flow) judgeFault(c *claim, looks []world.Look) bool {
	if !c.faults || !f.w.Spoils || !errors.Is(c.err, consistency.ErrOperation) {
		return false
	}
	var k streak
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) {
			continue
		}
		if what, _ := tells(c.goal, l); what == shown && !c.tellsFault(l) {
			k = streak{}
			continue
		}
		k.see(c.goal, l)
	}
	if k.n == 0 {
		return false
	}
	if !c.lasts(&k, f.settle(c)) {
		f.violate(FalseFailed, "%s failed after %d reads in a row that show a failure, and %d are asked for", c.call, k.n, f.settle(c))
	}
	if f.client.habits.joins {
		return true // nobody else knows of the tries before one that was answered well
	}
	for _, t := range f.w.Tries {
		if class := proof(c.goal, t.Status); t.Client == f.claims[0].client && t.Sent && (t.Status == 0 || class == consistency.Ambiguous) {
			f.violate(FalseFailed, "%s failed by what it read, and a try was answered %d", c.call, t.Status)
		}
	}
	return true
}

// echoed reports whether the write was carried out by a copy of it that nobody saw,
// so that a refusal is taken at its word; and not if there was a look that showed
// it.
func (f *flow) echoed(c *claim, looks []world.Look) bool {
	for _, t := range f.w.Tries {
		if s := t.Status; t.Sent && proof(c.goal, s) != consistency.Refused && proof(c.goal, s) != consistency.NotExecuted {
			return false
		}
	}
	if !c.mine && !c.proves {
		return true
	}
	looked := false
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) {
			continue
		}
		looked = true
		if l.Kind == world.List && l.Shows && l.Status == 200 && !l.Broken && !c.proves || l.Kind == world.Thing && l.Status == 200 && l.Shows && !l.Broken {
			return false
		}
	}
	if len(f.w.Tries) == 0 {
		return true
	}
	last := f.w.Tries[len(f.w.Tries)-1].Status
	return looked || last != 409 && last != 412 || !f.told(c) || !c.cancelled.IsZero() || !c.deadline.IsZero()
}

// told reports whether the library surely knows the status of c's write.
func (f *flow) told(c *claim) bool {
	h := f.client.habitsOf()
	known := !c.typed || h.watched || h.manner < manners || h.besides && !h.stale && c.goal != world.Delete
	return known && !f.w.Wrapped && len(f.w.Writes) == 0 && f.w.Bodies.Chance == 0 && h.manner != byWord
}

// judgeRefused asks whether a plain refusal of a client whose requests are seen is
// said to be what it is.
func (f *flow) judgeRefused(c *claim) {
	if h := f.client.habitsOf(); !f.w.Wide || c.resumed || !f.told(c) || !h.watched && !h.besides || h.retries > 0 || h.follows || len(f.w.Tries) != 1 || c.sent != 1 || f.w.AuthFails {
		return
	}
	s := f.w.Tries[0].Status
	if s != 0 && s != 409 && s != 412 && proof(c.goal, s) == consistency.Refused && c.cancelled.IsZero() && c.deadline.IsZero() {
		f.violate(Misreport, "%s was refused with %d, and is %v", c.call, s, c.outcome)
	}
}

// lasts reports whether a streak is long enough, in reads and in time.
func (c *claim) lasts(k *streak, settle int) bool {
	if c.policy.SettleFor > 0 {
		return k.n >= 2 && (k.n >= settle || k.enough) && k.last.Sub(k.first) >= c.policy.SettleFor
	}
	return k.n >= settle || k.enough
}
