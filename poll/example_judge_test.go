package poll_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// reply is what the reads of these examples return.
type reply struct {
	status  int
	version int
}

// All that a judge can say of a read.
func ExampleJudgement() {
	replies := []reply{{status: 404}, {status: 429}, {status: 503}, {status: 200, version: 1}, {status: 410}}
	read := func(context.Context) (reply, error) {
		r := replies[0]
		replies = replies[1:]
		return r, nil
	}
	judge := func(r reply, _ error, read poll.Read) poll.Judgement {
		switch j := (poll.Judgement{Status: r.status}); r.status {
		case 200:
			j.Verdict, j.Note = poll.Ready, fmt.Sprint("version ", r.version)
			j.Anew = r.version > 1 // what was ready before was another version: count from here
			return j
		case 404: // is taken for lag for a minute
			j.Verdict, j.Reason, j.Until = poll.Pending, "not found", time.Minute
			return j
		case 429: // says nothing, and when to come back
			j.Verdict, j.Reason, j.RetryAfter = poll.Unknown, "busy", 5*time.Millisecond
			return j
		case 503: // says nothing, and the first answer after it is not to be trusted
			j.Verdict, j.Reason, j.Setback = poll.Unknown, "down", true
			return j
		case 410: // is for good: no second read is needed
			j.Verdict, j.Settled = poll.Ready, true
			return j
		default: // no later read can be ready
			j.Verdict, j.Cause = poll.Stop, errors.New("no access")
			return j
		}
	}
	var history poll.History
	_, err := poll.Until(context.Background(), read, judge, poll.Options{
		Schedule: readback.Every(time.Millisecond), Settle: 2, History: &history,
	})
	for r := range history.All() {
		fmt.Printf("%d %d %s %q %q\n", r.N, r.Status, r.Verdict, r.Reason, r.Note)
	}
	fmt.Println(err)
	// Output:
	// 1 404 pending "not found" ""
	// 2 429 unknown "busy" ""
	// 3 503 unknown "down" ""
	// 4 200 ready "" "version 1"
	// 5 410 ready "" ""
	// <nil>
}

// What the reads of a run were, and what they tell of the lag.
func ExampleHistory() {
	version := 0
	read := func(context.Context) (int, error) { version++; return version, nil }
	var history poll.History
	_, err := poll.Until(context.Background(), read, poll.When(func(v int) bool { return v == 40 }), poll.Options{
		Schedule: readback.Every(time.Millisecond), History: &history,
	})
	last, _ := history.Last()
	fmt.Println(history.Reads(), "reads,", history.Omitted(), "of them not kept; the last was", last.Verdict, err)
	lag := history.Lag()
	fmt.Println("visible after", lag.Reads, "reads:", lag.After < lag.By)

	history.Add(poll.Read{Verdict: poll.Pending, Reason: "a look of one's own"})
	last, _ = history.Last()
	fmt.Println(last.N, last.Reason)
	// Output:
	// 40 reads, 8 of them not kept; the last was ready <nil>
	// visible after 40 reads: true
	// 41 a look of one's own
}

// Many polls on one goroutine: each is visited when its next read is due.
func ExampleStepper() {
	opts := poll.Options{Schedule: readback.Every(2 * time.Millisecond), Since: time.Now()}
	ready := poll.When(func(v int) bool { return v == 3 })
	const polls = 2
	var courses [polls]poll.Course
	var versions [polls]int
	for done := 0; done < polls; {
		for i := range courses {
			read := func(context.Context) (int, error) { versions[i]++; return versions[i], nil }
			if opts.Since.Add(courses[i].Next()).After(time.Now()) || versions[i] == 3 {
				continue
			}
			v, ok, err := poll.NewStepper(read, ready, opts).Visit(context.Background(), &courses[i], time.Time{})
			if ok || err != nil {
				fmt.Println("poll", i, "shows", v, "after", courses[i].Reads(), "reads", err)
				done++
			}
		}
		time.Sleep(time.Millisecond) // or until the earliest that is due
	}
	// Unordered output:
	// poll 0 shows 3 after 3 reads <nil>
	// poll 1 shows 3 after 3 reads <nil>
}
