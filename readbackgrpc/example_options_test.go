package readbackgrpc_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// lagging serves a service whose reads lag by so much that nobody misses it.
func lagging() (target string, stop func()) {
	return serving(&things.Service{Lag: 200 * time.Millisecond})
}

// through returns a connection by an interceptor with these options.
func through(target string, options readbackgrpc.Options) (*readbackgrpc.Interceptor, *grpc.ClientConn) {
	interceptor := readbackgrpc.NewInterceptor(options)
	conn, err := grpc.NewClient(target,
		grpc.WithChainUnaryInterceptor(interceptor.Unary),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	return interceptor, conn
}

// Reads of what was updated or deleted are held, too, and callers are told apart by
// metadata of their own.
func ExampleOptions() {
	target, stop := example() // a service whose reads lag by 30 ms
	defer stop()
	_, conn := through(target, readbackgrpc.Options{
		Policy: consistency.Policy{Within: 10 * time.Second, Schedule: readback.Every(5 * time.Millisecond)},
		Scope: func(ctx context.Context) string {
			md, _ := metadata.FromOutgoingContext(ctx)
			return fmt.Sprint(md.Get("x-tenant"))
		},
		Version:        "version", // an older one is stale
		HoldDeleted:    true,      // and so is what was deleted
		PollsPerSecond: 500,
		MaxWrites:      1000,
		Remember:       time.Minute,
	})
	defer conn.Close()
	library := things.NewThingsClient(conn)
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-tenant", "red")

	made, err := library.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
	if err != nil {
		log.Fatal(err)
	}
	get := func() (*things.Thing, error) {
		return library.GetThing(ctx, &things.GetThingRequest{Name: made.GetName()})
	}
	shown, err := get()
	fmt.Println(shown.GetTitle(), err)

	_, err = library.UpdateThing(ctx, &things.UpdateThingRequest{Thing: &things.Thing{Name: made.GetName(), Title: "beta"}})
	if err != nil {
		log.Fatal(err)
	}
	shown, err = get()
	fmt.Println(shown.GetTitle(), err)

	if _, err = library.DeleteThing(ctx, &things.DeleteThingRequest{Name: made.GetName()}); err != nil {
		log.Fatal(err)
	}
	_, err = get()
	fmt.Println(status.Code(err) == codes.NotFound)
	// Output:
	// alpha <nil>
	// beta <nil>
	// true
}

// A service that does not name its resources by a field name: parts have a number.
func ExampleOptions_fields() {
	target, stop := lagging()
	defer stop()
	interceptor, conn := through(target, readbackgrpc.Options{
		Fields: []protoreflect.Name{"part_number", "name"}, // the first that a message has
	})
	defer conn.Close()
	parts, ctx := things.NewPartsClient(conn), context.Background()

	made, err := parts.CreatePart(ctx, &things.CreatePartRequest{Title: "wheel"})
	if err != nil {
		log.Fatal(err)
	}
	shown, err := parts.GetPart(ctx, &things.GetPartRequest{PartNumber: made.GetPartNumber()})
	fmt.Println(shown.GetPartNumber() == made.GetPartNumber(), err)

	s := interceptor.Stats()
	fmt.Println("writes:", s.Remembered, "remembered,", s.Unnamed, "without a name")
	fmt.Println("reads:", s.Held, "held,", s.Shown, "of them showed the write, by polls:", s.Polls > 0)
	// Output:
	// true <nil>
	// writes: 1 remembered, 0 without a name
	// reads: 1 held, 1 of them showed the write, by polls: true
}

// A service whose methods have verbs of its own, and whose names are made of two
// fields.
func ExampleOptions_nameOf() {
	target, stop := lagging()
	defer stop()
	interceptor, conn := through(target, readbackgrpc.Options{
		Kind: func(method string) readbackgrpc.Kind {
			if method == "/readback.things.v1.Things/ArchiveThing" {
				return readbackgrpc.Write
			}
			return readbackgrpc.KindOf(method)
		},
		NameOf: func(method string, m proto.Message) []string {
			switch m := m.(type) {
			case *things.Part:
				return []string{fmt.Sprint("parts/", m.GetPartNumber())}
			case *things.GetPartRequest:
				return []string{fmt.Sprint("parts/", m.GetPartNumber())}
			}
			return nil
		},
	})
	defer conn.Close()
	parts, ctx := things.NewPartsClient(conn), context.Background()
	made, err := parts.CreatePart(ctx, &things.CreatePartRequest{Title: "wheel"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = parts.GetPart(ctx, &things.GetPartRequest{PartNumber: made.GetPartNumber()})
	fmt.Println(err, interceptor.Stats().Shown)
	// Output: <nil> 1
}

// One read wants the answer as it is now, and another one is held for a second at
// most and tells how it was held.
func ExampleHold() {
	target, stop := lagging()
	defer stop()
	_, conn := through(target, readbackgrpc.Options{})
	defer conn.Close()
	library, ctx := things.NewThingsClient(conn), context.Background()
	made, err := library.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "alpha"}})
	if err != nil {
		log.Fatal(err)
	}

	_, err = library.GetThing(readbackgrpc.WithHold(ctx, readbackgrpc.Hold{Off: true}), &things.GetThingRequest{Name: made.GetName()})
	fmt.Println(status.Code(err))

	var report readbackgrpc.Report
	hold := readbackgrpc.Hold{Within: time.Second, Report: &report}
	shown, err := library.GetThing(readbackgrpc.WithHold(ctx, hold), &things.GetThingRequest{Name: made.GetName()})
	fmt.Println(shown.GetTitle(), err)
	fmt.Println(report.Outcome, report.Err, report.Elapsed > 0, report.Reads == report.History.Reads())
	// Output:
	// NotFound
	// alpha <nil>
	// confirmed <nil> true true
}

// What a method does to a resource is told by its verb.
func ExampleKindOf() {
	for _, method := range []string{"GetBook", "CreateBook", "DeleteBook", "ListBooks", "PublishBook"} {
		switch readbackgrpc.KindOf("/library.v1.Library/" + method) {
		case readbackgrpc.Read:
			fmt.Println(method, "reads")
		case readbackgrpc.Write:
			fmt.Println(method, "writes")
		case readbackgrpc.Delete:
			fmt.Println(method, "deletes")
		default:
			fmt.Println(method, "is passed through") // name it by Options.Kind
		}
	}
	// Output:
	// GetBook reads
	// CreateBook writes
	// DeleteBook deletes
	// ListBooks is passed through
	// PublishBook is passed through
}

// What the answer to a write refers to: a resource, or an operation that is to be
// followed.
func ExampleRefOf() {
	thing := readbackgrpc.RefOf(&things.Thing{Name: "shelves/1/things/7"})
	fmt.Println(thing.Name, thing.Follows(), thing.Lacks())
	op := readbackgrpc.RefOf(&things.Operation{Name: "operations/1"})
	fmt.Println(op.Operation, op.Follows())
	fmt.Println(readbackgrpc.RefOf(&things.ListThingsRequest{}).IsZero())
	// Output:
	// shelves/1/things/7 false <nil>
	// operations/1 true
	// true
}
