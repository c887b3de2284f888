package readbacktest_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/readbacktest"
)

// What was created is shown in pieces: by its id alone at first, and later still in
// lists.
func ExampleScript_partial() {
	_, client := inMemory(readbacktest.Script{Partial: time.Hour, ListLag: time.Hour})
	say(client, "POST", "http://api.test/things", `{"name":"alpha"}`)
	say(client, "GET", "http://api.test/things/1", "")
	say(client, "GET", "http://api.test/things", "")
	// Output:
	// POST /things 201 {"id":"1","name":"alpha"}
	// GET /things/1 200 {"id":"1"}
	// GET /things 200 []
}

// Three ways to show that a thing is gone.
func ExampleScript_tombstone() {
	for _, tombstone := range []readbacktest.Tombstone{readbacktest.Absent, readbacktest.Gone, readbacktest.DeletedAt} {
		_, client := inMemory(readbacktest.Script{
			Existing: map[string]string{"/things/7": `{"name":"alpha"}`}, Tombstone: tombstone,
		})
		req, _ := http.NewRequest("DELETE", "http://api.test/things/7", nil)
		if _, err := client.Do(req); err != nil {
			fmt.Println(err)
		}
		resp, err := client.Get("http://api.test/things/7")
		fmt.Println(resp.StatusCode, err)
	}
	// Output:
	// 404 <nil>
	// 410 <nil>
	// 200 <nil>
}

// Who reads too early makes a cache keep the 404.
func ExampleScript_negativeCache() {
	_, client := inMemory(readbacktest.Script{NegativeCache: time.Hour})
	say(client, "GET", "http://api.test/things/7", "")
	say(client, "PUT", "http://api.test/things/7", `{}`)
	say(client, "GET", "http://api.test/things/7", "")
	// Output:
	// GET /things/7 404 {"message":"Not Found","status":404}
	// PUT /things/7 201 {"id":"7"}
	// GET /things/7 404 {"message":"Not Found","status":404}
}

// Names are taken once, and a key makes a write once.
func ExampleScript_unique() {
	h, client := inMemory(readbacktest.Script{Unique: "name", IdempotencyKeys: true})
	post := func(key, body string) {
		req, _ := http.NewRequest("POST", "http://api.test/things", strings.NewReader(body))
		req.Header.Set("Idempotency-Key", key)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.StatusCode, resp.Header.Get("Location"), resp.Body.Close())
	}
	post("k1", `{"name":"alpha"}`)
	post("k1", `{"name":"alpha"}`) // the first answer once more
	post("k1", `{"name":"beta"}`)
	post("k2", `{"name":"alpha"}`)
	fmt.Println(len(h.Executed("POST")), "executed")
	// Output:
	// 201 /things/1 <nil>
	// 201 /things/1 <nil>
	// 422  <nil>
	// 409  <nil>
	// 1 executed
}

// The balancer sends the first two reads to the first replica, and all others to
// the second, which lags; and the clock of the server is wrong.
func ExampleScript_pick() {
	h, client := inMemory(readbacktest.Script{
		Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(time.Hour)},
		Pick: func(n int) int {
			if n < 2 {
				return 0
			}
			return 1
		},
		Skew: time.Hour,
	})
	say(client, "PUT", "http://api.test/things/7", `{}`)
	for range 3 {
		say(client, "GET", "http://api.test/things/7", "")
	}
	resp, err := client.Head("http://api.test/things/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	fmt.Println("its clock is ahead:", time.Until(date) > 50*time.Minute, err)
	fmt.Println(len(h.Requests("GET")), "reads")
	// Output:
	// PUT /things/7 201 {"id":"7"}
	// GET /things/7 200 {"id":"7"}
	// GET /things/7 200 {"id":"7"}
	// GET /things/7 404 {"message":"Not Found","status":404}
	// its clock is ahead: true <nil>
	// 3 reads
}

// A token of your service's own kind, for tests of a readbackhttp.Token.
func ExampleToken() {
	behind(readbacktest.Token{
		Answer:  "X-Position",
		Request: "X-At-Least",
		Wait:    10 * time.Millisecond, // how long a read waits for it
		Behind:  http.StatusConflict,   // and how it is answered then
		SubCode: "7",
	})
	// Output: 1 409 7
}
