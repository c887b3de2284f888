// Command adapters uses each of the adapters as far as it goes without a server:
// a job in a store on a folder, followed by spans; the interceptor of gRPC; and
// the tables and answers of PostgreSQL.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackotel"
	"github.com/readback-go/readback/readbackpgx"
	"github.com/readback-go/readback/submit"
)

func main() {
	ctx := context.Background()
	key, err := job(ctx)
	if err := errors.Join(err, interceptor(), postgres()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("confirmed", key)
}

// job carries out a job that is kept in a folder and followed by spans, and returns its key.
func job(ctx context.Context) (key string, err error) {
	dir, err := os.MkdirTemp("", "adapters")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	store, err := natsstore.Open(ctx, natsstore.Options{Dir: dir})
	if err != nil {
		return "", err
	}
	defer store.Close()

	reads := 0
	spans := tracetest.NewInMemoryExporter()
	jobs, err := submit.New(submit.Options[string, string, string]{
		Store:  store,
		Policy: consistency.Policy{Tracer: readbackotel.NewTracer(readbackotel.TracerOptions{Provider: trace.NewTracerProvider(trace.WithSyncer(spans))})},
		Flow: func(key, name string) consistency.Flow[string, string] {
			flow := consistency.Create("create workspace",
				func(context.Context) (string, error) { return key, nil },
				func(context.Context, string) (string, error) {
					if reads++; reads == 1 {
						return "", consistency.Status(errors.New("no such workspace"), 404)
					}
					return name, nil
				})
			flow.Find = consistency.Known(key)
			flow.Mine = func(string) bool { return true }
			return flow
		},
	})
	if err != nil {
		return "", err
	}
	res, err := jobs.Submit(ctx, "workspace-1", "alpha")
	if err == nil && len(spans.GetSpans()) == 0 {
		err = errors.New("no spans")
	}
	return res.Written, err
}

// interceptor makes a client connection of gRPC, and asks what a code means.
func interceptor() error {
	conn, err := grpc.NewClient("passthrough:///nowhere",
		append(readbackgrpc.Counting(),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(readbackgrpc.Options{}).Unary))...)
	if err != nil {
		return err
	}
	if a, ok := readbackgrpc.Answer(consistency.PhaseRead, nil, status.Error(codes.NotFound, "not yet")); !ok || a.Status != 404 {
		err = fmt.Errorf("NOT_FOUND is %+v", a)
	}
	return errors.Join(err, conn.Close())
}

// postgres asks for the table of the store, and what a code means.
func postgres() error {
	if migrations, err := pgstore.Migrations(pgstore.Options{}); err != nil || len(migrations) == 0 {
		return fmt.Errorf("%d migrations: %w", len(migrations), err)
	}
	if _, ok := readbackpgx.Answer(consistency.PhaseWrite, nil, &pgconn.PgError{Code: "23505"}); !ok {
		return errors.New("23505 has no answer")
	}
	return nil
}
