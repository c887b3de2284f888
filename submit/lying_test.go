package submit_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// lying watches return at once.
type lying struct {
	submit.Store
	n atomic.Int64
}

func (l *lying) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	if l.n.Add(1) > 100_000 {
		<-ctx.Done()
		return submit.Record{}, context.Cause(ctx)
	}
	return l.Store.Get(ctx, kind, key)
}

// A store whose Watch returns what has not changed is not asked without a pause.
func TestWatch_returnsAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, "submit", func(t *testing.T) {
		w := &world{lag: time.Minute, took: 5 * time.Second}
		store := submit.NewMemory()
		defer running(w.on(t, store, everySecond, func(o *options) { o.Policy.Within = time.Hour }))()
		first := w.on(t, store, everySecond, func(o *options) { o.Policy.Within = time.Hour })
		go first.Submit(within(t, time.Hour), "a", order{"x"})
		time.Sleep(time.Second)
		l := &lying{Store: store}
		second := w.on(t, l, everySecond)
		_, err := second.Submit(within(t, time.Hour), "a", order{"x"})
		assert.NoError(t, err)
		assert.Less(t, l.n.Load(), int64(2000))
	})
	bubble(t, "wait", func(t *testing.T) {
		w := &world{lag: time.Minute}
		store := submit.NewMemory()
		s := w.on(t, store, everySecond, func(o *options) { o.Policy.Within = time.Hour })
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		l := &lying{Store: store}
		for _, res := range w.on(t, l).Wait(within(t, time.Hour), "a") {
			assert.NoError(t, res.Err)
		}
		assert.Less(t, l.n.Load(), int64(2000))
	})
}

// listsAll lists what has ended too.
type listsAll struct{ *submit.Memory }

func (l listsAll) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return l.Memory.Since(ctx, kind, 0, nil, false)
}

// A store that lists what has ended costs no outcome.
func TestTakeOver_listsEnded(t *testing.T) {
	t.Parallel()
	bubble(t, "listed", func(t *testing.T) {
		w := &world{}
		m := submit.NewMemory()
		_, err := w.on(t, m).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		s := w.on(t, listsAll{m})
		defer running(s)()
		time.Sleep(time.Hour)
		ended(t, s, "a", confirmed)
	})
}
