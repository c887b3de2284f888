package readbackhttp_test

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// model is a service in memory whose reads show a write after a while.
type model struct {
	mu    sync.Mutex
	shown time.Time       // when reads show it
	takes time.Duration   // a read
	reads []time.Duration // when they began
	start time.Time

	status int // of answers to writes; 0 means 204
}

func newModel(lag time.Duration) *model {
	now := time.Now()
	return &model{start: now, shown: now.Add(lag)}
}

func (m *model) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != "GET" {
		return reply(req, cmp.Or(m.status, 204), ""), nil
	}
	m.mu.Lock()
	began := time.Now()
	m.reads = append(m.reads, began.Sub(m.start))
	m.mu.Unlock()
	if m.takes > 0 {
		select {
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		case <-time.After(m.takes):
		}
	}
	if began.Before(m.shown) {
		return reply(req, 404, "none"), nil
	}
	return reply(req, 200, "new"), nil
}

func (m *model) times() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Duration(nil), m.reads...)
}
