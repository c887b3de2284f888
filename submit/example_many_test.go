package submit_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/readback-go/readback/submit"
)

// Many jobs at once, and one result for each, in their order.
func ExampleSubmitter_SubmitAll() {
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	letters := []letter{{To: "ada"}, {To: "grace"}, {To: ""}}
	keyed := func(yield func(string, letter) bool) {
		for i, l := range letters {
			if !yield(fmt.Sprintf("letter-%d", i+1), l) {
				return
			}
		}
	}
	for key, res := range jobs.SubmitAll(context.Background(), keyed) {
		fmt.Println(key, res.Outcome)
	}
	// Output:
	// letter-1 confirmed
	// letter-2 confirmed
	// letter-3 failed
}

// A web server records jobs and answers at once; a worker sends them, and whoever
// wants to know waits for the outcomes.
func ExampleSubmitter_EnqueueAll() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	letters := map[string]letter{"letter-1": {To: "ada"}, "letter-2": {To: "grace"}}
	for key, err := range jobs.EnqueueAll(ctx, maps.All(letters)) {
		if err != nil {
			fmt.Println(key, err)
		}
	}

	go jobs.Run(ctx) // in another process, mostly
	for key, res := range jobs.Wait(ctx, slices.Sorted(maps.Keys(letters))...) {
		fmt.Println(key, res.Outcome)
	}
	// Output:
	// letter-1 confirmed
	// letter-2 confirmed
}

// Another system is told of each outcome. The last revision is kept with what was
// told: whatever dies, none is missed.
func ExampleSubmitter_Feed() {
	ctx, stop := context.WithCancel(context.Background())
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	for _, to := range []string{"ada", "grace"} {
		if _, err := jobs.Submit(ctx, "letter to "+to, letter{To: to}); err != nil {
			fmt.Println(err)
		}
	}

	defer stop()
	var told uint64 // is kept by that other system
	for job, err := range jobs.Feed(ctx, told) {
		if err != nil {
			fmt.Println(context.Cause(ctx))
			break
		}
		fmt.Println(job.Key, job.Outcome)
		told = job.Revision
		if job.Key == "letter to grace" {
			stop() // or go on for ever
		}
	}
	// Output:
	// letter to ada confirmed
	// letter to grace confirmed
	// context canceled
}
