package natsstore

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

const (
	// lookAnyway is how long a watcher waits for a notification before it reads the
	// record anyway: notifications come from a server that may be behind.
	lookAnyway = 5 * time.Second

	// lookSoon is the same after a notification that no changed record was found for:
	// it may come from a server that is ahead of the leader.
	lookSoon = 50 * time.Millisecond
)

// Watch implements [submit.Store].
func (s *Store) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	for wait := s.lookAfter; ; {
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
		wait = s.lookAfter
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

// hub notifies all watchers of changes, with one reader for all.
type hub struct {
	want   sync.Once
	wanted chan struct{} // closed when somebody watches
	ready  chan struct{} // closed when the reader has begun

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
		if !pause.For(ctx, listenAgain) {
			return
		}
	}
	close(h.ready)
	for {
		msg, _, err := changes.next(ctx)
		if err == nil {
			h.notify(msg.Subject())
		} else if !pause.For(ctx, listenAgain) {
			return
		}
	}
}

// listenAgain is the time between two tries to read changes.
const listenAgain = 250 * time.Millisecond

// join returns a channel that gets a value when a record of the subject changes from now on,
// and a function to leave.
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

// notify notifies the watchers of a subject.
func (h *hub) notify(subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ping := range h.pings[subject] {
		select {
		case ping <- struct{}{}:
		default: // it has a notification already
		}
	}
}
