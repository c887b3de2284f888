package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/submit"
)

// order is a job: a workspace to create, and the fault of the service's answer.
type order struct {
	Workspace string `json:"workspace"`
	Region    string `json:"region"`
	Fault     string `json:"fault,omitempty"`
}

// earlierOrder is the job in the earlier version of the program, which some workers run.
type earlierOrder struct {
	Name  string `json:"name"`
	Fault string `json:"fault,omitempty"`
}

func (o earlierOrder) today() order {
	return order{Workspace: o.Name, Region: "eu", Fault: o.Fault}
}

// earlierOrderOf returns the n-th job. Its fault depends on n alone, so that it is the same
// job when it is submitted again, in either version.
func earlierOrderOf(n int) earlierOrder {
	faults := [...]string{"", "503 at-once", "", "504 later 200ms", "", "503 never", "504 at-once"}
	return earlierOrder{Name: fmt.Sprintf("workspace%06d", n), Fault: faults[n%len(faults)]}
}

func orderOf(n int) order { return earlierOrderOf(n).today() }

// version is the JobVersion of order. The earlier program leaves such jobs alone.
const version = 1

type (
	submitter        = submit.Submitter[order, string, *workspaces.Workspace]
	options          = submit.Options[order, string, *workspaces.Workspace]
	earlierSubmitter = submit.Submitter[earlierOrder, string, *workspaces.Workspace]
	earlierOptions   = submit.Options[earlierOrder, string, *workspaces.Workspace]
)

// submitter makes the submitter of a worker, or of the audit.
func (c client) submitter(store submit.Store, o options) (*submitter, error) {
	o.Store, o.Flow, o.Policy.Within, o.JobVersion = store, c.flow, within, version
	if o.Lift == nil {
		o.Lift = lift
	}
	return submit.New(o)
}

// lift decodes a job of the earlier version.
func lift(_ int, data []byte) (order, error) {
	var job earlierOrder
	err := json.Unmarshal(data, &job)
	return job.today(), err
}

// earlierSubmitter makes the submitter of a worker of the earlier version.
func (c client) earlierSubmitter(store submit.Store, o earlierOptions) (*earlierSubmitter, error) {
	o.Store, o.Policy.Within = store, within
	o.Flow = func(key string, job earlierOrder) consistency.Flow[string, *workspaces.Workspace] {
		return c.flow(key, job.today())
	}
	return submit.New(o)
}

// desk takes jobs by their numbers, in either version of the program.
type desk interface {
	Run(ctx context.Context)
	submit(ctx context.Context, n int) (submit.Result[string], error)
	enqueue(ctx context.Context, n int) error
	draft(ctx context.Context, n int) (submit.Draft, error)
	redrive(ctx context.Context)
}

// deskOf is a desk for jobs J.
type deskOf[J any] struct {
	*submit.Submitter[J, string, *workspaces.Workspace]
	job func(n int) J
}

func (d deskOf[J]) submit(ctx context.Context, n int) (submit.Result[string], error) {
	return d.Submit(ctx, keyOf(n), d.job(n))
}

func (d deskOf[J]) enqueue(ctx context.Context, n int) error {
	return d.Enqueue(ctx, keyOf(n), d.job(n))
}

func (d deskOf[J]) draft(ctx context.Context, n int) (submit.Draft, error) {
	return d.Draft(ctx, keyOf(n), d.job(n))
}

// redrive retries all jobs that were set aside, as an operator would after a deploy. Jobs
// that cannot be retried now wait for the next call.
func (d deskOf[J]) redrive(ctx context.Context) {
	for job, err := range d.Jobs(ctx, submit.Filter{States: []submit.State{submit.SetAside}}) {
		if err != nil {
			return
		}
		_ = d.Retry(ctx, job.Key)
	}
}

// desk returns the desk of the worker's version. The later version warns when it reads a job
// of the earlier one.
func (w worker) desk(store submit.Store, out io.Writer) (desk, error) {
	c := client{url: w.service, delay: w.delay, buggy: w.buggy}
	policy := consistency.Policy{Logger: telling(out)}
	if w.earlier {
		jobs, err := c.earlierSubmitter(store, earlierOptions{Lease: w.lease, Policy: policy})
		return deskOf[earlierOrder]{jobs, earlierOrderOf}, err
	}
	jobs, err := c.submitter(store, options{Lease: w.lease, Policy: policy, Lift: func(version int, data []byte) (order, error) {
		if version != 0 {
			return order{}, errors.New("there was no such version")
		}
		policy.Logger.Warn(lifted)
		return lift(version, data)
	}})
	return deskOf[order]{jobs, orderOf}, err
}

// lifted is the warning of a worker that reads a job of the earlier version.
const lifted = "a job was lifted"
