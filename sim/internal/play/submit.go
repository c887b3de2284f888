package play

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// submission is a flow in which processes submit jobs to one store. Each job has
// a world of its own.
type submission struct {
	f       *flow
	store   *submit.Memory
	options submit.Options[payload, Ref, *Shown] // but for what differs from process to process
	many    bool                                 // options have a ReadMany
	frees   bool                                 // keys may become free: jobs are given up soon
	room    room                                 // of the store
	jobs    []*submitted
	crew    []*process

	mu      sync.Mutex // of what processes note of jobs
	changes []change
}

// payload is a job as the library stores it.
type payload struct {
	Job   int
	Wrong bool // it is submitted under a key that is another's
}

// submitted is a job, and the truth about it.
type submitted struct {
	key   string
	w     *world.World
	fresh *credentials
	shape *claim // its goal and policy, and what its flow can do

	// Guarded by the submission.
	sends     []*send
	begun     int // calls of Submit and Enqueue
	asks      []*ask
	concluder *process  // that recorded the last outcome
	revived   bool      // an outcome was taken back
	reread    time.Time // when it last was, and it is the same job
	taken     time.Time // when it last was, or when it changed hands
	strange   int       // writes of a payload that was refused
	obeyed    []*obeyed // what operators did
	cancelled []time.Time
	forgotten int
	meddled   bool // cancelled, or set aside
	found     submit.Result[Ref]
	err       error // of the last look at the record
}

// writeTimeout bounds a write, as any client would.
const writeTimeout = 30 * time.Second

// submit submits jobs in processes that die, pause, or lose the store, and lets
// others go on with them. The last one has no trouble, and time enough.
func (f *flow) submit() {
	if f.noise > 0 { // a lease is a second long at least, and these worlds are short
		f.do()
		return
	}
	d := f.dice
	s := &submission{f: f, store: submit.NewMemory()}
	f.submission = s
	f.client = &client{goal: f.w.Goal}
	p := f.drawPolicy()
	keyFor := s.drawJobs()
	if keyFor > 0 && d.Chance(0.5) {
		p.Resend.WithKey = time.Duration(d.Float64() * float64(keyFor))
	}
	if d.Chance(0.5) {
		p.OnForbidden = func(ctx context.Context) {
			for _, j := range s.jobs {
				j.fresh.onForbidden(j.w)(ctx)
			}
		}
	}
	s.options = submit.Options[payload, Ref, *Shown]{Policy: p, Lease: d.Between(time.Second, 15*time.Second)}
	if keyFor > 0 && d.Chance(0.7) {
		s.options.Resubmit.KeyHonouredFor = time.Duration(d.Float64() * float64(keyFor))
	}
	s.options.GiveUpAfter = patience / 2
	if s.frees = d.Chance(0.3); s.frees {
		s.options.GiveUpAfter = d.Between(time.Nanosecond, 5*time.Minute)
	}
	if d.Chance(0.2) {
		s.options.Workers = 1 + d.IntN(3)
	}
	if d.Chance(0.1) {
		s.options.ReadsPerSecond = 0.5 + 50*d.Float64()
	}
	s.many = d.Chance(0.25)
	s.room = drawRoom(f.w.Seed)
	s.frees = s.frees || s.room.bytes > 0
	operator, operated := s.drawOperator()
	for _, j := range s.jobs {
		j.shape = &claim{call: "the job " + j.key, goal: j.w.Goal, policy: p}
		if j.shape.find = d.Chance(0.8); j.shape.find && j.w.Goal == world.Create {
			j.shape.mine = d.Chance(0.85)
		}
		j.shape.monitor = j.w.Goal != world.Delete && j.w.Monitored()
	}
	s.play(operator, operated)
}

// drawJobs draws the jobs, each with a world of its own, and returns how long a key is
// honoured in all of them.
func (s *submission) drawJobs() (keyFor time.Duration) {
	f := s.f
	keyFor = f.w.KeyFor
	for n := range world.OneOf(f.dice, 1, 1, 1, 2, 3) {
		j := &submitted{key: fmt.Sprint("job ", n), w: f.w, fresh: f.fresh}
		if n > 0 {
			j.w = world.New(world.Draw(f.w.Seed+uint64(n)*0x9e3779b97f4a7c15, 1))
			if !f.w.Odd {
				j.w.Plain()
			}
			j.fresh = &credentials{rest: j.w.Wire()}
		}
		j.w.Amnesia = false              // another process may have seen the outage
		j.w.Writes, j.w.Reads = nil, nil // a policy has one set of rules for all
		keyFor = min(keyFor, j.w.KeyFor)
		s.jobs = append(s.jobs, j)
	}
	return keyFor
}

// play lets the processes run, two at a time and then the last one, and an operator
// beside them, if there is one.
func (s *submission) play(operator agenda, operated bool) {
	d := s.f.dice
	trouble1 := s.drawTrouble(0.7)
	trouble1.panics = s.drawPanic(1)
	first := s.begin(trouble1, s.drawPlan(0.85, 1))
	if d.Chance(0.7) {
		time.Sleep(d.Between(time.Millisecond, 3*s.options.Lease))
	} else {
		<-first.over
	}
	trouble2 := s.drawTrouble(0.25)
	trouble2.panics = s.drawPanic(2)
	second := s.begin(trouble2, s.drawPlan(0.7, 0.6))
	var third *process
	if operated {
		third = s.begin(trouble{}, operator)
	}
	<-first.over
	<-second.over
	last := s.begin(trouble{}, s.lastPlan())
	if operated {
		<-third.over
	}
	s.settle(last)
	last.cancel()
	<-last.over
	s.look()
	for _, j := range s.jobs {
		j.w.End()
	}
}

// patience is how long the last process may take: longer than any policy.
const patience = 2 * time.Hour

// settle waits until nothing is left to do.
func (s *submission) settle(last *process) {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Second + time.Since(began)/8) {
		s.look()
		pending := func(j *submitted) bool { return j.err == nil && j.found.Outcome == 0 }
		for _, j := range s.jobs {
			if pending(j) {
				s.retryAside(last, j)
			}
		}
		if last.asking.Load() == 0 && !slices.ContainsFunc(s.jobs, pending) {
			return
		}
	}
}

// look looks at the records of all jobs, as who submits none of them.
func (s *submission) look() {
	o := s.options
	o.Store, o.Flow = s.store, func(string, payload) (none typed) { return none }
	observer, err := submit.New(o)
	if err != nil {
		panic(err)
	}
	for _, j := range s.jobs {
		j.found, j.err = observer.Lookup(context.Background(), j.key)
	}
}

// task is one thing that a process does with a job.
type task struct {
	job     int
	after   time.Duration
	within  time.Duration // of patience; 0 is without end
	enqueue bool
	again   bool // and again, until the process ends
	wrong   bool // another payload, if the job is known to be recorded
}

// agenda is what a process does.
type agenda struct {
	runs  bool
	takes time.Duration
	tasks []task

	workers int // if not those of the options

	orders []order // of an operator
}

// drawPlan returns an agenda of a process that runs, and that submits a job, that
// likely.
func (s *submission) drawPlan(runs, submits float64) agenda {
	d := s.f.dice
	a := agenda{runs: d.Chance(runs), takes: d.Between(100*time.Millisecond, 2*time.Minute)}
	for n := range s.jobs {
		if !d.Chance(submits) {
			continue
		}
		t := task{job: n, enqueue: d.Chance(0.4)}
		if d.Chance(0.5) {
			t.after = d.Between(time.Millisecond, 10*time.Second)
		}
		if d.Chance(0.3) {
			t.within = d.Between(time.Millisecond, time.Minute)
		}
		a.tasks = append(a.tasks, t)
		if d.Chance(0.2) { // somebody else in the same process has the same idea
			t.enqueue, t.after = d.Chance(0.4), t.after+d.Between(time.Nanosecond, time.Second)
			a.tasks = append(a.tasks, t)
		}
		if d.Chance(0.15) {
			a.tasks = append(a.tasks, task{job: n, wrong: !s.frees, enqueue: d.Chance(0.4), after: t.after + d.Between(time.Second, time.Minute)})
		}
	}
	return a
}

// lastPlan returns the agenda of the last process.
func (s *submission) lastPlan() agenda {
	d := s.f.dice
	a := agenda{runs: true, takes: 2 * patience}
	for n := range s.jobs {
		if d.Chance(0.5) {
			a.tasks = append(a.tasks, task{job: n, after: d.Between(time.Millisecond, 30*time.Second)})
		}
		if d.Chance(0.2) {
			a.tasks = append(a.tasks, task{job: n, wrong: !s.frees, after: d.Between(time.Millisecond, time.Minute)})
		}
	}
	return a
}

// drawTrouble returns what happens to a process that has trouble that likely.
func (s *submission) drawTrouble(likely float64) (t trouble) {
	d := s.f.dice
	if !d.Chance(likely) {
		return t
	}
	switch luck := d.Float64(); {
	case luck < 0.5:
		t.dies = s.drawPoint()
	case luck < 0.75:
		t.pauses, t.pause = s.drawPoint(), d.Between(s.options.Lease/2, 10*s.options.Lease)
		if d.Chance(0.5) { // where the store has just said yes
			t.pauses = point{world.OneOf(d, "create ", "update ") + s.jobs[0].key, 1, true}
		}
	}
	if d.Chance(0.4) {
		t.faults = d.Float64() / 2
		t.calm = time.Now().Add(d.Between(100*time.Millisecond, time.Minute))
		if d.Chance(0.3) {
			t.faults = 1 // an outage
			t.from = time.Now().Add(d.Between(time.Millisecond, 20*time.Second))
			t.calm = t.from.Add(d.Between(100*time.Millisecond, 5*s.options.Lease))
		}
	}
	if d.Chance(0.2) {
		t.slow = d.Between(10*time.Millisecond, s.options.Lease)
	}
	return t
}

// drawPoint returns a point of a process's life: most are around what matters to
// the first job.
func (s *submission) drawPoint() point {
	d := s.f.dice
	job := s.jobs[d.IntN(len(s.jobs))].key
	what := world.OneOf(d, "write ", "write ", "write ", "create ", "update ", "update ", "get ") + job
	if d.Chance(0.15) {
		what = world.OneOf(d, "create lease", "update lease", "delete lease", "list lease", "list job", "get lease")
	}
	return point{what, world.OneOf(d, 1, 1, 2, 3), d.Chance(0.5)}
}

// flowOf returns the flow of a job as p does it.
func (p *process) flowOf(_ string, what payload) consistency.Flow[Ref, *Shown] {
	j := p.s.jobs[what.Job]
	tf := p.clients[what.Job].flow(j.shape)
	write := tf.Write
	p.mayPanic("flow of "+j.key, p.count("flow of "+j.key), false)
	tf.Write = func(ctx context.Context) (Ref, error) {
		n := p.count("writes " + j.key)
		p.mayPanic("writes "+j.key, n, false)
		ref, err := p.send(ctx, j, what.Wrong, write)
		p.mayPanic("writes "+j.key, n, true)
		return ref, err
	}
	read := tf.Read
	tf.Read = func(ctx context.Context, ref Ref) (*Shown, error) {
		p.mayPanic("reads "+j.key, p.count("reads "+j.key), false)
		return read(ctx, ref)
	}
	if j.w.Tells {
		tf.NoChange = func(Ref) bool { return p.clients[what.Job].unchanged }
	}
	return tf
}
