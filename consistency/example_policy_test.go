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

// One policy for the whole application: how long to read, and how often.
func ExamplePolicy() {
	policy := consistency.Policy{
		Within:      20 * time.Second,                 // from the write's answer on
		Settle:      3,                                // reads in a row, where three replicas answer in turn
		Schedule:    readback.Every(time.Millisecond), // nil is better for most: it grows with the time passed
		ReadTimeout: 2 * time.Second,                  // of each read
	}
	fmt.Println(policy.Validate())
	fmt.Println(policy.WithinAfter(consistency.Applied))

	res, err := consistency.Do(context.Background(), policy, consistency.Create("create",
		func(context.Context) (string, error) { return "id", nil }, seven))
	fmt.Println(res.Outcome, res.History.Reads(), "reads", err)
	// Output:
	// <nil>
	// 20s
	// confirmed 3 reads <nil>
}

// Of an ambiguous or an accepted write there is more to wait for.
func ExamplePolicy_WithinAfter() {
	var policy consistency.Policy
	fmt.Println(policy.WithinAfter(consistency.Applied))
	fmt.Println(policy.WithinAfter(consistency.Ambiguous))
	fmt.Println(policy.WithinAfter(consistency.Accepted))
	// Output:
	// 30s
	// 2m0s
	// 10m0s
}

// A policy that comes from a file is asked before the first flow.
func ExamplePolicy_Validate() {
	policy := consistency.Policy{Within: 10 * time.Second, SettleFor: time.Minute}
	err := policy.Validate()
	fmt.Println(errors.Is(err, consistency.ErrInvalid))
	// Output: true
}

// Each reason to wait has a time of its own. A 403 that lasts is none of lag: the
// flow ends long before Within.
func ExampleWindows() {
	policy := consistency.Policy{
		Schedule: readback.Every(time.Millisecond),
		Windows: consistency.Windows{
			NotFound:    20 * time.Second,      // a 404 after a create
			Stale:       10 * time.Second,      // the old value after an update
			StillThere:  15 * time.Second,      // what was deleted
			BehindToken: 5 * time.Second,       // a replica that has not reached the write's position
			Forbidden:   20 * time.Millisecond, // from the first 403 of a run on
		},
	}
	forbidden := func(context.Context, string) (int, error) {
		return 0, consistency.Status(errors.New("no access"), http.StatusForbidden)
	}
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create",
		func(context.Context) (string, error) { return "id", nil }, forbidden))
	var why *consistency.Error
	fmt.Println(res.Outcome, errors.As(err, &why))
	fmt.Println(why.Reason, res.Elapsed < policy.Windows.NotFound)
	// Output:
	// unconfirmed true
	// forbidden true
}

// A new project is forbidden until the token is made anew.
func ExamplePolicy_onForbidden() {
	token := "old"
	policy := consistency.Policy{
		Schedule:    readback.Every(time.Millisecond),
		OnForbidden: func(context.Context) { token = "new" }, // before the next read
	}
	read := func(context.Context, string) (int, error) {
		if token == "old" {
			return 0, consistency.Status(errors.New("no access"), http.StatusForbidden)
		}
		return 7, nil
	}
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create project",
		func(context.Context) (string, error) { return "id", nil }, read))
	fmt.Println(res.Outcome, res.Value, "after", res.History.Reads(), "reads", err)
	// Output: confirmed 7 after 2 reads <nil>
}

// clientError is how a client of one's own keeps the response.
type clientError struct{ Response *http.Response }

func (*clientError) Error() string { return "the call failed" }

// A client whose error has no method that tells the status, but a field.
func ExampleAnswerOf() {
	policy := consistency.Policy{
		Answer: func(_ consistency.Phase, _ any, err error) (consistency.Answer, bool) {
			var failed *clientError
			if !errors.As(err, &failed) {
				return consistency.Answer{}, false // found elsewhere, or a success
			}
			return consistency.AnswerOf(failed.Response), true
		},
	}
	write := func(context.Context) (string, error) {
		return "", &clientError{&http.Response{StatusCode: http.StatusUnprocessableEntity}}
	}
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create", write, seven))
	fmt.Println(res.Outcome)
	fmt.Println(err)
	// Output:
	// failed
	// readback: create: failed; write: the call failed; last status 422 to the write
}

// What AnswerOf knows of a response: the status, and how long to wait.
func ExampleAnswer() {
	answer := consistency.AnswerOf(&http.Response{
		StatusCode: http.StatusTooManyRequests,
		Header:     http.Header{"Retry-After": {"7"}},
		Request:    &http.Request{Method: http.MethodPost},
	})
	fmt.Println(answer.Method, answer.Status, answer.RetryAfter)
	fmt.Println(consistency.Rules{}.ClassOf(consistency.ToPresent, answer))
	// Output:
	// POST 429 7s
	// refused
}
