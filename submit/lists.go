package submit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// visitMany reads many jobs back by one call of ReadMany, and sets took to its duration. If
// the call panics, it is not known which job is the cause, and they are read one by one; also
// as long as an earlier call for the group has not returned.
func (t *term) visitMany(jobs []*job, group string, took *time.Duration) {
	refs := t.options.newList()
	sound := jobs[:0]
	for _, j := range jobs {
		t.guard(j, func() {
			flow := t.flow(j)
			t.fitHandle(j, flow)
			refs.add(flow, j.handle)
			sound = append(sound, j)
		})
	}
	l := &listed{began: time.Now()}
	t.stats.reads.Add(1)
	l.show, l.err = t.readMany(group, refs)
	t.stats.reads.Add(-1)
	*took = time.Since(l.began)
	if errors.Is(l.err, errPanicked) {
		t.warn("a list could not be read", zap.String("group", group), errorField(l.err))
	}
	if errors.Is(l.err, errPanicked) || errors.Is(l.err, errDeaf) {
		l = nil
	}
	for _, j := range sound {
		t.guard(j, func() { t.visit(j, l) })
	}
}

// readMany calls Options.ReadMany, on a goroutine of its own. A call that ignores the end of
// its context is left behind, and there is no other for its group until it has returned.
func (t *term) readMany(group string, refs list) (any, error) {
	timeout := t.options.Policy.ReadTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	t.mu.Lock()
	_, deaf := t.deaf[group]
	t.mu.Unlock()
	if deaf {
		return nil, errDeaf
	}
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	var (
		show any // not results with a name, since a call that is left behind still sets them
		err  = fmt.Errorf("%w in Options.ReadMany: it ended its goroutine", errPanicked)
		over = make(chan struct{})
	)
	go func() {
		defer cancel()
		defer func() { // also if the program ends this goroutine
			t.mu.Lock()
			defer t.mu.Unlock()
			close(over)
			delete(t.deaf, group)
		}()
		show, err = safely("Options.ReadMany", func() (any, error) { return refs.read(ctx, group) })
	}()
	<-ctx.Done()
	leave := time.NewTimer(leaveAfter)
	defer leave.Stop()
	select {
	case <-over:
		return show, err
	case <-leave.C:
	}
	t.warn("a list is left behind", zap.String("group", group), errorField(errDeaf))
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-over: // just now
	default:
		t.deaf[group] = struct{}{}
	}
	return nil, errDeaf
}

var errDeaf = errors.New("submit: ReadMany does not return, although its context has ended")
