package submit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A letter is the job of these examples.
type letter struct{ To, Text string }

// A postOffice is the service that the jobs are sent to.
type postOffice struct{ sent sync.Map }

// Flow sends a letter under its key, and reads it back.
func (p *postOffice) Flow(key string, l letter) consistency.Flow[string, letter] {
	get := func(_ context.Context, id string) (letter, error) {
		if l, ok := p.sent.Load(id); ok {
			return l.(letter), nil
		}
		return letter{}, status(404)
	}
	flow := consistency.Create("send letter",
		func(context.Context) (string, error) {
			if l.To == "" {
				return "", status(422)
			}
			p.sent.Store(key, l)
			return key, nil
		}, get)
	flow.Find = consistency.Known(key)
	flow.Mine = func(string) bool { return true } // it is found by the key
	return flow
}

// open returns a Submitter with options that matter nothing to most.
func open(opts submit.Options[letter, string, letter]) *submit.Submitter[letter, string, letter] {
	jobs, err := submit.New(opts)
	if err != nil {
		panic(err)
	}
	return jobs
}

// The options that an application thinks about. Store and Flow are all that is
// needed.
func ExampleOptions() {
	office := new(postOffice)
	jobs, err := submit.New(submit.Options[letter, string, letter]{
		Store:  submit.NewMemory(), // natsstore or pgstore, for what must outlive the process
		Flow:   office.Flow,
		Policy: consistency.Policy{Within: time.Minute, Schedule: readback.Backoff{Max: 10 * time.Second}},

		// The service remembers a key for a day, so a write that was cut short by
		// a crash may be sent again for a bit less than that.
		Resubmit: submit.Resubmit{KeyHonouredFor: 23 * time.Hour},

		GiveUpAfter:     time.Hour, // of a job that could never be sent
		Workers:         16,        // writes at the same time, and as many reads
		WritesPerSecond: 50,        // to one origin
		ReadsPerSecond:  100,
		Origin:          func(l letter) string { return l.To[strings.IndexByte(l.To, '@')+1:] },
		Lease:           10 * time.Second, // after which others take over the jobs of a dead process

		Keep:            24 * time.Hour,      // outcomes, for those who submit the same key again
		KeepUnconfirmed: 30 * 24 * time.Hour, // somebody has to look at these
		KeepPayload:     -1,                  // a fingerprint is enough: letters are private

		Ended: func(key string, l letter, res submit.Result[string]) { fmt.Println("ended:", key, res.Outcome) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := jobs.Submit(context.Background(), "letter-1", letter{To: "ada@example.org", Text: "Hello"})
	fmt.Println(res.Outcome, res.Ended.Before(res.Intent), res.Pending.IsZero(), err)
	// Output:
	// ended: letter-1 confirmed
	// confirmed false true <nil>
}

// Jobs outlive the program that recorded them. The field Name of the first version
// is To today.
func ExampleOptions_versions() {
	type old struct{ Name string }
	store, office := submit.NewMemory(), new(postOffice)
	before, err := submit.New(submit.Options[old, string, letter]{
		Store: store, JobVersion: 1,
		Flow: func(key string, o old) consistency.Flow[string, letter] { return office.Flow(key, letter{To: o.Name}) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := before.Enqueue(context.Background(), "letter-1", old{Name: "ada"}); err != nil {
		fmt.Println(err)
	}

	today := open(submit.Options[letter, string, letter]{
		Store: store, Flow: office.Flow, JobVersion: 2,
		Lift: func(version int, job []byte) (letter, error) {
			var o old
			err := json.Unmarshal(job, &o)
			return letter{To: o.Name}, err
		},
		// Nobody minds who submits the same letter with another text.
		Same: func(first, again letter) bool { return first.To == again.To },
	})
	job, err := today.Job(context.Background(), "letter-1")
	fmt.Println(job.State, job.Payload.To, err)
	err = today.Enqueue(context.Background(), "letter-1", letter{To: "ada", Text: "Hello"})
	fmt.Println("joins:", err)
	err = today.Enqueue(context.Background(), "letter-1", letter{To: "grace"})
	fmt.Println("is another's:", errors.Is(err, submit.ErrKeyReused))
	// Output:
	// queued ada <nil>
	// joins: <nil>
	// is another's: true
}

// Where thousands of jobs wait, one page of a list shows many of them.
func ExampleOptions_readMany() {
	office := new(postOffice)
	var pages atomic.Int64
	jobs := open(submit.Options[letter, string, letter]{
		Store: submit.NewMemory(), Flow: office.Flow,
		Policy: consistency.Policy{Schedule: readback.Backoff{FirstRead: 50 * time.Millisecond}},
		ReadMany: func(_ context.Context, group string, ids []string) (func(id string) (letter, bool), error) {
			pages.Add(1) // GET /letters?to=ada&ids=...
			page := make(map[string]letter)
			for _, id := range ids {
				if l, ok := office.sent.Load(id); ok && l.(letter).To == group {
					page[id] = l.(letter)
				}
			}
			return func(id string) (letter, bool) { l, ok := page[id]; return l, ok }, nil
		},
		Group: func(l letter) string { return l.To }, // a page is of one receiver
	})
	letters := func(yield func(string, letter) bool) {
		for i := range 100 {
			if !yield(fmt.Sprintf("letter-%d", i), letter{To: "ada"}) {
				return
			}
		}
	}
	var confirmed int64
	for _, res := range jobs.SubmitAll(context.Background(), letters) {
		if res.Outcome == consistency.Confirmed {
			confirmed++
		}
	}
	fmt.Println(confirmed, "confirmed, by fewer reads than that:", pages.Load() < confirmed)
	// Output: 100 confirmed, by fewer reads than that: true
}
