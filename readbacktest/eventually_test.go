package readbacktest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

func isActive(c *readbacktest.C, ws *workspace) {
	require.NotNil(c, ws)
	assert.Equal(c, "active", ws.Status)
}

func TestEventually(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		give      []any
		settle    int
		wantPass  bool
		wantReads int
		wantTime  time.Duration
	}{
		{"at once", []any{"active"}, 0, true, 1, time.Millisecond},
		{"later", []any{status(404), "pending", nil, status(503), "active"}, 0, true, 5, 4*time.Second + 5*time.Millisecond},
		{"as often in a row as asked", []any{"active", "pending", "active", "active"}, 2, true, 4, 3*time.Second + 4*time.Millisecond},
		{"not in time", []any{"pending"}, 0, false, 11, 10 * time.Second},
		{"nothing there", []any{nil}, 0, false, 11, 10 * time.Second},
		{"an answer that ends it", []any{"pending", status(401), "active"}, 0, false, 2, time.Second + 2*time.Millisecond},
		{"a hung read", []any{"pending", hanging, "active"}, 0, true, 3, 0},
		{"hung reads only", []any{hanging}, 0, false, 0, 10 * time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			p := everySecond
			p.Settle = tt.settle
			s := &service{answers: tt.give}
			begin := time.Now()
			var value *workspace
			got := under(func(t *fakeT) { value = readbacktest.Eventually(t, p, s.read, isActive) })
			assert.Equal(t, tt.wantPass, got.passed, got.text())
			if tt.wantPass {
				assert.Equal(t, &workspace{"active"}, value)
				assert.Empty(t, got.text())
			}
			if tt.wantReads > 0 {
				assert.Equal(t, tt.wantReads, s.reads)
			}
			if tt.wantTime > 0 {
				assert.Equal(t, tt.wantTime, time.Since(begin))
			}
			assert.LessOrEqual(t, time.Since(begin), p.Within)
		})
	}
}

// What the last check said stands in the text, in full and without the loop that
// called it, and what the others said, in short, in the timeline.
func TestEventually_text(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := everySecond
		p.Within = 4 * time.Second
		s := &service{answers: []any{status(404), "pending", status(503), "deleting"}}
		got := under(func(t *fakeT) {
			readbacktest.Eventually(t, p, s.read, func(c *readbacktest.C, ws *workspace) {
				c.Errorf("seen at https://bob:hunter2@api.example")
				assert.Equal(c, "active", ws.Status, "of the workspace")
				if ws.Status == "deleting" {
					c.FailNow()
				}
				require.Equal(c, 9, len(ws.Status))
			})
		})
		text := got.text()
		t.Log(text)
		assert.True(t, strings.HasPrefix(text, "eventually: not within 4s and 5 reads\ncause:     the deadline of the poll passed\nlast check:\n    seen at https://"), text)
		assert.NotContains(t, text, "hunter2")
		assert.Equal(t, 1, strings.Count(text, "eventually_test.go:"), "one failed check, and where")
		for _, ours := range []string{"eventually.go", "eventually_c.go", "poll.go", "consistency"} {
			assert.NotContains(t, text, ours)
		}
		assert.Contains(t, text, `expected: "active"`)
		assert.Contains(t, text, "Diff:")
		assert.Equal(t, 1, strings.Count(text, "Diff:"), "not in the timeline")

		_, table, _ := strings.Cut(text, "\n\n")
		rows := strings.Split(table[strings.Index(table, "at "):], "\n")
		require.Len(t, rows, 7, table)
		assert.Equal(t, `1.001s  1ms   read 2          pending  stale        seen at https://api.example; Not equal: expected: "active" actual : "pending" of the workspace; Not equal: expected: 9 actual : 7`, rows[2])
		assert.NotContains(t, rows[3], "seen")
		assert.Equal(t, `3.003s  1ms   read 4          pending  stale        seen at https://api.example; Not equal: expected: "active" actual : "deleting" of the workspace`, rows[4])
	})
}

// Of a good answer the check is asked, whatever is in it; only nil is nothing.
func TestEventually_empty(t *testing.T) {
	t.Parallel()
	p := everySecond
	p.Answer = func(phase consistency.Phase, value any, err error) (consistency.Answer, bool) {
		switch value.(type) {
		case []string, map[string]int, *workspace:
			return consistency.Answer{}, false
		}
		t.Errorf("%T is no value of the read", value)
		return consistency.Answer{}, false
	}
	bubble(t, "slice", func(t *testing.T) {
		reads := 0
		got := readbacktest.Eventually(t, p, func(context.Context) ([]string, error) {
			reads++
			return make([]string, 2-min(reads, 2)), nil
		}, func(c *readbacktest.C, all []string) { assert.Empty(c, all) })
		assert.Equal(t, []string{}, got)
		assert.Equal(t, 2, reads)
	})
	bubble(t, "map", func(t *testing.T) {
		got := readbacktest.Eventually(t, p, func(context.Context) (map[string]int, error) { return nil, nil },
			func(c *readbacktest.C, all map[string]int) { assert.Empty(c, all) })
		assert.Empty(t, got)
	})
	bubble(t, "nil", func(t *testing.T) {
		asked := false
		got := under(func(t *fakeT) {
			readbacktest.Eventually(t, p, (&service{answers: []any{nil}}).read, func(*readbacktest.C, *workspace) { asked = true })
		})
		assert.False(t, got.passed)
		assert.False(t, asked)
	})
}

// A nil check accepts what is there.
func TestEventually_noCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{answers: []any{status(404), nil, "pending"}}
		assert.Equal(t, &workspace{"pending"}, readbacktest.Eventually(t, everySecond, s.read, nil))
	})
}

func TestEventually_invalid(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(readbacktest.TestingT){
		"no read": func(t readbacktest.TestingT) { readbacktest.Eventually(t, everySecond, nil, isActive) },
		"no read of lists": func(t readbacktest.TestingT) {
			readbacktest.Eventually(t, everySecond, nil, func(*readbacktest.C, []string) {})
		},
		"policy": func(t readbacktest.TestingT) {
			readbacktest.Eventually(t, consistency.Policy{Settle: -1}, (&service{}).read, isActive)
		},
		"never, no read": func(t readbacktest.TestingT) { readbacktest.Never(t, everySecond, nil, isActive) },
		"never, policy": func(t readbacktest.TestingT) {
			readbacktest.Never(t, consistency.Policy{Within: -1}, (&service{}).read, isActive)
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := under(func(t *fakeT) { run(t) })
			assert.True(t, got.ended)
			assert.Contains(t, got.text(), consistency.ErrInvalid.Error())
		})
	}
}

// A failed require on the test's own t ends the test there and then, from the
// read and from the check.
func TestEventually_requireOfTheTest(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	bubble(t, "read", func(t *testing.T) {
		reads, deferred := 0, false
		got := under(func(t *fakeT) {
			readbacktest.Eventually(t, everySecond, func(context.Context) (int, error) {
				defer func() { deferred = true }()
				reads++
				require.NoError(t, errBroken)
				return 1, nil
			}, nil)
		})
		assert.True(t, got.ended)
		assert.False(t, got.passed)
		assert.Equal(t, 1, reads)
		assert.True(t, deferred)
		assert.Len(t, got.said, 1)
	})
	bubble(t, "check", func(t *testing.T) {
		s := &service{answers: []any{"pending", "active"}}
		got := under(func(t *fakeT) {
			readbacktest.Eventually(t, everySecond, s.read, func(_ *readbacktest.C, ws *workspace) {
				require.Equal(t, "active", ws.Status)
			})
		})
		assert.True(t, got.ended)
		assert.False(t, got.passed)
		assert.Equal(t, 1, s.reads)
		assert.Len(t, got.said, 1)
	})
}

// Everything runs on the calling goroutine, and nothing outlives the call: a
// bubble ends only when all its goroutines have.
func TestEventually_oneGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, give := range [][]any{{"pending", "active"}, {"pending"}, {hanging}, {status(401)}} {
			under(func(f *fakeT) {
				own := goroutine()
				s := &service{answers: give}
				readbacktest.Eventually(f, everySecond, func(ctx context.Context) (*workspace, error) {
					assert.Equal(t, own, goroutine())
					return s.read(ctx)
				}, func(c *readbacktest.C, ws *workspace) {
					assert.Equal(t, own, goroutine())
					isActive(c, ws)
				})
			})
		}
	})
}

// goroutine returns the name of the current goroutine, such as "goroutine 7".
func goroutine() string {
	stack := make([]byte, 64)
	name, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), " [")
	return name
}
