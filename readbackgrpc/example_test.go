package readbackgrpc_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// example serves a service whose reads lag, and returns its address.
func example() (target string, stop func()) {
	return serving(&things.Service{Lag: 30 * time.Millisecond, Work: 30 * time.Millisecond})
}

func serving(service *things.Service) (target string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := grpc.NewServer()
	service.Register(srv)
	go func() { _ = srv.Serve(l) }()
	return l.Addr().String(), srv.Stop
}

// A client of its own code: two lines of it are about gRPC.
func Example() {
	target, stop := example()
	defer stop()

	options := append(readbackgrpc.Counting(), // 1
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	library := things.NewThingsClient(conn)

	policy := consistency.Policy{Answer: readbackgrpc.Answer} // 2
	flow := consistency.Create("create thing",
		func(ctx context.Context) (string, error) {
			made, err := library.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
			return made.GetName(), err
		},
		func(ctx context.Context, name string) (*things.Thing, error) {
			return library.GetThing(ctx, &things.GetThingRequest{Name: name})
		})
	res, err := consistency.Do(context.Background(), policy, flow)
	fmt.Println(res.Outcome, res.Value.GetTitle(), err)
	// Output: confirmed alpha <nil>
}

// A client that nobody wants to touch: one line where it connects.
func ExampleInterceptor() {
	target, stop := example()
	defer stop()

	conn, err := grpc.NewClient(target,
		grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(readbackgrpc.Options{}).Unary), // 1
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	library, ctx := things.NewThingsClient(conn), context.Background()

	made, err := library.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
	if err != nil {
		log.Fatal(err)
	}
	shown, err := library.GetThing(ctx, &things.GetThingRequest{Name: made.GetName()})
	fmt.Println(shown.GetTitle(), err)
	// Output: alpha <nil>
}

// A write that is answered with a long-running operation.
func ExampleMonitor() {
	target, stop := example()
	defer stop()
	conn, err := grpc.NewClient(target, append(readbackgrpc.Counting(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	library := things.NewThingsClient(conn)

	flow := consistency.Create("create heavy thing",
		func(ctx context.Context) (readbackgrpc.Ref, error) {
			op, err := library.CreateHeavyThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
			return readbackgrpc.RefOf(op), err
		},
		func(ctx context.Context, ref readbackgrpc.Ref) (*things.Thing, error) {
			return library.GetThing(ctx, &things.GetThingRequest{Name: ref.Name})
		})
	flow.Monitor = readbackgrpc.Monitor(func(ctx context.Context, name string) (*things.Operation, error) {
		return library.GetOperation(ctx, &things.GetOperationRequest{Name: name})
	})
	flow.Follows, flow.Lacks = readbackgrpc.Ref.Follows, readbackgrpc.Ref.Lacks
	res, err := consistency.Do(context.Background(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
	fmt.Println(res.Outcome, res.Value.GetTitle(), err)
	// Output: confirmed alpha <nil>
}

// One read is held until it shows what an update asked for.
func ExampleWithHold() {
	target, stop := example()
	defer stop()
	conn, err := grpc.NewClient(target,
		grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(readbackgrpc.Options{}).Unary),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	library, ctx := things.NewThingsClient(conn), context.Background()

	made, err := library.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
	if err != nil {
		log.Fatal(err)
	}
	made.Title = "beta"
	if _, err := library.UpdateThing(ctx, &things.UpdateThingRequest{Thing: made}); err != nil {
		log.Fatal(err)
	}
	var report readbackgrpc.Report
	shown, err := library.GetThing(readbackgrpc.WithHold(ctx, readbackgrpc.Hold{
		Match:  func(m proto.Message) bool { return m.(*things.Thing).GetTitle() == "beta" },
		Report: &report,
	}), &things.GetThingRequest{Name: made.GetName()})
	fmt.Println(shown.GetTitle(), err, report.Outcome)
	// Output: beta <nil> confirmed
}
