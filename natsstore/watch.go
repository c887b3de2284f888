package natsstore

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

const (
	// lookAnyway is how long a watcher waits for word of a change before it
	// looks by itself: the one who brings word may be behind.
	lookAnyway = 5 * time.Second

	// lookSoon is the same after word that a look did not bear out: it may come
	// from a server that is ahead of the leader.
	lookSoon = 50 * time.Millisecond
)

// Watch implements [submit.Store].
func (s *Store) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	for wait := s.anyway; ; {
		var ping chan struct{}
		var leave func()
		var over <-chan struct{}
		if err := s.call(ctx, "watch", func(ctx context.Context, at *site) (err error) {
			over = at.ctx.Done()
			ping, leave, err = at.hub.join(ctx, over, s.names.record(kind, key))
			return err
		}); err != nil {
			return submit.Record{}, err
		}
		r, err := s.Get(ctx, kind, key)
		if err != nil || r.Revision != after {
			leave()
			return r, err
		}
		timer := time.NewTimer(wait)
		wait = s.anyway
		select {
		case <-ctx.Done():
		case <-over:
		case <-timer.C:
		case <-ping:
			wait = lookSoon
		}
		timer.Stop()
		leave()
	}
}

// hub brings word of changes to all who watch, by one reader.
type hub struct {
	want   sync.Once
	wanted chan struct{} // closed when somebody watches
	ready  chan struct{} // closed when changes are heard

	mu    sync.Mutex
	pings map[string]map[chan struct{}]struct{} // by subject
}

func newHub() *hub {
	return &hub{
		wanted: make(chan struct{}), ready: make(chan struct{}),
		pings: make(map[string]map[chan struct{}]struct{}),
	}
}

// listen reads changes until ctx ends, once somebody watches.
func (h *hub) listen(ctx context.Context, js jetstream.JetStream, n names) {
	select {
	case <-ctx.Done():
		return
	case <-h.wanted:
	}
	changes := reader{js: js, names: n, subject: []string{n.records()}, policy: jetstream.DeliverNewPolicy, headers: true}
	defer changes.end()
	for changes.begin(ctx) != nil {
		if !sleep(ctx, listenAgain) {
			return
		}
	}
	close(h.ready)
	for {
		msg, _, err := changes.next(ctx)
		if err == nil {
			h.tell(msg.Subject())
		} else if !sleep(ctx, listenAgain) {
			return
		}
	}
}

// listenAgain is the time between two tries to hear of changes.
const listenAgain = 250 * time.Millisecond

// sleep waits, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// join returns a channel that gets something when a record of the subject
// changes from now on, and a function to leave.
func (h *hub) join(ctx context.Context, over <-chan struct{}, subject string) (chan struct{}, func(), error) {
	h.want.Do(func() { close(h.wanted) })
	select {
	case <-h.ready:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	case <-over:
		return nil, nil, errRestart
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ping := make(chan struct{}, 1)
	if h.pings[subject] == nil {
		h.pings[subject] = make(map[chan struct{}]struct{})
	}
	h.pings[subject][ping] = struct{}{}
	return ping, func() { h.leave(subject, ping) }, nil
}

func (h *hub) leave(subject string, ping chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pings[subject], ping)
	if len(h.pings[subject]) == 0 {
		delete(h.pings, subject)
	}
}

// tell brings word to those who watch a subject.
func (h *hub) tell(subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ping := range h.pings[subject] {
		select {
		case ping <- struct{}{}:
		default: // it has word already
		}
	}
}
