package submit

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/readback-go/readback/internal/pause"
)

// SubmitAll is [Submitter.Submit] for many jobs at once, each with its key: it yields
// one result for each, in their order. Up to 10,000 of them are under way at the same
// time, and they share durable steps if the store is a [BatchStore]. The next job is
// asked for only when there is room; the first result comes when there is none, or no
// more jobs, so jobs must not wait for results of others. After the end of ctx, the remaining jobs are still
// asked for, and each gets its result; leave the loop to stop that.
func (s *Submitter[J, W, R]) SubmitAll(ctx context.Context, jobs iter.Seq2[string, J]) iter.Seq2[string, Result[W]] {
	return func(yield func(string, Result[W]) bool) {
		defer s.use(ctx)()
		inOrder(jobs, func(key string, job J) func() Result[W] {
			in, m, err := s.begin(ctx, key, job, (*call).join)
			return func() (res Result[W]) {
				if err == nil {
					m, err = in.submit(ctx, m)
				}
				if err != nil {
					res, _ = failed[W](err)
				} else {
					res, _ = resultOf[W](m)
				}
				return res
			}
		}, yield)
	}
}

// EnqueueAll is [Submitter.Enqueue] for many jobs at once, as SubmitAll is Submit.
func (s *Submitter[J, W, R]) EnqueueAll(ctx context.Context, jobs iter.Seq2[string, J]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		defer s.use(ctx)()
		inOrder(jobs, func(key string, job J) func() error {
			in, m, err := s.begin(ctx, key, job, (*call).queue)
			return func() error {
				if err != nil {
					return err
				}
				return in.enqueue(ctx, m)
			}
		}, yield)
	}
}

// begin begins a job, and returns what to wait for; nil details if the job must be looked
// for in the store.
func (s *Submitter[J, W, R]) begin(ctx context.Context, key string, job J,
	how func(*call, context.Context, *term) (*details, error),
) (in *call, m *details, err error) {
	in, err = s.call(ctx, key, job)
	if err != nil {
		return nil, nil, err
	}
	if t := s.leasedTerm(ctx); t != nil {
		m, err = how(in, ctx, t)
	}
	return in, m, err
}

// maxUnderWay is how many jobs of a batch are under way at the same time.
const maxUnderWay = 10_000

// inOrder begins each of the jobs, and yields how they ended, in their order.
func inOrder[J, T any](jobs iter.Seq2[string, J], begin func(string, J) func() T, yield func(string, T) bool) {
	type begun struct {
		key string
		end func() T
	}
	var all []begun
	first := func() bool {
		one := all[0]
		all = all[1:]
		return yield(one.key, one.end())
	}
	for key, job := range jobs {
		all = append(all, begun{key, begin(key, job)})
		if len(all) == maxUnderWay && !first() {
			return
		}
	}
	for len(all) > 0 && first() {
	}
}

// Wait yields the result of each job once it has an outcome, in the order of keys. It
// sends nothing and takes nothing over: a Run must do that, here or elsewhere. The
// result is Unconfirmed, with the cause, if ctx ends first, if the store does not know
// the job ([ErrNotFound]), or if the job was set aside ([ErrSetAside]).
func (s *Submitter[J, W, R]) Wait(ctx context.Context, keys ...string) iter.Seq2[string, Result[W]] {
	return func(yield func(string, Result[W]) bool) {
		for _, key := range keys {
			var res Result[W]
			if rec, err := s.wait(ctx, key); err != nil {
				res, _ = failed[W](err)
			} else {
				res, _ = resultIn[W](rec)
			}
			if !yield(key, res) {
				return
			}
		}
	}
}

// wait returns the record of a job once it has ended.
func (s *engine) wait(ctx context.Context, key string) (*jobRecord, error) {
	unconfirmed := func(err error) (*jobRecord, error) { return nil, waiting(ctx, "", err) }
	if err := checkKey(key); err != nil {
		return nil, refusal(ctx, "", err)
	}
	var after uint64
	var trouble error // what the store said of this job last, if it was an error
	for ctx.Err() == nil {
		own, cancel := context.WithTimeout(ctx, storeTimeout)
		var r Record
		var err error
		if after == 0 {
			r, err = s.options.Store.Get(own, KindJob, key)
		} else {
			r, err = s.options.Store.Watch(own, KindJob, key, after)
		}
		over := own.Err() != nil
		cancel()
		switch {
		case errors.Is(err, ErrNotFound):
			return unconfirmed(err)
		case err != nil && over && after > 0: // nothing has changed
			continue
		case err != nil && ctx.Err() == nil:
			trouble = s.noteStoreResult(err)
			pause.For(ctx, min(time.Second, s.options.Lease/12))
			continue
		case err != nil:
			continue
		}
		trouble = nil
		rec, err := decode(r.Value)
		switch {
		case err != nil:
			return unconfirmed(err)
		case rec.State == ended:
			return &rec, nil
		case rec.State == aside:
			return unconfirmed(rec.Broken.err())
		case r.Revision == after: // the store says that it changed, and it has not
			pause.For(ctx, min(time.Second, s.options.Lease/12))
		}
		after = r.Revision
	}
	if trouble == nil {
		trouble = s.storeError()
	}
	return unconfirmed(trouble)
}
