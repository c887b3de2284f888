package readbackhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/readback-go/readback/readbackhttp"
)

// BenchmarkTransport holds a Transport against the bare one beneath it, both
// over loopback. Rounds of the bare one, of another bare one and of the Transport
// take turns, so that what else the machine does hits all alike:
//
//   - bare-ns: the median of the bare one
//   - aa: the median ratio of the two bare ones, which is the noise
//   - ab: the median ratio of the Transport to the bare one
//   - more-allocs: how many more allocations it makes, the server's included in both
//
// In read-along all three are Transports, and what the first two are answered says that
// it is no JSON: the ratio is what reading along costs.
func BenchmarkTransport(b *testing.B) {
	for _, writes := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("unrelated-get/writes=%d", writes), func(b *testing.B) {
			server, bare := benchServer(b)
			with := readbackhttp.NewTransport(bare(), readbackhttp.TransportOptions{})
			for i := range writes {
				trip(b, with, "PUT", fmt.Sprintf("%s/written/%d", server.URL, i), 1)
			}
			compare(b, "GET", server.URL, bare(), bare(), with)
		})
	}
	b.Run("write", func(b *testing.B) {
		server, bare := benchServer(b)
		compare(b, "POST", server.URL+"/json", bare(), bare(), readbackhttp.NewTransport(bare(), readbackhttp.TransportOptions{}))
	})
	b.Run("read-along", func(b *testing.B) {
		server, bare := benchServer(b)
		with := func(kind string) *lane {
			return &lane{over: readbackhttp.NewTransport(bare(), readbackhttp.TransportOptions{}), url: server.URL + kind}
		}
		compareLanes(b, "POST", with("/octets"), with("/octets"), with("/json"))
	})
}

func benchServer(b *testing.B) (*httptest.Server, func() *http.Transport) {
	made := `{"id":7,"text":"` + strings.Repeat("some text ", 100) + `","list":[1,2,3]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "GET":
			_, _ = io.WriteString(w, `{"id":7,"name":"unrelated"}`)
		case strings.HasPrefix(r.URL.Path, "/json"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, made)
		case r.Method == "POST":
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = io.WriteString(w, made)
		}
	}))
	b.Cleanup(server.Close)
	return server, func() *http.Transport {
		t := &http.Transport{}
		b.Cleanup(t.CloseIdleConnections)
		return t
	}
}

// compare reports what with costs beside two bare ones.
func compare(b *testing.B, method, url string, first, second, with http.RoundTripper) {
	compareLanes(b, method, &lane{over: first, url: url}, &lane{over: second, url: url}, &lane{over: with, url: url})
}

func compareLanes(b *testing.B, method string, lanes ...*lane) {
	for _, l := range lanes {
		l.round(b, method, 100) // connections are made before it counts
		*l = lane{over: l.over, url: l.url}
	}
	for n := 0; b.Loop(); n++ {
		// No order is always the same, for each round warms up the next.
		for i := range lanes {
			lanes[(n+i)%len(lanes)].round(b, method, requestsPerRound)
		}
	}
	b.ReportMetric(float64(median(lanes[0].took))/requestsPerRound, "bare-ns")
	b.ReportMetric(medianRatio(lanes[1].took, lanes[0].took), "aa")
	b.ReportMetric(medianRatio(lanes[2].took, lanes[0].took), "ab")
	b.ReportMetric(float64(median(lanes[2].allocs)-median(lanes[0].allocs))/requestsPerRound, "more-allocs")
}

const requestsPerRound = 40

type lane struct {
	over   http.RoundTripper
	url    string
	took   []time.Duration // each round
	allocs []int64
}

func (l *lane) round(b *testing.B, method string, requests int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	trip(b, l.over, method, l.url+"/unrelated/7", requests)
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
