package readbackotel

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/readback-go/readback/consistency"
)

// MetricsOptions make [Metrics]. The zero value is ready for use.
type MetricsOptions struct {
	// Provider makes the instruments. Nil means the global one.
	Provider metric.MeterProvider
}

// Metrics counts the outcomes of flows, holds and jobs. It may be used concurrently.
type Metrics struct {
	meter metric.Meter

	flows      metric.Int64Counter
	writes     metric.Int64Counter
	duration   metric.Float64Histogram
	lag        metric.Float64Histogram
	reads      metric.Int64Histogram
	holds      metric.Int64Counter
	holdTime   metric.Float64Histogram
	coverage   metric.Int64Counter
	jobMetrics jobMetrics
}

// seconds are the bounds of histograms of times: from a read at once to the end of
// what is followed for long.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// NewMetrics returns Metrics. What is wrong with the provider goes to the error
// handler of OpenTelemetry.
func NewMetrics(opts MetricsOptions) *Metrics {
	if opts.Provider == nil {
		opts.Provider = otel.GetMeterProvider()
	}
	m := &Metrics{meter: opts.Provider.Meter(scope)}
	m.flows = made(m.meter.Int64Counter("readback.flows", metric.WithUnit("{flow}"),
		metric.WithDescription("Writes that were read back, by what became of them.")))
	m.writes = made(m.meter.Int64Counter("readback.writes", metric.WithUnit("{write}"),
		metric.WithDescription("Writes that were sent, by what their answers prove.")))
	m.duration = made(m.meter.Float64Histogram("readback.flow.duration", metric.WithUnit("s"),
		metric.WithDescription("From the answer to the write to the outcome."), metric.WithExplicitBucketBoundaries(seconds...)))
	m.lag = made(m.meter.Float64Histogram("readback.flow.lag", metric.WithUnit("s"),
		metric.WithDescription("From the answer to the write to the begin of the first read that showed it."), metric.WithExplicitBucketBoundaries(seconds...)))
	m.reads = made(m.meter.Int64Histogram("readback.flow.reads", metric.WithUnit("{read}"),
		metric.WithDescription("Reads of a flow."), metric.WithExplicitBucketBoundaries(0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)))
	m.holds = made(m.meter.Int64Counter("readback.holds", metric.WithUnit("{hold}"),
		metric.WithDescription("Reads that were held, by whether they showed the write in the end.")))
	m.holdTime = made(m.meter.Float64Histogram("readback.hold.duration", metric.WithUnit("s"),
		metric.WithDescription("From the answer to the write to the answer of the read that was held."), metric.WithExplicitBucketBoundaries(seconds...)))
	m.coverage = made(m.meter.Int64Counter("readback.coverage", metric.WithUnit("{write}"),
		metric.WithDescription("Writes, by whether their reads can be held.")))
	m.jobMetrics = m.newJobMetrics()
	return m
}

// made reports what is wrong with an instrument, which can be used all the same.
func made[I any](instrument I, err error) I {
	if err != nil {
		otel.Handle(err)
	}
	return instrument
}

// Observe counts the events of flows, as Policy.Observer. For more observers than
// this one call each of them in a function.
func (m *Metrics) Observe(e consistency.Event) {
	switch ctx := within(e.Context); e.Phase {
	case consistency.PhaseWrite:
		if m.writes.Enabled(ctx) {
			m.writes.Add(ctx, 1, by(text(nameKey, e.Flow), text(classKey, e.Class.String())))
		}
	case consistency.PhaseEnd:
		if m.flows.Enabled(ctx) || m.duration.Enabled(ctx) || m.reads.Enabled(ctx) || m.lag.Enabled(ctx) {
			m.observeEnd(ctx, e)
		}
	}
}

func (m *Metrics) observeEnd(ctx context.Context, e consistency.Event) {
	m.flows.Add(ctx, 1, by(outcomeOf(&e)...))
	ended := by(text(nameKey, e.Flow), text(outcomeKey, e.Outcome.String()))
	m.duration.Record(ctx, e.Ended.Seconds(), ended)
	m.reads.Record(ctx, int64(e.N), ended)
	if e.Outcome == consistency.Confirmed && e.N > 0 && e.Lag.By >= 0 {
		m.lag.Record(ctx, e.Lag.By.Seconds(), by(text(nameKey, e.Flow)))
	}
}

func by(all ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(all...))
}

// outcomeOf is by what outcomes are counted.
func outcomeOf(e *consistency.Event) []attribute.KeyValue {
	all := []attribute.KeyValue{text(nameKey, e.Flow), text(outcomeKey, e.Outcome.String())}
	if e.Class != 0 {
		all = append(all, text(classKey, e.Class.String()))
	}
	if e.Outcome != consistency.Confirmed {
		all = appendText(append(all, text(string(semconv.ErrorTypeKey), errorType(e))), reasonKey, string(e.Reason))
	}
	return all
}

// ObserveHolds counts the events of reads that are held, as the Observer of the
// policy of a readbackhttp.Transport or of an interceptor of readbackgrpc, and the
// writes that these cover or do not.
func (m *Metrics) ObserveHolds(e consistency.Event) {
	switch ctx := within(e.Context); e.Phase {
	case consistency.PhaseWrite:
		nothing := strings.HasPrefix(e.Note, "covers nothing: ")
		covers := nothing || strings.HasPrefix(e.Note, "covers ")
		if covers && m.coverage.Enabled(ctx) { // and no try of a write that is sent again
			m.coverage.Add(ctx, 1, by(text(nameKey, e.Flow), attribute.Bool("readback.covers", !nothing)))
		}
	case consistency.PhaseEnd:
		if m.holds.Enabled(ctx) || m.holdTime.Enabled(ctx) {
			ended := by(text(nameKey, e.Flow), text(outcomeKey, e.Outcome.String()))
			m.holds.Add(ctx, 1, ended)
			m.holdTime.Record(ctx, e.Ended.Seconds(), ended)
		}
	}
}

// age is how long ago a time was, in seconds; 0 if it never was.
func age(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(time.Since(t).Seconds(), 0)
}
