package submit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/exact"
	"github.com/readback-go/readback/poll"
)

// flow is the flow of one job, without its types. All of this package but this file and the
// methods of Submitter that return results does without them, so that it is compiled once for
// all the Submitters of a program.
type flow interface {
	name() string

	// lost returns the handle of a write of which only the intent is known.
	lost() consistency.Pending

	// fit returns a handle of an older program as one of this flow.
	fit(h consistency.Pending) consistency.Pending

	// send is consistency.Stepper.Send. It asks mayTry before each call of Write; if that is
	// false, this try is not executed.
	send(ctx context.Context, p consistency.Policy, before consistency.Pending, c *consistency.Course, mayTry func() bool) (consistency.Pending, error)

	// visit is consistency.Stepper.Visit. If l is not nil, it has what Read would return.
	visit(ctx context.Context, p consistency.Policy, h *consistency.Pending, c *consistency.Course, l *listed) (result, error)

	// together reports whether a job can be read together with others, see
	// consistency.Stepper.Direct.
	together(h consistency.Pending) bool
}

// result is a consistency.Result without its types.
type result struct {
	outcome   consistency.Outcome
	pending   consistency.Pending
	elapsed   time.Duration
	history   *poll.History
	written   json.RawMessage // the reference; nil if there is none, or no outcome yet
	inexact   error           // why JSON does not carry the reference
	reference any             // the reference, if JSON does not carry it
}

// list is a call of Options.ReadMany, without its types.
type list interface {
	// add adds the reference of one more job.
	add(f flow, h consistency.Pending)

	// read calls Options.ReadMany. Show is for visit.
	read(ctx context.Context, group string) (show any, err error)
}

// listed is what a list has returned, and when it was asked.
type listed struct {
	show  any
	err   error
	began time.Time
}

// settingsOf returns opts without their types.
func settingsOf[J, W, R any](opts Options[J, W, R]) settings {
	s := settings{
		Store: opts.Store, Policy: opts.Policy, Resubmit: opts.Resubmit, Workers: opts.Workers, Lease: opts.Lease,
		Keep: opts.Keep, KeepUnconfirmed: opts.KeepUnconfirmed, KeepPayload: opts.KeepPayload, JobVersion: opts.JobVersion,
		GiveUpAfter: opts.GiveUpAfter, ReadsPerSecond: opts.ReadsPerSecond, WritesPerSecond: opts.WritesPerSecond,
	}
	s.decode = func(data []byte) (any, error) {
		var job J
		err := json.Unmarshal(data, &job)
		return job, err
	}
	if opts.Flow != nil {
		s.flow = func(key string, job any) flow {
			f := &typedFlow[W, R]{opts.Flow(key, as[J](job))}
			f.Instance = cmp.Or(f.Instance, key)
			return f
		}
	}
	if opts.Same != nil {
		s.Same = func(first, again any) bool { return opts.Same(as[J](first), as[J](again)) }
	}
	if opts.Lift != nil {
		s.Lift = func(version int, data []byte) (any, error) { return opts.Lift(version, data) }
	}
	if opts.Ended != nil {
		s.Ended = func(key string, job any, m *details) {
			res, _ := resultOf[W](m) // its error is in it
			opts.Ended(key, as[J](job), res)
		}
	}
	if opts.Origin != nil {
		s.Origin = func(job any) string { return opts.Origin(as[J](job)) }
	}
	if opts.Group != nil {
		s.Group = func(job any) string { return opts.Group(as[J](job)) }
	}
	if opts.ReadMany != nil {
		s.newList = func() list { return &typedList[W, R]{readMany: opts.ReadMany} }
	}
	return s
}

// as returns the T in v. A nil of an interface type has no type left in v: it is T's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

type typedFlow[W, R any] struct{ consistency.Flow[W, R] }

func (f *typedFlow[W, R]) name() string { return f.Name }

func (f *typedFlow[W, R]) lost() consistency.Pending { return f.Lost() }

func (f *typedFlow[W, R]) fit(h consistency.Pending) consistency.Pending {
	return fit(h, f.Lost(), f.Name, func(reference json.RawMessage) bool { return holds[W](reference, f.Find != nil) })
}

func (f *typedFlow[W, R]) send(ctx context.Context, p consistency.Policy, before consistency.Pending, c *consistency.Course, mayTry func() bool) (consistency.Pending, error) {
	flow := f.Flow
	if write := flow.Write; write != nil {
		flow.Write = func(ctx context.Context) (w W, _ error) {
			if !mayTry() {
				return w, consistency.As(consistency.NotExecuted, context.Canceled)
			}
			return write(ctx)
		}
	}
	return consistency.NewStepper(p, flow).Send(ctx, before, c)
}

func (f *typedFlow[W, R]) visit(ctx context.Context, p consistency.Policy, h *consistency.Pending, c *consistency.Course, l *listed) (result, error) {
	flow := f.Flow
	var began time.Time
	if l != nil {
		flow.Read = func(_ context.Context, w W) (R, error) { return shown[W, R](l, w) }
		began = l.began
	}
	res, err := consistency.NewStepper(p, flow).Visit(ctx, h, c, began)
	seen := result{outcome: res.Outcome, pending: res.Pending, elapsed: res.Elapsed, history: res.History}
	if res.Outcome != 0 {
		seen.written, seen.inexact = exact.Encode(&res.Written)
		if seen.inexact != nil && !reflect.ValueOf(&res.Written).Elem().IsZero() { // a zero one is no reference
			seen.reference = res.Written
		}
	}
	return seen, err
}

func (f *typedFlow[W, R]) together(h consistency.Pending) bool {
	_, ok := consistency.NewStepper(consistency.Policy{}, f.Flow).Direct(h)
	return ok
}

type typedList[W, R any] struct {
	readMany func(ctx context.Context, group string, refs []W) (show func(W) (R, bool), err error)
	refs     []W
}

func (l *typedList[W, R]) add(f flow, h consistency.Pending) {
	ref, _ := consistency.NewStepper(consistency.Policy{}, f.(*typedFlow[W, R]).Flow).Direct(h)
	l.refs = append(l.refs, ref)
}

func (l *typedList[W, R]) read(ctx context.Context, group string) (any, error) {
	show, err := l.readMany(ctx, group, l.refs)
	if err == nil && show == nil {
		err = errShowsNothing
	}
	return show, err
}

// shown is the read of a job in a list.
func shown[W, R any](l *listed, w W) (value R, _ error) {
	if l.err != nil {
		return value, l.err
	}
	value, ok := l.show.(func(W) (R, bool))(w)
	if !ok {
		return value, missing{}
	}
	return value, nil
}

var errShowsNothing = errors.New("submit: ReadMany returned neither a function nor an error")

// missing is the error of the read of a job that the list lacks: it counts as a 404.
type missing struct{}

func (missing) Error() string   { return "the list lacks it" }
func (missing) StatusCode() int { return 404 }
