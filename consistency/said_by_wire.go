package consistency

import (
	"github.com/readback-go/readback/internal/wire"
)

// overheard completes s by what the wire shows of the call's answer: that of the
// last try of a write, and that of the only request of anything else.
func overheard(s *said, phase Phase, call *wire.Call) {
	ex, ok := lastAnswer(phase, call)
	if !ok || s.answer.Status != 0 && s.answer.Status != ex.Status {
		return
	}
	seen := answerOfExchange(&ex)
	a := &s.answer
	a.Status, a.Method, a.cut = seen.Status, seen.Method, seen.cut
	if a.Header == nil {
		a.Header, a.Note = seen.Header, seen.Note
	}
	a.RetryAfter = max(a.RetryAfter, seen.RetryAfter)
	if a.Body == nil {
		a.Body, a.Whole = seen.Body, seen.Whole
	}
}

func answerOfExchange(ex *wire.Exchange) Answer {
	a := answerOf(ex.Status, ex.Header)
	a.Method, a.Body, a.Whole, a.cut = ex.Method, ex.Body, ex.Whole, ex.Cut
	return a
}

// lastAnswer returns the exchange that the wire shows to be the call's. Mixed
// answers to a read have none, see mixed.
func lastAnswer(phase Phase, call *wire.Call) (last wire.Exchange, ok bool) {
	if phase == PhaseWrite {
		tries := call.Tries()
		if n := len(tries.Seen); n > 0 && tries.Traced == 0 && tries.Counted == 0 {
			last = tries.Seen[n-1]
		}
		return last, last.Status != 0
	}
	for _, ex := range call.Exchanges() {
		if ex.Followed {
			continue
		}
		if ok && ex.Status != last.Status {
			return last, false
		}
		last, ok = ex, true
	}
	return last, last.Status != 0
}

// mixed reports whether the requests of one read were answered differently, so
// that the wire does not tell what the read was answered.
func mixed(call *wire.Call) bool {
	first := -1
	for _, ex := range call.Exchanges() {
		switch {
		case ex.Followed:
		case first >= 0 && ex.Status != first:
			return true
		default:
			first = ex.Status
		}
	}
	return false
}
