package play

import (
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// leastReserve is what timers are exact to.
const leastReserve = time.Millisecond

// judgeUnconfirmed asks whether law 2 promised more.
func (f *flow) judgeUnconfirmed(c *claim, looks []world.Look) {
	why, promised := f.promised(c, looks)
	if promised {
		f.result.Promised = true
		f.violate(Missed, "%s is unconfirmed, and %s: %v", c.call, why, c.err)
	}
}

// promised reports whether law 2 promised that c is confirmed.
//
// The reserve of a moment is twice the slowest read that was answered or lost by then, or
// what the write took if none was; at least a millisecond; at most half the time
// left divided by the reads still needed; both as of the end of the last read.
// Let v be the moment from which on every read shows the write and takes no
// longer than the world's pace, and D the deadline as of v. If the pace is within
// the reserve of every read begun after v, and v lies (settle + 1) reserves before
// D, the outcome must be Confirmed.
func (f *flow) promised(c *claim, looks []world.Look) (why string, _ bool) {
	v, kept, ok := f.visible(c, looks)
	pace := f.paceOf(c)
	if !ok || c.policy.ReadTimeout > 0 && pace > c.policy.ReadTimeout {
		return "", false
	}
	s, settle := newSeen(c), f.settle(c)
	var (
		left    = s.until.Sub(v)
		reserve = s.reserve(settle + kept)
	)
	if pace > reserve {
		return "", false
	}
	for i := range looks {
		l := &looks[i]
		if l.Began.Before(c.zero) {
			continue
		}
		if f.noise > 0 && l.Ended.After(v) {
			// In real time a read takes as long as it takes.
			if l.Status == 0 {
				return "", false
			}
			pace = max(pace, l.Ended.Sub(l.Began))
		}
		if kept == 0 && l.Began.After(v) && pace > s.reserve(settle-s.streak.n) {
			return "", false
		}
		if what, _ := tells(c.goal, l); what == halted || l.Role && l.Cut { // what came of its body may say so
			return "", false
		}
		known := s.until
		s.see(c, looks, i)
		if !l.Began.After(v) && l.Ended.After(v) && !s.until.Equal(known) {
			return "", false // as of v, nobody knew of that window
		}
		if !l.Began.After(v) {
			left = s.until.Sub(v)
		}
		if !l.Ended.After(v) {
			reserve = s.reserve(settle - s.streak.n + kept)
		}
	}
	if left < time.Duration((settle+1+kept)*(1+kept))*max(reserve, leastReserve, f.noise) || pace > reserve {
		return "", false
	}
	if c.policy.SettleFor > 0 && left < c.policy.SettleFor+time.Duration(2*(max(settle, 2)+1))*max(2*s.slowest, c.took, leastReserve) {
		return "", false
	}
	return "from " + v.Sub(f.w.Start).String() + " on every read shows it, " + left.String() +
		" before the deadline, with a reserve of " + reserve.String(), true
}

// visible returns the moment from which on every read of c shows the write, and how many
// looks at its operation are needed besides; ok says whether that is certain.
func (f *flow) visible(c *claim, looks []world.Look) (from time.Time, kept int, ok bool) {
	if !c.cancelled.IsZero() && !c.cancelled.After(c.ended) || !f.findable(c) {
		return time.Time{}, 0, false
	}
	ended, kept, ok := f.followed(c, looks)
	if !ok || f.w.Wide && f.unseen(c) {
		return time.Time{}, 0, false
	}
	if c.id == "" && c.class != consistency.Ambiguous && c.policy.Windows.NotFound > 0 {
		return time.Time{}, 0, false
	}
	shows, ok := f.w.ShownBy(c.id, c.ended)
	if !ok || c.policy.OnForbidden == nil && f.w.NeedsFresh && !f.fresh.fresh.Load() {
		return time.Time{}, 0, false
	}
	return c.inTime(later(later(shows, ended), f.w.CalmFrom(c.ended))), kept, true
}

// followed returns when the operation of c was seen to end, if it has one, and how many
// looks at it are needed besides the reads; ok says whether that is certain.
func (f *flow) followed(c *claim, looks []world.Look) (ended time.Time, kept int, ok bool) {
	if !c.monitor || c.class != consistency.Accepted {
		return time.Time{}, 0, true
	}
	if at, ok := f.operationEnded(c); ok {
		return at, 1, true
	}
	first := slices.IndexFunc(looks, func(l world.Look) bool { return l.Kind != world.Operation && !l.Began.Before(c.zero) })
	if first < 0 || c.resumed || f.late(c) {
		return time.Time{}, 0, false
	}
	return looks[first].Began, 0, true
}

// paceOf returns how long a read takes at most where all is well.
func (f *flow) paceOf(c *claim) time.Duration {
	pace := f.w.Pace
	if c.find && c.goal == world.Create {
		pace *= 2 // one to find it, and one to read it
	}
	if c.proves {
		pace += f.w.Pace // and one to see whose it is
	}
	return pace
}

// operationEnded returns when the operation truly ended well, if it is certain that
// every look from then on says so: the reads that follow have their reserves however
// seldom it was looked at before.
func (f *flow) operationEnded(c *claim) (time.Time, bool) {
	w := f.w
	if c.resumed || f.late(c) || len(w.Tries) != 1 || len(w.Runs) != 1 || w.Fates[0].Fails > 0 || w.Calm > 0 || w.CacheFor > 0 || w.Bodies.Chance > 0 || !w.Fates[0].Monitor {
		return time.Time{}, false
	}
	if w.Odd || w.Wrapped || c.policy.SettleFor > 0 || c.policy.ReadTimeout > 0 || c.policy.Windows != (consistency.Windows{}) {
		return time.Time{}, false
	}
	if !c.typed && w.Wide && w.Shape == world.ByStatus && w.Failing() {
		return time.Time{}, false // its statuses alone are not taken for an end
	}
	return w.Runs[0].At, true
}

// unseen reports whether the reads of a wide world do not show the write, or that it
// is not certain that they do.
func (f *flow) unseen(c *claim) bool {
	empty := false
	for _, body := range f.w.Empties {
		empty = empty || body != "null"
	}
	switch {
	case c.looked, c.mute, c.faults && f.w.Spoils, c.err != nil && strings.Contains(c.err.Error(), "rolled back"):
		return true
	case f.w.Nameless && c.goal == world.Create && (!c.find || !c.mine && !c.proves || f.w.Things() != 1 || c.policy.Windows.NotFound > 0):
		return true
	case c.goal == world.Delete && (empty || c.envelope) && !c.gone:
		return true
	}
	return false
}

// seen is what a claim has seen so far.
type seen struct {
	*horizon
	planned  time.Time     // when the last read had ended
	expected time.Duration // as long as none was answered
	slowest  time.Duration // 0 if none was answered
	streak   streak
}

func newSeen(c *claim) *seen {
	s := &seen{horizon: newHorizon(c), planned: c.zero, expected: c.took}
	if c.resumed {
		s.planned, s.expected = c.called, s.limit.Sub(c.called)/10
	}
	return s
}

// see takes the i-th look into account.
func (s *seen) see(c *claim, looks []world.Look, i int) {
	l := &looks[i]
	s.horizon.see(l)
	s.planned = l.Ended
	s.streak.see(c.goal, l)
	if l.Status == 0 && !l.Lost { // one that was lost has ended by itself, too
		return
	}
	began := l.Began
	if i > 0 && looks[i-1].Kind == world.List && looks[i-1].Answered.Equal(began) {
		began = looks[i-1].Began // both are one read
	}
	s.slowest = max(s.slowest, l.Ended.Sub(began))
}

// reserve returns what is kept for each of the reads that are needed.
func (s *seen) reserve(needed int) time.Duration {
	asked := 2 * s.slowest
	if s.slowest == 0 {
		asked = s.expected
	}
	left := s.until.Sub(s.planned)
	if s.streak.n <= 0 {
		left -= s.c.policy.SettleFor
	}
	if s.c.policy.SettleFor > 0 {
		needed = max(needed, 2-max(s.streak.n, 0))
	}
	return min(max(asked, leastReserve), left/time.Duration(2*max(needed, 1)))
}

// findable reports whether the flow can know what to read.
func (f *flow) findable(c *claim) bool {
	switch {
	case unprovable(c.err), c.refused:
		return false
	case c.goal == world.Create && c.id == "":
		return c.find && (c.mine || c.proves) && f.w.Things() == 1
	case c.id == "" && c.goal == world.Update:
		return c.find
	}
	return true
}
