package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
)

// Workspace is what the read model shows.
type Workspace struct {
	ID      string
	Name    string
	Version int
	Members []string
}

// An APIError is how the client of the examples reports a status.
type APIError int

func (e APIError) Error() string   { return http.StatusText(int(e)) }
func (e APIError) StatusCode() int { return int(e) }

// API is a client of a service whose reads lag behind its writes by some reads.
type API struct {
	lag     int // reads that show the time before the last write
	fails   int // status that writes answer with, though they are carried out
	before  Workspace
	current Workspace
	writes  int
}

func (a *API) write(w Workspace) error {
	a.before, a.current = a.current, w
	a.writes++
	if a.fails != 0 {
		return APIError(a.fails)
	}
	return nil
}

// CreateWorkspace creates a workspace and returns its id.
func (a *API) CreateWorkspace(_ context.Context, name string) (string, error) {
	return "ws-1", a.write(Workspace{ID: "ws-1", Name: name, Version: 1})
}

// RenameWorkspace returns the version that the new name has.
func (a *API) RenameWorkspace(_ context.Context, id, name string) (int, error) {
	version := a.current.Version + 1
	return version, a.write(Workspace{ID: id, Name: name, Version: version, Members: a.current.Members})
}

// AddMember adds a member to a workspace.
func (a *API) AddMember(_ context.Context, id, member string) error {
	w := a.current
	w.Members = append(w.Members, member)
	return a.write(w)
}

// DeleteWorkspace deletes a workspace.
func (a *API) DeleteWorkspace(context.Context, string) error { return a.write(Workspace{}) }

// GetWorkspace reads a workspace.
func (a *API) GetWorkspace(context.Context, string) (*Workspace, error) {
	shown := a.current
	if a.lag > 0 {
		a.lag--
		shown = a.before
	}
	if shown.ID == "" {
		return nil, APIError(http.StatusNotFound)
	}
	return &shown, nil
}

// FindWorkspaces lists the ids of workspaces by name.
func (a *API) FindWorkspaces(ctx context.Context, name string) ([]string, error) {
	w, err := a.GetWorkspace(ctx, "")
	if err != nil || w.Name != name {
		return nil, nil
	}
	return []string{w.ID}, nil
}

var alpha = Workspace{ID: "ws-1", Name: "alpha", Version: 1, Members: []string{"ada"}}

// The policy of the examples: waits that a reader does not notice.
var quick = consistency.Policy{Schedule: every(time.Millisecond)}

// The first two reads answer 404, since the read model does not know yet.
func ExampleDo() {
	api := &API{lag: 2}
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") },
		func(ctx context.Context, id string) (*Workspace, error) { return api.GetWorkspace(ctx, id) })

	res, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(res.Outcome, err)
	fmt.Println(res.Written, res.Value.Name, res.History.Reads(), "reads")
	// Output:
	// confirmed <nil>
	// ws-1 alpha 3 reads
}

// The write answers 503 and is carried out all the same. It is not sent again:
// Find looks for it, and Mine proves that it is this write's.
func ExampleCreate() {
	api := &API{lag: 2, fails: http.StatusServiceUnavailable}
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") },
		func(ctx context.Context, id string) (*Workspace, error) { return api.GetWorkspace(ctx, id) })
	flow.Find = func(ctx context.Context) ([]string, error) { return api.FindWorkspaces(ctx, "alpha") }
	flow.Mine = func(id string) bool { return id == "ws-1" }

	res, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(res.Outcome, err, res.Written)
	fmt.Println(api.writes, "write")
	// Output:
	// confirmed <nil> ws-1
	// 1 write
}

// A read that succeeds may still show the old name: an update needs a match.
func ExampleUpdate() {
	api := &API{current: alpha, lag: 1}
	flow := consistency.Update("rename workspace",
		func(ctx context.Context) (int, error) { return api.RenameWorkspace(ctx, "ws-1", "beta") },
		func(ctx context.Context, version int) (*Workspace, error) { return api.GetWorkspace(ctx, "ws-1") },
		func(version int, w *Workspace) bool { return w.Version >= version })

	res, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(res.Outcome, err, res.Value.Name, "at version", res.Written)
	// Output: confirmed <nil> beta at version 2
}

// Two reads in a row must find nothing.
func ExampleDelete() {
	api := &API{current: alpha, lag: 1}
	flow := consistency.Delete("delete workspace", "ws-1", api.DeleteWorkspace, api.GetWorkspace)

	res, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(res.Outcome, err)
	for read := range res.History.All() {
		fmt.Println(read.Verdict)
	}
	// Output:
	// confirmed <nil>
	// pending
	// ready
	// ready
}

// The write happened elsewhere.
func ExampleAwait() {
	api := &API{current: alpha, lag: 2}
	w, err := consistency.Await(context.Background(), quick, "workspace alpha",
		func(ctx context.Context) (*Workspace, error) { return api.GetWorkspace(ctx, "ws-1") },
		func(w *Workspace) bool { return w.Name == "alpha" })
	fmt.Println(w.Name, err)
	// Output: alpha <nil>
}

// What is still unconfirmed when the time is up is stored and confirmed later,
// perhaps by another process.
func ExampleResume() {
	api := &API{lag: 10}
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") },
		api.GetWorkspace)
	short := quick
	short.Within = 5 * time.Millisecond
	res, err := consistency.Do(context.Background(), short, flow)
	fmt.Println(res.Outcome, errors.Is(err, consistency.ErrUnconfirmed))
	handle, err := json.Marshal(res.Pending) // to be kept until another process goes on
	if err != nil {
		panic(err)
	}

	var pending consistency.Pending
	if err := json.Unmarshal(handle, &pending); err != nil {
		panic(err)
	}
	fmt.Println(pending.Name())
	res, err = consistency.Resume(context.Background(), quick, flow, pending)
	fmt.Println(res.Outcome, err, api.writes, "write")
	// Output:
	// unconfirmed true
	// create workspace
	// confirmed <nil> 1 write
}

// The id is known before the write, so a lost answer is no loss.
func ExampleKnown() {
	api := &API{current: alpha, fails: http.StatusGatewayTimeout}
	flow := consistency.Update("add member",
		func(ctx context.Context) (string, error) { return "ws-1", api.AddMember(ctx, "ws-1", "grace") },
		func(ctx context.Context, id string) ([]string, error) {
			w, err := api.GetWorkspace(ctx, id)
			if err != nil {
				return nil, err
			}
			return w.Members, nil
		},
		consistency.Member(func(_ string, member string) bool { return member == "grace" }))
	flow.Find = consistency.Known("ws-1")

	res, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(res.Outcome, err, res.Value, api.writes, "write")
	// Output: confirmed <nil> [ada grace] 1 write
}

// This client knows more than its status says: a quota is checked before
// anything is done.
func ExampleAs() {
	flow := consistency.Create("create workspace",
		func(context.Context) (string, error) {
			return "", consistency.As(consistency.Refused, errors.New("503: quota exceeded"))
		},
		new(API).GetWorkspace)

	_, err := consistency.Do(context.Background(), quick, flow)
	fmt.Println(err)
	fmt.Println(errors.Is(err, consistency.ErrFailed))
	// Output:
	// readback: create workspace: failed; write: 503: quota exceeded
	// true
}

// One flow inside another: errors.Is would find both sentinels.
func ExampleOutcomeOf() {
	inner := &consistency.Error{Outcome: consistency.Failed}
	outer := &consistency.Error{Outcome: consistency.Unconfirmed, Last: inner}
	fmt.Println(errors.Is(outer, consistency.ErrFailed), errors.Is(outer, consistency.ErrUnconfirmed))
	fmt.Println(consistency.OutcomeOf(outer))
	fmt.Println(consistency.OutcomeOf(nil))
	// Output:
	// true true
	// unconfirmed
	// confirmed
}

func ExampleField() {
	isBeta := consistency.Field[string](func(w *Workspace) string { return w.Name }, "beta")
	fmt.Println(isBeta("ws-1", &alpha), isBeta("ws-1", &Workspace{Name: "beta"}))
	// Output: false true
}

func ExampleVersion() {
	match := consistency.Version(
		func(version int) int { return version }, // what the write returned
		func(w *Workspace) int { return w.Version })
	fmt.Println(match(2, &Workspace{Version: 1}), match(2, &Workspace{Version: 3}))
	fmt.Println(match(0, &Workspace{Version: 3}), "for a version that is not known")
	// Output:
	// false true
	// false for a version that is not known
}

func ExampleMember() {
	match := consistency.Member(func(id string, w Workspace) bool { return w.ID == id })
	fmt.Println(match("ws-1", nil), match("ws-1", []Workspace{alpha}))
	// Output: false true
}
