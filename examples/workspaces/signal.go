package workspaces

import (
	"context"
	"sync"
	"time"
)

// signal wakes all who wait for it. Its zero value is ready.
type signal struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that the next broadcast closes. Take it before looking
// at what the broadcast is about, or news in between is lost.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.next
}

func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}

// sleep reports whether d has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return ctx.Err() == nil
}
