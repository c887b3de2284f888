package submit

import (
	"context"
	"errors"
	"iter"
	"time"
)

// SubmitAll is [Submitter.Submit] for many jobs at once, each with its key: it yields
// one result for each, in their order. Up to 10,000 of them are under way at the same
// time, and where the store can, they share its durable steps. The iterator of jobs
// is asked for the next one only as there is room; it is read to its end also if ctx
// has ended, unless the loop is left.
func (s *Submitter[J, W, R]) SubmitAll(ctx context.Context, jobs iter.Seq2[string, J]) iter.Seq2[string, Result[W]] {
	return func(yield func(string, Result[W]) bool) {
		s.enter(0)
		defer s.leave(0, 0)
		inOrder(jobs, func(key string, job J) func() Result[W] {
			in, m, err := s.begin(ctx, key, job, (*call[J, W, R]).join)
			return func() (res Result[W]) {
				if err != nil {
					res, _ = failed[W](err)
				} else {
					res, _ = in.submit(ctx, m)
				}
				return res
			}
		}, yield)
	}
}

// EnqueueAll is [Submitter.Enqueue] for many jobs at once, as SubmitAll is Submit.
func (s *Submitter[J, W, R]) EnqueueAll(ctx context.Context, jobs iter.Seq2[string, J]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.enter(0)
		defer s.leave(0, 0)
		inOrder(jobs, func(key string, job J) func() error {
			in, m, err := s.begin(ctx, key, job, (*call[J, W, R]).queue)
			return func() error {
				if err != nil {
					return err
				}
				return in.enqueue(ctx, m)
			}
		}, yield)
	}
}

// begin begins a job, and returns what to wait for; nil if it must be looked for.
func (s *Submitter[J, W, R]) begin(ctx context.Context, key string, job J,
	how func(*call[J, W, R], context.Context, *term[J, W, R]) (*more, error),
) (in *call[J, W, R], m *more, err error) {
	in, err = s.call(ctx, key, job)
	if err != nil {
		return nil, nil, err
	}
	if t := s.held(ctx); t != nil {
		m, err = how(in, ctx, t)
	}
	return in, m, err
}

// atOnce is how many jobs of a batch are under way at the same time.
const atOnce = 10_000

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
		if len(all) == atOnce && !first() {
			return
		}
	}
	for len(all) > 0 && first() {
	}
}

// Wait yields the results of jobs, in the order of their keys, each once it has an
// outcome. It sends nothing and takes nothing over: some Run is to do that, here or
// elsewhere. If ctx ends before, or the job is not known, or was set aside, the result
// is Unconfirmed with that cause.
func (s *Submitter[J, W, R]) Wait(ctx context.Context, keys ...string) iter.Seq2[string, Result[W]] {
	return func(yield func(string, Result[W]) bool) {
		for _, key := range keys {
			if !yield(key, s.wait(ctx, key)) {
				return
			}
		}
	}
}

func (s *Submitter[J, W, R]) wait(ctx context.Context, key string) Result[W] {
	unconfirmed := func(err error) Result[W] {
		res, _ := failed[W](waiting(ctx, "", err))
		return res
	}
	if err := checkKey(key); err != nil {
		res, _ := failed[W](refusal(ctx, "", err))
		return res
	}
	var after uint64
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
		case err != nil && over: // nothing has changed
			continue
		case err != nil:
			s.noted(err)
			sleep(ctx, min(time.Second, s.options.Lease/12))
			continue
		}
		rec, err := decode(r.Value)
		switch {
		case err != nil:
			return unconfirmed(err)
		case rec.State == ended:
			res, _ := resultOf[W](&rec)
			return res
		case rec.State == aside:
			return unconfirmed(rec.Broken.err())
		}
		after = r.Revision
	}
	return unconfirmed(s.troubled())
}
