package submit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// tardy is a store that makes the first creation of a lease only later, and that a paused process
// does not reach.
type tardy struct {
	submit.Store
	mu     sync.Mutex
	first  *submit.Record
	paused chan struct{}
}

func (s *tardy) Create(ctx context.Context, r submit.Record) (uint64, error) {
	s.mu.Lock()
	first := r.Kind == submit.KindLease && s.first == nil
	if first {
		s.first = &r
	}
	s.mu.Unlock()
	if first {
		return 0, errLost
	}
	return s.Store.Create(ctx, r)
}

func (s *tardy) Update(ctx context.Context, r submit.Record) (uint64, error) {
	s.mu.Lock()
	paused := s.paused
	s.mu.Unlock()
	if paused != nil {
		<-paused
	}
	return s.Store.Update(ctx, r)
}

// The creation of a lease that the store makes after that lease was ended revives no holder: what it
// was about to send as it was paused, others have taken over.
func TestLease_createdLate(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{false, true} {
		name := "before its first renewal"
		if renewed {
			name = "later"
		}
		bubble(t, name, func(t *testing.T) {
			w, memory := &world{}, submit.NewMemory()
			store := &tardy{Store: memory}
			asleep := make(chan struct{})
			holder := w.on(t, store, func(o *options) {
				flow := o.Flow
				o.Flow = func(key string, job order) consistency.Flow[string, *thing] {
					<-asleep // just before the write
					return flow(key, job)
				}
			})
			stop := running(holder)
			defer stop()
			time.Sleep(2 * time.Second)
			if renewed {
				time.Sleep(time.Minute)
			}
			require.NoError(t, holder.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(time.Millisecond)
			wakes := make(chan struct{})
			store.mu.Lock()
			store.paused = wakes
			store.mu.Unlock()
			other := w.on(t, memory)
			defer running(other)()
			time.Sleep(10 * time.Minute)
			assert.Contains(t, valueOf(t, memory, "a"), `"outcome":"unconfirmed"`)
			_, err := memory.Create(t.Context(), *store.first)
			require.NoError(t, err, "the lease was ended, and is there again")
			store.mu.Lock()
			store.paused = nil
			store.mu.Unlock()
			close(wakes)
			time.Sleep(4 * time.Second)
			close(asleep)
			time.Sleep(10 * time.Minute)
			assert.Zero(t, w.sent("a"))
			res, err := holder.Submit(within(t, time.Minute), "b", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome, "it goes on, with a new lease")
		})
	}
}
