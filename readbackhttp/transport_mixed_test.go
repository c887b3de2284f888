package readbackhttp_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/readbackhttp"
)

// Writes, reads, cancellations, deadlines and evictions all at once: for the race
// detector, and for whoever would wait for ever.
func TestTransport_mixed(t *testing.T) { inBubble(t, mixed) }

func mixed(t *testing.T) {
	const goroutines = 64
	m := newModel(0)
	var n atomic.Int32
	base := transport(func(req *http.Request) (*http.Response, error) {
		if req.Context().Err() != nil {
			return nil, context.Cause(req.Context())
		}
		switch {
		case req.Method == "POST":
			resp := reply(req, 201, "")
			resp.Header.Set("Location", req.URL.Path+"/7")
			return resp, nil
		case req.Method == "GET" && n.Add(1)%3 != 0:
			return reply(req, 404, "none"), nil
		}
		return m.RoundTrip(req)
	})
	options := readbackhttp.TransportOptions{MaxWrites: 8, Remember: 50 * time.Millisecond, PollsPerSecond: 1e6, HoldDeleted: true, Token: readbackhttp.Vault()}
	options.Policy.Within = 20 * time.Millisecond
	client := &http.Client{Transport: readbackhttp.NewTransport(base, options)}
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			methods := []string{"PUT", "GET", "GET", "POST", "GET", "DELETE", "GET", "PATCH", "HEAD"}
			for j := range 60 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+(i+j)%30)*time.Millisecond)
				if j%7 == 0 {
					time.AfterFunc(time.Millisecond, cancel)
				}
				path := api + "/" + string(rune('a'+(i*j)%12))
				got, err := ask(ctx, client, methods[(i+j)%len(methods)], path)
				if err != nil {
					assert.True(t, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded), "%v", err)
				} else {
					assert.NotEmpty(t, got)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}
