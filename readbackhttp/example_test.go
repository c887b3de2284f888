package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// policy is that of the examples, which have little time.
var policy = consistency.Policy{Schedule: readback.Backoff{Initial: time.Millisecond}}

// A service answers a create before its read model knows of it.
func ExampleExchange() {
	answers := []int{404, 403, 200}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/workspaces", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/v1/workspaces/7")
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /v1/workspaces/7", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(answers[0])
		answers = answers[1:]
		fmt.Fprint(w, `{"name":"alpha"}`)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	post, err := http.NewRequest("POST", srv.URL+"/v1/workspaces", strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: srv.Client(), Write: post, Read: readbackhttp.Location(), Name: "create workspace"}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Outcome, "after", res.History.Reads(), "reads:", string(res.Value.Body))
	// Output: confirmed after 3 reads: {"name":"alpha"}
}

// A write that is refused was not carried out, and the error says why.
func ExampleStatusError() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"status":400,"instancePath":"/status","keyword":"enum",
			"params":{"allowedValues":["FIRING","RESOLVED"]},"message":"must be equal to one of the allowed values"}`)
	}))
	defer srv.Close()

	put, err := http.NewRequest("PUT", srv.URL+"/v1/alerts/7", strings.NewReader(`{"status":"LOUD"}`))
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: srv.Client(), Write: put, Match: readbackhttp.HasJSON("/status", "LOUD")}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome)
	var refused *readbackhttp.StatusError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Problem)
	}
	// Output:
	// failed
	// 400 must be equal to one of the allowed values at /status (allowed: FIRING, RESOLVED)
}

// inMemory is a client whose answers come from a handler, without a network.
func inMemory(h http.HandlerFunc) *http.Client {
	return &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h(w, req)
		resp := w.Result()
		resp.Request = req
		return resp, nil
	})}
}

// The answer to the write holds an id, and the thing is read in another place.
func ExampleTemplate() {
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.WriteString(w, `{"data":{"id":"a/7"},"tenant":"t 1"}`)
			return
		}
		fmt.Println(r.Method, r.URL.RequestURI())
		io.WriteString(w, `{"name":"alpha"}`)
	})
	post, err := http.NewRequest("POST", "https://api.example/commands/create", nil)
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: client, Write: post, Read: readbackhttp.Template("/views/{/data/id}?tenant={tenant}")}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// GET /views/a%2F7?tenant=t+1
	// confirmed <nil>
}

// A command is read back in a view whose URL is known.
func ExampleURL() {
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Println(r.Method, r.URL)
			io.WriteString(w, `{"state":"closed"}`)
		}
	})
	post, err := http.NewRequest("POST", "https://api.example/accounts/7/close", nil)
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{
		Client: client, Write: post,
		Read: readbackhttp.URL("/views/accounts/7"), Goal: consistency.ToMatch, Match: readbackhttp.HasJSON("/state", "closed"),
	}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// GET https://api.example/views/accounts/7
	// confirmed <nil>
}

// An update is confirmed when the view shows the new value.
func ExampleHasJSON() {
	shown := []string{`{"name":"old","tags":[]}`, `{"name":"new","tags":["x"]}`}
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Println(shown[0])
			io.WriteString(w, shown[0])
			shown = shown[1:]
		}
	})
	patch, err := http.NewRequest("PATCH", "https://api.example/things/7", strings.NewReader(`{"tags":["x"]}`))
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: client, Write: patch, Match: readbackhttp.HasJSON("/tags/0", "x")}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// {"name":"old","tags":[]}
	// {"name":"new","tags":["x"]}
	// confirmed <nil>
}

// A 202 names a status monitor, which names the result in the end.
func ExampleMonitor() {
	states := []string{"running", "succeeded"}
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		switch r.URL.Path {
		case "/exports":
			w.Header().Set("Operation-Location", "/operations/1")
			w.WriteHeader(http.StatusAccepted)
		case "/operations/1":
			fmt.Fprintf(w, `{"status":%q,"resource":"/exports/7"}`, states[0])
			states = states[1:]
		default:
			fmt.Fprint(w, `{"rows":7}`)
		}
	})
	post, err := http.NewRequest("POST", "https://api.example/exports", nil)
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: client, Write: post, Monitor: &readbackhttp.Monitor{Resource: "/resource"}}

	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// POST /exports
	// GET /operations/1
	// GET /operations/1
	// GET /exports/7
	// confirmed <nil>
}
