package main

import (
	"context"
	"fmt"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/internal/api"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/submit"
)

// order is a job. It is stored as JSON: the fault is what the service is to do
// to it.
type order struct {
	Name  string
	Fault string
}

func keyOf(n int) string { return fmt.Sprintf("order-%04d", n) }

func orderOf(n int) order {
	return order{Name: fmt.Sprintf("space%04d", n), Fault: api.FaultOf(n)}
}

// submitter says how a job is written, read and found.
func submitter(store submit.Store, c api.Client) (*submit.Submitter[order, string, *workspaces.Workspace], error) {
	return submit.New(submit.Options[order, string, *workspaces.Workspace]{
		Store:  store,
		Lease:  time.Second, // so that the example is soon over
		Policy: consistency.Policy{Within: 8 * time.Second},
		Flow: func(key string, o order) consistency.Flow[string, *workspaces.Workspace] {
			flow := consistency.Create("order",
				func(ctx context.Context) (string, error) { return c.Create(ctx, key, o.Name, o.Fault) }, c.Get)
			flow.Find = func(ctx context.Context) ([]string, error) { return c.Find(ctx, key) }
			flow.Mine = func(string) bool { return true } // it was found by the key
			return flow
		},
	})
}
