package docs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

// create is the code under test on the page of tests: a write that is found again if
// its answer is lost.
func create(api client, name, reference string) consistency.Flow[string, *Workspace] {
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, name, reference) },
		api.Get)
	flow.Find = func(ctx context.Context) ([]string, error) { return api.Find(ctx, reference) }
	flow.Mine = func(string) bool { return true }
	return flow
}

func TestCreate_lostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in a bubble, so that the lag takes no time
		api, service := newClient(readbacktest.Script{
			Lag: 5 * time.Second, Forbidden: 2 * time.Second,
			Rules: []readbacktest.Rule{{On: "POST", Status: 503, Execute: readbacktest.Later(2 * time.Second)}},
		})

		ws := readbacktest.Confirm(t, consistency.Policy{}, create(api, "alpha", "ref-1"))
		assert.Equal(t, "alpha", ws.Name)
		service.AssertCount(t, "POST", 1)    // sent once, whatever it was answered
		service.AssertExecuted(t, "POST", 1) // and carried out once
	})
}
