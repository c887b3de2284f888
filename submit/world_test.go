package submit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/submit"
)

// order is a job, and thing what the service makes of it.
type order struct{ Name string }

type thing struct {
	ID   string
	Name string
}

type (
	submitter = submit.Submitter[order, string, *thing]
	options   = submit.Options[order, string, *thing]
	result    = submit.Result[string]
)

const (
	confirmed   = consistency.Confirmed
	unconfirmed = consistency.Unconfirmed
	failed      = consistency.Failed
)

// status is an error with a status.
type status int

func (s status) Error() string   { return fmt.Sprint("status ", int(s)) }
func (s status) StatusCode() int { return int(s) }

var errLost = errors.New("connection lost")

// world is a service: its things, and its log of what it executed. Its fields
// are set before it is used.
type world struct {
	lag     time.Duration // from the write's execution until reads show it
	took    time.Duration // a write
	readFor time.Duration // a read
	answer  error         // of a write that is executed
	refuse  error         // of a write that is not executed
	honours bool          // idempotency keys
	tracer  *traced       // of its jobs; nil is none

	mu       sync.Mutex
	executed []string // keys, in order
	received []string // keys of all writes, in order
	things   map[string]time.Time
	reads    int
	lists    int
	readAt   []time.Time
	atOnce   int // reads under way
	most     int
}

func (w *world) write(ctx context.Context, key string, o order) (string, error) {
	w.mu.Lock()
	w.received = append(w.received, key)
	w.mu.Unlock()
	if !pause.For(ctx, w.took) {
		return "", ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return "", w.refuse
	}
	if w.things == nil {
		w.things = make(map[string]time.Time)
	}
	if _, there := w.things[key]; !there || !w.honours {
		w.executed = append(w.executed, key)
	}
	if _, there := w.things[key]; !there {
		w.things[key] = time.Now().Add(w.lag)
	}
	return key, w.answer
}

func (w *world) read(ctx context.Context, id string) (*thing, error) {
	w.mu.Lock()
	w.reads++
	w.readAt = append(w.readAt, time.Now())
	w.atOnce++
	w.most = max(w.most, w.atOnce)
	w.mu.Unlock()
	whole := pause.For(ctx, w.readFor)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atOnce--
	if !whole {
		return nil, ctx.Err()
	}
	return w.show(id)
}

func (w *world) show(id string) (*thing, error) {
	if at, there := w.things[id]; there && !time.Now().Before(at) {
		return &thing{ID: id}, nil
	}
	return nil, status(404)
}

func (w *world) find(key string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.show(key); err != nil {
		return nil, nil
	}
	return []string{key}, nil
}

func (w *world) flow(key string, o order) consistency.Flow[string, *thing] {
	f := consistency.Create("create thing",
		func(ctx context.Context) (string, error) { return w.write(ctx, key, o) }, w.read)
	f.Find = func(context.Context) ([]string, error) { return w.find(key) }
	f.Mine = func(id string) bool { return id == key }
	return f
}

// seen returns how many reads and lists there were, how many writes arrived, how
// many were executed, and how many reads there were at once.
func (w *world) seen() (s struct{ reads, lists, received, executed, most int }) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.reads, s.lists, s.received, s.executed, s.most = w.reads, w.lists, len(w.received), len(w.executed), w.most
	return s
}

// sent returns how often the write with that key arrived.
func (w *world) sent(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, k := range w.received {
		if k == key {
			n++
		}
	}
	return n
}

func (w *world) did(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.executed, key)
}

// on returns a Submitter of w's jobs.
func (w *world) on(t *testing.T, store submit.Store, change ...func(*options)) *submitter {
	t.Helper()
	opts := options{Store: store, Flow: w.flow}
	for _, c := range change {
		c(&opts)
	}
	s, err := submit.New(opts)
	require.NoError(t, err)
	return s
}

// enqueue enqueues n jobs, whose keys are numbers from 0.
func enqueue(t *testing.T, s *submitter, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
	}
}

// ended checks the outcome that the store has of a job.
func ended(t *testing.T, s *submitter, key string, want consistency.Outcome) {
	t.Helper()
	res, err := s.Lookup(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, want, res.Outcome, key)
}

// running runs s until the returned function is called.
func running(s interface{ Run(context.Context) }) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(over)
	}()
	synctest.Wait()
	return func() {
		cancel()
		<-over
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// agrees checks that an outcome and the service say the same.
func (w *world) agrees(t *testing.T, key string, res result, msg ...any) {
	t.Helper()
	switch res.Outcome {
	case confirmed:
		assert.True(t, w.did(key), msg...)
	case failed:
		assert.False(t, w.did(key), msg...)
	}
}

// bubble runs a parallel subtest with a clock of its own.
var bubble = inbubble.Run
