package submit

import (
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// guard does f, a step of a job. If code of the program panics in it, or ends the
// goroutine, the job is set aside, and all others go on.
func (t *term[J, W, R]) guard(j *job, f func()) {
	whole := false
	defer func() {
		if !whole {
			t.setAside(j, recover(), string(debug.Stack()))
		}
	}()
	f()
	whole = true
}

// setAside makes a job one that nobody goes on with unasked. What is what its code
// panicked with; nil if it ended the goroutine.
func (t *term[J, W, R]) setAside(j *job, what any, stack string) {
	if j.state == aside { // by a guard inside this one
		return
	}
	if what == nil {
		what = "runtime.Goexit was called"
	}
	b := &breakage{At: time.Now().UTC(), Was: j.state, Panic: short(fmt.Sprint(what), maxText), Stack: short(stack, maxStack)}
	b.Panic = redact.Error(fmt.Errorf("%s", b.Panic))
	t.options.Policy.Logger.Error("submit: a job was set aside", keyField(j.key()), zap.String("panic", b.Panic), zap.String("stack", b.Stack))
	if !t.holds(j) || j.state == ended { // by a hook: nothing of the job is left to do
		return
	}
	if j.state == unborn || j.state == sending && !j.has(called) {
		b.Was, j.sent = queued, 0
	}
	t.mu.Lock()
	if m := j.wait(); !m.closed {
		m.broken = b
	}
	t.mu.Unlock()
	t.move(j, breaks)
	t.leaveAside(j)
}

// leaveAside records that a job was set aside, and forgets it.
func (t *term[J, W, R]) leaveAside(j *job) {
	switch t.save(j) {
	case made:
		t.stats.broke()
		t.drop(j)
	case taken:
		t.drop(j)
	case unknown:
		t.later(j)
	case tooLarge:
		t.reject(j)
	}
}

// holds reports whether a job is still this term's.
func (t *term[J, W, R]) holds(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.jobs.find(j.key()) == j
}
