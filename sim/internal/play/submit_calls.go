package play

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// send is one call of a job's Write.
type send struct {
	call
	p      *process
	holder string
	why    string // it should not have been made
	paused bool   // the process slept since the library looked at its lease
	cut    bool   // the context ended meanwhile
}

// send calls a job's Write.
func (p *process) send(ctx context.Context, j *submitted, wrong bool, write func(context.Context) (Ref, error)) (Ref, error) {
	what := "write " + j.key
	n := p.count(what)
	paused, err := p.pass(ctx, point{what, n, false})
	if err != nil {
		return Ref{}, err
	}
	sent := &send{p: p, paused: paused}
	sent.holder, sent.why = p.holds(j)
	sent.began = time.Now()
	p.s.mu.Lock()
	j.sends = append(j.sends, sent)
	if wrong {
		j.strange++
	}
	p.s.mu.Unlock()

	own, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	ref, err := write(own)
	made := callOf(sent.began, ref.Code, err)
	p.s.mu.Lock()
	sent.call, sent.cut = made, ctx.Err() != nil
	p.s.mu.Unlock()
	if _, err := p.pass(ctx, point{what, n, true}); err != nil {
		return Ref{}, err
	}
	return ref, err
}

// ask is one call of Submit or Enqueue that returned to a process that lived.
type ask struct {
	task
	p            *process
	began, ended time.Time
	over         bool // its context had ended
	result       submit.Result[Ref]
	err          error
	stored       bool // the store has the job
}

func (a *ask) String() string {
	what := "submits"
	if a.enqueue {
		what = "enqueues"
	}
	if a.wrong {
		what += " something else as"
	}
	return "process " + string(rune('0'+a.p.n)) + " " + what
}

// ask submits a job.
func (p *process) ask(ctx context.Context, t task) {
	j := p.s.jobs[t.job]
	if t.wrong && !p.s.has(j) {
		return // it would be the first
	}
	if t.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.within)
		defer cancel()
	}
	p.s.mu.Lock()
	j.begun++
	p.s.mu.Unlock()
	a := &ask{task: t, p: p, began: time.Now()}
	if t.enqueue {
		a.err = p.submitter.Enqueue(ctx, j.key, payload{Job: t.job, Wrong: t.wrong})
		a.result.Outcome = consistency.OutcomeOf(a.err)
	} else {
		a.result, a.err = p.submitter.Submit(ctx, j.key, payload{Job: t.job, Wrong: t.wrong})
	}
	if p.isDead() {
		return // nobody hears it
	}
	a.ended, a.over, a.stored = time.Now(), ctx.Err() != nil, p.s.has(j)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	j.asks = append(j.asks, a)
}

// has reports whether the store has a job.
func (s *submission) has(j *submitted) bool {
	_, err := s.store.Get(context.Background(), submit.KindJob, j.key)
	return err == nil
}

// refused reports whether the error says that ctx ended before anything was
// recorded, and not what became of the job.
func (a *ask) refused() bool {
	var why *consistency.Error
	return errors.As(a.err, &why) && why.Outcome == consistency.Failed && a.over && why.Context != nil
}
