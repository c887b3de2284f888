package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// Each write, each read and the end is an event: count them, or log those that
// you care for.
func ExampleEvent() {
	reads := 0
	policy := consistency.Policy{
		Schedule: readback.Every(time.Millisecond),
		Observer: func(e consistency.Event) {
			switch e.Phase {
			case consistency.PhaseWrite:
				fmt.Println(e.Flow, e.Instance, "write", e.N, "was", e.Class, "in less than a minute:", e.Ended-e.Began < time.Minute)
			case consistency.PhaseRead:
				fmt.Printf("read %d %s %q\n", e.N, e.Verdict, e.Reason)
			case consistency.PhaseEnd:
				fmt.Println(e.Outcome, "after", e.Lag.Reads, "reads; it was not yet visible at the first:", e.Lag.After >= 0)
			}
		},
		Logger: zap.NewNop(), // gets the same at debug level
	}
	flow := consistency.Create("create",
		func(context.Context) (string, error) { return "id", nil },
		func(context.Context, string) (int, error) {
			if reads++; reads == 1 {
				return 0, consistency.Status(errors.New("no such thing"), http.StatusNotFound)
			}
			return 7, nil
		})
	flow.Instance = "7"
	if _, err := consistency.Do(context.Background(), policy, flow); err != nil {
		fmt.Println(err)
	}
	// Output:
	// create 7 write 1 was applied in less than a minute: true
	// read 1 pending "not found"
	// read 2 ready ""
	// confirmed after 2 reads; it was not yet visible at the first: true
}

// stopwatch is a Tracer that prints what begins and ends. A real one makes spans;
// readbackotel has it.
type stopwatch struct{}

func (stopwatch) Begin(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	fmt.Println("begin", e.Phase)
	return ctx, func(consistency.Event) { fmt.Println("end", e.Phase) }
}

func (stopwatch) Handle(context.Context) string { return "" }

// A tracer sees the flow, and within it each write and each read.
func ExampleTracer() {
	policy := consistency.Policy{Tracer: stopwatch{}}
	_, err := consistency.Do(context.Background(), policy, consistency.Create("create",
		func(context.Context) (string, error) { return "id", nil }, seven))
	fmt.Println(err)
	// Output:
	// begin flow
	// begin write
	// end write
	// begin read
	// end read
	// end flow
	// <nil>
}
