package workspacesgrpc_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/examples/workspacesgrpc"
	"github.com/readback-go/readback/readbackgrpc"
)

// open serves the service on loopback behind the door, and returns it with a client
// whose connection has those options.
func open(t *testing.T, o workspaces.Options, options ...grpc.DialOption) (*workspaces.Service, workspacesgrpc.WorkspacesClient) {
	t.Helper()
	o.NoSync, o.AllowFaults = true, true
	service, err := workspaces.Open(o)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := grpc.NewServer(grpc.WaitForHandlers(true))
	workspacesgrpc.Register(srv, service)
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	conn, err := grpc.NewClient(l.Addr().String(), append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		srv.Stop()
		serving.Wait()
		assert.NoError(t, service.Close())
	})
	return service, workspacesgrpc.NewWorkspacesClient(conn)
}

// as returns a context of the caller's, whose commands meet that fault.
func as(ctx context.Context, key, fault string) context.Context {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "ApiKey "+key)
	if fault != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-fault", fault)
	}
	return ctx
}

const ms = time.Millisecond

// Without help a read after a write gets NOT_FOUND, then PERMISSION_DENIED; with the
// interceptor it gets what was written, however many ask at once.
func TestDoor_readYourWrites(t *testing.T) {
	t.Parallel()
	lags := workspaces.Options{WorkspacesLag: 100 * ms, MembershipsLag: 200 * ms}
	_, bare := open(t, lags)
	ctx := as(t.Context(), "alice-key", "")
	made, err := bare.CreateWorkspace(ctx, &workspacesgrpc.CreateWorkspaceRequest{Workspace: &workspacesgrpc.Workspace{WorkspaceName: "alpha"}})
	require.NoError(t, err)
	_, err = bare.GetWorkspace(ctx, &workspacesgrpc.GetWorkspaceRequest{Name: made.GetName()})
	assert.Equal(t, codes.NotFound, status.Code(err))

	hold := readbackgrpc.NewInterceptor(readbackgrpc.Options{Version: "version"})
	_, c := open(t, lags, grpc.WithChainUnaryInterceptor(hold.Unary))
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			made, err := c.CreateWorkspace(ctx, &workspacesgrpc.CreateWorkspaceRequest{Workspace: &workspacesgrpc.Workspace{WorkspaceName: fmt.Sprint("w", n)}})
			if !assert.NoError(t, err) {
				return
			}
			shown, err := c.GetWorkspace(ctx, &workspacesgrpc.GetWorkspaceRequest{Name: made.GetName()})
			assert.NoError(t, err)
			assert.Equal(t, made.GetWorkspaceName(), shown.GetWorkspaceName())
			shown.DisplayName = "new"
			changed, err := c.UpdateWorkspace(ctx, &workspacesgrpc.UpdateWorkspaceRequest{Workspace: shown})
			assert.NoError(t, err)
			shown, err = c.GetWorkspace(ctx, &workspacesgrpc.GetWorkspaceRequest{Name: made.GetName()})
			assert.NoError(t, err)
			assert.Equal(t, "new", shown.GetDisplayName())
			assert.Equal(t, changed.GetVersion(), shown.GetVersion())
		})
	}
	all.Wait()
	assert.Equal(t, hold.Stats().Held, hold.Stats().Shown)
	began := time.Now()
	_, err = c.GetWorkspace(as(t.Context(), "bob-key", ""), &workspacesgrpc.GetWorkspaceRequest{Name: made.GetName()})
	assert.Equal(t, codes.NotFound, status.Code(err), "another's is an honest one")
	assert.Less(t, time.Since(began), 100*ms)
}

// Both laws hold for commands that meet faults, with a retry policy that nobody
// sees: what is Failed was never carried out, and what is Confirmed was, once for
// each that asked.
func TestDoor_outcomes(t *testing.T) {
	t.Parallel()
	retrying := grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {
		"maxAttempts": 2, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
		"retryableStatusCodes": ["UNAVAILABLE"]}}]}`)
	for _, fault := range []string{"", "503 never", "503 at-once", "503 later 100ms", "504 never", "504 at-once", "504 later 100ms"} {
		for _, retries := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, retries: %v", fault, retries), func(t *testing.T) {
				t.Parallel()
				options := readbackgrpc.Counting()
				if retries {
					options = append(options, retrying)
				}
				service, c := open(t, workspaces.Options{WorkspacesLag: 50 * ms, MembershipsLag: 80 * ms}, options...)
				ctx := as(t.Context(), "alice-key", "")
				flow := consistency.Create("create workspace",
					func(ctx context.Context) (string, error) {
						if fault != "" {
							ctx = metadata.AppendToOutgoingContext(ctx, "x-fault", fault)
						}
						made, err := c.CreateWorkspace(ctx, &workspacesgrpc.CreateWorkspaceRequest{
							Workspace: &workspacesgrpc.Workspace{WorkspaceName: "alpha", Reference: "mine"},
						})
						return made.GetName(), err
					},
					func(ctx context.Context, name string) (*workspacesgrpc.Workspace, error) {
						return c.GetWorkspace(ctx, &workspacesgrpc.GetWorkspaceRequest{Name: name})
					})
				flow.Find = func(ctx context.Context) (names []string, _ error) {
					list, err := c.ListWorkspaces(ctx, &workspacesgrpc.ListWorkspacesRequest{Reference: "mine"})
					for _, w := range list.GetWorkspaces() {
						names = append(names, w.GetName())
					}
					return names, err
				}
				flow.Mine = func(string) bool { return true } // nobody else uses that reference
				policy := consistency.Policy{Answer: readbackgrpc.Answer, Within: time.Second}
				res, err := consistency.Do(ctx, policy, flow)
				created := 0
				for e, err := range service.Events() {
					require.NoError(t, err)
					if e.Kind == workspaces.Created {
						created++
					}
				}
				if fault == "503 never" || fault == "504 never" {
					assert.Zero(t, created)
					assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
					return
				}
				assert.Equal(t, 1, created)
				assert.Equal(t, consistency.Confirmed, res.Outcome, "%v", err)
				assert.Equal(t, "alpha", res.Value.GetWorkspaceName())
			})
		}
	}
}

// The door says in gRPC's codes what the service says in HTTP's.
func TestDoor_codes(t *testing.T) {
	t.Parallel()
	_, c := open(t, workspaces.Options{})
	create := func(ctx context.Context, name string) error {
		_, err := c.CreateWorkspace(ctx, &workspacesgrpc.CreateWorkspaceRequest{Workspace: &workspacesgrpc.Workspace{WorkspaceName: name}})
		return err
	}
	alice := as(t.Context(), "alice-key", "")
	assert.NoError(t, create(alice, "alpha"))
	assert.Equal(t, codes.AlreadyExists, status.Code(create(alice, "alpha")))
	assert.Equal(t, codes.InvalidArgument, status.Code(create(alice, "")))
	assert.Equal(t, codes.Unauthenticated, status.Code(create(t.Context(), "beta")))
	assert.Equal(t, codes.PermissionDenied, status.Code(create(as(t.Context(), "reader-key", ""), "beta")))
	assert.Equal(t, codes.Unavailable, status.Code(create(as(t.Context(), "alice-key", "503 never"), "beta")))
	assert.Equal(t, codes.DeadlineExceeded, status.Code(create(as(t.Context(), "alice-key", "504 never"), "beta")))
	_, err := c.DeleteWorkspace(alice, &workspacesgrpc.DeleteWorkspaceRequest{Name: "workspaces/none"})
	assert.Equal(t, codes.NotFound, status.Code(err))
	_, err = c.GetWorkspace(alice, &workspacesgrpc.GetWorkspaceRequest{Name: "none"})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
}
