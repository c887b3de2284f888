package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// What the proxy costs an unrelated read, against httputil.ReverseProxy alone
// with the same connections, buffers and server. Reads take three paths in turn,
// one after the other: two of ReverseProxy, and one of the proxy, which remembers
// a thousand writes and learns. What is reported are the medians of each path,
// and their ratios: a/a says how far such a comparison can be trusted.
//
//	go test -run '^$' -bench Overhead -benchtime 30000x ./cmd/readback/internal/proxy
func BenchmarkOverhead(b *testing.B) {
	upstream := httptest.NewServer(newService(0))
	defer upstream.Close()
	paths := [3]*http.Request{}
	for i := range paths {
		var url string
		if i < 2 {
			url = alone(b, upstream.URL)
		} else {
			url, _ = serve(b, upstream.URL, proxy.Options{
				Base: tuned(b), Learned: readback.NewLearned(readback.LearnedOptions{}),
			})
			for range 1000 {
				_, err := post(newClient(b), url+"/things", "body")
				require.NoError(b, err)
			}
		}
		var err error
		paths[i], err = http.NewRequest("GET", url+"/static", nil)
		require.NoError(b, err)
	}
	client := newClient(b)
	send := func(req *http.Request) time.Duration {
		begun := time.Now()
		resp, err := client.Do(req)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(b, err)
		require.NoError(b, resp.Body.Close())
		require.Equal(b, 200, resp.StatusCode)
		return time.Since(begun)
	}
	for range 100 { // warm up
		for _, req := range paths {
			send(req)
		}
	}
	var took [3][]time.Duration
	for n := 0; b.Loop(); n++ {
		for k := range paths { // each path is first, second and third in turn
			i := (n + k) % len(paths)
			took[i] = append(took[i], send(paths[i]))
		}
	}
	a, again, proxied := median(took[0]), median(took[1]), median(took[2])
	b.ReportMetric(again/a, "a/a")
	b.ReportMetric(2*proxied/(a+again), "proxy/a")
	b.ReportMetric(a*1e6, "µs/a")
	b.ReportMetric(proxied*1e6, "µs/proxy")
	b.ReportMetric(0, "ns/op")
}

func median(list []time.Duration) float64 {
	slices.Sort(list)
	return list[len(list)/2].Seconds()
}

// alone serves httputil.ReverseProxy as the proxy is served.
func alone(b *testing.B, upstream string) (url string) {
	to := parse(b, upstream)
	srv := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:  tuned(b),
		BufferPool: new(pool),
	})
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.ReadHeaderTimeout, srv.Config.IdleTimeout = 10*time.Second, 2*time.Minute
	srv.Start()
	b.Cleanup(srv.Close)
	return srv.URL
}

// tuned returns a transport like that of the proxy.
func tuned(b *testing.B) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	b.Cleanup(transport.CloseIdleConnections)
	return transport
}

type pool struct{ sync.Pool }

func (p *pool) Get() []byte {
	if b, ok := p.Pool.Get().(*[32 << 10]byte); ok {
		return b[:]
	}
	return make([]byte, 32<<10)
}

func (p *pool) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }
