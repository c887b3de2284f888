package main

import (
	"context"
	"errors"
	"testing"
	"time"

	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

type thing struct{ id string }

var (
	it       = &thing{id: "alpha"}
	errStill = errors.New("not found")
)

// replica is a read that finds nothing a few times and then the thing.
func replica(misses int) func(context.Context) (*thing, error) {
	return func(context.Context) (*thing, error) {
		if misses > 0 {
			misses--
			return nil, errStill
		}
		return it, nil
	}
}

// poller reads until it finds the thing, waiting no time or as little as it
// can.
type poller struct {
	name string
	poll func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error)
}

const tick = time.Millisecond

var found = poll.When(func(t *thing) bool { return t != nil })

var pollers = []poller{
	{"readback", func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error) {
		return poll.Until(ctx, read, found, poll.Options{ReadTimeout: poll.NoTimeout, Schedule: everyTick})
	}},
	{"readback-read-timeout", func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error) {
		return poll.Until(ctx, read, found, poll.Options{Schedule: everyTick})
	}},
	{"backoff-v4", func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error) {
		return backoff4.RetryWithData(func() (*thing, error) { return read(ctx) },
			backoff4.WithContext(backoff4.NewConstantBackOff(tick), ctx))
	}},
	{"backoff-v5", func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error) {
		return backoff5.Retry(ctx, func() (*thing, error) { return read(ctx) },
			backoff5.WithBackOff(backoff5.NewConstantBackOff(tick)))
	}},
	{"k8s-wait", func(ctx context.Context, read func(context.Context) (*thing, error)) (got *thing, err error) {
		err = wait.PollUntilContextCancel(ctx, tick, true, func(ctx context.Context) (bool, error) {
			t, err := read(ctx)
			got = t
			return err == nil, nil
		})
		return got, err
	}},
	{"terraform", func(ctx context.Context, read func(context.Context) (*thing, error)) (*thing, error) {
		state := retry.StateChangeConf{
			Target: []string{"there"}, Pending: []string{"missing"}, PollInterval: tick, Timeout: time.Hour,
			Refresh: func() (any, string, error) {
				if t, err := read(ctx); err == nil {
					return t, "there", nil
				}
				return it, "missing", nil
			},
		}
		got, err := state.WaitForStateContext(ctx)
		t, _ := got.(*thing)
		return t, err
	}},
}

var everyTick = readback.Delays(func() *backoff4.ConstantBackOff { return backoff4.NewConstantBackOff(tick) })

// BenchmarkUntil/first-read is what a poll costs that has nothing to wait for.
func BenchmarkUntil(b *testing.B) {
	for _, p := range pollers {
		b.Run("first-read/"+p.name, func(b *testing.B) {
			ctx := b.Context()
			read := replica(0)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := p.poll(ctx, read); got != it || err != nil {
					b.Fatal(got, err)
				}
			}
		})
	}
}
