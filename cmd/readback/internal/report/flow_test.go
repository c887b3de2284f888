package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// answered returns a flow whose reads begin every 100 ms, take 5 ms and were
// answered so: "404 403 200". A "stale" is a 200 that is pending.
func answered(answers string) report.Flow {
	f := report.Flow{N: 1, Took: 7 * ms, Status: 201, Class: "applied", Outcome: "unconfirmed"}
	for i, answer := range strings.Fields(answers) {
		read := report.Read{Began: report.Millis(i) * 100 * ms, Took: 5 * ms}
		switch answer {
		case "404":
			read.Status, read.Verdict, read.Reason = 404, "pending", "not found"
		case "403":
			read.Status, read.Verdict, read.Reason = 403, "pending", "forbidden"
		case "stale":
			read.Status, read.Verdict, read.Reason = 200, "pending", "stale"
		case "503":
			read.Status, read.Verdict, read.Reason = 503, "unknown", "unavailable"
		case "200":
			read.Status, read.Verdict = 200, "ready"
		}
		f.Reads = append(f.Reads, read)
		f.Outcome = map[bool]string{true: "confirmed", false: "unconfirmed"}[read.Verdict == "ready"]
	}
	return f
}

// of returns a measurement of some flows.
func of(flows ...report.Flow) *report.Run {
	r := service{}.measured()
	r.Flows, r.Count = flows, len(flows)
	for i := range r.Flows {
		r.Flows[i].N = i + 1
	}
	return r
}

func TestSummary_lag(t *testing.T) {
	t.Parallel()
	with := func(f report.Flow, change func(*report.Flow)) report.Flow {
		change(&f)
		return f
	}
	tests := []struct {
		name     string
		flow     report.Flow
		goal     string
		want     *report.Span // of the longest; nil if the flow tells nothing
		atOnce   int
		censored int
	}{
		{name: "at once", flow: answered("200 200"), want: &report.Span{From: 0, To: 5 * ms}, atOnce: 1},
		{name: "after a while", flow: answered("404 403 200 200"), want: &report.Span{From: 100 * ms, To: 205 * ms}},
		{name: "flipping", flow: answered("404 200 404 200 200"), want: &report.Span{From: 200 * ms, To: 305 * ms}},
		{name: "unknown reads say nothing", flow: answered("404 503 200"), want: &report.Span{From: 0, To: 205 * ms}},
		{name: "unknown reads in a streak", flow: answered("404 200 503 200"), want: &report.Span{From: 0, To: 105 * ms}},
		{name: "an outage looks like what is gone", flow: answered("stale 200 503 200"), goal: "absent", want: &report.Span{From: 0, To: 305 * ms}},
		{name: "never seen", flow: answered("404 404"), want: &report.Span{From: 100 * ms, To: forever}, censored: 1},
		{name: "not watched to the end", flow: with(answered("404 200"), func(f *report.Flow) { f.Outcome = "unconfirmed" }), want: &report.Span{From: 0, To: forever}, censored: 1},
		{name: "nothing seen", flow: answered("503")},
		{name: "no reads", flow: answered("")},
		{name: "accepted", flow: with(answered("404 200"), func(f *report.Flow) { f.Class = "accepted" }), want: &report.Span{From: 0, To: 105 * ms}},
		{name: "ambiguous", flow: with(answered("404 200"), func(f *report.Flow) { f.Class = "ambiguous" })},
		{name: "failed", flow: with(answered(""), func(f *report.Flow) { f.Class, f.Outcome = "refused", "failed" })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := of(tt.flow)
			if tt.goal != "" {
				r.For = tt.goal
			}
			got := r.Summary().Lag
			assert.Equal(t, tt.want, got.Longest)
			assert.Equal(t, tt.atOnce, got.AtOnce)
			assert.Equal(t, tt.censored, got.Censored)
		})
	}
}

func TestSummary_flips(t *testing.T) {
	t.Parallel()
	s := of(answered("404 200 404 200 200 503 403 200 200 200"), answered("404 200 200"), answered("200 200 200 404 200 404 200")).Summary()
	assert.Equal(t, report.Flips{Flows: 2, Total: 4, Streak: 3}, s.Flips)
	require.NotNil(t, s.Advice)
	assert.Equal(t, 4, s.Advice.Settle, "one more than was wrong")
	assert.Zero(t, of(answered("404 200")).Summary().Advice.Settle)
}

func TestSummary_reasons(t *testing.T) {
	t.Parallel()
	s := of(
		answered("404 404 403 403 503 403 200 200"),
		answered("403 404 200"),
		answered("stale 200"),
	).Summary()
	assert.Equal(t, []report.Reason{
		{Reason: "stale", Status: 200, Flows: 1, Until: 105 * ms, Phase: 100 * ms, Median: nil},
		{Reason: "not found", Status: 404, Flows: 2, Until: 205 * ms, Phase: 200 * ms, Median: &report.Span{From: 0, To: 100 * ms}},
		{Reason: "forbidden", Status: 403, Flows: 2, Until: 605 * ms, Phase: 400 * ms, Median: &report.Span{From: 0, To: 100 * ms}},
	}, s.Reasons)
	assert.Equal(t, report.Reads{Total: 13, Unknown: 1, Mean: 5 * ms}, s.Reads)
}

func TestSummary_counts(t *testing.T) {
	t.Parallel()
	left := answered("404 200")
	left.Cleanup = "DELETE https://api.example/1: 409 Conflict"
	gone := answered("404 200")
	gone.Cleanup = report.Cleaned
	refused := report.Flow{Class: "refused", Outcome: "failed", Status: 422}
	s := of(left, gone, answered("404"), refused).Summary()
	assert.Equal(t, []int{2, 1, 1, 1}, []int{s.Confirmed, s.Unconfirmed, s.Failed, s.Left})
}
