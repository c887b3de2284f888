package play

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// oddStream is the stream of dice that is thrown in odd worlds only.
const oddStream = 5

// oddly draws with dice of its own what few flows do: never in a world that is
// not odd.
func (f *flow) oddly(p float64) bool { return f.w.Odd && f.odd.Chance(p) }

// goals are those of the world in the library's words.
var goals = [...]consistency.Goal{
	world.Create: consistency.ToPresent, world.Update: consistency.ToMatch, world.Delete: consistency.ToAbsent,
}

// methods are those of the writes.
var methods = [...]string{world.Create: "POST", world.Update: "PUT", world.Delete: "DELETE"}

// drawRules returns the rules for the world's dialects, with some that never fit.
// Method says that the client tells it in its answers, and body the same.
func (f *flow) drawRules(method, body bool) (rules consistency.Rules) {
	w := f.w
	if !w.Odd {
		return rules
	}
	goal := goals[w.Goal]
	if f.oddly(0.5) {
		other := goals[world.OneOf(f.odd, world.Create, world.Update, world.Delete)]
		never := func(consistency.Answer) bool { return false }
		foreign := "BREW"
		if !method {
			foreign = methods[w.Goal]
		}
		if other != goal {
			rules.Write = append(rules.Write, consistency.WriteRule{Goal: other, From: 100, To: 599, Class: consistency.Refused})
		}
		rules.Write = append(rules.Write,
			consistency.WriteRule{Method: foreign, From: 100, To: 599, Class: consistency.Refused},
			consistency.WriteRule{From: 100, To: 599, When: never, Class: consistency.Refused},
			consistency.WriteRule{From: 599, Class: consistency.Refused})
		for _, verdict := range []poll.Verdict{poll.Ready, poll.Stop} {
			rules.Read = append(rules.Read,
				consistency.ReadRule{Method: methods[w.Goal], From: 100, To: 599, Verdict: verdict},
				consistency.ReadRule{From: 100, To: 599, When: never, Verdict: verdict},
				consistency.ReadRule{From: 599, Verdict: verdict})
		}
	}
	for _, swap := range w.Writes {
		for _, pair := range [][2]int{{swap.A, swap.B}, {swap.B, swap.A}} {
			rule := consistency.WriteRule{From: pair[0], Class: proof(w.Goal, pair[1])}
			if f.oddly(0.5) {
				rule.Goal = goal
			}
			if method && f.oddly(0.5) {
				rule.Method = methods[w.Goal]
			}
			rules.Write = append(rules.Write, rule)
		}
	}
	for _, swap := range w.Reads {
		for _, pair := range [][2]int{{swap.A, swap.B}, {swap.B, swap.A}} {
			if pair[1] == 403 && body {
				rules.Read = append(rules.Read, consistency.ReadRule{Goal: consistency.ToPresent, From: pair[0], When: roleMissing, Verdict: poll.Stop})
				if w.Goal == world.Update {
					rules.Read = append(rules.Read, consistency.ReadRule{Goal: consistency.ToMatch, From: pair[0], When: roleMissing, Verdict: poll.Stop})
				}
			}
			if w.Goal == world.Delete {
				rules.Read = append(rules.Read, readRule(world.Delete, pair[0], pair[1]))
			}
			rules.Read = append(rules.Read, readRule(world.Create, pair[0], pair[1]))
		}
	}
	return rules
}

func roleMissing(a consistency.Answer) bool { return strings.Contains(string(a.Body), `"code":403`) }

// readRule returns the rule that gives a status the meaning of another.
func readRule(goal world.Goal, status, means int) consistency.ReadRule {
	rule := consistency.ReadRule{From: status}
	if goal == world.Delete {
		rule.Goal = consistency.ToAbsent
	}
	what, reason := tells(goal, &world.Look{Status: means, Shows: true})
	switch what {
	case nothing:
		rule.Verdict = poll.Unknown
	case setback:
		rule.Verdict, rule.Setback = poll.Unknown, true
	case shown:
		rule.Verdict = poll.Ready
	case settled:
		rule.Verdict, rule.Settled = poll.Ready, true
	case halted:
		rule.Verdict = poll.Stop
	default:
		rule.Verdict, rule.Reason = poll.Pending, poll.Reason(reason)
	}
	if means == 403 {
		rule.Reason = consistency.Forbidden
	}
	return rule
}

// drawOddly changes how the typed client tells what it was answered, and gives
// the policy what that needs.
func (f *flow) drawOddly(p *consistency.Policy) {
	if !f.w.Odd {
		return
	}
	c := f.client
	c.dialect = f.w.Writes
	switch {
	case f.oddly(0.2):
		c.habits.manner = byPolicy
		p.Answer = answerOf
	case f.oddly(0.2) && c.habits.retries == 0 && !c.habits.follows: // a word goes before all that is found out
		c.habits.manner = byWord
	}
	c.tokens = f.w.Token && f.oddly(0.5)
	p.Rules = f.drawRules(c.habits.manner == byAnswer || c.habits.manner == byPolicy, c.habits.manner != byValue)
}

// secretiveError is one that tells nobody but who knows it.
type secretiveError struct{ answer consistency.Answer }

func (e *secretiveError) Error() string { return "no" }

// answerOf is the Answer of a policy that knows such errors.
func answerOf(_ consistency.Phase, value any, err error) (consistency.Answer, bool) {
	var known *secretiveError
	if errors.As(err, &known) {
		return known.answer, true
	}
	return consistency.Answer{}, false
}

// settle returns how many reads in a row c needs: one if the flow may rely on
// its own word that the write changed nothing. That is a word about the last try
// alone, so that no other may have been carried out.
func (f *flow) settle(c *claim) int {
	if !c.unchanged || c.resumed || c.class != consistency.Applied {
		return settleOf(&c.policy, c.goal)
	}
	tries := slices.DeleteFunc(slices.Clone(f.w.Tries), func(t world.Try) bool { return t.Client != c.client || !t.Sent })
	for _, t := range tries[:max(len(tries)-1, 0)] {
		if class := proof(c.goal, t.Status); t.Status == 0 || class != consistency.Refused && class != consistency.NotExecuted {
			return settleOf(&c.policy, c.goal)
		}
	}
	return 1
}

// noChange returns the NoChange of a flow of c, whose write was answered as said.
func (c *claim) noChange(said func() bool) func() bool {
	return func() bool {
		c.unchanged = said()
		return c.unchanged
	}
}

// drawHolds draws what few users of the Transport ask for.
func (f *flow) drawHolds(o *readbackhttp.TransportOptions) {
	if f.oddly(0.3) {
		o.Scope = func(req *http.Request) string { return "user " + req.Header.Get("Authorization") }
	}
	if f.oddly(0.3) {
		o.MaxWrites = 1
	}
	if f.oddly(0.3) {
		o.Covers = func(_ *http.Request, _ *http.Response, usual []*url.URL) []*url.URL { return usual }
	}
	o.Policy.Resend.OnMissingParent = f.oddly(0.3)
}

// parentless returns how often the Transport may have sent a write again, since
// the answer said that what it stands on is missing.
func (f *flow) parentless(h *held) (n int) {
	if !h.options.Policy.Resend.OnMissingParent {
		return 0
	}
	for _, t := range f.w.Tries[:len(f.w.Tries)-1] {
		if t.Status == http.StatusForbidden || t.Status == http.StatusNotFound && f.w.Goal != world.Delete {
			n++
		}
	}
	return n
}
