package submit

import (
	"context"
	"sync"
	"time"
)

// crew takes jobs over, some at a time. That calls code of the program, such as Lift, which
// may never return: such a job keeps its goroutine, and nobody waits for it any more.
type crew struct {
	ctx      context.Context
	spawn    func(func()) bool
	late     func(key string) // told of a job that takes longer than patience
	patience time.Duration
	places   chan struct{}

	mu   sync.Mutex
	keys map[string]struct{} // of the jobs that are being taken over
}

// newCrew returns the crew of a term. Two leases are more than the store may take for one
// job.
func (t *term) newCrew() *crew {
	return &crew{
		ctx: t.ctx, spawn: t.spawn, patience: 2 * t.options.Lease,
		places: make(chan struct{}, t.options.Workers), keys: make(map[string]struct{}),
		late: func(key string) {
			t.warn("code of the program does not return: a job is not taken over", keyField(key))
		},
	}
}

// take begins a task for the job of a key once there is a place, unless one is under way. It
// calls over once: when the task has ended, is late, or was not begun.
func (c *crew) take(key string, task, over func()) {
	if !c.enter(key) {
		over()
		return
	}
	select {
	case c.places <- struct{}{}:
	case <-c.ctx.Done():
		c.leave(key)
		over()
		return
	}
	free := sync.OnceFunc(func() { <-c.places; over() })
	late := time.AfterFunc(c.patience, func() { c.late(key); free() })
	begun := c.spawn(func() {
		defer func() { // also if the program ends this goroutine
			late.Stop()
			c.leave(key)
			free()
		}()
		task()
	})
	if !begun {
		late.Stop()
		c.leave(key)
		free()
	}
}

func (c *crew) enter(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, busy := c.keys[key]
	c.keys[key] = struct{}{}
	return !busy
}

func (c *crew) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, key)
}
