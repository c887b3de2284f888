package submit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// After a deploy that gave a field another name, what was sent is not Failed when its key comes again:
// nobody knows whether it is the same job. What is another job for sure is told so.
func TestDeploy_renamedField(t *testing.T) {
	t.Parallel()
	type renamed struct{ Title string }
	bubble(t, "renamed", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		_, err := w.on(t, store).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		res, err := jobsOf[renamed](t, w, store).Submit(t.Context(), "a", renamed{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, submit.ErrKeyReused)
		res, err = w.on(t, store).Submit(t.Context(), "a", order{"y"})
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, submit.ErrKeyReused)
	})
}

// A job that an older program sent is confirmed by a newer one whose flow has another name, does
// something else, or has references of another type.
func TestDeploy_flow(t *testing.T) {
	t.Parallel()
	changes := map[string]func(f consistency.Flow[string, *thing]) consistency.Flow[string, *thing]{
		"name": func(f consistency.Flow[string, *thing]) consistency.Flow[string, *thing] {
			f.Name = "make thing"
			return f
		},
		"goal": func(f consistency.Flow[string, *thing]) consistency.Flow[string, *thing] {
			g := consistency.Update(f.Name, f.Write, f.Read, func(string, *thing) bool { return true })
			g.Find = f.Find
			return g
		},
	}
	for name, change := range changes {
		bubble(t, name, func(t *testing.T) {
			w := &world{lag: 2 * time.Minute}
			store := submit.NewMemory()
			long := func(o *options) { o.Policy.Within = 10 * time.Minute }
			first := w.on(t, store, everySecond, long)
			stop := running(first)
			require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(10 * time.Second)
			stop()
			second := w.on(t, store, everySecond, long, func(o *options) {
				o.Flow = func(key string, o order) consistency.Flow[string, *thing] { return change(w.flow(key, o)) }
			})
			defer running(second)()
			time.Sleep(20 * time.Minute)
			res, err := second.Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome, res.Err)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
	bubble(t, "type of W", func(t *testing.T) {
		type ref struct{ ID string }
		w := &world{lag: 2 * time.Minute}
		store := submit.NewMemory()
		long := func(o *options) { o.Policy.Within = 10 * time.Minute }
		first := w.on(t, store, everySecond, long)
		stop := running(first)
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(10 * time.Second)
		stop()
		opts := submit.Options[order, ref, *thing]{Store: store, Flow: func(key string, o order) consistency.Flow[ref, *thing] {
			f := consistency.Create("create thing", func(ctx context.Context) (ref, error) {
				id, err := w.write(ctx, key, o)
				return ref{id}, err
			},
				func(ctx context.Context, r ref) (*thing, error) { return w.read(ctx, r.ID) })
			f.Find = func(context.Context) ([]ref, error) {
				ids, err := w.find(key)
				if len(ids) == 0 {
					return nil, err
				}
				return []ref{{ids[0]}}, err
			}
			f.Mine = func(r ref) bool { return r.ID == key }
			return f
		}}
		opts.Policy.Within = 10 * time.Minute
		second, err := submit.New(opts)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { second.Run(ctx); close(over) }()
		time.Sleep(20 * time.Minute)
		cancel()
		<-over
		res, err := second.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome, res.Err)
	})
}
