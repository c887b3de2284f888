package play

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// judge holds what was claimed against the world's truth.
func (f *flow) judge() {
	for _, c := range f.claims {
		looks := f.looksOf(c)
		if c.held != nil {
			f.judgeHeld(c, looks)
			continue
		}
		f.result.Outcome = c.outcome
		switch c.outcome {
		case consistency.Confirmed:
			f.judgeConfirmed(c, looks)
			if _, promised := f.promised(c, looks); promised {
				f.result.Promised = true
			}
		case consistency.Failed:
			f.judgeFailed(c, looks)
		case consistency.Unconfirmed:
			f.judgeUnconfirmed(c, looks)
			f.judgeRefused(c)
		default:
			f.violate(Misreport, "%s returned no outcome", c.call)
		}
		f.judgeError(c)
		if f.w.Scene != world.NoScene { // elsewhere too much comes together to know what is to be told
			f.judgeOperation(c, looks)
			f.judgeWords(c)
			f.judgeReason(c, looks)
		}
		f.judgeTimes(c, looks)
		f.judgeWrites(c)
	}
	if f.submission != nil {
		f.submission.judge()
		return
	}
	f.judgeLeaks(f.w)
}

// looksOf returns the requests to read that c has sent.
func (f *flow) looksOf(c *claim) []world.Look {
	looks := looksBy(f.w, c.client)
	if c.held == nil {
		shorten(c.goal, looks, c.typed, f.client.habitsOf().watched, cmp.Or(c.policy.ReadTimeout, 10*time.Second))
	}
	if h := f.client.habitsOf(); c.typed && h.manner == byValue && !h.watched {
		for i := range looks {
			looks[i].Role = false // it is told in a body that nobody hands on
		}
	}
	if f.w.Wide {
		looks = f.plain(c, looks)
	}
	if f.w.Scene == world.Located && f.w.Ending == world.Provision {
		looks = provisioned(looks)
	}
	if c.monitor && !c.typed && !c.resumed && c.class == consistency.Accepted && !f.w.Wide {
		looks = f.located(looks)
	}
	return looks
}

// located makes looks at the operation of those at the Location of a 202 that names
// no other operation, until one shows how it ended.
func (f *flow) located(looks []world.Look) []world.Look {
	if f.w.Goal != world.Create || len(f.w.Tries) == 0 {
		return looks
	}
	last := f.w.Tries[len(f.w.Tries)-1]
	if last.Status != 202 || f.w.Fates[last.Fate].Monitor {
		return looks
	}
	looks = slices.Clone(looks)
	answered, missed := false, false
	for i := range looks {
		l := &looks[i]
		if l.Kind != world.Thing || l.Began.Before(last.Answered) {
			continue
		}
		l.Kind = world.Operation
		again := missed
		missed = l.Status == 404
		switch {
		case l.Status == 410, missed && (answered && again || !answered && l.Ended.Sub(last.Answered) >= 10*time.Second):
			return looks
		case l.Status == 200 && !l.Broken && !l.Cut:
			return looks
		case l.Status >= 200 && l.Status < 300:
			answered = true
		}
	}
	return looks
}

// shorten makes an answer whose body was cut short one that never came: for a
// typed client in any case, unless it is watched and has the status all the same, and
// else if the status alone says nothing. A 403 says in its body whether it ends the
// reads. What a watched client was told counts only if the read's own timeout, which
// is given, cut it short, and not the closing reads or a visit's end.
func shorten(goal world.Goal, looks []world.Look, typed, watched bool, timeout time.Duration) {
	for i := range looks {
		l := &looks[i]
		what, _ := tells(goal, l)
		alone := l.Status >= 300 && (what == shown || what == settled || what == lie || (what == halted || what == denied) && l.Status != 403)
		began := l.Began
		if i > 0 && !looks[i-1].Cut && looks[i-1].Status != 0 && looks[i-1].Ended.Equal(began) {
			began = looks[i-1].Began // both are one read
		}
		timedOut := l.Ended.Sub(began) >= timeout
		stillThere := (watched || !typed) && timedOut && l.Status == 200 && goal == world.Delete
		if l.Cut && !stillThere && (typed && (!watched || !timedOut) || !alone) {
			l.Status, l.Answered = 0, time.Time{}
		}
	}
}

// looksBy returns the requests to read that a client has sent.
func looksBy(w *world.World, client int) []world.Look {
	first, last := 0, len(w.Looks)
	for first < last && w.Looks[first].Client != client {
		first++
	}
	for last > first && w.Looks[last-1].Client != client {
		last--
	}
	looks := w.Looks[first:last]
	for i := range looks {
		if looks[i].Client != client { // somebody else reads at the same time
			return slices.DeleteFunc(slices.Clone(looks), func(l world.Look) bool { return l.Client != client })
		}
	}
	return looks
}

// judgeConfirmed asks whether the reads truly showed the write, often enough in
// a row, and whose it is.
func (f *flow) judgeConfirmed(c *claim, looks []world.Look) {
	var before, k, after streak // before the last try; from then on; after a glimpse, if there was one
	settle, more, whole, glimpse := f.settle(c), 0, true, c.glimpses()
	for i := range looks {
		if looks[i].Began.Before(c.zero) { // of the write, by a client that follows redirects
			if c.policy.Resend.WithKey > 0 && !c.resumed { // or between two tries
				before.see(c.goal, &looks[i])
				whole = whole && looks[i].Status != 0
				if k = (streak{n: min(before.n, 0)}); !f.client.habits.looks && !f.client.habits.follows {
					after = k
				} else {
					k = streak{}
				}
			}
			continue
		}
		if whole && c.lasts(&after, settle) {
			more++
		}
		if c.tellsFault(&looks[i]) {
			k, after = streak{}, streak{}
			continue
		}
		had := k.n
		k.see(c.goal, &looks[i])
		if glimpse && k.n > had {
			glimpse = false
		} else {
			after.see(c.goal, &looks[i])
		}
		whole = whole && looks[i].Status != 0 && !looks[i].Cut // nobody but the library knows what one that was cut short says
	}
	if f.unproven(c) {
		return // by the only candidate after a write that was carried out
	}
	unsure := c.policy.Resend.WithKey > 0 && (f.client.habits.looks || f.client.habits.follows) // which reads are the client's own
	if more > 0 && !c.proves && !f.late(c) && !unsure {
		f.violate(Leak, "%s reads %d times more than it needs", c.call, more)
	}
	if !c.lasts(&k, settle) {
		f.violate(FalseConfirmed, "%s confirmed after %d reads in a row that show it, and %d are asked for", c.call, k.n, settle)
	}
	if c.goal == world.Create && !world.Mine(c.id) {
		f.violate(FalseConfirmed, "%s confirmed %q, which is another's", c.call, c.id)
	}
	if c.goal == world.Create && c.class == consistency.Ambiguous && (!c.find || !c.mine && !c.proves) && !c.resumed {
		f.violate(FalseConfirmed, "%s confirmed a create whose answer was lost, without proof", c.call)
	}
	if overwritten := c.goal == world.Create && c.value == c.id+"=2"; c.goal != world.Delete && c.value != "" && c.value != c.id+"=1" && !overwritten {
		f.violate(FalseConfirmed, "%s confirmed %q, and shows %q", c.call, c.id, c.value)
	}
}

// glimpses reports whether there may be a read, between two tries, that found that
// no other try is needed: the streak begins after it.
func (c *claim) glimpses() bool {
	return c.looked || c.class == consistency.Ambiguous && c.policy.Resend.WithKey > 0 && !c.resumed
}

// unproven reports whether the write was carried out but named nothing, and the only
// candidate was taken for what it made.
func (f *flow) unproven(c *claim) bool {
	listed := slices.ContainsFunc(f.claims, func(c *claim) bool { return c.find && !c.mine && !c.proves })
	good := slices.ContainsFunc(f.w.Tries, func(t world.Try) bool {
		class := proof(c.goal, t.Status)
		return class == consistency.Applied || class == consistency.Accepted
	})
	return good && (!c.refused || f.w.Nameless) && f.w.Foreign < 2 && c.goal == world.Create && listed && !world.Mine(c.id) &&
		(c.class == consistency.Applied || c.class == consistency.Accepted && c.monitor && len(f.w.Runs) > 0)
}

// late reports whether the last records of the operation were seen late, so that it
// is not certain which look was the last.
func (f *flow) late(c *claim) bool {
	return c.monitor && (f.w.LateRecord > 0 || f.w.KeptRecord > 0)
}

// judgeFailed asks whether the write was carried out, or will be.
func (f *flow) judgeFailed(c *claim, looks []world.Look) {
	if f.judgeFault(c, looks) || f.w.Wide && !c.resumed && f.echoed(c, looks) {
		return
	}
	if f.hides(c) {
		return
	}
	for _, run := range f.w.Runs {
		f.violate(FalseFailed, "%s failed, and was carried out %v after the start", c.call, run.At.Sub(f.w.Start))
		return
	}
	if c.resumed && !errors.Is(c.err, consistency.ErrOperation) && !strings.Contains(c.err.Error(), "rolled back") {
		f.violate(FalseFailed, "%s failed without a failed operation", c.call)
	}
}

// hides reports whether c failed by its operation, and the client alone knows of a try
// before the one that began it.
func (f *flow) hides(c *claim) bool {
	return f.client.habitsOf().joins && c.class == consistency.Accepted && !c.resumed && errors.Is(c.err, consistency.ErrOperation) && len(f.w.Tries) > c.sent
}

// judgeError asks whether the error says what the outcome does, and speaks of
// the context only if that has ended.
func (f *flow) judgeError(c *claim) {
	if (c.err == nil) != (c.outcome == consistency.Confirmed) || consistency.OutcomeOf(c.err) != c.outcome {
		f.violate(Misreport, "%s is %v with the error %v", c.call, c.outcome, c.err)
	}
	if errors.Is(c.err, consistency.ErrInvalid) && !f.client.habitsOf().senseless {
		f.violate(Misreport, "%s takes a valid argument for invalid: %v", c.call, c.err)
	}
	ended := !c.cancelled.IsZero() || !c.deadline.IsZero() && !c.ended.Add(f.noise/10).Before(c.deadline)
	if !ended && (errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded)) {
		f.violate(Misreport, "%s says that the context ended, and it did not: %v", c.call, c.err)
	}
	if c.outcome == consistency.Unconfirmed && c.handle.IsZero() && !strings.HasPrefix(c.call, "Await") {
		f.violate(Misreport, "%s is unconfirmed and leaves no handle", c.call)
	}
}

// horizon is how long the reads of a claim may go on, told what they have seen.
type horizon struct {
	c      *claim
	limit  time.Time
	denied time.Time // the first of a run of 403s
	until  time.Time
	from   time.Time // windows count from here: the write's answer, or the end of its operation
	looked time.Time // the end of the last look at the operation
}

func newHorizon(c *claim) *horizon {
	h := &horizon{c: c, limit: c.zero.Add(within(&c.policy, c.class)), from: c.zero}
	if !c.deadline.IsZero() && c.deadline.Before(h.limit) {
		h.limit = c.deadline
	}
	h.until = h.limit
	return h
}

// read notes that the operation is not looked at any more.
func (h *horizon) read() {
	if h.looked.IsZero() {
		return
	}
	h.from, h.looked, h.denied, h.until = h.looked, time.Time{}, time.Time{}, h.limit
}

// see moves the horizon to where it is after a read.
func (h *horizon) see(l *world.Look) {
	goal := h.c.goal
	if l.Kind != world.Thing && goal == world.Delete {
		goal = world.Create
	}
	what, reason := tells(goal, l)
	if h.c.proves && l.Kind == world.List && l.Shows && what == shown {
		return // what the candidate says comes next
	}
	if l.Kind == world.List && what != nothing && what != halted && reason != "forbidden" {
		what, reason = denied, "" // a candidate, or none: no window is certain
	}
	if l.Kind == world.Operation {
		h.looked = l.Ended
		if l.Status == 200 || l.Status == 202 {
			what, reason = denied, ""
		}
	} else {
		h.read()
	}
	switch what {
	case shown, settled, lie:
		h.denied, h.until = time.Time{}, h.limit
		return
	case denied:
	default:
		return
	}
	if reason != "forbidden" {
		h.denied = time.Time{}
	} else if h.denied.IsZero() {
		h.denied = l.Answered
	}
	windows, window, from := &h.c.policy.Windows, time.Duration(0), h.from
	switch reason {
	case "forbidden":
		window, from = windows.Forbidden, h.denied
		if window == 0 {
			window = 10 * time.Second
		}
	case "behind token":
		window = windows.BehindToken
	case "not found":
		window = windows.NotFound
	case "stale":
		window = windows.Stale
	case "still there":
		window = windows.StillThere
	}
	if h.c.class == consistency.Ambiguous && reason != "forbidden" && reason != "behind token" {
		window = 0
	}
	h.until = h.limit
	if end := from.Add(window); window > 0 && end.Before(h.limit) {
		h.until = end
	}
}

// judgeTimes asks whether a read began when it was too late.
func (f *flow) judgeTimes(c *claim, looks []world.Look) {
	h, began := newHorizon(c), -1 // the first look
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) { // of the write, by a client that follows redirects
			continue
		}
		if began < 0 {
			began = i
		}
		first := c.called
		if ended := h.looked; l.Kind != world.Operation && !ended.IsZero() {
			h.read()
			first = ended
		}
		end := h.until
		if i == began && c.resumed || !first.Equal(c.called) { // there is always one
			end = later(end, first)
		}
		if l.Kind == world.Thing && i > 0 && looks[i-1].Kind == world.List && !looks[i-1].Answered.IsZero() && looks[i-1].Answered.Equal(l.Began) {
			end = h.limit // it belongs to the same look
			if i == began+1 {
				end = later(end, l.Began) // which there always is
			}
		}
		if c.looked || f.late(c) || c.proves || f.unproven(c) { // another's thing shows, too, where it is taken for the only one
			end = later(end, h.limit)
			if c.proves && i <= began+2 {
				end = later(end, l.Began) // of the first look, which there always is
			}
			if c.looked { // for so long at most, and that is made up for
				end = later(end, c.zero.Add(10*time.Second))
			}
		}
		if c.call == "Visits" && c.glimpses() {
			end = later(end, l.Began) // the first visit came late, which is made up for
		}
		if c.call == "Visits" {
			end = end.Add(time.Millisecond + c.lost) // which the times between visits are exact to
		}
		if l.Began.After(end.Add(f.noise)) {
			f.violate(Leak, "%s reads %v after the start, when its time was over at %v", c.call, l.Began.Sub(f.w.Start), end.Sub(f.w.Start))
		}
		if l.Began.After(c.ended.Add(f.noise)) {
			f.violate(Leak, "%s reads %v after it has ended", c.call, l.Began.Sub(c.ended))
		}
		if !c.cancelled.IsZero() && l.Began.After(c.cancelled.Add(f.noise)) {
			f.violate(Leak, "%s reads %v after it was cancelled", c.call, l.Began.Sub(c.cancelled))
		}
		if l.Kind == world.Thing && l.ID == "" {
			f.violate(Misreport, "%s reads what nothing refers to", c.call)
		}
		h.see(l)
	}
}

// judgeLeaks asks what is left when all is over.
func (f *flow) judgeLeaks(w *world.World) {
	if w.Opened != w.Closed {
		f.violate(Leak, "%d bodies were opened and %d closed", w.Opened, w.Closed)
	}
	if w.Busy != 0 {
		f.violate(Leak, "%d requests are still under way", w.Busy)
	}
	if w.Late != 0 {
		f.violate(Leak, "%d requests came after the end", w.Late)
	}
	for _, stray := range w.Strays {
		f.violate(Leak, "%s", stray)
	}
}

// unprovable reports whether an update without a match had no token to go by.
func unprovable(err error) bool { return errors.Is(err, readbackhttp.ErrNoToken) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
