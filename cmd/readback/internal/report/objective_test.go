package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

func TestParseObjective(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]report.Objective{
		"p99<2s":         {Share: 0.99, Limit: 2 * time.Second},
		"p50<=300ms":     {Share: 0.5, Limit: 300 * time.Millisecond, Even: true},
		"p99.9 < 1m30s":  {Share: 0.999, Limit: 90 * time.Second},
		"p5<1h":          {Share: 0.05, Limit: time.Hour},
		"p99.99<=1500us": {Share: 0.9999, Limit: 1500 * time.Microsecond, Even: true},
	} {
		got, err := report.ParseObjective(text)
		require.NoError(t, err, text)
		assert.InDelta(t, want.Share, got.Share, 1e-12, text)
		assert.Equal(t, want.Limit, got.Limit, text)
		assert.Equal(t, want.Even, got.Even, text)
	}
	for _, text := range []string{"", "p99", "99<2s", "p99>2s", "p100<2s", "p0<2s", "p0.0<1s", "p99<0s", "p99<-2s", "p99<2", "p99<2s ", "mean<2s", "P99<2s"} {
		_, err := report.ParseObjective(text)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), "such as p99<2s", text)
	}
}

// spans is a measurement of flows whose lags lie between 100 and 205 ms.
func spans(n int, objectives ...string) *report.Run {
	var flows []report.Flow
	for range n {
		flows = append(flows, answered("404 404 200"))
	}
	r := of(flows...)
	r.SLO = objectives
	return r
}

// A limit is met by an interval that ends below it, missed by one that begins
// there, and neither by one that holds it.
func TestObjectives(t *testing.T) {
	t.Parallel()
	want := map[string]report.Verdict{
		"p50<206ms": report.Met, "p50<=205ms": report.Met, "p50<205ms": report.Open, "p50<150ms": report.Open,
		"p50<101ms": report.Open, "p50<100ms": report.Missed, "p50<=100ms": report.Missed,
		"p99<10s": report.Open, "p99<100ms": report.Missed,
	}
	for text, verdict := range want {
		got := spans(50, text).Summary().Objectives
		require.Len(t, got, 1)
		assert.Equal(t, verdict, got[0].Verdict, text)
		assert.Equal(t, text, got[0].Objective)
	}
	got := spans(50, "p99<10s").Summary().Objectives[0]
	assert.Equal(t, 299, got.Needs)
	assert.Equal(t, "p99<10s: cannot be told; it is over 100 ms, and an upper end takes 299 flows", got.Words())
	assert.Equal(t, "p50<1s: cannot be told; there are too few flows, and an upper end takes 6 flows", spans(3, "p50<1s").Summary().Objectives[0].Words())
	assert.Equal(t, report.Met, spans(299, "p99<10s").Summary().Objectives[0].Verdict)

	// What is visible at once is at least zero, which is no proof of anything.
	atOnce := of(answered("200"), answered("200"), answered("200"), answered("200"), answered("200"), answered("200"))
	atOnce.SLO = []string{"p50<1us"}
	assert.Equal(t, report.Open, atOnce.Summary().Objectives[0].Verdict)
}
