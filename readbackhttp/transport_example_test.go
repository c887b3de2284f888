package readbackhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// lagService shows what was posted on the third look.
func lagService() *httptest.Server {
	var looks atomic.Int32
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "/workspaces/7")
			w.WriteHeader(http.StatusCreated)
		case looks.Add(1) < 3:
			http.NotFound(w, r)
		}
	}))
}

// A client that nobody wants to touch reads what it wrote.
func ExampleNewTransport() {
	service := lagService()
	defer service.Close()

	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{})}
	created, err := client.Post(service.URL+"/workspaces", "application/json", strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = created.Body.Close()
	got, err := client.Get(service.URL + "/workspaces/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = got.Body.Close()
	fmt.Println(got.Status)
	// Output: 200 OK
}

// One request tells how it was held.
func ExampleWithHold() {
	service := lagService()
	defer service.Close()

	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{})}
	created, err := client.Post(service.URL+"/workspaces", "application/json", strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = created.Body.Close()

	var report readbackhttp.Report
	ctx := readbackhttp.WithHold(context.Background(), readbackhttp.Hold{Within: 5 * time.Second, Report: &report})
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, service.URL+"/workspaces/7", nil)
	got, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = got.Body.Close()
	fmt.Println(got.Status, report.Outcome, report.Reads)
	// Output: 200 OK confirmed 3
}

// consul is the token of Consul: the index of an answer, asked for by a query
// that waits until the index has passed. No answer means that it is behind.
type consul struct{}

func (consul) Take(write consistency.Answer) string { return write.Header.Get("X-Consul-Index") }
func (consul) Put(read *http.Request, index string) { read.URL.RawQuery = "wait=5s&index=" + index }
func (consul) Behind(consistency.Answer) bool       { return false }

// A token of one's own: Consul's goes from a header into the query.
func ExampleToken() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("X-Consul-Index", "42")
			return
		}
		_, _ = fmt.Println("read with", r.URL.RawQuery)
		_, _ = fmt.Fprint(w, "new")
	}))
	defer service.Close()

	write, _ := http.NewRequest(http.MethodPut, service.URL+"/v1/kv/a", strings.NewReader("new"))
	ex := readbackhttp.Exchange{Write: write, Token: consul{}}
	res, err := consistency.Do(context.Background(), consistency.Policy{}, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// read with wait=5s&index=42
	// confirmed <nil>
}

// A token from header to header needs no methods.
func ExampleHeaderToken() {
	token := readbackhttp.HeaderToken{Answer: "X-Revision", Request: "X-At-Least", BehindStatus: http.StatusTooEarly}
	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Token: token})}

	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Revision", "9")
		_, _ = fmt.Fprintf(w, "at least %q", r.Header.Get("X-At-Least"))
	}))
	defer service.Close()
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		req, _ := http.NewRequest(method, service.URL+"/a", nil)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		var answer [32]byte
		n, _ := resp.Body.Read(answer[:])
		_ = resp.Body.Close()
		fmt.Printf("%s: %s\n", method, answer[:n])
	}
	// Output:
	// PUT: at least ""
	// GET: at least "9"
}
