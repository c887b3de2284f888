package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// The error of a flow keeps every reason, for a program that wants to tell its
// user more than a line.
func ExampleError() {
	flow := consistency.Update("rename workspace",
		func(context.Context) (string, error) { return "ws-1", nil },
		func(context.Context, string) (*Workspace, error) { return &alpha, nil },
		consistency.Field[string](func(w *Workspace) string { return w.Name }, "beta"))
	flow.Instance = "ws-1"
	flow.Started = func(context.Context, consistency.Pending) error { return errors.New("the disk is full") }

	policy := consistency.Policy{Within: 50 * time.Millisecond, Schedule: readback.Every(time.Millisecond)}
	_, err := consistency.Do(context.Background(), policy, flow)
	var why *consistency.Error
	if errors.As(err, &why) {
		fmt.Println(why.Outcome, why.Name, why.Instance)
		fmt.Println("reason:", why.Reason)
		fmt.Println("seen:", why.Seen)
		fmt.Println("cause:", why.Cause)
		fmt.Println("started:", why.Started)
		fmt.Println("handle:", why.Missing)
		fmt.Println("reads:", why.Reads == why.History.Reads())
	}
	// Output:
	// unconfirmed rename workspace ws-1
	// reason: stale
	// seen: {"ID":"ws-1","Name":"alpha","Version":1,"Members":["ada"]}
	// cause: the deadline of the poll passed
	// started: the disk is full
	// handle: <nil>
	// reads: true
}

// Why a refused write is not Failed: the client sent it twice by itself, and the
// first try may have been carried out.
func ExampleError_counted() {
	write := func(ctx context.Context) (string, error) {
		consistency.CountTry(ctx)
		consistency.CountTry(ctx)
		return "", consistency.Status(errors.New("there is one already"), http.StatusConflict)
	}
	_, err := consistency.Do(context.Background(), consistency.Policy{}, consistency.Create("create", write, seven))
	var why *consistency.Error
	if errors.As(err, &why) {
		fmt.Println(why.Phase, why.Status, why.Write)
		fmt.Println(why.Counted)
		fmt.Println(why.Hint)
	}
	// Output:
	// write 409 there is one already
	// 2 requests of the write were counted
	// set Flow.Find, which looks for what may be this write's
}
