package readbacktest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// testify takes a C for a test, and so do our own assertions.
var (
	_ require.TestingT      = (*readbacktest.C)(nil)
	_ readbacktest.TestingT = (*readbacktest.C)(nil)
)

// FailNow leaves the check and nothing else.
func TestC_FailNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads, deferred, after := 0, 0, 0
		got := readbacktest.Eventually(t, everySecond, func(context.Context) (int, error) {
			reads++
			return reads, nil
		}, func(c *readbacktest.C, value int) {
			defer func() { deferred++ }()
			if value < 3 {
				c.FailNow()
			}
			after++
		})
		assert.Equal(t, 3, got)
		assert.Equal(t, 3, deferred)
		assert.Equal(t, 1, after)
	})
}

// A complaint stays, though the check goes on and though it recovers.
func TestC_staysFailed(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*readbacktest.C){
		"Errorf": func(c *readbacktest.C) { c.Errorf("not yet") },
		"FailNow and recover": func(c *readbacktest.C) {
			defer func() { _ = recover() }()
			c.FailNow()
		},
	} {
		bubble(t, name, func(t *testing.T) {
			reads := 0
			readbacktest.Eventually(t, everySecond, func(context.Context) (int, error) {
				reads++
				return reads, nil
			}, func(c *readbacktest.C, value int) {
				if value < 2 {
					fail(c)
				}
			})
			assert.Equal(t, 2, reads)
		})
	}
}

// Another panic is the caller's.
func TestC_panic(t *testing.T) {
	t.Parallel()
	errMine := errors.New("mine")
	read := func(context.Context) (int, error) { return 1, nil }
	assert.PanicsWithError(t, "mine", func() {
		readbacktest.Eventually(t, everySecond, read, func(*readbacktest.C, int) { panic(errMine) })
	})
	assert.PanicsWithError(t, "mine", func() {
		readbacktest.Eventually(t, everySecond, read, func(c *readbacktest.C, _ int) {
			defer func() { panic(errMine) }()
			c.FailNow()
		})
	})
}

// A check that waits for something of its own leaves it by its own C, and the
// outer one by the outer C.
func TestC_nested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outer, inner, after := 0, 0, 0
		one := func(context.Context) (int, error) { return 1, nil }
		readbacktest.Eventually(t, everySecond, one, func(c *readbacktest.C, _ int) {
			outer++
			readbacktest.Eventually(c, everySecond, one, func(d *readbacktest.C, _ int) {
				inner++
				switch inner {
				case 1:
					d.FailNow()
				case 2:
					c.FailNow()
				}
			})
			after++
		})
		assert.Equal(t, 1, after)
		assert.Equal(t, 2, outer)
		assert.Equal(t, 3, inner)
	})
}

// An inner wait that fails leaves the outer check.
func TestC_nestedConfirm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refusals := []error{status(422), nil}
		got := under(func(t *fakeT) {
			readbacktest.Eventually(t, everySecond, func(context.Context) (int, error) { return 1, nil }, func(c *readbacktest.C, _ int) {
				s := &service{write: refusals[0], answers: []any{"active"}}
				refusals = refusals[1:]
				readbacktest.Confirm(c, everySecond, s.flow())
			})
		})
		assert.True(t, got.passed, got.text())
		assert.Empty(t, refusals)
	})
}

// Errorf is safe on many goroutines.
func TestC_concurrent(t *testing.T) {
	t.Parallel()
	got := under(func(t *fakeT) {
		readbacktest.Never(t, everySecond, func(context.Context) (int, error) { return 1, nil }, func(c *readbacktest.C, _ int) {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { c.Errorf("no") })
			}
			all.Wait()
			t.Errorf("asked")
			t.FailNow()
		})
	})
	assert.Equal(t, []string{"asked"}, got.said)
}

// Outside of its check FailNow says what went wrong.
func TestC_outside(t *testing.T) {
	t.Parallel()
	var kept *readbacktest.C
	readbacktest.Eventually(t, everySecond, func(context.Context) (int, error) { return 1, nil },
		func(c *readbacktest.C, _ int) { kept = c })
	assert.PanicsWithError(t, "readbacktest: FailNow of a C was called outside of its check, or on another goroutine", kept.FailNow)
}
