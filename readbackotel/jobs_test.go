package readbackotel_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
	"github.com/readback-go/readback/submit"
)

type order struct{ Item string }

// shop answers a write with 503 although it carries it out, and shows it later.
type shop struct {
	mu    sync.Mutex
	shown time.Time
}

func (s *shop) flow(key string, _ order) consistency.Flow[string, string] {
	flow := consistency.Create("create order",
		func(context.Context) (string, error) {
			time.Sleep(120 * time.Millisecond)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shown = time.Now().Add(6 * time.Second)
			return "", status(503)
		},
		func(context.Context, string) (string, error) {
			time.Sleep(60 * time.Millisecond)
			return "order", nil
		})
	flow.Find = func(context.Context) ([]string, error) {
		time.Sleep(60 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		if time.Now().Before(s.shown) {
			return nil, nil
		}
		return []string{key}, nil
	}
	flow.Mine = func(w string) bool { return w == key }
	return flow
}

type submitter = submit.Submitter[order, string, string]

func (s *shop) process(t *testing.T, store submit.Store, p consistency.Policy) *submitter {
	p.Schedule = everySecond
	jobs, err := submit.New(submit.Options[order, string, string]{Store: store, Flow: s.flow, Policy: p})
	require.NoError(t, err)
	return jobs
}

// handedOver enqueues one job in a process, under a span, begins it in another, whose
// write is ambiguous, and ends it in a third. It returns the spans of each.
func handedOver(t *testing.T, same bool) [3]tracetest.SpanStubs {
	var (
		service shop
		store   = submit.NewMemory()
		all     [3]recorder
		jobs    [3]*submitter
	)
	for i := range all {
		all[i] = newRecorder()
		jobs[i] = service.process(t, store, consistency.Policy{
			Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: all[i].provider, SameTrace: same}),
		})
	}
	ctx, span := all[0].provider.Tracer("web").Start(t.Context(), "POST /orders")
	require.NoError(t, jobs[0].Enqueue(ctx, "order-7", order{"tea"}))
	time.Sleep(20 * time.Millisecond)
	span.End()

	ctx, stop := context.WithTimeout(t.Context(), 3500*time.Millisecond)
	defer stop()
	jobs[1].Run(ctx)

	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	var run sync.WaitGroup
	run.Go(func() { jobs[2].Run(ctx) })
	for _, res := range jobs[2].Wait(t.Context(), "order-7") {
		assert.Equal(t, consistency.Confirmed, res.Outcome)
	}
	stop()
	run.Wait()
	return [3]tracetest.SpanStubs{all[0].GetSpans(), all[1].GetSpans(), all[2].GetSpans()}
}

func named(spans tracetest.SpanStubs, name string) (found []tracetest.SpanStub) {
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// A job is followed from process to process.
func TestJobs_spans(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{false, true} {
		bubble(t, map[bool]string{false: "linked", true: "in the same trace"}[same], func(t *testing.T) {
			spans := handedOver(t, same)
			require.Len(t, spans[0], 1)
			before := spans[0][0].SpanContext
			for i, process := range spans[1:] {
				flows, writes, reads := named(process, "create order"), named(process, "write"), named(process, "read")
				require.Len(t, flows, 1)
				flow := flows[0]
				assert.Len(t, writes, 1-i, "the first alone writes")
				assert.GreaterOrEqual(t, len(reads), 2)
				for _, step := range append(writes, reads...) {
					assert.Equal(t, flow.SpanContext.SpanID(), step.Parent.SpanID())
				}
				require.Len(t, flow.Links, 1)
				assert.Equal(t, before.SpanID(), flow.Links[0].SpanContext.SpanID())
				assert.Equal(t, same, flow.Parent.SpanID() == before.SpanID())
				assert.Equal(t, same, flow.SpanContext.TraceID() == before.TraceID())
				assert.Equal(t, "order-7", text(flow, "readback.flow.instance"))
				assert.Equal(t, []string{"", "confirmed"}[i], text(flow, "readback.outcome"))
				before = flow.SpanContext
			}
		})
	}
}

func text(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// A job whose process was killed while it wrote is still linked to who submitted it.
func TestJobs_killed(t *testing.T) {
	t.Parallel()
	bubble(t, "while it wrote", func(t *testing.T) {
		var service shop
		store, here, there := submit.NewMemory(), newRecorder(), newRecorder()
		first := service.process(t, killed{store}, consistency.Policy{
			Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: here.provider}),
		})
		ctx, span := here.provider.Tracer("web").Start(t.Context(), "POST /orders")
		bounded, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		_, err := first.Submit(bounded, "order-7", order{"tea"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		span.End()

		second := service.process(t, store, consistency.Policy{
			Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: there.provider}),
		})
		_, err = second.Submit(t.Context(), "order-7", order{"tea"})
		require.NoError(t, err)
		flows := named(there.GetSpans(), "create order")
		require.Len(t, flows, 1)
		require.Len(t, flows[0].Links, 1)
		assert.Equal(t, span.SpanContext().SpanID(), flows[0].Links[0].SpanContext.SpanID())
		assert.Empty(t, named(there.GetSpans(), "write"))
	})
}

// killed is the store of a process that records nothing of a job any more once it is
// being sent.
type killed struct{ submit.Store }

func (k killed) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Kind == submit.KindJob && r.Revision != 0 {
		return 0, errors.New("killed")
	}
	return k.Store.Update(ctx, r)
}

// What an end tells the Observer is an outcome of the job: a try that is followed by
// another is none.
func TestJobs_metrics(t *testing.T) {
	t.Parallel()
	bubble(t, "tries, an outcome, and what is held", func(t *testing.T) {
		m := newMeter()
		store := submit.NewMemory()
		tries := 0
		flow := func(string, order) consistency.Flow[string, string] {
			return consistency.Create("create order",
				func(context.Context) (string, error) {
					if tries++; tries < 3 {
						return "", status(429)
					}
					return "w", nil
				},
				func(context.Context, string) (string, error) { return "order", nil })
		}
		jobs, err := submit.New(submit.Options[order, string, string]{
			Store: store, Flow: flow, Policy: consistency.Policy{Schedule: everySecond, Observer: m.metrics.Observe},
		})
		require.NoError(t, err)
		registration, err := m.metrics.ObserveJobs("orders", jobs)
		require.NoError(t, err)
		_, err = jobs.Submit(t.Context(), "order-7", order{"tea"})
		require.NoError(t, err)
		assert.Equal(t, []string{
			"flows{class=applied,flow.name=create order,outcome=confirmed} 1",
			"jobs.ended{jobs.name=orders,outcome=confirmed} 1",
			"jobs.ended{jobs.name=orders,outcome=failed} 0",
			"jobs.ended{jobs.name=orders,outcome=unconfirmed} 0",
			"jobs.oldest{jobs.name=orders} 0",
			"jobs.set_aside{jobs.name=orders} 0",
			"jobs.store.trouble{jobs.name=orders} 0",
			"jobs.unconfirmed.oldest{jobs.name=orders} 0",
			"jobs{jobs.name=orders,jobs.state=queued} 0",
			"jobs{jobs.name=orders,jobs.state=reading} 0",
			"jobs{jobs.name=orders,jobs.state=recording} 0",
			"jobs{jobs.name=orders,jobs.state=sending} 0",
			"writes{class=applied,flow.name=create order} 1",
			"writes{class=refused,flow.name=create order} 2",
		}, m.points(t, "readback.flows", "readback.writes", "readback.jobs", "readback.jobs.oldest", "readback.jobs.ended",
			"readback.jobs.set_aside", "readback.jobs.store.trouble", "readback.jobs.unconfirmed.oldest"))

		require.NoError(t, registration.Unregister())
		assert.Empty(t, m.points(t, "readback.jobs"))
	})
	bubble(t, "unconfirmed, and a store in trouble", func(t *testing.T) {
		m := newMeter()
		service := &shop{}
		store := &failing{Store: submit.NewMemory()}
		p := consistency.Policy{Within: 2 * time.Second, Observer: m.metrics.Observe}
		jobs := service.process(t, store, p)
		_, err := m.metrics.ObserveJobs("orders", jobs)
		require.NoError(t, err)
		_, err = jobs.Submit(t.Context(), "order-7", order{"tea"})
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		store.fails = true
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err = jobs.Submit(ctx, "order-8", order{"tea"})
		require.Error(t, err)
		got := m.points(t, "readback.jobs.not_confirmed", "readback.jobs.store.trouble", "readback.jobs.ended")
		assert.Contains(t, got, "jobs.not_confirmed{error.type=not seen in time,jobs.name=orders} 1")
		assert.Contains(t, got, "jobs.ended{jobs.name=orders,outcome=unconfirmed} 1")
		assert.Contains(t, got, "jobs.store.trouble{jobs.name=orders} 1")
		assert.NotEqual(t, []string{"jobs.unconfirmed.oldest{jobs.name=orders} 0"}, m.points(t, "readback.jobs.unconfirmed.oldest"))
	})
}

// failing is a store that cannot be reached at times.
type failing struct {
	submit.Store
	fails bool
}

var errStore = errors.New("no route to the store")

func (f *failing) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if f.fails {
		return 0, errStore
	}
	return f.Store.Create(ctx, r)
}

func (f *failing) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if f.fails {
		return 0, errStore
	}
	return f.Store.Update(ctx, r)
}

// Without jobs there is an error, and no panic whenever metrics are collected.
func TestObserveJobs_none(t *testing.T) {
	m := newMeter()
	_, err := m.metrics.ObserveJobs("orders", nil)
	require.ErrorIs(t, err, consistency.ErrInvalid)
	m.collect(t)
}
