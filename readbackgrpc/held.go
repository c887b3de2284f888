package readbackgrpc

import (
	"context"
	"errors"
	"math"
	"math/big"
	"time"

	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// held is a read whose answer is held.
type held struct {
	*call
	own   *Hold
	name  string
	write written
	goal  consistency.Goal // zero after a deletion that is not waited for
	began time.Time        // of the call

	judge  consistency.Judge
	stop   time.Duration // when the hold ends at the latest
	window time.Duration // when the reason seen last ends; zero if not before stop

	heard   poll.Judgement // of the answer just read
	code    string         // of that answer
	raw     error          // that answer
	reason  poll.Reason    // of the last pending answer
	kept    error          // that answer; nil if it was good but stale
	final   bool           // answer is not pending, and to be handed on
	answer  error
	shows   bool  // that one shows the write
	why     error // the poll ended without it; nil if another's did
	last    error // of the last read that this call made itself
	history *poll.History
}

func (i *Interceptor) held(c *call, own *Hold, name string, w written, began time.Time) *held {
	h := &held{call: c, own: own, name: name, write: w, began: began}
	switch {
	case !w.deleted && (own.Match != nil || w.version != ""):
		h.goal = consistency.ToMatch
	case !w.deleted:
		h.goal = consistency.ToPresent
	case i.options.HoldDeleted && w.class != consistency.Ambiguous:
		h.goal = consistency.ToAbsent
	}
	h.judge = i.options.Policy.Judge(h.goal, w.class, w.at)
	return h
}

func (h *held) clock() time.Duration { return time.Since(h.write.at) }

// hold returns err if the answer that ended with it is not taken for lag, and
// otherwise what is to be handed on in its place.
func (h *held) hold(err error) error {
	if h.goal == 0 || !h.begin(err) {
		return err
	}
	h.i.counts.held.Add(1)
	for h.share() {
	}
	h.report()
	return h.handedOn()
}

// begin takes the first answer, and reports whether it is pending.
func (h *held) begin(err error) bool {
	ended := time.Now()
	at := ended.Sub(h.write.at)
	h.judge.Took(ended.Sub(h.began))
	h.see(err, at)
	if h.heard.Verdict != poll.Pending {
		return false
	}
	h.wait()
	if h.until() <= h.clock() {
		return false
	}
	h.history = new(poll.History)
	h.note(poll.Read{
		Began: h.began.Sub(h.write.at), Ended: at, Reason: h.reason,
		Status: h.heard.Status, Note: h.heard.Note, Err: redact.Guard(err),
	})
	return true
}

// see judges an answer that came at that time: what is not pending, and not
// unknown, is to be handed on.
func (h *held) see(err error, at time.Duration) {
	h.heard, h.code, h.raw, h.shows = poll.Judgement{Verdict: poll.Unknown, Reason: "failed"}, "", err, false
	a := done
	if err != nil {
		var ok bool
		if a, ok = h.i.options.Policy.Answer(consistency.PhaseRead, nil, err); !ok {
			return
		}
	}
	h.code = a.Code
	j, _ := h.judge.Read(a, at)
	if j.Verdict == poll.Ready && h.goal == consistency.ToMatch && err == nil && !h.matches() {
		j = h.judge.Pending(a, consistency.Stale, at)
	}
	h.shows = j.Verdict == poll.Ready
	h.heard = j
}

// matches reports whether the response shows what was written.
func (h *held) matches() bool {
	if h.own.Match != nil {
		return h.own.Match(h.response)
	}
	shown := h.version(h.response)
	return shown == h.write.version || atLeast(shown, h.write.version)
}

// atLeast reports whether both are numbers, and shown is not less.
func atLeast(shown, wanted string) bool {
	a, ok := new(big.Int).SetString(shown, 10)
	if !ok {
		return false
	}
	b, ok := new(big.Int).SetString(wanted, 10)
	return ok && a.Cmp(b) >= 0
}

// wait notes that the answer just read was pending, and is what to hand on unless
// there is a better one.
func (h *held) wait() {
	h.kept, h.reason, h.window = h.raw, h.heard.Reason, h.heard.Until
}

// limit returns when the hold ends, whatever the reason.
func (h *held) limit() time.Duration {
	limit := h.own.Within
	if limit <= 0 {
		limit = h.judge.Within()
	}
	limit = min(limit, h.i.options.Remember)
	if end, bounded := h.ctx.Deadline(); bounded {
		limit = min(limit, end.Sub(h.write.at)-h.judge.Reserve(time.Until(end)))
	}
	// Half of the time left shrinks, which would move the limit later: the
	// earliest is kept.
	if h.stop == 0 || limit < h.stop {
		h.stop = limit
	}
	return h.stop
}

// until returns when the reason seen last is no longer taken for lag.
func (h *held) until() time.Duration {
	limit := h.limit()
	if h.window > 0 && h.own.Within == 0 {
		limit = min(limit, h.window)
	}
	return limit
}

// superseded reports whether something happened after the write that makes waiting
// for it pointless.
func (h *held) superseded() bool {
	w, known := h.i.memory.latest(h.place, h.readKind(), h.name)
	return !known || w.deleted != h.write.deleted
}

// look makes the call again, and says in h.heard what the answer means. Credentials
// are refreshed before, if that is due.
func (h *held) look(ctx context.Context) error {
	h.judge.Refresh(ctx)
	return h.lookAgain(ctx)
}

// lookAgain is look with the credentials that there are.
func (h *held) lookAgain(ctx context.Context) error {
	h.heard, h.code = poll.Judgement{Verdict: poll.Unknown, Reason: "failed"}, ""
	if err := h.i.limits.Wait(ctx, struct{}{}, math.MaxInt64); err != nil {
		return err
	}
	h.i.counts.polls.Add(1)
	began := time.Now() // waiting for a turn, or for new credentials, is no slow server
	err := h.invoke(ctx, h.method, h.request, h.response, h.cc, h.opts...)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	h.judge.Took(time.Since(began))
	h.see(err, h.clock())
	if v := h.heard.Verdict; v == poll.Ready || v == poll.Stop {
		h.final, h.answer = true, err
	}
	return err
}

var (
	// errSuperseded is the cause of a hold that ended since what it waits for was
	// deleted, or written anew.
	errSuperseded = errors.New("a later write makes it pointless to wait")

	// errOtherwise is the cause of a hold that ended with an answer that neither
	// shows the write nor may come of lag.
	errOtherwise = errors.New("the answer does not show the write")
)

// judged says what the answer means that look has seen.
func (h *held) judged() poll.Judgement {
	j := h.heard
	switch {
	case h.final:
		j.Verdict = poll.Ready // whatever it shows, it ends the waiting
	case j.Verdict == poll.Pending:
		h.wait()
		j.Until = max(h.until(), 1)
		if h.superseded() {
			j.Verdict, j.Cause = poll.Stop, errSuperseded
		}
	}
	return j
}

// handedOn returns how the call ends.
func (h *held) handedOn() error {
	switch {
	case h.final:
		return h.answer
	case h.cancelled():
		return status.FromContextError(h.ctx.Err()).Err()
	}
	return h.kept
}

// cancelled reports whether the caller has lost interest. One whose deadline has
// passed gets an answer all the same: there is one.
func (h *held) cancelled() bool {
	if h.ctx.Err() == nil {
		return false
	}
	end, bounded := h.ctx.Deadline()
	return !bounded || time.Now().Before(end)
}
