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
func (t *term[J, W, R]) visitMany(jobs []*job, group string, took *time.Duration) {
	refs := make([]W, 0, len(jobs))
	sound := jobs[:0]
	for _, j := range jobs {
		t.guard(j, func() {
			ref, _ := t.direct(j, t.payload(j))
			refs, sound = append(refs, ref), append(sound, j)
		})
	}
	began := time.Now()
	t.stats.reads.Add(1)
	show, err := t.readMany(group, refs)
	t.stats.reads.Add(-1)
	*took = time.Since(began)
	if errors.Is(err, errPanicked) {
		t.warn("a list could not be read", zap.String("group", group), errorField(err))
	}
	for _, j := range sound {
		read := func(_ context.Context, w W) (value R, _ error) {
			if err != nil {
				return value, err
			}
			value, ok := show(w)
			if !ok {
				return value, missing{}
			}
			return value, nil
		}
		if errors.Is(err, errPanicked) || errors.Is(err, errDeaf) {
			t.guard(j, func() { t.visit(j, nil, time.Time{}) })
			continue
		}
		t.guard(j, func() { t.visit(j, read, began) })
	}
}

// readMany calls Options.ReadMany, on a goroutine of its own. A call that ignores the end of
// its context is left behind, and there is no other for its group until it has returned.
func (t *term[J, W, R]) readMany(group string, refs []W) (func(W) (R, bool), error) {
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
		show func(W) (R, bool)
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
		show, err = safely("Options.ReadMany", func() (func(W) (R, bool), error) { return t.options.ReadMany(ctx, group, refs) })
	}()
	<-ctx.Done()
	leave := time.NewTimer(leaveAfter)
	defer leave.Stop()
	select {
	case <-over:
		if err == nil && show == nil {
			err = errShowsNothing
		}
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

var errShowsNothing = errors.New("submit: ReadMany returned neither a function nor an error")

// missing is the error of the read of a job that the list lacks: it counts as a 404.
type missing struct{}

func (missing) Error() string   { return "the list lacks it" }
func (missing) StatusCode() int { return 404 }
