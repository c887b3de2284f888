package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/poll"
)

// ref is what a write returns: an id, and the status that it was answered with,
// as generated clients carry it.
type ref struct {
	ID   string
	Code int `json:"-"`
}

func (r ref) StatusCode() int { return r.Code }

// item is what a read returns.
type item struct {
	Code    int
	Version int
}

func (i *item) StatusCode() int { return i.Code }

type (
	flow   = consistency.Flow[ref, *item]
	result = consistency.Result[ref, *item]
)

// fault is an error with a status.
type fault struct {
	status     int
	body       string
	retryAfter time.Duration
}

func (f *fault) Error() string { return fmt.Sprintf("status %d", f.status) }

func (f *fault) Answer() consistency.Answer {
	return consistency.Answer{Status: f.status, Body: []byte(f.body), RetryAfter: f.retryAfter}
}

// errLost is an error without a status.
var errLost = errors.New("connection lost")

// reply is one scripted answer.
type reply struct {
	status  int // 0 is a lost connection
	version int
	body    string
	after   time.Duration // Retry-After
	took    time.Duration
	asError bool // a status below 400 comes as an error too
	err     error
}

func (r reply) error() error {
	switch {
	case r.err != nil:
		return r.err
	case r.status == 0:
		return errLost
	case r.status >= 400 || r.asError:
		return &fault{r.status, r.body, r.after}
	}
	return nil
}

// answers makes replies of statuses.
func answers(statuses ...int) []reply {
	replies := make([]reply, len(statuses))
	for i, status := range statuses {
		replies[i] = reply{status: status}
	}
	return replies
}

// service is a scripted service and its typed client. Each list of replies is
// answered in order, the last one again and again.
type service struct {
	writes, reads []reply
	found         [][]string // by Find
	monitored     []reply    // 200 is done, 202 is running

	answered  time.Time // the last write
	writeAt   []time.Time
	readAt    []time.Duration // since the write's answer
	readIDs   []string
	cut       []bool // reads whose context ended
	findAt    []time.Duration
	monitorAt []time.Duration
	events    []consistency.Event
	started   []consistency.Pending
}

func nth[T any](list []T, n int) T { return list[min(n, len(list))-1] }

func (r reply) wait(ctx context.Context) error {
	timer := time.NewTimer(r.took)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return r.error()
	}
}

func (s *service) write(ctx context.Context) (ref, error) {
	s.writeAt = append(s.writeAt, time.Now())
	r := nth(s.writes, len(s.writeAt))
	err := r.wait(ctx)
	s.answered = time.Now()
	if err != nil {
		return ref{}, err
	}
	return ref{ID: "w1", Code: r.status}, nil
}

func (s *service) read(ctx context.Context, w ref) (*item, error) {
	s.readAt = append(s.readAt, time.Since(s.answered))
	s.readIDs = append(s.readIDs, w.ID)
	r := nth(s.reads, len(s.readAt))
	err := r.wait(ctx)
	s.cut = append(s.cut, err != nil && err == ctx.Err())
	if err != nil {
		return nil, err
	}
	return &item{Code: r.status, Version: r.version}, nil
}

func (s *service) find(context.Context) ([]ref, error) {
	s.findAt = append(s.findAt, time.Since(s.answered))
	var refs []ref
	for _, id := range nth(s.found, len(s.findAt)) {
		refs = append(refs, ref{ID: id})
	}
	return refs, nil
}

func (s *service) monitor(ctx context.Context, w *ref) (bool, error) {
	s.monitorAt = append(s.monitorAt, time.Since(s.answered))
	r := nth(s.monitored, len(s.monitorAt))
	if err := r.wait(ctx); err != nil {
		return false, err
	}
	return r.status == http.StatusOK, nil
}

func (s *service) start(_ context.Context, h consistency.Pending) error {
	s.started = append(s.started, h)
	return nil
}

// isMine knows the references of this service's write: w1, w2.
func isMine(w ref) bool { return w.ID[0] == 'w' }

// The version that an update of the service waits for.
const wanted = 2

func shows(_ ref, got *item) bool { return got.Version >= wanted }

func (s *service) create() flow {
	f := consistency.Create("create item", s.write, s.read)
	f.Started = s.start
	return f
}

func (s *service) update() flow {
	f := consistency.Update("update item", s.write, s.read, shows)
	f.Started = s.start
	return f
}

func (s *service) delete() flow {
	f := consistency.Delete("delete item", ref{ID: "w1"}, func(ctx context.Context, _ ref) error {
		w, err := s.write(ctx)
		if err == nil && (w.Code == http.StatusAccepted || w.Code >= 300) {
			return &fault{status: w.Code} // there is no other way to tell
		}
		return err
	}, s.read)
	f.Started = s.start
	return f
}

// to returns the flow to goal, with a Find if there is something to be found.
func (s *service) to(goal consistency.Goal) flow {
	f := s.create()
	switch goal {
	case consistency.ToMatch:
		f = s.update()
	case consistency.ToAbsent:
		f = s.delete()
	}
	if s.found != nil {
		f.Find, f.Mine = s.find, isMine
	}
	if s.monitored != nil {
		f.Monitor = s.monitor
	}
	return f
}

var goals = []consistency.Goal{consistency.ToPresent, consistency.ToMatch, consistency.ToAbsent}

// policy reads every second and tells s of everything.
func (s *service) policy() consistency.Policy {
	return consistency.Policy{Schedule: everySecond, Observer: s.observe}
}

// observe keeps what events tell of themselves, and not the context and the lag.
func (s *service) observe(e consistency.Event) {
	e.Context, e.Lag = nil, readback.Lag{}
	s.events = append(s.events, e)
}

// class returns what the last write was taken for.
func (s *service) class() (class consistency.Class) {
	for _, e := range s.events {
		if e.Phase == consistency.PhaseWrite {
			class = e.Class
		}
	}
	return class
}

// judged returns the verdict and the reason of read n.
func (s *service) judged(n int) (poll.Verdict, poll.Reason) {
	for _, e := range s.events {
		if e.Phase != consistency.PhaseWrite && e.Phase != consistency.PhaseEnd && e.N == n {
			return e.Verdict, e.Reason
		}
	}
	return poll.Verdict(255), "no such read"
}

// onePlainWrite checks what holds in every run: Write was called once, and the
// error, the outcome and the end event say the same.
func (s *service) onePlainWrite(t *testing.T, res result, err error) {
	t.Helper()
	assert.Len(t, s.writeAt, 1, "exactly one write")
	s.told(t, res, err)
}

func (s *service) told(t *testing.T, res result, err error) {
	t.Helper()
	assert.Equal(t, res.Outcome, consistency.OutcomeOf(err))
	assert.Equal(t, res.Outcome == consistency.Failed, errors.Is(err, consistency.ErrFailed))
	assert.Equal(t, res.Outcome == consistency.Unconfirmed, errors.Is(err, consistency.ErrUnconfirmed))
	assert.Equal(t, res.Outcome != consistency.Unconfirmed, res.Pending.IsZero(), "a handle if and only if unconfirmed")
	if len(s.events) > 0 {
		assert.Equal(t, res.Outcome, s.events[len(s.events)-1].Outcome)
	}
}

// constant is a backoff that never grows.
type constant time.Duration

func (c constant) NextBackOff() time.Duration { return time.Duration(c) }

func every(d time.Duration) readback.Schedule {
	return readback.Delays(func() constant { return constant(d) })
}

var everySecond = every(time.Second)

// seconds returns a list of times in seconds.
func seconds(list ...float64) []time.Duration {
	var times []time.Duration
	for _, s := range list {
		times = append(times, time.Duration(s*float64(time.Second)))
	}
	return times
}

// first returns the first n times: those before the closing reads of a run that
// ended at a deadline, whose times are package poll's matter.
func first(n int, times []time.Duration) []time.Duration { return times[:min(n, len(times))] }

// inBubble runs a test with a clock of its own, beside others, and bubble a subtest.
var (
	inBubble = inbubble.Test
	bubble   = inbubble.Run
)
