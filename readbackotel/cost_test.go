package readbackotel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
)

// A provider that does nothing costs two allocations a flow at most.
func TestCosts(t *testing.T) {
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
	tracing := func(p trace.TracerProvider) consistency.Policy {
		return consistency.Policy{Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: p})}
	}
	plain := cost(consistency.Policy{})
	metrics := readbackotel.NewMetrics(readbackotel.MetricsOptions{Provider: metricnoop.NewMeterProvider()})
	for name, p := range map[string]consistency.Policy{
		"spans of a no-op provider":   tracing(tracenoop.NewTracerProvider()),
		"metrics of a no-op provider": {Observer: metrics.Observe},
	} {
		more := cost(p) - plain
		t.Log(name, more)
		assert.LessOrEqual(t, more, 2.0, name)
	}
	for name, p := range map[string]trace.TracerProvider{
		"the global one, that nobody set": nil,
		"one that samples nothing":        sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample())),
	} {
		t.Log(name, cost(tracing(p))-plain) // how the provider makes spans is its own affair
	}
	assert.Equal(t, plain, cost(consistency.Policy{}), "none where nothing is set")
}
