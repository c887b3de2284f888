package readbacktest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

func TestNever(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		give     []any
		want     string // the title of the failure; empty if there is none
		wantTime time.Duration
	}{
		{"never there", []any{status(404)}, "", 10 * time.Second},
		{"never as asked", []any{status(404), "pending"}, "", 10 * time.Second},
		{"nothing there", []any{nil}, "", 10 * time.Second},
		{"some reads say nothing", []any{status(503), "pending", errors.New("connection reset"), hanging, status(404)}, "", 10 * time.Second},
		{"the last reads say nothing", []any{"pending", status(503)}, "", 10 * time.Second},
		{"seen at once", []any{"active"}, "never: seen by read 1", time.Millisecond},
		{"seen late", []any{status(404), "pending", "active"}, "never: seen by read 3", 2*time.Second + 3*time.Millisecond},
		{"seen once", []any{"pending", "active", "pending"}, "never: seen by read 2", time.Second + 2*time.Millisecond},
		{"no read says anything", []any{status(503), errors.New("connection reset")}, "never: none of 11 reads showed whether the value is there", 10 * time.Second},
		{"an answer that ends it", []any{"pending", status(401)}, "never: the wait ended early, after 1.002s", time.Second + 2*time.Millisecond},
		{"forbidden", []any{status(403)}, "never: the wait ended early, after 5.001s", 5*time.Second + time.Millisecond},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			p := everySecond
			p.Settle = 3 // one is enough
			p.Windows = consistency.Windows{NotFound: time.Second, Stale: time.Second, Forbidden: 5 * time.Second}
			begin := time.Now()
			got := under(func(t *fakeT) { readbacktest.Never(t, p, (&service{answers: tt.give}).read, isActive) })
			assert.Equal(t, tt.want == "", got.passed, got.text())
			assert.Equal(t, tt.want != "", got.ended)
			assert.Equal(t, tt.wantTime, time.Since(begin))
			if tt.want != "" {
				assert.Contains(t, got.text()+"\n", tt.want+"\n")
				assert.Contains(t, got.text(), "read 1")
			}
		})
	}
}

// A wait that the context cut short proves nothing.
func TestNever_context(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		got := under(func(t *fakeT) {
			readbacktest.Never(withContext{t, ctx}, everySecond, (&service{answers: []any{"pending"}}).read, isActive)
		})
		assert.True(t, got.ended)
		assert.Contains(t, got.text(), "never: the wait ended early, after 3s\n")
	})
}

// A 403 does not say whether the value is there.
func TestNever_forbiddenAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := everySecond
		p.Within = 3 * time.Second
		got := under(func(t *fakeT) { readbacktest.Never(t, p, (&service{answers: []any{status(403)}}).read, isActive) })
		assert.Contains(t, got.text(), "never: none of 4 reads showed whether the value is there\n")
	})
}

// A check of an empty list is asked, and a nil one means that anything is there.
func TestNever_empty(t *testing.T) {
	t.Parallel()
	none := func(context.Context) ([]string, error) { return nil, nil }
	bubble(t, "a list that never is to be empty", func(t *testing.T) {
		got := under(func(t *fakeT) {
			readbacktest.Never(t, everySecond, none, func(c *readbacktest.C, all []string) { assert.Empty(c, all) })
		})
		assert.Contains(t, got.text(), "never: seen by read 1\n")
	})
	bubble(t, "nothing is there", func(t *testing.T) {
		readbacktest.Never(t, everySecond, none, nil)
	})
	bubble(t, "something is there", func(t *testing.T) {
		got := under(func(t *fakeT) {
			readbacktest.Never(t, everySecond, (&service{answers: []any{status(404), "pending"}}).read, nil)
		})
		assert.Contains(t, got.text(), "never: seen by read 2\n")
	})
}
