package natsstore_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

type order struct{ Item string }

// A job is submitted once, whatever happens to the process in between.
func ExampleOpen() {
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

	service := make(map[string]order) // by idempotency key
	jobs, err := submit.New(submit.Options[order, string, *order]{
		Store: store,
		Flow: func(key string, o order) consistency.Flow[string, *order] {
			flow := consistency.Create("create order",
				func(context.Context) (string, error) {
					fmt.Println("the service gets", key)
					service[key] = o
					return key, nil
				},
				func(_ context.Context, id string) (*order, error) {
					o := service[id]
					return &o, nil
				})
			flow.Find = func(context.Context) ([]string, error) {
				if _, ok := service[key]; !ok {
					return nil, nil
				}
				return []string{key}, nil
			}
			flow.Mine = func(string) bool { return true } // it was found by the key
			return flow
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 { // the second time joins the first
		res, err := jobs.Submit(ctx, "order-42", order{Item: "lamp"})
		fmt.Println(res.Outcome, res.Written, err)
	}
	// Output:
	// the service gets order-42
	// confirmed order-42 <nil>
	// confirmed order-42 <nil>
}
