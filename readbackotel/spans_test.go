package readbackotel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
)

func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// recorder keeps spans in memory.
type recorder struct {
	*tracetest.InMemoryExporter
	provider *sdk.TracerProvider
}

func newRecorder(opts ...sdk.TracerProviderOption) recorder {
	kept := tracetest.NewInMemoryExporter()
	return recorder{kept, sdk.NewTracerProvider(append(opts, sdk.WithSyncer(kept))...)}
}

// lines returns the spans in the order of their ends, each as its name, the name of
// its parent, how long it took, its status, its attributes and its events.
func (r recorder) lines() []string {
	spans := r.GetSpans()
	names := map[trace.SpanID]string{}
	for _, s := range spans {
		names[s.SpanContext.SpanID()] = s.Name
	}
	var lines []string
	for _, s := range spans {
		line := s.Name
		if above := names[s.Parent.SpanID()]; above != "" {
			line += " in " + above
		}
		line += fmt.Sprintf(" %v", s.EndTime.Sub(s.StartTime))
		if s.Status.Code == codes.Error {
			line += " error"
		}
		for _, a := range s.Attributes {
			line += fmt.Sprintf(" %s=%s", strings.TrimPrefix(string(a.Key), "readback."), a.Value.String())
		}
		for _, e := range s.Events {
			line += " | " + e.Name
			for _, a := range e.Attributes {
				line += fmt.Sprintf(" %s=%s", strings.TrimPrefix(string(a.Key), "readback."), a.Value.String())
			}
		}
		for _, l := range s.Links {
			line += " -> " + l.SpanContext.SpanID().String()
		}
		lines = append(lines, line)
	}
	return lines
}

// status is an error that has one.
type status int

func (s status) Error() string   { return fmt.Sprint("status ", int(s)) }
func (s status) StatusCode() int { return int(s) }

// next returns an error for the next status, which the last one repeats, or nil if
// that is good; it takes 10 ms.
func next(statuses *[]int) error {
	time.Sleep(10 * time.Millisecond)
	s := (*statuses)[0]
	if len(*statuses) > 1 {
		*statuses = (*statuses)[1:]
	}
	if s >= 300 {
		return status(s)
	}
	return nil
}

// creation is a flow whose calls are answered with those statuses.
func creation(write, read []int) consistency.Flow[string, string] {
	flow := consistency.Create("create order",
		func(context.Context) (string, error) { return "w", next(&write) },
		func(context.Context, string) (string, error) { return "value", next(&read) })
	flow.Instance = "order 7"
	return flow
}

var everySecond = readback.Backoff{Initial: time.Second, Multiplier: 1, NoJitter: true}

func TestTracer(t *testing.T) {
	t.Parallel()
	const who = " flow.name=create order flow.instance=order 7"
	tests := []struct {
		name        string
		write, read []int
		change      func(*consistency.Flow[string, string], *consistency.Policy)
		want        []string
	}{
		{
			"confirmed", []int{201}, []int{404, 403, 200}, nil,
			[]string{
				"write in create order 10ms attempt=1 class=applied",
				"read in create order 10ms attempt=1 verdict=pending reason=not found http.response.status_code=404",
				"read in create order 10ms attempt=2 verdict=pending reason=forbidden http.response.status_code=403",
				"read in create order 10ms attempt=3 verdict=ready",
				"create order 2.04s" + who + " outcome=confirmed reads=3 class=applied lag.after=1.01 lag.by=2.02",
			},
		},
		{
			"refused", []int{422}, []int{200}, nil,
			[]string{
				"write in create order 10ms error attempt=1 class=refused http.response.status_code=422 error.type=422",
				"create order 10ms error" + who + " outcome=failed reads=0 class=refused http.response.status_code=422 error.type=refused",
			},
		},
		{
			"rate limited", []int{429}, []int{200}, nil,
			[]string{
				"write in create order 10ms error attempt=1 class=refused http.response.status_code=429 error.type=429",
				"create order 10ms error" + who + " outcome=failed reads=0 class=refused http.response.status_code=429 error.type=rate limited",
			},
		},
		{
			"ambiguous, then confirmed", []int{503}, []int{404, 200},
			func(f *consistency.Flow[string, string], _ *consistency.Policy) {
				f.Find = consistency.Known("w")
				f.Mine = func(string) bool { return true }
			},
			[]string{
				"write in create order 10ms error attempt=1 class=ambiguous http.response.status_code=503 error.type=503",
				"read in create order 10ms attempt=1 verdict=pending reason=not found http.response.status_code=404",
				"read in create order 10ms attempt=2 verdict=ready",
				"create order 1.03s" + who + " outcome=confirmed reads=2 class=ambiguous lag.after=0 lag.by=1.01",
			},
		},
		{
			"ambiguous, and nowhere to look", []int{503}, []int{200}, nil,
			[]string{
				"write in create order 10ms error attempt=1 class=ambiguous http.response.status_code=503 error.type=503",
				"create order 10ms error" + who + " outcome=unconfirmed reads=0 class=ambiguous http.response.status_code=503 error.type=no find",
			},
		},
		{
			"not seen in time", []int{201}, []int{404},
			func(_ *consistency.Flow[string, string], p *consistency.Policy) { p.Within = 1500 * time.Millisecond },
			[]string{
				"write in create order 10ms attempt=1 class=applied",
				"read in create order 10ms attempt=1 verdict=pending reason=not found http.response.status_code=404",
				"read in create order 10ms attempt=2 verdict=pending reason=not found http.response.status_code=404",
				"read in create order 10ms attempt=3 verdict=pending reason=not found http.response.status_code=404",
				"read in create order 10ms attempt=4 verdict=pending reason=not found http.response.status_code=404",
				"create order 1.511s error" + who + " outcome=unconfirmed reads=4 class=applied lag.after=1.491 reason=not found http.response.status_code=404 error.type=not seen in time",
			},
		},
		{
			"a read that stops, after one that says nothing", []int{201}, []int{500, 400}, nil,
			[]string{
				"write in create order 10ms attempt=1 class=applied",
				"read in create order 10ms error attempt=1 verdict=unknown reason=unavailable http.response.status_code=500 error.type=500",
				"read in create order 10ms error attempt=2 verdict=stop reason=refused http.response.status_code=400 error.type=400",
				"create order 1.03s error" + who + " outcome=unconfirmed reads=2 class=applied reason=refused http.response.status_code=400 error.type=stopped",
			},
		},
		{
			"an operation that fails", []int{202}, []int{200},
			func(f *consistency.Flow[string, string], _ *consistency.Policy) {
				looks := 0
				f.Monitor = func(context.Context, *string) (bool, error) {
					if looks++; looks == 1 {
						return false, nil
					}
					return false, fmt.Errorf("%w: no room", consistency.ErrOperation)
				}
			},
			[]string{
				"write in create order 10ms attempt=1 class=accepted",
				"monitor in create order 0s attempt=1 verdict=pending reason=running",
				"monitor in create order 0s error attempt=2 verdict=stop reason=operation failed error.type=_OTHER",
				"create order 1.01s error" + who + " outcome=failed reads=2 class=accepted lag.after=0 reason=operation failed error.type=operation failed",
			},
		},
		{
			"invalid", []int{201}, []int{200},
			func(f *consistency.Flow[string, string], _ *consistency.Policy) { f.Read = nil },
			[]string{"create order 0s error" + who + " outcome=failed reads=0 error.type=invalid"},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			spans := newRecorder()
			p := consistency.Policy{Schedule: everySecond, Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: spans.provider})}
			f := creation(tt.write, tt.read)
			if tt.change != nil {
				tt.change(&f, &p)
			}
			_, err := consistency.Do(t.Context(), p, f)
			got := spans.lines()
			assert.Equal(t, tt.want, got)
			all := spans.GetSpans()
			if whole := all[len(all)-1].Status; err != nil {
				assert.Equal(t, err.Error(), whole.Description)
			} else {
				assert.Equal(t, codes.Unset, whole.Code)
			}
		})
	}
}

// The client's own spans lie below the step's, and the flow's below the caller's.
func TestTracer_parents(t *testing.T) {
	t.Parallel()
	for _, events := range []bool{false, true} {
		bubble(t, fmt.Sprint("events ", events), func(t *testing.T) {
			spans := newRecorder()
			tracer := spans.provider.Tracer("a client")
			p := consistency.Policy{Schedule: everySecond, Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: spans.provider, Events: events})}
			f := creation([]int{201}, []int{404, 200})
			write, read := f.Write, f.Read
			f.Write = func(ctx context.Context) (string, error) {
				ctx, span := tracer.Start(ctx, "POST")
				defer span.End()
				return write(ctx)
			}
			f.Read = func(ctx context.Context, w string) (string, error) {
				ctx, span := tracer.Start(ctx, "GET")
				defer span.End()
				return read(ctx, w)
			}
			ctx, above := tracer.Start(t.Context(), "handle request")
			_, err := consistency.Do(ctx, p, f)
			require.NoError(t, err)
			above.End()
			const whole = "create order in handle request 1.03s flow.name=create order flow.instance=order 7 outcome=confirmed reads=2 class=applied lag.after=0 lag.by=1.01"
			if events {
				assert.Equal(t, []string{
					"POST in create order 10ms", "GET in create order 10ms", "GET in create order 10ms",
					whole + " | write attempt=1 class=applied duration=0.01" +
						" | read attempt=1 verdict=pending reason=not found http.response.status_code=404 duration=0.01" +
						" | read attempt=2 verdict=ready duration=0.01",
					"handle request 1.03s",
				}, spans.lines())
				return
			}
			assert.Equal(t, []string{
				"POST in write 10ms", "write in create order 10ms attempt=1 class=applied",
				"GET in read 10ms", "read in create order 10ms attempt=1 verdict=pending reason=not found http.response.status_code=404",
				"GET in read 10ms", "read in create order 10ms attempt=2 verdict=ready",
				whole, "handle request 1.03s",
			}, spans.lines())
		})
	}
}

// A flow that goes on has a link to the one that left the handle.
func TestTracer_resume(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{false, true} {
		bubble(t, fmt.Sprint("same trace ", same), func(t *testing.T) {
			here, there := newRecorder(), newRecorder()
			tracer := func(r recorder) *readbackotel.Tracer {
				return readbackotel.NewTracer(readbackotel.TracerOptions{Provider: r.provider, SameTrace: same})
			}
			p := consistency.Policy{Schedule: everySecond, Tracer: tracer(here), Within: time.Second}
			res, err := consistency.Do(t.Context(), p, creation([]int{201}, []int{404}))
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			p.Tracer = tracer(there)
			stored, err := res.Pending.MarshalJSON()
			require.NoError(t, err)
			var h consistency.Pending
			require.NoError(t, h.UnmarshalJSON(stored))
			_, err = consistency.Resume(t.Context(), p, creation(nil, []int{200}), h)
			require.NoError(t, err)

			left, after := last(here), last(there)
			require.Len(t, after.Links, 1)
			assert.Equal(t, left.SpanContext.TraceID(), after.Links[0].SpanContext.TraceID())
			assert.Equal(t, left.SpanContext.SpanID(), after.Links[0].SpanContext.SpanID())
			assert.Equal(t, same, left.SpanContext.TraceID() == after.SpanContext.TraceID())
			assert.Equal(t, same, left.SpanContext.SpanID() == after.Parent.SpanID())
		})
	}
}

func last(r recorder) tracetest.SpanStub { return r.GetSpans()[len(r.GetSpans())-1] }

// A handle says nothing of a flow that is not sampled, and nothing is made of what is
// no traceparent.
func TestTracer_notSampled(t *testing.T) {
	t.Parallel()
	bubble(t, "a handle", func(t *testing.T) {
		spans := newRecorder(sdk.WithSampler(sdk.NeverSample()))
		tracer := readbackotel.NewTracer(readbackotel.TracerOptions{Provider: spans.provider})
		p := consistency.Policy{Schedule: everySecond, Tracer: tracer, Within: time.Second}
		res, err := consistency.Do(t.Context(), p, creation([]int{201}, []int{404}))
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.Empty(t, res.Pending.Trace())
		assert.Empty(t, spans.GetSpans())
	})
	bubble(t, "nonsense", func(t *testing.T) {
		spans := newRecorder()
		tracer := readbackotel.NewTracer(readbackotel.TracerOptions{Provider: spans.provider, SameTrace: true})
		_, end := tracer.Begin(t.Context(), consistency.Event{Phase: consistency.PhaseFlow, Flow: "a", Trace: "00-nonsense"})
		end(consistency.Event{Phase: consistency.PhaseEnd, Outcome: consistency.Unconfirmed, Err: errors.New("why")})
		assert.Empty(t, last(spans).Links)
		assert.Equal(t, "why", last(spans).Status.Description)
	})
}
