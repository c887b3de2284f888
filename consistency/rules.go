package consistency

import (
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
// tables: the first rule that fits an answer decides. The zero value leaves all
// to the tables.
type Rules struct {
	Write []WriteRule
	Read  []ReadRule
}

// WriteRule says what an answer to a write proves.
type WriteRule struct {
	Goal     Goal              // zero fits any
	Method   string            // empty fits any, also an unknown one
	From, To int               // the range of the status; To zero means From alone
	When     func(Answer) bool // nil fits any
	Class    Class
}

// ReadRule says what an answer to a read means. Goal, Method, From, To and When
// are as in [WriteRule]. A ready answer is still subject to the flow's match.
type ReadRule struct {
	Goal     Goal
	Method   string
	From, To int
	When     func(Answer) bool
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
	{From: 403, Goal: ToAbsent, Verdict: poll.Unknown, Reason: Forbidden},
	{From: 403, When: missingRole, Verdict: poll.Stop, Reason: "role missing"},
	{From: 403, Verdict: poll.Pending, Reason: Forbidden},
	{From: 404, Goal: ToAbsent, Verdict: poll.Ready},
	{From: 404, Verdict: poll.Pending, Reason: NotFound},
	{From: 410, Goal: ToAbsent, Verdict: poll.Ready, Settled: true},
	{From: 410, Verdict: poll.Pending, Reason: NotFound},
	{From: 408, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 425, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 429, Goal: ToAbsent, Verdict: poll.Unknown, Reason: unavailable, Setback: true},
	{From: 408, Verdict: poll.Unknown, Reason: unavailable},
	{From: 425, Verdict: poll.Unknown, Reason: unavailable},
	{From: 429, Verdict: poll.Unknown, Reason: unavailable},
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

func (r *Rules) write(goal Goal, a *Answer) Class {
	for _, table := range [...]*[]WriteRule{&r.Write, &writeTable} {
		for i := range *table {
			if rule := &(*table)[i]; fits(rule.Goal, goal, rule.Method, rule.From, rule.To, rule.When, a) {
				return rule.Class
			}
		}
	}
	return Ambiguous
}

func (r *Rules) read(goal Goal, a *Answer) *ReadRule {
	if rule := firstFit(r.Read, goal, a); rule != nil {
		return rule
	}
	if rule := firstFit(readTable, goal, a); rule != nil {
		return rule
	}
	if goal == ToAbsent {
		return &notListedAbsent
	}
	return &notListed
}

func firstFit(table []ReadRule, goal Goal, a *Answer) *ReadRule {
	for i := range table {
		if rule := &table[i]; fits(rule.Goal, goal, rule.Method, rule.From, rule.To, rule.When, a) {
			return rule
		}
	}
	return nil
}

func fits(ruleGoal, goal Goal, method string, from, to int, when func(Answer) bool, a *Answer) bool {
	return (ruleGoal == 0 || ruleGoal == goal) &&
		(method == "" || method == a.Method) &&
		a.Status >= from && a.Status <= max(from, to) &&
		(when == nil || when(*a))
}
