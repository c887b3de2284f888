package readbackgrpc_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// Those who wait for the same read share the polls.
func TestInterceptor_sharing(t *testing.T) {
	t.Parallel()
	bubble(t, "one polls, and each reads once at the end", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 1050 * ms}
		c := dial(t, service, hold)
		name := c.create(t, "alpha").GetName()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				got, err := c.GetThing(t.Context(), get(name))
				assert.NoError(t, err)
				assert.Equal(t, "alpha", got.GetTitle())
			})
		}
		all.Wait()
		assert.Equal(t, 50+11+49, service.Calls("GetThing"))
		assert.Equal(t, uint64(50), i.Stats().Shown)
	})
	bubble(t, "credentials are refreshed once for all", func(t *testing.T) {
		var n atomic.Int32
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{OnForbidden: func(context.Context) { n.Add(1) }}})
		c := dial(t, &things.Service{Forbidden: 150 * ms}, hold)
		name := c.create(t, "alpha").GetName()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := c.GetThing(t.Context(), get(name))
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.Equal(t, int32(1), n.Load())
	})
	bubble(t, "another goes on when the one who polls is gone", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 1050 * ms}, hold)
		name := c.create(t, "alpha").GetName()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.GetThing(ctx, get(name))
			assert.Equal(t, codes.Canceled, status.Code(err))
		})
		synctest.Wait()
		all.Go(func() {
			_, err := c.GetThing(t.Context(), get(name))
			assert.NoError(t, err)
		})
		time.Sleep(350 * ms)
		cancel()
		began := time.Now()
		all.Wait()
		assert.Less(t, time.Since(began), 850*ms)
	})
	bubble(t, "each keeps its own deadline", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Minute}, hold)
		name := c.create(t, "alpha").GetName()
		began := time.Now()
		var all sync.WaitGroup
		for _, limit := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, err := c.GetThing(ctx, get(name))
				assert.Equal(t, codes.NotFound, status.Code(err))
				assert.InDelta(t, limit, time.Since(began), float64(10*ms))
			})
		}
		all.Wait()
	})
	bubble(t, "one of them has less time than the one who polls", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Schedule: every(time.Hour)}})
		c := dial(t, &things.Service{Lag: 900 * ms}, hold)
		name := c.create(t, "alpha").GetName()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.GetThing(t.Context(), get(name))
			assert.NoError(t, err)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.GetThing(ctx, get(name))
		assert.NoError(t, err)
		assert.Equal(t, 998*ms, time.Since(began))
		all.Wait()
	})
	bubble(t, "what one waits for is not what another does", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		made := c.create(t, "alpha")
		ctx, cancel := context.WithTimeout(readbackgrpc.WithHold(t.Context(), readbackgrpc.Hold{Match: titled("beta")}), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			got, err := c.GetThing(ctx, get(made.GetName()))
			require.NoError(t, err)
			assert.Equal(t, "alpha", got.GetTitle(), "there is no other")
		})
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.NoError(t, err)
		assert.Equal(t, 300*ms, time.Since(began))
		all.Wait()
	})
}

// A thousand calls that are held at once, over one connection on loopback, with a
// retry policy and with attempts counted; and nothing is left of them.
func TestInterceptor_thousandOnLoopback(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("calls", func(t *testing.T) {
		const n = 1000
		service := &things.Service{Lag: time.Hour, Forbidden: 200 * ms}
		hold, i := holding(readbackgrpc.Options{Policy: consistency.Policy{Within: time.Minute, Schedule: every(200 * ms)}})
		c := connect(t, listen(t, service), append(readbackgrpc.Counting(), hold, retrying)...)
		var all sync.WaitGroup
		var wrong atomic.Int32
		for range n {
			all.Go(func() {
				made, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
				if err == nil {
					_, err = c.GetThing(t.Context(), get(made.GetName()))
				}
				if err != nil {
					wrong.Add(1)
					t.Log(err)
				}
			})
		}
		for i.Stats().Held < n && wrong.Load() == 0 {
			runtime.Gosched()
		}
		service.Show()
		all.Wait()
		assert.Zero(t, wrong.Load())
		assert.Equal(t, n, service.Made())
		assert.Equal(t, uint64(n), i.Stats().Shown)
	})
	for wait := time.Now(); runtime.NumGoroutine() > before && time.Since(wait) < 5*time.Second; {
		runtime.Gosched() // connections close in goroutines of their own
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before, "goroutines are left")
}

// A connection that is cut while a read is held costs nothing but a poll.
func TestInterceptor_cutOnLoopback(t *testing.T) {
	t.Parallel()
	service := &things.Service{Lag: 300 * ms}
	hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Schedule: every(20 * ms)}})
	c := connect(t, cutting(t, service, 1), hold)
	_, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1", ThingId: "lost"})
	require.Equal(t, codes.Unavailable, status.Code(err))
	made := c.create(t, "alpha")
	_, err = c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1", ThingId: "lost"})
	require.Equal(t, codes.AlreadyExists, status.Code(err))
	_, err = c.GetThing(t.Context(), get(made.GetName()))
	assert.NoError(t, err)
}

// Nothing outlives its connection, not even of a call that is cancelled while it is
// held; a bubble ends only then.
func TestInterceptor_nothingIsLeft(t *testing.T) {
	t.Parallel()
	bubble(t, "cancelled", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Hour}, append(readbackgrpc.Counting(), hold, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		name := c.create(t, "alpha").GetName()
		ctx, cancel := context.WithCancel(t.Context())
		for range 10 {
			go func() { _, _ = c.GetThing(ctx, get(name)) }()
		}
		synctest.Wait()
		cancel()
	})
}
