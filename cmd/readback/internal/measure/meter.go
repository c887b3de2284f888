package measure

import (
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/consistency"
)

// meter tells Prometheus of a canary's flows, from a registry of its own.
type meter struct {
	registry *prometheus.Registry
	within   time.Duration

	flows *prometheus.CounterVec
	lag   prometheus.Histogram
	write prometheus.Histogram
	reads prometheus.Counter
	flips prometheus.Counter
	left  prometheus.Counter
	last  prometheus.Gauge
}

const namespace = "readback_canary"

// buckets are in seconds. Those of the lag end before a flow does, so that a
// write that was not seen in time is in none but the last, which has no end.
var buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

func newMeter(within time.Duration) *meter {
	m := &meter{registry: prometheus.NewRegistry(), within: within}
	own := []float64{}
	for _, b := range buckets {
		if b < within.Seconds() {
			own = append(own, b)
		}
	}
	m.flows = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "flows_total", Help: "Writes that were read back, by their outcome.",
	}, []string{"outcome"})
	for _, o := range []consistency.Outcome{consistency.Confirmed, consistency.Unconfirmed, consistency.Failed} {
		m.flows.WithLabelValues(o.String())
	}
	m.lag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "lag_seconds", Buckets: own,
		Help: "Time from a write's answer to the end of the first read from which on all showed it. One that was not seen in time counts as the whole time, beyond the last bucket.",
	})
	m.write = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "write_seconds", Buckets: buckets,
		Help: "Time from a write to its answer, of those that were answered.",
	})
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	m.reads = counter("reads_total", "Reads sent.")
	m.flips = counter("flips_total", "Reads that did not show what the one before had shown.")
	m.left = counter("left_behind_total", "Writes that may not have been taken back.")
	m.last = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "last_confirmed_timestamp_seconds", Help: "When a write was last confirmed, in seconds since 1970; 0 if none was yet.",
	})
	m.registry.MustRegister(m.flows, m.lag, m.write, m.reads, m.flips, m.left, m.last)
	return m
}

// count counts a flow that was not cut short.
func (m *meter) count(f *report.Flow, goal string) {
	m.flows.WithLabelValues(f.Outcome).Inc()
	m.reads.Add(float64(len(f.Reads)))
	m.flips.Add(float64(f.Flips()))
	if f.Status != 0 {
		m.write.Observe(f.Took.Duration().Seconds())
	}
	if lag, told := f.Lag(goal); told {
		if lag.Censored() {
			m.lag.Observe(max(lag.Missed, m.within).Seconds())
		} else {
			m.lag.Observe(lag.Seen.Seconds())
		}
	}
	if f.Outcome == consistency.Confirmed.String() {
		m.last.SetToCurrentTime()
	}
	if f.Left() {
		m.left.Inc()
	}
}

// handler answers GET /metrics in the Prometheus text format.
func (m *meter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// metricsAddress returns the address to listen on: one of loopback, unless it
// names another.
func metricsAddress(given string) string {
	if _, err := strconv.ParseUint(given, 10, 16); err == nil {
		return net.JoinHostPort("127.0.0.1", given)
	}
	if host, port, err := net.SplitHostPort(given); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return given
}

// served is a server that goes on until it is told to stop.
type served struct {
	url  string
	stop func()
}

// serve answers at an address.
func serve(address string, h http.Handler) (*served, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return &served{url: "http://" + l.Addr().String() + "/metrics", stop: func() {
		_ = server.Close()
		<-done
	}}, nil
}
