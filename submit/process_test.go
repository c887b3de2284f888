package submit_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// process is a process that can die, be paused, or lose the store, at any point:
// before or after any call of the store, and before or after any write. What it
// does passes through here.
type process struct {
	submit.Store
	world *world

	mu     sync.Mutex
	points int
	dieAt  int // the point; 0 is never
	ctx    context.Context
	kill   context.CancelFunc
	paused chan struct{} // not nil while it is paused
	hook   func(what string)
	down   bool // the store does not answer
	fails  func(what string) (before, after bool)
}

func newProcess(w *world, store submit.Store) *process {
	p := &process{Store: store, world: w}
	p.ctx, p.kill = context.WithCancel(context.Background())
	return p
}

var (
	errDead = errors.New("the process is dead")
	errDown = errors.New("the store is down")
)

// point is a point at which the process may die, be paused, or find no store.
// What is dead or cut off waits for the end of ctx.
func (p *process) point(ctx context.Context, what string) error {
	p.mu.Lock()
	p.points++
	if p.points == p.dieAt {
		p.kill()
	}
	hook := p.hook
	p.mu.Unlock()
	if hook != nil {
		hook(what)
	}
	p.mu.Lock()
	paused := p.paused
	p.mu.Unlock()
	if paused != nil {
		<-paused
	}
	if p.ctx.Err() != nil {
		<-ctx.Done()
		return errDead
	}
	return nil
}

func (p *process) pause() (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	paused := make(chan struct{})
	p.paused = paused
	return func() {
		p.mu.Lock()
		p.paused = nil
		p.mu.Unlock()
		close(paused)
	}
}

func (p *process) cutOff(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// call does f between two points.
func call[T any](ctx context.Context, p *process, what string, f func() (T, error)) (T, error) {
	var none T
	if err := p.point(ctx, "before "+what); err != nil {
		return none, err
	}
	p.mu.Lock()
	down, before, after := p.down, false, false
	if p.fails != nil {
		before, after = p.fails(what)
	}
	p.mu.Unlock()
	if down {
		<-ctx.Done()
		return none, errDown
	}
	if before {
		return none, errDown
	}
	got, err := f()
	if err := p.point(ctx, "after "+what); err != nil {
		return none, err
	}
	if after {
		return none, errDown
	}
	return got, err
}

func (p *process) Create(ctx context.Context, r submit.Record) (uint64, error) {
	return call(ctx, p, "create "+r.Kind.String(), func() (uint64, error) { return p.Store.Create(ctx, r) })
}

func (p *process) Update(ctx context.Context, r submit.Record) (uint64, error) {
	return call(ctx, p, "update "+r.Kind.String(), func() (uint64, error) { return p.Store.Update(ctx, r) })
}

func (p *process) Delete(ctx context.Context, r submit.Record) error {
	_, err := call(ctx, p, "delete "+r.Kind.String(), func() (int, error) { return 0, p.Store.Delete(ctx, r) })
	return err
}

func (p *process) Get(ctx context.Context, kind submit.Kind, key string) (submit.Record, error) {
	return call(ctx, p, "get "+kind.String(), func() (submit.Record, error) { return p.Store.Get(ctx, kind, key) })
}

func (p *process) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	return call(ctx, p, "watch "+kind.String(), func() (submit.Record, error) { return p.Store.Watch(ctx, kind, key, after) })
}

func (p *process) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		_, err := call(ctx, p, "list "+kind.String(), func() (int, error) { return 0, nil })
		if err != nil {
			yield(submit.Record{}, err)
			return
		}
		p.Store.List(ctx, kind)(yield)
	}
}

// flow is the world's, as this process reaches it.
func (p *process) flow(key string, o order) consistency.Flow[string, *thing] {
	return p.reach(p.world.flow(key, o))
}

// reach returns f as this process can carry it out.
func (p *process) reach(f consistency.Flow[string, *thing]) consistency.Flow[string, *thing] {
	write, read, find := f.Write, f.Read, f.Find
	f.Write = func(ctx context.Context) (string, error) {
		return call(ctx, p, "write", func() (string, error) { return write(ctx) })
	}
	f.Read = func(ctx context.Context, id string) (*thing, error) {
		if p.ctx.Err() != nil {
			<-ctx.Done()
			return nil, errDead
		}
		return read(ctx, id)
	}
	if find != nil {
		f.Find = func(ctx context.Context) ([]string, error) {
			if p.ctx.Err() != nil {
				<-ctx.Done()
				return nil, errDead
			}
			return find(ctx)
		}
	}
	return f
}

// starts returns a Submitter of this process, which runs until the process dies
// or stop is called.
func (p *process) starts(t *testing.T, change ...func(*options)) (s *submitter, stop func()) {
	s = p.world.on(t, p, append([]func(*options){func(o *options) { o.Flow = p.flow }, everySecond}, change...)...)
	over := make(chan struct{})
	go func() {
		s.Run(p.ctx)
		close(over)
	}()
	synctest.Wait()
	return s, func() {
		p.kill()
		<-over
	}
}

// until waits until ok, for no longer than d.
func until(d time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}
