package poll_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// A state that comes and goes is believed once it has lasted; and each read is told
// of as it happens.
func ExampleOptions() {
	states := []string{"up", "down", "up"}
	read := func(context.Context) (string, error) {
		state := states[0]
		if len(states) > 1 {
			states = states[1:]
		}
		return state, nil
	}
	began := time.Now()
	_, err := poll.Until(context.Background(), read, poll.When(func(s string) bool { return s == "up" }), poll.Options{
		Schedule:    readback.Every(10 * time.Millisecond),
		SettleFor:   5 * time.Millisecond,  // so "up" has to be seen twice at least
		Within:      10 * time.Second,      // of the whole run
		ReadTimeout: time.Second,           // of each read
		Reserve:     20 * time.Millisecond, // what a read is expected to take, as long as none was answered
		Pause:       time.Millisecond,      // the server asked for it before
		Since:       began,                 // the times of the reads count from here
		Observe:     func(r poll.Read) { fmt.Println(r.N, r.Verdict, r.Began <= r.Ended) },
	})
	fmt.Println(err)
	// Output:
	// 1 ready true
	// 2 pending true
	// 3 ready true
	// 4 ready true
	// <nil>
}

// Two waits within one time: for a build to end, and then for its page to be there.
// The first keeps what the reads of the second need.
func ExampleOptions_keepReads() {
	ctx := context.Background()
	began := time.Now()
	building, missing := 2, 1
	build := func(context.Context) (bool, error) { building--; return building < 0, nil }
	page := func(context.Context) (bool, error) { missing--; return missing < 0, nil }
	done := poll.When(func(ok bool) bool { return ok })

	opts := poll.Options{Schedule: readback.Every(time.Millisecond), Within: 10 * time.Second, Since: began}
	first := opts
	first.KeepReads, first.KeepFor = 2, 10*time.Millisecond // two reads, 10 ms apart, are still to come
	if _, err := poll.Until(ctx, build, done, first); err != nil {
		fmt.Println(err)
		return
	}
	opts.SettleFor = 10 * time.Millisecond
	_, err := poll.Until(ctx, page, done, opts)
	fmt.Println("built and shown:", err)
	// Output: built and shown: <nil>
}

// Where a client must not hang for ever, the error tells all that there is.
func ExampleNotReadyError() {
	errDown := errors.New("connection refused")
	read := func(context.Context) (string, error) { return "", errDown }
	_, err := poll.Until(context.Background(), read, poll.When(func(string) bool { return true }), poll.Options{
		Schedule: readback.Every(time.Millisecond),
		Within:   10 * time.Millisecond,
	})
	var late *poll.NotReadyError
	if errors.As(err, &late) {
		fmt.Println("cause:", late.Cause)
		fmt.Println("last:", late.Last)
		fmt.Println(late.Reads > 0, late.Reads == late.History.Reads(), late.Elapsed < time.Minute)
	}
	// Output:
	// cause: the deadline of the poll passed
	// last: connection refused
	// true true true
}
