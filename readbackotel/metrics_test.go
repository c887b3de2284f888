package readbackotel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackotel"
)

// meter keeps measurements in memory.
type meter struct {
	reader  *metric.ManualReader
	metrics *readbackotel.Metrics
}

func newMeter() meter {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	return meter{reader, readbackotel.NewMetrics(readbackotel.MetricsOptions{Provider: provider})}
}

func (m meter) collect(t *testing.T) []metricdata.Metrics {
	var all metricdata.ResourceMetrics
	require.NoError(t, m.reader.Collect(t.Context(), &all))
	if len(all.ScopeMetrics) == 0 {
		return nil
	}
	require.Len(t, all.ScopeMetrics, 1)
	return all.ScopeMetrics[0].Metrics
}

// points returns each point of the metrics of those names: of a counter or a gauge
// its value, of a histogram how many there were and their sum.
func (m meter) points(t *testing.T, names ...string) []string {
	var lines []string
	add := func(name string, set attribute.Set, value string) {
		var labels []string
		for _, a := range set.ToSlice() {
			labels = append(labels, strings.TrimPrefix(string(a.Key), "readback.")+"="+a.Value.String())
		}
		lines = append(lines, strings.TrimPrefix(name, "readback.")+"{"+strings.Join(labels, ",")+"} "+value)
	}
	for _, one := range m.collect(t) {
		if !slices.Contains(names, one.Name) {
			continue
		}
		switch data := one.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				add(one.Name, p.Attributes, fmt.Sprint(p.Value))
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				add(one.Name, p.Attributes, fmt.Sprint(p.Value))
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				add(one.Name, p.Attributes, fmt.Sprint(p.Value))
			}
		case metricdata.Histogram[int64]:
			for _, p := range data.DataPoints {
				add(one.Name, p.Attributes, fmt.Sprintf("%d of %d", p.Count, p.Sum))
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				add(one.Name, p.Attributes, fmt.Sprintf("%d of %.3f", p.Count, p.Sum))
			}
		default:
			t.Errorf("%s is a %T", one.Name, data)
		}
	}
	slices.Sort(lines)
	return lines
}

var ofFlows = []string{"readback.flows", "readback.flow.duration", "readback.flow.lag", "readback.flow.reads", "readback.writes"}

func TestMetrics(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		write, read []int
		change      func(*consistency.Flow[string, string], *consistency.Policy)
		want        []string
	}{
		{
			"confirmed", []int{201}, []int{404, 200}, nil,
			[]string{
				"flow.duration{flow.name=create order,outcome=confirmed} 1 of 1.020",
				"flow.lag{flow.name=create order} 1 of 1.010",
				"flow.reads{flow.name=create order,outcome=confirmed} 1 of 2",
				"flows{class=applied,flow.name=create order,outcome=confirmed} 1",
				"writes{class=applied,flow.name=create order} 1",
			},
		},
		{
			"failed", []int{422}, []int{200}, nil,
			[]string{
				"flow.duration{flow.name=create order,outcome=failed} 1 of 0.000",
				"flow.reads{flow.name=create order,outcome=failed} 1 of 0",
				"flows{error.type=refused,class=refused,flow.name=create order,outcome=failed} 1",
				"writes{class=refused,flow.name=create order} 1",
			},
		},
		{
			"unconfirmed, since nothing shows it", []int{504}, []int{404},
			func(f *consistency.Flow[string, string], p *consistency.Policy) {
				f.Find = consistency.Known("w")
				f.Mine = func(string) bool { return true }
				p.Within = time.Second
			},
			[]string{
				"flow.duration{flow.name=create order,outcome=unconfirmed} 1 of 1.001",
				"flow.reads{flow.name=create order,outcome=unconfirmed} 1 of 3",
				"flows{error.type=not seen in time,class=ambiguous,flow.name=create order,outcome=unconfirmed,reason=not found} 1",
				"writes{class=ambiguous,flow.name=create order} 1",
			},
		},
		{
			"nothing sent", []int{201}, []int{200},
			func(f *consistency.Flow[string, string], _ *consistency.Policy) { f.Write = nil },
			[]string{
				"flow.duration{flow.name=create order,outcome=failed} 1 of 0.000",
				"flow.reads{flow.name=create order,outcome=failed} 1 of 0",
				"flows{error.type=invalid,flow.name=create order,outcome=failed} 1",
			},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			m := newMeter()
			p := consistency.Policy{Schedule: everySecond, Observer: m.metrics.Observe}
			f := creation(tt.write, tt.read)
			if tt.change != nil {
				tt.change(&f, &p)
			}
			_, _ = consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, m.points(t, ofFlows...))
		})
	}
}

// A flow whose context ends is told apart from one whose time is up.
func TestMetrics_contextEnded(t *testing.T) {
	t.Parallel()
	bubble(t, "while reading", func(t *testing.T) {
		m := newMeter()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		_, err := consistency.Do(ctx, consistency.Policy{Schedule: everySecond, Observer: m.metrics.Observe}, creation([]int{201}, []int{404}))
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []string{
			"flows{error.type=context ended,class=applied,flow.name=create order,outcome=unconfirmed,reason=not found} 1",
		}, m.points(t, "readback.flows"))
	})
}

// The SDK keeps the span of a flow that is sampled beside its measurement, and the
// buckets are those that the instruments advise.
func TestMetrics_exemplars(t *testing.T) {
	t.Parallel()
	bubble(t, "lag", func(t *testing.T) {
		m, spans := newMeter(), newRecorder()
		p := consistency.Policy{
			Schedule: everySecond, Observer: m.metrics.Observe,
			Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: spans.provider}),
		}
		_, err := consistency.Do(t.Context(), p, creation([]int{201}, []int{404, 200}))
		require.NoError(t, err)
		flow := last(spans).SpanContext
		seen := false
		for _, one := range m.collect(t) {
			if one.Name != "readback.flow.lag" {
				continue
			}
			seen = true
			point := one.Data.(metricdata.Histogram[float64]).DataPoints[0]
			require.Len(t, point.Exemplars, 1)
			trace, span := flow.TraceID(), flow.SpanID()
			assert.Equal(t, trace[:], point.Exemplars[0].TraceID)
			assert.Equal(t, span[:], point.Exemplars[0].SpanID)
			assert.Equal(t, 1.01, point.Exemplars[0].Value)
			assert.Equal(t, []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}, point.Bounds)
		}
		assert.True(t, seen)
	})
}
