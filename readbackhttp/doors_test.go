package readbackhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

type (
	flow   = consistency.Flow[readbackhttp.Ref, *readbackhttp.Document]
	result = consistency.Result[readbackhttp.Ref, *readbackhttp.Document]
	// door is a way into the tables.
	door = func(context.Context, consistency.Policy, flow) (result, error)
)

// doors are all of them: in one go, in pieces, and in another process.
var doors = map[string]door{
	"Do": consistency.Do[readbackhttp.Ref, *readbackhttp.Document],
	"Send and Visit": func(ctx context.Context, p consistency.Policy, f flow) (result, error) {
		var course consistency.Course
		h, err := consistency.NewStepper(p, f).Send(ctx, consistency.Pending{}, &course)
		switch {
		case consistency.OutcomeOf(err) == failed:
			return result{Outcome: failed}, err
		case errors.Is(err, consistency.ErrNoFind), errors.Is(err, consistency.ErrNoReference), err != nil && course.Next().IsZero():
			return result{Outcome: unconfirmed, Pending: h}, err
		}
		return visits(ctx, p, f, h, &course)
	},
	"Resume": resuming(consistency.Resume[readbackhttp.Ref, *readbackhttp.Document]),
	"Resume by Visit": resuming(func(ctx context.Context, p consistency.Policy, f flow, h consistency.Pending) (result, error) {
		return visits(ctx, p, f, h, new(consistency.Course))
	}),
}

func visits(ctx context.Context, p consistency.Policy, f flow, h consistency.Pending, course *consistency.Course) (result, error) {
	for {
		time.Sleep(time.Until(course.Next()))
		res, err := consistency.NewStepper(p, f).Visit(ctx, &h, course, time.Time{})
		if res.Outcome != 0 || err != nil {
			return res, err
		}
	}
}

// resuming leaves a flow before its first read, and goes on with its handle.
func resuming(goOn func(context.Context, consistency.Policy, flow, consistency.Pending) (result, error)) door {
	return func(ctx context.Context, p consistency.Policy, f flow) (result, error) {
		first := f
		var left []byte
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ended, end := context.WithCancel(ctx)
		first.Started = func(_ context.Context, h consistency.Pending) (err error) {
			left, err = json.Marshal(h)
			end() // the process
			return err
		}
		before := p
		before.Observer = func(e consistency.Event) {
			if e.Phase == consistency.PhaseWrite && p.Observer != nil {
				p.Observer(e)
			}
		}
		res, err := consistency.Do(ended, before, first)
		end()
		if left == nil {
			return res, err
		}
		var h consistency.Pending
		if err := json.Unmarshal(left, &h); err != nil {
			return res, err
		}
		f.Write = nil
		return goOn(ctx, p, f, h)
	}
}

// throughDoors runs a test in a bubble for each door.
func throughDoors(t *testing.T, name string, run func(t *testing.T, d door)) {
	t.Helper()
	for title, d := range doors {
		t.Run(name+"/"+title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { run(t, d) })
		})
	}
}

// judged returns the policy with an observer that keeps the reads, looks included.
func judged(p consistency.Policy) (consistency.Policy, *[]consistency.Event) {
	var reads []consistency.Event
	p.Observer = func(e consistency.Event) {
		if e.Phase == consistency.PhaseRead || e.Phase == consistency.PhaseMonitor {
			reads = append(reads, e)
		}
	}
	return p, &reads
}
