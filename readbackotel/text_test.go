package readbackotel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
)

// Bytes that are no UTF-8 are in no span and no metric: an exporter that finds some in
// one drops all that it was to send together with it.
func TestInvalidUTF8(t *testing.T) {
	const bad = "caf\xe9"
	for _, events := range []bool{false, true} {
		bubble(t, fmt.Sprint("events ", events), func(t *testing.T) {
			r, m := newRecorder(), newMeter()
			policy := consistency.Policy{
				Observer: m.metrics.Observe,
				Answer: func(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
					if phase == consistency.PhaseWrite {
						return consistency.Answer{Status: 200}, true
					}
					return consistency.Answer{Status: 400, Code: bad, Note: bad}, true
				},
				Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: r.provider, Events: events}),
			}
			flow := consistency.Create("create", func(context.Context) (int, error) { return 7, nil },
				func(context.Context, int) (string, error) { return "", errors.New(bad) })
			flow.Instance = bad
			_, err := consistency.Do(t.Context(), policy, flow)
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			m.metrics.ObserveHolds(consistency.Event{Phase: consistency.PhaseEnd, Flow: bad, Outcome: consistency.Confirmed})
			m.metrics.ObserveHolds(consistency.Event{Phase: consistency.PhaseWrite, Flow: bad, Note: "covers it"})
			valid := func(all []attribute.KeyValue) {
				for _, a := range all {
					assert.True(t, utf8.ValidString(a.Value.String()), a.Key)
				}
			}
			spans := r.GetSpans()
			require.NotEmpty(t, spans)
			for _, s := range spans {
				assert.True(t, utf8.ValidString(s.Name))
				assert.True(t, utf8.ValidString(s.Status.Description))
				valid(s.Attributes)
				for _, e := range s.Events {
					valid(e.Attributes)
				}
			}
			var data metricdata.ResourceMetrics
			require.NoError(t, m.reader.Collect(t.Context(), &data))
			points := 0
			for _, scope := range data.ScopeMetrics {
				for _, one := range scope.Metrics {
					switch of := one.Data.(type) {
					case metricdata.Sum[int64]:
						for _, p := range of.DataPoints {
							points++
							valid(p.Attributes.ToSlice())
						}
					case metricdata.Histogram[float64]:
						for _, p := range of.DataPoints {
							points++
							valid(p.Attributes.ToSlice())
						}
					case metricdata.Histogram[int64]:
						for _, p := range of.DataPoints {
							points++
							valid(p.Attributes.ToSlice())
						}
					}
				}
			}
			assert.Positive(t, points)
		})
	}
}
