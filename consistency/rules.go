package consistency

import (
	"slices"

	"github.com/readback-go/readback/internal/forbidden"
	"github.com/readback-go/readback/poll"
)

// Goal is what the reads of a flow are to show. Its zero value stands for any
// goal in a rule, and is invalid in a flow.
type Goal uint8

const (
	ToPresent Goal = iota + 1 // that something is there: Create
	ToMatch                   // that it is as wanted: Update and Await
	ToAbsent                  // that it is gone: Delete
)

// String returns the goal in lower case.
func (g Goal) String() string {
	switch g {
	case ToPresent:
		return "present"
	case ToMatch:
		return "match"
	case ToAbsent:
		return "absent"
	}
	return "any"
}

// The reasons why a read is pending. [Windows] says how long each is taken for
// lag.
const (
	NotFound    poll.Reason = "not found"
	Forbidden   poll.Reason = "forbidden"
	Stale       poll.Reason = "stale"
	StillThere  poll.Reason = "still there"
	BehindToken poll.Reason = "behind token"
)

// Rules say what answers mean. They are asked in order, before the built-in
// tables: the first rule that fits an answer decides, also of an answer with a
// good status. The zero value leaves all to the tables.
//
// A service that answers {"ok":false} or the errors of GraphQL with a 200, or that
// shows what was deleted as {"state":"deleted"}, is one rule each. Refused must be true
// of all that a rule fits: errors of GraphQL may come of a field that was asked for once
// the mutation was carried out, and so they prove nothing unless yours come before.
//
//	consistency.Rules{
//		Write: []consistency.WriteRule{
//			{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused},
//			{From: 200, Body: consistency.JSON("/errors"), Class: consistency.Ambiguous},
//		},
//		Read: []consistency.ReadRule{
//			{From: 200, Body: consistency.JSON("/state", "deleted"), Goal: consistency.ToAbsent, Verdict: poll.Ready, Settled: true},
//		},
//	}
type Rules struct {
	Write []WriteRule
	Read  []ReadRule
}

// WriteRule says what an answer to a write proves. It fits an answer if all that
// it asks for is so.
type WriteRule struct {
	Goal     Goal              // zero fits any
	Method   string            // empty fits any, also an unknown one
	Code     string            // the client's own code; empty fits any
	From, To int               // the range of the status; To zero means From alone, both zero any, also none
	When     func(Answer) bool // nil fits any

	// Body is asked about the beginning of the body, at most 64 KiB, of good
	// answers too, whose end is waited for then; a body that is not known does
	// not fit. If it is seen to break off, and what came of it does not fit, the
	// answer to a write proves nothing, and no read is ready by the table. [JSON]
	// makes common ones. Nil fits any.
	Body func(body []byte) bool

	Class Class
}

// ReadRule says what an answer to a read, or to a look at an operation, means.
// Goal to Body are as in [WriteRule]. A ready answer is still subject to the
// flow's match, but not asked whether anything is in it.
type ReadRule struct {
	Goal     Goal
	Method   string
	Code     string
	From, To int
	When     func(Answer) bool
	Body     func(body []byte) bool
	Verdict  poll.Verdict
	Reason   poll.Reason
	Setback  bool // see poll.Judgement
	Settled  bool // see poll.Judgement
}

// writeTable is the design's table "What a write's answer proves". What it does
// not list is ambiguous.
var writeTable = []WriteRule{
	{From: 202, Class: Accepted},
	{From: 200, To: 299, Class: Applied},
	{From: 301, To: 303, Class: Accepted},
	{From: 307, To: 308, Class: NotExecuted},
	{From: 404, Goal: ToAbsent, Class: Applied},
	{From: 410, Goal: ToAbsent, Class: Applied},
	{From: 400, To: 406, Class: Refused},
	{From: 409, To: 417, Class: Refused},
	{From: 422, Class: Refused},
	{From: 426, Class: Refused},
	{From: 428, To: 429, Class: Refused},
	{From: 431, Class: Refused},
	{From: 451, Class: Refused},
	{From: 501, Class: Refused},
}

// readTable is the design's table "What a read's answer says". What it does not
// list is unknown, and a setback for what is to be absent: a dead database looks
// like an empty one.
var readTable = []ReadRule{
	{From: 202, Goal: ToAbsent, Verdict: poll.Pending, Reason: StillThere},
	{From: 202, Verdict: poll.Pending, Reason: Stale},
	{From: 200, To: 299, Goal: ToAbsent, Verdict: poll.Pending, Reason: StillThere},
	{From: 200, To: 299, Verdict: poll.Ready},
	{From: 300, To: 399, Verdict: poll.Unknown, Reason: "redirected or cached"},
	{From: 403, Goal: ToAbsent, When: rateLimited, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 403, Goal: ToAbsent, Verdict: poll.Unknown, Reason: Forbidden},
	{From: 403, When: missingRole, Verdict: poll.Stop, Reason: "role missing"},
	{From: 403, When: rateLimited, Verdict: poll.Unknown, Reason: unavailable},
	{From: 403, Verdict: poll.Pending, Reason: Forbidden},
	{From: 404, Goal: ToAbsent, Verdict: poll.Ready},
	{From: 404, Verdict: poll.Pending, Reason: NotFound},
	{From: 410, Goal: ToAbsent, Verdict: poll.Ready, Settled: true},
	{From: 410, Verdict: poll.Pending, Reason: NotFound},
	{From: 408, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 425, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 429, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 499, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 408, Verdict: poll.Unknown, Reason: unavailable},
	{From: 425, Verdict: poll.Unknown, Reason: unavailable},
	{From: 429, Verdict: poll.Unknown, Reason: unavailable},
	{From: 499, Verdict: poll.Unknown, Reason: unavailable},
	{From: 400, To: 499, Verdict: poll.Stop, Reason: "refused"},
}

// notListed and notListedAbsent are for what the table does not list.
var (
	notListed       = ReadRule{Verdict: poll.Unknown, Reason: unavailable}
	notListedAbsent = ReadRule{Verdict: poll.Unknown, Reason: unavailable, Setback: true}
	behindToken     = ReadRule{Verdict: poll.Pending, Reason: BehindToken}
)

const unavailable poll.Reason = "unavailable"

func missingRole(a Answer) bool { return forbidden.MissingRole(a.Body) }
func rateLimited(a Answer) bool { return a.rateLimited() }

// askForBodies reports whether a rule asks for the bodies of good answers in that
// phase.
func (r *Rules) askForBodies(phase Phase) bool {
	if phase == PhaseWrite {
		for i := range r.Write {
			if r.Write[i].Body != nil {
				return true
			}
		}
		return false
	}
	for i := range r.Read {
		if r.Read[i].Body != nil {
			return true
		}
	}
	return false
}

func (r *Rules) write(goal Goal, a *Answer) Class {
	for _, table := range [...]*[]WriteRule{&r.Write, &writeTable} {
		for i := range *table {
			rule := &(*table)[i]
			switch {
			case !fits(rule.Goal, goal, rule.Method, rule.Code, rule.From, rule.To, a):
			case asked(rule.When, rule.Body, a):
				return rule.Class
			case rule.Body != nil && a.cut && asked(rule.When, nil, a):
				return Ambiguous // the rest of the body might have fitted
			}
		}
	}
	return Ambiguous
}

// read returns the rule that fits, and whether it is one of r and no row of the
// table. An answer that only the whole of its body would tell is not listed.
func (r *Rules) read(goal Goal, a *Answer) (rule *ReadRule, own bool) {
	if rule := firstFit(r.Read, goal, a); rule != nil {
		return rule, true
	}
	if rule := firstFit(readTable, goal, a); rule != nil && !(rule.Verdict == poll.Ready && r.couldFit(goal, a)) {
		return rule, false
	}
	if goal == ToAbsent {
		return &notListedAbsent, false
	}
	return &notListed, false
}

// couldFit reports whether the rest of a body that broke off might have fitted a rule.
func (r *Rules) couldFit(goal Goal, a *Answer) bool {
	return a.cut && slices.ContainsFunc(r.Read, func(rule ReadRule) bool {
		return rule.Body != nil && fits(rule.Goal, goal, rule.Method, rule.Code, rule.From, rule.To, a) && asked(rule.When, nil, a)
	})
}

func firstFit(table []ReadRule, goal Goal, a *Answer) *ReadRule {
	for i := range table {
		rule := &table[i]
		if fits(rule.Goal, goal, rule.Method, rule.Code, rule.From, rule.To, a) && asked(rule.When, rule.Body, a) {
			return rule
		}
	}
	return nil
}

func fits(ruleGoal, goal Goal, method, code string, from, to int, a *Answer) bool {
	return (ruleGoal == 0 || ruleGoal == goal) &&
		(method == "" || method == a.Method) &&
		(code == "" || code == a.Code) &&
		(from == 0 && to == 0 || a.Status >= from && a.Status <= max(from, to))
}

func asked(when func(Answer) bool, body func([]byte) bool, a *Answer) bool {
	return (when == nil || when(*a)) && (body == nil || a.Body != nil && body(a.Body))
}
