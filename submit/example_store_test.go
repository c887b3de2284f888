package submit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/submit"
)

// A store of one's own records a job in a transaction, beside other data; see
// pgstore for one that is done.
func ExampleSubmitter_Draft() {
	ctx := context.Background()
	store := submit.NewMemory()
	jobs := open(submit.Options[letter, string, letter]{Store: store, Flow: new(postOffice).Flow})

	draft, err := jobs.Draft(ctx, "letter-1", letter{To: "ada"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // BEGIN; INSERT ...; and the record of the job; COMMIT
		_, err := store.Create(ctx, draft.Record())
		if errors.Is(err, submit.ErrExists) {
			found, _ := store.Get(ctx, submit.KindJob, "letter-1")
			same, err := draft.Joins(found)
			fmt.Println("the same job:", same, err)
			continue
		}
		fmt.Println("recorded:", err)
	}
	// Output:
	// recorded: <nil>
	// the same job: true <nil>
}

// What the record of a job says: for a store that tells of outcomes itself.
func ExampleResultOf() {
	ctx := context.Background()
	store := submit.NewMemory()
	jobs := open(submit.Options[letter, string, letter]{Store: store, Flow: new(postOffice).Flow})
	_, _ = jobs.Submit(ctx, "letter-1", letter{To: "ada"})

	record, err := store.Get(ctx, submit.KindJob, "letter-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := submit.ResultOf[string](record)
	fmt.Println(record.Done, res.Outcome, res.Written, err)
	// Output: true confirmed letter-1 <nil>
}

// What a Store does: a record changes only if it is as it was seen. TestStore of
// package readbacktest checks one of your own.
func ExampleStore() {
	ctx := context.Background()
	var store submit.Store = submit.NewMemory()
	seen, err := store.Create(ctx, submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte("1")})
	fmt.Println(err)

	now, err := store.Update(ctx, submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte("2"), Revision: seen})
	fmt.Println(now > seen, err)
	_, err = store.Update(ctx, submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte("3"), Revision: seen})
	fmt.Println(errors.Is(err, submit.ErrConflict))

	record, err := store.Watch(ctx, submit.KindJob, "a", seen) // at once: it has changed since
	fmt.Println(string(record.Value), err)
	record.Done, record.Keep, record.Label = true, time.Hour, "confirmed"
	now, err = store.Update(ctx, record)
	fmt.Println(err)
	for record, err := range store.List(ctx, record.Kind) {
		fmt.Println("pending:", record.Key, err)
	}
	fmt.Println(store.Delete(ctx, submit.Record{Kind: submit.KindJob, Key: "a", Revision: now}))
	// Output:
	// <nil>
	// true <nil>
	// true
	// 2 <nil>
	// <nil>
	// <nil>
}

// In tests, jobs that share the durable steps of a store.
func ExampleMemory_Batching() {
	store := submit.NewMemory().Batching()
	revisions, err := store.ChangeAll(context.Background(), []submit.Record{
		{Kind: submit.KindJob, Key: "a"}, {Kind: submit.KindJob, Key: "b"},
	})
	fmt.Println(len(revisions), err)
	// Output: 2 <nil>
}
