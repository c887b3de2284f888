//go:build prometheus

package readbackotel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.yaml.in/yaml/v3"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/port"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/submit"
)

// Each query of the dashboard and each alert is run by a Prometheus on what two hours
// of flows, holds and jobs made: a good one, and a bad one.
func TestQueries(t *testing.T) {
	var times hours
	text := exposition{families: map[string]*family{}}
	synctest.Test(t, func(t *testing.T) { times = twoHours(t, &text) })
	ask := startPrometheus(t, text.String())

	t.Run("dashboard", func(t *testing.T) {
		for _, q := range dashboard(t) {
			assert.NotEmpty(t, ask(q, times.bad), q)
		}
	})
	t.Run("alerts", func(t *testing.T) {
		rules := alerts(t)
		assert.Len(t, rules, 8)
		for name, expr := range rules {
			assert.Empty(t, ask(expr, times.good), "%s in the good hour", name)
			assert.NotEmpty(t, ask(expr, times.bad), "%s in the bad hour", name)
		}
	})
	t.Run("values", func(t *testing.T) {
		// A flow every 15 s is seen after a second.
		assert.InDelta(t, 1.0/15, one(t, ask(`sum(rate(readback_flows_total{readback_outcome="confirmed"}[10m]))`, times.good)), 1e-3)
		lag := one(t, ask(`histogram_quantile(0.9, sum by (le) (rate(readback_flow_lag_seconds_bucket[10m])))`, times.good))
		assert.True(t, lag > 1 && lag <= 2.5, "%v s", lag)
		assert.Equal(t, 1.0, one(t, ask(`max(readback_jobs_store_trouble)`, times.bad)))
	})
}

// hours are when to look.
type hours struct{ good, bad time.Time }

const each = 15 * time.Second // when something happens, and when it is collected

// twoHours makes metrics of a good hour and of a bad one.
func twoHours(t *testing.T, text *exposition) (times hours) {
	m := newMeter()
	var bad atomic.Bool
	p := consistency.Policy{Schedule: everySecond, Within: 10 * time.Second, Observer: m.metrics.Observe}
	flow := func() consistency.Flow[string, string] {
		if bad.Load() {
			return creation([]int{503}, []int{404})
		}
		return creation([]int{201}, []int{404, 200})
	}
	late := func() consistency.Flow[string, string] { // in the bad hour
		f := creation([]int{201}, make404s(14))
		f.Name = "rename order"
		return f
	}
	patient := p
	patient.Within = time.Minute

	hold := p
	hold.Observer = m.metrics.ObserveHolds
	client := &http.Client{Transport: readbackhttp.NewTransport(lagging{&bad}, readbackhttp.TransportOptions{Policy: hold})}

	store := &flaky{Store: submit.NewMemory()}
	jobs, err := submit.New(submit.Options[order, string, string]{
		Store: store, Policy: consistency.Policy{Schedule: everySecond, Within: time.Hour},
		Flow: func(_ string, o order) consistency.Flow[string, string] {
			if o.Item == "poison" {
				panic("poison")
			}
			switch o.Item {
			case "lost":
				return creation([]int{503}, []int{404}) // it has no Find
			case "never":
				return creation([]int{201}, []int{404})
			}
			return creation([]int{201}, []int{200})
		},
	})
	require.NoError(t, err)
	_, err = m.metrics.ObserveJobs("orders", jobs)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { jobs.Run(ctx) })

	begin := time.Now()
	for n := 0; time.Since(begin) < 2*time.Hour; n++ {
		if !bad.Load() && time.Since(begin) >= time.Hour {
			times.good = time.Now()
			bad.Store(true)
			require.NoError(t, jobs.Enqueue(ctx, "stuck", order{"never"}))
			require.NoError(t, jobs.Enqueue(ctx, "lost", order{"lost"}))
			require.NoError(t, jobs.Enqueue(ctx, "poisoned", order{"poison"}))
		}
		all.Go(func() { _, _ = consistency.Do(t.Context(), p, flow()) })
		if bad.Load() {
			all.Go(func() { _, _ = consistency.Do(t.Context(), patient, late()) })
		}
		all.Go(func() { writeThenRead(client, n) })
		if time.Since(begin) > 2*time.Hour-5*time.Minute {
			store.fails.Store(true)
			all.Go(func() {
				ctx, stop := context.WithTimeout(ctx, time.Second)
				defer stop()
				_ = jobs.Enqueue(ctx, fmt.Sprint("late ", n), order{"tea"})
			})
		} else if !bad.Load() {
			require.NoError(t, jobs.Enqueue(ctx, fmt.Sprint("order ", n), order{"tea"}))
		}
		time.Sleep(each)
		text.add(m.collect(t))
	}
	times.bad = time.Now().Add(-each)
	store.fails.Store(false)
	stop()
	all.Wait()
	return times
}

func make404s(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 404
	}
	return append(all, 200)
}

// lagging is a service that shows a thing at the second read, or never.
type lagging struct{ bad *atomic.Bool }

func (l lagging) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body := http.StatusCreated, ""
	switch {
	case req.URL.Path == "/search": // a write that covers nothing
		status = http.StatusOK
		body = "[]"
	case req.Method == http.MethodGet && (l.bad.Load() || req.Header.Get("Seen") == ""):
		status = http.StatusNotFound
		req.Header.Set("Seen", "once")
	case req.Method == http.MethodGet:
		status = http.StatusOK
	}
	resp := &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), ProtoMajor: 1, ProtoMinor: 1,
	}
	if status == http.StatusCreated {
		resp.Header.Set("Location", req.URL.Path+"/"+req.Header.Get("N"))
	}
	return resp, nil
}

func writeThenRead(client *http.Client, n int) {
	for _, call := range []struct{ method, path string }{
		{"POST", "/things"}, {"GET", "/things/" + fmt.Sprint(n)}, {"POST", "/search"},
	} {
		req, err := http.NewRequest(call.method, "http://api.test"+call.path, strings.NewReader(""))
		if err != nil {
			panic(err)
		}
		req.Header.Set("N", fmt.Sprint(n))
		resp, err := client.Do(req)
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

// flaky is a store that cannot be reached at times.
type flaky struct {
	submit.Store
	fails atomic.Bool
}

func (f *flaky) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if f.fails.Load() {
		return 0, errors.New("no route to the store")
	}
	return f.Store.Create(ctx, r)
}

func (f *flaky) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if f.fails.Load() {
		return 0, errors.New("no route to the store")
	}
	return f.Store.Update(ctx, r)
}

// exposition is OpenMetrics, with the names that Prometheus gives to those of
// OpenTelemetry.
type exposition struct {
	families map[string]*family
	order    []string
}

type family struct {
	kind  string
	lines strings.Builder
}

func (x *exposition) add(all []metricdata.Metrics) {
	at := fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1e3)
	for _, m := range all {
		name := plain(m.Name)
		if m.Unit == "s" {
			name += "_seconds"
		}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			kind, suffix := "gauge", ""
			if data.IsMonotonic {
				kind, suffix = "counter", "_total"
			}
			for _, p := range data.DataPoints {
				x.line(name, kind, suffix, p.Attributes, "", fmt.Sprint(p.Value), at)
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				x.line(name, "gauge", "", p.Attributes, "", fmt.Sprint(p.Value), at)
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				x.line(name, "gauge", "", p.Attributes, "", fmt.Sprint(p.Value), at)
			}
		case metricdata.Histogram[int64]:
			for _, p := range data.DataPoints {
				x.histogram(name, p.Attributes, p.Bounds, p.BucketCounts, p.Count, float64(p.Sum), at)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				x.histogram(name, p.Attributes, p.Bounds, p.BucketCounts, p.Count, p.Sum, at)
			}
		default:
			panic(fmt.Sprintf("%s is a %T", m.Name, m.Data))
		}
	}
}

func (x *exposition) histogram(name string, set attribute.Set, bounds []float64, counts []uint64, count uint64, sum float64, at string) {
	below := uint64(0)
	for i, bound := range bounds {
		below += counts[i]
		x.line(name, "histogram", "_bucket", set, fmt.Sprintf("le=%q", fmt.Sprint(bound)), fmt.Sprint(below), at)
	}
	x.line(name, "histogram", "_bucket", set, `le="+Inf"`, fmt.Sprint(count), at)
	x.line(name, "histogram", "_count", set, "", fmt.Sprint(count), at)
	x.line(name, "histogram", "_sum", set, "", fmt.Sprint(sum), at)
}

func (x *exposition) line(name, kind, suffix string, set attribute.Set, more, value, at string) {
	f := x.families[name]
	if f == nil {
		f = &family{kind: kind}
		x.families[name], x.order = f, append(x.order, name)
	}
	var labels []string
	for _, a := range set.ToSlice() {
		labels = append(labels, fmt.Sprintf("%s=%q", plain(string(a.Key)), a.Value.String()))
	}
	if more != "" {
		labels = append(labels, more)
	}
	fmt.Fprintf(&f.lines, "%s%s{%s} %s %s\n", name, suffix, strings.Join(labels, ","), value, at)
}

func plain(name string) string { return strings.ReplaceAll(name, ".", "_") }

func (x *exposition) String() string {
	var b strings.Builder
	for _, name := range x.order {
		fmt.Fprintf(&b, "# TYPE %s %s\n%s", name, x.families[name].kind, x.families[name].lines.String())
	}
	return b.String() + "# EOF\n"
}

// sample is one of the answer to a query.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

// startPrometheus starts one on those samples, and returns how to ask it.
func startPrometheus(t *testing.T, text string) func(query string, at time.Time) []sample {
	dir := t.TempDir()
	file, data, config := filepath.Join(dir, "in.txt"), filepath.Join(dir, "data"), filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.NoError(t, os.WriteFile(config, nil, 0o600))
	out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", file, data).CombinedOutput()
	require.NoError(t, err, string(out))

	free, err := port.Free()
	require.NoError(t, err)
	address := fmt.Sprint("127.0.0.1:", free)
	cmd := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=100y", "--web.listen-address="+address)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)

	return func(query string, at time.Time) []sample {
		resp, err := http.PostForm("http://"+address+"/api/v1/query", url.Values{
			"query": {query}, "time": {at.UTC().Format(time.RFC3339Nano)},
		})
		require.NoError(t, err)
		defer resp.Body.Close()
		var answer struct {
			Error string
			Data  struct{ Result []sample }
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		require.Empty(t, answer.Error, query)
		return answer.Data.Result
	}
}

func one(t *testing.T, samples []sample) (value float64) {
	require.Len(t, samples, 1)
	_, err := fmt.Sscan(samples[0].Value[1].(string), &value)
	require.NoError(t, err)
	return value
}

// dashboard returns the queries of the dashboard as Grafana sends them.
func dashboard(t *testing.T) (queries []string) {
	data, err := os.ReadFile(filepath.Join("..", "docs", "observability", "dashboard.json"))
	require.NoError(t, err)
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	require.NoError(t, json.Unmarshal(data, &board))
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, strings.NewReplacer("$__rate_interval", "5m", "$flow", ".*").Replace(target.Expr))
		}
	}
	require.NotEmpty(t, queries)
	for _, q := range queries {
		require.NotContains(t, q, "$")
	}
	return queries
}

// alerts returns the expressions of the alert rules, which promtool has checked.
func alerts(t *testing.T) map[string]string {
	file := filepath.Join("..", "docs", "observability", "alerts.yml")
	out, err := exec.Command("promtool", "check", "rules", file).CombinedOutput()
	require.NoError(t, err, string(out))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &rules))
	all := map[string]string{}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			all[rule.Alert] = rule.Expr
		}
	}
	return all
}
