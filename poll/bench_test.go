package poll_test

import (
	"context"
	"testing"

	"github.com/readback-go/readback/poll"
)

func BenchmarkUntil(b *testing.B) {
	ctx := context.Background()
	fresh := poll.When(func(v int) bool { return v == 2 })

	b.Run("first-read", func(b *testing.B) {
		b.ReportAllocs()
		read := func(context.Context) (int, error) { return 2, nil }
		for b.Loop() {
			if _, err := poll.Until(ctx, read, fresh, poll.Options{ReadTimeout: poll.NoTimeout}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read-timeout", func(b *testing.B) {
		b.ReportAllocs()
		read := func(context.Context) (int, error) { return 2, nil }
		for b.Loop() {
			if _, err := poll.Until(ctx, read, fresh, poll.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Two waits, each a millisecond: the least there is.
	b.Run("three-reads", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		read := func(context.Context) (int, error) {
			n = (n + 1) % 3
			if n == 0 {
				return 2, nil
			}
			return 1, nil
		}
		for b.Loop() {
			if _, err := poll.Until(ctx, read, fresh, poll.Options{Schedule: always(0)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
