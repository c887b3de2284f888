package submit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// disk is a store whose steps take time, one after another, as those of a disk do.
type disk struct {
	submit.BatchStore
	takes time.Duration

	mu    sync.Mutex
	busy  sync.Mutex
	steps int
	most  int // changes in one step
	fails func(step int) error
}

func (d *disk) step(n int) error {
	d.busy.Lock()
	defer d.busy.Unlock()
	d.mu.Lock()
	d.steps++
	d.most = max(d.most, n)
	step := d.steps
	d.mu.Unlock()
	time.Sleep(d.takes)
	if d.fails != nil {
		return d.fails(step)
	}
	return nil
}

func (d *disk) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if err := d.step(1); err != nil {
		return 0, err
	}
	return d.BatchStore.Create(ctx, r)
}

func (d *disk) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if err := d.step(1); err != nil {
		return 0, err
	}
	return d.BatchStore.Update(ctx, r)
}

func (d *disk) ChangeAll(ctx context.Context, records []submit.Record) ([]uint64, error) {
	if err := d.step(len(records)); err != nil {
		return nil, err
	}
	return d.BatchStore.ChangeAll(ctx, records)
}

// Submitters at the same time share the steps of the store; one alone has what it
// costs without others.
func TestGroup(t *testing.T) {
	t.Parallel()
	bubble(t, "64 submitters", func(t *testing.T) {
		d := &disk{BatchStore: submit.NewMemory().Batching(), takes: time.Millisecond}
		w := &world{}
		s := w.on(t, d)
		defer running(s)()
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				for n := range 10 {
					_, err := s.Submit(t.Context(), fmt.Sprint(i, " ", n), order{"x"})
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		assert.Less(t, d.steps, 640*3/10, "640 jobs of three steps")
		assert.LessOrEqual(t, d.most, submit.MaxBatch)
		assert.Equal(t, 640, w.seen().executed)
	})
	bubble(t, "one alone", func(t *testing.T) {
		d := &disk{BatchStore: submit.NewMemory().Batching(), takes: time.Millisecond}
		w := &world{}
		s := w.on(t, d)
		defer running(s)()
		time.Sleep(time.Second)
		start := time.Now()
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 3*time.Millisecond, time.Since(start))
		assert.Equal(t, 1, d.most)
	})
}

// A group that is refused is made one by one, and what a group that failed has made is
// found out: whatever fails, each job is sent once and has its outcome.
func TestGroup_fails(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"unsupported": errors.ErrUnsupported, "a conflict": submit.ErrConflict, "exists": submit.ErrExists, "unknown": errDown,
	} {
		for _, after := range []bool{false, true} {
			if after && err != errDown {
				continue // then it was not made
			}
			bubble(t, fmt.Sprint(name, ", after ", after), func(t *testing.T) {
				b := &failing{BatchStore: submit.NewMemory().Batching(), err: err, after: after}
				w := &world{lag: time.Second}
				s := w.on(t, b, everySecond)
				defer running(s)()
				var all sync.WaitGroup
				for i := range 200 {
					all.Go(func() {
						_, err := s.Submit(t.Context(), fmt.Sprint(i), order{"x"})
						assert.NoError(t, err)
						assert.Equal(t, 1, w.sent(fmt.Sprint(i)))
					})
				}
				all.Wait()
				assert.Equal(t, 200, s.Progress().Confirmed)
				assert.Positive(t, b.groups)
			})
		}
	}
}

// A group that nobody waits for any more, when the store refuses it, holds nobody up.
func TestGroup_refusedLate(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"unsupported": errors.ErrUnsupported, "a conflict": submit.ErrConflict} {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			s := w.on(t, &slow{BatchStore: submit.NewMemory().Batching(), err: err})
			defer running(s)()
			ctx := within(t, 10*time.Minute)
			var all sync.WaitGroup
			for i := range 64 {
				all.Go(func() {
					_, err := s.Submit(ctx, fmt.Sprint(i), order{"x"})
					assert.NoError(t, err)
				})
			}
			all.Wait()
			assert.Equal(t, 64, w.seen().executed)
		})
	}
}

// slow is a store that refuses its first group after a minute, whatever its context says.
type slow struct {
	submit.BatchStore
	err  error
	once sync.Once
}

func (s *slow) ChangeAll(ctx context.Context, records []submit.Record) (revisions []uint64, err error) {
	s.once.Do(func() {
		time.Sleep(time.Minute)
		err = s.err
	})
	if err != nil {
		return nil, err
	}
	return s.BatchStore.ChangeAll(ctx, records)
}

// failing is a store that fails at each other group.
type failing struct {
	submit.BatchStore
	err    error
	after  bool // it was made
	mu     sync.Mutex
	groups int
}

func (f *failing) Create(ctx context.Context, r submit.Record) (uint64, error) {
	time.Sleep(time.Millisecond)
	return f.BatchStore.Create(ctx, r)
}

func (f *failing) ChangeAll(ctx context.Context, records []submit.Record) ([]uint64, error) {
	time.Sleep(time.Millisecond)
	f.mu.Lock()
	f.groups++
	fails := f.groups%2 == 1
	f.mu.Unlock()
	if fails && !f.after {
		return nil, f.err
	}
	revisions, err := f.BatchStore.ChangeAll(ctx, records)
	if fails && err == nil {
		return nil, f.err
	}
	return revisions, err
}
