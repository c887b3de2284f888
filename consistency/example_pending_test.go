package consistency_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// The handle is kept before the first read: a crash while reading loses nothing.
func ExampleFlow_started() {
	var kept []byte // a file, or a row of a database
	flow := consistency.Create("create workspace",
		func(context.Context) (string, error) { return "ws-1", nil }, seven)
	flow.Started = func(_ context.Context, h consistency.Pending) (err error) {
		kept, err = json.Marshal(h)
		return err
	}
	res, err := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Started, err)

	var handle consistency.Pending
	err = json.Unmarshal(kept, &handle)
	fmt.Println(handle.Name(), handle.IsZero(), err)
	// Output:
	// confirmed <nil> <nil>
	// create workspace false <nil>
}

// The process that goes on links its trace to that of the one before.
func ExamplePending_WithTrace() {
	nothing := func(context.Context, string) (*Workspace, error) { return nil, nil }
	res, _ := consistency.Do(context.Background(),
		consistency.Policy{Within: 30 * time.Millisecond, Schedule: readback.Every(time.Millisecond)},
		consistency.Create("create", func(context.Context) (string, error) { return "ws-1", nil }, nothing))

	kept, err := json.Marshal(res.Pending.WithTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	if err != nil {
		fmt.Println(err)
	}
	var handle consistency.Pending
	fmt.Println(json.Unmarshal(kept, &handle))
	fmt.Println(handle.Trace())
	// Output:
	// <nil>
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
}

// A handle says when it cannot carry what the write returned: the reference has to
// be found again by whoever goes on.
func ExamplePending_Missing() {
	type ref struct {
		ID    string
		Place any // JSON brings back another type
	}
	nothing := func(context.Context, ref) (*Workspace, error) { return nil, nil }
	res, _ := consistency.Do(context.Background(),
		consistency.Policy{Within: 30 * time.Millisecond, Schedule: readback.Every(time.Millisecond)},
		consistency.Create("create", func(context.Context) (ref, error) { return ref{"ws-1", 7}, nil }, nothing))
	fmt.Println(res.Outcome, res.Pending.Missing() != nil)
	// Output: unconfirmed true
}
