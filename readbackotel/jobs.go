package readbackotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Jobs is what a *submit.Submitter says of itself.
type Jobs interface {
	Progress() submit.Progress
	Stats() submit.Stats
}

type jobMetrics struct {
	held        metric.Int64ObservableUpDownCounter
	oldest      metric.Float64ObservableGauge
	ended       metric.Int64ObservableCounter
	notShown    metric.Int64ObservableCounter
	unconfirmed metric.Float64ObservableGauge
	aside       metric.Int64ObservableCounter
	calls       metric.Int64ObservableUpDownCounter
	trouble     metric.Int64ObservableGauge
	store       metric.Float64ObservableGauge
}

func (m *Metrics) newJobMetrics() jobMetrics {
	return jobMetrics{
		held: made(m.meter.Int64ObservableUpDownCounter("readback.jobs", metric.WithUnit("{job}"),
			metric.WithDescription("Jobs that this process holds, by how far they are."))),
		oldest: made(m.meter.Float64ObservableGauge("readback.jobs.oldest", metric.WithUnit("s"),
			metric.WithDescription("Age of the oldest job that this process holds; 0 if it holds none."))),
		ended: made(m.meter.Int64ObservableCounter("readback.jobs.ended", metric.WithUnit("{job}"),
			metric.WithDescription("Outcomes of jobs that this process recorded."))),
		notShown: made(m.meter.Int64ObservableCounter("readback.jobs.not_confirmed", metric.WithUnit("{job}"),
			metric.WithDescription("Outcomes of jobs that are not confirmed, by why."))),
		unconfirmed: made(m.meter.Float64ObservableGauge("readback.jobs.unconfirmed.oldest", metric.WithUnit("s"),
			metric.WithDescription("Since the intent of the oldest job that ended unconfirmed here; 0 if none did."))),
		aside: made(m.meter.Int64ObservableCounter("readback.jobs.set_aside", metric.WithUnit("{job}"),
			metric.WithDescription("Jobs that were set aside since the program's own code panicked."))),
		calls: made(m.meter.Int64ObservableUpDownCounter("readback.jobs.calls", metric.WithUnit("{call}"),
			metric.WithDescription("Writes and reads of jobs that are under way."))),
		trouble: made(m.meter.Int64ObservableGauge("readback.jobs.store.trouble",
			metric.WithDescription("1 if the last call of the store told nothing, or else 0."))),
		store: made(m.meter.Float64ObservableGauge("readback.jobs.store.duration", metric.WithUnit("s"),
			metric.WithDescription("How long changes of jobs took in the store, by quantile."))),
	}
}

// ObserveJobs reports jobs under that name whenever metrics are collected, until the
// registration that it returns is undone. Without jobs, the error matches
// consistency.ErrInvalid.
func (m *Metrics) ObserveJobs(name string, jobs Jobs) (metric.Registration, error) {
	if jobs == nil {
		return nil, fmt.Errorf("%w: readbackotel: ObserveJobs has no jobs to observe", consistency.ErrInvalid)
	}
	own := text("readback.jobs.name", name)
	with := func(more ...attribute.KeyValue) metric.ObserveOption {
		return metric.WithAttributeSet(attribute.NewSet(append(more, own)...))
	}
	j := &m.jobMetrics
	return m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		p, s := jobs.Progress(), jobs.Stats()
		for _, state := range [...]struct {
			name string
			n    int
		}{{"queued", p.Queued}, {"sending", p.Sending}, {"reading", p.Reading}, {"recording", p.Recording}} {
			o.ObserveInt64(j.held, int64(state.n), with(attribute.String("readback.jobs.state", state.name)))
		}
		for _, outcome := range [...]struct {
			name string
			n    int
		}{{"confirmed", p.Confirmed}, {"unconfirmed", p.Unconfirmed}, {"failed", p.Failed}} {
			o.ObserveInt64(j.ended, int64(outcome.n), with(text(outcomeKey, outcome.name)))
		}
		for why, n := range s.Reasons {
			o.ObserveInt64(j.notShown, int64(n), with(text(string(semconv.ErrorTypeKey), why)))
		}
		for _, call := range [...]struct {
			name string
			n    int
		}{{"write", s.Writes}, {"read", s.Reads}} {
			o.ObserveInt64(j.calls, int64(call.n), with(attribute.String("readback.phase", call.name)))
		}
		o.ObserveFloat64(j.oldest, age(p.Oldest), with())
		o.ObserveFloat64(j.unconfirmed, age(s.OldestUnconfirmed), with())
		o.ObserveInt64(j.aside, int64(s.SetAside), with())
		trouble := int64(0)
		if p.Err != nil {
			trouble = 1
		}
		o.ObserveInt64(j.trouble, trouble, with())
		for quantile, took := range map[float64]float64{.5: s.Store.P50.Seconds(), .9: s.Store.P90.Seconds(), .99: s.Store.P99.Seconds()} {
			o.ObserveFloat64(j.store, took, with(attribute.Float64("readback.quantile", quantile)))
		}
		return nil
	}, j.held, j.oldest, j.ended, j.notShown, j.unconfirmed, j.aside, j.calls, j.trouble, j.store)
}
