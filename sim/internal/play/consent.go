package play

import (
	"time"

	"github.com/readback-go/readback/consistency"
)

// judgeWrites asks whether each write after the first was consented to.
func (f *flow) judgeWrites(c *claim) {
	if f.client == nil {
		return
	}
	until := len(f.client.writes)
	for i := range f.claims {
		if f.claims[i] == c && i+1 < len(f.claims) {
			until = f.claims[i+1].writes
		}
	}
	calls := f.client.writes[c.writes:until]
	if c.resumed && len(calls) > 0 {
		f.violate(DoubleWrite, "%s wrote", c.call)
	}
	for i := 1; i < len(calls); i++ {
		if calls[i-1].idle {
			f.violate(DoubleWrite, "%s calls a write again that can send nothing", c.call)
		}
		if last := calls[i-1]; !f.consented(c, last, last.ended.Sub(calls[0].began)) && !f.keyed(c, calls[:i]) && !passed(c, calls[:i]) {
			f.violate(DoubleWrite, "%s wrote again after status %d", c.call, last.status)
		}
	}
}

// passed reports whether the policy knows the last refusal to pass, and no call
// before may have been carried out.
func passed(c *claim, calls []call) bool {
	last := len(calls) - 1
	if c.policy.Resend.When == nil || !passes(calls[last].status) {
		return false
	}
	for _, before := range calls[:last] {
		if before.status == 0 && !before.unreached || before.status != 0 && proof(c.goal, before.status) == consistency.Ambiguous {
			return false
		}
	}
	return true
}

// keyed reports whether the policy allows to write again with the key after calls
// of which the last was answered with what a server says while another try still
// runs, and one before may have been carried out.
func (f *flow) keyed(c *claim, calls []call) bool {
	last := calls[len(calls)-1]
	if last.status != 409 && last.status != 425 && last.status != 429 || last.ended.Sub(calls[0].began) >= c.policy.Resend.WithKey {
		return false
	}
	for _, before := range calls[:len(calls)-1] {
		if f.doubtful(c, before) {
			return true
		}
	}
	return false
}

// consented reports whether the policy allows to write again after a call that
// was answered so.
func (f *flow) consented(c *claim, last call, since time.Duration) bool {
	r := c.policy.Resend
	switch {
	case last.unreached && r.OnNotSent,
		last.status == 429 && r.OnRateLimited,
		r.OnNotSent && f.client.habits.manner == byWord && last.status != 0 && proof(c.goal, last.status) == consistency.NotExecuted,
		(last.status == 404 || last.status == 403) && r.OnMissingParent:
		return true
	}
	return f.doubtful(c, last) && since < r.WithKey
}

// doubtful reports whether a call may have been carried out whatever its answer
// says.
func (f *flow) doubtful(c *claim, last call) bool {
	return last.status == 0 || proof(c.goal, last.status) == consistency.Ambiguous ||
		f.client.habits.retries > 0 || f.client.habits.follows ||
		(f.client.habits.looks || f.client.habits.auths) && !f.client.habits.watched // nobody knows which request was the try
}
