package readback_test

import (
	"fmt"
	"time"

	"github.com/readback-go/readback"
)

// times returns when the first reads of a flow begin that does not become ready, if
// a read takes no time.
func times(schedule readback.Schedule, n int) (all []time.Duration) {
	at := schedule.First(time.Minute)
	plan := schedule.Plan()
	for step := (readback.Step{Settle: 1, Deadline: time.Minute}); len(all) < n && at >= 0; at = plan.Next(step) {
		all = append(all, at)
		step.Reads++
		step.Began, step.Ended = at, at
	}
	return all
}

// A read model that is known never to be faster than 200 ms, and a test that wants
// exact times. The zero value is good for most.
func ExampleBackoff_firstRead() {
	schedule := readback.Backoff{
		FirstRead:  200 * time.Millisecond,
		Initial:    100 * time.Millisecond,
		Multiplier: 2,
		Max:        300 * time.Millisecond,
		NoJitter:   true, // or Jitter, which spreads the waits of many flows
	}
	fmt.Println(schedule.Validate())
	fmt.Println(times(schedule, 5))
	// Output:
	// <nil>
	// [200ms 300ms 500ms 800ms 1.1s]
}

// Reads that cost something: one is spared if the write would be noticed less than
// 50 ms later without it. It is learned here that the lag lies between one second and two.
func ExampleLearnedOptions() {
	schedule := readback.NewLearned(readback.LearnedOptions{
		Price:   50 * time.Millisecond,
		Spacing: 20 * time.Millisecond, // between the beginnings of two reads, at least
		Keys:    16,                    // kinds of writes that are told apart by For
		Seed:    1,                     // the same times in each run; for tests
	})
	fmt.Println(schedule.Validate())
	for flow := range 300 {
		schedule.Observe(run(schedule, time.Second+time.Duration(flow*617%1000)*time.Millisecond))
	}
	fmt.Println("nine in ten are visible within", schedule.Quantile(0.9).Round(100*time.Millisecond))
	fmt.Printf("by %.0f reads on average\n", schedule.MeanReads(time.Minute))
	// Output:
	// <nil>
	// nine in ten are visible within 1.9s
	// by 3 reads on average
}

// halves is a schedule of one's own: it reads at once, and then whenever half as much
// time again has passed. One value serves all flows, so it keeps nothing.
type halves struct{}

func (halves) First(time.Duration) time.Duration { return 0 }
func (h halves) Plan() readback.Plan             { return h }
func (halves) Next(step readback.Step) time.Duration {
	return max(step.Ended+step.Ended/2, step.Ended+10*time.Millisecond)
}

// TestSchedule of package readbacktest checks one like this.
func ExampleSchedule() {
	fmt.Println(times(halves{}, 6))
	// Output: [0s 10ms 20ms 30ms 45ms 67.5ms]
}
