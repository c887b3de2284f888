// Package workspacesgrpc is a gRPC door to the service of package workspaces: the
// same commands, log and projectors, so that its reads lag in the same way.
//
// Calls carry "authorization: ApiKey <key>" in their metadata, and may carry an
// x-fault, see workspaces.Options.AllowFaults. Resources are named workspaces/{id}.
//
//go:generate protoc -Iproto --go_out=. --go_opt=module=github.com/readback-go/readback/examples/workspacesgrpc --go-grpc_out=. --go-grpc_opt=module=github.com/readback-go/readback/examples/workspacesgrpc workspaces.proto
package workspacesgrpc
