package submit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// traced notes the flows that a process follows.
type traced struct {
	mu    sync.Mutex
	name  string
	flows []string
}

type traceKey struct{}

func (s *traced) Begin(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	if e.Phase != consistency.PhaseFlow {
		return ctx, func(consistency.Event) {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := fmt.Sprintf("%s %d", s.name, len(s.flows)+1)
	s.flows = append(s.flows, "")
	n := len(s.flows) - 1
	return context.WithValue(ctx, traceKey{}, own), func(end consistency.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		how := "left"
		if end.Phase == consistency.PhaseEnd {
			how = end.Outcome.String()
		}
		s.flows[n] += fmt.Sprintf("%s of %s after %s: %s", own, e.Instance, e.Trace, how)
	}
}

func (s *traced) Handle(ctx context.Context) string {
	own, _ := ctx.Value(traceKey{}).(string)
	return own
}

// So does the record of a job that is recorded in a transaction of the caller's.
func TestDraft_trace(t *testing.T) {
	t.Parallel()
	bubble(t, "the caller's", func(t *testing.T) {
		s := (&world{}).on(t, submit.NewMemory(), func(o *options) { o.Policy.Tracer = &traced{} })
		d, err := s.Draft(context.WithValue(t.Context(), traceKey{}, "a request"), "a", order{"x"})
		require.NoError(t, err)
		assert.Contains(t, string(d.Record().Value), `"trace":"a request"`)
	})
}

// A job's record and handle carry the trace from who submitted it to each process that
// goes on with it, and each ends what it began.
func TestJob_trace(t *testing.T) {
	t.Parallel()
	bubble(t, "a worker is stopped while it reads", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		store := submit.NewMemory()
		process := func(name string) (*submitter, *traced) {
			tracer := &traced{name: name}
			return w.on(t, store, func(o *options) { o.Policy.Tracer = tracer }), tracer
		}
		web, nothing := process("web")
		require.NoError(t, web.Enqueue(context.WithValue(t.Context(), traceKey{}, "a request"), "a", order{"x"}))
		assert.Empty(t, nothing.flows)
		r, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		var record struct{ Trace string }
		require.NoError(t, json.Unmarshal(r.Value, &record))
		assert.Equal(t, "a request", record.Trace)

		first, here := process("first")
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		first.Run(ctx)
		assert.Equal(t, []string{"first 1 of a after a request: left"}, here.flows)

		second, there := process("second")
		_, err = second.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, []string{"second 1 of a after first 1: confirmed"}, there.flows)
	})
}

// The Observer is told of one end of a job, in one process.
func TestJob_oneEnd(t *testing.T) {
	t.Parallel()
	bubble(t, "tries, then a stop while it reads", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		u := &outage{until: time.Now().Add(3 * time.Second)}
		store := submit.NewMemory()
		var mu sync.Mutex
		var ends []string
		observed := func(o *options) {
			o.Policy.Observer = func(e consistency.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Phase == consistency.PhaseEnd {
					ends = append(ends, e.Instance+": "+e.Outcome.String())
				}
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 6*time.Second)
		defer stop()
		first := w.on(t, store, u.before(w), observed)
		_, err := first.Submit(ctx, "a", order{"x"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Empty(t, ends)
		_, err = w.on(t, store, observed).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, []string{"a: confirmed"}, ends)
		assert.Greater(t, u.tries.Load(), int64(1))
	})
}
