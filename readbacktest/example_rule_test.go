package readbacktest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/readback-go/readback/readbacktest"
)

// A rate limit for the first hour, said once in seconds, and then as a date.
func ExampleRule() {
	h, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "GET /things/{id}", Times: 1, Until: time.Hour, Status: 429, RetryAfter: 2 * time.Second},
		{On: "GET /things/{id}", Until: time.Hour, Status: 429, RetryAfter: 2 * time.Second, RetryAfterAs: http.TimeFormat},
	}})
	for range 2 {
		resp, err := client.Get("http://api.test/things/7")
		if err != nil {
			fmt.Println(err)
			return
		}
		after := resp.Header.Get("Retry-After")
		_, err = http.ParseTime(after)
		fmt.Println(resp.StatusCode, "a date:", err == nil)
	}
	for _, r := range h.Requests("GET") {
		fmt.Println(r.Status, r.Note)
	}
	// Output:
	// 429 a date: false
	// 429 a date: true
	// 429 rule 0
	// 429 rule 1
}

// Answers that come late, come slowly, break off in the middle, or do not end.
func ExampleRule_slow() {
	_, client := inMemory(readbacktest.Script{
		Existing: map[string]string{"/things/7": `{"name":"alpha"}`},
		Rules: []readbacktest.Rule{
			{Times: 1, Delay: 5 * time.Millisecond, Slow: 5 * time.Millisecond},
			{Times: 1, Truncated: true},
			{Endless: true},
		},
	})
	for range 3 {
		began := time.Now()
		resp, err := client.Get("http://api.test/things/7")
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 10_000))
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			fmt.Println("broken off")
		case len(body) == 10_000:
			fmt.Println("goes on and on")
		default:
			fmt.Println(string(body), "late:", time.Since(began) >= 10*time.Millisecond)
		}
		_ = resp.Body.Close()
	}
	// Output:
	// {"id":"7","name":"alpha"} late: true
	// broken off
	// goes on and on
}

// An operation that fails, and one that leads to what it made.
func ExampleOperation_fails() {
	_, client := inMemory(readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "POST /exports", Times: 1, Operation: &readbacktest.Operation{Fails: true}},
		{On: "POST /exports", Operation: &readbacktest.Operation{Header: "Location", SeeOther: true}},
	}})
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for range 2 {
		say(client, "POST", "http://api.test/exports", "")
	}
	say(client, "GET", "http://api.test/operations/1", "")
	resp, err := client.Get("http://api.test/operations/2")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.StatusCode, resp.Header.Get("Location"), resp.Body.Close())
	// Output:
	// POST /exports 202 {"status":"running"}
	// POST /exports 202 {"status":"running"}
	// GET /operations/1 200 {"status":"failed"}
	// 303 /exports/2 <nil>
}
