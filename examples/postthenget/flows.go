package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/readbackhttp"
)

// job is the main job: its flows run one after the other.
type job struct {
	out     io.Writer
	service *workspaces.Service
	client  *client
	trace   *timeline
	policy  consistency.Policy
	done    []summary
}

// create is the common case: 404, then 403, then 200.
func (j *job) create(ctx context.Context) (id string) {
	flow := consistency.Create("create alpha",
		func(ctx context.Context) (string, error) {
			w, err := j.client.create(ctx, workspace{Name: "alpha"}, "")
			return w.ID, err
		},
		j.client.get)
	res := do(ctx, j, j.policy, flow, consistency.Confirmed, j.executed("alpha", 1))
	return res.Written
}

// update is read back until the new name shows, for a 200 alone proves nothing.
func (j *job) update(ctx context.Context, id string) {
	ex := readbackhttp.Exchange{
		Client: j.client.http,
		Write:  j.request(http.MethodPatch, id, `{"workspaceName":"beta"}`),
		Match:  readbackhttp.HasJSON("/workspaceName", "beta"),
		Name:   "rename alpha to beta",
	}
	do(ctx, j, j.policy, ex.Flow(), consistency.Confirmed, j.executed("beta", 1))
}

// delete is confirmed by two 404s in a row.
func (j *job) delete(ctx context.Context, id string) {
	ex := readbackhttp.Exchange{
		Client: j.client.http,
		Write:  j.request(http.MethodDelete, id, ""),
		Name:   "delete beta",
	}
	do(ctx, j, j.policy, ex.Flow(), consistency.Confirmed, j.count(workspaces.Deleted, "beta", 1))
}

// createLater gets a 504 and is carried out all the same. It is found by its
// name, and proven by a reference that nobody else knows.
func (j *job) createLater(ctx context.Context, fault string) {
	do(ctx, j, j.policy, j.ambiguous("create gamma, 504", "gamma", fault), consistency.Confirmed, j.executed("gamma", 1))
}

// createNever gets the same answer and is never carried out. That cannot be
// known, so it stays unconfirmed, with a handle to go on later.
func (j *job) createNever(ctx context.Context, within time.Duration) {
	policy := j.policy
	policy.Within = within
	res := do(ctx, j, policy, j.ambiguous("create delta, 503, never run", "delta", "503 never"), consistency.Unconfirmed, j.executed("delta", 0))
	if handle, err := res.Pending.MarshalJSON(); err == nil {
		fmt.Fprintf(j.out, "  to go on later: %s\n", handle)
	}
}

// createRefused is a 400: proof that nothing was carried out.
func (j *job) createRefused(ctx context.Context) {
	flow := consistency.Create("create without a name",
		func(ctx context.Context) (string, error) {
			w, err := j.client.create(ctx, workspace{}, "")
			return w.ID, err
		},
		j.client.get)
	do(ctx, j, j.policy, flow, consistency.Failed, j.executed("", 0))
}

// ambiguous is a create that can be found again if its answer is lost.
func (j *job) ambiguous(name, workspaceName, fault string) consistency.Flow[workspace, *workspace] {
	reference := fmt.Sprintf("postthenget-%d", time.Now().UnixNano())
	flow := consistency.Create(name,
		func(ctx context.Context) (workspace, error) {
			return j.client.create(ctx, workspace{Name: workspaceName, Reference: reference}, fault)
		},
		func(ctx context.Context, w workspace) (*workspace, error) { return j.client.get(ctx, w.ID) })
	flow.Find = func(ctx context.Context) ([]workspace, error) { return j.client.find(ctx, workspaceName) }
	flow.Mine = func(w workspace) bool { return w.Reference == reference }
	return flow
}

func (j *job) request(method, id, body string) *http.Request {
	req, err := http.NewRequest(method, j.client.base+"/v1/workspaces/"+id, strings.NewReader(body))
	if err != nil {
		panic(err) // the URL is our own
	}
	req.Header.Set("Authorization", "ApiKey "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	return req
}

// do runs one flow and holds its outcome against what is expected and what the
// service says that it has done.
func do[W, R any](ctx context.Context, j *job, policy consistency.Policy, flow consistency.Flow[W, R], want consistency.Outcome, truth func() error) consistency.Result[W, R] {
	fmt.Fprintf(j.out, "\n%s\n", flow.Name)
	res, err := consistency.Do(ctx, policy, flow)
	fmt.Fprintf(j.out, "  %8s  %s\n", ms(res.Elapsed), res.Outcome)
	if err != nil {
		fmt.Fprintf(j.out, "  %v\n", err)
	}
	s := summary{name: flow.Name, outcome: res.Outcome, reads: res.History.Reads(), elapsed: res.Elapsed, err: err, wrong: truth()}
	if s.wrong == nil && res.Outcome != want {
		s.wrong = wrong("not %v", want)
	}
	j.done = append(j.done, s)
	return res
}

// executed says whether the event log knows so many workspaces by that name.
func (j *job) executed(name string, times int) func() error {
	return func() error {
		created, changed := j.events(workspaces.Created, name), j.events(workspaces.Changed, name)
		if got := created + changed; got != times {
			return wrong("the log has %d events for it, not %d", got, times)
		}
		return nil
	}
}

func (j *job) count(kind workspaces.Kind, name string, times int) func() error {
	return func() error {
		if got := j.events(kind, name); got != times {
			return wrong("the log has %d events %s for it, not %d", got, kind, times)
		}
		return nil
	}
}

func (j *job) events(kind workspaces.Kind, name string) (n int) {
	for event, err := range j.service.Events() {
		if err != nil {
			return -1
		}
		if event.Kind == kind && event.Workspace.Name == name {
			n++
		}
	}
	return n
}
