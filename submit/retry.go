package submit

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// try is the last try of a write, as far as its outcome may be that it was not
// carried out.
type try struct {
	class      consistency.Class
	status     int
	retryAfter time.Duration
	passes     bool // it was refused for a reason that Resend.When knows to pass
}

// watch returns p as a write that is not to hold up its worker needs it: what is
// proven not to have been carried out is tried again from the queue. If the write is
// sent again after a doubtful try, it is as the policy says.
func (last *try) watch(p consistency.Policy, again bool) consistency.Policy {
	observer := p.Observer
	if !again {
		p.Resend.OnNotSent, p.Resend.OnRateLimited = false, false
		if when := p.Resend.When; when != nil {
			p.Resend.When = func(a consistency.Answer) bool {
				last.passes = when(a)
				return false
			}
		}
	}
	p.Observer = func(e consistency.Event) {
		if e.Phase == consistency.PhaseWrite {
			*last = try{class: e.Class, status: e.Status, retryAfter: e.RetryAfter}
		}
		if observer != nil {
			observer(e)
		}
	}
	return p
}

// proof is what a try that failed proves.
type proof uint8

const (
	provesNothing proof = iota // that speaks for another try
	provesPassing              // it was refused for a reason that passes
	provesUnsent               // nothing was sent, or nothing that the service looked at
)

// proves returns what the last try proves, if the outcome is Failed: then no other
// try leaves any doubt.
func (last *try) proves() proof {
	redirected := last.status >= 300 && last.status < 400
	switch {
	case last.class == consistency.NotExecuted && !redirected:
		return provesUnsent
	case last.class == consistency.Refused && last.status == http.StatusTooManyRequests:
		return provesUnsent
	case last.class == consistency.Refused && last.passes:
		return provesPassing
	}
	return provesNothing
}

// tryLater puts a job back whose try is proven not to have been carried out, or gives
// it up. End is told only in the latter case.
func (t *term[J, W, R]) tryLater(j *job, last try, proof proof, err error, end *withheldEnd) {
	now := time.Now()
	wait := max(t.waitAfter(int(j.tries)+1), last.retryAfter)
	if now.Add(wait).Sub(time.Unix(0, j.intent)) > t.options.GiveUpAfter {
		var why *consistency.Error
		if errors.As(err, &why) && why.Cause == nil {
			why.Cause = fmt.Errorf("%w after %d tries in %v", ErrGaveUp, int(j.tries)+1, now.Sub(time.Unix(0, j.intent)).Round(time.Millisecond))
		}
		end.tell()
		t.conclude(j, consistency.Result[W, R]{Outcome: consistency.Failed}, err, proof == provesUnsent)
		return
	}
	if j.tries++; j.tries == 0 {
		j.tries--
	}
	if last.class == consistency.NotExecuted {
		j.sent = 0
	}
	t.mu.Lock()
	j.wait().tried = text(err)
	t.mu.Unlock()
	t.move(j, spares)
	if t.save(j) == taken {
		t.drop(j)
		return
	}
	t.place(j, t.now()+wait)
}

const (
	leastWait  = 100 * time.Millisecond // between two tries
	knownTries = 16                     // after so many, waits grow no more
)

// waitAfter returns the wait of the policy's schedule after that many tries.
func (t *term[J, W, R]) waitAfter(tries int) time.Duration {
	wait := plannedWait(t.options.Policy.Schedule, tries, t.options.GiveUpAfter)
	if wait < 0 { // such a schedule is for reads, and knows no more of them
		wait = plannedWait(compact(nil), tries, t.options.GiveUpAfter)
	}
	return max(wait, leastWait)
}

func plannedWait(s readback.Schedule, tries int, deadline time.Duration) (wait time.Duration) {
	plan := s.Plan()
	var at time.Duration
	for n := 1; n <= min(tries, knownTries); n++ {
		next := plan.Next(readback.Step{Reads: n, Settle: 1, Began: at, Ended: at, Deadline: deadline})
		if next < 0 {
			return -1
		}
		at, wait = next, next-at
	}
	return wait
}
