package natsstore

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/pause"
)

const (
	mendFirst = 100 * time.Millisecond
	mendMax   = 2 * time.Second

	// doubtPause is how long a server is not probed again, after a probe that succeeded.
	doubtPause = time.Second
)

// doubt is called when a caller's context ended before the server answered. Either the
// deadline was short or the server stands still. Callers whose deadlines are shorter than
// Options.Timeout cannot tell, so the store probes the server with its own timeout.
func (s *Store) doubt(at *site) {
	s.mu.RLock()
	asked := time.Since(s.sound) < doubtPause
	s.mu.RUnlock()
	if !asked {
		s.mend(at)
	}
}

// mend stops a server in this process that does not answer, and starts it anew: after a full
// disk, it does not recover by itself when there is space again. The client of a cluster
// recovers by itself.
func (s *Store) mend(at *site) {
	if s.folder == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mending || s.site != at || s.ctx.Err() != nil {
		return
	}
	s.mending = true
	s.menders.Go(s.untilMended)
}

func (s *Store) untilMended() {
	for wait := mendFirst; ; wait = min(2*wait, mendMax) {
		s.mu.RLock()
		at := s.site
		s.mu.RUnlock()
		if at != nil && s.probe(at) == nil {
			s.mu.Lock()
			s.sound = time.Now()
			s.mu.Unlock()
			break
		}
		if s.ctx.Err() != nil { // the store is being closed, which says nothing of the server
			break
		}
		s.restart(at)
		if !pause.For(s.ctx, wait) {
			break
		}
	}
	s.mu.Lock()
	s.mending = false
	s.mu.Unlock()
}

// probe writes a message, and returns nil if the server answers.
func (s *Store) probe(at *site) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	_, err := at.js.PublishMsg(ctx, nats.NewMsg(s.names.fence()))
	return err
}

func (s *Store) restart(at *site) {
	if at != nil {
		s.mu.Lock()
		s.site, s.down = nil, errRestart
		s.mu.Unlock()
		at.close()
	}
	fresh, err := s.start(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.site, s.down = fresh, err
	if err != nil {
		s.options.Logger.Error("the server does not start", zap.Error(err))
		return
	}
	s.options.Logger.Warn("the server was started anew")
}

var errRestart = errors.New("the server is restarting")
