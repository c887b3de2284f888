package readbackhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/readback-go/readback/readbackhttp"
)

// BenchmarkTransport holds a Transport against the bare one beneath it, both
// over loopback. Rounds of the bare one, of another bare one and of the Transport
// take turns, so that what else the machine does hits all alike:
//
//   - bare-ns: the median of the bare one, a GET
//   - aa: the median ratio of the two bare ones, which is the noise
//   - ab: the median ratio of the Transport to the bare one
//   - more-allocs: how many more allocations it makes, the server's included in both
func BenchmarkTransport(b *testing.B) {
	for _, writes := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("unrelated-get/writes=%d", writes), func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "GET" {
					_, _ = io.WriteString(w, `{"id":7,"name":"unrelated"}`)
				}
			}))
			defer server.Close()
			bare := func() *http.Transport {
				t := &http.Transport{}
				b.Cleanup(t.CloseIdleConnections)
				return t
			}
			with := readbackhttp.NewTransport(bare(), readbackhttp.TransportOptions{})
			for i := range writes {
				trip(b, with, "PUT", fmt.Sprintf("%s/written/%d", server.URL, i), 1)
			}
			lanes := []*lane{{over: bare()}, {over: bare()}, {over: with}}
			for _, l := range lanes {
				l.round(b, server.URL, 100) // connections are made before it counts
				*l = lane{over: l.over}
			}
			for n := 0; b.Loop(); n++ {
				// No order is always the same, for each round warms up the next.
				for i := range lanes {
					lanes[(n+i)%len(lanes)].round(b, server.URL, requestsPerRound)
				}
			}
			b.ReportMetric(float64(median(lanes[0].took))/requestsPerRound, "bare-ns")
			b.ReportMetric(medianRatio(lanes[1].took, lanes[0].took), "aa")
			b.ReportMetric(medianRatio(lanes[2].took, lanes[0].took), "ab")
			b.ReportMetric(float64(median(lanes[2].allocs)-median(lanes[0].allocs))/requestsPerRound, "more-allocs")
		})
	}
}

const requestsPerRound = 40

type lane struct {
	over   http.RoundTripper
	took   []time.Duration // each round
	allocs []int64
}

func (l *lane) round(b *testing.B, url string, requests int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	trip(b, l.over, "GET", url+"/unrelated/7", requests)
	l.took = append(l.took, time.Since(began))
	runtime.ReadMemStats(&after)
	l.allocs = append(l.allocs, int64(after.Mallocs-before.Mallocs))
}

func trip(b *testing.B, over http.RoundTripper, method, url string, times int) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token")
	for range times {
		resp, err := over.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func median[T int64 | float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func medianRatio(of, to []time.Duration) float64 {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = float64(of[i]) / float64(to[i])
	}
	return median(ratios)
}
