package readbackotel_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// answers are those of a service, in order.
type answers []string

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	status, location, _ := strings.Cut((*a)[0], " ")
	*a = (*a)[1:]
	resp := &http.Response{StatusCode: int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0'), Header: http.Header{}, Body: http.NoBody, Request: req, ProtoMajor: 1, ProtoMinor: 1}
	if location != "" {
		resp.Header.Set("Location", location)
	}
	return resp, nil
}

// What a Transport holds is counted by names without ids.
func TestMetrics_holds(t *testing.T) {
	t.Parallel()
	bubble(t, "a read that is held, and a write that covers nothing", func(t *testing.T) {
		m := newMeter()
		client := &http.Client{Transport: readbackhttp.NewTransport(
			&answers{"201 /things/7", "404", "404", "200", "200"},
			readbackhttp.TransportOptions{Policy: consistency.Policy{Schedule: everySecond, Observer: m.metrics.ObserveHolds}},
		)}
		for _, call := range []struct{ method, path string }{{"POST", "/things"}, {"GET", "/things/7"}, {"POST", "/search"}} {
			req, err := http.NewRequestWithContext(t.Context(), call.method, "http://api.test"+call.path, http.NoBody)
			require.NoError(t, err)
			resp, err := client.Do(req)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			require.NoError(t, resp.Body.Close())
		}
		assert.Equal(t, []string{
			"coverage{covers=false,flow.name=POST http://api.test/search} 1",
			"coverage{covers=true,flow.name=POST http://api.test/things} 1",
			"hold.duration{flow.name=GET http://api.test/things/{id},outcome=confirmed} 1 of 2.000",
			"holds{flow.name=GET http://api.test/things/{id},outcome=confirmed} 1",
		}, m.points(t, "readback.coverage", "readback.holds", "readback.hold.duration"))
	})
}
