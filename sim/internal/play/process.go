package play

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// process is one that submits jobs. What it does passes through points, at which
// it may die or be paused, by itself or by what befell it elsewhere.
type process struct {
	s         *submission
	n         int // also its number as a client
	workers   int // 0 if there are many
	trouble   trouble
	submitter *submit.Submitter[payload, Ref, *Shown]
	clients   []*client // of each job
	cancel    context.CancelFunc
	asking    atomic.Int64
	over      chan struct{}

	mu     sync.Mutex
	points map[string]int // how often each was passed
	dead   bool
	wakes  time.Time // from a pause
	holder string    // the name of its last lease
	leases int
	ended  time.Time // zero as long as it may do anything
	late   int       // calls of the store after that
}

// trouble is what befalls a process.
type trouble struct {
	dies   point
	pauses point
	pause  time.Duration
	panics point
	faults float64 // how many calls of the store fail, from then until the calm
	from   time.Time
	calm   time.Time
	slow   time.Duration // at most, one call in ten

	drags time.Duration // every call of the store
	ends  time.Duration // those by which jobs end, before they return
	hides time.Duration // the first by which a job is recorded, before it seems to have failed
}

// point is before or after the nth time that a process does something.
type point struct {
	what  string
	n     int
	after bool
}

var (
	errDead  = errors.New("the process is dead")
	errStore = errors.New("the store fails")
)

// begin starts a process, which ends after its time unless it dies before.
func (s *submission) begin(t trouble, a agenda) *process {
	p := &process{s: s, n: len(s.crew) + 1, trouble: t, over: make(chan struct{}), points: make(map[string]int)}
	s.crew = append(s.crew, p)
	for n, j := range s.jobs {
		p.clients = append(p.clients, &client{http: lifeline{p, j.fresh}, goal: j.w.Goal, auth: alice, key: j.key, job: n})
	}
	o := s.options
	o.Store, o.Flow = storeOf{p}, p.flowOf
	o.Workers = cmp.Or(a.workers, o.Workers)
	p.workers = o.Workers
	if s.many {
		o.ReadMany = p.readMany
	}
	var err error
	if p.submitter, err = submit.New(o); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.takes)
	p.cancel = cancel
	var tasks sync.WaitGroup
	if a.runs {
		tasks.Go(func() { p.submitter.Run(ctx) })
	}
	for _, o := range a.orders {
		tasks.Go(func() {
			if pause.For(ctx, o.after) {
				p.obey(ctx, o)
			}
		})
	}
	for _, task := range a.tasks {
		p.asking.Add(1)
		tasks.Go(func() {
			defer p.asking.Add(-1)
			if pause.For(ctx, task.after) {
				p.ask(ctx, task)
			}
			for task.again && ctx.Err() == nil {
				p.ask(ctx, task)
			}
		})
	}
	go func() {
		defer close(p.over)
		<-ctx.Done()
		cancel()
		tasks.Wait()
		p.end()
	}()
	return p
}

// end says that the process does nothing any more.
func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended.IsZero() {
		p.ended = time.Now()
	}
}

// pass is called at a point. It returns when the process is not paused, and with
// an error, once ctx has ended, if it is dead.
func (p *process) pass(ctx context.Context, at point) (paused bool, err error) {
	p.mu.Lock()
	if at.n > 0 && at == p.trouble.dies {
		p.dead = true
	}
	if at.n > 0 && at == p.trouble.pauses {
		p.wakes = time.Now().Add(p.trouble.pause)
	}
	pause := time.Until(p.wakes)
	p.mu.Unlock()
	if pause > 0 {
		time.Sleep(pause)
	}
	if p.isDead() {
		p.cancel()
		<-ctx.Done()
		return pause > 0, errDead
	}
	return pause > 0, nil
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// count returns how often the process has come to do what it does now.
func (p *process) count(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points[what]++
	return p.points[what]
}

// lifeline is a process's way to the service.
type lifeline struct {
	p    *process
	rest http.RoundTripper
}

// RoundTrip sends nothing for a dead process, and brings it no answer.
func (l lifeline) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if _, err := l.p.pass(ctx, point{}); err != nil {
		return nil, err
	}
	resp, err := l.rest.RoundTrip(req.WithContext(world.As(ctx, l.p.n)))
	if _, dead := l.p.pass(ctx, point{}); dead != nil {
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, dead
	}
	return resp, err
}

// readMany reads things one by one, as one read of them all.
func (p *process) readMany(ctx context.Context, _ string, refs []Ref) (func(Ref) (*Shown, bool), error) {
	all := make(map[string]*Shown, len(refs))
	for _, ref := range refs {
		shown, err := p.clients[ref.Job].read(ctx, ref)
		made := callOf(time.Now(), 0, err)
		if err == nil {
			made.status = shown.Code
		}
		switch {
		case made.status == http.StatusNotFound:
		case err != nil:
			return nil, err
		case made.status >= 300:
			return nil, &statusError{code: made.status}
		default:
			all[keyOf(ref)] = shown
		}
	}
	return func(ref Ref) (*Shown, bool) {
		shown, ok := all[keyOf(ref)]
		return shown, ok
	}, nil
}

func keyOf(ref Ref) string { return fmt.Sprint(ref.Job, ref.ID, ref.At) }
