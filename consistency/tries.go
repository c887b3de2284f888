package consistency

import (
	"context"
	"fmt"
	"strings"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
)

// CountTry counts one try of the write that ctx belongs to: for clients that do
// not speak by net/http, in whatever hook they call as a request goes out, such as
// a stats handler of gRPC, a tracer of pgx or a hook of go-redis. Once two tries
// were counted, a refusal proves nothing: the first may have been carried out.
//
// Outside of a Write that [Do] has called it does nothing. It may be called
// concurrently.
func CountTry(ctx context.Context) { wire.From(ctx).CountTry() }

// tried is what is known of the tries that one call of Write made.
type tried struct {
	class Class  // of all of them together
	open  bool   // some try may have been carried out, whatever the answer says
	n     int    // how many were counted; 0 if nothing was
	text  string // what was counted, where that is why a refusal proves nothing
}

// weigh says what the tries of a write make of the class of its answer: a refusal
// needs the answer of every try to have been seen, each a refusal.
//
// The caller's word, and that of Policy.Answer, is for the last try. A trace, which
// cannot tell a look-up from a try, does not outweigh it.
func (r *run[W, R]) weigh(call *wire.Call, class Class, s *said) tried {
	tries := call.Tries()
	unseen := tries.Replayed + tries.Counted
	if !s.word {
		unseen += tries.Traced
	}
	if unseen == 1 && len(tries.Seen) == 0 {
		unseen = 0 // the caller saw its answer
	}
	last := len(tries.Seen) - 1
	if tries.Traced+tries.Counted > 0 {
		last = -1 // it is not known which was the last
	}
	open := unseen > 0
	if class.refusal() && !s.word && r.toldOtherwise(tries.Told) {
		open = true
	}
	for i := range tries.Seen {
		refused := r.classOf(&tries.Seen[i]).refusal()
		if i == last {
			// A client may return the status of a read that it made after its write.
			open = open || class.refusal() && !refused && !s.word && (!s.code || tries.Seen[i].Followed)
		} else if !refused {
			open = true
		}
	}
	if tries.N() == 0 && !s.word && !s.code {
		// A service that writes on GET: only the last one's answer was told.
		all := call.Exchanges()
		for i := range all {
			tries.Replayed += max(all[i].Writes-1, 0)
			open = open || all[i].Writes > 1 || i < len(all)-1 && !all[i].Followed && !r.classOf(&all[i]).refusal()
		}
		if tries.Seen = all; !open {
			tries = wire.Tries{} // they were look-ups
		}
	}
	t := tried{class: class, open: open, n: tries.N()}
	if open && class.refusal() {
		t.class, t.text = Ambiguous, describe(&tries)
	}
	return t
}

// toldOtherwise reports whether a counted try ended in a way that is no refusal and is
// not the error that Write returned. Then that error is of something else, such as a
// later try that could not be sent. What Policy.Answer does not know does not count.
func (r *run[W, R]) toldOtherwise(told []error) (otherwise bool) {
	defer func() {
		if recover() != nil { // in Policy.Answer
			otherwise = true
		}
	}()
	for _, err := range told {
		if err == nil {
			return true
		}
		if cause.Is(r.writeErr, err) || r.policy.Answer == nil {
			continue
		}
		a, ok := r.policy.Answer(PhaseWrite, r.written, err)
		if ok && !a.NotSent && !r.policy.Rules.write(r.flow.goal, &a).refusal() {
			return true
		}
	}
	return false
}

// classOf returns what the answer to one try proves.
func (r *run[W, R]) classOf(ex *wire.Exchange) Class {
	switch {
	case ex.NotSent:
		return NotExecuted
	case ex.Status == 0:
		return Ambiguous
	}
	a := answerOfExchange(ex)
	a.Phase = PhaseWrite
	return r.policy.Rules.write(r.flow.goal, &a)
}

// describe says what was counted of a write.
func describe(tries *wire.Tries) string {
	var seen []string
	for i, ex := range tries.Seen {
		if i == 3 {
			seen = append(seen, "…")
			break
		}
		answer := "no answer"
		if ex.Status != 0 {
			answer = fmt.Sprint(ex.Status)
		}
		seen = append(seen, fmt.Sprintf("%s %s: %s", ex.Method, redact.URL(ex.URL), answer))
	}
	n := tries.N()
	text := fmt.Sprintf("%d requests of the write were counted", n)
	if n == 1 {
		text = "a request of the write was counted"
	}
	if len(seen) > 0 {
		text += " (" + strings.Join(seen, ", ") + ")"
	}
	if tries.Traced > 0 {
		text += "; readbackhttp.Watch in the client would tell look-ups from tries"
	}
	return text
}

// neverSent reports whether the error of a write proves that nothing was sent.
func neverSent(call *wire.Call, s *said, err error) bool {
	switch {
	case s.class == NotExecuted && s.word:
		return true
	case s.answer.NotSent:
		tries := call.Tries()
		return tries.N() == 0
	case s.class != 0 || s.answer.Status != 0:
		return false
	}
	return call.NeverSent(err)
}
