package submit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// An operator looks for jobs, page by page.
func ExampleSubmitter_Jobs() {
	ctx := context.Background()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	for i, to := range []string{"ada", "", "grace", ""} { // those without a receiver are refused
		_, _ = jobs.Submit(ctx, fmt.Sprintf("letter-%d", i+1), letter{To: to})
	}

	filter := submit.Filter{
		States:    []submit.State{submit.Ended},
		Outcomes:  []consistency.Outcome{consistency.Failed},
		KeyPrefix: "letter-",
		NewerThan: time.Hour, // and OlderThan, to find what is stuck
		Limit:     1,
	}
	for page := 1; ; page++ {
		seen := 0
		for job, err := range jobs.Jobs(ctx, filter) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("page", page, job.Key, job.State, job.Outcome)
			filter.After, seen = job.Cursor, seen+1
		}
		if seen < filter.Limit {
			return
		}
	}
	// Output:
	// page 1 letter-4 ended failed
	// page 2 letter-2 ended failed
}

// All that is known of one job.
func ExampleSubmitter_Job() {
	ctx := context.Background()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	_, _ = jobs.Submit(ctx, "letter-1", letter{To: "ada"})

	job, err := jobs.Job(ctx, "letter-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.State, job.Outcome, job.Payload.To, job.Free, job.Forgotten, job.Unreadable)
	for _, step := range job.Steps {
		fmt.Println(step.What, time.Since(step.At) < time.Hour)
	}
	// Output:
	// ended confirmed ada false false <nil>
	// recorded true
	// sent true
	// confirmed true
}

// What was not sent yet can be taken back, and its key is free again.
func ExampleSubmitter_Cancel() {
	ctx := context.Background()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	_ = jobs.Enqueue(ctx, "letter-1", letter{To: "ada"}) // and no Run yet

	shown, _ := jobs.Job(ctx, "letter-1") // what the operator saw
	fmt.Println(jobs.Cancel(ctx, "letter-1", shown.Revision))
	res, err := jobs.Lookup(ctx, "letter-1")
	fmt.Println(res.Outcome, errors.Is(res.Err, submit.ErrCancelled), err)

	_, _ = jobs.Submit(ctx, "letter-1", letter{To: "grace"})
	err = jobs.Cancel(ctx, "letter-1")
	fmt.Println("too late:", errors.Is(err, submit.ErrWrongState))
	// Output:
	// <nil>
	// failed true <nil>
	// too late: true
}

// A bug of the program's own sets one job aside, and no other. When it is mended,
// the job goes on where it was.
func ExampleSubmitter_Retry() {
	ctx := context.Background()
	mended, office := false, new(postOffice)
	jobs := open(submit.Options[letter, string, letter]{
		Store: submit.NewMemory(),
		Flow: func(key string, l letter) consistency.Flow[string, letter] {
			if !mended && l.Text == "" {
				panic("an empty text")
			}
			return office.Flow(key, l)
		},
	})
	_, err := jobs.Submit(ctx, "letter-1", letter{To: "ada"})
	fmt.Println(errors.Is(err, submit.ErrSetAside))
	job, _ := jobs.Job(ctx, "letter-1")
	fmt.Println(job.State, job.Panic, job.Stack != "")

	mended = true
	fmt.Println(jobs.Retry(ctx, "letter-1", job.Revision))
	res, err := jobs.Submit(ctx, "letter-1", letter{To: "ada"}) // waits for it; a Run would go on with it, too
	fmt.Println(res.Outcome, err)
	// Output:
	// true
	// aside an empty text true
	// <nil>
	// confirmed <nil>
}

// Somebody wants to be forgotten. That there was a letter of this key stays known,
// and so it is not sent again.
func ExampleSubmitter_Forget() {
	ctx := context.Background()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	_, _ = jobs.Submit(ctx, "letter-1", letter{To: "ada"})

	fmt.Println(jobs.Forget(ctx, "letter-1"))
	job, err := jobs.Job(ctx, "letter-1")
	fmt.Printf("%v %q %v %v\n", job.Forgotten, job.Payload.To, job.Outcome, err)
	// Output:
	// <nil>
	// true "" confirmed <nil>
}

// For a dashboard. Package readbackotel makes metrics of both.
func ExampleSubmitter_Progress() {
	ctx := context.Background()
	jobs := open(submit.Options[letter, string, letter]{Store: submit.NewMemory(), Flow: new(postOffice).Flow})
	_, _ = jobs.Submit(ctx, "letter-1", letter{To: "ada"})
	_, _ = jobs.Submit(ctx, "letter-2", letter{To: ""})

	p := jobs.Progress()
	fmt.Println("ended:", p.Confirmed, "confirmed,", p.Unconfirmed, "unconfirmed,", p.Failed, "failed")
	fmt.Println("pending:", p.Queued, "queued,", p.Sending, "sending,", p.Reading, "reading,", p.Recording, "recording")
	fmt.Println("nothing waits:", p.Oldest.IsZero(), "and the store is well:", p.Err == nil)
	fmt.Println("half of the lags are no longer than nine in ten:", p.Lag.P50 <= p.Lag.P90)
	fmt.Println("nor these than ninety-nine in a hundred:", p.Lag.P90 <= p.Lag.P99)

	s := jobs.Stats()
	fmt.Println("under way:", s.Writes, "writes and", s.Reads, "reads, set aside:", s.SetAside)
	fmt.Println("not confirmed:", s.Reasons, "and unconfirmed none:", s.OldestUnconfirmed.IsZero())
	// Output:
	// ended: 1 confirmed, 0 unconfirmed, 1 failed
	// pending: 0 queued, 0 sending, 0 reading, 0 recording
	// nothing waits: true and the store is well: true
	// half of the lags are no longer than nine in ten: true
	// nor these than ninety-nine in a hundred: true
	// under way: 0 writes and 0 reads, set aside: 0
	// not confirmed: map[refused:1] and unconfirmed none: true
}

// A job that the service has no time for is tried again, and shows so.
func ExampleJob() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var office postOffice
	jobs := open(submit.Options[letter, string, letter]{
		Store: submit.NewMemory(),
		Flow: func(key string, l letter) consistency.Flow[string, letter] {
			flow := office.Flow(key, l)
			flow.Write = func(context.Context) (string, error) { return "", status(429) }
			return flow
		},
		Policy: consistency.Policy{Schedule: readback.Every(time.Millisecond)},
	})
	if err := jobs.Enqueue(ctx, "letter-1", letter{To: "ada"}); err != nil {
		fmt.Println(err)
		return
	}
	go jobs.Run(ctx)

	job, err := jobs.Job(ctx, "letter-1")
	for err == nil && job.Tries < 2 {
		time.Sleep(time.Millisecond)
		job, err = jobs.Job(ctx, "letter-1")
	}
	fmt.Println("more than one try:", job.Tries > 1, err)
	fmt.Println("the last one:", job.Tried)
	fmt.Println("somebody holds it:", job.Holder != "")
	// Output:
	// more than one try: true <nil>
	// the last one: readback: send letter (letter-1): failed; write: status 429; last status 429 to the write
	// somebody holds it: true
}
