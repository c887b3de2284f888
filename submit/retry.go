package submit

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// try is what tells whether the last try of a write was provably not carried out.
type try struct {
	class      consistency.Class
	status     int
	retryAfter time.Duration
	passes     bool // Resend.When says that the reason of the refusal will pass
	reached    bool // this try, or one before it, may have reached the service
}

// policyFor returns p with an Observer that notes each try in last. Unless again is set, it
// also takes consent to more tries out of p: a try that was provably not carried out goes
// back to the queue, so that it does not hold up its worker. Again says that an ambiguous
// write is sent again: then the policy stays as it is.
func (last *try) policyFor(p consistency.Policy, again bool) consistency.Policy {
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
			reached := last.reached || e.Class != consistency.NotExecuted
			*last = try{class: e.Class, status: e.Status, retryAfter: e.RetryAfter, reached: reached}
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
	provesNothing proof = iota // no reason for another try
	provesPassing              // it was refused for a reason that will pass
	provesUnsent               // nothing was sent, or a 429 refused it unread
)

// proves returns what the last try proves. The caller has seen that the outcome is Failed,
// so that no earlier try leaves a doubt.
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

// tryLater queues a job again whose try was provably not carried out, or ends it if
// GiveUpAfter is over. Only then the Observer gets the end.
func (t *term) tryLater(j *job, last try, proof proof, err error, end *withheldEnd) {
	now := time.Now()
	wait := max(t.waitAfter(int(j.tries)+1), last.retryAfter)
	if now.Add(wait).Sub(time.Unix(0, j.intent)) > t.options.GiveUpAfter {
		var why *consistency.Error
		if errors.As(err, &why) && why.Cause == nil {
			why.Cause = fmt.Errorf("%w after %d tries in %v", ErrGaveUp, int(j.tries)+1, now.Sub(time.Unix(0, j.intent)).Round(time.Millisecond))
		}
		end.report()
		t.conclude(j, result{outcome: consistency.Failed}, err, proof == provesUnsent)
		return
	}
	if j.tries++; j.tries == 0 {
		j.tries--
	}
	if !last.reached && !j.has(sentBefore) {
		j.sent = 0
	}
	t.mu.Lock()
	j.withDetails().tried = errorText(err)
	t.mu.Unlock()
	t.move(j, spares)
	if t.save(j) == taken {
		t.drop(j)
		return
	}
	t.place(j, t.now()+min(wait, never))
}

// never is so long that no process sees its end, and that a time after it can be told.
const never = math.MaxInt64 / 4

const (
	leastWait  = 100 * time.Millisecond // between two tries
	knownTries = 16                     // waits grow up to this number of tries
)

// waitAfter returns the wait after so many tries, by the policy's schedule.
func (t *term) waitAfter(tries int) time.Duration {
	wait := plannedWait(t.options.Policy.Schedule, tries, t.options.GiveUpAfter)
	if wait < 0 { // the schedule is for reads, and ends after a number of them
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
