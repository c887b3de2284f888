package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// A server in this process, in a folder of its own. Two programs that keep
// different jobs in one folder take a bucket each.
func ExampleOptions() {
	dir, err := os.MkdirTemp("", "mails-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := natsstore.Open(context.Background(), natsstore.Options{
		Dir:     dir,
		Bucket:  "mails",
		NoSync:  true, // for a test: who cannot lose what was acknowledged leaves it out
		Timeout: 5 * time.Second,
		Logger:  zap.NewNop(), // what happens to the server
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Close())
	// Output: <nil>
}

// A cluster keeps each record on three servers, and many processes share it.
func ExampleOptions_cluster() {
	store, err := natsstore.Open(context.Background(), natsstore.Options{
		URL:      "nats://n1.example,nats://n2.example,nats://n3.example",
		Replicas: 3,
		Connect:  []nats.Option{nats.Name("orders"), nats.UserCredentials("/etc/orders/nats.creds")},
	})
	if errors.Is(err, natsstore.ErrUnavailable) {
		log.Fatal("no server answers: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}

// The store is a submit.Store, whose records anybody can look at: here for what an
// earlier process left behind.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "orders-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	store, err := natsstore.Open(ctx, natsstore.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	seen, err := store.Create(ctx, submit.Record{Kind: submit.KindJob, Key: "order-42", Value: []byte("lamp")})
	fmt.Println(err)
	_, err = store.Update(ctx, submit.Record{Kind: submit.KindJob, Key: "order-42", Value: []byte("lamps"), Revision: seen})
	fmt.Println(err)
	record, err := store.Watch(ctx, submit.KindJob, "order-42", seen) // at once: it has changed since
	fmt.Println(string(record.Value), err)

	for record, err := range store.List(ctx, submit.KindJob) { // what is pending
		fmt.Println(record.Key, err)
	}
	for record, err := range store.Since(ctx, submit.KindJob, seen, nil, false) { // what changed since then
		fmt.Println(record.Key, record.Revision > seen, err)
	}
	fmt.Println(store.Delete(ctx, record))
	_, err = store.Get(ctx, submit.KindJob, "order-42")
	fmt.Println(errors.Is(err, submit.ErrNotFound))
	// Output:
	// <nil>
	// <nil>
	// lamps <nil>
	// order-42 <nil>
	// order-42 true <nil>
	// <nil>
	// true
}
