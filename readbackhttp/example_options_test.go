package readbackhttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// call sends a request and says how it was answered.
func call(client *http.Client, method, url, body string, headers ...string) string {
	req, err := http.NewRequest(method, "https://api.example"+url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	if body == "" {
		req.Body = nil
	}
	for i := 1; i < len(headers); i += 2 {
		req.Header.Set(headers[i-1], headers[i])
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %s: %d %s", method, url, resp.StatusCode, text)
}

// The options that most programs think about. The zero value is good for all of
// them.
func ExampleTransportOptions() {
	options := readbackhttp.TransportOptions{
		Policy: consistency.Policy{
			Within:   10 * time.Second, // a 404 is taken for lag for so long after the write
			Schedule: readback.Every(5 * time.Millisecond),
		},
		Below:          -1,          // what lies below a new thing is not held
		OnlyCreated:    true,        // reads of what is updated never fail here
		PollsPerSecond: 200,         // of all who wait, to one origin
		MaxWrites:      1000,        // remembered at a time
		Remember:       time.Minute, // and for how long
	}
	if err := options.Validate(); err != nil {
		fmt.Println(err)
	}
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 20 * time.Millisecond}) // in place of a server
	transport := readbackhttp.NewTransport(service, options)
	defer transport.CloseIdleConnections()

	client := &http.Client{Transport: transport}
	fmt.Println(call(client, "POST", "/things", `{"name":"alpha"}`))
	fmt.Println(call(client, "GET", "/things/1", ""))
	// Output:
	// POST /things: 201 {"id":"1","name":"alpha"}
	// GET /things/1: 200 {"id":"1","name":"alpha"}
}

// Who sends a request is in a header of this service's own. What ada writes never
// delays the reads of grace.
func ExampleTransportOptions_scope() {
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 200 * time.Millisecond})
	client := &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{
		Scope: func(req *http.Request) string { return req.Header.Get("X-Api-Key") },
	})}
	call(client, "PUT", "/things/7", `{"name":"alpha"}`, "X-Api-Key", "ada")
	fmt.Println("grace:", call(client, "GET", "/things/7", "", "X-Api-Key", "grace"))
	fmt.Println("ada:", call(client, "GET", "/things/7", "", "X-Api-Key", "ada"))
	// Output:
	// grace: GET /things/7: 404 {"message":"Not Found","status":404}
	// ada: GET /things/7: 200 {"id":"7","name":"alpha"}
}

// What a write covers beyond what its answer says.
func ExampleTransportOptions_covers() {
	looks := 0
	service := inMemory(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
		case r.URL.Path == "/reports/today":
			if looks++; looks < 3 {
				http.NotFound(w, r)
			}
		}
	})
	client := &http.Client{Transport: readbackhttp.NewTransport(service.Transport, readbackhttp.TransportOptions{
		Policy: policy,
		Covers: func(req *http.Request, resp *http.Response, usual []*url.URL) []*url.URL {
			return append(usual, req.URL.ResolveReference(&url.URL{Path: "/reports/today"}))
		},
	})}
	call(client, "POST", "/sales", `{"amount":7}`)
	fmt.Println(call(client, "GET", "/reports/today", ""), "after", looks, "looks")
	// Output: GET /reports/today: 200  after 3 looks
}

// Why is this read not held? The Transport tells of each write what it covers.
func ExampleTransportOptions_wrote() {
	service := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	client := &http.Client{Transport: readbackhttp.NewTransport(service.Transport, readbackhttp.TransportOptions{
		Wrote: func(c readbackhttp.Coverage) {
			if c.Why != "" {
				fmt.Println(c.Route, c.Status, c.Class, "covers nothing:", c.Why)
				return
			}
			fmt.Println(c.Route, c.Status, c.Class, "covers", c.Covers)
		},
	})}
	call(client, "PUT", "/things/7", `{}`)
	call(client, "POST", "/things", `{}`)
	// Output:
	// PUT https://api.example/things/{id} 200 applied covers [https://api.example/things/7]
	// POST https://api.example/things 422 refused covers nothing: it was refused
}

// A read of what was just deleted is held until it is gone.
func ExampleTransportOptions_holdDeleted() {
	service := readbacktest.NewHandler(readbacktest.Script{
		Existing: map[string]string{"/things/7": `{"name":"alpha"}`},
		Lag:      20 * time.Millisecond,
	})
	client := &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{HoldDeleted: true})}
	call(client, "DELETE", "/things/7", "")
	fmt.Println(call(client, "GET", "/things/7", ""))
	// Output: GET /things/7: 404 {"message":"Not Found","status":404}
}

// One read wants the answer as it is now, and another one tells how long it was held.
func ExampleHold() {
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 200 * time.Millisecond})
	client := &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{})}
	call(client, "PUT", "/things/7", `{"name":"alpha"}`)

	get := func(hold readbackhttp.Hold) {
		ctx := readbackhttp.WithHold(context.Background(), hold)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/things/7", nil)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.StatusCode, resp.Body.Close())
	}
	get(readbackhttp.Hold{Off: true})
	var report readbackhttp.Report
	get(readbackhttp.Hold{Report: &report})
	fmt.Println(report.Outcome, report.Err, report.Elapsed > 0, report.History.Reads() == report.Reads)
	// Output:
	// 404 <nil>
	// 200 <nil>
	// confirmed <nil> true true
}

// wireCarrier is a Carrier within one process. Between machines natsstore/natsshare is
// one, or a few lines on any message queue.
type wireCarrier struct {
	mu    sync.Mutex
	takes []func(note []byte)
}

func (w *wireCarrier) Send(note []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, take := range w.takes {
		take(note)
	}
	return nil
}

func (w *wireCarrier) Receive(take func(note []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takes = append(w.takes, take)
}

func (w *wireCarrier) Sync(context.Context) error { return nil }

// A service runs in two copies. What was written through one is held by the other.
func ExampleShare() {
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 20 * time.Millisecond})
	wire := new(wireCarrier)
	newCopy := func() *http.Client {
		return &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{
			Share: readbackhttp.Share{Carrier: wire, Secret: []byte("the same 16 bytes or more for all")},
		})}
	}
	one, other := newCopy(), newCopy()
	fmt.Println(call(one, "PUT", "/things/7", `{"name":"alpha"}`))
	fmt.Println(call(other, "GET", "/things/7", ""))
	// Output:
	// PUT /things/7: 201 {"id":"7","name":"alpha"}
	// GET /things/7: 200 {"id":"7","name":"alpha"}
}
