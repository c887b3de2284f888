package submit

import (
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// guard calls f, a step of a job. If the program's code panics in it, or ends the
// goroutine, the job is set aside, and all other jobs go on.
func (t *term) guard(j *job, f func()) {
	whole := false
	defer func() {
		if !whole {
			t.setAside(j, recover(), string(debug.Stack()))
		}
	}()
	f()
	whole = true
}

// setAside sets a job aside, so that nobody goes on with it until an operator or a caller
// asks for it. What is the value of the panic; nil if the code ended its goroutine.
func (t *term) setAside(j *job, what any, stack string) {
	if j.state == aside { // by a guard inside this one
		return
	}
	if what == nil {
		what = "runtime.Goexit was called"
	}
	b := &breakage{At: time.Now().UTC(), Was: j.state, Panic: truncate(fmt.Sprint(what), maxText), Stack: truncate(stack, maxStack)}
	b.Panic = redact.Error(fmt.Errorf("%s", b.Panic))
	t.log(zap.ErrorLevel, "a job was set aside", []zap.Field{keyField(j.key()), zap.String("panic", b.Panic), zap.String("stack", b.Stack)})
	if !t.holds(j) || j.state == ended { // a callback such as Ended panicked: the job itself is done
		return
	}
	if j.state == unborn || j.state == sending && !j.has(called) {
		if b.Was = queued; !j.has(sentBefore) {
			j.sent = 0
		}
	}
	t.mu.Lock()
	if m := j.withDetails(); !m.closed {
		m.broken = b
	}
	t.mu.Unlock()
	t.move(j, breaks)
	t.leaveAside(j)
}

// leaveAside records that a job was set aside, and forgets it.
func (t *term) leaveAside(j *job) {
	switch t.save(j) {
	case made:
		t.stats.countSetAside()
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
func (t *term) holds(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.jobs.find(j.key()) == j
}
