package readbackotel_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbackotel"
	"github.com/readback-go/readback/submit"
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

// This is the code of docs/watching.md.
func Example_watching() {
	metrics, log := readbackotel.NewMetrics(readbackotel.MetricsOptions{}), consistency.LogTo(slog.Default())
	policy := consistency.Policy{
		Tracer:   readbackotel.NewTracer(readbackotel.TracerOptions{}),     // spans
		Observer: func(e consistency.Event) { metrics.Observe(e); log(e) }, // metrics, and a line for each step
	}

	flow := consistency.Create("create order",
		func(context.Context) (string, error) { return "order-7", nil },
		func(_ context.Context, id string) (string, error) { return id, nil })
	res, err := consistency.Do(context.Background(), policy, flow)
	fmt.Println(res.Outcome, err)
	// Output: confirmed <nil>
}

// This is the code of docs/observability/README.md.
func Example_holdsAndJobs() {
	metrics := readbackotel.NewMetrics(readbackotel.MetricsOptions{})

	transport := readbackhttp.NewTransport(http.DefaultTransport, readbackhttp.TransportOptions{
		Policy: consistency.Policy{Observer: metrics.ObserveHolds},
	})
	jobs, err := submit.New(submit.Options[string, string, string]{
		Store: submit.NewMemory(),
		Flow: func(_, job string) consistency.Flow[string, string] {
			return consistency.Create("create order",
				func(context.Context) (string, error) { return job, nil },
				func(_ context.Context, id string) (string, error) { return id, nil })
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = metrics.ObserveJobs("orders", jobs) // one name for each Submitter
	fmt.Println(transport != nil, err)
	// Output: true <nil>
}
