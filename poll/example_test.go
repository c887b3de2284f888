package poll_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// A follower two reads behind catches up.
func ExampleUntil() {
	versions := []int{1, 1, 2}
	read := func(context.Context) (int, error) {
		v := versions[0]
		versions = versions[1:]
		return v, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	v, err := poll.Until(ctx, read, poll.When(func(v int) bool { return v == 2 }), poll.Options{
		Schedule: readback.Backoff{Initial: time.Millisecond},
	})
	fmt.Println(v, err)
	// Output: 2 <nil>
}

// The error of a poll says why it ended, and how its last read failed.
func ExampleUntil_notReady() {
	errNotFound := errors.New("no such user")
	read := func(context.Context) (string, error) { return "", errNotFound }

	_, err := poll.Until(context.Background(), read, poll.When(func(name string) bool { return name != "" }), poll.Options{
		Within: 20 * time.Millisecond,
	})
	fmt.Println(errors.Is(err, poll.ErrNotReady), errors.Is(err, poll.ErrDeadline), errors.Is(err, errNotFound))
	// Output: true true true
}

// With two replicas behind one address, one good answer can be luck.
func ExampleUntil_settle() {
	replicas := []int{2, 1, 2, 2}
	read := func(context.Context) (int, error) {
		v := replicas[0]
		replicas = replicas[1:]
		return v, nil
	}
	var history poll.History
	_, err := poll.Until(context.Background(), read, poll.When(func(v int) bool { return v == 2 }), poll.Options{
		Schedule: readback.Backoff{Initial: time.Millisecond},
		Settle:   2,
		History:  &history,
	})
	for r := range history.All() {
		fmt.Println(r.N, r.Verdict)
	}
	fmt.Println(err)
	// Output:
	// 1 ready
	// 2 pending
	// 3 ready
	// 4 ready
	// <nil>
}

// A judge of one's own tells an answer that is no answer from a stale one.
func ExampleJudge() {
	errBusy, errForbidden := errors.New("busy"), errors.New("forbidden")
	judge := func(name string, err error, _ poll.Read) poll.Judgement {
		switch {
		case errors.Is(err, errBusy):
			return poll.Judgement{Verdict: poll.Unknown, Reason: "busy", RetryAfter: time.Second}
		case errors.Is(err, errForbidden):
			return poll.Judgement{Verdict: poll.Stop}
		case name != "alpha":
			return poll.Judgement{Reason: "stale"}
		}
		return poll.Judgement{Verdict: poll.Ready}
	}
	read := func(context.Context) (string, error) { return "", errForbidden }

	_, err := poll.Until(context.Background(), read, judge, poll.Options{})
	fmt.Println(errors.Is(err, errForbidden))
	// Output: true
}

// When makes a judge of a predicate.
func ExampleWhen() {
	positive := poll.When(func(n int) bool { return n > 0 })
	fmt.Println(positive(1, nil, poll.Read{}).Verdict)
	fmt.Println(positive(0, nil, poll.Read{}).Verdict)
	fmt.Println(positive(1, errors.New("lost"), poll.Read{}).Verdict)
	// Output:
	// ready
	// pending
	// pending
}
