package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// write is a request of the examples.
func write(method, url, body string) *http.Request {
	req, err := http.NewRequest(method, "https://api.example"+url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return req
}

// sequence is a client that gets these answers, one after the other, the last for
// ever: a status and a body each.
func sequence(answers ...string) *http.Client {
	return inMemory(func(w http.ResponseWriter, _ *http.Request) {
		status, body := 200, ""
		fmt.Sscan(answers[0], &status)
		if _, text, ok := strings.Cut(answers[0], " "); ok {
			body = text
		}
		if len(answers) > 1 {
			answers = answers[1:]
		}
		if status == http.StatusCreated || status == http.StatusAccepted {
			w.Header().Set("Location", "/things/7")
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// The Location of this 202 is not that of an operation, but of the thing itself.
func ExampleExchange_locationOfAccepted() {
	ex := readbackhttp.Exchange{
		Client:             sequence("202", "404", `200 {"name":"alpha"}`),
		Write:              write("POST", "/things", `{"name":"alpha"}`),
		LocationOfAccepted: true,
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, res.Written.Location, string(res.Value.Body), err)
	// Output: confirmed https://api.example/things/7 {"name":"alpha"} <nil>
}

// The answer to a PUT that was to create something is lost. That something is
// there proves nothing; the client's own id in it does.
func ExampleExchange_mine() {
	put := write("PUT", "/things/7", `{"name":"alpha","request":"r-42"}`)
	put.Header.Set("If-None-Match", "*")
	ex := readbackhttp.Exchange{
		Client: sequence("504", "404", `200 {"name":"alpha","request":"r-42"}`),
		Write:  put,
		Goal:   consistency.ToPresent,
		Mine:   readbackhttp.HasJSON("/request", "r-42"),
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, res.History.Reads(), "reads", err)
	// Output: confirmed 2 reads <nil>
}

// What is deleted here is shown for ever, with a mark.
func ExampleExchange_gone() {
	ex := readbackhttp.Exchange{
		Client: sequence("204", `200 {"id":7,"deleted":false}`, `200 {"id":7,"deleted":true}`),
		Write:  write("DELETE", "/things/7", ""),
		Gone: func(d *readbackhttp.Document) bool {
			var thing struct{ Deleted bool }
			return d.Decode(&thing) == nil && thing.Deleted
		},
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, res.History.Reads(), "reads", err)
	// Output: confirmed 3 reads <nil>
}

// A database is created with a 201, and shows later that it could not be.
func ExampleFaultJSON() {
	ex := readbackhttp.Exchange{
		Client: sequence("201", `200 {"state":"CREATING"}`, `200 {"state":"FAILED"}`),
		Write:  write("POST", "/databases", "{}"),
		Match:  readbackhttp.HasJSON("/state", "RUNNING"),
		Fault:  readbackhttp.FaultJSON("/state", "FAILED", "ERROR"),
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, errors.Is(err, consistency.ErrOperation))
	// Output: failed true
}

// The write names a view on another host, which may be read, without credentials
// and up to a size.
func ExampleExchange_allowOrigin() {
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "https://views.example/things/7")
			w.WriteHeader(http.StatusCreated)
			return
		}
		fmt.Println(r.Host, "gets credentials:", r.Header.Get("Authorization") != "")
		io.WriteString(w, `{"name":"alpha"}`)
	})
	post := write("POST", "/things", "{}")
	post.Header.Set("Authorization", "Bearer secret")
	ex := readbackhttp.Exchange{
		Client:      client,
		Write:       post,
		AllowOrigin: func(u *url.URL) bool { return u.Scheme == "https" && u.Host == "views.example" },
		MaxBody:     64 << 10,
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)

	ex.AllowOrigin = nil // that other host is not trusted
	res, err = consistency.Do(context.Background(), policy, ex.Flow())
	var target *readbackhttp.TargetError
	if errors.As(err, &target) {
		fmt.Println(res.Outcome, target.URL, target.Reason)
	}
	// Output:
	// views.example gets credentials: false
	// confirmed <nil>
	// unconfirmed https://views.example/things/7 of another origin than the write, which AllowOrigin does not allow
}

// Two more matches: a version that has been reached, and the ETag of the write's
// answer, where nobody else changes the thing.
func ExampleAtLeast() {
	ex := readbackhttp.Exchange{
		Client: sequence("200", `200 {"version":6}`, `200 {"version":8}`),
		Write:  write("PUT", "/things/7", "{}"),
		Match:  readbackhttp.AtLeast("/version", 7),
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, string(res.Value.Body), err)
	// Output: confirmed {"version":8} <nil>
}

func ExampleHasETag() {
	tags := []string{`"2"`, `"1"`, `"2"`} // of the write's answer, and of two reads
	client := inMemory(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", tags[0])
		tags = tags[1:]
		io.WriteString(w, "{}")
	})
	ex := readbackhttp.Exchange{Client: client, Write: write("PUT", "/things/7", "{}"), Match: readbackhttp.HasETag("")}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, res.Written.ETag, res.History.Reads(), "reads", err)
	// Output: confirmed "2" 2 reads <nil>
}

// What a read showed differs from what was wanted, and says in what.
func ExampleDocument() {
	doc := &readbackhttp.Document{Status: 200, Body: []byte(`{"name":"alpha"}`)}
	isBeta := readbackhttp.HasJSON("/name", "beta")
	fmt.Println(isBeta(readbackhttp.Ref{}, doc))
	fmt.Println(doc.Wanted())
	// Output:
	// false
	// /name is "alpha", not "beta"
}

// A service with words of its own: where the operation is, and how it ends.
func ExampleMonitor_words() {
	client := inMemory(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		switch r.URL.Path {
		case "/imports":
			io.WriteString(w, `{"taskUid":5}`)
		case "/tasks/5":
			io.WriteString(w, `{"phase":"THROUGH","error":null,"result":"/imports/7"}`)
		default:
			io.WriteString(w, `{"rows":7}`)
		}
	})
	ex := readbackhttp.Exchange{
		Client: client,
		Write:  write("POST", "/imports", "{}"),
		Monitor: &readbackhttp.Monitor{
			At:       readbackhttp.Template("/tasks/{taskUid}"),
			State:    "/phase",
			Done:     []string{"through"},
			Failed:   []string{"broken", "withdrawn"},
			Error:    "/error",
			Resource: "/result",
		},
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, err)
	// Output:
	// POST /imports
	// GET /tasks/5
	// GET /imports/7
	// confirmed <nil>
}

// An operation that answers 202 as long as it goes on, whatever its body says.
func ExampleMonitor_statusOnly() {
	ex := readbackhttp.Exchange{
		Client:  sequence("202", `202 {"state":"done"}`, "200", `200 {"name":"alpha"}`),
		Write:   write("POST", "/things", "{}"),
		Read:    readbackhttp.URL("/things/by-name/alpha"),
		Monitor: &readbackhttp.Monitor{StatusOnly: true},
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, string(res.Value.Body), err)
	// Output: confirmed {"name":"alpha"} <nil>
}

// Where a form's mistakes are shown, each kind of error body comes in one struct.
func ExampleProblem() {
	ex := readbackhttp.Exchange{
		Client: sequence(`422 {"type":"https://api.example/taken","title":"Name taken","detail":"alpha is in use","instance":"/things/3","trace":"t-9"}`),
		Write:  write("POST", "/things", "{}"),
	}
	_, err := consistency.Do(context.Background(), policy, ex.Flow())
	var refused *readbackhttp.StatusError
	if errors.As(err, &refused) {
		p := refused.Problem
		fmt.Println(refused.StatusCode(), p.Type, p.Instance, p.Extensions["trace"])
		fmt.Printf("%s: %s\n", p.Title, p.Detail)
	}
	// Output:
	// 422 https://api.example/taken /things/3 t-9
	// Name taken: alpha is in use
}

// A JSON schema has something against the request.
func ExampleProblem_schema() {
	ex := readbackhttp.Exchange{
		Client: sequence(`400 {"instancePath":"/size","schemaPath":"#/properties/size/maximum","keyword":"maximum","params":{"limit":10},"message":"must be <= 10"}`),
		Write:  write("POST", "/things", `{"size":11}`),
	}
	_, err := consistency.Do(context.Background(), policy, ex.Flow())
	var refused *readbackhttp.StatusError
	if errors.As(err, &refused) {
		p := refused.Problem
		fmt.Println(p.InstancePath, p.Message, "by", p.SchemaPath, p.Keyword, p.Params["limit"])
	}
	// Output: /size must be <= 10 by #/properties/size/maximum maximum 10
}

// A business rule has something against one property.
func ExampleProblem_rule() {
	ex := readbackhttp.Exchange{
		Client: sequence(`422 {"message":"not before today","path":"/from","expected":"2030-01-01"}`),
		Write:  write("POST", "/bookings", `{"from":"2020-01-01"}`),
	}
	_, err := consistency.Do(context.Background(), policy, ex.Flow())
	var refused *readbackhttp.StatusError
	if errors.As(err, &refused) {
		fmt.Println(refused.Problem.Path, refused.Problem.Message, refused.Problem.Expected)
		fmt.Println(refused.Problem) // in one line, for people
	}
	// Output:
	// /from not before today 2030-01-01
	// not before today at /from (expected: 2030-01-01)
}

// What the answer to the write told is at hand in a match: here the revision that it
// gave, which a template asked for.
func ExampleRef() {
	ex := readbackhttp.Exchange{
		Client: sequence(`200 {"id":7,"rev":"b"}`, `200 {"rev":"a"}`, `200 {"rev":"b"}`),
		Write:  write("POST", "/commands/rename", "{}"),
		Read:   readbackhttp.Template("/things/{id}?least={rev}"),
		Match: func(ref readbackhttp.Ref, doc *readbackhttp.Document) bool {
			return readbackhttp.HasJSON("/rev", ref.Fields["rev"])(ref, doc)
		},
	}
	res, err := consistency.Do(context.Background(), policy, ex.Flow())
	fmt.Println(res.Outcome, string(res.Value.Body), res.Written.Fields, err)
	// Output: confirmed {"rev":"b"} map[id:7 rev:b] <nil>
}
