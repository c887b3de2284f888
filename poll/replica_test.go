package poll_test

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/poll"
)

// answer is what a replica says to one read. It carries its own judgement, so
// that a test shows in one place what the loop is told.
type answer struct {
	says  poll.Judgement
	err   error
	takes time.Duration
}

const forever time.Duration = 1<<63 - 1

var (
	errMissing     = errors.New("404 no such user")
	errUnavailable = errors.New("503 try later")
	errRefused     = errors.New("400 bad id")
)

var (
	ready       = answer{says: poll.Judgement{Verdict: poll.Ready, Status: 200}}
	stale       = answer{says: poll.Judgement{Reason: "stale", Status: 200}}
	notFound    = answer{says: poll.Judgement{Reason: "not found", Status: 404}, err: errMissing}
	unavailable = answer{says: poll.Judgement{Verdict: poll.Unknown, Reason: "unavailable", Status: 503}, err: errUnavailable}
	setback     = answer{says: poll.Judgement{Verdict: poll.Unknown, Reason: "unavailable", Status: 503, Setback: true}, err: errUnavailable}
	gone        = answer{says: poll.Judgement{Verdict: poll.Ready, Status: 410, Settled: true}}
	refused     = answer{says: poll.Judgement{Verdict: poll.Stop, Reason: "refused", Status: 400}, err: errRefused}
	hanging     = answer{takes: forever} // until its context ends
)

func (a answer) in(d time.Duration) answer { a.takes = d; return a }

// until ends the window of the answer's reason.
func (a answer) until(d time.Duration) answer { a.says.Until = d; return a }

// anew makes the answer's reason, or streak, a new one.
func (a answer) anew() answer { a.says.Anew = true; return a }

func (a answer) retryAfter(d time.Duration) answer { a.says.RetryAfter = d; return a }

// judge repeats what the answer says. A read that brought none, since its
// context ended, is unknown.
func judge(a answer, err error, _ poll.Read) poll.Judgement {
	if err != nil && a.err == nil {
		return poll.Judgement{Verdict: poll.Unknown, Reason: "no answer"}
	}
	return a.says
}

// replica is a read model that notes when it is read.
type replica struct {
	zero   time.Time
	answer func(n int, at time.Duration) answer // to the nth read, begun at
	begun  []time.Duration
}

func newReplica(answer func(n int, at time.Duration) answer) *replica {
	return &replica{zero: time.Now(), answer: answer}
}

// script gives one answer after the other, and the last one for ever.
func script(answers ...answer) *replica {
	return newReplica(func(n int, _ time.Duration) answer { return answers[min(n, len(answers))-1] })
}

func (r *replica) read(ctx context.Context) (answer, error) {
	r.begun = append(r.begun, time.Since(r.zero))
	a := r.answer(len(r.begun), r.begun[len(r.begun)-1])
	if a.takes == 0 {
		return a, a.err
	}
	answered := time.NewTimer(a.takes)
	defer answered.Stop()
	select {
	case <-answered.C:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	return a, a.err
}

// everySecond waits a second between reads.
var everySecond = readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true}

// doubling waits 1 s, 2 s, 4 s and so on.
var doubling = readback.Backoff{Initial: time.Second, Max: time.Hour, Multiplier: 2, NoJitter: true}

// timetable is a schedule of fixed times: the nth read begins at the nth, and
// those after the last one are left to the loop.
type timetable []time.Duration

func (t timetable) First(time.Duration) time.Duration { return t[0] }
func (t timetable) Plan() readback.Plan               { return t }
func (t timetable) Next(step readback.Step) time.Duration {
	if step.Reads < len(t) {
		return t[step.Reads]
	}
	return -1
}

// seconds makes durations of seconds, exact to the nanosecond.
func seconds(s ...float64) []time.Duration {
	ds := make([]time.Duration, len(s))
	for i, s := range s {
		ds[i] = time.Duration(s*1e9 + 0.5)
	}
	return ds
}

// bubble runs a parallel subtest with a clock of its own.
var bubble = inbubble.Run
