package consistency

import (
	"context"
	"errors"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// said is what one call told: a class that was stated, or an answer.
type said struct {
	class  Class // 0 if none was stated
	word   bool  // class is the caller's or an adapter's, by As
	code   bool  // the status is the caller's, by Status or Policy.Answer
	err    error // of several, the one that counts
	answer Answer

	mixed  bool // the requests of one read were answered differently, and nothing else tells
	silent bool // no status was found
	own    bool // a rule of the policy decided, and not the table
}

// known reports whether there is anything to go by.
func (s *said) known() bool { return s.class != 0 || s.answer.Status != 0 || s.answer.NotSent }

// judge is what hearing needs of a run, whatever its types are.
type judge interface {
	// outweighs reports whether a, rather than b, is what an error means that
	// joins both.
	outweighs(phase Phase, a, b *said) bool
}

// hear finds what a call told: by the caller's word, by Policy.Answer, in the
// error, in the value, and on the wire, in this order. What one of them does not
// know of the answer is taken from the wire, if the status is the same. Of says
// which of two counts if the error joins several.
func hear[T any](p *Policy, phase Phase, value *T, err error, call *wire.Call, of judge) said {
	s := said{err: err}
	others := causeOfOthers(call, err)
	several := false
	if err != nil {
		var ask func(error) (Answer, bool)
		if p.Answer != nil && others == nil {
			ask = func(one error) (Answer, bool) { return p.Answer(phase, *value, one) }
		}
		s, several = hearError(err, others, phase, of, ask)
	}
	if s.class == 0 && !s.code && others == nil && !several && p.Answer != nil {
		if a, ok := p.Answer(phase, *value, err); ok {
			s = said{code: true, err: err, answer: a}
		}
	}
	switch {
	case s.known() || s.answer.Code != "" || others != nil || several:
	case err == nil:
		s.answer = answerOfValue(carrier(value))
	case !lost(err):
		// A good status would say more than the error allows, and be no answer
		// perhaps: what a client returns beside an error is mostly zero.
		if a := answerOfValue(carrier(value)); a.Status >= 300 {
			s.answer = a
		}
	}
	if s.answer.Note != "" { // mostly the service's own words, which go where errors go
		s.answer.Note = redact.Error(errors.New(s.answer.Note))
	}
	overheard(&s, phase, call)
	s.answer.Phase, s.answer.RetryAfter = phase, max(s.answer.RetryAfter, 0)
	return s
}

// causeOfOthers returns why others have ended the call's context, if err wraps that
// and it says more than that the context has ended. Clients return it as their own
// error, net/http's too, and in a group it is what became of another write: nothing
// in it tells of this one.
func causeOfOthers(call *wire.Call, err error) error {
	if err == nil || call == nil || call.Err() == nil {
		return nil
	}
	why := context.Cause(call)
	if why == context.Canceled || why == context.DeadlineExceeded || why == poll.ErrReadTimeout || !cause.Is(err, why) {
		return nil
	}
	return why
}

// hearError finds what err tells, but for what others tell in it, and nothing if
// that panics.
func hearError(err, others error, phase Phase, of judge, ask func(error) (Answer, bool)) (s said, several bool) {
	defer func() {
		if recover() != nil {
			s = said{err: err}
		}
	}()
	n := 0
	failures(err, others, func(error) { n++ })
	several = n > 1
	first := true
	failures(err, others, func(one error) {
		found := hearOne(one, others)
		// Policy.Answer would find the first of several, and not the one that counts.
		if several && ask != nil && found.class == 0 && !found.code {
			if a, ok := ask(one); ok {
				found = said{code: true, err: one, answer: a}
			}
		}
		if first || of.outweighs(phase, &found, &s) {
			s, first = found, false
		}
	})
	if first {
		s.err = err
	}
	return s, several
}

// lost reports whether err is that of an answer that was lost. Then a value that
// came beside it may be of an earlier one.
func lost(err error) (is bool) {
	defer func() {
		if recover() != nil { // a method of the caller's error
			is = true
		}
	}()
	return wire.Tells(err)
}
