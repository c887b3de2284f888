package testhelper_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/testhelper"
	"github.com/readback-go/readback/readbacktest"
)

// policy is that of the program, with exact times for the tests: a read each
// second.
var policy = consistency.Policy{Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true}}

// against runs a test in a bubble, with a client of a server that behaves as the
// script says.
func against(t *testing.T, script readbacktest.Script, test func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := readbacktest.NewHandler(script)
		test(t, srv, &testhelper.Client{URL: "http://api.test", HTTP: &http.Client{Transport: srv}})
	})
}

// alpha is there before the test.
var alpha = map[string]string{"/workspaces/7": `{"name":"alpha"}`}

// 404, then 403, then there it is.
func TestCreate(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{Lag: 2 * time.Second, Forbidden: 2 * time.Second}
	against(t, script, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		ws := readbacktest.Confirm(t, policy, c.CreateFlow("alpha", "ref-1"))
		assert.Equal(t, "alpha", ws.Name)

		srv.AssertCount(t, "POST", 1)
		srv.AssertAt(t, "GET /workspaces/"+ws.ID, 0, time.Second, 2*time.Second, 3*time.Second, 4*time.Second)
	})
}

// The API says 503 and creates the workspace ten seconds later.
func TestCreate_executedLate(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "POST /workspaces", Status: 503, Execute: readbacktest.Later(10 * time.Second)},
	}}
	against(t, script, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		ws := readbacktest.Confirm(t, policy, c.CreateFlow("alpha", "ref-1"))
		assert.Equal(t, "ref-1", ws.Reference)

		srv.AssertCount(t, "POST", 1)
		srv.AssertExecuted(t, "POST", 1)
		readbacktest.Never(t, policy, func(ctx context.Context) ([]testhelper.Workspace, error) {
			return c.List(ctx, "ref-1")
		}, func(t *readbacktest.C, all []testhelper.Workspace) {
			assert.Greater(t, len(all), 1)
		})
	})
}

// The answer is lost, and somebody else has a workspace of the same name: that
// one is not taken for ours.
func TestCreate_lost(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{
		Existing: alpha,
		Rules:    []readbacktest.Rule{{On: "POST", Cut: readbacktest.CutAnswer, Execute: readbacktest.NotAtAll()}},
	}
	against(t, script, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		res, err := readbacktest.Unconfirmed(t, policy, c.CreateFlow("alpha", "ref-1"))
		require.ErrorIs(t, err, consistency.ErrNotProvablyMine)
		assert.Empty(t, res.Written)
		srv.AssertCount(t, "POST", 1)
		srv.AssertCount(t, "GET /workspaces/{id}", 0)
	})
}

// What the API refuses is not read.
func TestCreate_refused(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{Rules: []readbacktest.Rule{{On: "POST", Status: 422}}}
	against(t, script, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		_, err := readbacktest.Failed(t, policy, c.CreateFlow("alpha", "ref-1"))
		assert.Equal(t, 422, err.Status)
		srv.AssertCount(t, "GET", 0)
	})
}

// What could not be confirmed today is confirmed tomorrow, by what is left of it.
func TestCreate_resumed(t *testing.T) {
	t.Parallel()
	against(t, readbacktest.Script{Lag: time.Hour}, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		flow := c.CreateFlow("alpha", "ref-1")
		res, _ := readbacktest.Unconfirmed(t, policy, flow)

		time.Sleep(24 * time.Hour) // no time, in a bubble
		res, err := consistency.Resume(t.Context(), policy, flow, res.Pending)
		require.NoError(t, err)
		assert.Equal(t, "alpha", res.Value.Name)
		srv.AssertCount(t, "POST", 1)
	})
}

// Two replicas answer in turn, and one is eight seconds behind: asked for three
// good reads in a row, the flow is not taken in by the other.
func TestRename_replicas(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{
		Existing: alpha,
		Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(8 * time.Second)},
	}
	against(t, script, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		thrice := policy
		thrice.Settle = 3
		begin := time.Now()
		readbacktest.Confirm(t, thrice, c.RenameFlow("7", "beta"))
		assert.GreaterOrEqual(t, time.Since(begin), 8*time.Second)
		assert.Equal(t, 8*time.Second, srv.Executed("PATCH")[0].Shown)
	})
}

// What a test creates it deletes, and does not end before that is seen.
func TestDelete_cleanup(t *testing.T) {
	t.Parallel()
	against(t, readbacktest.Script{Lag: 3 * time.Second}, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		ws := readbacktest.Confirm(t, policy, c.CreateFlow("alpha", "ref-1"))
		t.Cleanup(func() {
			readbacktest.Confirm(t, policy, c.DeleteFlow(ws.ID))
			srv.AssertExecuted(t, "DELETE", 1)
		})
		// ... what the test is about
	})
}

// Whatever else is to become true is waited for in the same way. The list lags
// more than what it lists.
func TestList(t *testing.T) {
	t.Parallel()
	against(t, readbacktest.Script{Lag: time.Second, ListLag: 5 * time.Second}, func(t *testing.T, srv *readbacktest.Handler, c *testhelper.Client) {
		ws := readbacktest.Confirm(t, policy, c.CreateFlow("alpha", "ref-1"))
		list := func(ctx context.Context) ([]testhelper.Workspace, error) { return c.List(ctx, "") }
		all := readbacktest.Eventually(t, policy, list, func(t *readbacktest.C, all []testhelper.Workspace) {
			require.Len(t, all, 1)
			assert.Equal(t, "alpha", all[0].Name)
		})
		assert.Equal(t, ws.ID, all[0].ID)

		readbacktest.Confirm(t, policy, c.DeleteFlow(ws.ID))
		readbacktest.Eventually(t, policy, list, func(t *readbacktest.C, all []testhelper.Workspace) {
			assert.Empty(t, all)
		})
	})
}
