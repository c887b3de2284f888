package proxy

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Meter counts what a proxy does, in a registry of its own. Make it with
// [NewMeter].
type Meter struct {
	registry *prometheus.Registry

	requests   [kinds]prometheus.Counter
	inFlight   atomic.Int64
	refused    prometheus.Counter
	lost       [kinds]prometheus.Counter // perhaps executed, if a write
	notSent    prometheus.Counter        // writes
	brokenOff  prometheus.Counter
	cancelled  prometheus.Counter
	remembered prometheus.Counter
	writes     *prometheus.CounterVec
	outcomes   map[consistency.Outcome]prometheus.Counter
	waited     prometheus.Histogram
	lag        prometheus.Histogram
	reads      prometheus.Histogram
}

// NewMeter returns a meter at zero.
func NewMeter() *Meter {
	m := &Meter{registry: prometheus.NewRegistry(), outcomes: make(map[consistency.Outcome]prometheus.Counter)}
	requests := m.counters("requests_total", "Requests sent on to the upstream, by what their method does.", "kind")
	failures := m.counters("failures_total", "Requests that the upstream did not answer, or not to the end: "+
		"not_sent and ambiguous are writes, which were certainly not or perhaps carried out; "+
		"of answers that are broken_off the beginning was handed on.", "kind")
	for k := range kinds {
		m.requests[k] = requests.WithLabelValues(k.String())
		m.lost[k] = failures.WithLabelValues(k.String())
	}
	failures.DeleteLabelValues(write.String())
	m.lost[write] = failures.WithLabelValues("ambiguous")
	m.notSent = failures.WithLabelValues("not_sent")
	m.brokenOff = failures.WithLabelValues("broken_off")
	m.cancelled = failures.WithLabelValues("cancelled")
	held := m.counters("held_total", "Reads that were held, by whether the answer handed on shows the write.", "outcome")
	for _, o := range []consistency.Outcome{consistency.Confirmed, consistency.Unconfirmed} {
		m.outcomes[o] = held.WithLabelValues(o.String())
	}
	m.refused = m.counters("refused_total", "Requests that were not sent on: not for the upstream, or not understood.").WithLabelValues()
	m.remembered = m.counters("writes_remembered_total", "URLs that were written, whose reads may be held.").WithLabelValues()
	m.writes = m.counters("writes_total", "Writes by what they cover: something, whose reads may be held; nothing, and why; "+
		"or a deletion, which forgets.", "covers", "why")
	m.writes.WithLabelValues("something", "")
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "in_flight_requests", Help: "Requests being answered, those that are held included.",
	}, func() float64 { return float64(m.inFlight.Load()) }))
	m.waited = m.histogram("held_seconds", "Time that a read was held, from its first answer to the one handed on.", seconds)
	m.lag = m.histogram("lag_seconds", "Time from a write's answer to the read that showed it, of reads that were held: "+
		"writes that were visible at once are not in it.", seconds)
	m.reads = m.histogram("reads_per_hold", "Requests sent for a read that was held, the first one included.",
		[]float64{2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100})
	return m
}

const namespace = "readback_proxy"

var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

func (m *Meter) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Meter) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Handler answers GET /metrics in the Prometheus text format.
func (m *Meter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// wrote counts what a write covers. The reasons are few.
func (m *Meter) wrote(c readbackhttp.Coverage) {
	covers := "something"
	switch {
	case c.Why != "":
		covers = "nothing"
	case c.Forgets:
		covers = "forgets"
	default:
		m.remembered.Add(float64(len(c.Covers)))
	}
	m.writes.WithLabelValues(covers, c.Why).Inc()
}

func (m *Meter) held(r *readbackhttp.Report) {
	m.outcomes[r.Outcome].Inc()
	m.waited.Observe(r.Elapsed.Seconds())
	m.reads.Observe(float64(r.Reads))
	if r.Outcome == consistency.Confirmed {
		m.lag.Observe(max(r.History.Lag().By, time.Duration(0)).Seconds())
	}
}

func (m *Meter) failed(x *exchange, gone bool) {
	switch {
	case x.kind == write && x.never:
		m.notSent.Inc()
	case x.kind != write && gone:
		m.cancelled.Inc()
	default:
		m.lost[x.kind].Inc()
	}
}
