// Package things is a small gRPC service whose reads lag behind its writes, for
// tests. Its code is generated, by protoc of protobuf 3.21:
//
//go:generate protoc -Iproto --go_out=. --go_opt=module=github.com/readback-go/readback/readbackgrpc/internal/things --go-grpc_out=. --go-grpc_opt=module=github.com/readback-go/readback/readbackgrpc/internal/things things.proto
package things
