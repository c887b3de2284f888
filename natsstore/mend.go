package natsstore

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

const (
	mendFirst = 100 * time.Millisecond
	mendMax   = 2 * time.Second

	// doubtPause is how long a server that proved that it works is not asked for
	// a proof again because somebody would not wait for an answer.
	doubtPause = time.Second
)

// doubt is told that a caller's context ended before the server answered. That may
// be the caller's haste or the server's fault. A caller whose deadlines are shorter
// than the timeout never sees more of a server that stands still: so the server is
// tried, in the store's own time.
func (s *Store) doubt(at *site) {
	s.mu.RLock()
	asked := time.Since(s.sound) < doubtPause
	s.mu.RUnlock()
	if !asked {
		s.mend(at)
	}
}

// mend stops and starts a server in this process that does not answer: one that
// met a full disk does not heal by itself when space returns. A client of a
// cluster heals by itself.
func (s *Store) mend(at *site) {
	if s.lock == nil {
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
		s.restart(at)
		if !sleep(s.ctx, wait) {
			break
		}
	}
	s.mu.Lock()
	s.mending = false
	s.mu.Unlock()
}

// probe writes something.
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

var errRestart = errors.New("it is being started anew")
