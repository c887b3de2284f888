package readbackotel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbackotel"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// collected returns the names of the metrics that there is something to tell of.
func collected(reader *metric.ManualReader) (names []string) {
	var all metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &all)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			names = append(names, m.Name)
		}
	}
	return names
}

// A queue of jobs in metrics, under a name. An alert looks at the oldest.
func ExampleMetrics_ObserveJobs() {
	jobs, err := submit.New(submit.Options[string, string, string]{
		Store: submit.NewMemory(),
		Flow: func(key, mail string) consistency.Flow[string, string] {
			return consistency.Create("send mail",
				func(context.Context) (string, error) { return key, nil },
				func(context.Context, string) (string, error) { return mail, nil })
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := metric.NewManualReader() // an exporter, in a program
	metrics := readbackotel.NewMetrics(readbackotel.MetricsOptions{Provider: metric.NewMeterProvider(metric.WithReader(reader))})
	registration, err := metrics.ObserveJobs("mails", jobs)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()

	_, err = jobs.Submit(context.Background(), "mail-1", "Hello")
	fmt.Println(err)
	for _, name := range collected(reader) {
		fmt.Println(name)
	}
	// Output:
	// <nil>
	// readback.jobs
	// readback.jobs.oldest
	// readback.jobs.ended
	// readback.jobs.unconfirmed.oldest
	// readback.jobs.set_aside
	// readback.jobs.calls
	// readback.jobs.store.trouble
	// readback.jobs.store.duration
}

// The reads that a Transport held, and for how long.
func ExampleMetrics_ObserveHolds() {
	reader := metric.NewManualReader()
	metrics := readbackotel.NewMetrics(readbackotel.MetricsOptions{Provider: metric.NewMeterProvider(metric.WithReader(reader))})
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 150 * time.Millisecond}) // reads lag
	client := &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{
		Policy: consistency.Policy{Observer: metrics.ObserveHolds},
	})}
	created, err := client.Post("https://api.example/things", "application/json", strings.NewReader(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = created.Body.Close()
	got, err := client.Get("https://api.example/things/1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.Status, got.Body.Close())
	for _, name := range collected(reader) {
		fmt.Println(name)
	}
	// Output:
	// 200 OK <nil>
	// readback.holds
	// readback.hold.duration
	// readback.coverage
}

// A flow of many reads is one span, with an event for each; and what another process
// goes on with is part of the same trace.
func ExampleTracerOptions() {
	spans := tracetest.NewInMemoryExporter()
	policy := consistency.Policy{
		Schedule: readback.Every(time.Millisecond),
		Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{
			Provider:  trace.NewTracerProvider(trace.WithSyncer(spans)),
			Events:    true,
			SameTrace: true,
		}),
	}
	there := false
	flow := consistency.Create("create order",
		func(context.Context) (string, error) { return "7", nil },
		func(context.Context, string) (string, error) {
			if !there {
				return "", consistency.Status(errors.New("no such order"), http.StatusNotFound)
			}
			return "tea", nil
		})
	short := policy
	short.Within = 30 * time.Millisecond
	res, _ := consistency.Do(context.Background(), short, flow)
	fmt.Println(res.Outcome)

	there = true // and some minutes later:
	res, err := consistency.Resume(context.Background(), policy, flow, res.Pending)
	fmt.Println(res.Outcome, err)

	all := spans.GetSpans()
	for _, span := range all {
		fmt.Println(span.Name, "has events:", len(span.Events) > 0)
	}
	fmt.Println("one trace:", all[0].SpanContext.TraceID() == all[1].SpanContext.TraceID())
	// Output:
	// unconfirmed
	// confirmed <nil>
	// create order has events: true
	// create order has events: true
	// one trace: true
}
