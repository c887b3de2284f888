package submit

import (
	"context"
	"errors"
)

// submit is Submit while there is a term. M is what an earlier join returned, or nil. The
// details that it returns have the outcome.
func (in *call) submit(ctx context.Context, m *details) (*details, error) {
	if own, ok := ctx.Value(insideKey{}).(inside); ok && own.submitter == in.s && own.key == in.key {
		return nil, waiting(ctx, in.name(), errItself)
	}
	for {
		t := in.s.leasedTerm(ctx)
		if t == nil {
			return nil, in.unfinished(ctx)
		}
		if m == nil {
			var err error
			if m, err = in.join(ctx, t); err != nil {
				return nil, err
			}
		}
		if m != nil {
			select {
			case <-m.over:
			case <-ctx.Done():
				in.trouble = t.troubleOf(m)
				return nil, in.unfinished(ctx)
			}
			if m.end != nil {
				return m, nil
			}
			if err := in.refused(ctx, m); err != nil {
				return nil, err
			}
			in.joined = in.joined || m.isStored
			in.before = in.before || t.troubleOf(m) != nil
			m = nil
		}
		if rec, err := in.ask(ctx, t); err != nil {
			return nil, err
		} else if rec != nil {
			return &details{end: rec}, nil
		}
	}
}

// join returns what to wait for if the job is held here. If the store is not known to
// have it, join begins it. Nil means that the store must be asked.
func (in *call) join(ctx context.Context, t *term) (*details, error) {
	for {
		if m, err := in.find(ctx, t); m != nil || err != nil {
			return m, err
		}
		if in.known || ctx.Err() != nil {
			return nil, nil
		}
		j := in.newJob()
		if t.add(j) {
			in.known = true
			t.place(j, t.now())
			return j.details, nil
		}
		if t.ctx.Err() != nil {
			return nil, nil
		}
	}
}

// find returns what to wait for if the job is held here, and nil if not. If another job
// of this key is held here, find waits until the store has that job and returns the
// error; or nil if that job is dropped first, since then it may be the wrong one.
func (in *call) find(ctx context.Context, t *term) (*details, error) {
	for {
		j, m := t.find(in.key)
		if j == nil {
			return nil, nil
		}
		err := in.matches(ctx, []byte(j.data()), int(j.version))
		if err == nil {
			return m, nil
		}
		select {
		case <-m.stored:
			return nil, err
		case <-m.over:
		case <-ctx.Done():
			in.trouble = t.troubleOf(m)
			return nil, nil
		}
	}
}

// errItself is the cause where a Write submits its own job: that would wait for ever.
var errItself = errors.New("submit: the write of a job waits for that job")
