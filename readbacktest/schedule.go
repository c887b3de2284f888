package readbacktest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/readback-go/readback"
)

// TestSchedule checks the contract of a [readback.Schedule] of your own, and fails the test
// for each promise that it breaks:
//
//   - It is valid, if it has a method Validate.
//   - First is never negative, and not after the deadline of a common flow.
//   - Each result of Next is after the beginning of the read before, or negative. (Next
//     returns a time, not a wait.)
//   - A flow that does not become ready does not read again and again without a wait.
//   - One flow does not change the times of another: all state is in plans.
//   - It is safe for concurrent use.
//   - Absurd input does not make it panic or break a promise later.
//   - All this is still true after it has learned, if it is a [readback.Learner].
//
// Fresh returns a new schedule at each call. Run the test with the race detector, which
// alone finds some mistakes. A correct schedule with random times does not fail by chance.
//
//	func TestMySchedule(t *testing.T) {
//		readbacktest.TestSchedule(t, func() readback.Schedule { return NewMine() })
//	}
func TestSchedule(t TestingT, fresh func() readback.Schedule) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	if fresh == nil || fresh() == nil {
		t.Errorf("schedule: fresh is nil or returns nil")
		t.FailNow()
		return
	}
	conform(t, fmt.Sprintf("schedule: %T", fresh()), []promise{
		{"is not valid", func() error { return checkValid(fresh()) }},
		{"does not begin in time", func() error { return checkFirst(fresh()) }},
		{"does not go on in time", func() error { return checkTimes(fresh()) }},
	}, []promise{
		{"shares the state of its plans", func() error { return checkApart(fresh) }},
		{"is not safe for concurrent use", func() error { return checkConcurrent(fresh()) }},
		{"does not survive nonsense", func() error { return checkNonsense(fresh()) }},
		{"does not learn", func() error { return checkLearner(fresh) }},
	})
}

// promise is a part of a contract that a conformance test checks.
type promise struct {
	broken string // the failure of an implementation that breaks it
	check  func() error
}

// conform fails the test for each broken promise of the first stage, and goes on to the next
// stage only if none is broken, since later promises depend on earlier ones.
func conform(t TestingT, what string, stages ...[]promise) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	for _, stage := range stages {
		broken := false
		for _, promise := range stage {
			if err := guarded("it", promise.check); err != nil {
				t.Errorf("%s %s: %v", what, promise.broken, err)
				broken = true
			}
		}
		if broken {
			return
		}
	}
}

func checkValid(s readback.Schedule) error {
	if v, ok := s.(interface{ Validate() error }); ok {
		return guarded("Validate", v.Validate)
	}
	return nil
}

// commonDeadlines are the default deadlines of flows.
var commonDeadlines = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

func checkFirst(s readback.Schedule) error {
	return guarded("First", func() error {
		for range 200 { // it may be random
			for _, deadline := range commonDeadlines {
				if at := s.First(deadline); at < 0 || at > deadline {
					return fmt.Errorf("First(%v) is %v", deadline, at)
				}
			}
			for _, deadline := range []time.Duration{0, 1, time.Millisecond, time.Second, math.MaxInt64} {
				if at := s.First(deadline); at < 0 {
					return fmt.Errorf("First(%v) is %v", deadline, at)
				}
			}
		}
		return nil
	})
}

// checkTimes follows flows of several kinds.
func checkTimes(s readback.Schedule) error {
	var errs []error
	for _, deadline := range commonDeadlines {
		for _, took := range []time.Duration{0, 3 * time.Millisecond, 2 * time.Second} {
			errs = append(errs,
				flowOf{deadline: deadline, took: took, settle: 1, ready: deadline}.check(s),
				flowOf{deadline: deadline, took: took, settle: 3, ready: time.Second}.check(s))
		}
	}
	return first(errs)
}

// first returns the first error: the others tend to say the same.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkApart compares the plans of a schedule in use with those of fresh ones. Times may be
// random, so it checks only that the median of the ones is within the range of the others.
func checkApart(fresh func() readback.Schedule) error {
	return guarded("Next", func() error {
		const draws, reads = 64, 6
		flow := flowOf{deadline: 2 * time.Minute, took: 10 * time.Millisecond, settle: 1}
		var alone, among [reads][]time.Duration
		for range draws {
			for n, at := range flow.times(fresh().Plan(), reads) {
				alone[n] = append(alone[n], at)
			}
		}
		s := fresh()
		used := s.Plan()
		for range draws {
			s.First(flow.deadline)
			flow.times(used, reads)
			plan := s.Plan()
			flow.times(used, reads) // another flow reads between Plan and its first Next
			for n, at := range flow.times(plan, reads) {
				among[n] = append(among[n], at)
			}
		}
		for n := range reads {
			slices.Sort(alone[n])
			slices.Sort(among[n])
			from, to, median := alone[n][0], alone[n][draws-1], among[n][draws/2]
			if median < from || median > to {
				return fmt.Errorf("read %d of a flow is at %v by a schedule in use, and at %v to %v by a fresh one", n+2, median, from, to)
			}
		}
		return nil
	})
}

// checkConcurrent runs many flows at the same time.
func checkConcurrent(s readback.Schedule) error {
	const flows = 8
	errs := make([]error, flows)
	var all sync.WaitGroup
	for i := range flows {
		all.Go(func() {
			errs[i] = guarded("one flow among others", func() error {
				for n := range 50 {
					f := flowOf{deadline: commonDeadlines[n%len(commonDeadlines)], took: time.Millisecond, settle: 2, ready: 5 * time.Second}
					if at := s.First(f.deadline); at < 0 || at > f.deadline {
						return fmt.Errorf("First(%v) is %v", f.deadline, at)
					}
					if err := f.check(s); err != nil {
						return err
					}
					if learner, ok := s.(readback.Learner); ok {
						learner.Observe(lagAfter(time.Duration(i+n) * 100 * time.Millisecond))
					}
				}
				return nil
			})
		})
	}
	all.Wait()
	return first(errs)
}

// checkNonsense passes absurd values, and then checks that normal flows still work.
func checkNonsense(s readback.Schedule) error {
	odd := []time.Duration{math.MinInt64, -time.Hour, -1, 0, 1, time.Hour, math.MaxInt64}
	counts := []int{math.MinInt, -1, 0, 1, math.MaxInt}
	for _, deadline := range odd {
		if err := guarded(fmt.Sprintf("First(%d)", deadline), func() error { s.First(deadline); return nil }); err != nil {
			return err
		}
	}
	for i := range len(odd) * len(odd) * len(counts) {
		// Each pair of odd times meets, with each count.
		a, b, n := odd[i%len(odd)], odd[i/len(odd)%len(odd)], counts[i%len(counts)]
		for _, step := range []readback.Step{
			{Reads: n, Began: a, Ended: b, Deadline: time.Minute},
			{Reads: 1, Streak: n, Settle: -n, Began: a, Ended: a, Deadline: b},
			{Reads: 3, Streak: 1, Settle: n, ReadTime: a, Deadline: b},
		} {
			if err := guarded(fmt.Sprintf("Next(%+v)", step), func() error { s.Plan().Next(step); return nil }); err != nil {
				return err
			}
		}
	}
	if err := checkFirst(s); err != nil {
		return fmt.Errorf("afterwards, %w", err)
	}
	if err := checkTimes(s); err != nil {
		return fmt.Errorf("afterwards, %w", err)
	}
	return nil
}

// checkLearner teaches a schedule short lags, long lags and absurd ones.
func checkLearner(fresh func() readback.Schedule) error {
	odd := []time.Duration{math.MinInt64, -1, 0, 1, math.MaxInt64}
	var nonsense []readback.Lag
	for i := range len(odd) * len(odd) {
		a, b := odd[i%len(odd)], odd[i/len(odd)]
		nonsense = append(nonsense,
			readback.Lag{First: odd[(i+1)%len(odd)], After: a, By: b, Reads: i%4 - 1, Deadline: odd[(i+2)%len(odd)], ReadTime: a},
			readback.Lag{After: a, By: b, Reads: math.MaxInt, Deadline: time.Minute})
	}
	lessons := map[string][]readback.Lag{
		"no lag":         {lagAfter(0)},
		"lags of 300 ms": {lagAfter(300 * time.Millisecond)},
		"lags of 9 min":  {lagAfter(9 * time.Minute)},
		"lags too long":  {{After: 30 * time.Second, By: -1, Reads: 9, Deadline: 30 * time.Second, ReadTime: time.Millisecond}},
		"nonsense":       nonsense,
	}
	for name, lesson := range lessons {
		s := fresh()
		learner, ok := s.(readback.Learner)
		if !ok {
			return nil
		}
		for range 100 {
			for _, lag := range lesson {
				if err := guarded(fmt.Sprintf("Observe(%+v)", lag), func() error { learner.Observe(lag); return nil }); err != nil {
					return err
				}
			}
		}
		if err := errors.Join(checkFirst(s), checkTimes(s)); err != nil {
			return fmt.Errorf("after %s: %w", name, err)
		}
	}
	return nil
}

// lagAfter returns the Lag of a flow that noticed its write after lag.
func lagAfter(lag time.Duration) readback.Lag {
	after := lag - lag/10
	if lag == 0 {
		after = -1
	}
	return readback.Lag{After: after, By: lag, Reads: 3, Deadline: 10 * time.Minute, ReadTime: time.Millisecond}
}

// guarded calls f, and returns a panic as an error.
func guarded(what string, f func() error) (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%s panics: %v", what, why)
		}
	}()
	return f()
}
