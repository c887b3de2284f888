// Command first creates a workspace, and reads until the service shows it.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/readback-go/readback/consistency"
)

// client stands for your own client. Nothing in it knows of readback.
type client struct{ url string }

// refused is its error. A flow finds the status by the method StatusCode.
type refused int

func (e refused) Error() string   { return http.StatusText(int(e)) }
func (e refused) StatusCode() int { return int(e) }

func (c client) Create(ctx context.Context) (path string, err error) {
	path, _, err = c.send(ctx, http.MethodPost, "/workspaces")
	return path, err
}

func (c client) Get(ctx context.Context, path string) (name string, err error) {
	_, name, err = c.send(ctx, http.MethodGet, path)
	return name, err
}

func (c client) send(ctx context.Context, method, path string) (location, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, nil)
	if err != nil {
		return "", "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return "", "", refused(resp.StatusCode)
	}
	text, err := io.ReadAll(resp.Body)
	return resp.Header.Get("Location"), string(text), err
}

func main() {
	reads := 0
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			fmt.Println("POST is answered 201")
			w.Header().Set("Location", "/workspaces/7")
			w.WriteHeader(http.StatusCreated)
			return
		}
		if reads++; reads < 3 { // the first reads come too early
			fmt.Println("GET is answered 404")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Println("GET is answered 200")
		fmt.Fprint(w, "alpha")
	}))
	defer service.Close()
	api := client{service.URL}

	flow := consistency.Create("create workspace", api.Create, api.Get)
	res, err := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Written, res.Value, err)
}
