package readbacktest_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// say sends a request and prints what came back.
func say(client *http.Client, method, url, body string) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(method, req.URL.Path, "lost")
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	fmt.Println(method, req.URL.Path, resp.StatusCode, string(got))
}

// inMemory returns a client of a server without a network.
func inMemory(script readbacktest.Script) (*readbacktest.Handler, *http.Client) {
	h := readbacktest.NewHandler(script)
	return h, &http.Client{Transport: h}
}

// A server whose reads lag, and a client that reads back what it wrote.
func ExampleNewServer() {
	var t console // in a test: t *testing.T
	srv := readbacktest.NewServer(t, readbacktest.Script{Lag: 80 * time.Millisecond, Forbidden: 40 * time.Millisecond})
	defer srv.Close() // in a test it closes itself

	post, err := http.NewRequest("POST", srv.URL+"/workspaces", strings.NewReader(`{"name":"alpha"}`))
	if err != nil {
		panic(err)
	}
	ex := readbackhttp.Exchange{Client: srv.Client(), Write: post}
	policy := consistency.Policy{Schedule: readback.Backoff{Initial: 5 * time.Millisecond, Max: 5 * time.Millisecond}}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	if err != nil {
		panic(err)
	}

	fmt.Println(res.Outcome, string(res.Value.Body))
	fmt.Println(srv.AssertCount(t, "POST /workspaces", 1))
	// Output:
	// confirmed {"id":"1","name":"alpha"}
	// true
}

// A handler is the transport of a client, as it is. Of its two replicas one never
// catches up.
func ExampleNewHandler() {
	h := readbacktest.NewHandler(readbacktest.Script{
		Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(time.Hour)},
	})
	client := &http.Client{Transport: h}

	say(client, "PUT", "http://api.test/things/7", `{"v":1}`)
	for range 3 {
		say(client, "GET", "http://api.test/things/7", "")
	}
	// Output:
	// PUT /things/7 201 {"id":"7","v":1}
	// GET /things/7 200 {"id":"7","v":1}
	// GET /things/7 404 {"message":"Not Found","status":404}
	// GET /things/7 200 {"id":"7","v":1}
}

// The second PATCH answers 503 and is carried out all the same.
func ExampleAtOnce() {
	_, client := inMemory(readbacktest.Script{
		Existing: map[string]string{"/things/7": `{}`},
		Rules:    []readbacktest.Rule{{On: "PATCH /things/{id}", Skip: 1, Times: 1, Status: 503, Execute: readbacktest.AtOnce()}},
	})
	for v := range 2 {
		say(client, "PATCH", "http://api.test/things/7", fmt.Sprintf(`{"v":%d}`, v))
	}
	say(client, "GET", "http://api.test/things/7", "")
	// Output:
	// PATCH /things/7 200 {"id":"7","v":0}
	// PATCH /things/7 503 {"message":"Service Unavailable","status":503}
	// GET /things/7 200 {"id":"7","v":1}
}

// A DELETE answers 504 and is carried out much later.
func ExampleLater() {
	var t console // in a test: t *testing.T
	h, client := inMemory(readbacktest.Script{
		Existing: map[string]string{"/things/7": `{}`},
		Rules:    []readbacktest.Rule{{On: "DELETE", Status: 504, Execute: readbacktest.Later(time.Hour)}},
	})
	say(client, "DELETE", "http://api.test/things/7", "")
	say(client, "GET", "http://api.test/things/7", "")
	h.AssertExecuted(t, "DELETE", 0) // not yet
	// Output:
	// DELETE /things/7 504 {"message":"Gateway Timeout","status":504}
	// GET /things/7 200 {"id":"7"}
}

// The connection of a POST is cut, and it makes two things.
func ExampleTwice() {
	var t console // in a test: t *testing.T
	h, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "POST /things", Times: 1, Cut: readbacktest.CutAnswer, Execute: readbacktest.Twice(0, 0)},
	}})
	say(client, "POST", "http://api.test/things", `{"name":"x"}`)
	say(client, "GET", "http://api.test/things?name=x", "")
	h.AssertCount(t, "POST", 1)
	h.AssertExecuted(t, "POST", 2)
	// Output:
	// POST /things lost
	// GET /things 200 [{"id":"1","name":"x"},{"id":"2","name":"x"}]
}

// An answer that promises what never happens.
func ExampleNotAtAll() {
	h, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{{On: "PUT", Execute: readbacktest.NotAtAll()}}})
	say(client, "PUT", "http://api.test/things/7", `{}`)
	say(client, "GET", "http://api.test/things/7", "")
	fmt.Println(len(h.Executed("")))
	// Output:
	// PUT /things/7 201 {"id":"7"}
	// GET /things/7 404 {"message":"Not Found","status":404}
	// 0
}

// Two exports, each answered with 202 and a status monitor: the first takes long.
func ExampleOperation() {
	_, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "POST /exports", Times: 1, Operation: &readbacktest.Operation{Takes: time.Hour}},
		{On: "POST /exports", Operation: &readbacktest.Operation{}},
	}})
	for range 2 {
		say(client, "POST", "http://api.test/exports", "")
	}
	say(client, "GET", "http://api.test/operations/1", "")
	say(client, "GET", "http://api.test/operations/2", "")
	// Output:
	// POST /exports 202 {"status":"running"}
	// POST /exports 202 {"status":"running"}
	// GET /operations/1 200 {"status":"running"}
	// GET /operations/2 200 {"resource":"/exports/2","status":"succeeded"}
}

// behind prints how a write and a read with its token are answered by a server
// that is behind.
func behind(kind readbacktest.Token) {
	_, client := inMemory(readbacktest.Script{Lag: time.Hour, Token: kind})
	put, err := http.NewRequest("PUT", "http://api.test/things/7", nil)
	if err != nil {
		panic(err)
	}
	resp, err := client.Do(put)
	if err != nil {
		panic(err)
	}
	position := resp.Header.Get(kind.Answer)
	get, err := http.NewRequest("GET", "http://api.test/things/7", nil)
	if err != nil {
		panic(err)
	}
	get.Header.Set(kind.Request, position)
	if resp, err = client.Do(get); err != nil {
		panic(err)
	}
	fmt.Println(position, resp.StatusCode, resp.Header.Get("X-Ms-Substatus"))
}

func ExampleMittwald() {
	kind := readbacktest.Mittwald()
	kind.Wait = 20 * time.Millisecond // it would wait for 10 s
	behind(kind)
	// Output: 1 412
}

func ExampleVault() {
	behind(readbacktest.Vault())
	// Output: 1 412
}

func ExampleCosmos() {
	behind(readbacktest.Cosmos())
	// Output: 0:-1#1 404 1002
}

// Lags from a distribution: one for all reads, or one for each replica.
func ExampleScript() {
	script := readbacktest.Script{LagFrom: readbacktest.Lognormal(80*time.Millisecond, 0.5), Seed: 7}
	h, client := inMemory(script)
	for range 2 {
		resp, err := client.Post("http://api.test/things", "", nil)
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
	}
	for _, e := range h.Executed("POST /things") {
		fmt.Println(e.Path, (e.Shown - e.At).Round(time.Millisecond))
	}
	// Output:
	// /things/1 134ms
	// /things/2 147ms
}

func ExampleFixed() {
	fmt.Println(readbacktest.Fixed(time.Second)(nil))
	// Output: 1s
}

func ExampleUniform() {
	draw := readbacktest.Uniform(time.Second, 2*time.Second)
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Println(draw(r).Round(time.Millisecond), draw(r).Round(time.Millisecond))
	// Output: 1.769s 1.616s
}

func ExampleLognormal() {
	draw := readbacktest.Lognormal(time.Second, 0.5)
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Println(draw(r).Round(time.Millisecond), draw(r).Round(time.Millisecond))
	// Output: 1.209s 1.038s
}

// All requests that reached the server, in one line each and without secrets.
func ExampleHandler_Requests() {
	h, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{{On: "GET", Status: 429}}})
	say(client, "GET", "http://api.test/things?api_key=hunter2", "")
	for _, r := range h.Requests("GET") {
		r.At = 0 // real time differs from run to run
		fmt.Println(r)
	}
	// Output:
	// GET /things 429 {"message":"Too Many Requests","status":429}
	// 0s GET /things?api_key=REDACTED 429 rule 0
}

// The truth, to hold an outcome against.
func ExampleHandler_Executed() {
	h, client := inMemory(readbacktest.Script{Lag: time.Second})
	say(client, "POST", "http://api.test/things", `{"name":"x"}`)
	for _, e := range h.Executed("") {
		fmt.Println(e.Method, e.Target, "made", e.Path, string(e.Body), "and shows it", e.Shown-e.At, "later")
	}
	// Output:
	// POST /things 201 {"id":"1","name":"x"}
	// POST /things made /things/1 {"id":"1","name":"x"} and shows it 1s later
}
