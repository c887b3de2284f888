package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

func Example_postThenGet() {
	ctx := context.Background()
	api, service := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
		api.Get)
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Value.Name, err)
	fmt.Println("writes:", len(service.Requests("POST")))
	// Output:
	// confirmed alpha <nil>
	// writes: 1
}

func Example_exchange() {
	ctx := context.Background()
	_, service := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	post, err := http.NewRequest(http.MethodPost, "http://api.test/workspaces", strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	ex := readbackhttp.Exchange{Client: &http.Client{Transport: service}, Write: post} // its Location is read
	res, err := consistency.Do(ctx, consistency.Policy{}, ex.Flow())
	fmt.Println(res.Outcome, res.Value.Status, err)
	// Output: confirmed 200 <nil>
}

func Example_patchThenGet() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})
	id, _ := api.Create(ctx, "alpha", "ref-1")

	flow := consistency.Update("rename workspace",
		func(ctx context.Context) (string, error) { return id, api.Rename(ctx, id, "beta") },
		api.Get,
		consistency.Field[string](func(w *Workspace) string { return w.Name }, "beta"))
	flow.Find = consistency.Known(id) // where to look if the answer is lost
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Value.Name, err)
	// Output: confirmed beta <nil>
}

func Example_delete() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})
	id, _ := api.Create(ctx, "alpha", "ref-1")

	// Only a thing that reads have shown can be confirmed as gone: wait until it is there.
	_, err := consistency.Await(ctx, consistency.Policy{}, "see workspace",
		func(ctx context.Context) (*Workspace, error) { return api.Get(ctx, id) }, nil)
	fmt.Println(err)

	flow := consistency.Delete("delete workspace", id, api.Delete, api.Get)
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, err)
	// Output:
	// <nil>
	// confirmed <nil>
}

func Example_lostAnswer() {
	ctx := context.Background()
	api, service := newClient(readbacktest.Script{
		Rules: []readbacktest.Rule{{On: "POST", Status: 503, Execute: readbacktest.Later(50 * time.Millisecond)}},
	})

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
		api.Get)
	flow.Find = func(ctx context.Context) ([]string, error) { return api.Find(ctx, "ref-1") }
	flow.Mine = func(string) bool { return true } // nobody else uses ref-1
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Value.Name, err)
	fmt.Println("writes:", len(service.Requests("POST")))
	// Output:
	// confirmed alpha <nil>
	// writes: 1
}

func Example_key() {
	ctx := context.Background()
	api, service := newClient(readbacktest.Script{
		Rules: []readbacktest.Rule{{On: "POST", Times: 1, Status: 503, Execute: readbacktest.NotAtAll()}},
	})

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
		api.Get)
	// Only if the service honours a key that the write carries, and for so long.
	policy := consistency.Policy{Resend: consistency.Resend{WithKey: time.Hour}}
	res, err := consistency.Do(ctx, policy, flow)
	fmt.Println(res.Outcome, res.Value.Name, err)
	fmt.Println("writes:", len(service.Requests("POST")))
	// Output:
	// confirmed alpha <nil>
	// writes: 2
}

func Example_watch() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	// A client whose errors do not tell a status.
	api.HTTP.Transport = readbackhttp.Watch(api.HTTP.Transport)
	get := func(ctx context.Context, id string) (*Workspace, error) {
		w, err := api.Get(ctx, id)
		if err != nil {
			return nil, errors.New("the request failed")
		}
		return w, nil
	}

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") }, get)
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Value.Name, err)
	// Output: confirmed alpha <nil>
}

func Example_transport() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	api.HTTP.Transport = readbackhttp.NewTransport(api.HTTP.Transport, readbackhttp.TransportOptions{})
	id, err := api.Create(ctx, "alpha", "ref-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := api.Get(ctx, id) // held until it is there
	fmt.Println(w.Name, err)
	// Output: alpha <nil>
}

func Example_settle() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
		api.Get)
	policy := consistency.Policy{
		Settle:    3,                      // three good reads in a row
		SettleFor: 100 * time.Millisecond, // that span at least so long
	}
	res, err := consistency.Do(ctx, policy, flow)
	fmt.Println(res.Outcome, err, res.History.Reads() >= 4)
	// Output: confirmed <nil> true
}

func Example_list() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
		func(ctx context.Context, _ string) ([]Workspace, error) { return api.List(ctx, "") })
	flow.Match = consistency.Member(func(id string, w Workspace) bool { return w.ID == id })
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, len(res.Value), err)
	// Output: confirmed 1 <nil>
}

func Example_graphQL() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errors":[{"message":"name is taken"}]}`) // with status 200
	}))
	defer srv.Close()

	hasErrors, hasData, nullData := consistency.JSON("/errors"), consistency.JSON("/data"), consistency.JSON("/data", nil)
	policy := consistency.Policy{Rules: consistency.Rules{Write: []consistency.WriteRule{
		// Errors and no data: the query was wrong, and nothing was carried out.
		{From: 200, Body: func(b []byte) bool { return hasErrors(b) && !hasData(b) && !nullData(b) }, Class: consistency.Refused},
		// Errors beside data: they prove nothing.
		{From: 200, Body: hasErrors, Class: consistency.Ambiguous},
	}}}
	post, _ := http.NewRequest(http.MethodPost, srv.URL+"/graphql", strings.NewReader(`{"query":"mutation { … }"}`))
	ex := readbackhttp.Exchange{Write: post, Read: readbackhttp.Template("/workspaces/{/data/create/id}")}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, errors.Is(err, consistency.ErrFailed))
	// Output: failed true
}

func Example_operation() {
	looks := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /servers":
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"server":{"id":7},"action":{"id":42}}`)
		case "GET /actions/42":
			if looks++; looks < 3 {
				fmt.Fprint(w, `{"action":{"id":42,"status":"running"}}`)
				return
			}
			fmt.Fprint(w, `{"action":{"id":42,"status":"success"}}`)
		case "GET /servers/7":
			fmt.Fprint(w, `{"server":{"id":7,"name":"web"}}`)
		}
	}))
	defer srv.Close()

	post, _ := http.NewRequest(http.MethodPost, srv.URL+"/servers", strings.NewReader(`{"name":"web"}`))
	ex := readbackhttp.Exchange{
		Write: post,
		Read:  readbackhttp.Template("/servers/{/server/id}"),
		Monitor: &readbackhttp.Monitor{
			At:    readbackhttp.Template("/actions/{/action/id}"),
			State: "/action/status",
		},
	}
	res, err := consistency.Do(context.Background(), consistency.Policy{}, ex.Flow())
	fmt.Println(res.Outcome, string(res.Value.Body), err)
	// Output: confirmed {"server":{"id":7,"name":"web"}} <nil>
}

func Example_handle() {
	ctx := context.Background()
	api, _ := newClient(readbacktest.Script{Lag: 150 * time.Millisecond})
	newFlow := func() consistency.Flow[string, *Workspace] {
		return consistency.Create("create workspace",
			func(ctx context.Context) (string, error) { return api.Create(ctx, "alpha", "ref-1") },
			api.Get)
	}

	// The first process has no time to wait, and keeps the handle.
	res, err := consistency.Do(ctx, consistency.Policy{Within: 20 * time.Millisecond}, newFlow())
	fmt.Println(res.Outcome, errors.Is(err, consistency.ErrUnconfirmed))
	kept, _ := json.Marshal(res.Pending)

	// The second one goes on. It reads; it never writes.
	var handle consistency.Pending
	if err := json.Unmarshal(kept, &handle); err != nil {
		fmt.Println(err)
		return
	}
	res, err = consistency.Resume(ctx, consistency.Policy{}, newFlow(), handle)
	fmt.Println(res.Outcome, res.Value.Name, err)
	// Output:
	// unconfirmed true
	// confirmed alpha <nil>
}

func Example_jobs() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	api, service := newClient(readbacktest.Script{Lag: 30 * time.Millisecond})

	jobs, err := submit.New(submit.Options[Workspace, string, *Workspace]{
		Store: submit.NewMemory(), // in production natsstore or pgstore
		Flow: func(key string, job Workspace) consistency.Flow[string, *Workspace] {
			flow := consistency.Create("create workspace",
				func(ctx context.Context) (string, error) { return api.Create(ctx, job.Name, key) },
				api.Get)
			flow.Find = func(ctx context.Context) ([]string, error) { return api.Find(ctx, key) }
			flow.Mine = func(string) bool { return true } // it was found by the key
			return flow
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	go jobs.Run(ctx)
	for range 2 { // the second call joins the first job
		res, err := jobs.Submit(ctx, "order-42", Workspace{Name: "alpha"})
		fmt.Println(res.Outcome, err)
	}
	fmt.Println("writes:", len(service.Requests("POST")))
	// Output:
	// confirmed <nil>
	// confirmed <nil>
	// writes: 1
}
