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
		if last := calls[i-1]; !f.consented(c, last, last.ended.Sub(calls[0].began)) {
			f.violate(DoubleWrite, "%s wrote again after status %d", c.call, last.status)
		}
	}
}

// consented reports whether the policy allows to write again after a call that
// was answered so.
func (f *flow) consented(c *claim, last call, since time.Duration) bool {
	r := c.policy.Resend
	switch {
	case last.unreached && r.OnNotSent,
		last.status == 429 && r.OnRateLimited,
		(last.status == 404 || last.status == 403) && r.OnMissingParent:
		return true
	}
	doubtful := last.status == 0 || proof(c.goal, last.status) == consistency.Ambiguous ||
		f.client.habits.retries > 0 || f.client.habits.follows
	return doubtful && since < r.WithKey
}
