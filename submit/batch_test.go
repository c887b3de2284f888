package submit_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

func many(n int) iter.Seq2[string, order] {
	return func(yield func(string, order) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("job %05d", i), order{"x"}) {
				return
			}
		}
	}
}

// Each job of a batch has one result, in order, and they share the steps of the store.
func TestBatch(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{true, false} {
		bubble(t, fmt.Sprint("SubmitAll, run ", run), func(t *testing.T) {
			d := &disk{BatchStore: submit.NewMemory().Batching(), takes: time.Millisecond}
			w := &world{lag: 5 * time.Second}
			s := w.on(t, d)
			if run {
				defer running(s)()
			}
			n := 0
			for key, res := range s.SubmitAll(t.Context(), many(1000)) {
				require.Equal(t, fmt.Sprintf("job %05d", n), key)
				require.NoError(t, res.Err)
				require.Equal(t, confirmed, res.Outcome)
				require.Equal(t, key, res.Written)
				n++
			}
			assert.Equal(t, 1000, n)
			assert.Equal(t, 1000, w.seen().executed)
			assert.Less(t, d.steps, 1500, "of 3,000 changes; outcomes come one by one")
		})
	}
	bubble(t, "EnqueueAll, and Wait elsewhere", func(t *testing.T) {
		d := &disk{BatchStore: submit.NewMemory().Batching(), takes: time.Millisecond}
		w := &world{lag: 5 * time.Second}
		s := w.on(t, d)
		var keys []string
		for key, err := range s.EnqueueAll(t.Context(), many(1000)) {
			require.NoError(t, err)
			keys = append(keys, key)
		}
		require.Len(t, keys, 1000)
		assert.Less(t, d.steps, 20)
		assert.Zero(t, w.seen().received)
		elsewhere := w.on(t, d)
		start := time.Now()
		for _, res := range elsewhere.Wait(within(t, time.Second), keys[:2]...) {
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, res.Err, context.DeadlineExceeded)
		}
		assert.Equal(t, time.Second, time.Since(start))
		defer running(s)()
		n := 0
		for key, res := range elsewhere.Wait(t.Context(), append(keys, "unknown")...) {
			if key == "unknown" {
				assert.ErrorIs(t, res.Err, submit.ErrNotFound)
				continue
			}
			require.Equal(t, keys[n], key)
			require.Equal(t, confirmed, res.Outcome)
			n++
		}
		assert.Equal(t, 1000, n)
	})
	bubble(t, "with jobs that are refused, and that are there", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory())
		defer running(s)()
		_, err := s.Submit(t.Context(), "there", order{"x"})
		require.NoError(t, err)
		jobs := func(yield func(string, order) bool) {
			_ = yield("", order{"x"}) && yield("there", order{"x"}) && yield("there", order{"y"}) &&
				yield("twice", order{"x"}) && yield("twice", order{"x"})
		}
		want := []error{consistency.ErrInvalid, nil, submit.ErrKeyReused, nil, nil}
		for _, all := range []iter.Seq2[string, error]{s.EnqueueAll(t.Context(), jobs), errorsOf(s.SubmitAll(t.Context(), jobs))} {
			n := 0
			for _, err := range all {
				if want[n] == nil {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, want[n])
				}
				n++
			}
			assert.Equal(t, len(want), n)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, 1, w.sent("there"))
		assert.Equal(t, 1, w.sent("twice"))
	})
	bubble(t, "a loop that is left, and a context that ends", func(t *testing.T) {
		w := &world{lag: time.Hour}
		s := w.on(t, submit.NewMemory())
		defer running(s)()
		for range s.EnqueueAll(t.Context(), many(100_000)) {
			break
		}
		n := 0
		for _, res := range s.SubmitAll(within(t, time.Second), many(20_000)) {
			assert.Equal(t, unconfirmed, res.Outcome)
			n++
		}
		assert.Equal(t, 20_000, n)
	})
}

func errorsOf(all iter.Seq2[string, submit.Result[string]]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key, res := range all {
			if !yield(key, res.Err) {
				return
			}
		}
	}
}
