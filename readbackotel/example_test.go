package readbackotel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
)

// A flow becomes spans and measurements. A program that has set the global providers
// leaves Provider out.
func Example() {
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	tracer := readbackotel.NewTracer(readbackotel.TracerOptions{Provider: trace.NewTracerProvider(trace.WithSyncer(spans))})
	metrics := readbackotel.NewMetrics(readbackotel.MetricsOptions{Provider: metric.NewMeterProvider(metric.WithReader(reader))})

	policy := consistency.Policy{Tracer: tracer, Observer: metrics.Observe}
	flow := consistency.Create("create order",
		func(context.Context) (string, error) { return "7", nil },
		func(context.Context, string) (string, error) { return "tea", nil })
	_, err := consistency.Do(context.Background(), policy, flow)
	fmt.Println(err)

	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name)
	}
	var all metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &all)
	for _, m := range all.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name, m.Unit)
	}
	// Output:
	// <nil>
	// write
	// read
	// create order
	// readback.flows {flow}
	// readback.writes {write}
	// readback.flow.duration s
	// readback.flow.lag s
	// readback.flow.reads {read}
}
