package play

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// submitScene plays a scene of jobs.
func (f *flow) submitScene() {
	d := f.dice2
	s := &submission{f: f, store: submit.NewMemory(), frees: true}
	s.room.refusals = new(atomic.Int64)
	f.submission = s
	f.client = &client{goal: f.w.Goal}
	every := d.Between(time.Second, 5*time.Second)
	p := consistency.Policy{Schedule: readback.Backoff{Initial: every, Max: every, NoJitter: true}}
	jobs := 1
	switch f.w.Scene {
	case world.Reread:
		p.Within = d.Between(time.Second, 10*time.Second)
	case world.Crowded:
		jobs = 8
	}
	for n := range jobs {
		j := &submitted{key: fmt.Sprint("job ", n), w: f.w, fresh: f.fresh}
		if n > 0 {
			spec := f.w.Spec
			spec.Seed += uint64(n)
			spec.Fates = slices.Clone(spec.Fates)
			spec.Fates[0].Took += time.Duration(n) * time.Second // the first to return is that of the first job
			j.w = world.New(spec)
			j.fresh = &credentials{rest: j.w.Wire()}
		}
		j.shape = &claim{call: "the job " + j.key, goal: j.w.Goal, policy: p, find: true, mine: j.w.Goal == world.Create}
		s.jobs = append(s.jobs, j)
	}
	s.options = submit.Options[payload, Ref, *Shown]{Policy: p, Lease: d.Between(time.Second, 3*time.Second), GiveUpAfter: patience / 2}
	if f.w.KeyFor > 0 {
		s.options.Resubmit.KeyHonouredFor = f.w.KeyFor / 2
	}
	for _, p := range s.stage() {
		<-p.over
	}
	last := s.begin(trouble{}, agenda{runs: true, takes: 2 * patience})
	s.settle(last)
	last.cancel()
	<-last.over
	s.look()
	for _, j := range s.jobs {
		j.w.End()
	}
}

// stage begins the processes of a scene, but for the last.
func (s *submission) stage() []*process {
	d, lease := s.f.dice2, s.options.Lease
	enqueue := task{enqueue: d.Chance(0.5)}
	switch s.f.w.Scene {
	case world.Reread:
		within := s.options.Policy.Within
		s.room.bytes = 250 + d.IntN(400)
		s.room.from = time.Now().Add(d.Between(time.Millisecond, within))
		s.room.until = time.Now().Add(3 * within)
		return []*process{s.begin(trouble{}, agenda{runs: true, takes: 20 * within, tasks: []task{{}, {after: 4 * within}, {after: 8 * within}}})}
	case world.Leaving:
		enqueue.enqueue = true
		producer := agenda{takes: 8*lease + 5*time.Second, tasks: []task{enqueue}}
		for n := range 3 {
			producer.tasks = append(producer.tasks, task{enqueue: true, again: true, after: time.Duration(n) * 30 * time.Millisecond})
		}
		worker := s.begin(trouble{}, agenda{runs: true, takes: 10*lease + 10*time.Second})
		return []*process{s.begin(trouble{drags: d.Between(50*time.Millisecond, 200*time.Millisecond)}, producer), worker}
	case world.Recalled:
		at, ends := d.Between(time.Second, 5*time.Second), d.Between(3*time.Second, 20*time.Second)
		again := task{after: at + d.Between(time.Second, ends)}
		return []*process{s.begin(trouble{ends: ends}, agenda{
			runs: true, takes: time.Minute, tasks: []task{enqueue, again}, orders: []order{{what: "cancel", after: at}},
		})}
	case world.Hidden:
		hides := d.Between(200*time.Millisecond, 2*time.Second)
		first := s.begin(trouble{hides: hides}, agenda{runs: true, takes: time.Minute, tasks: []task{enqueue}})
		return []*process{first, s.begin(trouble{}, agenda{takes: 2 * hides, orders: []order{{what: "cancel", after: hides / 8}}})}
	case world.Withdrawn:
		at := d.Between(time.Second, 30*time.Second)
		first := s.begin(trouble{}, agenda{runs: true, takes: time.Minute, tasks: []task{{enqueue: true}, {enqueue: true, after: at + d.Between(20*time.Millisecond, 10*time.Second)}}})
		return []*process{first, s.begin(trouble{}, agenda{takes: time.Minute, orders: []order{{what: "cancel", after: at}}})}
	case world.Crowded:
		first := agenda{runs: true, takes: time.Minute, workers: 8}
		second := agenda{runs: true, takes: time.Minute, workers: 1 + d.IntN(2)}
		for n := range s.jobs {
			a := &first
			if n%2 > 0 {
				a = &second
			}
			a.tasks = append(a.tasks, task{job: n, enqueue: true})
		}
		crashed := s.begin(trouble{dies: point{"write job 0", 1, true}}, first)
		<-crashed.over
		return []*process{s.begin(trouble{}, second)}
	}
	return nil
}

// intentOf returns when a job was submitted, as its record says, and the outcome there.
func intentOf(r submit.Record) (intent time.Time, outcome string) {
	var rec struct {
		Intent time.Time
		End    *struct{ Outcome string }
	}
	if _ = json.Unmarshal(r.Value, &rec); rec.End != nil {
		outcome = rec.End.Outcome
	}
	return rec.Intent, outcome
}

// revive notes that a job is gone on with that had ended unconfirmed.
func (j *submitted) revive(before, after submit.Record) {
	was, outcome := intentOf(before)
	is, _ := intentOf(after)
	switch {
	case !was.Equal(is):
		j.reread = time.Time{}
	case before.Done && !after.Done && outcome == consistency.Unconfirmed.String():
		j.reread = time.Now()
	}
}

// judgeScene asks what the scenes of jobs are for.
func (s *submission) judgeScene(j *submitted) {
	f := s.f
	for _, sent := range j.sends {
		if !j.reread.IsZero() && sent.began.After(j.reread) && !sent.paused {
			f.violate(DoubleWrite, "process %d sends %s, which had ended unconfirmed", sent.p.n, j.key)
		}
	}
	last := func(at time.Time) bool {
		return !slices.ContainsFunc(j.sends, func(sent *send) bool { return sent.began.After(at) })
	}
	for _, at := range j.cancelled {
		if f.w.Scene == world.Hidden && !last(at) {
			f.violate(DoubleWrite, "%s was cancelled, and is sent", j.key)
		}
	}
	for _, a := range j.asks {
		switch {
		case f.w.Scene == world.Withdrawn && a.enqueue && a.err == nil && len(j.cancelled) == 1 && a.began.After(j.cancelled[0]) && last(a.began):
			f.violate(Missed, "%s %s, which was cancelled before, and it is never sent", a, j.key)
		case f.w.Scene == world.Leaving && a.err == nil && !slices.ContainsFunc(j.sends, func(sent *send) bool { return sent.began.Before(a.ended.Add(5*s.options.Lease + 2*time.Second)) }):
			f.violate(Missed, "%s %s, and it is sent by nobody for long", a, j.key)
			return
		}
	}
}

// judgeBound asks whether a process has had more writes under way than it may.
func (s *submission) judgeBound(p *process) {
	if p.workers == 0 {
		return
	}
	var all []*send
	for _, j := range s.jobs {
		for _, sent := range j.sends {
			if sent.p == p && !sent.ended.IsZero() {
				all = append(all, sent)
			}
		}
	}
	for _, one := range all {
		under := 0
		for _, other := range all {
			if !other.began.After(one.began) && other.ended.After(one.began) {
				under++
			}
		}
		if under > p.workers {
			s.f.violate(Leak, "process %d has %d writes under way, and may have %d", p.n, under, p.workers)
			return
		}
	}
}
