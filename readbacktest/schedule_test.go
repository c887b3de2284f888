package readbacktest_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/readbacktest"
)

// Our own schedules keep what they promise.
func TestSchedule_ours(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func() readback.Schedule{
		"Backoff":        func() readback.Schedule { return readback.Backoff{} },
		"Backoff, exact": func() readback.Schedule { return readback.Backoff{Initial: time.Second, NoJitter: true} },
		"Backoff, later": func() readback.Schedule { return readback.Backoff{FirstRead: 20 * time.Second} },
		"Delays": func() readback.Schedule {
			return readback.Delays(func() backoff.BackOff { return backoff.NewExponentialBackOff() })
		},
		"Delays, constant": func() readback.Schedule {
			return readback.Delays(func() backoff.BackOff { return backoff.NewConstantBackOff(5 * time.Millisecond) })
		},
		"Delays, stopped": func() readback.Schedule {
			return readback.Delays(func() backoff.BackOff { return &backoff.StopBackOff{} })
		},
		"Learned":           func() readback.Schedule { return readback.NewLearned(readback.LearnedOptions{}) },
		"Learned, zero":     func() readback.Schedule { return &readback.Learned{} },
		"Learned, of a key": func() readback.Schedule { return readback.NewLearned(readback.LearnedOptions{}).For("workspaces") },
		"Learned by a price": func() readback.Schedule {
			return readback.NewLearned(readback.LearnedOptions{Price: 10 * time.Millisecond})
		},
		"Learned, spaced": func() readback.Schedule { return readback.NewLearned(readback.LearnedOptions{Spacing: time.Second}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readbacktest.TestSchedule(t, fresh)
		})
	}
}

// schedule is one made of functions, to break it in one way. Where there is
// none, it reads at once and then each second.
type schedule struct {
	first func(deadline time.Duration) time.Duration
	plan  func() readback.Plan
}

func (s schedule) First(deadline time.Duration) time.Duration {
	if s.first == nil {
		return 0
	}
	return s.first(deadline)
}

func (s schedule) Plan() readback.Plan {
	if s.plan == nil {
		return plan(eachSecond)
	}
	return s.plan()
}

func eachSecond(step readback.Step) time.Duration {
	if step.Began > time.Hour || step.Began < 0 {
		return -1
	}
	return step.Began + time.Second
}

type plan func(readback.Step) time.Duration

func (p plan) Next(step readback.Step) time.Duration { return p(step) }

// growing waits one second more each time.
func growing() readback.Plan {
	var waits atomic.Int64
	return plan(func(step readback.Step) time.Duration {
		return max(step.Ended, 0) + time.Duration(waits.Add(1))*time.Second
	})
}

type validated struct{ schedule }

func (validated) Validate() error { return errors.New("no interval") }

// learner is a schedule that learns when to read first.
type learner struct {
	schedule
	observe func(readback.Lag)
}

func (l learner) Observe(lag readback.Lag) { l.observe(lag) }

// alone panics if it is used by two at once.
type alone struct{ busy atomic.Bool }

func (a *alone) First(time.Duration) time.Duration { return 0 }

func (a *alone) Plan() readback.Plan {
	if !a.busy.CompareAndSwap(false, true) {
		panic("two at once")
	}
	runtime.Gosched() // so that they meet
	a.busy.Store(false)
	return plan(eachSecond)
}

// Each promise is broken by a schedule that the test does not pass.
func TestSchedule_broken(t *testing.T) {
	t.Parallel()
	constant := func(at time.Duration) func(time.Duration) time.Duration {
		return func(time.Duration) time.Duration { return at }
	}
	planned := func(next plan) func() readback.Schedule {
		return func() readback.Schedule { return schedule{plan: func() readback.Plan { return next }} }
	}
	tests := []struct {
		name  string
		fresh func() readback.Schedule
		want  string
	}{
		{"no constructor", nil, "fresh is nil or returns nil"},
		{"no schedule", func() readback.Schedule { return nil }, "fresh is nil or returns nil"},
		{"invalid", func() readback.Schedule { return validated{} }, "is not valid: no interval"},
		{"first before the write", func() readback.Schedule { return schedule{first: constant(-time.Second)} }, "does not begin in time: First(30s) is -1s"},
		{"first after the deadline", func() readback.Schedule { return schedule{first: constant(time.Minute)} }, "does not begin in time: First(30s) is 1m0s"},
		{"first before the write, in a short flow", func() readback.Schedule {
			return schedule{first: func(deadline time.Duration) time.Duration { return min(deadline-time.Second, time.Second) }}
		}, "does not begin in time: First(0s) is -1s"},
		{"first is moved by each flow", func() readback.Schedule {
			var flows atomic.Int64
			return schedule{first: func(time.Duration) time.Duration { return time.Duration(flows.Add(1)) * time.Second }}
		}, "does not begin in time: First(30s) is 3"},
		{"no plan", func() readback.Schedule { return schedule{plan: func() readback.Plan { return nil }} }, "does not go on in time: the plan is nil"},
		{"waits for times", planned(func(readback.Step) time.Duration { return time.Second }), "does not go on in time: after a read at 1s Next is 1s"},
		{"waits that grow for times", func() readback.Schedule {
			return schedule{plan: func() readback.Plan {
				wait := time.Millisecond
				return plan(func(readback.Step) time.Duration { wait = min(2*wait, time.Minute); return wait })
			}}
		}, "does not go on in time: after a read at 4ms Next is 4ms"},
		{"no waits", planned(func(step readback.Step) time.Duration { return max(step.Ended, 0) + 1 }), "does not go on in time: 64 reads in a row are without a wait, up to 6"},
		{"no waits from some time on", planned(func(step readback.Step) time.Duration {
			return max(step.Ended, 0) + 1 + max(0, time.Second-max(step.Ended, 0)/8)
		}), "does not go on in time: 64 reads in a row are without a wait"},
		{"one plan for all", func() readback.Schedule {
			one := growing()
			return schedule{plan: func() readback.Plan { return one }}
		}, "shares the state of its plans: read 2 of a flow"},
		{"plans that go on where others ended", func() readback.Schedule {
			var flows atomic.Int64
			return schedule{plan: func() readback.Plan {
				wait := time.Duration(flows.Add(1)) * time.Millisecond
				return plan(func(step readback.Step) time.Duration { return max(step.Ended, 0) + 100*time.Millisecond + wait })
			}}
		}, "shares the state of its plans: read 2 of a flow"},
		{"plans that begin others anew", func() readback.Schedule {
			var waits atomic.Int64
			return schedule{plan: func() readback.Plan {
				waits.Store(0)
				return plan(func(step readback.Step) time.Duration {
					return max(step.Ended, 0) + time.Duration(waits.Add(1))*100*time.Millisecond
				})
			}}
		}, "shares the state of its plans: read 2 of a flow"},
		{"one at a time", func() readback.Schedule { return &alone{} }, "is not safe for concurrent use: Next panics: two at once"},
		{"divides by a zero", planned(func(step readback.Step) time.Duration {
			if step.Deadline == 0 {
				panic("divided by zero")
			}
			return eachSecond(step)
		}), "does not survive nonsense: Next({Reads:1 "},
		{"an index out of range", planned(func(step readback.Step) time.Duration {
			_ = [1 << 20]struct{}{}[max(step.Reads, 0)]
			return eachSecond(step)
		}), "does not survive nonsense: Next({Reads:9"},
		{"panics at a negative deadline", func() readback.Schedule {
			return schedule{first: func(deadline time.Duration) time.Duration {
				if deadline < 0 {
					panic("negative")
				}
				return 0
			}}
		}, "does not survive nonsense: First(-9223372036854775808) panics: negative"},
		{"broken by nonsense", func() readback.Schedule {
			var broken atomic.Bool
			return schedule{
				first: func(deadline time.Duration) time.Duration {
					if broken.Load() {
						return deadline + 1
					}
					return 0
				},
				plan: func() readback.Plan {
					return plan(func(step readback.Step) time.Duration {
						if step.Began < 0 {
							broken.Store(true)
						}
						return eachSecond(step)
					})
				},
			}
		}, "does not survive nonsense: afterwards, First(30s) is 30.000000001s"},
		{"hot after nonsense", func() readback.Schedule {
			var broken atomic.Bool
			return schedule{plan: func() readback.Plan {
				return plan(func(step readback.Step) time.Duration {
					if step.Began < 0 {
						broken.Store(true)
					}
					if broken.Load() {
						return step.Began
					}
					return eachSecond(step)
				})
			}}
		}, "does not survive nonsense: afterwards, after a read at 0s Next is 0s"},
		{"learns one flow at a time", func() readback.Schedule {
			var one alone
			return learner{observe: func(readback.Lag) { one.Plan() }}
		}, "is not safe for concurrent use: one flow among others panics: two at once"},
		{"learns not to wait", func() readback.Schedule {
			var learned atomic.Bool
			return learner{schedule{plan: func() readback.Plan {
				return plan(func(step readback.Step) time.Duration {
					if learned.Load() {
						return step.Ended
					}
					return eachSecond(step)
				})
			}}, func(lag readback.Lag) { learned.Store(lag.By > 8*time.Minute) }}
		}, "does not learn: after "},
		{"panics at a lag of no flow", func() readback.Schedule {
			return learner{observe: func(lag readback.Lag) {
				if lag.Reads < 0 && lag.Deadline > time.Hour {
					panic("negative")
				}
			}}
		}, "does not learn: Observe({First:"},
		{"panics at a lag", func() readback.Schedule {
			return learner{observe: func(lag readback.Lag) {
				if lag.By < 0 {
					panic("no hit")
				}
			}}
		}, "does not learn: Observe({First:"},
		{"learns too much", func() readback.Schedule {
			var longest atomic.Int64
			return learner{
				schedule{first: func(time.Duration) time.Duration { return time.Duration(longest.Load()) }},
				func(lag readback.Lag) { longest.Store(int64(min(max(lag.By, 0), 20*time.Minute))) },
			}
		}, "does not learn: after "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := under(func(t *fakeT) { readbacktest.TestSchedule(t, tt.fresh) })
			assert.Contains(t, got.text(), tt.want)
			for _, said := range got.said {
				assert.True(t, strings.HasPrefix(said, "schedule: "), said)
			}
		})
	}
}

// What a schedule may do: never read by itself, or read as late as it gets.
func TestSchedule_odd(t *testing.T) {
	t.Parallel()
	readbacktest.TestSchedule(t, func() readback.Schedule {
		return schedule{
			first: func(deadline time.Duration) time.Duration { return max(deadline, 0) },
			plan:  func() readback.Plan { return plan(func(readback.Step) time.Duration { return -1 }) },
		}
	})
	readbacktest.TestSchedule(t, func() readback.Schedule {
		return schedule{plan: func() readback.Plan { return plan(func(readback.Step) time.Duration { return math.MaxInt64 }) }}
	})
}
