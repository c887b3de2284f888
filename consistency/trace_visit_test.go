package consistency_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// deaf is a Tracer that follows nobody, as one is whose spans are not sampled.
type deaf struct{ begun []consistency.Phase }

func (d *deaf) Begin(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	d.begun = append(d.begun[:0], e.Phase)
	return ctx, nil
}

func (d *deaf) Handle(context.Context) string { return "" }

// A flow that nobody follows costs nothing more.
func TestPolicy_tracerCosts(t *testing.T) {
	flow := consistency.Create("create",
		func(context.Context) (string, error) { return "w", nil },
		func(context.Context, string) (string, error) { return "value", nil })
	cost := func(p consistency.Policy) float64 {
		return testing.AllocsPerRun(100, func() {
			if _, err := consistency.Do(context.Background(), p, flow); err != nil {
				panic(err)
			}
		})
	}
	plain := cost(consistency.Policy{})
	var d deaf
	assert.Equal(t, plain, cost(consistency.Policy{Tracer: &d}))
	assert.Equal(t, []consistency.Phase{consistency.PhaseFlow}, d.begun, "of no step")
}

// A flow goes on over many visits, and is left for another process.
func TestVisit_tracer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(404, 404, 404, 200)}
		var tracer spans
		p := consistency.Policy{Schedule: everySecond, Tracer: &tracer}
		f := s.create()
		var course consistency.Course
		visit := func(h *consistency.Pending) (consistency.Outcome, error) {
			time.Sleep(time.Until(course.Next()))
			res, err := consistency.NewStepper(p, f).Visit(t.Context(), h, &course, time.Time{})
			return res.Outcome, err
		}
		h, err := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}.WithTrace("the caller"), &course)
		require.NoError(t, err)
		assert.Equal(t, "trace of flow 0", h.Trace())
		_, err = visit(&h)
		require.NoError(t, err)
		_, err = visit(&h)
		require.NoError(t, err)
		course.Leave(h)
		course.Leave(h)
		assert.Equal(t, []string{
			`flow 0 of  below "", after "the caller"`,
			`write 1 of  below "flow 0", after "trace of flow 0"`,
			`read 1 of  below "flow 0", after "trace of flow 0"`,
			`read 2 of  below "flow 0", after "trace of flow 0"`,
		}, tracer.begun)
		assert.Equal(t, []string{
			`write ended in "write 1"`, `read ended in "read 1"`, `read ended in "read 2"`, `flow ended in "flow 0"`,
		}, tracer.ended)

		tracer = spans{}
		course = consistency.Course{} // elsewhere
		_, err = visit(&h)
		require.NoError(t, err)
		outcome, err := visit(&h)
		require.NoError(t, err)
		assert.Equal(t, consistency.Confirmed, outcome)
		course.Leave(h)
		assert.Equal(t, []string{
			`flow 0 of  below "", after "trace of flow 0"`,
			`read 1 of  below "flow 0", after "trace of flow 0"`,
			`read 2 of  below "flow 0", after "trace of flow 0"`,
		}, tracer.begun)
		assert.Equal(t, []string{
			`read ended in "read 1"`, `read ended in "read 2"`, `end ended in "flow 0"`,
		}, tracer.ended)
	})
}

// A visit that its context cuts short ends no flow: nobody is told so, and the next
// visit goes on with it.
func TestVisit_cutShort(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{true, false} { // by Send, in this process
		synctest.Test(t, func(t *testing.T) {
			s := &service{writes: answers(201), reads: answers(404, 200)}
			var tracer spans
			var told []consistency.Phase
			p := consistency.Policy{Schedule: everySecond, Tracer: &tracer}
			p.Observer = func(e consistency.Event) { told = append(told, e.Phase) }
			f := s.create()
			var course consistency.Course
			h, err := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}, &course)
			require.NoError(t, err)
			if !begun {
				course.Leave(h)
				course = consistency.Course{}
			}
			tracer, told = spans{}, nil
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			res, err := consistency.NewStepper(p, f).Visit(ctx, &h, &course, time.Time{})
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.Empty(t, told)
			if begun {
				assert.Empty(t, tracer.ended)
			} else {
				assert.Equal(t, []string{`flow ended in "flow 0"`}, tracer.ended)
			}
			for range 2 {
				time.Sleep(time.Until(course.Next()))
				res, err = consistency.NewStepper(p, f).Visit(t.Context(), &h, &course, time.Time{})
				require.NoError(t, err)
			}
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, consistency.PhaseEnd, told[len(told)-1])
			assert.Equal(t, `end ended in "flow 0"`, tracer.ended[len(tracer.ended)-1])
		})
	}
}
