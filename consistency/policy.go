package consistency

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// Policy says how an application reads back its writes. It is shared by all
// flows and safe for concurrent use, as long as its functions are; its zero
// value is ready for use. To make an exception for one flow, copy it and change
// a field.
type Policy struct {
	// Within is how long a flow may take, from the write's answer on. Zero
	// means 30 s after a write that was applied, 2 min after an ambiguous one
	// and 10 min after one that was accepted, as by a 202. The write itself is
	// bounded by the context alone.
	Within time.Duration

	// Settle is how many reads in a row must show the write. One is luck where
	// replicas answer in turn: ask for 3 there. Zero means 1, and 2 for
	// Delete.
	Settle int

	// SettleFor is how long those reads must span, from the end of the first to
	// the beginning of the last, for states that come and go: then there are at
	// least two. It must be shorter than Within. Zero means that their number
	// is enough.
	SettleFor time.Duration

	// Schedule says when reads begin. Nil means readback.Backoff{}.
	Schedule readback.Schedule

	// ReadTimeout bounds each read. Zero means 10 s.
	ReadTimeout time.Duration

	// Windows says how long a pending read of each reason is taken for lag.
	Windows Windows

	// Rules go before the built-in tables of what answers mean.
	Rules Rules

	// Resend says which writes may be sent again. The zero value says none.
	Resend Resend

	// SingleAttempt is the caller's word that the client never sends a write
	// twice by itself. It saves the trace that would find out. Then an error
	// without a status is always ambiguous, also that of a connection that was
	// never made.
	SingleAttempt bool

	// Answer returns the answer to a call of that phase, for clients that carry it
	// in their own way, such as gRPC's. Value and err are what the call returned;
	// for a look at an operation, value is whether that is done. If it returns
	// true, nothing else is consulted: not the error, the value or the wire.
	Answer func(phase Phase, value any, err error) (Answer, bool)

	// OnForbidden is called in a run of 403s, to refresh credentials: before the
	// read after the first, and again whenever the run has lasted twice as
	// long. Its context is that read's.
	OnForbidden func(context.Context)

	// Observer gets an event for each write, each read and each end, in order,
	// on the flow's goroutine.
	Observer func(Event)

	// Tracer follows each flow and each of its steps, and gives them the context
	// in which they run. Nil means that nobody does.
	Tracer Tracer

	// Logger gets the same events at debug level. Nil means silence.
	Logger *zap.Logger
}

// Windows says how long a read that is pending for one reason is still taken
// for lag. When the window of the reason seen last ends, so does the flow,
// unconfirmed. Zero means as long as the flow may take, except for Forbidden.
//
// They count from the write's answer, or from the end of the operation that was
// followed.
type Windows struct {
	NotFound    time.Duration // ignored after an ambiguous write
	Stale       time.Duration // ignored after an ambiguous write
	StillThere  time.Duration // ignored after an ambiguous write
	BehindToken time.Duration
	Forbidden   time.Duration // from the first 403 of an unbroken run; zero means 10 s
}

// Resend says which writes may be sent again, with the waits of the policy's
// schedule and no longer than Within. The zero value says none.
type Resend struct {
	OnNotSent       bool // nothing was ever sent
	OnRateLimited   bool // answered with 429, or with a 403 of a rate limit
	OnMissingParent bool // answered with 404 or 403, below something just written

	// When reports whether a refusal is known to pass, so that the write may be sent
	// again: a 400 "role cannot be assumed", or a serialization failure. It is asked
	// of refused answers only, before anything is read, and never once a try was
	// ambiguous. Nil allows none.
	When func(Answer) bool

	// WithKey is how long after its first try an ambiguous write may be sent again:
	// it carries an idempotency key that the server honours for at least that time.
	// Between the tries the write is looked for, if the flow can; once it is shown and
	// provably this write's, it is not sent again. A 409, 425 or 429 to a later try
	// does not end the tries: servers answer so while an earlier one still runs. Zero
	// means never.
	WithKey time.Duration
}

const (
	withinApplied   = 30 * time.Second
	withinAmbiguous = 2 * time.Minute
	withinAccepted  = 10 * time.Minute // also of an operation that was followed

	forbiddenWindow = 10 * time.Second
	settleAbsent    = 2
)

func (p *Policy) within(class Class) time.Duration {
	switch {
	case p.Within > 0:
		return p.Within
	case class == Accepted:
		return withinAccepted
	case class == Ambiguous:
		return withinAmbiguous
	}
	return withinApplied
}

func (p *Policy) settle(goal Goal) int {
	switch {
	case p.Settle > 0:
		return p.Settle
	case goal == ToAbsent:
		return settleAbsent
	}
	return 1
}

func (p *Policy) schedule() readback.Schedule {
	if p.Schedule == nil {
		return readback.Backoff{}
	}
	return p.Schedule
}

// checkRule returns an error for a rule that could fit no answer.
func checkRule(table string, i int, goal Goal, from, to int) error {
	switch {
	case goal > ToAbsent:
		return invalid("Policy.Rules.%s[%d] has a goal that does not exist", table, i)
	case from < 0 || to < 0 || to != 0 && to < from:
		return invalid("Policy.Rules.%s[%d] is for statuses from %d to %d", table, i, from, cmp.Or(to, from))
	}
	return nil
}

func (p *Policy) validate() error {
	for _, field := range [...]struct {
		name  string
		value time.Duration
	}{
		{"Within", p.Within},
		{"ReadTimeout", p.ReadTimeout},
		{"Windows.NotFound", p.Windows.NotFound},
		{"Windows.Stale", p.Windows.Stale},
		{"Windows.StillThere", p.Windows.StillThere},
		{"Windows.BehindToken", p.Windows.BehindToken},
		{"Windows.Forbidden", p.Windows.Forbidden},
		{"Resend.WithKey", p.Resend.WithKey},
		{"SettleFor", p.SettleFor},
	} {
		if field.value < 0 {
			return invalid("Policy.%s is negative: %v", field.name, field.value)
		}
	}
	if p.Settle < 0 {
		return invalid("Policy.Settle is negative: %d", p.Settle)
	}
	if p.Settle > poll.MaxSettle {
		return invalid("Policy.Settle is %d, more than %d", p.Settle, poll.MaxSettle)
	}
	if p.SettleFor >= p.within(Applied) {
		return invalid("Policy.SettleFor is %v, which Within, %v, has no room for", p.SettleFor, p.within(Applied))
	}
	for i, rule := range p.Rules.Write {
		if rule.Class < Applied || rule.Class > Ambiguous {
			return invalid("Policy.Rules.Write[%d] has no class", i)
		}
		if err := checkRule("Write", i, rule.Goal, rule.From, rule.To); err != nil {
			return err
		}
	}
	for i, rule := range p.Rules.Read {
		if rule.Verdict > poll.Stop {
			return invalid("Policy.Rules.Read[%d] has no verdict", i)
		}
		if err := checkRule("Read", i, rule.Goal, rule.From, rule.To); err != nil {
			return err
		}
	}
	if s, ok := p.Schedule.(interface{ Validate() error }); ok {
		if err := s.Validate(); err != nil {
			return invalid("Policy.Schedule: %w", err)
		}
	}
	return nil
}
