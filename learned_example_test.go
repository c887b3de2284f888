package readback_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/readback-go/readback"
)

// A read model that is refreshed every second: a write becomes visible at any
// time within the next one, and the reads of later flows lie in between, the
// closer the later they are.
func ExampleLearned() {
	schedule := readback.NewLearned(readback.LearnedOptions{Reads: 3, Seed: 1})
	for flow := range 500 {
		lag := time.Duration(flow*617%1000) * time.Millisecond
		schedule.Observe(run(schedule, lag))
	}
	fmt.Println("half of the writes are visible within", schedule.Quantile(0.5).Round(100*time.Millisecond))
	for _, at := range schedule.Times(time.Minute)[:3] {
		fmt.Println("read at", at.Round(100*time.Millisecond))
	}
	// Output:
	// half of the writes are visible within 500ms
	// read at 200ms
	// read at 500ms
	// read at 700ms
}

// Each read model has a lag of its own.
func ExampleLearned_For() {
	schedule := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	for range 200 {
		search, orders := schedule.For("search"), schedule.For("orders")
		search.Observe(run(search, 2*time.Second))
		orders.Observe(run(orders, 0))
	}
	fmt.Println("search:", schedule.For("search").Quantile(0.5).Round(100*time.Millisecond))
	fmt.Println("orders:", schedule.For("orders").Quantile(0.5))
	// Output:
	// search: 2s
	// orders: 0s
}

// A process that does not live for long saves what it learned for the next.
func ExampleLearned_MarshalJSON() {
	var schedule readback.Learned
	for range 100 {
		schedule.Observe(run(&schedule, 200*time.Millisecond))
	}
	saved, err := json.Marshal(&schedule)
	if err != nil {
		fmt.Println(err)
	}

	var next readback.Learned
	if err := json.Unmarshal(saved, &next); err != nil {
		fmt.Println(err)
	}
	fmt.Println(next.Quantile(0.5).Round(20 * time.Millisecond))
	// Output: 200ms
}

// run stands for the loop: it reads by the schedule until the lag is over, and
// returns what the reads told.
func run(schedule readback.Schedule, lag time.Duration) readback.Lag {
	told := readback.Lag{After: -1, By: -1, Deadline: time.Minute}
	step := readback.Step{Settle: 1, Deadline: time.Minute}
	plan := schedule.Plan()
	for at := schedule.First(time.Minute); at >= 0; at = plan.Next(step) {
		step.Reads++
		step.Began, step.Ended = at, at
		if told.Reads = step.Reads; at >= lag {
			told.By = at
			break
		}
		told.After = at
	}
	return told
}
