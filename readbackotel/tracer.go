package readbackotel

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/readback-go/readback/consistency"
)

// scope is the name of the tracer and of the meter.
const scope = "github.com/readback-go/readback/readbackotel"

// TracerOptions make a [Tracer]. The zero value is ready for use.
type TracerOptions struct {
	// Provider makes the spans. Nil means the global one.
	Provider trace.TracerProvider

	// Events makes each write and each look an event of the flow's span, and not a
	// span of its own. What the client traces by itself then lies below the
	// flow's span.
	Events bool

	// SameTrace makes a flow that goes on with another one a child of that one's
	// span, besides the link to it, unless its context has a span. So the sampling
	// of the first decides for all.
	SameTrace bool
}

// Tracer makes spans of flows, for consistency.Policy. It may be used concurrently.
type Tracer struct {
	options TracerOptions
	tracer  trace.Tracer
}

var _ consistency.Tracer = (*Tracer)(nil)

// NewTracer returns a Tracer.
func NewTracer(opts TracerOptions) *Tracer {
	if opts.Provider == nil {
		opts.Provider = otel.GetTracerProvider()
	}
	return &Tracer{options: opts, tracer: opts.Provider.Tracer(scope)}
}

// Begin begins the span of a flow or of one of its steps. A flow that is not sampled
// costs no more than that decision: nothing is asked of its steps.
func (t *Tracer) Begin(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	if e.Phase == consistency.PhaseFlow {
		return t.beginFlow(ctx, e)
	}
	// On a visit ctx is not the flow's.
	flow := trace.SpanFromContext(e.Context)
	if trace.SpanFromContext(ctx) != flow {
		ctx = trace.ContextWithSpan(ctx, flow)
	}
	if t.options.Events {
		return ctx, func(end consistency.Event) {
			flow.AddEvent(string(end.Phase), trace.WithAttributes(append(ofStep(&end),
				attribute.Float64(durationKey, (end.Ended-end.Began).Seconds()))...))
		}
	}
	ctx, span := t.tracer.Start(ctx, string(e.Phase))
	return ctx, func(end consistency.Event) {
		span.SetAttributes(ofStep(&end)...)
		if stepFailed(&end) {
			span.SetAttributes(text(string(semconv.ErrorTypeKey), stepError(&end)))
			fail(span, end.Err, end.Class.String())
		}
		span.End()
	}
}

func (t *Tracer) beginFlow(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	before := parse(e.Trace)
	if t.options.SameTrace && before.IsValid() && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, before)
	}
	ctx, span := t.tracer.Start(ctx, valid(e.Flow))
	if !span.IsRecording() {
		return ctx, nil
	}
	span.SetAttributes(identity(&e)...)
	if before.IsValid() {
		span.AddLink(trace.Link{SpanContext: before})
	}
	return ctx, func(end consistency.Event) {
		span.SetAttributes(ofFlow(&end)...)
		if end.Phase == consistency.PhaseEnd && end.Outcome != consistency.Confirmed {
			span.SetAttributes(text(string(semconv.ErrorTypeKey), errorType(&end)))
			fail(span, end.Err, end.Outcome.String())
		}
		span.End()
	}
}

// Handle returns the span of ctx as a traceparent; an empty string if it is not
// sampled, since then there will be nothing to link to.
func (t *Tracer) Handle(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() || !span.IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get(traceparent)
}

const traceparent = "traceparent"

// parse returns the span context of a traceparent; an invalid one if text is none.
func parse(text string) trace.SpanContext {
	if text == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceparent: text})
	return trace.SpanContextFromContext(ctx)
}

func fail(span trace.Span, err error, otherwise string) {
	if err != nil {
		otherwise = err.Error() // without secrets, as events have it
	}
	span.SetStatus(codes.Error, valid(otherwise))
}
