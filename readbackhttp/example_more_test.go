package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// A client whose errors hide the status: the wire tells that the write was refused.
func ExampleWatch() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}))
	defer srv.Close()
	client := &http.Client{Transport: readbackhttp.Watch(http.DefaultTransport)}

	flow := consistency.Create("create",
		func(ctx context.Context) (string, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, nil)
			if err != nil {
				return "", err
			}
			resp, err := client.Do(req)
			if err != nil {
				return "", err
			}
			return "", errors.Join(errors.New("it did not work"), resp.Body.Close())
		},
		func(context.Context, string) (string, error) { return "", nil })
	res, _ := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(res.Outcome)
	// Output: failed
}

// What is made below a project is read elsewhere, and listed.
func ExampleRoute() {
	single, list := 0, 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /projects/red/keys":
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":"k1"}`)
		case "GET /keys/k1":
			if single++; single == 1 {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			fmt.Fprint(w, `{"id":"k1"}`)
		case "GET /projects/red/keys":
			if list++; list == 1 {
				fmt.Fprint(w, `[]`)
				return
			}
			fmt.Fprint(w, `[{"id":"k1"}]`)
		}
	}))
	defer srv.Close()

	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{
		Routes: []readbackhttp.Route{{
			Write:  "POST /projects/{project}/keys",
			Covers: []string{"/keys/{id}"},
			Lists:  []string{"/projects/{project}/keys"},
		}},
	})}
	show := func(resp *http.Response, err error) {
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, string(body), resp.Body.Close())
	}
	show(client.Post(srv.URL+"/projects/red/keys", "application/json", strings.NewReader(`{}`)))
	show(client.Get(srv.URL + "/keys/k1"))
	show(client.Get(srv.URL + "/projects/red/keys"))
	// Output:
	// 201 {"id":"k1"} <nil>
	// 200 {"id":"k1"} <nil>
	// 200 [{"id":"k1"}] <nil>
}
