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

// What was deleted is an empty list here, and no 404.
func ExampleFlow_gone() {
	members := []string{"ada"}
	flow := consistency.Delete("remove all members", "ws-1",
		func(context.Context, string) error { members = []string{}; return nil },
		func(context.Context, string) ([]string, error) { return members, nil })
	flow.Gone = func(members []string) bool { return len(members) == 0 }

	res, err := consistency.Do(context.Background(), consistency.Policy{Schedule: readback.Every(time.Millisecond)}, flow)
	fmt.Println(res.Outcome, res.History.Reads(), "reads", err)
	// Output: confirmed 2 reads <nil>
}

// The thing is there, and shows that it could not be made.
func ExampleFlow_fault() {
	type database struct{ ID, State, Why string }
	flow := consistency.Create("create database",
		func(context.Context) (string, error) { return "db-1", nil },
		func(_ context.Context, id string) (*database, error) {
			return &database{id, "FAILED", "no room in zone a"}, nil
		})
	flow.Match = func(_ string, db *database) bool { return db.State == "RUNNING" }
	flow.Fault = func(id string, db *database) error {
		if db.ID == id && db.State == "FAILED" {
			return errors.New(db.Why)
		}
		return nil
	}
	res, err := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(res.Outcome, errors.Is(err, consistency.ErrOperation))
	// Output: failed true
}

// A 202 names an operation. It is followed to its end, which tells where the
// thing is; only then it is read.
func ExampleFlow_monitor() {
	type ref struct{ Operation, Name string }
	states := []string{"running", "running", "done"}
	flow := consistency.Create("create database",
		func(context.Context) (ref, error) { return ref{Operation: "op-1"}, nil },
		func(_ context.Context, r ref) (string, error) { return "the database " + r.Name, nil })
	flow.Follows = func(r ref) bool { return r.Operation != "" }
	flow.Monitor = func(_ context.Context, r *ref) (done bool, err error) {
		state := states[0] // GET /operations/op-1
		states = states[1:]
		switch state {
		case "failed":
			return false, fmt.Errorf("%w: %s", consistency.ErrOperation, state)
		case "done":
			r.Name = "db-1"
			return true, nil
		}
		return false, nil
	}
	flow.Lacks = func(r ref) error {
		if r.Operation == "" && r.Name == "" {
			return errors.New("neither an operation nor a name")
		}
		return nil
	}
	res, err := consistency.Do(context.Background(), consistency.Policy{Schedule: readback.Every(time.Millisecond)}, flow)
	fmt.Println(res.Outcome, res.Value, err)
	// Output: confirmed the database db-1 <nil>
}

// A command that changed nothing has nothing to wait for: one good read is enough.
func ExampleFlow_noChange() {
	type answer struct{ Events int }
	flow := consistency.Update("rename",
		func(context.Context) (answer, error) { return answer{Events: 0}, nil },
		func(context.Context, answer) (string, error) { return "alpha", nil },
		func(_ answer, name string) bool { return name == "alpha" })
	flow.NoChange = func(a answer) bool { return a.Events == 0 }

	policy := consistency.Policy{Settle: 3} // of three replicas
	res, err := consistency.Do(context.Background(), policy, flow)
	fmt.Println(res.Outcome, res.History.Reads(), "read", err)
	// Output: confirmed 1 read <nil>
}

// The write's answer is a position, and each read asks for at least that one. A
// replica that has not reached it answers 412, which is no refusal then.
func ExampleFlow_behind() {
	reached := 5
	flow := consistency.Create("append",
		func(context.Context) (int, error) { return 7, nil },
		func(_ context.Context, position int) (string, error) {
			if reached++; reached < position {
				return "", consistency.Status(errors.New("not there yet"), http.StatusPreconditionFailed)
			}
			return "appended", nil
		})
	flow.Behind = func(a consistency.Answer) bool { return a.Status == http.StatusPreconditionFailed }

	res, err := consistency.Do(context.Background(), consistency.Policy{Schedule: readback.Every(time.Millisecond)}, flow)
	for read := range res.History.All() {
		fmt.Printf("%s %q\n", read.Verdict, read.Reason)
	}
	fmt.Println(res.Value, err)
	// Output:
	// pending "behind token"
	// ready ""
	// appended <nil>
}

// Two orders look alike, and only their content tells which one is this write's.
func ExampleFlow_mineValue() {
	type order struct{ Cart string }
	orders := map[string]order{"o-1": {"cart-16"}, "o-2": {"cart-17"}}
	flow := consistency.Create("place order",
		func(context.Context) (string, error) { return "", errors.New("connection lost") },
		func(_ context.Context, id string) (order, error) { return orders[id], nil })
	flow.Instance = "cart-17" // for the logs: which order it is
	flow.Find = func(context.Context) ([]string, error) { return []string{"o-1", "o-2"}, nil }
	flow.MineValue = func(_ string, o order) bool { return o.Cart == "cart-17" }

	res, err := consistency.Do(context.Background(), consistency.Policy{Schedule: readback.Every(time.Millisecond)}, flow)
	fmt.Println(res.Outcome, res.Written, err)
	// Output: confirmed o-2 <nil>
}
