package submit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// api is a client of a service that loses the answer to its first write, and
// shows what was written 50 ms later.
type api struct {
	created map[string]time.Time
}

func (a *api) Create(_ context.Context, key, name string) (string, error) {
	if a.created == nil {
		a.created = make(map[string]time.Time)
	}
	a.created[key] = time.Now()
	fmt.Println("write:", name)
	return "", errors.New("connection lost")
}

func (a *api) Get(_ context.Context, id string) (string, error) {
	if at, ok := a.created[id]; ok && time.Since(at) > 50*time.Millisecond {
		return "alpha", nil
	}
	return "", status(404)
}

func (a *api) Find(ctx context.Context, key string) ([]string, error) {
	if _, err := a.Get(ctx, key); err != nil {
		return nil, nil
	}
	return []string{key}, nil
}

type workspace struct{ Name string }

func workspaces(a *api, store submit.Store) *submit.Submitter[workspace, string, string] {
	jobs, err := submit.New(submit.Options[workspace, string, string]{
		Store: store,
		Flow: func(key string, job workspace) consistency.Flow[string, string] {
			flow := consistency.Create("create workspace",
				func(ctx context.Context) (string, error) { return a.Create(ctx, key, job.Name) }, a.Get)
			flow.Find = func(ctx context.Context) ([]string, error) { return a.Find(ctx, key) }
			flow.Mine = func(string) bool { return true } // it is found by the key
			return flow
		},
	})
	if err != nil {
		panic(err)
	}
	return jobs
}

// A job whose answer is lost is found by its key. Submitted again, it is not
// sent again.
func ExampleSubmitter_Submit() {
	jobs := workspaces(new(api), submit.NewMemory())
	for range 2 {
		res, err := jobs.Submit(context.Background(), "alpha-1", workspace{"alpha"})
		fmt.Println(res.Outcome, res.Written, err)
	}
	_, err := jobs.Submit(context.Background(), "alpha-1", workspace{"beta"})
	fmt.Println(errors.Is(err, submit.ErrKeyReused))
	// Output:
	// write: alpha
	// confirmed alpha-1 <nil>
	// confirmed alpha-1 <nil>
	// true
}

// One process records jobs, another one works on them.
func ExampleSubmitter_Enqueue() {
	ctx, cancel := context.WithCancel(context.Background())
	store, service := submit.NewMemory(), new(api)
	if err := workspaces(service, store).Enqueue(ctx, "alpha-1", workspace{"alpha"}); err != nil {
		fmt.Println(err)
	}
	worker := workspaces(service, store)
	done := make(chan struct{})
	go func() {
		worker.Run(ctx)
		close(done)
	}()
	for worker.Progress().Confirmed == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	res, err := worker.Lookup(context.Background(), "alpha-1")
	fmt.Println(res.Outcome, err)
	// Output:
	// write: alpha
	// confirmed <nil>
}

func ExampleSetKey() {
	req, _ := http.NewRequest(http.MethodPost, "https://api.example/v1/workspaces", nil)
	submit.SetKey(req, "alpha-1")
	fmt.Println(req.Header)
	// Output: map[idempotency-key:["alpha-1"]]
}

func ExampleNewMemory() {
	jobs := workspaces(new(api), submit.NewMemory())
	fmt.Println(jobs.Progress().Confirmed)
	// Output: 0
}

func ExampleNew() {
	_, err := submit.New(submit.Options[workspace, string, string]{Store: submit.NewMemory()})
	fmt.Println(err)
	// Output: submit: Options.Flow is missing
}

func ExampleNewKey() {
	fmt.Println(len(submit.NewKey()))
	// Output: 36
}
